"""The `kubernetes` package of PyPI against the cluster of $KUBECONFIG; run by python_test.py in a venv that has it."""
import json
import os
import threading
import time
import unittest
import urllib.request
import uuid

from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.rest import ApiException
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock

PATIENCE = 60  # seconds; a limit for a broken server
GROUP = "python.example.com"
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"gadgets.{GROUP}"},
    "spec": {"group": GROUP, "scope": "Namespaced", "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget"},
             "versions": [{"name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
                           "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                               "spec": {"type": "object", "required": ["color"], "properties": {
                                   "color": {"type": "string"}, "size": {"type": "integer", "default": 3}}},
                               "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}}}]},
}


def eventually(what, condition):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited in vain until {what}")


def config_map(name, value="1", **metadata):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, **metadata), data={"key": value})


def deployment(name, replicas=1):
    labels = {"app": name}
    return client.V1Deployment(
        metadata=client.V1ObjectMeta(name=name),
        spec=client.V1DeploymentSpec(
            replicas=replicas, selector=client.V1LabelSelector(match_labels=labels),
            template=client.V1PodTemplateSpec(
                metadata=client.V1ObjectMeta(labels=labels),
                spec=client.V1PodSpec(termination_grace_period_seconds=1,
                                      containers=[client.V1Container(name="main", image="talk:1")]))))


