"""A release by weight: Git to hosted mesh, an edit, 5 % and 50 % measured, and not one request lost."""
import re

import system
from traffic import Client, check_split, fetch

MEASURE = 3  # seconds at 200 requests a second; the pauses are longer


class WeightStory(system.SystemTest):
    def test_release_by_weight(self):
        repository = self.system.repository()
        repository.add_example("canary", pause="10s")
        repository.commit("version v1")
        self.deploy(repository, "canary")
        self.hosted_mesh_has_labelled_copies()

        gateway = self.system.gateways["work-1"]
        system.eventually("the gateway answers", lambda: fetch(gateway) == "v1/v1")
        client = Client(gateway)
        self.addCleanup(client.stop)
        check_split(client.measure(1), "v1/v1", 1)

        self.system.edit_version("provider")
        for step, weight in ((1, 5), (3, 50)):
            status = self.system.wait_pause("provider", step)
            counts = client.measure(MEASURE)
            self.assertEqual(weight, status["canary"]["weights"]["canary"]["weight"])
            self.assertIs(True, status["canary"]["weights"]["verified"])
            self.assertEqual([100 - weight, weight], self.system.weights())
            self.assertEqual(step, self.system.get("rollout", "provider")["status"]["currentStepIndex"],
                             "the pause ended while it was measured")
            check_split(counts, "v1/v2", weight / 100)

        self.system.wait_phase("provider", "Healthy")
        check_split(client.measure(1), "v1/v2", 1)
        self.system.wait_old_pods_gone("provider", "provider")
        check_split(client.measure(1), "v1/v2", 1)
        client.stop()
        self.assertEqual([], client.failures())
        self.assertGreater(client.answered(), 0)
        self.assertIn("Synced", self.system.serin("app", "get", "demo"))
        self.assertEqual([100, 0], self.system.weights())
        self.system.serin("release", "why", "provider", status=0)
        self.system.serin("app", "delete", "demo")
        self.assertEqual([], self.system.items("rollouts"))
        system.eventually("the copies are gone", lambda: not self.system.items("virtualservices", context="mesh"))

    def hosted_mesh_has_labelled_copies(self):
        table = self.system.kubectl("-n", "demo", "get", "virtualservices,destinationrules,gateways",
                                    "--show-labels", context="mesh")
        for copy in ("virtualservice.networking.istio.io/provider", "virtualservice.networking.istio.io/consumer",
                     "destinationrule.networking.istio.io/provider", "gateway.networking.istio.io/hello"):
            self.assertRegex(table, rf"(?m)^{re.escape(copy)}\s.*mspider\.io/origin-cluster=work-1")


if __name__ == "__main__":
    system.main()
