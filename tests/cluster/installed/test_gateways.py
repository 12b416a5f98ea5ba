"""Ingress and egress as users of Istio write them: Gateway, Ingress, ServiceEntry, the outbound policy."""

import json

import pytest

from mesh import SYSTEM, echo_app
from processes import wait_for

PORTAL = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: portal, namespace: %(ns)s}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: [portal.example.com]
    tls: {httpsRedirect: true}
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: [portal.example.com]
    tls: {mode: SIMPLE, credentialName: portal-credential}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: portal, namespace: %(ns)s}
spec:
  hosts: [portal.example.com]
  gateways: [portal]
  http:
  - match: [{uri: {prefix: /app}}]
    route: [{destination: {host: web, port: {number: 8080}}}]
"""


def test_a_host_over_tls_and_its_redirect(mesh):
    with mesh.namespace("portal") as ns:
        mesh.run(echo_app("web", ns))
        mesh.make_certificate("portal-credential", "portal.example.com")
        mesh.apply(PORTAL % {"ns": ns})
        http, https = mesh.gateway_port("http2"), mesh.gateway_port("https")
        wait_for(lambda: mesh.https(https, "portal.example.com", "/app") == 200, 60, "the application over TLS")
        assert mesh.https(https, "portal.example.com", "/else") == 404
        assert mesh.https(https, "other.example.com", "/app") is None
        answer = mesh.cluster.http(f"{mesh.cluster.node_ip}:{http}", "/app", host="portal.example.com")
        assert answer.status == 301
        assert answer.headers["location"] == "https://portal.example.com/app"


MUTUAL = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: partners, namespace: %(ns)s}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 443, name: https-partners, protocol: HTTPS}
    hosts: [partners.example.com]
    tls: {mode: MUTUAL, credentialName: partners-credential}
  - port: {number: 443, name: tls-own, protocol: TLS}
    hosts: [own.example.com]
    tls: {mode: PASSTHROUGH}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: partners, namespace: %(ns)s}
spec:
  hosts: [partners.example.com]
  gateways: [partners]
  http:
  - route: [{destination: {host: web, port: {number: 8080}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: own, namespace: %(ns)s}
spec:
  hosts: [own.example.com]
  gateways: [partners]
  tls:
  - match: [{port: 443, sniHosts: [own.example.com]}]
    route: [{destination: {host: own, port: {number: 8443}}}]
"""


def test_clients_with_certificates_and_an_application_with_its_own_tls(mesh, tmp_path):
    with mesh.namespace("partners") as ns:
        client, key = mesh.certificate(tmp_path, "client.example.com")
        stranger, strange_key = mesh.certificate(tmp_path, "stranger.example.com")
        mesh.make_certificate("partners-credential", "partners.example.com", clients=client)
        mesh.make_certificate("own-tls", "own.example.com", namespace=ns)
        own = echo_app("own", ns, env={"TLS_PORTS": "8443"})
        spec = own[-1]["spec"]["template"]["spec"]
        spec["volumes"] = [{"name": "tls", "secret": {"secretName": "own-tls"}}]
        spec["containers"][0]["volumeMounts"] = [{"name": "tls", "mountPath": "/etc/tls", "readOnly": True}]
        own[1]["spec"]["ports"].append({"name": "tls", "port": 8443, "targetPort": 8443})
        mesh.run(echo_app("web", ns), own)
        mesh.apply(MUTUAL % {"ns": ns})
        port = mesh.gateway_port("https")

        def partners(*options):
            return mesh.https(port, "partners.example.com", options=options)

        wait_for(lambda: partners("--cert", client, "--key", key) == 200, 60, "a client with its certificate to be let in")
        assert partners() is None, "let in without a certificate"
        assert partners("--cert", stranger, "--key", strange_key) is None, "let in with a certificate of nobody's"
        wait_for(lambda: mesh.https(port, "own.example.com") == 200, 60, "the application's own TLS")
        subject = mesh.served_subject(port, "own.example.com")
        assert subject == "CN = own.example.com", subject


EGRESS = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: %(ns)s}
spec:
  hosts: [outside.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: %(address)s, ports: {http: 8080}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: istio-egressgateway, namespace: %(ns)s}
spec:
  selector: {istio: egressgateway}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: [outside.example.com]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: outside-through-egress, namespace: %(ns)s}
spec:
  hosts: [outside.example.com]
  gateways: [istio-egressgateway, mesh]
  http:
  - match: [{gateways: [mesh], port: 80}]
    route: [{destination: {host: istio-egressgateway.istio-system.svc.cluster.local, port: {number: 80}}}]
  - match: [{gateways: [istio-egressgateway], port: 80}]
    route: [{destination: {host: outside.example.com, port: {number: 80}}}]
    headers: {request: {set: {x-way: egress}}}
