"""Certificates in use: plug-in CAs, rotation under steady traffic, revocation, trust domains, TLS settings, auto mTLS. A
control plane over a folder, agents, real Envoys."""

import base64
import json
import socket
import ssl
import subprocess

import pytest

import story
import workloads as onap
from harness.lab import Traffic
from harness.pki import Ca, openssl
from processes import Agent, binary, request, wait_for

CLIENT, SERVER = "vfc-nslcm", "multicloud-vio"
NAMES = (CLIENT, SERVER)
FAST = ("--ca-rotation-delay", "4s")

# A connection, and so a handshake, for each request.
NEW_CONNECTIONS = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: fresh, namespace: onap}
spec:
  host: multicloud-vio.onap.svc.cluster.local
  trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 1}}}
"""
STRICT = """
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: onap}
spec: {mtls: {mode: STRICT}}
"""
MESH = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: %s}
"""


def mesh_config(lab, settings):
    lab.write("mesh-config.yaml", MESH % json.dumps(json.dumps(settings)))


def put_ca(folder, files):
    """Replaces the files of a CA's folder, one after the other, as people do."""
    folder.mkdir(exist_ok=True)
    for name in ("root-cert.pem", "cert-chain.pem", "ca-cert.pem", "ca-key.pem", "ca-crl.pem"):
        path = folder / name
        if name in files:
            path.write_text(files[name], encoding="ascii")
        else:
            path.unlink(missing_ok=True)


def start(lab, files=None, extra=(), agent=()):
    folder = lab.directory / "plugin-ca"
    options = list(FAST) + list(extra)
    if files:
        put_ca(folder, files)
        options += ["--ca-dir", str(folder)]
    lab.folder_control_plane(extra=options)
    lab.write("new-connections.yaml", NEW_CONNECTIONS)
    lab.write("strict.yaml", STRICT)
    lab.start_mesh(NAMES, extra=("--stats-suffixes", "ssl.handshake", *agent))
    lab.wait_probe(story.MESH_200)
    lab.wait_probe(story.PLAIN_REFUSED)
    return folder


def admin(lab, name, path):
    address = (lab.agents[name].directory / "envoy-admin-address").read_text(encoding="ascii").strip()
    return request(address, path, timeout=20).body


def counter(lab, name, stat):
    total = 0
    for line in admin(lab, name, f"/stats?filter={stat}").splitlines():
        total += int(line.rsplit(": ", 1)[1])
    return total


def shown_chain(lab, name):
    dump = json.loads(admin(lab, name, "/config_dump?resource=dynamic_active_secrets"))
    for entry in dump["configs"]:
        if entry["name"] == "default":
            return base64.b64decode(entry["secret"]["tls_certificate"]["certificate_chain"]["inline_bytes"]).decode()
    return ""


def signed_by(lab, name, ca):
    return ca.text("ca-cert.pem").strip() in shown_chain(lab, name)


def server_address(lab):
    return lab.workloads[SERVER].ip, onap.http_port(lab.services[SERVER])


