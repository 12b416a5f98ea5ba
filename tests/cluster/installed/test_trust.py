"""A CA of the user's own, put in place of the mesh's under traffic, with two replicas that sign."""

import base64
import json
import sys

from mesh import ROOT, SYSTEM, echo_app
from processes import wait_for

sys.path.append(str(ROOT / "tests" / "e2e"))
from harness.pki import Ca  # noqa: E402  pylint: disable=wrong-import-position

# A connection, and so a handshake, for each request.
POLICIES = """
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: %(ns)s}
spec: {mtls: {mode: STRICT}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: fresh, namespace: %(ns)s}
spec:
  host: web.%(ns)s.svc.cluster.local
  trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 1}}}
"""


def secret(files):
    data = {name: base64.b64encode(text.encode()).decode() for name, text in files.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cacerts", "namespace": SYSTEM}, "data": data}


def roots_of(mesh, namespace):
    return mesh.cluster.get(f"/api/v1/namespaces/{namespace}/configmaps/istio-ca-root-cert")["data"]["root-cert.pem"]


def shown_chain(mesh, pod, namespace):
    with mesh.forward(pod, namespace, 15000) as address:
        dump = json.loads(mesh.cluster.http(address, "/config_dump?resource=dynamic_active_secrets").body)
    chains = [e["secret"]["tls_certificate"]["certificate_chain"]["inline_bytes"] for e in dump["configs"] if e["name"] == "default"]
    return base64.b64decode(chains[0]).decode() if chains else ""


def signs_with(mesh, pod, certificate):
    """Whether a replica itself serves by this CA: its own certificate is the first that a CA signs."""
    ip = mesh.cluster.get(f"/api/v1/namespaces/{SYSTEM}/pods/{pod}")["status"]["podIP"]
    return certificate in mesh.cluster.run("openssl", "s_client", "-connect", f"{ip}:15012", "-showcerts", input="", capture_output=True, text=True).stdout


def test_a_plug_in_ca_takes_over_under_traffic(mesh, restore_settings, tmp_path):  # pylint: disable=unused-argument
    """The first two steps of docs/certificates.md, from the mesh's own root. The last test of its folder: the CA stays."""
    ours = Ca(tmp_path / "ca", "of a user")
    intermediate = ours.text("ca-cert.pem").strip()
    own = mesh.cluster.get(f"/api/v1/namespaces/{SYSTEM}/secrets/istio-ca-secret")["data"]
    own = {name: base64.b64decode(own[name]).decode() for name in ("ca-cert.pem", "ca-key.pem")}
    both = own["ca-cert.pem"].strip() + "\n" + ours.text("root-cert.pem")
    mesh.install("certificates.rotationDelay=45s", replicas=2)
    with mesh.namespace("trust") as ns:
        mesh.apply(POLICIES % {"ns": ns})
        mesh.run(echo_app("web", ns, replicas=2), echo_app("client", ns))
        mesh.wait_status("client", ns, f"http://web.{ns}:8080/", 200)
        first = {pod: shown_chain(mesh, pod, ns) for pod in mesh.cluster.pods("app=web", ns)}
        assert all(first.values()) and intermediate not in "".join(first.values())
        replicas = mesh.cluster.pods("app=istiod", SYSTEM)
        assert len(replicas) == 2
        with mesh.load("client", ns, f"http://web.{ns}:8080/", connections=2) as load:
            load.wait_sent(50)
            # Trusted everywhere before anyone signs with it ...
            mesh.apply(secret({**own, "cert-chain.pem": own["ca-cert.pem"], "root-cert.pem": both}))
            wait_for(lambda: ours.text("root-cert.pem").strip() in roots_of(mesh, ns), 60, "the new root in the ConfigMap")
            assert own["ca-cert.pem"].strip() in roots_of(mesh, ns), "the old root stays beside it"
            mesh.apply(secret({**ours.files(), "root-cert.pem": both}))
            # ... then new pods get certificates of it, whichever replica they ask, and talk with the old ones.
            for replica in replicas:
                wait_for(lambda r=replica: signs_with(mesh, r, intermediate), 120, f"{replica} to sign with the new CA")
            mesh.cluster.kubectl("rollout", "restart", "-n", ns, "deployment/web")
            mesh.cluster.wait_ready("deployment/web", ns)
            wait_for(lambda: not set(first) & set(mesh.cluster.pods("app=web", ns)), 90, "the old pods to have gone")
            for pod in mesh.cluster.pods("app=web", ns):
                assert intermediate in shown_chain(mesh, pod, ns)
            load.wait_sent(50)
            # A replica that starts now knows nothing of the rotation but the Secret.
            mesh.cluster.kubectl("delete", "pod", "-n", SYSTEM, replicas[0])
            mesh.cluster.wait_ready("deployment/fairway", SYSTEM)
            mesh.run(echo_app("late", ns))
            mesh.wait_status("client", ns, f"http://late.{ns}:8080/", 200)
            load.wait_sent(50)
            load.require_none_lost()
