"""Ingress and egress as users of Istio write them: Gateway, Ingress, ServiceEntry, the outbound policy."""

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
