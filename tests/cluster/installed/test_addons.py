"""The chart of add-ons on a cluster, with a real Prometheus and, where set-up brought it, a real Zipkin. Grafana's image is nowhere to be had
here: e2e.addons looks at what it is given. Part of `make test-long`."""

import json
import os
import re
import subprocess
import time
import urllib.parse

import addon_images
import discovery
import pytest

from mesh import BINARY, ROOT, SYSTEM, echo_app
from processes import wait_for

pytestmark = pytest.mark.skipif(not os.environ.get("FAIRWAY_LONG"), reason="takes long: make test-long")
RELEASE = "fairway-addons"


@pytest.fixture(name="addons")
def installed(mesh, tmp_path):
    """The names of those that run."""
    cluster = mesh.cluster
    images = {"prometheus": addon_images.prometheus(tmp_path), "zipkin": addon_images.zipkin(tmp_path)}
    commands = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
    running = {name for name, archive in images.items() if archive}
    running |= {"servicegraph"} if re.search(r"\bservicegraph\b", commands) else set()
    for archive in filter(None, images.values()):
        cluster.load_image(archive)
    values = {"global.imagePullPolicy": "Never", "prometheus.interval": "1s", "grafana.enabled": "false"}
    values.update({"prometheus.image": addon_images.PROMETHEUS, "zipkin.image": addon_images.ZIPKIN})
    values.update({f"{name}.enabled": "false" for name in ("prometheus", "zipkin", "servicegraph") if name not in running})
    chosen = [part for key, value in values.items() for part in ("--set", f"{key}={value}")]
    cluster.helm("upgrade", "--install", RELEASE, ROOT / "charts" / "addons", "-n", SYSTEM, *chosen)
    try:
        yield running
    finally:
        cluster.helm("uninstall", RELEASE, "-n", SYSTEM)


def pods_from_a_file(mesh):
    """Gives Prometheus the pods that there are now, in the place of a discovery that Debian's does not have."""
    config = mesh.cluster.get(f"/api/v1/namespaces/{SYSTEM}/configmaps/prometheus")
    pods = mesh.cluster.get("/api/v1/pods")["items"]
    config["data"]["prometheus.yml"] = discovery.from_file(config["data"]["prometheus.yml"], "/etc/prometheus/targets.json")
    config["data"]["targets.json"] = discovery.file_text(pods)
    config["metadata"].pop("managedFields", None)
    mesh.cluster.kubectl("replace", "-f", "-", text=json.dumps(config))
    mesh.cluster.kubectl("-n", SYSTEM, "delete", "pods", "-l", "app=prometheus", "--wait")
    mesh.cluster.wait_ready("deployment/prometheus", SYSTEM)


def ask(mesh, service, port, path, **parameters):
    """The body of an answer. A pod that has just become ready is a moment later in the rules of its Service."""
    to, query = f"{mesh.address(service)}:{port}", f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
    seen = {}

    def answered():
        seen["answer"] = mesh.cluster.http(to, path + query, timeout=20)
        return seen["answer"].status == 200

    wait_for(answered, 30, lambda: f"{service} to answer {path}: {seen['answer']}", pause=0.2)
    return seen["answer"].body


def query(mesh, expr):
    """The values of a query, by namespace and pod."""
    result = json.loads(ask(mesh, "prometheus", 9090, "/api/v1/query", query=expr))["data"]["result"]
    return {(s["metric"].get("namespace"), s["metric"].get("pod")): float(s["value"][1]) for s in result}


def edges(mesh, namespace):
    """Who calls whom within a namespace, as the graph's page has it."""
    picture = json.loads(ask(mesh, "servicegraph", 8088, "/api/graph"))
    nodes = picture["nodes"]
    named = [(nodes[edge["source"]], nodes[edge["target"]]) for edge in picture["edges"]]
    return {(a["name"], b["name"]) for a, b in named if a["namespace"] == b["namespace"] == namespace}


def test_prometheus_has_the_mesh(mesh, addons):
    if "prometheus" not in addons:
        pytest.skip("no Prometheus on this machine")
    with mesh.namespace("seen") as ns:
        mesh.run(echo_app("web", ns), echo_app("client", ns))
        pods_from_a_file(mesh)
        control_plane = {(SYSTEM, name) for name in mesh.cluster.pods("app=istiod", SYSTEM)}
        proxied = {(ns, name) for app in ("web", "client") for name in mesh.cluster.pods(f"app={app}", ns)}
        gateways = {(SYSTEM, name) for name in mesh.cluster.pods("app=istio-ingressgateway", SYSTEM)}
        wait_for(lambda: control_plane | proxied | gateways <= set(query(mesh, "up == 1")), 60, lambda: str(query(mesh, "up")))
        # Nothing twice, however many containers and ports a pod has.
        assert set(query(mesh, "count by (namespace, pod) (up)").values()) == {1.0}
        assert set(query(mesh, "fairway_build_info")) == control_plane
        assert proxied | gateways <= set(query(mesh, "envoy_server_live"))
        for _ in range(20):
            mesh.wait_status("client", ns, f"http://web.{ns}:8080/", 200)
        requests = f'sum by (namespace, pod) (istio_requests_total{{destination_service="web.{ns}.svc.cluster.local"}})'
        wait_for(lambda: set(query(mesh, requests)) == proxied, 60, lambda: f"{requests}: {query(mesh, requests)}")
        rules = json.loads(ask(mesh, "prometheus", 9090, "/api/v1/rules"))["data"]["groups"]
        assert sum(len(group["rules"]) for group in rules) > 20
        assert {rule["health"] for group in rules for rule in group["rules"]} <= {"ok", "unknown"}
        if "servicegraph" in addons:
            mesh.cluster.wait_ready("deployment/servicegraph", SYSTEM)
            edge = '"client_(client)" -> "web_(web)"'
            wait_for(lambda: edge in ask(mesh, "servicegraph", 8088, "/dotgraph"), 60, lambda: ask(mesh, "servicegraph", 8088, "/dotgraph"))
            wait_for(lambda: edges(mesh, ns) == {("client", "web")}, 60, lambda: ask(mesh, "servicegraph", 8088, "/api/graph"))


def test_zipkin_takes_spans(mesh, addons):
    if "zipkin" not in addons:
        pytest.skip("no Zipkin on this machine: tools/setup zipkin")
    mesh.cluster.wait_ready("deployment/zipkin", SYSTEM, seconds=300)
    now = int(time.time() * 1e6)
    span = {"traceId": "463ac35c9f6413ad48485a3953bb6124", "id": "a2fb4a1d1a96d312", "name": "get", "timestamp": now}
    span.update({"duration": 1000, "localEndpoint": {"serviceName": "portal"}})
    to = f"{mesh.address('zipkin')}:9411"
    headers = {"content-type": "application/json"}
    send = lambda: mesh.cluster.http(to, "/api/v2/spans", method="POST", body=json.dumps([span]), headers=headers)
    wait_for(lambda: send().status == 202, 30, lambda: f"Zipkin to take a span: {send()}", pause=0.2)
    wait_for(lambda: "portal" in ask(mesh, "zipkin", 9411, "/api/v2/services"), 60, "the span's service")
