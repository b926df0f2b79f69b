"""The documentation's own repository, unchanged: $SERIN_E2E_BUNDLE names a git bundle or URL of it.

Its pauses take ten minutes, so a release is followed to its first stop and then promoted to the end.
"""
import os
import sys

import system
from traffic import Client, check_split, fetch, provider_pod

BUNDLE = os.environ.get("SERIN_E2E_BUNDLE")
SLOW = 180  # seconds; its probes begin after 15 s


class DocumentedRepository(system.SystemTest):
    def story(self, path, namespace):
        system.run(["git", "clone", "-q", BUNDLE, os.path.join(self.system.directory, namespace)])
        self.system.serin("app", "create", namespace, "--repo", os.path.join(self.system.directory, namespace),
                          "--path", path, "--revision", "HEAD", "--cluster", "work-1", "--namespace", namespace)
        self.assertIn("Succeeded", self.system.serin("app", "sync", namespace))
        for rollout in ("dubbo3-consumer", "dubbo3-provider"):
            self.system.wait_phase(rollout, "Healthy", namespace, timeout=SLOW)
        gateway = self.system.gateways["work-1"]
        system.eventually("the gateway answers", lambda: fetch(gateway, identify=provider_pod))
        client = Client(gateway, identify=lambda body: provider_pod(body).rpartition("-")[0])
        self.addCleanup(client.stop)
        self.system.edit_version("dubbo3-provider", namespace=namespace)
        return client

    def finish(self, client, rollout, namespace):
        self.system.serin("release", "promote", rollout, "-n", namespace, "--full")
        status = self.system.wait_phase(rollout, "Healthy", namespace, timeout=SLOW)
        self.system.wait_old_pods_gone(rollout, rollout, namespace)
        check_split(client.measure(1), f"{rollout}-{status['stableRS']}", 1)
        client.stop()
        self.assertEqual([], client.failures())
        self.system.serin("app", "delete", namespace)

    def test_rollouts(self):
        client = self.story("rollouts/v1", "weights")
        status = self.system.wait_pause("dubbo3-provider", 1, "weights", timeout=SLOW)
        self.assertIs(True, status["canary"]["weights"]["verified"])
        self.assertEqual([95, 5], self.system.weights(namespace="weights"))
        check_split(client.measure(4), f"dubbo3-provider-{status['currentPodHash']}", 0.05)
        self.finish(client, "dubbo3-provider", "weights")

    def test_rollouts_legacy(self):
        client = self.story("rollouts-legacy/v1", "lanes")
        status = self.system.wait_pause("dubbo3-provider", 2, "lanes", timeout=SLOW)
        routes = self.system.get("virtualservice", "provider", "lanes", "mesh")["spec"]["http"]
        self.assertEqual("test-v2", routes[0]["name"])
        check_split(client.measure(2), f"dubbo3-provider-{status['stableRS']}", 1)
        self.finish(client, "dubbo3-provider", "lanes")


if __name__ == "__main__":
    if not BUNDLE:
        print("skipped: SERIN_E2E_BUNDLE names no repository")
        sys.exit(system.SKIPPED)
    system.main()
