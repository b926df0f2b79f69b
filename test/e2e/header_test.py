"""A release by header: requests stay in their lane, and Services instead of subsets split the traffic."""
import system
from traffic import Client, check_split, fetch

MEASURE = 3  # seconds at 200 requests a second; the pauses are longer


class HeaderStory(system.SystemTest):
    def test_release_by_header(self):
        repository = self.system.repository()
        repository.add_example("header", pause="10s")
        repository.commit("version v1")
        self.deploy(repository, "header")
        gateway = self.system.gateways["work-1"]
        system.eventually("the gateway answers", lambda: fetch(gateway) == "v1/v1")
        client = Client(gateway)
        self.addCleanup(client.stop)

        self.system.edit_version("provider")
        self.system.wait_pause("provider", 2)
        routes = self.system.get("virtualservice", "provider", context="mesh")["spec"]["http"]
        self.assertEqual("lane-v2", routes[0].get("name"), "the managed route stands first")
        self.assertEqual({"exact": "test-v2"}, routes[0]["match"][0]["headers"]["lane"])
        check_split(client.measure(1), "v1/v1", 1)

        self.system.edit_version("consumer")
        self.system.wait_pause("consumer", 1)
        check_split(client.measure(1), "v1/v1", 1)
        self.system.serin("release", "promote", "consumer")
        for step, weight in ((3, 20), (5, 50)):
            status = self.system.wait_pause("consumer", step)
            counts = client.measure(MEASURE)
            self.assertEqual(step, self.system.get("rollout", "consumer")["status"]["currentStepIndex"],
                             "the pause ended while it was measured")
            self.assertEqual({"v1/v1", "v2/v2"}, set(counts), "a request left its lane")
            self.assertIs(True, status["canary"]["weights"]["verified"])
            check_split(counts, "v2/v2", weight / 100)
        self.system.wait_pause("consumer", 7)
        check_split(client.measure(1), "v2/v2", 1)

        self.system.serin("release", "promote", "provider")
        self.system.wait_phase("provider", "Healthy")
        self.system.serin("release", "promote", "consumer")
        self.system.wait_phase("consumer", "Healthy")
        for rollout in ("provider", "consumer"):
            self.system.wait_old_pods_gone(rollout, rollout)
        check_split(client.measure(1), "v2/v2", 1)
        client.stop()
        self.assertEqual([], client.failures())
        names = [route.get("name") for route in
                 self.system.get("virtualservice", "provider", context="mesh")["spec"]["http"]]
        self.assertNotIn("lane-v2", names, "the managed route went with the release")


if __name__ == "__main__":
    system.main()
