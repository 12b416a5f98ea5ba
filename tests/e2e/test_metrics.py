"""Istio's standard metrics of real Envoys: every label of requests, gRPC calls and connections, both reporters; what others say
about themselves does not count."""

import base64
import json
import socket
import socketserver
import subprocess
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import pytest
from harness.exposition import Page
from harness.network import POD_PREFIX
from harness.pod import HOST, POD, Pod, run
from processes import Agent, accepts, binary, request, wait_for
from workloads import Workload

SHOP = "shop"
TRUST = "spiffe://cluster.local/ns"

# service: (number of the address, labels, ports, name of what runs it)
PODS = {
    "web": (1, {"app": "web", "version": "v1", "pod-template-hash": "7d4b9c"}, {}, ("ReplicaSet", "web-front-7d4b9c")),
    "api": (2, {"app": "api", "version": "v2", "app.kubernetes.io/name": "catalogue"},
            {"http-api": 8080, "grpc-api": 9000, "tcp-db": 3306}, ("StatefulSet", "api")),
    "db": (3, {"app": "db"}, {"http-db": 8081, "tcp-raw": 3307}, ("StatefulSet", "db")),
    "edge": (4, {"istio": "ingressgateway", "app": "edge"}, {"http2": 8088}, ("ReplicaSet", "edge-1")),
}
MTLS = {"security.istio.io/tlsMode": "istio"}


def workload(name):
    number, labels, ports, _ = PODS[name]
    labels = {**labels, **(MTLS if name in ("web", "api") else {})}
    return Workload(name, f"{name}-0", SHOP, name, labels, f"{POD_PREFIX}{number}.1", list(ports.values()))


