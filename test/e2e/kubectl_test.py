"""kubectl against the real binary: every verb a user needs, on built-in kinds and on custom resources."""
import json
import os

import system

POD = """
apiVersion: v1
kind: Pod
metadata: {name: talker, namespace: smoke, labels: {app: talker}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: main
      image: serin.local/hello-provider
      command: ["sh", "-c", "echo one; echo two; exec sleep 1000"]
"""
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: smoke}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - {name: main, image: serin.local/hello-provider, command: ["sleep", "1000"]}
"""
CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: smoke, labels: {tier: one}}
data: {a: "1", b: "2"}
"""
# What every in-cluster client does: the address from the environment, the token and the CA from files.
IN_CLUSTER = """
import os, ssl, time, urllib.error, urllib.request
account = "/var/run/secrets/kubernetes.io/serviceaccount/"
tls = ssl.create_default_context(cafile=account + "ca.crt")
def ask(host, path):
    url = "https://%s:%s%s" % (host, os.environ["KUBERNETES_SERVICE_PORT"], path)
    request = urllib.request.Request(url, headers={"Authorization": "Bearer " + open(account + "token").read()})
    try:
        return urllib.request.urlopen(request, context=tls).status
    except urllib.error.HTTPError as error:
        return error.code
here, namespace = os.environ["KUBERNETES_SERVICE_HOST"], open(account + "namespace").read()
print("answers:", namespace, ask(here, "/api/v1/namespaces/%s/pods" % namespace), ask(here, "/api/v1/nodes"),
      ask("kubernetes.default.svc", "/api/v1/namespaces/%s/pods?limit=1" % namespace), ask(here, "/clusters/hub/api/v1/namespaces"), flush=True)
time.sleep(1000)
"""
ROUTES = """
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: web, namespace: smoke}
spec:
  hosts: [web]
  http:
    - route:
        - {destination: {host: web}, weight: %d}
        - {destination: {host: other}, weight: %d}
"""


