"""What people and scripts do with kubectl, run with one version of it: `kubectl_test.py MINOR`.

Judged is what the cluster then holds, not the text printed, which versions vary. MINOR is one of versions.py, or `module`
for the kubectl that go.mod pins, which is built first.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), HERE]

import harness  # noqa: E402
import system  # noqa: E402
import versions  # noqa: E402
from system import eventually  # noqa: E402

OLDEST = 27  # older ones lack `wait --for=jsonpath`, `--subresource` and `events`, with which these tests look
FIRST_WITH_SELF_SUBJECT_REVIEW_V1 = 28  # `auth whoami` of older ones asks for betas, which no server of 1.33 has
REQUEST = (  # a certificate request of CN=tess, O=testers; its key was thrown away
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIZE1JR0RBZ0VBTUNFeEVEQU9CZ05WQkFvTUIzUmxjM1JsY25NeERUQUxCZ05WQkFN"
    "TUJIUmxjM013V1RBVApCZ2NxaGtqT1BRSUJCZ2dxaGtqT1BRTUJCd05DQUFRVWlMc2tVUjAvUUxFbDhzSDdFTlRjYm83UVhta1ZrT2pnCmMyTTl2TXJu"
    "akc3b3BLVXNYSzdZYlovM2VEMG9lMHBlY0EzTFdFYXNyelRYYUxQTklGU1dvQUF3Q2dZSUtvWkkKemowRUF3SURTUUF3UmdJaEFQaTFSOEsyZnJxSUth"
    "K2VmNFlvVTZmcXg5dFViU29PMVczTU45bVBVcElSQWlFQQp0ekMvUnVGWFJPM0phcTdKbVczSVlMcFIwZ0lIQ2tCOVFTaHIrT1dXelpnPQotLS0tLUVO"
    "RCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K")
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "gadgets.example.com"},
    "spec": {
        "group": "example.com", "scope": "Namespaced",
        "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "shortNames": ["gd"]},
        "versions": [{
            "name": "v1", "served": True, "storage": True,
            "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas",
                                                     "statusReplicasPath": ".status.replicas"}},
            "additionalPrinterColumns": [{"name": "Color", "type": "string", "jsonPath": ".spec.color"}],
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "required": ["color"], "properties": {
                    "color": {"type": "string", "enum": ["red", "green"], "description": "What it looks like."},
                    "replicas": {"type": "integer", "default": 1}}},
                "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}}}]},
}


def config_map(name, data, **metadata):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data}


def deployment(name, image=harness.IDLE, replicas=1):
    labels = {"app": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": image}]}}}}


class Kubectl(unittest.TestCase):
    """Each test has a namespace of its own, named after it."""
    program = None
    minor = 0

    @classmethod
    def setUpClass(cls):
        cls.system = harness.Cluster()
        cls.addClassCleanup(cls.system.close)

    def setUp(self):
        self.namespace = self.id().rpartition(".test_")[2].replace("_", "-")
        self.k("create", "namespace", self.namespace)

    # -- kubectl -----------------------------------------------------------------------------------------------

    def command(self, *arguments):
        return [self.program, "-n", self.namespace, *arguments]

    def k(self, *arguments, status=0, stdin=None, env=None):
        """What kubectl printed on both streams. `stdin`: text, an object or a list of objects."""
        if isinstance(stdin, dict):
            stdin = [stdin]
        if isinstance(stdin, list):
            stdin = "\n".join(map(json.dumps, stdin))
        return system.run(self.command(*arguments), status=status, stdin=stdin,
                          env={**self.system.environment, **(env or {})})

    def out(self, *arguments):
        """What kubectl printed on standard output."""
        done = subprocess.run(self.command(*arguments), env=self.system.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=system.PATIENCE, check=False)
        self.assertEqual(0, done.returncode, f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def get(self, *arguments):
        return json.loads(self.out("get", *arguments, "-o", "json"))

    def names(self, *arguments):
        return self.out("get", *arguments, "-o", "name").split()

    def apply(self, what, *flags, status=0):
        return self.k("apply", *flags, "-f", "-", stdin=what, status=status)

    def refused(self, *arguments, **options):
        """A command that must fail, with a message and soon."""
        self.assertTrue(self.k(*arguments, status=1, **options).strip())

    def file(self, name, content):
        path = os.path.join(self.system.directory, self.namespace, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def running(self, label):
        self.k("wait", "--for=condition=Ready", "pod", "-l", label, "--timeout=30s")

    def create_when_pods_are(self, label):
        eventually(f"there are pods {label}", lambda: self.names("pods", "-l", label))
        self.running(label)

    # -- what there is -----------------------------------------------------------------------------------------

    def test_discovery(self):
        version = json.loads(self.out("version", "-o", "json"))
        self.assertEqual("1", version["serverVersion"]["major"])
        self.assertEqual(str(self.minor), version["clientVersion"]["minor"].rstrip("+"))
        self.assertIn("deployments.apps", self.out("api-resources", "-o", "name").split())
        cluster_wide = self.out("api-resources", "--namespaced=false", "-o", "name").split()
        self.assertIn("namespaces", cluster_wide)
        self.assertNotIn("pods", cluster_wide)
        apps = self.out("api-resources", "--api-group=apps", "--verbs=list,watch", "-o", "name").split()
        self.assertTrue({"deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps"} <= set(apps), apps)
        self.assertTrue({"v1", "apps/v1", "batch/v1", "rbac.authorization.k8s.io/v1"} <= set(self.out("api-versions").split()))
        self.assertIn("127.0.0.1", self.out("cluster-info"))
        self.assertEqual("ok", self.out("get", "--raw", "/readyz"))
        # `--raw` paths are the server's up to kubectl 1.33 or so, and the cluster's in newer ones.
        report = self.k("get", "--raw", "/clusters/work-1/openapi/v3", status=None)
        if not report.startswith("{"):
            report = self.out("get", "--raw", "/openapi/v3")
        self.assertIn("apis/apps/v1", json.loads(report)["paths"])
        self.refused("get", "nonsense")
        self.refused("get", "--raw", "/nowhere")

    def test_explain(self):
        self.assertIn("replicas", self.out("explain", "deployment.spec"))
        recursive = self.out("explain", "deployment", "--recursive")
        for field in ("readinessProbe", "nodeSelectorTerms", "maxSurge"):
            self.assertIn(field, recursive)
        self.assertIn("image", self.out("explain", "pods.spec.containers", "--api-version=v1"))
        self.refused("explain", "pod.spec.nonsense")
        self.apply({**CRD, "metadata": {"name": "shown.explain.example.com"},
                    "spec": {**CRD["spec"], "group": "explain.example.com", "names": {"plural": "shown", "kind": "Shown"}}})
        self.k("wait", "--for=condition=established", "crd/shown.explain.example.com", "--timeout=20s")
        self.assertIn("What it looks like.", self.out("explain", "shown.spec.color"))
        self.k("delete", "crd", "shown.explain.example.com")

    # -- making things -----------------------------------------------------------------------------------------

    def test_create(self):
        path = self.file("app.properties", "a=1\n")
        self.k("create", "configmap", "settings", "--from-literal=a=1", f"--from-file={path}")
        self.assertEqual({"a": "1", "app.properties": "a=1\n"}, self.get("configmap", "settings")["data"])
        self.k("create", "secret", "generic", "password", "--from-literal=p=x")
        self.assertEqual({"p": "eA=="}, self.get("secret", "password")["data"])
        self.k("create", "secret", "docker-registry", "pull", "--docker-server=r", "--docker-username=u", "--docker-password=p")
        self.assertEqual("kubernetes.io/dockerconfigjson", self.get("secret", "pull")["type"])
        self.k("create", "deployment", "web", f"--image={harness.IDLE}", "--replicas=0", "--port=80")
        web = self.get("deployment", "web")
        self.assertEqual(0, web["spec"]["replicas"])
        self.assertEqual("RollingUpdate", web["spec"]["strategy"]["type"])
        self.k("create", "service", "clusterip", "inner", "--tcp=80:8080")
        self.k("create", "service", "nodeport", "outer", "--tcp=80:8080")
        self.k("create", "service", "externalname", "alias", "--external-name=example.com")
        self.assertEqual(8080, self.get("service", "inner")["spec"]["ports"][0]["targetPort"])
        self.assertTrue(self.get("service", "inner")["spec"]["clusterIP"])
        self.assertEqual("ExternalName", self.get("service", "alias")["spec"]["type"])
        self.k("create", "ingress", "door", "--rule=example.com/path*=inner:80")
        self.assertEqual("Prefix", self.get("ingress", "door")["spec"]["rules"][0]["http"]["paths"][0]["pathType"])
        self.k("create", "job", "once", f"--image={harness.ONCE}")
        self.k("wait", "--for=condition=complete", "job/once", "--timeout=30s")
        self.k("create", "cronjob", "nightly", f"--image={harness.ONCE}", "--schedule=0 3 * * *")
        self.k("create", "job", "from-cron", "--from=cronjob/nightly")
        self.assertEqual("nightly", self.get("job", "from-cron")["metadata"]["ownerReferences"][0]["name"])
        self.k("create", "quota", "few", "--hard=pods=10,services=5")
        self.assertEqual({"pods": "10", "services": "5"}, self.get("quota", "few")["spec"]["hard"])
        self.k("create", "poddisruptionbudget", "keep", "--selector=app=web", "--min-available=1")
        self.assertEqual(1, self.get("pdb", "keep")["spec"]["minAvailable"])
        self.k("create", "priorityclass", "high-" + self.namespace, "--value=1000")
        self.k("delete", "priorityclass", "high-" + self.namespace)
        self.assertIn("already exists", self.k("create", "configmap", "settings", status=1))
        self.k("create", "configmap", "dry", "--dry-run=server")
        self.k("get", "configmap", "dry", status=1)
        made = json.loads(self.out("create", "configmap", "dry", "--dry-run=client", "-o", "json"))
        self.assertEqual("ConfigMap", made["kind"])
        generated = self.k("create", "-o", "name", "-f", "-", stdin={
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "some-"}}).strip()
        self.assertRegex(generated, r"^configmap/some-\w{5}$")

    def test_rights(self):
        self.k("create", "serviceaccount", "robot")
        self.k("create", "role", "reader", "--verb=get,list,watch", "--resource=pods,configmaps")
        self.k("create", "rolebinding", "robot-reads", "--role=reader", f"--serviceaccount={self.namespace}:robot")
        self.k("create", "clusterrole", "rights-health", "--verb=get", "--non-resource-url=/healthz")
        self.k("create", "clusterrole", "rights-sum", "--aggregation-rule=of=rights")
        self.k("create", "clusterrolebinding", "rights-health", "--clusterrole=rights-health", "--group=watchers")
        rule, = self.get("role", "reader")["rules"]
        self.assertEqual({"pods", "configmaps"}, set(rule["resources"]))
        self.assertEqual([{"kind": "ServiceAccount", "name": "robot", "namespace": self.namespace}],
                         self.get("rolebinding", "robot-reads")["subjects"])
        self.assertEqual({"of": "rights"},
                         self.get("clusterrole", "rights-sum")["aggregationRule"]["clusterRoleSelectors"][0]["matchLabels"])
        token = self.out("create", "token", "robot", "--duration=20m").strip()
        self.assertEqual(2, token.count("."))
        self.k("create", "token", "robot", "--audience=elsewhere")
        self.refused("create", "token", "nobody")
        robot = f"system:serviceaccount:{self.namespace}:robot"
        self.assertEqual("yes", self.out("auth", "can-i", "create", "deployments").strip())
        self.assertIn("yes", self.k("auth", "can-i", "list", "configmaps", "--as", robot))
        self.assertIn("no", self.k("auth", "can-i", "delete", "configmaps", "--as", robot, status=1))
        self.assertIn("configmaps", self.out("auth", "can-i", "--list", "--as", robot))
        self.k("get", "configmaps", "--as", robot)
        self.assertIn("orbidden", self.k("create", "configmap", "x", "--as", robot, status=1))
        if self.minor >= FIRST_WITH_SELF_SUBJECT_REVIEW_V1:
            who = json.loads(self.out("auth", "whoami", "-o", "json"))
            self.assertIn("system:masters", who["status"]["userInfo"]["groups"])
        self.k("describe", "clusterrole", "cluster-admin")
        self.k("describe", "clusterrolebinding", "cluster-admin")
        server = self.out("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")
        bare = self.file("kubeconfig", self.out("config", "view", "--minify", "--flatten", "-o", "json"))
        with open(bare, encoding="utf-8") as file:
            config = json.load(file)
        config["users"] = [{"name": "robot", "user": {"token": token}}]
        config["contexts"][0]["context"]["user"] = "robot"
        bare = self.file("kubeconfig", config)
        self.assertEqual(server, config["clusters"][0]["cluster"]["server"])
        self.k("--kubeconfig", bare, "get", "configmaps")
        if self.minor >= FIRST_WITH_SELF_SUBJECT_REVIEW_V1:
            self.assertIn(robot, self.k("--kubeconfig", bare, "auth", "whoami", "-o", "json"))
        self.assertIn("orbidden", self.k("--kubeconfig", bare, "get", "secrets", status=1))
        self.k("auth", "reconcile", "-f", "-", stdin=[{
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": "reader", "namespace": self.namespace},
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}])
        self.assertIn("secrets", [resource for rule in self.get("role", "reader")["rules"] for resource in rule["resources"]])
        self.k("delete", "clusterrole", "rights-health", "rights-sum")
        self.k("delete", "clusterrolebinding", "rights-health")

    def test_certificates(self):
        for name in ("good", "bad"):
            self.k("create", "-f", "-", stdin={
                "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
                "metadata": {"name": f"{self.namespace}-{name}"},
                "spec": {"request": REQUEST, "signerName": "example.com/tests", "usages": ["client auth"]}})
        self.k("certificate", "approve", f"{self.namespace}-good")
        self.k("certificate", "deny", f"{self.namespace}-bad")
        for name, verdict in (("good", "Approved"), ("bad", "Denied")):
            request = self.get("csr", f"{self.namespace}-{name}")
            self.assertEqual([verdict], [condition["type"] for condition in request["status"]["conditions"]])
            self.assertTrue(request["spec"]["username"])
        self.assertIn("Approved", self.k("get", "csr"))
        self.k("delete", "csr", "--all")

    # -- apply and its kin -------------------------------------------------------------------------------------

    def test_apply(self):
        self.apply(config_map("a", {"x": "1", "y": "2"}))
        before = self.get("configmap", "a")["metadata"]["resourceVersion"]
        self.assertIn("unchanged", self.apply(config_map("a", {"x": "1", "y": "2"})))
        self.assertEqual(before, self.get("configmap", "a")["metadata"]["resourceVersion"])
        self.apply(config_map("a", {"x": "1", "z": "3"}))
        self.assertEqual({"x": "1", "z": "3"}, self.get("configmap", "a")["data"])
        self.assertIn("dry run", self.apply(config_map("b", {}), "--dry-run=server"))
        self.k("get", "configmap", "b", status=1)
        self.k("apply", "set-last-applied", "-f", "-", stdin=config_map("a", {"x": "1"}))
        self.assertIn("x", self.out("apply", "view-last-applied", "configmap/a"))
        self.assertIn("unknown field", self.apply({**deployment("w"), "spce": {}}, status=1))
        web = deployment("web", replicas=0)
        self.apply(web)
        self.k("set", "env", "deployment/web", "A=1")
        web["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": harness.IDLE})
        self.apply(web)
        main, side = self.get("deployment", "web")["spec"]["template"]["spec"]["containers"]
        self.assertEqual([{"name": "A", "value": "1"}], main["env"])
        self.assertEqual("side", side["name"])
        web["spec"]["template"]["spec"]["containers"].pop()
        self.apply(web)
        self.assertEqual(1, len(self.get("deployment", "web")["spec"]["template"]["spec"]["containers"]))

    def test_apply_of_a_list(self):
        self.apply({"apiVersion": "v1", "kind": "List", "items": [config_map("c", {"x": "1"}), config_map("d", {"x": "1"})]})
        self.assertEqual({"x": "1"}, self.get("configmap", "d")["data"])

    def test_apply_server_side(self):
        for _ in range(2):
            self.apply(config_map("a", {"x": "1"}), "--server-side")
        manager, = self.get("configmap", "a", "--show-managed-fields")["metadata"]["managedFields"]
        self.assertEqual(("kubectl", "Apply"), (manager["manager"], manager["operation"]))
        other = ("--server-side", "--field-manager=other")
        self.assertIn(".data.x", self.apply(config_map("a", {"x": "9"}), *other, status=1))
        self.apply(config_map("a", {"x": "9"}), *other, "--force-conflicts")
        self.assertEqual("9", self.get("configmap", "a")["data"]["x"])
        self.apply(config_map("b", {"x": "1", "y": "1"}))
        self.k("patch", "configmap", "b", "--type=merge", "-p", '{"data": {"x": "3"}}')
        self.assertIn(".data.x", self.apply(config_map("b", {"x": "2"}), "--server-side", status=1))
        self.apply(config_map("b", {"x": "2"}), "--server-side", "--force-conflicts")
        moved = self.get("configmap", "b", "--show-managed-fields")
        self.assertEqual({"x": "2"}, moved["data"])
        self.assertEqual([("kubectl", "Apply")], [(m["manager"], m["operation"]) for m in moved["metadata"]["managedFields"]
                                                  if "f:data" in m["fieldsV1"]])
        self.apply(config_map("c", {"x": "1"}))  # what nobody but this client has set moves without a conflict
        self.apply(config_map("c", {"x": "2"}), "--server-side")
        self.assertEqual({"x": "2"}, self.get("configmap", "c")["data"])
        self.apply(deployment("web", replicas=0), "--server-side")
        self.assertIn("unchanged", self.apply(deployment("web", replicas=0), "--server-side=false", "--dry-run=server")
                      .replace("configured", "unchanged"))

    def test_apply_prune(self):
        def labelled(name):
            return config_map(name, {"k": name}, labels={"of": "prune"})
        flags = ("--prune", "-l", "of=prune", "--prune-allowlist=core/v1/ConfigMap")
        self.apply([labelled("a"), labelled("b")])
        self.apply([labelled("b")], *flags)
        self.assertEqual(["configmap/b"], self.names("configmaps", "-l", "of=prune"))
        self.assertIn("configmap/kube-root-ca.crt", eventually("the root CA is there", lambda: self.names("configmaps")))

    def test_kustomize(self):
        self.file("base/map.yaml", config_map("plain", {"a": "1"}))
        self.file("base/kustomization.yaml", "resources: [map.yaml]\nnamePrefix: pre-\nlabels: [{pairs: {of: base}}]\n"
                                             "configMapGenerator: [{name: made, literals: [b=2]}]\n")
        folder = os.path.join(self.system.directory, self.namespace, "base")
        self.assertIn("pre-plain", self.out("kustomize", folder))
        self.k("apply", "-k", folder)
        self.assertEqual({"a": "1"}, self.get("configmap", "pre-plain")["data"])
        self.assertEqual(2, len(self.names("configmaps", "-l", "of=base")))
        self.k("diff", "-k", folder)
        self.k("delete", "-k", folder)
        self.assertEqual([], self.names("configmaps", "-l", "of=base"))

    def test_diff_edit_replace(self):
        self.apply(config_map("a", {"x": "1"}))
        self.k("diff", "-f", "-", stdin=config_map("a", {"x": "1"}))
        changed = self.k("diff", "-f", "-", stdin=config_map("a", {"x": "2"}), status=1)
        self.assertRegex(changed, r'(?m)^\+\s+x: "2"')
        self.k("diff", "--server-side", "-f", "-", stdin=config_map("a", {"x": "1", "y": "1"}), status=1)
        self.assertEqual({"x": "1"}, self.get("configmap", "a")["data"])
        self.k("edit", "configmap", "a", env={"EDITOR": "sed -i 's/x: \"1\"/x: \"3\"/'"})
        self.assertEqual({"x": "3"}, self.get("configmap", "a")["data"])
        self.k("edit", "configmap", "a", env={"EDITOR": "true"})
        current = self.get("configmap", "a")
        stale = json.loads(json.dumps(current))
        current["data"] = {"x": "4"}
        self.k("replace", "-f", "-", stdin=current)
        self.assertIn("onflict", self.k("replace", "-f", "-", stdin={**stale, "data": {}}, status=1))
        self.k("replace", "--force", "-f", "-", stdin=config_map("a", {"x": "5"}))
        replaced = self.get("configmap", "a")
        self.assertEqual({"x": "5"}, replaced["data"])
        self.assertNotEqual(current["metadata"]["uid"], replaced["metadata"]["uid"])
        self.apply(deployment("web", replicas=0))
        self.k("edit", "deployment", "web", env={"EDITOR": "sed -i 's/revisionHistoryLimit: 10/revisionHistoryLimit: 3/'"})
        self.assertEqual(3, self.get("deployment", "web")["spec"]["revisionHistoryLimit"])
        self.k("edit", "deployment", "web", "--subresource=status", env={"EDITOR": "true"})

    def test_patch_label_annotate(self):
        self.apply(deployment("web", replicas=0))
        self.k("patch", "deployment", "web", "-p", json.dumps({"spec": {"template": {"spec": {"containers": [
            {"name": "main", "ports": [{"containerPort": 80}]}]}}}}))
        self.k("patch", "deployment", "web", "--type=merge", "-p", '{"spec": {"minReadySeconds": 2}}')
        self.k("patch", "deployment", "web", "--type=json", "-p",
               '[{"op": "test", "path": "/spec/minReadySeconds", "value": 2}, {"op": "remove", "path": "/spec/minReadySeconds"}]')
        self.refused("patch", "deployment", "web", "--type=json", "-p",
                     '[{"op": "test", "path": "/spec/replicas", "value": 7}]')
        self.k("patch", "deployment", "web", "--subresource=status", "--type=merge", "-p", '{"status": {"observedGeneration": 1}}')
        web = self.get("deployment", "web")
        self.assertNotIn("minReadySeconds", web["spec"])
        self.assertEqual(80, web["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"])
        self.assertEqual(harness.IDLE, web["spec"]["template"]["spec"]["containers"][0]["image"])
        self.k("label", "deployment", "web", "tier=front")
        self.refused("label", "deployment", "web", "tier=back")
        self.k("label", "--overwrite", "deployment", "web", "tier=back")
        self.k("annotate", "deployment", "web", "note=x", "other=y")
        self.k("annotate", "deployment", "web", "other-")
        metadata = self.get("deployment", "web")["metadata"]
        self.assertEqual("back", metadata["labels"]["tier"])
        self.assertEqual("x", metadata["annotations"]["note"])
        self.assertNotIn("other", metadata["annotations"])
        self.k("label", "deployments", "--all", "everybody=yes")
        self.assertEqual(["deployment.apps/web"], self.names("deployments", "-l", "everybody"))

    # -- looking -----------------------------------------------------------------------------------------------

    def test_get(self):
        self.apply([config_map(name, {"order": order}, labels={"group": group})
                    for name, order, group in (("a", "3", "one"), ("b", "1", "one"), ("c", "2", "two"))])
        mine = ("configmaps", "-l", "group")
        self.assertEqual(["configmap/a", "configmap/b", "configmap/c"], self.names(*mine))
        self.assertEqual(["configmap/b", "configmap/c", "configmap/a"], self.names(*mine, "--sort-by={.data.order}"))
        self.assertEqual(["configmap/c"], self.names("configmaps", "-l", "group notin (one), group"))
        self.assertEqual(["configmap/b"], self.names("configmaps", "--field-selector=metadata.name=b"))
        self.assertEqual("3", self.out("get", "configmap", "a", "-o", "jsonpath={.data.order}"))
        self.assertEqual(["a", "b", "c"], self.out("get", *mine, "-o", "jsonpath={.items[*].metadata.name}").split())
        self.assertEqual(["a 3", "b 1", "c 2"], [" ".join(line.split()) for line in self.out(
            "get", *mine, "--no-headers", "-o", "custom-columns=N:.metadata.name,O:.data.order").splitlines()])
        self.assertEqual("a,", self.out("get", "configmap", "a", "-o", "go-template={{.metadata.name}},"))
        self.assertIn('order: "3"', self.out("get", "configmap", "a", "-o", "yaml"))
        self.assertRegex(self.out("get", *mine, "-o", "wide", "--show-labels"), r"(?m)^a\s+1\s+\S+\s+group=one$")
        self.assertRegex(self.out("get", "configmaps", "-L", "group"), r"(?m)^NAME\s+DATA\s+AGE\s+GROUP$")
        self.assertEqual(3, len(self.get(*mine, "--chunk-size=1")["items"]))
        self.assertIn(f"{self.namespace}", self.out("get", "configmaps", "-A"))
        self.assertEqual("", self.out("get", "configmap", "nobody", "--ignore-not-found"))
        self.assertIn("NotFound", self.k("get", "configmap", "nobody", status=1))
        self.assertEqual(2, len(self.get("configmap/a", "namespace/default")["items"]))
        self.k("get", "all")
        self.k("get", "deployments,services,configmaps")

    def test_watch(self):
        self.apply(config_map("a", {"x": "1"}))
        with subprocess.Popen(self.command("get", "configmap", "a", "-w", "-o", "jsonpath={.data.x}{'\\n'}"),
                              env=self.system.environment, stdout=subprocess.PIPE, text=True) as watching:
            try:
                seen = [watching.stdout.readline().strip()]
                for value in ("2", "3"):
                    self.k("patch", "configmap", "a", "--type=merge", "-p", json.dumps({"data": {"x": value}}))
                    seen.append(watching.stdout.readline().strip())
            finally:
                watching.kill()
        self.assertEqual(["1", "2", "3"], seen)
        with subprocess.Popen(self.command("get", "configmaps", "--watch-only", "--output-watch-events", "-o", "name"),
                              env=self.system.environment, stdout=subprocess.PIPE, text=True) as watching:
            try:
                line = []
                reader = threading.Thread(target=lambda: line.append(watching.stdout.readline()))
                reader.start()

                def touched():
                    self.k("annotate", "--overwrite", "configmap", "a", f"n={os.urandom(4).hex()}")
                    return line
                self.assertIn("configmap/a", eventually("the watch says something", touched)[0])
                reader.join()
            finally:
                watching.kill()

    def test_describe(self):
        self.apply([deployment("web"), config_map("settings", {"a": "1"}),
                    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
                     "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}},
                    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "password"}, "stringData": {"p": "x"}},
                    {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job"}, "spec": {"template": {"spec": {
                        "restartPolicy": "Never", "containers": [{"name": "main", "image": harness.ONCE}]}}}},
                    {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "cron"}, "spec": {
                        "schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": {
                            "restartPolicy": "Never", "containers": [{"name": "main", "image": harness.ONCE}]}}}}}},
                    {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "set"}, "spec": {
                        "serviceName": "web", "replicas": 0, "selector": {"matchLabels": {"app": "set"}},
                        "template": deployment("set")["spec"]["template"]}},
                    {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "daemons"}, "spec": {
                        "selector": {"matchLabels": {"app": "d"}}, "template": deployment("d")["spec"]["template"]}},
                    {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "closed"},
                     "spec": {"podSelector": {}}},
                    {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "door"}, "spec": {
                        "defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}},
                    {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits"}, "spec": {
                        "limits": [{"type": "Container", "default": {"cpu": "1"}}]}},
                    {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "9"}}},
                    {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "claim"}, "spec": {
                        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
                    {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "held"}, "spec": {
                        "holderIdentity": "me", "leaseDurationSeconds": 15}},
                    {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "keep"}, "spec": {
                        "minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}},
                    {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "auto"}, "spec": {
                        "maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}},
                    ])
        self.k("rollout", "status", "deployment/web", "--timeout=30s")
        pod = self.k("describe", "pod", "-l", "app=web")
        for part in ("Running", "Events:", harness.IDLE):
            self.assertIn(part, pod)
        self.assertRegex(pod, r"(?m)^\s+Normal\s+\S+")
        node = self.names("nodes")[0]
        for thing in ("deployment/web", "replicaset", "service/web", "configmap/settings", "secret/password", "job/job",
                      "cronjob/cron", "statefulset/set", "daemonset/daemons", "networkpolicy/closed", "ingress/door",
                      "limitrange/limits", "quota/few", "pvc/claim", "pdb/keep", "hpa/auto", "serviceaccount/default",
                      "endpointslices", "events", node, "namespace/" + self.namespace, "lease/held"):
            with self.subTest(thing=thing):
                self.assertIn("Name:", self.k("describe", *thing.split("/")) if thing != "events" else
                              self.k("describe", "events"))

    def test_events(self):
        self.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lonely"}, "spec": {
            "containers": [{"name": "main", "image": "nothing.example.com/unknown:1"}]}})
        eventually("there is a warning about the pod",
                   lambda: "Warning" in self.out("events", "--for", "pod/lonely", "--types=Warning"))
        self.assertTrue(self.get("events", "--field-selector=involvedObject.name=lonely")["items"])
        self.assertEqual([], self.get("events", "--field-selector=involvedObject.name=other")["items"])
        self.assertTrue(self.get("events.events.k8s.io", "--field-selector=type=Warning")["items"])

    # -- workloads ---------------------------------------------------------------------------------------------

    def test_rollout(self):
        self.apply(deployment("web"))
        status = ("rollout", "status", "deployment/web", "--timeout=40s")
        self.k(*status)
        self.k("set", "image", "deployment/web", "main=idle:2")
        self.k(*status)
        self.k("set", "env", "deployment/web", "COLOR=red")
        self.k("set", "resources", "deployment/web", "--requests=cpu=10m,memory=8Mi")
        self.k("set", "serviceaccount", "deployment/web", "default")
        self.k(*status)
        main, = self.get("deployment", "web")["spec"]["template"]["spec"]["containers"]
        self.assertEqual(("idle:2", [{"name": "COLOR", "value": "red"}], {"cpu": "10m", "memory": "8Mi"}),
                         (main["image"], main["env"], main["resources"]["requests"]))
        self.assertIn("idle:1", self.out("rollout", "history", "deployment/web", "--revision=1"))
        self.k("rollout", "undo", "deployment/web", "--to-revision=1")
        self.k(*status)
        main, = self.get("deployment", "web")["spec"]["template"]["spec"]["containers"]
        self.assertEqual("idle:1", main["image"])
        self.k("rollout", "pause", "deployment/web")
        self.assertTrue(self.get("deployment", "web")["spec"]["paused"])
        self.refused("rollout", "restart", "deployment/web")
        self.k("rollout", "resume", "deployment/web")
        self.k("rollout", "restart", "deployment/web")
        self.k(*status)
        self.assertIn("kubectl.kubernetes.io/restartedAt",
                      self.get("deployment", "web")["spec"]["template"]["metadata"]["annotations"])
        revision = self.get("deployment", "web")["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
        self.k("rollout", "undo", "deployment/web")
        self.k(*status)
        eventually("there is a new revision", lambda: int(self.get("deployment", "web")["metadata"]["annotations"][
            "deployment.kubernetes.io/revision"]) > int(revision))

    def test_scale_expose_autoscale(self):
        self.apply(deployment("web"))
        self.k("scale", "deployment", "web", "--replicas=2", "--current-replicas=1")
        self.refused("scale", "deployment", "web", "--replicas=5", "--current-replicas=4")
        self.k("wait", "--for=jsonpath={.status.readyReplicas}=2", "deployment/web", "--timeout=30s")
        self.k("expose", "deployment", "web", "--port=80", "--target-port=8080")
        service = self.get("service", "web")
        self.assertEqual(({"app": "web"}, 8080), (service["spec"]["selector"], service["spec"]["ports"][0]["targetPort"]))
        eventually("the service has two endpoints", lambda: sum(
            len(item["endpoints"]) for item in self.get("endpointslices", "-l", "kubernetes.io/service-name=web")["items"]) == 2)
        self.k("set", "selector", "service/web", "app=web,tier=none")
        self.assertEqual("none", self.get("service", "web")["spec"]["selector"]["tier"])
        self.k("scale", "replicaset", "-l", "app=web", "--replicas=1")
        self.k("scale", "deployment/web", "--replicas=0")
        self.k("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=30s")
        self.k("autoscale", "deployment", "web", "--min=1", "--max=3", "--cpu-percent=50")
        self.assertEqual((1, 3), tuple(self.get("hpa", "web")["spec"][key] for key in ("minReplicas", "maxReplicas")))

    def test_custom_resources(self):
        self.apply(CRD)
        self.k("wait", "--for=condition=established", "crd/gadgets.example.com", "--timeout=20s")
        gadget = {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": {"color": "red"}}
        self.apply(gadget)
        self.assertEqual(1, self.get("gadget", "g")["spec"]["replicas"])
        self.assertRegex(self.out("get", "gd"), r"(?m)^NAME\s+COLOR$\n^g\s+red$")
        self.apply({**gadget, "spec": {"color": "green"}})
        self.assertIn("spec.color", self.apply({**gadget, "spec": {"color": "blue"}}, status=1))
        self.assertIn("unknown field", self.apply({**gadget, "spec": {"color": "red", "weight": 1}}, status=1))
        self.k("scale", "gadget", "g", "--replicas=4")
        self.k("patch", "gadget", "g", "--type=json", "-p", '[{"op": "replace", "path": "/spec/color", "value": "red"}]')
        self.refused("patch", "gadget", "g", "--type=strategic", "-p", "{}")
        self.k("patch", "gadget", "g", "--subresource=status", "--type=merge", "-p",
               '{"status": {"conditions": [{"type": "Ready", "status": "True"}]}}')
        self.k("wait", "--for=condition=Ready", "gadget/g", "--timeout=10s")
        found = self.get("gadget", "g")
        self.assertEqual({"color": "red", "replicas": 4}, found["spec"])
        self.assertIn("Color", self.k("describe", "gadget", "g"))
        self.apply({**gadget, "metadata": {"name": "h"}}, "--server-side")
        self.k("label", "gadgets", "--all", "of=test")
        self.k("delete", "gadgets", "-l", "of=test")
        self.assertEqual([], self.names("gadgets"))
        self.k("delete", "crd", "gadgets.example.com")
        self.k("wait", "--for=delete", "crd/gadgets.example.com", "--timeout=20s")
        self.k("get", "gadgets", status=1)

    def test_logs_and_run(self):
        self.k("run", "talker", f"--image={harness.TALK}", "--labels=app=talker")
        self.k("wait", "--for=condition=Ready", "pod/talker", "--timeout=30s")
        lines = ["one", "two", "three"]
        eventually("all lines are there", lambda: self.out("logs", "talker").split() == lines)
        self.assertEqual(["three"], self.out("logs", "talker", "--tail=1").split())
        self.assertEqual(lines, self.out("logs", "-l", "app=talker", "--tail=-1").split())
        self.assertEqual(lines, self.out("logs", "talker", "-c", "talker", "--since=1h").split())
        self.assertRegex(self.out("logs", "talker", "--timestamps"), r"(?m)^\d{4}-\d\d-\d\dT\S+ one$")
        self.refused("logs", "talker", "--previous")
        self.refused("logs", "talker", "-c", "nobody")
        with subprocess.Popen(self.command("logs", "-f", "talker"), env=self.system.environment, stdout=subprocess.PIPE,
                              text=True) as following:
            try:
                self.assertEqual(lines, [following.stdout.readline().strip() for _ in lines])
            finally:
                following.kill()
        self.k("run", "failing", f"--image={harness.SHELL}", "--command", "--", "sh", "-c", "echo gone; exit 3")
        eventually("it has been restarted", lambda: self.get("pod", "failing")["status"]["containerStatuses"][0]["restartCount"])
        eventually("the log of its first run is there",
                   lambda: "gone" in self.out("logs", "failing", "--previous"))
        for arguments in (("exec", "talker", "--", "true"), ("attach", "talker"), ("port-forward", "pod/talker", ":80")):
            self.refused(*arguments)
        self.refused("top", "nodes")
        self.refused("top", "pods")
        self.k("run", "dry", f"--image={harness.IDLE}", "--dry-run=server")
        self.k("get", "pod", "dry", status=1)

    # -- ending ------------------------------------------------------------------------------------------------

    def test_delete(self):
        self.apply([config_map(name, {}, labels={"of": of}) for name, of in (("a", "x"), ("b", "x"), ("c", "y"), ("d", "y"))])
        self.k("delete", "configmap", "a")
        self.k("delete", "configmap", "a", status=1)
        self.k("delete", "configmap", "a", "--ignore-not-found")
        self.k("delete", "configmaps", "-l", "of=x")
        self.k("delete", "configmaps", "--field-selector=metadata.name=c")
        self.assertEqual(["configmap/d"], self.names("configmaps", "-l", "of"))
        self.k("delete", "configmap", "d", "--dry-run=server")
        self.k("delete", "configmaps", "--all")
        for mode in ("background", "foreground", "orphan"):
            name = f"web-{mode}"
            self.apply(deployment(name))
            self.k("rollout", "status", f"deployment/{name}", "--timeout=30s")
            self.k("delete", "deployment", name, f"--cascade={mode}", "--timeout=30s")
            sets = eventually(f"the replica sets of {name} are as they should be", lambda: (
                lambda found: [found] if bool(found) == (mode == "orphan") else None)(self.names("rs", "-l", f"app={name}")))[0]
            if mode == "orphan":
                orphan, = sets
                eventually("the owner is taken off", lambda: not self.get(orphan)["metadata"].get("ownerReferences"))
                self.k("delete", orphan)
            self.k("wait", "--for=delete", "pod", "-l", f"app={name}", "--timeout=30s")
        self.k("run", "slow", f"--image={harness.IDLE}")
        self.k("wait", "--for=condition=Ready", "pod/slow", "--timeout=30s")
        self.k("delete", "pod", "slow", "--wait=false", "--grace-period=30")
        self.k("delete", "pod", "slow", "--now", "--ignore-not-found")
        self.k("run", "forced", f"--image={harness.IDLE}")
        self.k("delete", "pod", "forced", "--grace-period=0", "--force")
        self.k("get", "pod", "forced", status=1)
        other = self.namespace + "-gone"
        self.k("create", "namespace", other)
        self.k("-n", other, "create", "configmap", "x")
        self.k("delete", "namespace", other, "--timeout=40s")
        self.k("get", "namespace", other, status=1)

    def test_wait(self):
        waiting = []
        arguments = ["wait", "--for=jsonpath={.data.x}=1", "configmap/late", "--timeout=30s"]
        if self.minor >= 31:
            waiting.append(subprocess.Popen(self.command("wait", "--for=create", "configmap/late", "--timeout=30s"),
                                            env=self.system.environment))
        self.apply(config_map("late", {"x": "0"}))
        waiting.append(subprocess.Popen(self.command(*arguments), env=self.system.environment))
        self.apply(config_map("late", {"x": "1"}))
        self.assertEqual([0] * len(waiting), [process.wait(40) for process in waiting])
        gone = subprocess.Popen(self.command("wait", "--for=delete", "configmap/late", "--timeout=30s"),
                                env=self.system.environment)
        self.k("delete", "configmap", "late")
        self.assertEqual(0, gone.wait(40))
        self.refused("wait", "--for=condition=Ready", "pod/nobody", "--timeout=1s")

    def test_node(self):
        node = self.names("nodes")[0].partition("/")[2]
        self.k("cordon", node)
        self.assertTrue(self.get("node", node)["spec"]["unschedulable"])
        self.k("uncordon", node)
        self.assertFalse(self.get("node", node)["spec"].get("unschedulable", False))
        self.k("taint", "node", node, "slow=yes:PreferNoSchedule")
        self.assertIn("slow", [taint["key"] for taint in self.get("node", node)["spec"]["taints"]])
        self.k("taint", "node", node, "slow-")
        self.assertNotIn("slow", [taint["key"] for taint in self.get("node", node)["spec"].get("taints", [])])
        self.apply(deployment("drained"))
        self.k("rollout", "status", "deployment/drained", "--timeout=30s")
        pod, = self.names("pods", "-l", "app=drained")
        self.k("drain", node, "--pod-selector=app=drained", "--force", "--ignore-daemonsets", "--delete-emptydir-data",
               "--timeout=40s")
        self.k("get", pod, status=1)
        self.assertTrue(self.get("node", node)["spec"]["unschedulable"])
        self.k("uncordon", node)
        self.k("rollout", "status", "deployment/drained", "--timeout=30s")


def build_from_module():
    """The kubectl that go.mod pins; the Go tool keeps what it compiled."""
    if not shutil.which("go"):
        harness.skip("Go is not installed, which builds this kubectl")
    with open(os.path.join(HERE, "go.mod"), encoding="utf-8") as file:
        minor = re.search(r"k8s.io/kubectl v0\.(\d+)\.(\d+)", file.read())
    stamp = "k8s.io/component-base/version"
    program = os.path.join(harness.BUILD, "kubectl")
    harness.prepare(["go", "build", "-ldflags", f"-X {stamp}.gitVersion=v1.{minor[1]}.{minor[2]} -X {stamp}.gitMajor=1 "
                     f"-X {stamp}.gitMinor={minor[1]}", "-o", program, "."], "kubectl cannot be built", cwd=HERE)
    return int(minor[1]), program


def main(which):
    harness.need_serin()
    if which == "module":
        Kubectl.minor, Kubectl.program = build_from_module()
    else:
        Kubectl.minor, Kubectl.program = int(which), versions.at_hand().get(int(which))
        if not Kubectl.program:
            harness.skip(f"there is no kubectl 1.{which}")
    if Kubectl.minor < OLDEST:
        harness.skip(f"kubectl is 1.{Kubectl.minor}; these tests need 1.{OLDEST}")
    harness.own_network()
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)


if __name__ == "__main__":
    main(sys.argv[1])
