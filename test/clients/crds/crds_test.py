"""The published CRDs of Argo Rollouts, Argo CD, Istio and the Gateway API: each installs, takes good objects and refuses bad
ones with the field's path.

They are fetched as Go modules, at pinned versions with pinned checksums, and never stand in this tree.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import harness  # noqa: E402
import objects  # noqa: E402

ARGO_ROLLOUTS = "github.com/argoproj/argo-rollouts@v1.8.3"
ARGO_CD = "github.com/argoproj/argo-cd/v3@v3.0.23"
ISTIO = "istio.io/api@v1.31.1"
GATEWAY_API = "sigs.k8s.io/gateway-api@v1.3.0"
CHECKSUMS = {
    ARGO_ROLLOUTS: "h1:blbtQva4IK9r6gFh+dWkCrLnFdPOWiv9ubQYu36qeaA=",
    ARGO_CD: "h1:rYOpj03ALBnOISJG/q84mC9JuDm7m0GO3W4I3Hmu8D8=",
    ISTIO: "h1:5Yb5ihcz4YQsCkciusK7DnFpBMwRB6EFWeUKH1Atuyk=",
    GATEWAY_API: "h1:q6okN+/UKDATola4JY7zXzx40WO4VISk7i9DIfOvr9M=",
}
PUBLISHED = [
    (ARGO_ROLLOUTS, "manifests/crds/*-crd.yaml"),
    (ARGO_CD, "manifests/crds/*-crd.yaml"),
    (ISTIO, "kubernetes/customresourcedefinitions.gen.yaml"),
    (GATEWAY_API, "config/crd/standard/gateway.*.yaml"),
]
EXPERIMENTAL = (GATEWAY_API, "config/crd/experimental/gateway.*.yaml")


def fetch():
    """The folder of each module; the test is skipped where one cannot be had."""
    if not shutil.which("go"):
        harness.skip("Go is not installed, which fetches the CRDs")
    folders = {}
    for module, checksum in CHECKSUMS.items():
        done = subprocess.run(["go", "mod", "download", "-json", module], capture_output=True, text=True, cwd="/")
        if done.returncode != 0:
            harness.skip(f"{module} cannot be fetched: {(done.stderr or done.stdout).strip()[-300:]}")
        report = json.loads(done.stdout)
        if report["Sum"] != checksum:
            raise AssertionError(f"{module} is not what was published: {report['Sum']}")
        folders[module] = report["Dir"]
    return folders


class PublishedCrds(unittest.TestCase):
    """One cluster; the methods run in the order of their names."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = harness.Cluster()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.close()

    def install(self, module, pattern):
        files = sorted(glob.glob(os.path.join(FOLDERS[module], pattern)))
        self.assertTrue(files, f"{module} has no {pattern}")
        arguments = [part for file in files for part in ("-f", file)]
        # Serin has some of these kinds of its own; the published definitions take their place.
        applied = self.cluster.kubectl("apply", "--server-side", "--force-conflicts", "-o", "name", *arguments).split()
        self.assertGreaterEqual(len(applied), len(files))
        for crd in json.loads(self.cluster.kubectl("get", "-o", "json", *applied))["items"]:
            held = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
            name = crd["metadata"]["name"]
            self.assertEqual((held["NamesAccepted"], held["Established"]), ("True", "True"), name)
            self.assertNotIn("NonStructuralSchema", held, name)
            if name.endswith(".k8s.io"):
                self.assertEqual(held["KubernetesAPIApprovalPolicyConformant"], "True", name)
            self.assertEqual(crd["status"]["acceptedNames"]["kind"], crd["spec"]["names"]["kind"], name)
            self.assertTrue(crd["status"]["storedVersions"], name)

    def accepted(self, manifests):
        self.cluster.kubectl("create", "-f", "-", stdin="\n---\n".join(manifests))

    def refused(self, cases):
        for field, message, manifest in cases:
            with self.subTest(field=field, message=message):
                said = self.cluster.kubectl("create", "--validate=false", "-f", "-", stdin=manifest, status=1)
                causes = [line.lstrip(" *") for line in said.replace(" is invalid: ", "\n").splitlines()]
                self.assertTrue(any(cause.lstrip("[").startswith(f"{field}: ") or f", {field}: " in cause for cause in causes), said)
                self.assertIn(message, said)

    def test_1_install(self):
        for module, pattern in PUBLISHED:
            with self.subTest(module=module):
                self.install(module, pattern)

    def test_2_good_objects(self):
        self.accepted(objects.GOOD)
        weights = self.cluster.kubectl("get", "httproutes.gateway.networking.k8s.io", "good", "-o",
                                       "jsonpath={.spec.parentRefs[0].kind} {.spec.rules[0].backendRefs[*].weight}")
        self.assertEqual(weights, "Gateway 95 5")

    def test_3_bad_objects(self):
        self.refused(objects.BAD)

    def test_4_changes(self):
        said = self.cluster.kubectl("patch", "gatewayclasses.gateway.networking.k8s.io", "good", "--type=merge", "-p",
                                    '{"spec":{"controllerName":"example.com/other"}}', status=1)
        self.assertIn("spec.controllerName", said)
        self.assertIn("Value is immutable", said)
        self.cluster.kubectl("patch", "gatewayclasses.gateway.networking.k8s.io", "good", "--type=merge", "-p",
                             '{"spec":{"description":"the same controller"}}')

    def test_5_experimental_channel(self):
        self.install(*EXPERIMENTAL)
        self.accepted(objects.EXPERIMENTAL_GOOD)
        self.refused(objects.EXPERIMENTAL_BAD)


if __name__ == "__main__":
    harness.need_serin()
    if not shutil.which("kubectl"):
        harness.skip("kubectl is not installed")
    FOLDERS = fetch()
    harness.own_network()
    unittest.main(verbosity=2)