class Kubectl(system.SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.system.kubectl("create", "-f", "-", stdin="{apiVersion: v1, kind: Namespace, metadata: {name: smoke}}")

    def kubectl(self, *arguments, **options):
        return self.system.kubectl(*arguments, **options)

    def apply(self, manifest, *flags, status=0):
        return self.kubectl("apply", *flags, "-f", "-", stdin=manifest, status=status)

    def settings(self):
        return self.system.get("configmap", "settings", "smoke")

    def test_get_in_every_shape(self):
        self.apply(CONFIG.replace("tier: one", "tier: one, app: shown"))
        table = self.kubectl("get", "configmaps", "-A", "--show-labels")
        self.assertRegex(table, r"(?m)^NAMESPACE\s+NAME\s+DATA\s+AGE\s+LABELS$")
        self.assertRegex(table, r"(?m)^smoke\s+settings\s+2\s+\S+\s+app=shown,tier=one$")
        self.assertIn('a: "1"', self.kubectl("-n", "smoke", "get", "cm", "settings", "-o", "yaml"))
        self.assertEqual({"a": "1", "b": "2"}, self.settings()["data"])
        self.assertEqual("1", self.kubectl("-n", "smoke", "get", "cm", "settings", "-o", "jsonpath={.data.a}"))
        self.assertEqual("configmap/settings\n", self.kubectl("-n", "smoke", "get", "cm", "-l", "app=shown", "-o", "name"))
        self.assertRegex(self.kubectl("-n", "istio-system", "get", "deployments"),
                         r"(?m)^istio-ingressgateway\s+1/1\s+1\s+1\s")
        self.assertRegex(self.kubectl("-n", "istio-system", "get", "pods", "-o", "wide"), r"Running.*127\.11\.")
        self.assertIn("NotFound", self.kubectl("-n", "smoke", "get", "cm", "nobody", status=1))

    def test_apply_client_side_and_server_side(self):
        name = CONFIG.replace("settings", "applied")
        self.assertIn("created", self.apply(name))
        self.assertIn("unchanged", self.apply(name))
        self.assertIn("configured", self.apply(name.replace('b: "2"', 'c: "3"')))
        self.assertEqual({"a": "1", "c": "3"}, self.system.get("cm", "applied", "smoke")["data"])
        server = CONFIG.replace("settings", "server-applied")
        for _ in range(2):
            self.assertIn("serverside-applied", self.apply(server, "--server-side"))
        self.assertIn("onflict", self.apply(server.replace('a: "1"', 'a: "9"'), "--server-side",
                                            "--field-manager", "other", status=1))
        self.apply(server.replace('a: "1"', 'a: "9"'), "--server-side", "--field-manager", "other", "--force-conflicts")
        self.assertEqual("9", self.system.get("cm", "server-applied", "smoke")["data"]["a"])
        self.assertIn("dry run", self.apply(CONFIG.replace("settings", "dry"), "--dry-run=server"))
        self.kubectl("-n", "smoke", "get", "cm", "dry", status=1)

    def test_create_patch_edit_delete(self):
        target = ("-n", "smoke", "patch", "configmap", "patched")
        created = CONFIG.replace("settings", "patched").replace(', b: "2"', "")
        self.assertIn("created", self.kubectl("create", "-f", "-", stdin=created))
        self.assertIn("AlreadyExists", self.kubectl("create", "-f", "-", stdin=created, status=1))
        self.kubectl(*target, "--type=json", "-p", '[{"op": "add", "path": "/data/b", "value": "2"}]')
        self.kubectl(*target, "--type=merge", "-p", '{"data": {"a": null, "c": "3"}}')
        self.kubectl(*target, "-p", '{"metadata": {"labels": {"kind": "strategic"}}}')
        self.kubectl("-n", "smoke", "edit", "configmap", "patched", editor="sed -i 's/c: \"3\"/c: \"4\"/'")
        found = self.system.get("configmap", "patched", "smoke")
        self.assertEqual({"b": "2", "c": "4"}, found["data"])
        self.assertEqual({"tier": "one", "kind": "strategic"}, found["metadata"]["labels"])
        self.kubectl("-n", "smoke", "label", "configmap", "patched", "kind=other", "--overwrite")
        self.kubectl("-n", "smoke", "annotate", "configmap", "patched", "note=x")
        self.kubectl("-n", "smoke", "replace", "-f", "-",
                     stdin=json.dumps({**found, "metadata": {"name": "patched", "namespace": "smoke"}}))
        self.kubectl("-n", "smoke", "delete", "configmap", "patched")
        self.kubectl("-n", "smoke", "get", "configmap", "patched", status=1)

    def test_strategic_patch_merges_lists_by_key(self):
        self.apply(DEPLOYMENT)
        self.kubectl("-n", "smoke", "patch", "deployment", "web", "-p", json.dumps(
            {"spec": {"template": {"spec": {"containers": [{"name": "main", "env": [{"name": "A", "value": "1"}]}]}}}}))
        container, = self.system.get("deployment", "web", "smoke")["spec"]["template"]["spec"]["containers"]
        self.assertEqual(["sleep", "1000"], container["command"])
        self.assertEqual([{"name": "A", "value": "1"}], container["env"])
        self.kubectl("-n", "smoke", "scale", "deployment", "web", "--replicas=2")
        self.kubectl("-n", "smoke", "rollout", "status", "deployment/web", "--timeout=30s")
        self.kubectl("-n", "smoke", "wait", "--for=jsonpath={.status.readyReplicas}=2", "deployment/web",
                     "--timeout=30s")
        self.kubectl("-n", "smoke", "delete", "deployment", "web", "--timeout=30s")
        self.kubectl("-n", "smoke", "wait", "--for=delete", "pod", "-l", "app=web", "--timeout=30s")

    def test_pod_wait_logs_describe(self):
        self.assertIn("created", self.apply(POD))
        self.kubectl("-n", "smoke", "wait", "--for=condition=Ready", "pod/talker", "--timeout=30s")
        self.assertEqual("one\ntwo\n", system.eventually(
            "the log has both lines", lambda: "two" in (log := self.kubectl("-n", "smoke", "logs", "talker")) and log))
        self.assertEqual("two\n", self.kubectl("-n", "smoke", "logs", "talker", "-c", "main", "--tail=1"))
        described = self.kubectl("-n", "smoke", "describe", "pod", "talker")
        for part in ("Name:", "talker", "Running", "Events:", "Started"):
            self.assertIn(part, described)
        self.kubectl("-n", "smoke", "delete", "pod", "talker", "--timeout=30s")
        self.assertEqual([], [pod for pod in self.system.items("pods", "smoke")
                              if pod["metadata"]["name"] == "talker"])

    def test_a_program_in_a_pod_talks_to_its_cluster(self):
        self.kubectl("-n", "smoke", "create", "serviceaccount", "reader")
        self.kubectl("-n", "smoke", "create", "rolebinding", "reader", "--clusterrole=view", "--serviceaccount=smoke:reader")
        self.apply(json.dumps({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "inside", "namespace": "smoke"},
            "spec": {"serviceAccountName": "reader", "terminationGracePeriodSeconds": 1, "containers": [
                {"name": "main", "image": "serin.local/host", "command": ["python3", "-c", IN_CLUSTER]}]}}))
        system.eventually("the program has its answers", lambda: "answers: smoke 200 403 200 403" in self.kubectl(
            "-n", "smoke", "logs", "inside"))
        self.assertIn("127.11.128.1", self.kubectl("get", "service", "kubernetes"))

    def test_discovery_and_explain(self):
        resources = self.kubectl("api-resources")
        for line in (r"rollouts\s+\S*\s*argoproj\.io/v1alpha1\s+true\s+Rollout", r"pods\s+po\s+v1\s+true\s+Pod",
                     r"deployments\s+deploy\s+apps/v1\s+true\s+Deployment"):
            self.assertRegex(resources, line)
        self.assertIn("virtualservices", self.kubectl("api-resources", context="mesh"))
        self.assertIn("applications", self.kubectl("api-resources", context="hub"))
        self.assertIn("apps/v1", self.kubectl("api-versions"))
        self.assertIn("replicas", self.kubectl("explain", "deployment.spec"))
        self.assertIn("setWeight", self.kubectl("explain", "rollout.spec.strategy.canary.steps"))
        self.kubectl("version")

    def test_bad_input_is_refused_and_changes_nothing(self):
        rollout = os.path.join(system.EXAMPLES, "canary", "rollout-provider.yaml")
        with open(rollout, encoding="utf-8") as file:
            manifest = file.read()
        misspelt = manifest.replace("replicas: 1", "replicsa: 1")
        refused = self.kubectl("-n", "smoke", "apply", "-f", "-", stdin=misspelt, status=1)
        self.assertIn('unknown field "spec.replicsa"', refused)
        self.kubectl("-n", "smoke", "get", "rollout", "provider", status=1)
        warned = self.kubectl("-n", "smoke", "apply", "--validate=warn", "--dry-run=server", "-f", "-", stdin=misspelt)
        self.assertIn('unknown field "spec.replicsa"', warned)
        for deployment in (DEPLOYMENT.replace("replicas: 1", "replicas: many"),
                           DEPLOYMENT.replace("template:", "tempalte:")):
            self.apply(deployment, status=1)
        steps = manifest.replace("setWeight: 50", "setWeight: 101")
        self.assertIn("101", self.kubectl("-n", "smoke", "apply", "-f", "-", stdin=steps, status=1))
        for weights in ((101, 0), (-1, 100)):
            self.assertIn("weight", self.apply(ROUTES % weights, status=1))
        self.apply(ROUTES % (60, 40))
        self.kubectl("-n", "smoke", "patch", "virtualservice", "web", "--type=json", "-p",
                     '[{"op": "replace", "path": "/spec/http/0/route/0/weight", "value": 101}]', status=1)
        self.assertEqual([60, 40], self.system.weights("web", "smoke", "work-1"))
        self.assertRegex(self.kubectl("apply", "-f", "-", stdin="kind: [\n", status=1), "yaml|YAML")


if __name__ == "__main__":
    system.main()
