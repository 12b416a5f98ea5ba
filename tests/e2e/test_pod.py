"""One pod with real nat rules, a real Envoy and an app, under STRICT mutual TLS: interception, probes, metrics, drain."""

import json
import threading
import time

import pytest

from harness.pod import HOST, POD, Pod, run
from processes import binary, wait_for

MANIFESTS = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: shop}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: web, namespace: shop}}
---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: shop}}
spec:
  clusterIP: 10.96.0.20
  selector: {{app: web}}
  ports: [{{name: http-web, port: 80, targetPort: 8080}}]
---
apiVersion: v1
kind: Pod
metadata:
  name: web-1
  namespace: shop
  labels: {{app: web, security.istio.io/tlsMode: istio}}
spec:
  serviceAccountName: web
  containers: [{{name: web, image: example/web, ports: [{{containerPort: 8080}}]}}]
status: {{phase: Running, podIP: {POD}, podIPs: [{{ip: {POD}}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: web-1, namespace: shop, labels: {{kubernetes.io/service-name: web}}}}
addressType: IPv4
ports: [{{name: http-web, port: 8080, protocol: TCP}}]
endpoints:
  - addresses: [{POD}]
    conditions: {{ready: true, serving: true, terminating: false}}
    targetRef: {{kind: Pod, namespace: shop, name: web-1}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: default, namespace: shop}}
spec: {{mtls: {{mode: STRICT}}}}
"""

PROBES = {
    "/app-health/web/livez": {
        "httpGet": {"path": "/status/200", "port": 8080, "httpHeaders": [{"name": "x-probe", "value": "yes"}]},
        "timeoutSeconds": 10,
    },
    "/app-health/web/readyz": {"httpGet": {"path": "/status/503", "port": 8080}, "timeoutSeconds": 10},
    "/app-health/web/startupz": {"tcpSocket": {"port": 8080}, "timeoutSeconds": 10},
}

ENVIRONMENT = {
    "POD_NAME": "web-1",
    "FAIRWAY_LABELS": "app=web",
    "ISTIO_KUBE_APP_PROBERS": json.dumps(PROBES),
    "ISTIO_PROMETHEUS_ANNOTATIONS": json.dumps({"scrape": "true", "port": "8080", "path": "/metrics"}),
    "ISTIO_META_CLUSTER_ID": "Kubernetes",
    "FAIRWAY_LOG_FORMAT": "json",
    "FAIRWAY_ENVOY_LOG_LEVEL": "info",
    "FAIRWAY_MINIMUM_DRAIN_TIME": "1",
}


@pytest.fixture(name="pod")
def fixture_pod(lab):
    for program in ("iptables-nft-save", "nsenter", "setpriv"):
        if run(["sh", "-c", f"command -v {program}"]).returncode != 0:
            pytest.skip(f"{program} is not installed")
    pod = Pod(lab)
    if run(pod.inside("iptables-nft-save", "-t", "nat")).returncode != 0:
        pytest.skip("this kernel has no nat table, or lets nobody at it")
    try:
        yield pod
    finally:
        pod.close()


def rules(pod):
    return [l for l in run(pod.inside("iptables-nft-save", "-t", "nat")).stdout.splitlines() if l.startswith("-A")]


def test_pod(lab, pod):
    lab.config.mkdir()
    lab.write("shop.yaml", MANIFESTS)
    control_plane = lab.folder_control_plane(base=False, host=HOST)
    pod.app()
    assert pod.from_outside(8080).body.startswith(HOST)

    print("  the rules are set from outside, as a CNI plugin would; twice")
    for _ in range(2):
        done = run([binary(), "intercept", "--netns", pod.netns])
        assert done.returncode == 0, done.stderr
        before = rules(pod)
    assert len(before) == len(set(before)) > 10
    assert pod.from_outside(8080).status is None  # no proxy yet, and nothing passes by it

    lab_agent = pod.agent(control_plane, ("shop", "web"), ENVIRONMENT)
    done = pod.fairway("agent", "wait", "--timeout", "60")
    assert done.returncode == 0, done.stderr + lab_agent.tail()

    print("  STRICT: plaintext from outside is refused, probes come through")
    wait_for(lambda: pod.from_outside(8080).error == "connection closed", 60, lambda: str(pod.from_outside(8080)))
    answer = pod.from_outside(15020, "/app-health/web/livez")
    assert (answer.status, answer.body) == (200, "127.0.0.6 yes")
    assert pod.from_outside(15020, "/app-health/web/readyz").status == 503
    assert pod.from_outside(15020, "/app-health/web/startupz").status == 200
    assert pod.from_outside(15020, "/app-health/web/other").status == 404
    assert pod.from_outside(15021, "/healthz/ready").status == 200
    assert pod.from_outside(15000).status is None  # Envoy's admin port

    print("  the app reaches itself: directly, and through its service and both sides of the proxy")
    assert pod.get(f"{POD}:8080") == f"200 {POD}"
    wait_for(
        lambda: pod.get("10.96.0.20:80", host="web.shop") == "200 127.0.0.6",
        60,
        lambda: pod.get("10.96.0.20:80", host="web.shop"),
    )

    print("  metrics: Envoy's, the agent's, the app's")
    page = pod.from_outside(15020, "/stats/prometheus").body
    agent = ("istio_agent_cert_expiry_seconds", 'istio_agent_cert_expiry_seconds{resource_name="ROOTCA"}')
    for name in ("envoy_server_live", "envoy_control_plane_connected_state{} 1", *agent, "app_things_total 7"):
        assert f"\n{name}" in page, name
    assert "envoy_server_live" in pod.from_outside(15090, "/stats/prometheus").body

    print("  the log is JSON, Envoy's too")
    lines = lab_agent.log.read_text(encoding="utf-8").splitlines()
    # The form of access logs is the mesh's.
    lines = [json.loads(line) for line in lines if '"GET ' not in line or line.startswith("{")]
    assert any(line.get("scope", "").startswith("envoy") for line in lines)
    assert all(line["level"] and line["message"] and line["time"] for line in lines)

    print("  drain: the request under way is answered, and only then the hook returns")
    answers = []
    slow = threading.Thread(
        target=lambda: answers.append(pod.get("10.96.0.20:80", "/slow?4", host="web.shop")), daemon=True
    )
    slow.start()
    wait_for(lambda: "_rq_active: 1" in envoy_stats(pod), 30, "the slow request to be under way")
    done = pod.fairway("agent", "drain")
    returned = time.monotonic()
    assert done.returncode == 0, done.stderr
    assert "_rq_active: 1" not in envoy_stats(pod)
    slow.join(30)
    assert answers == ["200 127.0.0.6"]
    assert time.monotonic() - returned < 30  # it did not wait for the whole of the drain time
    assert pod.from_outside(15021, "/healthz/ready").body == "the proxy is draining\n"
    assert pod.from_outside(15020, "/app-health/web/livez").status == 200  # the app is still there

    lab_agent.ask_to_stop()
    assert lab_agent.popen.wait(60) == 0
    assert run([binary(), "intercept", "--netns", pod.netns, "--remove"]).returncode == 0
    assert not rules(pod)
    assert pod.from_outside(8080).body.startswith(HOST)


def envoy_stats(pod):
    return pod.get("127.0.0.1:15000", "/stats?filter=http.inbound.*downstream_rq_active")