def handshake(lab, chain=None, key=None, versions=(None, None), alpn=("istio",), ciphers=None):
    """Asks the server's Envoy over TLS, with this certificate: HTTP status, or what went wrong."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(list(alpn))
    if chain:
        context.load_cert_chain(chain, key)
    if versions[0]:
        context.minimum_version = versions[0]
    if versions[1]:
        context.maximum_version = versions[1]
    if ciphers:
        context.set_ciphers(ciphers)
    try:
        with socket.create_connection(server_address(lab), timeout=5) as plain:
            with context.wrap_socket(plain, server_hostname="x") as secure:
                secure.sendall(f"GET {story.SWAGGER} HTTP/1.1\r\nhost: {lab.world.vio_host}\r\nconnection: close\r\n\r\n".encode())
                answer = secure.recv(4096).decode("utf-8", "replace")
                return answer.split(" ")[1] if answer else "closed"
    except (ssl.SSLError, ConnectionError, TimeoutError, OSError) as error:
        return str(error)


def rotate_under_traffic(lab, change, done, requests=150):
    """Traffic of new connections before, while and after `change`, until `done`: none may fail."""
    before = counter(lab, SERVER, "listener.*ssl.handshake")
    with Traffic(lab.world, story.MESH_200) as traffic:
        traffic.wait_more(50)
        change()
        wait_for(done, 90, "the rotation to be over", pause=0.1)
        traffic.wait_more(requests)
    traffic.require_none_lost()
    handshakes = counter(lab, SERVER, "listener.*ssl.handshake") - before
    print(f"  {traffic.sent} requests, {handshakes} handshakes, none failed", flush=True)
    assert handshakes >= traffic.sent - 5, "each request has a handshake of its own"
    assert counter(lab, SERVER, "listener.*ssl.fail_verify_error") == 0
    assert counter(lab, CLIENT, "cluster.*ssl.fail_verify") == 0


def test_plugin_ca_rotation_under_traffic(lab):
    a, b = Ca(lab.directory / "a", "a"), Ca(lab.directory / "b", "b")
    # Certificates of 30 seconds: each agent renews several times meanwhile.
    folder = start(lab, a.files(), agent=("--certificate-ttl", "30s"))
    assert all(signed_by(lab, name, a) for name in NAMES)

    print("  a broken update: another CA's key")
    broken = b.files()
    broken["ca-key.pem"] = a.text("ca-key.pem")
    put_ca(folder, broken)
    wait_for(lambda: "the CA in use stays" in lab.control_plane.tail(200), 30, "the log to say so")
    assert "ca-key.pem is not the key of ca-cert.pem" in lab.control_plane.tail(200)
    lab.wait_probe(story.MESH_200)

    print("  root and intermediate replaced at once")
    rotate_under_traffic(lab, lambda: put_ca(folder, b.files()), lambda: all(signed_by(lab, name, b) for name in NAMES))
    assert lab.control_plane.metrics()["fairway_ca_retained"] == 1
    assert a.text("root-cert.pem").strip() in lab.control_plane.root_file.read_text(encoding="ascii")

    print("  and back, step by step: both roots, the other CA, one root")
    both = b.files(roots=[a])
    put_ca(folder, both)
    rotate_under_traffic(
        lab, lambda: put_ca(folder, a.files(roots=[b])), lambda: all(signed_by(lab, name, a) for name in NAMES)
    )


def test_self_made_root_rotation_under_traffic(lab):
    start(lab, agent=("--certificate-ttl", "30s"))
    state = lab.control_plane.state
    first = (state / "root.pem").read_text(encoding="ascii")

    def rotate():
        done = subprocess.run(
            [binary(), "ca", "rotate", "--state-dir", str(state)], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr

    def renewed():
        new = (state / "ca" / "ca-cert.pem").read_text(encoding="ascii")
        (lab.directory / "new-root.pem").write_text(new, encoding="ascii")
        for name in NAMES:
            (lab.directory / "chain.pem").write_text(shown_chain(lab, name), encoding="ascii")
            verified = subprocess.run(
                ["openssl", "verify", "-CAfile", "new-root.pem", "chain.pem"], cwd=lab.directory, capture_output=True, check=False
            )
            if verified.returncode != 0:
                return False
        return True

    rotate_under_traffic(lab, rotate, renewed)
    roots = (state / "root.pem").read_text(encoding="ascii")
    assert roots.count("BEGIN CERTIFICATE") == 2 and first.strip() in roots
    # A control plane that starts again goes on with both.
    lab.control_plane.stop()
    lab.control_plane.start()
    lab.wait_connected()
    lab.wait_probe(story.MESH_200)
    assert (state / "root.pem").read_text(encoding="ascii") == roots
    done = subprocess.run([binary(), "ca", "prune", "--state-dir", str(state)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: first.strip() not in (state / "root.pem").read_text(encoding="ascii"), 30, "the former root to go")
    lab.wait_probe(story.MESH_200)


def test_revoked_certificates_are_refused(lab):
    a = Ca(lab.directory / "a", "a")
    folder = start(lab, a.files())
    stolen = a.issue("spiffe://cluster.local/ns/onap/sa/stolen", "stolen")
    other = a.issue("spiffe://cluster.local/ns/onap/sa/other", "other")
    assert handshake(lab, *stolen) == "200"
    assert handshake(lab, *other) == "200"
    assert handshake(lab) != "200"

    print("  a list of the intermediate alone")
    put_ca(folder, a.files(crl=a.crl(a.directory / "stolen.pem")))
    wait_for(lambda: handshake(lab, *stolen) != "200", 30, "the revoked certificate to be refused", pause=0.2)
    assert handshake(lab, *other) == "200"
    lab.wait_probe(story.MESH_200)

    print("  lists of both")
    put_ca(folder, a.files(crl=a.crl() + a.root_crl()))
    wait_for(lambda: '"crlLeafOnly":false' in (lab.control_plane.state / "trust.json").read_text(encoding="ascii"), 30, "full checks")
    wait_for(lambda: lab.control_plane.metrics()["fairway_crl_expiry_timestamp_seconds"] > 0, 10, "the metric")
    lab.wait_probe(story.MESH_200)
    assert handshake(lab, *stolen) != "200"
    assert handshake(lab, *other) == "200"

    print("  a rotation with lists: the new CA has none, and one is made for it")
    b = Ca(lab.directory / "b", "b")
    with Traffic(lab.world, story.MESH_200) as traffic:
        put_ca(folder, b.files())
        wait_for(lambda: lab.control_plane.metrics()["fairway_ca_retained"] == 1, 60, "the rotation", pause=0.2)
        traffic.wait_more(50)
    traffic.require_none_lost()
    assert handshake(lab, *stolen) != "200"
    assert handshake(lab, *b.issue("spiffe://cluster.local/ns/onap/sa/new", "new")) == "200"


def test_trust_domains(lab):
    a, b = Ca(lab.directory / "a", "a"), Ca(lab.directory / "b", "b")
    start(lab, a.files())
    own = a.issue("spiffe://cluster.local/ns/onap/sa/x", "own")
    alias = a.issue("spiffe://old.example/ns/onap/sa/x", "alias")
    foreign = b.issue("spiffe://b.example/ns/onap/sa/x", "foreign")
    liar = b.issue("spiffe://cluster.local/ns/onap/sa/x", "liar")

    def accepted(certificate):
        return handshake(lab, *certificate) == "200"

    assert accepted(own) and not accepted(alias) and not accepted(foreign) and not accepted(liar)

    print("  an alias")
    mesh_config(lab, {"trustDomainAliases": ["old.example"]})
    wait_for(lambda: accepted(alias), 30, "the alias to count", pause=0.2)
    assert accepted(own) and not accepted(foreign) and not accepted(liar)
    lab.wait_probe(story.MESH_200)

    print("  another domain with roots of its own, which do not vouch for ours")
    mesh_config(
        lab,
        {
            "trustDomainAliases": ["old.example", "b.example"],
            "caCertificates": [{"pem": b.text("root-cert.pem"), "trustDomains": ["b.example"]}],
        },
    )
    wait_for(lambda: accepted(foreign), 30, "the other domain to count", pause=0.2)
    assert accepted(own) and accepted(alias) and not accepted(liar)
    lab.wait_probe(story.MESH_200)

    print("  a policy that names our domain means the aliases, too")
    policy = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: one, namespace: onap}
spec:
  action: ALLOW
  rules: [{from: [{source: {principals: ["cluster.local/ns/onap/sa/x"]}}]}]
"""
    lab.write("policy.yaml", policy)
    wait_for(lambda: story.MESH_200.send(lab.world).status == 403, 30, "the policy to deny others")
    assert accepted(own) and accepted(alias) and accepted(foreign)
    stranger = a.issue("spiffe://old.example/ns/onap/sa/y", "stranger")
    assert handshake(lab, *stranger) == "403"


