"""istiod, the control plane of Istio, in place of Serin's mesh: it reads its configuration from Serin and leads by its locks.

Without webhooks (Serin calls none) and with its own certificate authority, whose key it keeps in a Secret.
"""
import json
import os
import sys
import unittest
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import controllers  # noqa: E402
import harness  # noqa: E402
from system import eventually  # noqa: E402

PACKAGE = "istio.io/istio/pilot/cmd/pilot-discovery"
HOME = "istio-system"
CONFIG = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "istio", "namespace": HOME}, "data": {
    "mesh": "trustDomain: cluster.local\nrootNamespace: istio-system\n", "meshNetworks": "networks: {}"}}
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
           "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}}


def virtual_service(weight):
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "web"},
            "spec": {"hosts": ["web"], "http": [{"route": [
                {"destination": {"host": "web", "subset": "a"}, "weight": 100 - weight},
                {"destination": {"host": "web", "subset": "b"}, "weight": weight}]}]}}


class Istiod(unittest.TestCase):
    program = None

    @classmethod
    def setUpClass(cls):
        cls.cluster = controllers.Cluster()
        cls.addClassCleanup(cls.cluster.close)
        source = controllers.module_directory("istiod", "istio.io/istio")
        cls.cluster.k("apply", "--server-side", "--force-conflicts", "-f",
                      os.path.join(source, "manifests/charts/base/files/crd-all.gen.yaml"))
        cls.cluster.k("wait", "--for=condition=established", "crd", "--all", "--timeout=30s")
        cls.cluster.k("create", "namespace", HOME)
        cls.cluster.k("apply", "-f", "-", stdin=CONFIG)
        cls.port = harness.free_port()
        cls.istiod = controllers.Running(
            [cls.program, "discovery", "--kubeconfig", cls.cluster.kubeconfig, "--namespace", HOME,
             "--httpAddr", f"127.0.0.1:{cls.port}", "--httpsAddr", "", "--grpcAddr", "127.0.0.1:0",
             "--secureGRPCAddr", "127.0.0.1:0", "--monitoringAddr", "127.0.0.1:0"],
            os.path.join(cls.cluster.directory, "istiod.log"), POD_NAME="istiod-1", POD_NAMESPACE=HOME, REVISION="default",
            CLUSTER_ID="Kubernetes", PILOT_ENABLE_ANALYSIS="true", VALIDATION_WEBHOOK_CONFIG_NAME="",
            INJECTION_WEBHOOK_CONFIG_NAME="", UNSAFE_ENABLE_ADMIN_ENDPOINTS="true")
        cls.addClassCleanup(cls.istiod.close)

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print("\n".join(line for line in self.istiod.text().splitlines() if "not ready" not in line)[-12000:], "\nserin's log ends with:\n" + self.cluster.log_tail(), file=sys.stderr)
        return result

    def ask(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.read().decode()

    def test_reads_leads_and_reports(self):
        eventually("istiod is ready", lambda: self.istiod.process.poll() is not None or self.ask("/ready") is not None)
        self.assertIsNone(self.istiod.process.poll())
        self.cluster.k("-n", "default", "create", "deployment", "web", f"--image={harness.IDLE}")
        self.cluster.k("-n", "default", "apply", "-f", "-", stdin=[SERVICE, virtual_service(0)])
        eventually("it knows the Service", lambda: "web.default.svc.cluster.local" in self.ask("/debug/registryz"))
        pod = eventually("the pod has an address", lambda: self.cluster.objects("pods", "default", "-l", "app=web")[0]["status"]["podIP"])
        eventually("it knows the pod behind it", lambda: pod in self.ask("/debug/endpointShardz"))

        def weights():
            found = [one for one in json.loads(self.ask("/debug/configz")) if one["kind"] == "VirtualService"]
            return [route.get("weight", 0) for route in found[0]["spec"]["http"][0]["route"]]
        eventually("it knows the VirtualService", lambda: weights() == [100, 0])
        self.cluster.k("-n", "default", "apply", "-f", "-", stdin=virtual_service(25))
        eventually("it has seen the weight", lambda: weights() == [75, 25])
        eventually("every namespace has its root certificate",
                   lambda: self.cluster.object("configmap", "istio-ca-root-cert", "default"))
        self.assertTrue(self.cluster.object("secret", "istio-ca-secret", HOME)["data"])
        locks = {one["metadata"]["name"] for kind in ("leases", "configmaps") for one in self.cluster.objects(kind, HOME)}
        self.assertTrue({"istio-namespace-controller-election", "istio-leader"} <= locks, locks)
        self.cluster.kill()
        self.cluster.start()
        self.cluster.k("-n", "default", "apply", "-f", "-", stdin=virtual_service(50))
        eventually("it goes on after a restart of the server", lambda: weights() == [50, 50])
        self.assertIn("IST0101", json.dumps(eventually(
            "its analysis stands in the status: there is no subset", lambda: self.cluster.object("virtualservice", "web", "default")["status"]["validationMessages"])))
        errors = [line for line in self.istiod.text().splitlines() if "\tfatal\t" in line or "failed to list" in line and "refused" not in line]
        self.assertEqual([], errors)


if __name__ == "__main__":
    Istiod.program = controllers.build("istiod", PACKAGE)
    harness.own_network()
    unittest.main(verbosity=2)