class Python(unittest.TestCase):
    def setUp(self):
        config.load_kube_config()
        self.core, self.apps, self.custom = client.CoreV1Api(), client.AppsV1Api(), client.CustomObjectsApi()
        self.namespace = "py-" + uuid.uuid4().hex[:8]
        self.core.create_namespace({"metadata": {"name": self.namespace}})
        self.addCleanup(lambda: self.core.delete_namespace(self.namespace))

    def refused(self, status, call, *arguments, **options):
        with self.assertRaises(ApiException) as caught:
            call(*arguments, **options)
        self.assertEqual(status, caught.exception.status, caught.exception.body)
        return caught.exception

    def test_life_of_an_object(self):
        made = self.core.create_namespaced_config_map(self.namespace, config_map("a"))
        self.refused(409, self.core.create_namespaced_config_map, self.namespace, config_map("a"))
        self.assertEqual({"key": "1"}, self.core.read_namespaced_config_map("a", self.namespace).data)
        patched = self.core.patch_namespaced_config_map("a", self.namespace, {"data": {"other": "2"}})
        self.assertEqual({"key": "1", "other": "2"}, patched.data)
        made.data = {"key": "3"}
        self.refused(409, self.core.replace_namespaced_config_map, "a", self.namespace, made)
        patched.data = {"key": "4"}
        self.assertEqual({"key": "4"}, self.core.replace_namespaced_config_map("a", self.namespace, patched).data)
        listed = self.core.list_namespaced_config_map(self.namespace, field_selector="metadata.name=a")
        self.assertEqual(["a"], [item.metadata.name for item in listed.items])
        self.core.delete_namespaced_config_map("a", self.namespace)
        self.refused(404, self.core.read_namespaced_config_map, "a", self.namespace)
        for i in range(7):
            self.core.create_namespaced_config_map(self.namespace, config_map(f"m-{i}", labels={"of": "m"}))
        seen, token = [], None
        while True:
            page = self.core.list_namespaced_config_map(self.namespace, label_selector="of=m", limit=3, _continue=token)
            seen += [item.metadata.name for item in page.items]
            token = page.metadata._continue
            if not token:
                break
        self.assertEqual([f"m-{i}" for i in range(7)], seen)
        self.core.delete_collection_namespaced_config_map(self.namespace, label_selector="of=m")
        self.assertEqual([], self.core.list_namespaced_config_map(self.namespace, label_selector="of=m").items)

    def test_workload_with_logs_and_scale(self):
        self.apps.create_namespaced_deployment(self.namespace, deployment("web"))
        eventually("it is ready", lambda: self.apps.read_namespaced_deployment_status("web", self.namespace).status.ready_replicas)
        pod, = self.core.list_namespaced_pod(self.namespace, label_selector="app=web").items
        eventually("the log is complete",
                   lambda: self.core.read_namespaced_pod_log(
                       pod.metadata.name, self.namespace, _preload_content=False).data == b"one\ntwo\nthree\n")
        followed = watch.Watch()
        lines = []
        for line in followed.stream(self.core.read_namespaced_pod_log, pod.metadata.name, self.namespace, follow=True):
            lines.append(line)
            if len(lines) == 3:
                followed.stop()
                break
        self.assertEqual(["one", "two", "three"], lines)
        scale = self.apps.read_namespaced_deployment_scale("web", self.namespace)
        scale.spec.replicas = 2
        self.apps.replace_namespaced_deployment_scale("web", self.namespace, scale)
        eventually("two are ready", lambda: self.apps.read_namespaced_deployment("web", self.namespace).status.ready_replicas == 2)
        self.apps.patch_namespaced_deployment_scale("web", self.namespace, {"spec": {"replicas": 0}})
        eventually("none is left", lambda: not self.core.list_namespaced_pod(self.namespace, label_selector="app=web").items)

    def test_watch_goes_on_where_it_was(self):
        start = self.core.list_namespaced_config_map(self.namespace).metadata.resource_version
        seen = []

        def follow():
            # Each connection ends after a second; the client takes up the last version it saw.
            for event in watch.Watch().stream(self.core.list_namespaced_config_map, self.namespace, resource_version=start,
                                              label_selector="of=watched"):
                seen.append((event["type"], event["object"].metadata.name, event["object"].data["key"]))
                if event["type"] == "DELETED":
                    return
        short = threading.Thread(target=follow, daemon=True)
        short.start()
        self.core.create_namespaced_config_map(self.namespace, config_map("w", labels={"of": "watched"}))
        for value in range(2, 8):
            self.core.patch_namespaced_config_map("w", self.namespace, {"data": {"key": str(value)}})
            time.sleep(0.2)
        self.core.delete_namespaced_config_map("w", self.namespace)
        short.join(PATIENCE)
        self.assertEqual([("ADDED", "w", "1"), *(("MODIFIED", "w", str(value)) for value in range(2, 8)), ("DELETED", "w", "7")],
                         seen)
        bounded = [event["object"].metadata.name for event in watch.Watch().stream(
            self.core.list_namespaced_config_map, self.namespace, timeout_seconds=1, label_selector="of=watched")]
        self.assertEqual([], bounded)

    def test_custom_objects(self):
        definitions = client.ApiextensionsV1Api()
        definitions.create_custom_resource_definition(DEFINITION)
        self.addCleanup(lambda: definitions.delete_custom_resource_definition(f"gadgets.{GROUP}"))
        eventually("it is established", lambda: any(
            condition.type == "Established" and condition.status == "True" for condition in
            definitions.read_custom_resource_definition(f"gadgets.{GROUP}").status.conditions or []))
        where = (GROUP, "v1", self.namespace, "gadgets")
        gadget = {"apiVersion": f"{GROUP}/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": {"color": "red"}}
        self.assertEqual({"color": "red", "size": 3}, self.custom.create_namespaced_custom_object(*where, gadget)["spec"])
        invalid = {**gadget, "metadata": {"name": "h"}, "spec": {}}
        self.assertIn("spec.color", self.refused(422, self.custom.create_namespaced_custom_object, *where, invalid).body)
        self.custom.patch_namespaced_custom_object(*where, "g", {"spec": {"color": "blue"}})
        self.custom.patch_namespaced_custom_object_status(*where, "g", {"status": {"fine": True}})
        found = self.custom.get_namespaced_custom_object(*where, "g")
        self.assertEqual(({"color": "blue", "size": 3}, {"fine": True}), (found["spec"], found["status"]))
        events = watch.Watch().stream(self.custom.list_namespaced_custom_object, *where, timeout_seconds=1)
        self.assertEqual(["g"], [event["object"]["metadata"]["name"] for event in events])
        self.assertEqual(1, len(self.custom.list_cluster_custom_object(GROUP, "v1", "gadgets")["items"]))
        self.custom.delete_namespaced_custom_object(*where, "g")
        self.assertEqual([], self.custom.list_namespaced_custom_object(*where)["items"])

    def test_dynamic_client_and_server_side_apply(self):
        maps = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="v1", kind="ConfigMap")
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": self.namespace}, "data": {"k": "1"}}
        made = maps.server_side_apply(body=body, name="a", namespace=self.namespace, field_manager="one")
        self.assertEqual(("one", "Apply"), (made.metadata.managedFields[0].manager, made.metadata.managedFields[0].operation))
        body["data"]["k"] = "2"
        with self.assertRaises(dynamic.exceptions.ConflictError):
            maps.server_side_apply(body=body, name="a", namespace=self.namespace, field_manager="two")
        forced = maps.server_side_apply(body=body, name="a", namespace=self.namespace, field_manager="two", force_conflicts=True)
        self.assertEqual("2", forced.data.k)
        for event in maps.watch(namespace=self.namespace, field_selector="metadata.name=a", timeout=5):
            self.assertEqual(("ADDED", "a"), (event["type"], event["object"].metadata.name))
            break
        maps.delete(name="a", namespace=self.namespace)
        utils.create_from_dict(client.ApiClient(), {"apiVersion": "v1", "kind": "List", "items": [
            {**body, "metadata": {"name": name}} for name in ("x", "y")]}, namespace=self.namespace)
        self.assertEqual("2", self.core.read_namespaced_config_map("y", self.namespace).data["k"])

    def test_leader_election(self):
        leaders, over = [], threading.Event()

        def candidate(name):
            def lead():
                leaders.append(name)
                over.wait(PATIENCE)
            leaderelection.LeaderElection(electionconfig.Config(
                ConfigMapLock("leader", self.namespace, name), lease_duration=4, renew_deadline=3, retry_period=1,
                onstarted_leading=lead, onstopped_leading=None)).run()

        def record():
            lock = self.core.read_namespaced_config_map("leader", self.namespace)
            return json.loads(lock.metadata.annotations["control-plane.alpha.kubernetes.io/leader"])
        for name in ("one", "two"):
            threading.Thread(target=candidate, args=(name,), daemon=True).start()
        eventually("somebody leads", lambda: leaders)
        first = record()
        self.assertEqual(leaders[0], first["holderIdentity"])
        eventually("the lock is renewed", lambda: record()["renewTime"] > first["renewTime"])
        self.assertEqual(1, len(leaders))
        over.set()

    def test_who_and_may(self):
        review = client.AuthorizationV1Api().create_self_subject_access_review({"spec": {
            "resourceAttributes": {"verb": "delete", "resource": "pods", "namespace": self.namespace}}})
        self.assertTrue(review.status.allowed)
        self.assertTrue(client.VersionApi().get_code().git_version)
        self.assertIn("apps", [group.name for group in client.ApisApi().get_api_versions().groups])

    def test_token(self):
        self.core.create_namespaced_service_account(self.namespace, {"metadata": {"name": "robot"}})
        token = self.core.create_namespaced_service_account_token("robot", self.namespace, {"spec": {}}).status.token
        other = client.Configuration.get_default_copy()
        other.api_key, other.api_key_prefix = {"BearerToken": f"Bearer {token}"}, {}
        other.cert_file = other.key_file = None
        who = client.AuthenticationV1Api(client.ApiClient(other)).create_self_subject_review({})
        self.assertEqual(f"system:serviceaccount:{self.namespace}:robot", who.status.user_info.username)
        robot = client.CoreV1Api(client.ApiClient(other))
        self.refused(403, robot.list_namespaced_secret, self.namespace)


class Restart(unittest.TestCase):
    """Runs last: everybody's server goes."""

    def test_watch_over_a_restart(self):
        config.load_kube_config()
        core = client.CoreV1Api()
        before = core.create_namespaced_config_map("default", config_map("kept"))
        core.create_namespaced_config_map("default", config_map("missed"))  # an event that the new server cannot tell again
        with urllib.request.urlopen(os.environ["CLIENTS_CONTROL"] + "/restart", data=b"") as answer:
            self.assertEqual(200, answer.status)
        self.assertEqual(before.metadata.uid, core.read_namespaced_config_map("kept", "default").metadata.uid)
        with self.assertRaises(ApiException) as caught:
            for _ in watch.Watch().stream(core.list_namespaced_config_map, "default",
                                          resource_version=before.metadata.resource_version, timeout_seconds=5):
                pass
        self.assertEqual(410, caught.exception.status)


def load_tests(loader, _tests, _pattern):
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in (Python, Restart))


if __name__ == "__main__":
    unittest.main(verbosity=2)
