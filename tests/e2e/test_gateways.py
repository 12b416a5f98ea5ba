"""Traffic into and out of the mesh through real Envoys: TLS with secrets, Ingress, hosts outside, an egress gateway."""

import base64
import http.client
import json
import socket
import ssl
import subprocess

import workloads as onap
from processes import Answer, request, wait_for

GATEWAY = onap.GATEWAY
NAMES = (GATEWAY, "msb-iag")

SERVERS = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: onap}
spec:
  selector: {istio: ingressgateway}
  servers:
    - {port: {number: 443, name: one, protocol: HTTPS}, hosts: [one.example.com], tls: {mode: SIMPLE, credentialName: one}}
    - {port: {number: 443, name: two, protocol: HTTPS}, hosts: [two.example.com], tls: {mode: SIMPLE, credentialName: two}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge, namespace: onap}
spec:
  hosts: [one.example.com, two.example.com]
  gateways: [edge]
  http: [{route: [{destination: {host: msb-iag, port: {number: 80}}}]}]
"""

INGRESS = """
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: istio}
spec: {controller: istio.io/ingress-controller}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: portal, namespace: onap}
spec:
  ingressClassName: istio
  tls: [{hosts: [three.example.com], secretName: one}]
  rules:
    - http:
        paths:
          - {path: /msb, pathType: Prefix, backend: {service: {name: msb-iag, port: {number: 80}}}}
"""

OUTSIDE = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: onap}
spec:
  hosts: [outside.example.com]
  ports: [{number: 8181, name: http, protocol: HTTP, targetPort: %(port)d}]
  resolution: STATIC
  endpoints: [{address: %(address)s}]
"""

EGRESS = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: egress, namespace: onap}
spec:
  selector: {istio: ingressgateway}
  servers:
    - {port: {number: 80, name: http, protocol: HTTP}, hosts: [outside.example.com]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: egress, namespace: onap}
spec:
  hosts: [outside.example.com]
  gateways: [mesh, egress]
  http:
    - match: [{gateways: [mesh]}]
      route: [{destination: {host: istio-ingressgateway.istio-system.svc.cluster.local, port: {number: 80}}}]
    - match: [{gateways: [egress], port: 80}]
      headers: {response: {set: {x-egress: through}}}
      route: [{destination: {host: outside.example.com, port: {number: 8181}}}]
"""


def certificate(folder, name):
    """A self-signed certificate: (PEM of the certificate, PEM of the key)."""
    key, cert = folder / f"{name}.key", folder / f"{name}.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )
    return cert.read_text(encoding="ascii"), key.read_text(encoding="ascii")


def secret(name, pair):
    data = {field: base64.b64encode(text.encode()).decode() for field, text in zip(("tls.crt", "tls.key"), pair)}
    metadata = {"name": name, "namespace": "istio-system"}
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls", "data": data})


def https(ip, host, path="/msb"):
    """A request over TLS: (the PEM certificate that the server showed, the answer)."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((ip, 443), timeout=5) as plain:
            with context.wrap_socket(plain, server_hostname=host) as channel:
                shown = ssl.DER_cert_to_PEM_cert(channel.getpeercert(binary_form=True))
                connection = http.client.HTTPConnection(host)
                connection.sock = channel
                connection.request("GET", path)
                response = connection.getresponse()
                return shown, Answer(response.status, response.read().decode("utf-8", "replace"))
    except OSError as error:
        return None, Answer(error=str(error) or type(error).__name__)


def start(lab):
    lab.folder_control_plane()
    lab.start_mesh(NAMES)
    return lab.workloads[GATEWAY].ip


def wait_https(ip, host, pair, what):
    """Until the host answers with this certificate; with none of it (None), until it shows none."""

    def seen():
        shown, answer = https(ip, host)
        if pair is None:
            return shown is None
        return shown == pair[0] and answer.status == 200

    wait_for(seen, 60, lambda: f"{what}; {host} showed {https(ip, host)}")


def notes_of(lab, name):
    return [note for note in lab.control_plane.debug("notes") if name in note["object"]]


def sent(lab, type_):
    [proxy] = [p for p in lab.control_plane.debug("proxies") if p["id"] == lab.workloads[GATEWAY].id]
    return proxy["types"].get(type_, {}).get("sent", 0)


