"""One `serin up` for a program that is a client of Kubernetes: no mesh, no releases, one work cluster.

A client's program needs its tools and, for what it is built from, the network; both come before `own_network()`, after
which this process and its children see nothing but a loopback interface. Where something is missing the program ends with
status 77 (skipped) and a line that says why. The binary is $SERIN_BINARY; what is built stays in $CLIENTS_BUILD.
"""
import contextlib
import http.server
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

import system  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("CLIENTS_BUILD") or os.path.join(system.ROOT, "build", "clients")
# Images that need no command, so that `kubectl run` and `create deployment` make pods that run.
IDLE = "idle:1"  # never ends by itself
TALK = "talk:1"  # prints one, two, three, then idles
ONCE = "once:1"  # prints done and ends well
SHELL = "shell:1"  # runs the pod's own command
IMAGES = (
    "idle:*=sleep 100000",
    "talk:*=sh -c 'echo one; echo two; echo three; exec sleep 100000'",
    "once:*=sh -c 'echo done'",
    "shell:*=",
)
skip = system.skip


def need_serin():
    if not os.access(system.SERIN, os.X_OK):
        skip(f"{system.SERIN} is not built")


def prepare(command, why, **options):
    """Runs a command that fetches or builds a client; skips where it fails, with `why` and the end of what it printed."""
    os.makedirs(BUILD, exist_ok=True)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    if done.returncode != 0:
        skip(f"{why}: {' | '.join(done.stdout.strip().splitlines()[-3:])}")


def changed(pins, folder):
    """Whether `folder` holds something else than what was installed from the file `pins` as it is now."""
    try:
        with open(os.path.join(folder, "installed"), "rb") as file, open(pins, "rb") as wanted:
            return file.read() != wanted.read()
    except OSError:
        return True


def remember(pins, folder):
    shutil.copy(pins, os.path.join(folder, "installed"))


def own_network():
    need_serin()
    system.enter_own_network()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster(system.System):
    """The work cluster of a `serin up`, the current context of `kubeconfig`. Its port stays over restarts."""

    def __init__(self):
        arguments = ["--without", "mesh,gitops,rollout"]
        for image in IMAGES:
            arguments += ["--image", image]
        super().__init__(arguments=arguments, port=free_port())


@contextlib.contextmanager
def cluster():
    """A running cluster; the end of its log is shown where the block fails."""
    running = Cluster()
    try:
        yield running
    except BaseException:
        print("serin's log ends with:\n" + running.log_tail(), file=sys.stderr)
        raise
    finally:
        running.close()


class Control(http.server.BaseHTTPRequestHandler):
    """What a client's program may ask of the harness, at $CLIENTS_CONTROL: POST /restart kills serin and starts it again."""

    def do_POST(self):  # the name http.server asks for
        if self.path == "/restart":
            self.server.running.kill()
            self.server.running.start()
        self.send_response(200 if self.path == "/restart" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass


def run_program(command, timeout, **options):
    """Runs a client's program against a new cluster, with KUBECONFIG and CLIENTS_CONTROL; returns its status."""
    own_network()
    with cluster() as running:
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Control) as control:
            control.running = running
            threading.Thread(target=control.serve_forever, daemon=True).start()
            environment = {**running.environment, "CLIENTS_CONTROL": f"http://127.0.0.1:{control.server_port}"}
            # A session of its own, so that at the end nothing it started is left.
            program = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True, **options)
            try:
                status = program.wait(timeout)
            except subprocess.TimeoutExpired:
                print(f"not done after {timeout} s", file=sys.stderr)
                status = 1
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(program.pid, signal.SIGKILL)
                program.wait()
            control.shutdown()
        if status != 0:
            print("serin's log ends with:\n" + running.log_tail(), file=sys.stderr)
    return status
