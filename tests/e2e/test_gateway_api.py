"""The Gateway API through real Envoys, as a gateway and as a sidecar, and what the leader writes of it into a cluster."""

import base64
import json

from processes import Failed, request, wait_for
from test_gateways import certificate, https, wait_https

import workloads as onap

GATEWAY = onap.GATEWAY
NAMES = (GATEWAY, "msb-iag", "multicloud-vio")
GROUP = "gateway.networking.k8s.io"
KINDS = {
    "GatewayClass": "gatewayclasses",
    "Gateway": "gateways",
    "HTTPRoute": "httproutes",
    "GRPCRoute": "grpcroutes",
    "TLSRoute": "tlsroutes",
    "TCPRoute": "tcproutes",
    "ReferenceGrant": "referencegrants",
    "BackendTLSPolicy": "backendtlspolicies",
}

# Its pods are those of a Service that is there.
EDGE = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: onap}
spec:
  gatewayClassName: istio
  addresses: [{type: Hostname, value: istio-ingressgateway.istio-system.svc.cluster.local}]
  listeners:
    - {name: http, port: 80, protocol: HTTP}
    - {name: https, port: 443, protocol: HTTPS, hostname: "*.example.com", tls: {certificateRefs: [{name: edge}]}}
    - {name: tcp, port: 9999, protocol: TCP}
"""

ROUTES = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: onap}
spec:
  parentRefs: [{name: edge}]
  rules:
    - matches: [{path: {value: /msb}}]
      filters:
        - {type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x-route, value: "100%"}]}}
      backendRefs: [{name: msb-iag, port: 80}]
    - matches: [{path: {value: /old}}]
      filters:
        - {type: URLRewrite, urlRewrite: {hostname: in.example.com, path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}}
        - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-set, value: one}], remove: [x-gone]}}
      backendRefs: [{name: msb-iag, port: 80}]
    - matches: [{path: {value: /old/exact, type: Exact}, headers: [{name: x-kind, value: b}], queryParams: [{name: q, value: z}]}]
      filters: [{type: RequestRedirect, requestRedirect: {hostname: other.example.com, path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}]
    - matches: [{path: {value: /gone}}]
      backendRefs: [{name: nobody, port: 80}]
    - matches: [{path: {value: /half}}]
      backendRefs: [{name: msb-iag, port: 80}, {name: nobody, port: 80}]
    - matches: [{path: {value: /redirect}}]
      filters: [{type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 301, path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: {name: bytes, namespace: onap}
spec:
  parentRefs: [{name: edge}]
  rules: [{backendRefs: [{name: multicloud-vio, port: 9004}]}]
"""

MESH = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: vio, namespace: onap}
spec:
  parentRefs: [{group: "", kind: Service, name: multicloud-vio}]
  rules:
    - matches: [{path: {value: /in}}]
      filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-mesh, value: route}]}}]
      backendRefs: [{name: multicloud-vio, port: 9004}]