def test_certificates_come_go_and_change(lab):
    first, second, renewed = (certificate(lab.directory, name) for name in ("first", "second", "renewed"))
    ip = start(lab)
    lab.write("two.json", secret("two", second))
    lab.write("edge.yaml", SERVERS)
    wait_https(ip, "two.example.com", second, "the host whose secret is there")

    print("  a missing secret costs its own host, and is named")
    wait_https(ip, "one.example.com", None, "no TLS for the host without a secret")
    [note] = [n for n in notes_of(lab, "Gateway/onap/edge") if "istio-system/one" in n["message"]]
    assert "servers[0]" in note["object"] and "credentialName" in note["field"]

    print("  the secret comes")
    lab.write("one.json", secret("one", first))
    wait_https(ip, "one.example.com", first, "the host whose secret came")

    print("  a key of another certificate is not sent; other hosts go on")
    refused = lab.control_plane.metrics().get('fairway_xds_nacks_total{type="SDS"}', 0)
    lab.write("one.json", secret("one", (first[0], second[1])))
    wait_https(ip, "one.example.com", None, "no TLS with a broken secret")
    wait_https(ip, "two.example.com", second, "the other host")
    assert any("do not belong together" in n["message"] for n in notes_of(lab, "Secret/istio-system/one"))
    assert lab.control_plane.metrics().get('fairway_xds_nacks_total{type="SDS"}', 0) == refused
    lab.write("one.json", secret("one", first))
    wait_https(ip, "one.example.com", first, "the mended secret")

    print("  a renewed certificate is one secret and no listener")
    wait_for(lambda: all(p["settled"] for p in lab.control_plane.debug("proxies")), 30, "all to be settled")
    listeners, secrets = sent(lab, "LDS"), sent(lab, "SDS")
    lab.write("two.json", secret("two", renewed))
    wait_https(ip, "two.example.com", renewed, "the renewed certificate")
    assert (sent(lab, "LDS"), sent(lab, "SDS")) == (listeners, secrets + 1)

    print("  keys are nowhere to be read")
    pages = json.dumps(lab.control_plane.debug(f"config_dump?proxy={lab.workloads[GATEWAY].id}"))
    pages += json.dumps(lab.control_plane.debug("notes")) + lab.control_plane.log.read_text(encoding="utf-8")
    for pair in (first, second, renewed):
        body = "".join(pair[1].splitlines()[1:-1])
        assert body not in pages and base64.b64encode(pair[1].encode()).decode() not in pages


def test_ingress(lab):
    pair = certificate(lab.directory, "three")
    ip = start(lab)
    lab.write("one.json", secret("one", pair))
    lab.write("ingress.yaml", INGRESS)
    gateway = f"{ip}:80"
    wait_for(lambda: request(gateway, "/msb").status == 200, 60, lambda: f"the path: {request(gateway, '/msb')}")
    assert request(gateway, "/msbx").status == 404  # whole elements
    assert request(gateway, "/msb/").status == 200
    wait_https(ip, "three.example.com", pair, "the host under tls")

    print("  without a class it is not served")
    lab.write("ingress.yaml", INGRESS.replace("  ingressClassName: istio\n", ""))
    wait_for(lambda: request(gateway, "/msb").status is None, 60, lambda: f"nobody: {request(gateway, '/msb')}")


def test_hosts_outside_and_egress(lab):
    ip = start(lab)
    sidecar = lab.workloads["msb-iag"].outbound
    app = lab.workloads["multicloud-vio"].app
    port = onap.http_port(lab.services["multicloud-vio"])
    lab.write("outside.yaml", OUTSIDE % {"address": app, "port": port})

    def ask():
        return request(f"{sidecar}:8181", "/api/multicloud-vio/v0/swagger.json", host="outside.example.com")

    wait_for(lambda: ask().status == 200, 60, lambda: f"the host outside: {ask()}")
    assert "x-egress" not in ask().headers
    assert request(f"{sidecar}:8181", host="nobody.example.com").status == 502

    print("  through the egress gateway")
    lab.write("egress.yaml", EGRESS)
    wait_for(lambda: ask().headers.get("x-egress") == "through", 60, lambda: f"the way through: {ask()}")
    assert ask().status == 200
    assert request(f"{ip}:80", "/", host="nobody.example.com").status == 404