def test_tls_settings_and_auto_mtls(lab):
    start(lab)
    tls12, tls13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    state = lab.control_plane.state
    ca = lab.directory / "self"
    ca.mkdir()
    openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", "key.pem", cwd=ca)
    openssl("req", "-new", "-key", "key.pem", "-out", "x.csr", "-subj", "/CN=x", cwd=ca)
    (ca / "ext").write_text("subjectAltName=URI:spiffe://cluster.local/ns/onap/sa/x\nextendedKeyUsage=clientAuth\n", encoding="ascii")
    folder = state / "ca"
    openssl(
        *("x509", "-req", "-in", "x.csr", "-CA", str(folder / "ca-cert.pem"), "-CAkey", str(folder / "ca-key.pem")),
        *("-set_serial", "77", "-out", "x.pem", "-days", "2", "-extfile", "ext"),
        cwd=ca,
    )
    mine = (ca / "x.pem", ca / "key.pem")
    assert handshake(lab, *mine, versions=(tls12, tls12)) == "200"

    print("  TLS 1.3 at least")
    mesh_config(lab, {"meshMTLS": {"minProtocolVersion": "TLSV1_3"}})
    wait_for(lambda: handshake(lab, *mine, versions=(tls12, tls12)) != "200", 30, "TLS 1.2 to be refused", pause=0.2)
    assert handshake(lab, *mine, versions=(tls13, tls13)) == "200"
    lab.wait_probe(story.MESH_200)

    print("  one cipher of TLS 1.2")
    mesh_config(lab, {"meshMTLS": {"cipherSuites": ["ECDHE-ECDSA-AES256-GCM-SHA384"]}})
    wait_for(
        lambda: handshake(lab, *mine, versions=(tls12, tls12), ciphers="ECDHE-ECDSA-AES256-GCM-SHA384") == "200", 30, "the cipher", pause=0.2
    )
    assert handshake(lab, *mine, versions=(tls12, tls12), ciphers="ECDHE-ECDSA-AES128-GCM-SHA256") != "200"
    lab.wait_probe(story.MESH_200)

    print("  no auto mTLS: the client sends plaintext, which STRICT refuses")
    mesh_config(lab, {"enableAutoMtls": False})
    wait_for(lambda: story.MESH_200.send(lab.world).status == 503, 30, "plaintext to be refused")
    print("  but for whom a DestinationRule asks for it")
    lab.write("new-connections.yaml", NEW_CONNECTIONS.replace("trafficPolicy: {", "trafficPolicy: {tls: {mode: ISTIO_MUTUAL}, "))
    lab.wait_probe(story.MESH_200)


