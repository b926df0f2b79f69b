"""serin is killed with kill -9 in the middle of a canary, under traffic, and started again on the same state."""
import system
from traffic import Client, check_split, fetch

AWAY = 2  # seconds that serin is gone


class Restart(system.SystemTest):
    def test_pods_and_release_survive_kill(self):
        repository = self.system.repository()
        repository.add_example("canary", pause=None)
        repository.commit("version v1")
        self.deploy(repository, "canary")
        gateway = self.system.gateways["work-1"]
        system.eventually("the gateway answers", lambda: fetch(gateway) == "v1/v1")
        client = Client(gateway)
        self.addCleanup(client.stop)
        self.system.edit_version("provider")
        self.system.wait_pause("provider", 1)
        containers = sorted(self.system.containers())
        self.assertEqual(5, len(containers), "gateway, mesh proxy, consumer, two providers")
        self.assertTrue(all(pid > 0 for container in containers for pid, _ in container), containers)
        pods = self.pods()

        self.system.kill()
        check_split(client.measure(AWAY), "v1/v2", 0.05)
        self.system.start()
        self.assertEqual(containers, sorted(self.system.containers()), "the same processes")
        self.assertEqual(pods, self.pods(), "the same pods, none restarted")
        self.assertTrue(all(system.start_ticks(pid) == ticks for one in containers for pid, ticks in one))

        status = self.system.wait_pause("provider", 1)
        self.assertEqual(5, status["canary"]["weights"]["canary"]["weight"])
        self.system.serin("release", "promote", "provider")
        status = self.system.wait_pause("provider", 3)
        self.assertIs(True, status["canary"]["weights"]["verified"], "proxies confirm to the new process")
        check_split(client.measure(3), "v1/v2", 0.5)

        self.system.serin("release", "promote", "provider")  # and once more, while traffic moves and pods go
        self.system.kill()
        self.system.start()
        self.system.wait_phase("provider", "Healthy")
        self.system.wait_old_pods_gone("provider", "provider")
        check_split(client.measure(1), "v1/v2", 1)
        client.stop()
        self.assertEqual([], client.failures())

    def pods(self):
        """Names, and how often their containers were restarted."""
        return {(pod["metadata"]["name"], pod["metadata"]["uid"], pod["status"]["podIP"],
                 pod["status"]["containerStatuses"][0]["restartCount"])
                for namespace in ("demo", "istio-system") for pod in self.system.items("pods", namespace)}


if __name__ == "__main__":
    system.main()