"""


@pytest.fixture(name="egress_gateway")
def fixture_egress_gateway(mesh):
    mesh.install_gateway("istio-egressgateway", "replicas=1", kind="ClusterIP")
    yield mesh.address("istio-egressgateway")
    mesh.cluster.helm("uninstall", "istio-egressgateway", "-n", SYSTEM)


def test_out_through_an_egress_gateway(mesh, egress_gateway):
    with mesh.namespace("inside") as ns, mesh.namespace("outside", labels={}) as beyond:
        mesh.run(echo_app("client", ns), echo_app("outside", beyond))
        mesh.apply(EGRESS % {"ns": ns, "address": mesh.pod("outside", beyond)["status"]["podIP"]})
        pod = mesh.cluster.pods("app=client", ns)[0]
        # No DNS server knows the host: the address is of any service, the Host header decides.
        ask = ("curl", "-s", "-H", "host: outside.example.com", f"http://{egress_gateway}/way")

        def answer():
            text = mesh.cluster.exec_in_pod(pod, *ask, namespace=ns, container="app")
            return json.loads(text) if text.startswith("{") else None

        seen = wait_for(answer, 60, "the outside host to answer")
        assert seen["headers"].get("x-way") == "egress", seen
        pods = mesh.cluster.get(f"/api/v1/namespaces/{SYSTEM}/pods?labelSelector=istio%3Degressgateway")["items"]
        assert seen["client"] in {p["status"]["podIP"] for p in pods}, seen


INGRESS = """
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: istio}
spec: {controller: istio.io/ingress-controller}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: gateway, namespace: %(ns)s}
spec:
  ingressClassName: istio
  rules:
  - host: ingress.example.com
    http:
      paths:
      - {path: /login, pathType: Prefix, backend: {service: {name: composer, port: {number: 8080}}}}
      - {path: /chain/blocks/0, pathType: Exact, backend: {service: {name: vp0, port: {name: http}}}}
"""


def test_a_kubernetes_ingress(mesh):
    with mesh.namespace("ingress") as ns:
        mesh.run(echo_app("composer", ns), echo_app("vp0", ns, port=7050))
        mesh.apply(INGRESS % {"ns": ns})
        port = mesh.gateway_port("http2")

        def status(path):
            return mesh.cluster.http(f"{mesh.cluster.node_ip}:{port}", path, host="ingress.example.com").status

        wait_for(lambda: status("/login") == 200, 60, "the path /login")
        assert [status(path) for path in ("/login/x", "/loginx", "/chain/blocks/0", "/chain/blocks/01")] == [200, 404, 200, 404]


EXTERNAL = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: partner, namespace: %(ns)s}
spec:
  hosts: [partner.example.com]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 8080, name: http, protocol: HTTP}]
  endpoints: [{address: %(address)s}]
"""


def test_registry_only_lets_out_what_is_entered(mesh, restore_settings):
    with mesh.namespace("guarded") as ns, mesh.namespace("beyond", labels={}) as outside:
        mesh.run(echo_app("client", ns), echo_app("partner", outside))
        address = mesh.pod("partner", outside)["status"]["podIP"]
        url = f"http://{address}:8080/"
        mesh.wait_status("client", ns, url, 200)
        mesh.install("meshConfig.outboundTrafficPolicy.mode=REGISTRY_ONLY")
        mesh.wait_status("client", ns, url, 502)
        mesh.apply(EXTERNAL % {"ns": ns, "address": address})
        pod = mesh.cluster.pods("app=client", ns)[0]
        ask = ("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "host: partner.example.com:8080", url)

        def allowed():
            return mesh.cluster.exec_in_pod(pod, *ask, namespace=ns, container="app") == "200"

        wait_for(allowed, 60, "the entered host to be reached")


def test_the_gateway_has_its_own_identity(mesh):
    accounts = {pod: mesh.cluster.get(f"/api/v1/namespaces/{SYSTEM}/pods/{pod}") for pod in mesh.cluster.pods("istio=ingressgateway", SYSTEM)}
    assert {pod["spec"]["serviceAccountName"] for pod in accounts.values()} == {"istio-ingressgateway-service-account"}
    for pod in accounts.values():  # least privilege, ports below 1024 included
        security = pod["spec"]["containers"][0]["securityContext"]
        assert (security["runAsUser"], security["allowPrivilegeEscalation"], security["capabilities"]["drop"]) == (1337, False, ["ALL"])
