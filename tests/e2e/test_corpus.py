"""What went wrong elsewhere, where a real Envoy or a real `fairway serve` decides: one test each, named by the identifier. The
whole list, with the tests that need no process, is in docs/security.md."""

import socket
import ssl
import subprocess

import grpc
import pytest

import workloads as onap
from harness.network import POD_PREFIX
from processes import request, wait_for

VIO = "multicloud-vio"
SIGN = "/fairway.identity.v1.CertificateService/CreateCertificate"
POLICY = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny, namespace: onap}
spec:
  selector: {matchLabels: {app: multicloud-vio}}
  action: DENY
  rules:
    - to: [{operation: {%s}}]
"""


@pytest.fixture(name="mesh", scope="module")
def one_workload(module_lab):
    """A real Envoy beside multicloud-vio; `ask(raw target, host)` sends it a request as it is."""
    lab = module_lab
    lab.folder_control_plane()
    lab.start_mesh((VIO,))
    return lab


def ask(lab, target, host=None):
    """The status for a request line that nobody has tidied up."""
    address = lab.world.vio
    ip, port = address.rsplit(":", 1)
    with socket.create_connection((ip, int(port)), 10) as s:
        s.sendall(f"GET {target} HTTP/1.1\r\nHost: {host or lab.world.vio_host}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while part := s.recv(65536):
            answer += part
    return int(answer.split()[1]) if answer else None


def deny(lab, operation, target, host=None):
    """Writes the policy, and waits until a request that it names as it is written is refused."""
    lab.write("deny.yaml", POLICY % operation)
    wait_for(lambda: ask(lab, target, host) == 403, 60, f"403 for {target}")


def require_refused(lab, targets, host=None):
    answers = {target: ask(lab, target, host) for target in targets}
    let_in = {target: status for target, status in answers.items() if status not in (400, 403)}
    assert not let_in, f"requests that a DENY rule should have taken: {let_in}"
    assert ask(lab, "/fine") == 200, "what is not denied goes on being served"


def test_cve_2020_8595_query_does_not_hide_a_path(mesh):
    """Match on the path alone, without query and fragment."""
    deny(mesh, 'paths: ["/secret"]', "/secret")
    require_refused(mesh, ["/secret?", "/secret?a=b", "/secret?/fine"])


def test_cve_2021_39156_fragment_does_not_hide_a_path(mesh):
    """Reject or strip fragments."""
    deny(mesh, 'paths: ["/secret"]', "/secret")
    require_refused(mesh, ["/secret#", "/secret#/fine", "/secret?a#b"])


def test_cve_2021_31920_slashes_do_not_hide_a_path(mesh):
    """Normalise before authorization."""
    deny(mesh, 'paths: ["/secret/door"]', "/secret/door")
    require_refused(mesh, ["//secret/door", "/secret//door", "/secret%2Fdoor", "/secret%2fdoor", "/secret\\door", "/secret%5Cdoor"])


def test_cve_2024_10005_encodings_do_not_hide_a_path(mesh):
    """The same of dots and of what is encoded without need (Consul)."""
    deny(mesh, 'paths: ["/secret*"]', "/secret")
    require_refused(mesh, ["/x/../secret", "/./secret", "/x/%2e%2e/secret", "/x/.%2E/secret/y"])


def test_cve_2021_39155_hosts_have_no_case(mesh):
    """Hosts are compared in any case, with and without port."""
    deny(mesh, 'hosts: ["secret.example.com"]', "/", "secret.example.com")
    for host in ("SECRET.example.com", "Secret.Example.Com", "secret.example.com:80", "sEcret.example.COM:8080"):
        assert ask(mesh, "/", host) == 403, host


def test_cve_2022_39388_loopback_is_no_identity(mesh):
    """No trusted source address: a caller on the loopback without credentials gets no certificate, nor is one told anything."""
    credentials = grpc.ssl_channel_credentials(mesh.control_plane.root_file.read_bytes())
    with grpc.secure_channel(mesh.control_plane.xds, credentials, [("grpc.ssl_target_name_override", "localhost")]) as channel:
        for method in (SIGN, "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"):
            with pytest.raises(grpc.RpcError) as refused:
                next(channel.stream_stream(method)(iter([b""]), timeout=20))
            assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED, method


def test_cve_2022_40716_names_in_a_request_do_not_count(mesh):
    """Names come from the caller: a request with several URI names gets its caller's one."""
    folder = mesh.directory
    names = "URI:spiffe://cluster.local/ns/istio-system/sa/istiod,URI:spiffe://cluster.local/ns/onap/sa/other,DNS:istiod"
    subprocess.run(
        ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", folder / "key.pem",
         "-subj", "/CN=istiod", "-addext", f"subjectAltName={names}", "-out", folder / "csr.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    csr = (folder / "csr.pem").read_bytes()
    message = b"\x0a" + bytes([len(csr) % 128 | 128, len(csr) // 128]) + csr
    workload = mesh.workloads[VIO]
    token = mesh.token_of(workload).read_text().strip()
    credentials = grpc.ssl_channel_credentials(mesh.control_plane.root_file.read_bytes())
    with grpc.secure_channel(mesh.control_plane.xds, credentials, [("grpc.ssl_target_name_override", "localhost")]) as channel:
        answer = channel.unary_unary(SIGN)(message, metadata=[("authorization", f"Bearer {token}")], timeout=20)
    begin = answer.index(b"-----BEGIN CERTIFICATE-----")
    text = subprocess.run(
        ["openssl", "x509", "-noout", "-ext", "subjectAltName"], input=answer[begin:], check=True, capture_output=True
    ).stdout.decode()
    assert text.split()[-1] == f"URI:spiffe://cluster.local/ns/onap/sa/{workload.account}", text
    assert "istiod" not in text and "other" not in text


def test_cve_2022_23635_bytes_before_authentication_are_survived(mesh):
    """Whatever comes before it is known who calls leaves the others alone."""
    host, port = mesh.control_plane.xds.rsplit(":", 1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    for data in (b"", b"\x00" * 100, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64, b"GET / HTTP/1.1\r\n\r\n"):
        with socket.create_connection((host, int(port)), 10) as plain:
            plain.sendall(data)
        with socket.create_connection((host, int(port)), 10) as raw, context.wrap_socket(raw) as s:
            s.sendall(data)
    mesh.control_plane.check()
    assert mesh.workloads[VIO].id in mesh.control_plane.connected()


def test_cve_2026_31838_debug_pages_are_for_the_loopback(lab):
    """Debug pages tell every proxy's configuration: they are not for others."""
    plane = lab.folder_control_plane(host="0.0.0.0", insecure=False)
    port = plane.admin.rsplit(":", 1)[1]
    for page in ("/debug", "/debug/proxies", "/debug/config_dump?proxy=x", "/debug/units", "/debug/notes"):
        assert request(f"{POD_PREFIX}0.1:{port}", page).status == 403, page
    assert request(f"{POD_PREFIX}0.1:{port}", "/v3/discovery:clusters", method="POST", body="{}").status == 403
    assert request(f"127.0.0.1:{port}", "/debug/proxies").status == 200