def manifests():
    result = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SHOP}}]
    for name, (_, _, ports, (kind, owner)) in PODS.items():
        pod = workload(name)
        # A gateway ends connections itself: its pod is the endpoint of nothing here.
        address, meta = pod.ip if pod.proxied else pod.app, {"name": name, "namespace": SHOP}
        result.append({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
        owners = [{"apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": "1", "controller": True}]
        result.append({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": pod.pod, "namespace": SHOP, "labels": pod.labels, "ownerReferences": owners},
            "spec": {"serviceAccountName": name, "containers": [{"name": "app", "image": "example/app"}]},
            "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}})
        if not ports:
            continue
        result.append({
            "apiVersion": "v1", "kind": "Service", "metadata": meta,
            "spec": {"clusterIP": f"10.96.0.{PODS[name][0]}", "selector": {"app": name},
                     "ports": [{"name": port, "port": number, "targetPort": number} for port, number in ports.items()]}})
        result.append({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {**meta, "labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": port, "port": number, "protocol": "TCP"} for port, number in ports.items()],
            "endpoints": [{"addresses": [address], "conditions": {"ready": True, "serving": True, "terminating": False},
                           "targetRef": {"kind": "Pod", "namespace": SHOP, "name": pod.pod}}]})
    api = {"apiVersion": "networking.istio.io/v1"}
    result.append({**api, "kind": "Gateway", "metadata": {"name": "edge", "namespace": SHOP}, "spec": {
        "selector": {"istio": "ingressgateway"},
        "servers": [{"port": {"number": 8088, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]}})
    result.append({**api, "kind": "VirtualService", "metadata": {"name": "edge", "namespace": SHOP}, "spec": {
        "hosts": ["*"], "gateways": ["edge"],
        "http": [{"route": [{"destination": {"host": f"api.{SHOP}.svc.cluster.local", "port": {"number": 8080}}}]}]}})
    return "\n---\n".join(json.dumps(one) for one in result)


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # pylint: disable=invalid-name
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("content-length", "5")
        self.send_header("connection", "close")  # or a server that was shut down would go on with old connections
        self.end_headers()
        self.wfile.write(b"hello")

    do_GET = do_POST  # pylint: disable=invalid-name

    def log_message(self, *_):
        pass


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


def serve(server):
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def grpc_server(address):
    def twice(messages, _):
        for message in messages:
            yield message
            yield message

    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(lambda message, _: message),
        "Fails": grpc.unary_unary_rpc_method_handler(lambda _, context: context.abort(grpc.StatusCode.NOT_FOUND, "no")),
        "Twice": grpc.stream_stream_rpc_method_handler(twice),
    }
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Api", handlers),))
    server.add_insecure_port(address)
    server.start()
    return server


def start_agent(lab, name, plane, extra=()):
    pod = workload(name)
    kind, owner = PODS[name][3]
    agent = Agent(lab.directory / "agents" / name, pod, plane.xds, plane.root_file, lab.token_of(pod), extra)
    agent.env = {"ISTIO_META_WORKLOAD_NAME": owner.removesuffix("-7d4b9c"), "ISTIO_META_CLUSTER_ID": "Kubernetes",
                 "FAIRWAY_LOG_FORMAT": "text"}
    lab.agents[name] = lab.add(agent)
    return agent


def page(agent):
    address = (agent.directory / "agent-address").read_text(encoding="ascii").strip()
    return Page(request(address, "/stats/prometheus", timeout=20).body)


class Mesh:
    def __init__(self, lab):
        self.lab = lab
        lab.config.mkdir(exist_ok=True)
        lab.write("all.yaml", manifests())
        self.plane = lab.folder_control_plane(base=False)
        api, database = workload("api"), workload("db")
        self.servers = [serve(ThreadingHTTPServer((api.app, 8080), App)), serve(ThreadingHTTPServer((database.app, 8081), App)),
                        serve(socketserver.ThreadingTCPServer((api.app, 3306), Echo)),
                        serve(socketserver.ThreadingTCPServer((database.app, 3307), Echo))]
        self.grpc = grpc_server(f"{api.app}:9000")
        for name in ("web", "api", "edge"):
            start_agent(lab, name, self.plane)
        lab.wait_connected()
        self.web, self.api = workload("web"), api
        for address in (f"{api.ip}:8080", self.out(8080), self.out(9000), self.out(3306), f"{workload('edge').ip}:8088"):
            wait_for(lambda a=address: accepts(a), 60, f"a proxy to listen at {address}")
        wait_for(lambda: self.ask("api", 8080).status == 200, 60, lambda: f"an answer: {self.ask('api', 8080)}")
        # What the looks above did is told a little later; one that went through to the server, by both sides.
        with socket.create_connection(tuple(self.out(3306).split(":")), timeout=20) as through:
            through.sendall(b"x")
            assert through.recv(1) == b"x"
        opened, closed = (f"istio_tcp_connections_{what}_total" for what in ("opened", "closed"))
        received = "istio_tcp_received_bytes_total"
        wait_for(lambda: all(self.now(n).sum(received) > 0 for n in ("web", "api")) and all(self.now(n).sum(opened) == self.now(n).sum(closed) for n in lab.agents),
                 60, "all connections of before to be counted")
        self.start = {name: page(agent) for name, agent in lab.agents.items()}

    def out(self, port):
        """Where the app of web finds a port of the mesh."""
        return f"{self.web.outbound}:{port}"

    def ask(self, service, port, path="/", **more):
        return request(self.out(port), path, host=f"{service}.{SHOP}:{port}", **more)

    def now(self, name):
        return page(self.lab.agents[name])

    def grown(self, name, metric, **labels):
        """What was added since the mesh is up: labels and value of each sample."""
        before = {tuple(sorted(l.items())): v for l, v in self.start[name].get(metric, [])}
        added = []
        for found, value in self.now(name).find(metric, **labels):
            more = value - before.get(tuple(sorted(found.items())), 0)
            if more:
                added.append((found, more))
        return added

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()
        self.grpc.stop(None)


@pytest.fixture(scope="module")
def mesh(module_lab):
    made = Mesh(module_lab)
    yield made
    made.close()


def side(prefix, workload_name, app, version, canonical, revision, principal):
    return {f"{prefix}_workload": workload_name, f"{prefix}_workload_namespace": SHOP, f"{prefix}_app": app,
            f"{prefix}_version": version, f"{prefix}_canonical_service": canonical,
            f"{prefix}_canonical_revision": revision, f"{prefix}_principal": principal,
            f"{prefix}_cluster": "Kubernetes"}


def unknown(prefix):
    return {label: "unknown" for label in side(prefix, *[""] * 6)}


def web(prefix, principal=f"{TRUST}/{SHOP}/sa/web"):
    return side(prefix, "web-front", "web", "v1", "web", "v1", principal)


def api_side(prefix, principal=f"{TRUST}/{SHOP}/sa/api"):
    return side(prefix, "api", "api", "v2", "catalogue", "v2", principal)


def service(name):
    return {"destination_service": f"{name}.{SHOP}.svc.cluster.local", "destination_service_name": name,
            "destination_service_namespace": SHOP}


def http(code="200", flags="-"):
    return {"request_protocol": "http", "response_code": code, "response_flags": flags, "grpc_response_status": ""}


def source(**more):
    return {"reporter": "source", "connection_security_policy": "unknown", **more}


def destination(policy="mutual_tls", **more):
    return {"reporter": "destination", "connection_security_policy": policy, **more}


def expect(mesh_, name, metric, wanted, **labels):
    """Until exactly these labels with these values have been added."""
    def matches():
        got = mesh_.grown(name, metric, **labels)
        return sorted(map(repr_of, got)) == sorted(map(repr_of, wanted))

    def repr_of(sample):
        return repr((sorted(sample[0].items()), float(sample[1])))

    def what():
        got = mesh_.grown(name, metric, **labels)
        return f"{metric} of {name}: got {json.dumps(got, indent=1)}, wanted {json.dumps(wanted, indent=1)}"

    wait_for(matches, 20, what)


FORGED = {
    "x-forwarded-client-cert": 'By=spiffe://cluster.local/ns/shop/sa/api;Subject="description=workload/admin";URI=spiffe://cluster.local/ns/root/sa/admin',
    "x-envoy-peer-metadata": "ChkKDkFQUF9DT05UQUlORVJTEgcaBWFkbWlu",
    "x-envoy-peer-metadata-id": "sidecar~10.0.0.1~admin.root~root.svc.cluster.local",
    "baggage": "k8s.workload.name=admin",
}


def test_requests_between_sidecars(mesh):
    """Also with headers that claim another sender, which are a client's own text."""
    for _ in range(3):
        assert mesh.ask("api", 8080, "/one", method="POST", body="x" * 100, headers=FORGED).status == 200
    assert mesh.ask("api", 8080, "/missing").status == 404
    both = {**web("source"), **api_side("destination"), **service("api")}
    for name, of in (("web", source), ("api", destination)):
        expect(mesh, name, "istio_requests_total",
               [(of(**both, **http()), 3), (of(**both, **http("404")), 1)], request_protocol="http",
               destination_service_name="api", response_flags="-", source_workload="web-front")
        labels = of(**both, **http("404"))
        # Envoy adds up its threads' histograms every 5 s.
        wait_for(lambda n=name, l=labels: mesh.now(n).sum("istio_response_bytes_count", **l), 20, "the histograms")
        now = mesh.now(name)
        assert now.types["istio_requests_total"] == "counter"
        for metric, total in (("istio_request_duration_milliseconds", None), ("istio_request_bytes", 0),
                              ("istio_response_bytes", 5)):
            assert now.types[metric] == "histogram"
            assert now.one(metric + "_count", **labels) == (labels, 1)
            (_, measured) = now.one(metric + "_sum", **labels)
            assert total is None or abs(measured - total) <= max(1, 0.1 * total), (metric, measured)
            buckets = now.find(metric + "_bucket", **labels)
            assert [v for _, v in buckets] == sorted(v for _, v in buckets)
            assert now.one(metric + "_bucket", le="+Inf", **labels)[1] == 1
            # Istio's, which are Envoy's own.
            assert [l["le"] for l, _ in buckets[:5]] == ["0.5", "1", "5", "10", "25"] and len(buckets) == 20
        wait_for(lambda n=name: mesh.now(n).sum("istio_request_bytes_count", **of(**both, **http())) >= 3, 20, "the histograms")
        sent = sum(v for _, v in mesh.grown(name, "istio_request_bytes_sum", response_code="200", source_workload="web-front",
                                            destination_service_name="api", request_protocol="http"))
        assert 270 <= sent <= 330, sent


def test_grpc(mesh):
    channel = grpc.insecure_channel(mesh.out(9000), options=[("grpc.default_authority", f"api.{SHOP}:9000")])
    wait_for(lambda: accepts(mesh.out(9000)), 20, "the listener")
    unary, fails = channel.unary_unary("/shop.Api/Unary"), channel.unary_unary("/shop.Api/Fails")
    for _ in range(2):
        assert unary(b"x", timeout=20) == b"x"
    assert len(list(channel.stream_stream("/shop.Api/Twice")(iter([b"a", b"b", b"c"]), timeout=20))) == 6
    with pytest.raises(grpc.RpcError) as refused:
        fails(b"x", timeout=20)
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
    channel.close()
    both = {**web("source"), **api_side("destination"), **service("api"), "request_protocol": "grpc", "response_code": "200",
            "response_flags": "-"}
    for name, of in (("web", source), ("api", destination)):
        good, bad = of(**both, grpc_response_status="0"), of(**both, grpc_response_status="5")
        expect(mesh, name, "istio_requests_total", [(good, 3), (bad, 1)], request_protocol="grpc")
        expect(mesh, name, "istio_request_messages_total", [(good, 5), (bad, 1)])
        expect(mesh, name, "istio_response_messages_total", [(good, 8)])


def test_bytes_of_a_connection_that_is_open(mesh):
    ip, port = mesh.out(3306).split(":")
    both = {**web("source"), **api_side("destination"), **service("api"), "request_protocol": "tcp", "response_flags": "-"}

    def check(opened, closed, sent):
        for name, of in (("web", source), ("api", destination)):
            labels = of(**both)
            for metric, value in (("connections_opened", opened), ("connections_closed", closed),
                                  ("received_bytes", sent), ("sent_bytes", sent)):
                expect(mesh, name, f"istio_tcp_{metric}_total", [(labels, value)] if value else [],
                       destination_service_name="api")

    def talk(connection, size):
        connection.sendall(b"x" * size)
        while size > 0:
            size -= len(connection.recv(65536))

    with socket.create_connection((ip, int(port)), timeout=20) as first:
        talk(first, 1000)
        check(1, 0, 1000)
        with socket.create_connection((ip, int(port)), timeout=20) as second:
            talk(second, 500)
            talk(first, 24)
            check(2, 0, 1524)
        check(2, 1, 1524)
    check(2, 2, 1524)
    with socket.create_connection((ip, int(port)), timeout=20) as third:
        talk(third, 1)
    check(3, 3, 1525)


def test_a_client_outside_the_mesh(mesh):
    """Without a certificate nobody is anybody, whatever headers say."""
    address = f"{mesh.api.ip}:8080"
    assert request(address, "/plain", host="api", headers=FORGED).status == 200
    labels = destination("none", **unknown("source"), **api_side("destination", "unknown"), **service("api"), **http())
    expect(mesh, "api", "istio_requests_total", [(labels, 1)], connection_security_policy="none")


def test_a_service_without_sidecar(mesh):
    assert mesh.ask("db", 8081).status == 200
    database = side("destination", "db", "db", "unknown", "db", "latest", "unknown")
    labels = source(**web("source", "unknown"), **database, **service("db"), **http())
    expect(mesh, "web", "istio_requests_total", [(labels, 1)], destination_service_name="db")


def test_a_service_that_is_away(mesh):
    """Endpoints that refuse connections: the flags say so, and the service is known, and the workload behind it."""
    mesh.servers[1].shutdown()
    mesh.servers[1].server_close()
    assert mesh.ask("db", 8081).status == 503
    found = wait_for(lambda: mesh.grown("web", "istio_requests_total", destination_service_name="db", response_code="503"), 20,
                     "the request to be counted")
    assert [(sorted(l["response_flags"].split(",")), l["destination_workload"], v) for l, v in found] == [(["UF", "URX"], "db", 1)]


def test_gateway(mesh):
    """It reports what it sends; what its clients show or say is not believed."""
    assert request(f"{workload('edge').ip}:8088", "/in", host="shop.example", headers=FORGED).status == 200
    edge = side("source", "edge-1", "edge", "unknown", "edge", "latest", f"{TRUST}/{SHOP}/sa/edge")
    labels = source(**edge, **api_side("destination"), **service("api"), **http())
    expect(mesh, "edge", "istio_requests_total", [(labels, 1)])
    edge = {**edge, "source_principal": f"{TRUST}/{SHOP}/sa/edge"}
    labels = destination(**edge, **api_side("destination"), **service("api"), **http())
    expect(mesh, "api", "istio_requests_total", [(labels, 1)], source_workload="edge-1")


def test_few_statistics_of_envoys_own(mesh):
    """What Istio keeps: not the hundreds of each cluster. Nothing is left under Envoy's names of our metrics."""
    now = mesh.now("web")
    assert "envoy_server_live" in now and "envoy_cluster_manager_active_clusters" in now
    assert not [name for name in now if name.startswith("envoy_istio")]
    clusters = {l.get("cluster_name") for name, samples in now.items() if name.startswith("envoy_cluster_") for l, _ in samples}
    assert sum(len(samples) for name, samples in now.items() if name.startswith("envoy_")) < 700, clusters
    assert now.sum("fairway_agent_connections_lost_total") == 0


def subject_of(agent):
    address = (agent.directory / "envoy-admin-address").read_text(encoding="ascii").strip()
    dump = json.loads(request(address, "/config_dump?resource=dynamic_active_secrets", timeout=20).body)
    for entry in dump["configs"]:
        if entry["name"] == "default":
            chain = base64.b64decode(entry["secret"]["tls_certificate"]["certificate_chain"]["inline_bytes"])
            return subprocess.run(["openssl", "x509", "-noout", "-subject", "-nameopt", "RFC2253"], input=chain, check=True,
                                  capture_output=True).stdout.decode().strip()
    return ""


def test_whose_pod_a_bound_token_is_for(lab):
    """With a real API server: the pod that it says a token is bound to gives the labels; a token of none gives none."""
    lab.api_server()
    lab.api.apply(manifests())
    for one in map(json.loads, manifests().split("\n---\n")):
        if one["kind"] == "Pod":
            lab.api.set_pod_status(one)
    plane = lab.kubernetes_control_plane()
    for name in ("web", "api"):
        pod = workload(name)
        file = lab.token_of(pod)
        if name == "web":
            bound = {"kind": "Pod", "apiVersion": "v1", "name": pod.pod}
            spec = {"spec": {"audiences": ["istio-ca"], "expirationSeconds": 3600, "boundObjectRef": bound}}
            answer = lab.api.do("POST", f"/api/v1/namespaces/{SHOP}/serviceaccounts/{name}/token", spec)
            file.write_text(answer["status"]["token"], encoding="ascii")
        agent = Agent(lab.directory / "agents" / name, pod, plane.xds, plane.root_file, file)
        lab.agents[name] = lab.add(agent)
    lab.wait_connected()
    assert subject_of(lab.agents["web"]) == "subject=description=workload/web-front/web/v1///Kubernetes"
    assert subject_of(lab.agents["api"]) == "subject="


PASSTHROUGH = f"""
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
metadata: {{name: other, namespace: shop}}
spec:
  clusterIP: 10.96.0.30
  ports: [{{name: http, port: 8080}}]
---
apiVersion: v1
kind: Pod
metadata:
  name: web-1
  namespace: shop
  labels: {{app: web, security.istio.io/tlsMode: istio}}
spec:
  serviceAccountName: web
  containers: [{{name: web, image: example/web}}]
status: {{phase: Running, podIP: {POD}, podIPs: [{{ip: {POD}}}]}}
"""


def test_what_no_service_is(lab):
    """Requests and connections to addresses that no service has, with real interception; a Host header makes no label."""
    lab.config.mkdir()
    lab.write("pod.yaml", PASSTHROUGH)
    pod = Pod(lab)
    try:
        plane = lab.folder_control_plane(base=False, host=HOST)
        done = run([binary(), "intercept", "--netns", pod.netns])
        if done.returncode != 0:
            pytest.skip(f"no interception here: {done.stderr}")
        pod.agent(plane, (SHOP, "web"), {"POD_NAME": "web-1", "FAIRWAY_LABELS": "app=web", "FAIRWAY_CONCURRENCY": "1"})
        wait_for(lambda: pod.from_outside(15021, "/healthz/ready").status == 200, 60, "the pod to be ready")
        servers = [serve(ThreadingHTTPServer((HOST, port), App)) for port in (8080, 7777)]
        for port in (8080, 7777):
            answer = pod.get(f"{HOST}:{port}", "/", host=f"secret-{port}.example")
            assert answer.startswith("200"), answer

        def seen():
            now = Page(pod.from_outside(15020, "/stats/prometheus").body)
            return now if now.sum("istio_tcp_connections_closed_total") and now.sum("istio_requests_total") else None

        now = wait_for(seen, 30, "both to be counted")
        nothing = {"destination_service": "unknown", "destination_service_name": "PassthroughCluster",
                   "destination_service_namespace": "unknown", **unknown("destination")}
        (labels, value) = now.one("istio_requests_total")
        assert value == 1 and nothing.items() <= labels.items(), labels
        (labels, value) = now.one("istio_tcp_received_bytes_total", reporter="source")
        assert value > 0 and nothing.items() <= labels.items(), labels
        assert "secret-" not in json.dumps(now)
        for server in servers:
            server.shutdown()
            server.server_close()
    finally:
        pod.close()
