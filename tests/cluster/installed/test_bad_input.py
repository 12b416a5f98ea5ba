"""What comes from careless or hostile callers inside a cluster gets a clear answer and hurts nobody else."""

import base64
import contextlib
import json
import subprocess
import tempfile

import pytest

from mesh import ROOT, SYSTEM, echo_app
from processes import Failed, wait_for

BAD_SERVICE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: wrong, namespace: %s}
spec:
  hosts: [web]
  http:
  - route:
    - destination: {host: web}
      weight: many
"""


def test_the_api_server_refuses_a_mistake_with_the_usual_message(mesh):
    with mesh.namespace("typo") as ns:
        with pytest.raises(Exception, match="weight") as refused:
            mesh.apply(BAD_SERVICE % ns)
        assert "spec.http[0].route[0].weight" in str(refused.value)


def test_a_foreign_token_gets_no_certificate(mesh):
    """A token for another audience is refused; so is one whose service account has been deleted."""
    with mesh.namespace("tokens") as ns:
        mesh.run(echo_app("web", ns))
        mesh.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "gone", "namespace": ns}})

        def token(account, audience):
            return mesh.cluster.kubectl("create", "token", account, "-n", ns, f"--audience={audience}").strip()

        assert "accept" in mesh.ask_certificate(token("web", "https://kubernetes.default.svc")).lower()
        good = token("gone", "istio-ca")
        assert mesh.ask_certificate(good).startswith("issued ")
        mesh.cluster.kubectl("delete", "serviceaccount", "gone", "-n", ns)
        # The API server remembers a review for some seconds.
        wait_for(lambda: not mesh.ask_certificate(good).startswith("issued"), 60, "a revoked account to be refused")


def jwt(mesh, claims):
    """A token with the API server's own signature."""

    def text(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    pki = mesh.cluster.node.pki
    good = mesh.cluster.kubectl("create", "token", "default", "-n", "default").split(".")[0]  # its header names the key
    signed = good + "." + text(json.dumps(claims).encode())
    command = ["openssl", "dgst", "-sha256", "-sign", pki / "service-accounts.key"]
    return signed + "." + text(subprocess.run(command, input=signed.encode(), check=True, capture_output=True).stdout)


def claims_of(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_an_expired_token_gets_no_certificate(mesh):
    with mesh.namespace("expired") as ns:
        mesh.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web", "namespace": ns}})
        claims = claims_of(mesh.cluster.kubectl("create", "token", "web", "-n", ns, "--audience=istio-ca"))
        assert mesh.ask_certificate(jwt(mesh, claims)).startswith("issued "), "the signature made here is good"
        hour = 3600
        old = {**claims, **{key: claims[key] - 2 * hour for key in ("iat", "nbf", "exp")}}
        answer = mesh.ask_certificate(jwt(mesh, old))
        assert answer.startswith("UNAUTHENTICATED") and "expired" in answer, answer


def test_a_request_for_somebody_elses_identity_gets_the_callers(mesh):
    with mesh.namespace("claims") as ns:
        mesh.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web", "namespace": ns}})
        token = mesh.cluster.kubectl("create", "token", "web", "-n", ns, "--audience=istio-ca").strip()
        answer = mesh.ask_certificate(token, "URI:spiffe://cluster.local/ns/bank/sa/vault,DNS:vault.bank.svc")
        assert answer == f"issued URI:spiffe://cluster.local/ns/{ns}/sa/web"
        log = "".join(mesh.cluster.logs(pod, namespace=SYSTEM) for pod in mesh.cluster.pods("app=istiod", SYSTEM))
        assert f"{ns}/web" in log and "asks for spiffe://cluster.local/ns/bank/sa/vault" in log


def test_a_template_with_an_error_stops_at_the_first_new_replica(mesh, restore_settings):
    """It is not ready and its log says why; the old replicas go on injecting."""
    settings = {"injection": {"templates": {"broken": {"spec": {"containers": [{"name": "{{ .Values.missing }}"}]}}}}}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump(settings, file)
        file.flush()
        mesh.cluster.helm("upgrade", "fairway", ROOT / "charts" / "fairway", "-n", SYSTEM, "--reuse-values", "-f", file.name)

    def told():
        for pod in mesh.cluster.pods("app=istiod", SYSTEM):
            with contextlib.suppress(Failed):  # its container has not started yet
                log = mesh.cluster.logs(pod, namespace=SYSTEM)
                if "broken" in log and "missing" in log:
                    return True
        return False

    wait_for(told, 90, "a log to name the template and what it lacks")
    status = mesh.cluster.get(f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/fairway")["status"]
    assert status["unavailableReplicas"] >= 1 and status["availableReplicas"] >= 1, status
    with mesh.namespace("meanwhile") as ns:
        mesh.run(echo_app("web", ns))
        assert "istio-proxy" in json.dumps(mesh.pod("web", ns)["spec"]["initContainers"])


def test_a_missing_tls_secret_hurts_its_own_host_only(mesh):
    with mesh.namespace("secrets") as ns:
        mesh.run(echo_app("web", ns))
        mesh.apply(GATEWAY % {"ns": ns})
        port = mesh.gateway_port("https")
        mesh.make_certificate("good-credential", "good.example.com")
        wait_for(lambda: mesh.https(port, "good.example.com") == 200, 60, "the host with a certificate")
        assert mesh.https(port, "missing.example.com") is None
        notes = mesh.debug("notes")
        assert any("missing-credential" in note["message"] for note in notes), notes
        mesh.make_certificate("missing-credential", "missing.example.com")
        wait_for(lambda: mesh.https(port, "missing.example.com") == 200, 60, "the host whose certificate came later")


GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: two, namespace: %(ns)s}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 443, name: https-good, protocol: HTTPS}
    hosts: [good.example.com]
    tls: {mode: SIMPLE, credentialName: good-credential}
  - port: {number: 443, name: https-missing, protocol: HTTPS}
    hosts: [missing.example.com]
    tls: {mode: SIMPLE, credentialName: missing-credential}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: both, namespace: %(ns)s}
