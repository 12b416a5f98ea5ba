"""`fairway authz check`: the same answers from manifests, from a control plane and from its dump."""

import json
import subprocess
import types

import pytest

from harness.xds import DeltaClient
from processes import ControlPlane, binary, request

MANIFESTS = """
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: shop}
spec:
  clusterIP: 10.96.0.10
  selector: {app: reviews}
  ports: [{name: http, port: 80, targetPort: web}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews, namespace: shop}
spec:
  selector: {matchLabels: {app: reviews}}
  template:
    metadata: {labels: {app: reviews}}
    spec:
      serviceAccountName: reviews
      containers: [{name: app, image: app, ports: [{name: web, containerPort: 8080}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: reviews-0, namespace: shop, labels: {app: reviews}}
spec:
  serviceAccountName: reviews
  containers: [{name: app, image: app, ports: [{name: web, containerPort: 8080}]}]
status: {phase: Running, podIP: 10.20.0.5, podIPs: [{ip: 10.20.0.5}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: reviews}}
  rules:
  - from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]
    to: [{operation: {methods: [GET], paths: ["/reviews/*"]}}]
  - from: [{source: {namespaces: [admin]}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-secrets, namespace: shop}
spec:
  action: DENY
  rules: [{to: [{operation: {paths: ["/reviews/secret"]}}]}]
"""
POD = types.SimpleNamespace(
    namespace="shop",
    account="reviews",
    labels={"app": "reviews"},
    ip="10.20.0.5",
    service="reviews",
    pod="reviews-0",
    app="127.0.0.1",
    outbound="127.0.0.1",
    gateway=False,
    id="reviews-0.shop",
)


def check(*arguments):
    argv = [binary(), "authz", "check", *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


def verdict(source, *arguments):
    """The exit code and the report."""
    done = check(*source, *arguments, "-o", "json")
    assert done.returncode in (0, 79), (done.returncode, done.stdout, done.stderr)
    return done.returncode, json.loads(done.stdout)


@pytest.fixture(name="sources")
def made_sources(lab):
    """Name -> flags that lead to the workload's configuration."""
    folder = lab.directory / "manifests"
    folder.mkdir()
    (folder / "shop.yaml").write_text(MANIFESTS, encoding="utf-8")
    plane = lab.add(ControlPlane(lab.directory / "plane", ["--config", folder], insecure=True))
    client = DeltaClient(plane.insecure, POD)
    try:
        client.subscribe("listener", ["inbound_10.20.0.5_8080"])
        client.wait_for("listener", "inbound_10.20.0.5_8080")
        dump = lab.directory / "dump.json"
        page = request(plane.admin, "/debug/config_dump?proxy=reviews-0.shop", timeout=30)
        dump.write_text(page.body, encoding="utf-8")
        yield {
            "manifests": ("deploy/reviews", "-n", "shop", "-f", folder),
            "a pod's manifest": ("pod/reviews-0", "-n", "shop", "-f", folder / "shop.yaml"),
            "control plane": ("reviews-0", "-n", "shop", "--sent", "--control-plane", plane.admin),
            "dump": ("--dump", dump),
        }
    finally:
        client.close()


def test_lists_and_judges_alike_from_every_source(sources):
    for name, source in sources.items():
        print(f"  {name}")
        done = check(*source, "--port", 8080)
        assert done.returncode == 0, done.stderr
        lines = [line.split() for line in done.stdout.splitlines()]
        assert lines[0] == "PORT CHAINS ORDER ACTION MODE POLICY OBJECT".split()
        # Inside of an application's own TLS no path is seen: what is denied by path is denied whole.
        assert [line[1:4] for line in lines[1:]] == [
            ["mtls,plain", "1", "DENY"],
            ["mtls,plain", "2", "ALLOW"],
            ["mtls,plain", "2", "ALLOW"],
            ["tls", "1", "DENY"],
            ["tls", "2", "ALLOW"],
        ], done.stdout
        assert "no-secrets" in done.stdout

        at = ("--port", 8080, "--path", "/reviews/1")
        code, report = verdict(source, *at, "--from", "shop/web")
        assert (code, report["verdict"]) == (0, "allow")
        assert "AuthorizationPolicy" in report["object"] and "web" in report["object"]
        assert verdict(source, *at, "--from", "admin/any", "--method", "PUT")[0] == 0

        code, report = verdict(source, *at, "--from", "shop/other")
        assert (code, report["verdict"], report["status"]) == (79, "deny", 403)
        changes = [change for near in report["nearest"] for change in near["wouldPassIf"]]
        assert any('the principal were "spiffe://cluster.local/ns/shop/sa/web"' in change for change in changes), report

        code, report = verdict(source, *at, "--from", "shop/web", "--method", "PUT")
        assert code == 79
        changes = [change for near in report["nearest"] for change in near["wouldPassIf"]]
        assert any('the method were "GET" (it is "PUT")' in change for change in changes), report

        code, report = verdict(source, "--port", 8080, "--path", "/reviews//secret", "--from", "shop/web")
        assert code == 79
        assert "no-secrets" in report["object"]
        assert "wouldNotMatchIf" in report["nearest"][0]

        assert verdict(source, *at, "--from-ip", "10.9.9.9")[1]["verdict"] == "deny"  # plaintext has no name
        assert verdict(source, "--port", 8080, "--path", "/a%2fb", "--from", "shop/web")[1]["status"] == 400


def test_says_it_to_people(sources):
    done = check(*sources["manifests"], "--from", "shop/other", "--path", "/reviews/1", "--port", 8080)
    assert done.returncode == 79
    assert done.stdout.startswith("DENIED with status 403: RBAC: access denied\n")
    assert "by       ALLOW: no policy allows it" in done.stdout
    assert "would let it pass if\n" in done.stdout
    yaml = check(*sources["manifests"], "--from", "shop/web", "--path", "/reviews/1", "--port", 8080, "-o", "yaml")
    assert yaml.returncode == 0 and "verdict: allow" in yaml.stdout


def test_what_cannot_be_asked(sources, lab):
    assert check().returncode == 64
    done = check("vs/reviews", "-f", lab.directory)
    assert done.returncode == 64 and "no kind of workload" in done.stderr
    done = check(*sources["manifests"], "--path", "a")
    assert done.returncode == 64 and "begins with /" in done.stderr
    done = check("deploy/none", "-n", "shop", "-f", lab.directory / "manifests")
    assert done.returncode == 1 and "deployment/reviews in shop" in done.stderr
    assert check("deploy/reviews", "-f", lab.directory / "none").returncode == 1
    token = lab.directory / "token"
    token.write_text("{", encoding="utf-8")
    done = check(*sources["manifests"], "--token", token, "--port", 8080)
    assert done.returncode == 1 and "claims" in done.stderr