"""


def answer_of(address, path, **more):
    answer = request(address, path, **more)
    return answer, json.loads(answer.body) if answer.status == 200 and answer.body.startswith("{") else {}


def test_routes_of_a_gateway(lab):
    lab.folder_control_plane()
    lab.start_mesh(NAMES)
    ip = lab.workloads[GATEWAY].ip
    web = f"{ip}:80"
    lab.write("edge.yaml", EDGE)
    lab.write("routes.yaml", ROUTES)
    wait_for(lambda: request(web, "/msb").status == 200, 60, lambda: f"the route: {request(web, '/msb')}")

    print("  filters, matches, and what comes of backends that are not there")
    assert request(web, "/msb").headers["x-route"] == "100%"
    assert request(web, "/msbx").status == 404, "/msb is a path of whole elements"
    _, seen = answer_of(web, "/old/a?b=c", headers={"x-gone": "1"})
    assert seen["path"] == "/new/a?b=c"
    assert seen["headers"]["host"] == "in.example.com"
    assert seen["headers"]["x-set"] == "one" and "x-gone" not in seen["headers"]
    _, seen = answer_of(web, "/old/exact")
    assert seen["path"] == "/new/exact", "without header and query parameter the more general rule applies"
    moved = request(web, "/old/exact?q=z", headers={"x-kind": "b"})
    assert (moved.status, moved.headers["location"].split("?")[0]) == (302, "http://other.example.com/")
    moved = request(web, "/redirect/a", host="one.example.com")
    assert moved.status == 301 and moved.headers["location"].endswith("/a")
    assert moved.headers["location"].startswith("https://one.example.com")
    assert request(web, "/gone").status == 500
    statuses = {request(web, "/half").status for _ in range(60)}
    assert statuses == {200, 500}, statuses
    assert request(web, "/nothing").status == 404

    print("  bytes")
    wait_for(lambda: request(f"{ip}:9999", "/x").status == 200, 30, "the TCPRoute")

    print("  TLS, once its secret is there")
    one = certificate(lab.directory, "one.example.com")
    wait_https(ip, "one.example.com", None, "no listener without its certificate")
    data = {field: base64.b64encode(text.encode()).decode() for field, text in zip(("tls.crt", "tls.key"), one)}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "data": data}
    lab.write("secret.json", json.dumps({**secret, "metadata": {"name": "edge", "namespace": "onap"}}))
    wait_https(ip, "one.example.com", one, "the certificate")

    print("  a secret of another namespace, once it is granted")
    far = EDGE.replace("[{name: edge}]", "[{name: far, namespace: certs}]")
    two = certificate(lab.directory, "two.example.com")
    data = {field: base64.b64encode(text.encode()).decode() for field, text in zip(("tls.crt", "tls.key"), two)}
    lab.write("far.json", json.dumps({**secret, "data": data, "metadata": {"name": "far", "namespace": "certs"}}))
    lab.write("edge.yaml", far)
    wait_https(ip, "two.example.com", None, "the reference is not granted")
    lab.write(
        "grant.yaml",
        f"{{apiVersion: {GROUP}/v1, kind: ReferenceGrant, metadata: {{name: g, namespace: certs}}, spec: {{from: "
        f"[{{group: {GROUP}, kind: Gateway, namespace: onap}}], to: [{{group: '', kind: Secret}}]}}}}",
    )
    wait_https(ip, "two.example.com", two, "the granted certificate")
    assert https(ip, "two.example.com")[1].status == 200


def test_routes_of_the_mesh(lab):
    lab.folder_control_plane()
    lab.start_mesh(NAMES)
    client = f"{lab.workloads['msb-iag'].outbound}:9004"
    host = "multicloud-vio.onap:9004"

    def send(path):
        return answer_of(client, path, host=host)

    wait_for(lambda: send("/in/a")[0].status == 200, 60, "the Service without a route")
    assert "x-mesh" not in send("/in/a")[1]["headers"]
    lab.write("mesh.yaml", MESH)
    wait_for(lambda: send("/in/a")[1].get("headers", {}).get("x-mesh") == "route", 30, "the Service's own route")
    assert send("/out")[0].status == 404, "what no rule of a Service's route matches is not there"

    print("  the clients' own namespace has the last word, as far as its clients go")
    other = MESH.replace("name: vio, namespace: onap", "name: vio, namespace: elsewhere").replace(
        "name: multicloud-vio}]", "name: multicloud-vio, namespace: onap}]"
    )
    lab.write("consumer.yaml", other.replace("value: route", "value: consumer"))
    lab.write("mesh.yaml", MESH.replace("value: route", "value: second"))
    wait_for(lambda: send("/in/a")[1].get("headers", {}).get("x-mesh") == "second", 30, "the route of these clients")


def definition(kind, plural):
    """A definition that takes everything; the real ones are the users' own."""
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{GROUP}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": {
            "group": GROUP,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "scope": "Cluster" if kind == "GatewayClass" else "Namespaced",
            "versions": [version],
        },
    }


def conditions(status):
    return {c["type"]: (c["status"], c["reason"], c.get("observedGeneration")) for c in status.get("conditions", [])}