@pytest.mark.parametrize("asked, granted", [("", "24"), ("2h", "2"), ("9h", None)])
def test_validity(lab, asked, granted):
    """What an agent asks for is granted up to the maximum, and refused above it."""
    lab.folder_control_plane(extra=["--max-workload-cert-ttl", "8h", "--default-workload-cert-ttl", "8h"] if granted != "24" else [])
    if granted:
        lab.start_mesh((SERVER,), extra=("--certificate-ttl", asked) if asked else ())
        (lab.directory / "chain.pem").write_text(shown_chain(lab, SERVER), encoding="ascii")
        seconds = int(granted) * 3600
        for offset, valid in ((seconds - 900, True), (seconds + 60, False)):
            end = subprocess.run(
                ["openssl", "x509", "-noout", "-checkend", str(offset), "-in", "chain.pem"], cwd=lab.directory, check=False
            )
            assert (end.returncode == 0) == valid
        return
    workload = lab.workloads[SERVER]
    agent = lab.add(
        Agent(
            lab.directory / "agents" / SERVER,
            workload,
            lab.control_plane.xds,
            lab.control_plane.root_file,
            lab.token_of(workload),
            ("--certificate-ttl", asked),
        )
    )
    wait_for(lambda: "found 32400 s, expected at most 28800 s" in agent.tail(100), 30, lambda: f"a refusal: {agent.tail()}")
