"""Time from the request that changes a weight to the last proxy's acknowledgement, as the changed object's own
status reports it. Runs against a system that is up and has the application of examples/canary:

    serin up --state DIR &      # then create and sync the application into namespace demo
    python3 test/bench/weight_to_ack.py --kubeconfig DIR/kubeconfig

Makes a VirtualService of its own beside the application's (a Rollout would take its weights back), and removes it.
Sends PATCH requests (merge patches, as `kubectl patch --type merge` does) over one TLS connection and follows the
object with a watch on another. Prints the median, the 99th percentile and the maximum in milliseconds.
"""
import argparse
import base64
import http.client
import json
import ssl
import statistics
import subprocess
import tempfile
import time
import urllib.parse


NAME = "serin-bench"


def routes(weight):
    """Two destinations that exist in examples/canary, sharing 100."""
    return [{"route": [{"destination": {"host": "consumer", "subset": subset, "port": {"number": 9090}},
                        "weight": share} for subset, share in (("stable", 100 - weight), ("canary", weight))]}]


def virtual_service():
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": NAME},
            "spec": {"hosts": ["bench.example.com"], "gateways": ["hello"], "http": routes(0)}}


def connect(kubeconfig, context):
    """A function that opens connections, and the path prefix of the context's API server."""
    config = json.loads(subprocess.run(
        ["kubectl", "--kubeconfig", kubeconfig, "--context", context, "config", "view", "--raw", "--minify", "-o", "json"],
        check=True, capture_output=True, text=True).stdout)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    url = urllib.parse.urlparse(cluster["server"])
    tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as pem:
        pem.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        pem.flush()
        tls.load_cert_chain(pem.name)
    return lambda: http.client.HTTPSConnection(url.hostname, url.port, context=tls, timeout=30), url.path


def call(connection, method, path, body=None, content_type="application/merge-patch+json"):
    connection.request(method, path, json.dumps(body) if body is not None else None,
                       {"Content-Type": content_type, "Accept": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise SystemExit("%s %s: %d %s" % (method, path, answer.status, text.decode()))
    return json.loads(text)


def acknowledged(item, generation):
    status = item.get("status", {})
    return status.get("observedGeneration") == generation and any(
        c["type"] == "Reconciled" and c["status"] == "True" for c in status.get("conditions", []))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--context", default="work-1")
    parser.add_argument("--namespace", default="demo")
    parser.add_argument("--count", type=int, default=100)
    options = parser.parse_args()

    opened, prefix = connect(options.kubeconfig, options.context)
    collection = "%s/apis/networking.istio.io/v1/namespaces/%s/virtualservices" % (prefix, options.namespace)
    path = "%s/%s" % (collection, NAME)
    writer, reader = opened(), opened()
    item = call(writer, "POST", collection, virtual_service(), "application/json")
    reader.request("GET", "%s?watch=true&fieldSelector=metadata.name%%3D%s&resourceVersion=%s"
                   % (collection, NAME, item["metadata"]["resourceVersion"]))
    events = reader.getresponse()

    spans = []
    for number in range(options.count):
        weight = 1 + number % 99
        begin = time.perf_counter()
        generation = call(writer, "PATCH", path, {"spec": {"http": routes(weight)}})["metadata"]["generation"]
        while True:
            event = json.loads(events.readline())
            if acknowledged(event["object"], generation):
                break
        spans.append((time.perf_counter() - begin) * 1000)
    call(writer, "DELETE", path)
    spans.sort()
    print("%d weight changes, patch sent to acknowledged status read: median %.1f ms, p99 %.1f ms, max %.1f ms"
          % (len(spans), statistics.median(spans), spans[int(len(spans) * 0.99) - 1], spans[-1]))


main()
