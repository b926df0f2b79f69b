"""Starts the real system for a test and drives it as a user would: serin, kubectl, git, and clients at its gateway.

A test file is a program: it calls `system.main()`, which ends with status 77 (skipped) where a tool is missing.
The binary is $SERIN_BINARY, by default build/bin/serin. Where the kernel lets us, everything runs in a network
namespace of its own, so the fixed addresses of the clusters (127.11.x.x ...) never meet another system's.
"""
import contextlib
import ctypes
import fcntl
import glob
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLES = os.path.join(ROOT, "examples")
SERIN = os.environ.get("SERIN_BINARY") or os.path.join(ROOT, "build", "bin", "serin")
PATIENCE = 60  # seconds; a limit for a broken system, never waited out by a working one
POLL = 0.05
SKIPPED = 77  # what ctest takes for "skipped"


OLDEST_KUBECTL = 27  # these tests use `wait --for=jsonpath`, `--validate=warn`; Serin itself serves older ones


def kubectl_minor():
    report = subprocess.run(["kubectl", "version", "--client", "-o", "json"], capture_output=True, text=True).stdout
    found = re.search(r'"gitVersion": *"v1\.(\d+)', report)
    return int(found.group(1)) if found else 0


def missing_tools():
    """What a test cannot run without and is not there, as sentences."""
    missing = [f"{tool} is not installed" for tool in ("kubectl", "git") if not shutil.which(tool)]
    if shutil.which("kubectl") and kubectl_minor() < OLDEST_KUBECTL:
        missing.append(f"kubectl is 1.{kubectl_minor()}; these tests need 1.{OLDEST_KUBECTL}")
    if not os.access(SERIN, os.X_OK):
        return missing + [f"{SERIN} is not built"]
    beside = os.path.join(os.path.dirname(SERIN), "envoy")
    if not (os.environ.get("SERIN_ENVOY") or os.access(beside, os.X_OK) or shutil.which("envoy")):
        missing.append("there is no Envoy: `make deps` fetches one")
    return missing


def enter_own_network():
    """Moves this process into a network namespace with nothing but a loopback interface, where that is allowed."""
    clone_newnet, siocsifflags, iff_up = 0x40000000, 0x8914, 0x1
    if ctypes.CDLL(None, use_errno=True).unshare(clone_newnet) != 0:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, siocsifflags, struct.pack("16sh14x", b"lo", iff_up))


def skip(why):
    print("skipped:", why)
    sys.exit(SKIPPED)


def main():
    missing = missing_tools()
    if missing:
        skip("; ".join(missing))
    enter_own_network()
    unittest.main(verbosity=2)


def eventually(what, condition, timeout=PATIENCE):
    """Waits until `condition()` is true and returns its value; an error in it counts as not yet."""
    deadline = time.monotonic() + timeout
    last = None
    while time.monotonic() < deadline:
        try:
            value = condition()
            if value:
                return value
            last = value
        except (AssertionError, LookupError, StopIteration, OSError, subprocess.SubprocessError) as error:
            last = error
        time.sleep(POLL)
    raise AssertionError(f"waited {timeout} s in vain until {what}; last seen: {last!r}")


class Failed(subprocess.SubprocessError):
    """A command that ended with another status than expected."""


def run(command, status=0, stdin=None, env=None, timeout=PATIENCE):
    """Runs a command and returns what it printed, on both streams; Failed where its status is not `status` (None: any)."""
    done = subprocess.run(command, input=stdin, env=env, timeout=timeout, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL if stdin is None else None)
    if status is not None and done.returncode != status:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}, not {status}:\n{done.stdout}")
    return done.stdout


class Repository:
    """A git repository in a folder of its own."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory)
        self._git("init", "-q", "-b", "main")

    def _git(self, *arguments):
        return run(["git", "-C", self.directory, "-c", "user.name=test", "-c", "user.email=test@example.com",
                    "-c", "commit.gpgsign=false", *arguments])

    def write(self, path, text):
        path = os.path.join(self.directory, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, path):
        with open(os.path.join(self.directory, path), encoding="utf-8") as file:
            return file.read()

    def commit(self, message):
        self._git("add", "-A")
        self._git("commit", "-q", "-m", message)

    def add_example(self, name, pause="5s", scale_down_delay=2):
        """One folder of examples/ with pauses (`None`: until promoted) and scale-down delays a test can wait for."""
        for source in sorted(glob.glob(os.path.join(EXAMPLES, name, "*.yaml"))):
            with open(source, encoding="utf-8") as file:
                text = file.read()
            if pause is None:
                text = re.sub(r"pause:\n\s+duration: .*", "pause: {}", text)
            else:
                text = re.sub(r"duration: .*", f"duration: {pause}", text)
            text = re.sub(r"^    canary:\n", f"    canary:\n      scaleDownDelaySeconds: {scale_down_delay}\n", text,
                          flags=re.M)
            self.write(os.path.join(name, os.path.basename(source)), text)


def start_ticks(pid):
    """The tick at which a process started, which with its pid names it for good; None where it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


