"""What retries, outlier detection, health checks and circuit breakers are worth, in figures: the share of requests that are answered
with and without them while an application fails, and while parts of the mesh are replaced. docs/resilience.md tells of them."""

import json
import os

import pytest
import yaml

from mesh import SYSTEM, echo_app
from processes import wait_for

pytestmark = pytest.mark.skipif(os.environ.get("FAIRWAY_LONG") != "1", reason="minutes of load: make test-long has it")
REQUESTS = 1500  # of each case
NONE, RETRIES = {"attempts": 0}, {"attempts": 3, "retryOn": "5xx"}
OUTLIERS = {"consecutive5xxErrors": 3, "interval": "1s", "baseEjectionTime": "120s", "maxEjectionPercent": 100}
ROUND_ROBIN = {"loadBalancer": {"simple": "ROUND_ROBIN"}}


def rules(namespace, retries, policy):
    """The route to the application `web`, with its retries, and the policy of its clients."""
    host = f"web.{namespace}.svc.cluster.local"
    http = [{"retries": retries, "route": [{"destination": {"host": host}}]}]
    kinds = (("VirtualService", {"hosts": [host], "http": http}), ("DestinationRule", {"host": host, "trafficPolicy": policy}))
    for kind, spec in kinds:
        meta = {"name": "web", "namespace": namespace}
        yield {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": meta, "spec": spec}


def measured(mesh, namespace, retries, policy, url, connections=4, requests=REQUESTS):
    """The result of so many requests, once the rules are at the client."""
    mesh.apply(yaml.safe_dump_all(rules(namespace, retries, policy)))
    for kind in ("virtualservice", "destinationrule"):
        done = mesh.run_fairway("wait", f"{kind}/web", "-n", namespace, "--timeout", "60s")
        assert done.returncode == 0, done.stderr
    with mesh.load("client", namespace, url, connections) as load:
        load.wait_sent(requests)
        return load.finish()


def share(result):
    return 100 * (1 - len(result["failures"]) / result["sent"])


def show(title, rows):
    print(f"\n  {title}", flush=True)
    for name, result in rows.items():
        text = f"{share(result):6.2f} % of {result['sent']} answered; slowest 1 % of them after {result['answered_p99_ms']:.0f} ms"
        print(f"    {name:<32}{text}", flush=True)


def failing(name, namespace, percent, replicas, probe=None):
    """Pods of `web` of which so many requests fail. `probe`: as of echo_app()."""
    objects = echo_app("web", namespace, replicas=replicas, env={"ERRORS": str(percent), "ERROR_STATUS": "500"}, probe=probe)
    deployment = objects[-1]
    deployment["metadata"] = {**deployment["metadata"], "name": name}  # the Service's is the same dict
    deployment["spec"]["selector"]["matchLabels"]["part"] = name
    deployment["spec"]["template"]["metadata"]["labels"]["part"] = name
    return objects


@pytest.fixture(name="namespace")
def fixture_namespace(mesh):
    with mesh.namespace("resilience") as ns:
        mesh.run(echo_app("client", ns))
        yield ns


def test_one_pod_of_three_fails(mesh, namespace):
    mesh.run(failing("good", namespace, 0, 2), failing("bad", namespace, 100, 1))
    url = f"http://web.{namespace}:8080/"
    rows = {
        "nothing": measured(mesh, namespace, NONE, ROUND_ROBIN, url),
        "retries": measured(mesh, namespace, RETRIES, ROUND_ROBIN, url),
        "outlier detection": measured(mesh, namespace, NONE, {**ROUND_ROBIN, "outlierDetection": OUTLIERS}, url),
        "both": measured(mesh, namespace, RETRIES, {**ROUND_ROBIN, "outlierDetection": {**OUTLIERS, "interval": "2s"}}, url),
    }
    show("One pod of three answers every request with 500", rows)
    assert share(rows["nothing"]) < 80, "the failing pod is met"
    assert share(rows["outlier detection"]) > 99 > share(rows["nothing"])
    assert share(rows["retries"]) == share(rows["both"]) == 100


def test_a_health_check_that_sees_it(mesh, namespace):
    """The same pods, but their health check asks what users ask."""
    probe = {"readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1}}
    mesh.run(failing("good", namespace, 0, 2, probe))
    mesh.apply(*failing("bad", namespace, 100, 1, probe))

    def running():
        path = f"/api/v1/namespaces/{namespace}/pods?labelSelector=part%3Dbad"
        return [s["name"] for pod in mesh.cluster.get(path)["items"] for s in pod["status"].get("containerStatuses", []) if "running" in s["state"]]

    wait_for(lambda: "app" in running(), 120, "the failing pod's application to run")
    rows = {"health check": measured(mesh, namespace, NONE, ROUND_ROBIN, f"http://web.{namespace}:8080/")}
    show("The same, and the health check of the pods asks for the same page", rows)
    assert share(rows["health check"]) == 100


def test_parts_are_replaced_while_requests_go_on(mesh, namespace):
    mesh.run(echo_app("web", namespace, replicas=3))
    rows = {}
    for name, place, target in (("the application", namespace, "deployment/web"), ("the control plane", SYSTEM, "deployment/fairway")):
        with mesh.load("client", namespace, f"http://web.{namespace}:8080/", 4) as load:
            load.wait_sent(200)
            mesh.cluster.kubectl("rollout", "restart", "-n", place, target)
            mesh.cluster.wait_ready(target, place)
            load.wait_sent(REQUESTS)
            rows[name] = load.finish()
    show("While all pods of these are replaced (rollout restart)", rows)
    assert all(share(result) == 100 for result in rows.values()), rows


def test_every_pod_fails_sometimes(mesh, namespace):
    mesh.run(failing("web", namespace, 30, 3))
    url = f"http://web.{namespace}:8080/"
    rows = {
        "nothing": measured(mesh, namespace, NONE, ROUND_ROBIN, url),
        "one retry": measured(mesh, namespace, {"attempts": 1, "retryOn": "5xx"}, ROUND_ROBIN, url),
        "three retries": measured(mesh, namespace, RETRIES, ROUND_ROBIN, url),
    }
    show("30 % of the requests to each pod are answered with 500", rows)
    assert share(rows["nothing"]) < share(rows["one retry"]) < share(rows["three retries"])


def test_more_than_an_application_can_bear(mesh, namespace):
    """Two pods that work on one request at a time, for 50 ms each, and 32 clients."""
    mesh.run(echo_app("web", namespace, replicas=2, env={"CONCURRENCY": "1"}))
    url = f"http://web.{namespace}:8080/?delay=0.05"
    limit = {"tcp": {"maxConnections": 4}, "http": {"http1MaxPendingRequests": 2}}
    rows = {
        "nothing": measured(mesh, namespace, NONE, {}, url, 32, 400),
        "circuit breaker": measured(mesh, namespace, NONE, {"connectionPool": limit}, url, 32, 4000),
    }
    show("32 clients of an application that can do 40 requests a second", rows)
    assert share(rows["nothing"]) == 100, "all wait"
    refused = rows["circuit breaker"]["failures"]
    assert refused and all("503" in text and "overflow" in text for text in refused), json.dumps(refused[:3])
