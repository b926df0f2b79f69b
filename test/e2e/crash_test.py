"""serin is killed with kill -9 under HTTP writes, again and again: what was answered is there, what was not is whole or
not there, and no revision is given twice. Needs nothing but the binary."""
import base64
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

from system import SERIN, SKIPPED, eventually

WRITERS = 8
ROUNDS = 5
ANSWERS = 400  # of one round, before the kill
PATH = "/api/v1/namespaces/default/configmaps"
LEFT_OUT = "mesh,node,rollout,gitops"


class Server:
    def __init__(self, state):
        self.state = state
        self.start()

    def start(self):
        kubeconfig = os.path.join(self.state, "kubeconfig")
        if os.path.exists(kubeconfig):
            os.remove(kubeconfig)
        self.process = subprocess.Popen([SERIN, "up", "--state", self.state, "--api-port", "0", "--without", LEFT_OUT],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        eventually("there is a kubeconfig", lambda: os.path.exists(kubeconfig))
        with open(kubeconfig, encoding="utf-8") as file:
            text = file.read()
        self.port = int(re.search(r"127\.0\.0\.1:(\d+)", text).group(1))
        certificate = os.path.join(self.state, "test.pem")
        with open(certificate, "wb") as file:
            for field in ("client-certificate-data", "client-key-data"):
                file.write(base64.b64decode(re.search(field + r':\s*"?([\w+/=]+)', text).group(1)))
        authority = base64.b64decode(re.search(r'certificate-authority-data:\s*"?([\w+/=]+)', text).group(1)).decode()
        self.tls = ssl.create_default_context(cadata=authority)
        self.tls.load_cert_chain(certificate)
        eventually("it answers", lambda: self.ask("GET", "/api/v1/namespaces/default")[0] == 200)

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=30)

    def ask(self, method, path, body=None, connection=None):
        mine = connection or self.connect()
        mine.request(method, "/clusters/work-1" + path, json.dumps(body) if body else None,
                     {"Content-Type": "application/json"})
        answer = mine.getresponse()
        text = answer.read()
        if not connection:
            mine.close()
        return answer.status, json.loads(text)

    def kill(self):
        self.process.kill()
        self.process.wait()


def config_map(name, value):
    return {"metadata": {"name": name}, "data": {"left": value, "pad": "p" * 900, "right": value}}


class Writer(threading.Thread):
    """Creates, changes and deletes objects of its own, one after another, until the server is gone."""

    def __init__(self, server, number, generation, answered):
        super().__init__()
        self.server, self.number, self.generation, self.answered = server, number, generation, answered
        self.known = {}  # name -> (value or None, revision), as answered
        self.asked = {}  # name -> value or None, of the request without an answer
        self.wrong = []

    def run(self):
        connection = self.server.connect()
        for i in range(1_000_000):
            name = f"w{self.number}-{self.generation}-{i // 3 % 40}"
            value = f"{self.generation}.{i}"
            there = self.known.get(name, (None, 0))[0] is not None
            if there and i % 7 == 6:
                method, path, body, value = "DELETE", f"{PATH}/{name}", None, None
            elif there:
                method, path, body = "PUT", f"{PATH}/{name}", config_map(name, value)
            else:
                method, path, body = "POST", PATH, config_map(name, value)
            self.asked = {name: value}
            try:
                status, answer = self.server.ask(method, path, body, connection)
            except (OSError, http.client.HTTPException):
                return
            if status not in (200, 201):
                self.wrong.append((method, name, status, answer))
                return
            self.known[name] = (value, int(answer["metadata"].get("resourceVersion", 0)))
            self.asked = {}
            self.answered.release()


class Crash(unittest.TestCase):
    def test_killed_under_load(self):
        state = tempfile.mkdtemp(prefix="serin-crash-")
        self.addCleanup(shutil.rmtree, state, ignore_errors=True)
        server = Server(state)
        self.addCleanup(lambda: server.process.poll() is None and server.kill())
        known, highest = {}, 0
        for generation in range(ROUNDS):
            answered = threading.Semaphore(0)
            writers = [Writer(server, number, generation, answered) for number in range(WRITERS)]
            for writer in writers:
                writer.start()
            for _ in range(ANSWERS + generation * 50):
                self.assertTrue(answered.acquire(timeout=60), "writes are answered")
            server.kill()
            for writer in writers:
                writer.join()
                self.assertEqual([], writer.wrong)
                known.update(writer.known)
            asked = {name: value for writer in writers for name, value in writer.asked.items()}
            server.start()
            highest = self.check(server, known, asked, highest)
        status, made = server.ask("POST", PATH, config_map("last", "1"))
        self.assertEqual(201, status)
        self.assertGreater(int(made["metadata"]["resourceVersion"]), highest)

    def check(self, server, known, asked, highest):
        """Returns the revision that the server has reached, and brings `known` to what is there."""
        status, listing = server.ask("GET", PATH)
        self.assertEqual(200, status)
        found = {item["metadata"]["name"]: item for item in listing["items"] if item["metadata"]["name"].startswith("w")}
        reached = int(listing["metadata"]["resourceVersion"])
        answered = [revision for _, revision in known.values()]
        self.assertGreaterEqual(reached, max(answered + [highest]))
        self.assertEqual(len(found), len({item["metadata"]["resourceVersion"] for item in found.values()}))
        for name in known.keys() | asked.keys() | found.keys():
            item = found.get(name)
            value = item["data"]["left"] if item else None
            if item:
                self.assertEqual(item["data"]["left"], item["data"]["right"], "whole")
                self.assertEqual(900, len(item["data"]["pad"]), "whole")
            possible = [known.get(name, (None, 0))[0]] + ([asked[name]] if name in asked else [])
            self.assertIn(value, possible, name)
            if value == known.get(name, (None, 0))[0] and item and known[name][1]:
                self.assertEqual(known[name][1], int(item["metadata"]["resourceVersion"]))
            known[name] = (value, int(item["metadata"]["resourceVersion"]) if item else 0)
        return reached


if __name__ == "__main__":
    if not os.access(SERIN, os.X_OK):
        print(f"skipped: {SERIN} is not built")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
