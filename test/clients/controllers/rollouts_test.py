"""The controller of Argo Rollouts, installed as its manual says and run as a pod, in place of Serin's own."""
import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import controllers  # noqa: E402
import harness  # noqa: E402
from system import eventually  # noqa: E402

PACKAGE = "github.com/argoproj/argo-rollouts/cmd/rollouts-controller"
HOME = "argo-rollouts"
SPACE = "default"
ANALYSIS = {
    "apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisTemplate", "metadata": {"name": "job"},
    "spec": {"metrics": [{"name": "job", "provider": {"job": {"spec": {"backoffLimit": 0, "template": {"spec": {
        "restartPolicy": "Never", "containers": [{"name": "main", "image": harness.ONCE}]}}}}}}]}}


def rollout(name, canary, image=harness.IDLE, replicas=2):
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "strategy": {"canary": canary},
                 "template": {"metadata": {"labels": {"app": name}}, "spec": {
                     "terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": image}]}}}}


def service(name, app):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": {"app": app}, "ports": [{"port": 80}]}}


class Rollouts(unittest.TestCase):
    program = None

    @classmethod
    def setUpClass(cls):
        cls.cluster = controllers.Cluster()
        cls.addClassCleanup(cls.cluster.close)
        manifests = os.path.join(controllers.module_directory("rollouts", "github.com/argoproj/argo-rollouts"), "manifests")
        cls.cluster.k("create", "namespace", HOME)
        cls.cluster.k("-n", HOME, "apply", "--server-side", "--force-conflicts", "-k", os.path.join(manifests, "cluster-install"))
        config = cls.cluster.kubeconfig_of("argo-rollouts", HOME)
        rule = f"quay.io/argoproj/argo-rollouts:*={cls.program} --kubeconfig {config} --rollout-resync 10"
        cls.cluster.k("-n", "serin-system", "patch", "configmap", "images", "--type=merge", "-p",
                      json.dumps({"data": {"argo-rollouts": rule}}))
        cls.cluster.k("-n", HOME, "patch", "deployment", "argo-rollouts", "--type=json", "-p",
                      '[{"op": "add", "path": "/spec/template/spec/containers/0/args", "value": ["--leader-elect"]}]')
        try:
            cls.cluster.k("-n", HOME, "rollout", "status", "deployment/argo-rollouts", "--timeout=50s")
        except BaseException:
            print(cls.cluster.k("-n", HOME, "describe", "pods", status=None),
                  cls.cluster.k("-n", HOME, "logs", "deployment/argo-rollouts", "--tail=60", status=None), file=sys.stderr)
            raise

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print(self.cluster.k("-n", HOME, "logs", "deployment/argo-rollouts", "--tail=60", status=None)[-12000:],
                  "\nserin's log ends with:\n" + self.cluster.log_tail(), file=sys.stderr)
        return result

    def apply(self, *what):
        self.cluster.k("-n", SPACE, "apply", "-f", "-", stdin=list(what))

    def status(self, name):
        found = self.cluster.object("rollout", name, SPACE)
        status = found.get("status", {})
        return status if status.get("observedGeneration") == str(found["metadata"]["generation"]) else {}

    def wait_for(self, name, phase):
        return eventually(f"{name} is {phase}", lambda: (lambda s: s if s.get("phase") == phase else None)(self.status(name)))

    def change_status(self, name, patch):
        self.cluster.k("-n", SPACE, "patch", "rollout", name, "--subresource=status", "--type=merge", "-p", patch)

    def set_image(self, name, image):
        self.cluster.k("-n", SPACE, "patch", "rollout", name, "--type=json", "-p",
                       '[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "%s"}]' % image)

    def images(self, app):
        """The images of the pods that are ready, sorted."""
        return sorted(pod["spec"]["containers"][0]["image"] for pod in self.cluster.objects("pods", SPACE, "-l", f"app={app}")
                      if {"type": "Ready", "status": "True"}.items() <= next(
                          (c for c in pod["status"].get("conditions", []) if c["type"] == "Ready"), {}).items()
                      and not pod["metadata"].get("deletionTimestamp"))

    def wait_for_images(self, app, *images):
        eventually(f"the pods of {app} are {images}", lambda: self.images(app) == sorted(images))

    def test_canary(self):
        self.apply(ANALYSIS, rollout("web", {"steps": [
            {"setWeight": 50}, {"pause": {}}, {"analysis": {"templates": [{"templateName": "job"}]}}, {"setWeight": 75}]}))
        self.wait_for("web", "Healthy")
        self.wait_for_images("web", harness.IDLE, harness.IDLE)
        self.set_image("web", harness.TALK)
        self.assertEqual("CanaryPauseStep", self.wait_for("web", "Paused")["pauseConditions"][0]["reason"])
        self.wait_for_images("web", harness.IDLE, harness.TALK)
        self.cluster.kill()
        self.cluster.start()
        self.change_status("web", '{"status": {"pauseConditions": null}}')
        status = self.wait_for("web", "Healthy")
        self.assertEqual(status["currentPodHash"], status["stableRS"])
        self.wait_for_images("web", harness.TALK, harness.TALK)
        run, = self.cluster.objects("analysisruns", SPACE)
        self.assertEqual("Successful", run["status"]["phase"])
        self.set_image("web", harness.SHELL)
        self.cluster.k("-n", SPACE, "patch", "rollout", "web", "--type=json", "-p", '[{"op": "add", "path": '
                       '"/spec/template/spec/containers/0/command", "value": ["sleep", "1000"]}]')
        self.wait_for("web", "Paused")
        self.change_status("web", '{"status": {"abort": true}}')
        self.wait_for("web", "Degraded")
        self.wait_for_images("web", harness.TALK, harness.TALK)
        eventually("the events say so", lambda: {"RolloutUpdated", "RolloutPaused", "RolloutCompleted", "RolloutAborted"} <= {
            event["reason"] for event in self.cluster.objects(
                "events", SPACE, "--field-selector=involvedObject.kind=Rollout,involvedObject.name=web")})
        lease, = self.cluster.objects("leases", HOME)
        self.assertTrue(lease["spec"]["holderIdentity"])
        self.cluster.k("-n", SPACE, "delete", "rollout", "web")
        eventually("its pods are gone", lambda: not self.cluster.objects("pods", SPACE, "-l", "app=web"))

    def test_blue_green_replaces_the_selector(self):
        self.apply(service("active", "bg"))
        made = rollout("bg", {})
        made["spec"]["strategy"] = {"blueGreen": {"activeService": "active", "scaleDownDelaySeconds": 1}}
        self.apply(made)
        self.wait_for("bg", "Healthy")
        self.set_image("bg", harness.TALK)
        eventually("the new pods are stable", lambda: self.images("bg") == [harness.TALK] * 2)
        status = self.wait_for("bg", "Healthy")
        self.assertEqual(status["stableRS"],
                         self.cluster.object("service", "active", SPACE)["spec"]["selector"]["rollouts-pod-template-hash"])

    def test_canary_by_istio(self):
        self.apply(service("stable", "routed"), service("canary", "routed"), {
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "routed"},
            "spec": {"hosts": ["routed"], "http": [{"name": "main", "route": [
                {"destination": {"host": "stable"}, "weight": 100}, {"destination": {"host": "canary"}, "weight": 0}]}]}})
        self.apply(rollout("routed", {
            "stableService": "stable", "canaryService": "canary",
            "trafficRouting": {"istio": {"virtualService": {"name": "routed", "routes": ["main"]}}},
            "steps": [{"setWeight": 30}, {"pause": {}}]}, replicas=1))
        self.wait_for("routed", "Healthy")
        self.set_image("routed", harness.TALK)
        self.wait_for("routed", "Paused")

        def weights():
            spec = self.cluster.object("virtualservice", "routed", SPACE)["spec"]
            return [route.get("weight", 0) for route in spec["http"][0]["route"]]
        self.assertEqual([70, 30], weights())
        self.change_status("routed", '{"status": {"pauseConditions": null}}')
        self.wait_for("routed", "Healthy")
        eventually("all goes to the new pods", lambda: weights() == [100, 0])


if __name__ == "__main__":
    Rollouts.program = controllers.build("rollouts", PACKAGE)
    harness.own_network()
    unittest.main(verbosity=2)
