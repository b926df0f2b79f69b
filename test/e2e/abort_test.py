"""In the middle of a canary: syncs from Git move no traffic; an abort brings all of it back; a retry starts again."""
import json

import system
from traffic import Client, check_split, fetch

SYNCS = 20


class MidCanary(system.SystemTest):
    def test_syncs_then_abort_then_retry(self):
        repository = self.system.repository()
        repository.add_example("canary", pause=None)
        repository.commit("version v1")
        self.deploy(repository, "canary")
        gateway = self.system.gateways["work-1"]
        system.eventually("the gateway answers", lambda: fetch(gateway) == "v1/v1")
        client = Client(gateway)
        self.addCleanup(client.stop)

        repository.write("canary/rollout-provider.yaml",
                         repository.read("canary/rollout-provider.yaml").replace("version: v1", "version: v2"))
        repository.commit("version v2")
        self.system.serin("app", "sync", "demo")
        self.system.wait_pause("provider", 1)
        check_split(client.measure(3), "v1/v2", 0.05)
        self.system.serin("release", "promote", "provider")
        self.system.wait_pause("provider", 3)

        with self.subTest("syncs move no traffic"):
            self.syncs_move_no_traffic(repository, client)
        with self.subTest("abort"):
            self.abort(client)
        with self.subTest("retry"):
            self.retry(client)
        client.stop()
        self.assertEqual([], client.failures())

    def syncs_move_no_traffic(self, repository, client):
        before = self.system.get("virtualservice", "provider", context="mesh")
        self.assertEqual([50, 50], self.system.weights())
        rule = repository.read("canary/destinationrule-provider.yaml")
        for number in range(SYNCS):
            if number % 5 == 0:  # something else than traffic changes in Git, too
                repository.write("canary/destinationrule-provider.yaml",
                                 rule + f"  trafficPolicy:\n    connectionPool:\n      http:\n"
                                        f"        http2MaxRequests: {1000 + number}\n")
                repository.commit(f"unrelated change {number}")
            self.assertIn("Succeeded", self.system.serin("app", "sync", "demo"))
        check_split(client.measure(3), "v1/v2", 0.5)
        after = self.system.get("virtualservice", "provider", context="mesh")
        self.assertEqual(before["spec"], after["spec"])
        self.assertEqual(before["metadata"]["generation"], after["metadata"]["generation"],
                         "the weights were written in between")
        hosted = self.system.get("destinationrule", "provider", context="mesh")["spec"]
        self.assertEqual(1000 + SYNCS - 5, hosted["trafficPolicy"]["connectionPool"]["http"]["http2MaxRequests"])
        hashes = {subset["labels"].get("rollouts-pod-template-hash") for subset in hosted["subsets"]}
        self.assertEqual(2, len(hashes - {None}), "the subsets still name two versions")
        application = self.system.get("application", "demo", "argocd", "hub")
        self.assertEqual("Synced", application["status"]["sync"]["status"])
        status = self.system.get("rollout", "provider")["status"]
        self.assertEqual((3, "Paused"), (status["currentStepIndex"], status["phase"]))

    def abort(self, client):
        self.assertIn("aborted", self.system.serin("release", "abort", "provider"))
        status = self.system.wait_phase("provider", "Degraded")
        self.assertIs(True, status["abort"])

        def back():
            weights = self.system.get("rollout", "provider")["status"]["canary"]["weights"]
            return weights["canary"]["weight"] == 0 and weights.get("verified") is True
        system.eventually("all traffic is confirmed to be back", back)
        self.assertEqual([100, 0], self.system.weights())
        check_split(client.measure(2), "v1/v1", 1)
        self.assertIn("bort", self.system.serin("release", "why", "provider", status=1))
        blockers = json.loads(self.system.serin("release", "why", "provider", "-o", "json", status=1))["blockers"]
        self.assertTrue(blockers)
        self.system.serin("release", "get", "provider", status=1)
        self.system.serin("release", "why", "nobody", status=2)
        self.assertIn("Degraded", self.system.serin("app", "get", "demo"))

    def retry(self, client):
        self.system.serin("release", "retry", "provider")
        self.system.wait_pause("provider", 1)
        check_split(client.measure(3), "v1/v2", 0.05)
        self.system.serin("release", "promote", "provider", "--full")
        self.system.wait_phase("provider", "Healthy")
        self.system.wait_old_pods_gone("provider", "provider")
        check_split(client.measure(1), "v1/v2", 1)
        self.system.serin("release", "get", "provider")
        self.system.serin("release", "why", "provider")


if __name__ == "__main__":
    system.main()