def test_statuses_and_what_is_made(lab):
    """The kinds are installed while the control plane runs. Nobody but the leader makes anything."""
    lab.api_server()
    lab.apply_base()
    plane = lab.replica("a")
    for kind, plural in KINDS.items():
        lab.api.apply(json.dumps(definition(kind, plural)))
    path = f"/apis/{GROUP}/v1"

    def get(url):
        status, answer = lab.api.call("GET", url)
        return answer if status == 200 else None

    wait_for(lambda: get(f"{path}/gatewayclasses/istio"), 60, "the GatewayClass")

    def accepted():
        found = get(f"{path}/gatewayclasses/istio").get("status", {})
        return conditions(found).get("Accepted", ("",))[0] == "True" and found

    features = [f["name"] for f in wait_for(accepted, 60, "the GatewayClass to be accepted")["supportedFeatures"]]
    assert features == sorted(features) and "HTTPRoute" in features

    print("  a Gateway gets a Deployment, a Service and a ServiceAccount")
    gateway = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Gateway",
        "metadata": {"name": "shop", "namespace": "onap"},
        "spec": {
            "gatewayClassName": "istio",
            "infrastructure": {"labels": {"team": "a"}},
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
        },
    }
    lab.api.apply(json.dumps(gateway))
    made = {
        "Deployment": "/apis/apps/v1/namespaces/onap/deployments/shop-istio",
        "Service": "/api/v1/namespaces/onap/services/shop-istio",
        "ServiceAccount": "/api/v1/namespaces/onap/serviceaccounts/shop-istio",
    }
    for kind, url in made.items():
        found = wait_for(lambda u=url: get(u), 60, f"the {kind}")
        assert found["metadata"]["labels"]["team"] == "a"
        [owner] = found["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"]) == ("Gateway", "shop")
    pod = get(made["Deployment"])["spec"]["template"]
    assert pod["metadata"]["annotations"]["inject.istio.io/templates"] == "gateway"

    def status_of(kind, name):
        found = get(f"{path}/namespaces/onap/{KINDS[kind]}/{name}")
        return found.get("status", {}) if found else {}

    def programmed():
        return conditions(status_of("Gateway", "shop")).get("Programmed")

    wait_for(lambda: programmed() == ("False", "AddressNotAssigned", 1), 60, lambda: f"no address yet: {programmed()}")
    balancer = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    lab.api.do("PATCH", made["Service"] + "/status", balancer, "application/merge-patch+json")
    wait_for(lambda: programmed() == ("True", "Programmed", 1), 60, lambda: f"an address: {programmed()}")
    assert status_of("Gateway", "shop")["addresses"] == [{"type": "IPAddress", "value": "192.0.2.1"}]

    print("  a route is told of, beside what another controller says")
    route = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "onap"},
        "spec": {"parentRefs": [{"name": "shop"}], "rules": [{"backendRefs": [{"name": "msb-iag", "port": 80}]}]},
    }
    lab.api.apply(json.dumps(route))

    def parents(controller="istio.io/gateway-controller"):
        found = status_of("HTTPRoute", "web").get("parents", [])
        return [conditions(p) for p in found if p["controllerName"] == controller]

    good = {"Accepted": ("True", "Accepted", 1), "ResolvedRefs": ("True", "ResolvedRefs", 1)}
    wait_for(lambda: parents() == [good], 60, lambda: f"the route's status: {parents()}")
    wait_for(
        lambda: status_of("Gateway", "shop")["listeners"][0]["attachedRoutes"] == 1, 60, "the listener to count the route"
    )
    other = {"parentRef": {"name": "x"}, "controllerName": "example.com/other", "conditions": []}
    both = {"status": {"parents": [*status_of("HTTPRoute", "web")["parents"], other]}}
    lab.api.do("PATCH", f"{path}/namespaces/onap/httproutes/web/status", both, "application/merge-patch+json")
    route["spec"]["rules"][0]["backendRefs"][0]["name"] = "nobody"
    lab.api.apply(json.dumps(route))
    bad = {"Accepted": ("True", "Accepted", 2), "ResolvedRefs": ("False", "BackendNotFound", 2)}
    wait_for(lambda: parents() == [bad], 60, lambda: f"the new status: {parents()}")
    assert len(parents("example.com/other")) == 1

    print("  an edit is undone, and a listener that comes has its port")
    lab.api.do(
        "PATCH", made["Service"], {"spec": {"selector": {"a": "b"}}}, "application/merge-patch+json"
    )
    gateway["spec"]["listeners"].append({"name": "more", "port": 8080, "protocol": "HTTP"})
    lab.api.apply(json.dumps(gateway))

    def service_is_right():
        spec = get(made["Service"])["spec"]
        return {p["port"] for p in spec["ports"]} == {15021, 80, 8080} and spec["selector"] != {"a": "b"}

    wait_for(service_is_right, 60, "the Service as it has to be")

    print("  what was made goes with its Gateway, and nothing else does")
    lab.api.kubectl("delete", "-n", "onap", f"gateways.{GROUP}", "shop")
    for kind, url in made.items():
        wait_for(lambda u=url: get(u) is None, 60, f"the {kind} to be removed")
    assert get("/api/v1/namespaces/onap/services/msb-iag")
    wait_for(lambda: parents() == [], 60, lambda: f"the route to have no parent: {parents()}")
    if not plane.alive():
        raise Failed("the control plane has ended")
