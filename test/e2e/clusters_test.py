"""The same application in two clusters of one mesh: the first cluster's configuration wins, and says so."""
import system
from traffic import Client, check_split, fetch


class TwoClusters(system.SystemTest):
    clusters = 2

    def test_first_cluster_wins_and_releases(self):
        repository = self.system.repository()
        repository.add_example("canary", pause=None)
        repository.commit("version v1")
        self.deploy(repository, "canary", name="demo-2", cluster="work-2")
        system.eventually("work-2 is alone in force", lambda: self.in_force("work-2")["status"] == "True")
        self.deploy(repository, "canary", name="demo-1", cluster="work-1")

        system.eventually("work-1 is in force", lambda: self.in_force("work-1")["status"] == "True")
        other = system.eventually("work-2 says so", lambda: self.in_force("work-2")["status"] == "False"
                                  and self.in_force("work-2"))
        self.assertIn("work-1", other["message"])
        for kind, name in (("virtualservice", "provider"), ("destinationrule", "provider"), ("gateway", "hello")):
            labels = self.system.get(kind, name, context="mesh")["metadata"]["labels"]
            self.assertEqual("work-1", labels["mspider.io/origin-cluster"], kind)

        clients = []
        for cluster, gateway in sorted(self.system.gateways.items()):
            system.eventually(f"the gateway of {cluster} answers", lambda: fetch(gateway) == "v1/v1")
            clients.append(Client(gateway, rate=100))
            self.addCleanup(clients[-1].stop)
        self.assertEqual(2, len(clients))

        self.system.edit_version("provider", context="work-1")
        status = self.system.wait_pause("provider", 1)
        self.assertIs(True, status["canary"]["weights"]["verified"])
        self.assertEqual([95, 5], self.system.weights())
        for client in clients:
            check_split(client.measure(4), "v1/v2", 0.05)
        self.system.serin("release", "promote", "provider", "--cluster", "work-1", "--full")
        self.system.wait_phase("provider", "Healthy")
        self.system.wait_old_pods_gone("provider", "provider")
        for client in clients:
            check_split(client.measure(1), "v1/v2", 1)
            client.stop()
            self.assertEqual([], client.failures())

        self.assertIn("several", self.system.serin("release", "why", "provider", status=2))
        self.system.wait_phase("provider", "Healthy", context="work-2")
        self.assertEqual("v1", self.system.get("rollout", "provider", context="work-2")
                         ["spec"]["template"]["metadata"]["labels"]["version"])

    def in_force(self, cluster):
        conditions = self.system.get("virtualservice", "provider", context=cluster)["status"]["conditions"]
        return next(condition for condition in conditions if condition["type"] == "InForce")


if __name__ == "__main__":
    system.main()