spec:
  hosts: [good.example.com, missing.example.com]
  gateways: [two]
  http:
  - route:
    - destination: {host: web, port: {number: 8080}}
"""


def test_a_control_plane_that_is_away_keeps_old_pods_running(mesh):
    with mesh.namespace("alone") as ns:
        mesh.run(echo_app("web", ns), echo_app("client", ns))
        try:
            mesh.cluster.kubectl("scale", "-n", SYSTEM, "deployment/fairway", "--replicas=0")
            wait_for(lambda: not mesh.cluster.pods("app=istiod", SYSTEM), 90, "the control plane to be gone")
            assert mesh.fetch("client", ns, f"http://web.{ns}:8080/")["status"] == 200
        finally:
            mesh.cluster.kubectl("scale", "-n", SYSTEM, "deployment/fairway", "--replicas=1")
            mesh.cluster.wait_ready("deployment/fairway", SYSTEM)


def test_a_pod_with_rules_of_its_own(mesh):
    """An application's init container that made iptables rules keeps them, and is in the mesh."""
    with mesh.namespace("own") as ns:
        objects = echo_app("web", ns)
        spec = objects[-1]["spec"]["template"]["spec"]
        spec["initContainers"] = [
            {
                "name": "rules",
                "image": "localhost/fairway-proxy:0.1.0",
                "imagePullPolicy": "Never",
                "command": ["iptables", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "--dport", "9", "-j", "RETURN"],
                "env": [{"name": "XTABLES_LOCKFILE", "value": "/tmp/xtables.lock"}],
                "securityContext": {"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
            }
        ]
        mesh.run(objects, echo_app("client", ns))
        assert mesh.fetch("client", ns, f"http://web.{ns}:8080/")["status"] == 200


def test_rubbish_at_the_webhook(mesh):
    """The webhook answers rubbish with a message and lives on."""
    address = mesh.cluster.get(f"/api/v1/namespaces/{SYSTEM}/services/istiod")["spec"]["clusterIP"]
    for body in ("", "{", '{"kind":"AdmissionReview"}', json.dumps({"request": {"object": 7}})):
        done = mesh.cluster.run(
            "curl", "-sk", "-o", "-", "-w", "%{http_code}", "-d", body, f"https://{address}/inject", stdout=subprocess.PIPE, text=True
        )
        assert done.stdout[-3:] in ("400", "200"), done
    with mesh.namespace("still") as ns:
        mesh.run(echo_app("web", ns))
