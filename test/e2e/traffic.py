"""A client that sends requests at a constant rate, whatever the answers do: no retries, every failure recorded."""
import http.client
import json
import math
import threading
import time

CONNECTIONS = 8
PORT = 9090  # of the examples' Gateway
TIMEOUT = 10  # seconds; an answer later than that is a failure


def versions(body):
    """"v1/v2": which consumer answered, and which provider answered it."""
    answer = json.loads(body)
    return f"{answer['consumer']['version']}/{answer['provider']['version']}"


def provider_pod(body):
    """The name of the pod that answered behind the consumer."""
    return json.loads(body)["provider"]["pod"]


def fetch(host, path="/hello?name=test-v1", port=PORT, identify=versions, **headers):
    """One request; what `identify` makes of its answer. OSError or AssertionError where it fails."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (answer.status, body)
        return identify(body)
    finally:
        connection.close()


class Client:
    """Sends from start to `stop()`, on a schedule fixed at the start: a slow answer delays no other connection."""

    def __init__(self, host, path="/hello?name=test-v1", port=PORT, rate=200, identify=versions):
        self._host, self._path, self._port, self._rate, self._identify = host, path, port, rate, identify
        self._begin = time.monotonic()
        self._stop = threading.Event()
        self._samples = [[] for _ in range(CONNECTIONS)]  # (sent, answered, who); one list a thread
        self._failures = [[] for _ in range(CONNECTIONS)]  # (sent, what)
        self._threads = [threading.Thread(target=self._send, args=(i,), daemon=True) for i in range(CONNECTIONS)]
        for thread in self._threads:
            thread.start()

    def _send(self, index):
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT)
        number = index
        while True:
            due = self._begin + number / self._rate
            if self._stop.wait(max(0.0, due - time.monotonic())):
                break
            sent = time.monotonic()
            try:
                connection.request("GET", self._path)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status == 200:
                    self._samples[index].append((sent, time.monotonic(), self._identify(body)))
                else:
                    self._failures[index].append((sent, f"{answer.status} {body[:200]!r}"))
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self._failures[index].append((sent, repr(error)))
                connection.close()
            number += CONNECTIONS
        connection.close()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * TIMEOUT)

    def failures(self):
        """Every request that was not answered with 200, as seconds since the start and what happened."""
        return sorted((round(sent - self._begin, 3), what) for one in self._failures for sent, what in one)

    def answered(self):
        return sum(len(one) for one in self._samples)

    def during(self, begin, end):
        """How many answers came from whom, of requests sent and answered within that time."""
        counts = {}
        for one in self._samples:
            for sent, answered, who in list(one):
                if begin <= sent and answered <= end:
                    counts[who] = counts.get(who, 0) + 1
        return counts

    def measure(self, seconds):
        """Counts of the next `seconds`."""
        begin = time.monotonic()
        time.sleep(seconds)
        return self.during(begin, time.monotonic())


def check_split(counts, who, expected):
    """AssertionError unless the share of `who` is within 4 sigma of `expected` (exact at 0 and 1)."""
    total = sum(counts.values())
    assert total > 0, "nothing was answered"
    share = counts.get(who, 0) / total
    limit = 4 * math.sqrt(expected * (1 - expected) / total)
    assert abs(share - expected) <= limit, f"{who}: {share:.4f} of {total}, expected {expected} ± {limit:.4f}: {counts}"
