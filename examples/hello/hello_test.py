"""Runs the two example programs on 127.0.0.1 and checks what they answer: hello_test.py PROVIDER CONSUMER."""
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import unittest

PROVIDER, CONSUMER = sys.argv[1], sys.argv[2]
TIMEOUT = 30  # seconds; a limit for a broken program, never waited out by a working one


class Program:
    """A started program; its port is the one it printed."""

    def __init__(self, path, *flags, **environment):
        self.process = subprocess.Popen(
            [path, "--address", "127.0.0.1", *flags], stdout=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"], "http_proxy": "http://127.0.0.1:9", **environment})
        self.port = int(self.process.stdout.readline().split()[-1])

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(TIMEOUT)
        self.process.stdout.close()
        return status


class HelloTest(unittest.TestCase):
    def provider(self, port=0):
        program = Program(PROVIDER, "--port", str(port), "--drain", "2",
                          POD_NAME="provider-1", POD_TEMPLATE_HASH="abc", POD_VERSION="v1")
        self.addCleanup(program.stop)
        return program

    def consumer(self, provider_port):
        program = Program(CONSUMER, "--port", "0", "--drain", "2", HOSTNAME="consumer-1", VERSION="v2",
                          PROVIDER_URL="tri://127.0.0.1:%d" % provider_port)
        self.addCleanup(program.stop)
        return program

    def connect(self, program):
        connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=TIMEOUT)
        self.addCleanup(connection.close)
        return connection

    def get(self, connection, target, **headers):
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        return response, json.loads(response.read())

    def test_answers_with_both_identities_and_passes_the_lane_on(self):
        connection = self.connect(self.consumer(self.provider().port))
        response, body = self.get(connection, "/hello?x=1&name=a%20b+c", lane="test-v2")
        self.assertEqual(200, response.status)
        self.assertEqual({"pod": "consumer-1", "hash": "", "version": "v2"}, body["consumer"])
        self.assertEqual({"pod": "provider-1", "hash": "abc", "version": "v1"}, body["provider"])
        self.assertEqual("a b c", body["name"])
        self.assertEqual("test-v2", body["lane"])
        response, body = self.get(connection, "/hello?name=again")  # the same connection
        self.assertEqual((200, ""), (response.status, body["lane"]))

    def test_is_ready_without_a_provider_and_says_why_a_call_failed(self):
        provider = self.provider()
        provider.stop()
        connection = self.connect(self.consumer(provider.port))
        response, body = self.get(connection, "/hello")
        self.assertEqual((200, True), (response.status, body["ready"]))
        response, body = self.get(connection, "/hello?name=x")
        self.assertEqual((502, 14), (response.status, body["code"]))
        self.assertTrue(body["error"].startswith("provider: "))
        self.assertEqual(404, self.get(connection, "/other")[0].status)
        connection.request("POST", "/hello", body="x")
        self.assertEqual(405, connection.getresponse().status)

    def test_stop_answers_the_next_request_of_every_connection_and_ends_with_status_0(self):
        consumer = self.consumer(self.provider().port)
        connections = [self.connect(consumer) for _ in range(20)]
        for connection in connections:
            self.assertEqual(200, self.get(connection, "/hello?name=x")[0].status)
        consumer.process.send_signal(signal.SIGTERM)
        for connection in connections:
            last = None
            while last != "close":  # the signal may take a moment to arrive
                response, _ = self.get(connection, "/hello?name=x")
                self.assertEqual(200, response.status)
                last = response.getheader("Connection")
        self.assertEqual(0, consumer.process.wait(TIMEOUT))

    def test_stop_under_load_drops_no_request(self):
        consumer = self.consumer(self.provider().port)
        failures, answered = [], []
        warm = threading.Barrier(9)

        def client():
            connection = http.client.HTTPConnection("127.0.0.1", consumer.port, timeout=TIMEOUT)
            for turn in range(10000):
                try:
                    response, _ = self.get(connection, "/hello?name=x")
                except OSError as error:
                    failures.append(error)
                    break
                answered.append(response.status)
                if turn == 20:
                    warm.wait(TIMEOUT)
                if response.getheader("Connection") == "close":
                    break
            connection.close()

        threads = [threading.Thread(target=client) for _ in range(8)]
        for thread in threads:
            thread.start()
        warm.wait(TIMEOUT)
        status = consumer.stop()
        for thread in threads:
            thread.join(TIMEOUT)
        self.assertEqual([], failures)
        self.assertEqual({200}, set(answered))
        self.assertEqual(0, status)

    def test_provider_ends_with_status_0(self):
        provider = self.provider()
        connection = self.connect(self.consumer(provider.port))
        self.assertEqual(200, self.get(connection, "/hello?name=x")[0].status)
        self.assertEqual(0, provider.stop())

    def test_port_in_use_and_bad_flags_are_errors(self):
        provider = self.provider()
        for flags, status in ((["--port", str(provider.port)], 1), (["--port", "70000"], 2), (["x"], 2)):
            for program in (PROVIDER, CONSUMER):
                done = subprocess.run([program, "--address", "127.0.0.1", *flags], timeout=TIMEOUT, capture_output=True)
                self.assertEqual(status, done.returncode, (program, flags))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
