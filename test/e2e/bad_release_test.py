"""Releases that cannot work: traffic stays where it is, and the reason is told where a user looks for it."""
import system
from traffic import Client, check_split, fetch


class BadRelease(system.SystemTest):
    def test_release_that_never_becomes_ready(self):
        repository = self.system.repository()
        repository.add_example("canary", pause="1s")
        repository.commit("version v1")
        self.deploy(repository, "canary")
        gateway = self.system.gateways["work-1"]
        system.eventually("the gateway answers", lambda: fetch(gateway) == "v1/v1")
        client = Client(gateway, rate=100)
        self.addCleanup(client.stop)

        with self.subTest("an image nobody mapped"):
            self.edit("s#image: serin.local/hello-provider#image: registry.example/nobody:1#")
            system.eventually("an event says how to map it", lambda: any(
                "registry.example/nobody:1" in event["message"] and "--image" in event["message"]
                for event in self.system.items("events")))
            self.why_says("registry.example/nobody:1")
        with self.subTest("a probe that fails"):
            self.edit("s#image: registry.example/nobody:1#image: serin.local/hello-provider#; s#port: 20880#port: 20881#")
            system.eventually("the reason names the probe", lambda: self.why_says("20881"))
        check_split(client.measure(1), "v1/v1", 1)
        self.assertEqual([100, 0], self.system.weights())

        with self.subTest("healed by a good version"):
            self.edit("s#port: 20881#port: 20880#; s#version: v1$#version: v2#")
            self.system.wait_pause("provider", 1)
            self.system.wait_phase("provider", "Healthy")
            self.system.wait_old_pods_gone("provider", "provider")
            check_split(client.measure(1), "v1/v2", 1)
        client.stop()
        self.assertEqual([], client.failures())

    def test_rollout_without_its_traffic_objects_heals_in_any_order(self):
        repository = self.system.repository("parts")
        repository.add_example("canary")
        repository.write("first/rollout.yaml", repository.read("canary/rollout-provider.yaml"))
        repository.commit("all parts")
        place = ("-n", "parts", "apply", "-f")
        self.system.kubectl("create", "-f", "-", stdin="{apiVersion: v1, kind: Namespace, metadata: {name: parts}}")
        self.system.kubectl(*place, f"{repository.directory}/first")
        status = self.system.wait_phase("provider", "Degraded", "parts")
        invalid = next(one for one in status["conditions"] if one["type"] == "InvalidSpec")
        self.assertIn("provider", invalid["message"])
        for part in ("destinationrule", "service", "virtualservice"):
            self.system.kubectl(*place, f"{repository.directory}/canary/{part}-provider.yaml")
        self.system.wait_phase("provider", "Healthy", "parts")

    def test_application_says_what_git_does_not_have(self):
        repository = self.system.repository("wrong")
        repository.add_example("canary")
        repository.commit("something")
        for name, arguments, said in (
                ("no-path", ("--repo", repository.directory, "--path", "nowhere"), "nowhere"),
                ("no-revision", ("--repo", repository.directory, "--path", "canary", "--revision", "absent"), "absent"),
                ("no-repository", ("--repo", repository.directory + "-gone", "--path", "canary"), "-gone")):
            with self.subTest(name):
                self.system.serin("app", "create", name, *arguments, "--cluster", "work-1", "--namespace", name)
                application = system.eventually("there is a condition", lambda: (
                    found := self.system.get("application", name, "argocd", "hub"))["status"]["conditions"] and found)
                self.assertIn(said, " ".join(one["message"] for one in application["status"]["conditions"]))
                self.system.serin("app", "sync", name, "--timeout", "20s", status=1)
        self.system.serin("app", "create", "no-cluster", "--repo", repository.directory, "--path", "canary",
                          "--cluster", "work-9", "--namespace", "x", status=2)

    def edit(self, script):
        self.system.kubectl("-n", "demo", "edit", "rollout", "provider", editor=f"sed -i '{script}'")

    def why_says(self, text):
        self.assertIn(text, system.eventually(
            f"why names {text}", lambda: text in (said := self.system.serin("release", "why", "provider", "-n", "demo",
                                                                            status=1)) and said))
        return True


if __name__ == "__main__":
    system.main()