class System:
    """`serin up`, with `arguments` besides, on a state directory of its own. Close it: that ends the pods too."""

    def __init__(self, clusters=1, arguments=(), port=0):
        self.directory = tempfile.mkdtemp(prefix="serin-e2e-")
        self.state = os.path.join(self.directory, "state")
        self.kubeconfig = os.path.join(self.state, "kubeconfig")
        self.clusters = clusters
        self.arguments = arguments
        self.port = port
        self.gateways = {}
        self.process = None
        self.log = os.path.join(self.directory, "serin.log")
        self.environment = {**os.environ, "KUBECONFIG": self.kubeconfig, "HOME": self.directory, "NO_COLOR": "1"}
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            self.environment.pop(name, None)
        self.start()

    def start(self):
        """Starts serin and waits for its `ready` line."""
        with open(self.log, "a", encoding="utf-8") as log:
            begin = log.tell()
            self.process = subprocess.Popen(
                [SERIN, "up", "--state", self.state, "--api-port", str(self.port),
                 "--clusters", str(self.clusters), *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=self.environment)

        def ready():
            with open(self.log, encoding="utf-8") as file:
                file.seek(begin)
                text = file.read()
            return text if re.search(r"^ready", text, re.M) or self.process.poll() is not None else None

        try:
            text = eventually("serin is ready", ready)
            if self.process.poll() is not None:
                raise AssertionError(f"serin ended with {self.process.returncode}:\n{text}")
        except BaseException:
            self.close()
            raise
        self.gateways = dict(re.findall(r"^gateway of (\S+) at (\S+),", text, re.M))

    def kill(self):
        """kill -9 of serin alone."""
        self.process.kill()
        self.process.wait()

    def containers(self):
        """Running containers: (pid of the supervisor, pid of the program) with their start ticks."""
        found = []
        for path in glob.glob(os.path.join(self.state, "nodes/*/pods/*/containers/*/*/state.json")):
            with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
                state = json.load(file)
                if state.get("phase") != "exited":
                    found.append(tuple((state[who]["pid"], state[who]["startTicks"]) for who in ("shim", "process")))
        return found

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        for shim, program in self.containers():
            # The supervisor first: it would start nothing anew, but report the program's end.
            for (pid, ticks), target in ((shim, shim[0]), (program, -program[0])):
                if pid > 0 and start_ticks(pid) == ticks:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(target, signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def log_tail(self, lines=40):
        with open(self.log, encoding="utf-8") as file:
            return "".join(file.readlines()[-lines:])

    # -- as a user ---------------------------------------------------------------------------------------------

    def serin(self, *arguments, status=0):
        return run([SERIN, *arguments], status=status, env=self.environment)

    def kubectl(self, *arguments, context="work-1", status=0, stdin=None, editor=None):
        environment = {**self.environment, "KUBE_EDITOR": editor} if editor else self.environment
        return run(["kubectl", "--context", context, *arguments], status=status, stdin=stdin, env=environment)

    def get(self, kind, name, namespace="demo", context="work-1"):
        return json.loads(self.kubectl("-n", namespace, "get", kind, name, "-o", "json", context=context))

    def items(self, kind, namespace="demo", context="work-1", *arguments):
        return json.loads(self.kubectl("-n", namespace, "get", kind, "-o", "json", *arguments,
                                       context=context))["items"]

    def repository(self, name="repository"):
        return Repository(os.path.join(self.directory, name))

    def edit_version(self, rollout, old="v1", new="v2", **place):
        """kubectl edit, with a sed script for an editor."""
        namespace = place.pop("namespace", "demo")
        return self.kubectl("-n", namespace, "edit", "rollout", rollout,
                            editor=f"sed -i 's/version: {old}$/version: {new}/'", **place)

    # -- what a release is doing -------------------------------------------------------------------------------

    def wait_phase(self, rollout, phase, namespace="demo", context="work-1", timeout=PATIENCE):
        def there():
            found = self.get("rollout", rollout, namespace, context)
            status = found.get("status", {})
            observed = status.get("observedGeneration") == str(found["metadata"]["generation"])
            return status if observed and status.get("phase") == phase else None
        return eventually(f"rollout {rollout} is {phase}", there, timeout)

    def wait_pause(self, rollout, step, namespace="demo", context="work-1", timeout=PATIENCE):
        """Until the release pauses at the step of that index; returns its status."""
        def there():
            status = self.get("rollout", rollout, namespace, context).get("status", {})
            return status if status.get("pauseConditions") and status.get("currentStepIndex") == step else None
        return eventually(f"rollout {rollout} pauses at step {step}", there, timeout)

    def wait_old_pods_gone(self, rollout, app, namespace="demo", context="work-1"):
        def gone():
            stable = self.get("rollout", rollout, namespace, context)["status"]["stableRS"]
            pods = self.items("pods", namespace, context, "-l", f"app={app}")
            return pods and all(pod["metadata"]["labels"]["rollouts-pod-template-hash"] == stable for pod in pods)
        eventually(f"the old pods of {rollout} are gone", gone)

    def weights(self, virtual_service="provider", namespace="demo", context="mesh"):
        """The weights of the first route, in its order."""
        route = self.get("virtualservice", virtual_service, namespace, context)["spec"]["http"][0]["route"]
        return [destination.get("weight", 0) for destination in route]


class SystemTest(unittest.TestCase):
    """A test with one system for all its methods."""
    clusters = 1

    @classmethod
    def setUpClass(cls):
        cls.system = System(cls.clusters)
        cls.addClassCleanup(cls.system.close)

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before and os.path.exists(self.system.log):
            print("serin's log ends with:\n" + self.system.log_tail(), file=sys.stderr)
        return result

    def deploy(self, repository, path, name="demo", namespace="demo", cluster="work-1",
               rollouts=("consumer", "provider")):
        """app create, app sync, and both services healthy."""
        self.system.serin("app", "create", name, "--repo", repository.directory, "--path", path,
                          "--cluster", cluster, "--namespace", namespace)
        self.assertIn("Succeeded", self.system.serin("app", "sync", name))
        for rollout in rollouts:
            self.system.wait_phase(rollout, "Healthy", namespace, cluster)
