"""A controller that other people wrote, built unchanged from its Go module and run against a cluster of `serin up`.

Each has a folder with a go.mod that pins it and names its program as a tool. The programs run with a ServiceAccount's
token or the administrator's certificate, on the loopback interface of the test's own network.
"""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import harness  # noqa: E402
import system  # noqa: E402


def build(folder, package):
    """The program of `package` as `folder`/go.mod pins it. One compiler at a time and last in line: it takes minutes."""
    harness.need_serin()
    if not shutil.which("go"):
        harness.skip("Go is not installed")
    program = os.path.join(harness.BUILD, os.path.basename(package))
    harness.prepare(["nice", "go", "build", "-p", "1", "-o", program, package], f"{package} cannot be built",
                    cwd=os.path.join(HERE, folder))
    return program


def module_directory(folder, module):
    """Where the sources of a module are, with the manifests that stand beside them; only to be read."""
    return subprocess.run(["go", "list", "-m", "-f", "{{.Dir}}", module], cwd=os.path.join(HERE, folder), check=True,
                          capture_output=True, text=True).stdout.strip()


class Running:
    """A program in the background; `text()` is what it has printed."""

    def __init__(self, command, log, **environment):
        self.log = log
        with open(log, "w", encoding="utf-8") as file:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                            env={**os.environ, **environment}, start_new_session=True)

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Cluster(harness.Cluster):
    def k(self, *arguments, stdin=None, status=0):
        if isinstance(stdin, (dict, list)):
            stdin = "\n".join(map(json.dumps, stdin if isinstance(stdin, list) else [stdin]))
        return system.run(["kubectl", *arguments], stdin=stdin, status=status, env=self.environment)

    def object(self, kind, name, namespace):
        return json.loads(self.k("-n", namespace, "get", kind, name, "-o", "json"))

    def objects(self, kind, namespace, *arguments):
        return json.loads(self.k("-n", namespace, "get", kind, "-o", "json", *arguments))["items"]

    def kubeconfig_of(self, account, namespace):
        """A kubeconfig with nothing but a ServiceAccount's token; its path, which pods see that have a /tmp of their own."""
        config = json.loads(self.k("config", "view", "--minify", "--flatten", "-o", "json"))
        token = self.k("-n", namespace, "create", "token", account, "--duration=3h").strip()
        config["users"] = [{"name": account, "user": {"token": token}}]
        config["contexts"][0]["context"]["user"] = account
        path = os.path.join(harness.BUILD, f"{account}.kubeconfig")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(config, file)
        return path
