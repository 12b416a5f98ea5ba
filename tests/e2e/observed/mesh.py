"""A small mesh in three namespaces, with real Envoys and agents, and traffic of every kind that boards and graphs tell of: HTTP through a
gateway and between workloads, from a client without a proxy, gRPC, TCP, and requests that nobody answers."""

import json
import pathlib
import socket
import sys
import threading

import grpc
from harness.network import POD_PREFIX
from harness.prometheus import INTERVAL, Prometheus
from processes import Agent, Apps, Failed, Process, accepts, request, wait_for
from workloads import Workload

HERE = pathlib.Path(__file__).resolve().parent
HASH = "5d8f9c7b6d"
SCRAPES = 6  # with traffic; rates need two
WEB, API, DATABASE, CALLS, NOWHERE, EDGE = 8080, 8081, 5432, 9095, 8090, 8088
# Name: namespace, version, port of its Service by the port's name.
PODS = {
    "istio-ingressgateway": ("istio-system", "v1", {"http2": EDGE}),
    "web": ("shop", "v1", {"http-web": WEB}),
    "api": ("shop", "v2", {"http-api": API}),
    "client": ("shop", "v1", {}),
    "db": ("data", "v1", {"tcp-db": DATABASE}),
    "calls": ("data", "v1", {"grpc-calls": CALLS}),
}
GATEWAY = "istio-ingressgateway"


def workload(name):
    namespace, version, ports = PODS[name]
    labels = {"app": name, "version": version, "pod-template-hash": HASH, "security.istio.io/tlsMode": "istio"}
    if name == GATEWAY:
        labels = {**labels, "istio": "ingressgateway"}
    ip = f"{POD_PREFIX}{70 + list(PODS).index(name)}.1"
    return Workload(name, f"{name}-{HASH}-x1", namespace, name, labels, ip, list(ports.values()))


def service(name, namespace, number, ports):
    spec = {"clusterIP": f"10.96.70.{number}", "selector": {"app": name}}
    spec["ports"] = [{"name": port, "port": at, "targetPort": at} for port, at in ports.items()]
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def manifests():
    for namespace in ("istio-system", "shop", "data"):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    yield service("nowhere", "shop", 9, {"http": NOWHERE})
    for number, (name, (namespace, _, ports)) in enumerate(PODS.items(), start=10):
        pod, meta = workload(name), {"name": name, "namespace": namespace}
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}
        owner = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "name": f"{name}-{HASH}",
            "uid": "1",
            "controller": True,
        }
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": pod.pod, "namespace": namespace, "labels": pod.labels, "ownerReferences": [owner]},
            "spec": {"serviceAccountName": name, "containers": [{"name": name, "image": f"example/{name}"}]},
            "status": {"phase": "Running", "podIP": pod.ip, "podIPs": [{"ip": pod.ip}]},
        }
        if not ports:
            continue
        yield service(name, namespace, number, ports)
        ready = {"ready": True, "serving": True, "terminating": False}
        target = {"kind": "Pod", "namespace": namespace, "name": pod.pod}
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "addressType": "IPv4",
            "metadata": {**meta, "labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": port, "port": at, "protocol": "TCP"} for port, at in ports.items()],
            "endpoints": [{"addresses": [pod.ip], "conditions": ready, "targetRef": target}],
        }
    port = {"number": EDGE, "name": "http", "protocol": "HTTP"}
    yield {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "edge", "namespace": "istio-system"},
        "spec": {"selector": {"istio": "ingressgateway"}, "servers": [{"port": port, "hosts": ["*"]}]},
    }


def edge(timeout):
    """The gateway's way to web, of which a part can be changed without anyone noticing."""
    web = {"destination": {"host": "web.shop.svc.cluster.local", "port": {"number": WEB}}}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "edge", "namespace": "istio-system"},
        "spec": {"hosts": ["*"], "gateways": ["edge"], "http": [{"route": [web], "timeout": f"{timeout}s"}]},
    }


class Traffic(threading.Thread):
    """Every kind of request, one after the other, and changes of the configuration, until it is closed."""

    def __init__(self, mesh):
        super().__init__(daemon=True)
        self.mesh, self.rounds, self.problem = mesh, 0, None
        self._end = threading.Event()

    def run(self):
        client = self.mesh.workloads["client"].outbound
        with socket.create_connection((client, DATABASE)) as long_lived:
            options = [("grpc.default_authority", f"calls.data:{CALLS}")]
            with grpc.insecure_channel(f"{client}:{CALLS}", options=options) as channel:
                while not self._end.wait(0.05) and self.problem is None:
                    try:
                        self._round(client, long_lived, channel)
                        self.rounds += 1
                        if self.rounds % 5 == 0:
                            self.mesh.change(timeout=30 + self.rounds % 2)
                    except (Failed, OSError, grpc.RpcError) as error:
                        self.problem = error

    def _round(self, client, long_lived, channel):
        gateway, api = (self.mesh.workloads[name] for name in (GATEWAY, "api"))
        for address, path, host, status in (
            (f"{gateway.ip}:{EDGE}", "/", "shop.example.org", 200),
            (f"{gateway.ip}:{EDGE}", "/api/api/items", "shop.example.org", 200),  # web passes it on
            (f"{client}:{API}", "/items", f"api.shop:{API}", 200),
            (f"{api.ip}:{API}", "/items", f"api.shop:{API}", 200),  # in plaintext
            (f"{client}:{NOWHERE}", "/", f"nowhere.shop:{NOWHERE}", 503),
        ):
            answer = request(address, path, host=host, timeout=20)
            if answer.status != status:
                raise Failed(f"{address}{path}: {answer}, expected {status}")
        self._lines(long_lived)
        with socket.create_connection((client, DATABASE)) as short:
            self._lines(short)
        if channel.unary_unary("/shop.Calls/Get")(b"ab", timeout=20) != b"abab":
            raise Failed("gRPC: another answer")
        if len(list(channel.unary_stream("/shop.Calls/List")(b"ab", timeout=20))) != 3:
            raise Failed("gRPC: other messages")
        try:
            channel.unary_unary("/shop.Calls/Fail")(b"ab", timeout=20)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:  # pylint: disable=no-member
                raise

    @staticmethod
    def _lines(connection):
        connection.settimeout(20)
        connection.sendall(b"x" * 99 + b"\n")
        answer = b""
        while len(answer) < 1000:
            if not (data := connection.recv(4096)):
                raise Failed("the database's connection was closed")
            answer += data

    def wait_rounds(self, count, seconds=90):
        """Until `count` more rounds have been made."""
        goal = self.rounds + count

        def reached():
            if self.problem:
                raise Failed(f"after {self.rounds} rounds: {self.problem}")
            return self.rounds >= goal

        wait_for(reached, seconds, lambda: f"{goal} rounds ({self.rounds})", pause=0.05)

    def close(self):
        self._end.set()
        self.join(60)


class Mesh:
    """`lab` gets a control plane over a folder, agents with Envoys, and a Prometheus."""

    def __init__(self, lab):
        self.lab, self.prometheus, self.traffic = lab, None, None
        self.workloads = {name: workload(name) for name in PODS}
        self.agents = {}

    def start(self, rules=()):
        """Returns when Prometheus scrapes everything and there is traffic. `rules`: files of alerts."""
        lab = self.lab
        lab.config.mkdir()
        lab.write("mesh.yaml", "\n---\n".join(json.dumps(one) for one in manifests()))
        self.change(timeout=30)
        plane = lab.folder_control_plane(base=False)
        self._start_apps()
        for name, one in self.workloads.items():
            folder, token = lab.directory / "agents" / name, lab.token_of(one)
            agent = Agent(folder, one, plane.xds, plane.root_file, token)
            agent.env = {  # what injection knows of a pod
                "ISTIO_META_WORKLOAD_NAME": name,
                "ISTIO_META_OWNER": f"kubernetes://apis/apps/v1/namespaces/{one.namespace}/deployments/{name}",
                "ISTIO_META_CLUSTER_ID": "Kubernetes",
                "ISTIO_META_MESH_ID": "cluster.local",
            }
            self.agents[name] = lab.agents[name] = lab.add(agent)
        lab.wait_connected()
        client = self.workloads["client"].outbound
        wanted = [f"{client}:{port}" for port in (API, DATABASE, CALLS, NOWHERE)]
        wanted += [f"{one.ip}:{port}" for one in self.workloads.values() for port in one.ports]
        for address in wanted:
            wait_for(lambda a=address: accepts(a), 60, f"a proxy to listen at {address}")
        for agent in self.agents.values():
            self._probe(agent)
        self.prometheus = lab.add(Prometheus(lab.directory / "prometheus", self.jobs(), rules=rules))
        self.prometheus.wait_scraped()
        self.traffic = Traffic(self)
        self.traffic.start()
        self.traffic.wait_rounds(5)
        return self

    def change(self, timeout):
        self.lab.write("edge.yaml", json.dumps(edge(timeout)))

    def _start_apps(self):
        web, api, database, calls = (self.workloads[name] for name in ("web", "api", "db", "calls"))
        passed_on = {"address": f"{web.outbound}:{API}", "host": f"api.shop:{API}"}
        apps = [
            {"service": "web", "listen": [f"{web.app}:{WEB}"], "pages": {}, "forward": {"api": passed_on}},
            {"service": "api", "listen": [f"{api.app}:{API}"], "pages": {}},
        ]
        self.lab.add(Apps(self.lab.directory / "apps", apps))
        argv = [sys.executable, HERE / "apps.py", f"{database.app}:{DATABASE}", f"{calls.app}:{CALLS}"]
        others = self.lab.add(Process("other applications", argv, self.lab.directory / "others.log"))
        wait_for(lambda: others.check() or others.tail(1) == "ready", 30, lambda: f"the applications: {others.tail()}")

    @staticmethod
    def _probe(agent):
        """As the kubelet does; by its first good answer an agent knows how long its start took."""

        def ready():
            address = (agent.directory / "status-address").read_text(encoding="ascii").strip()
            return request(address, "/healthz/ready").status == 200

        wait_for(ready, 30, f"{agent.name} to be ready")

    def jobs(self):
        """What is scraped, with the labels that Kubernetes' discovery gives."""
        found = []
        for name, agent in self.agents.items():
            one, address = self.workloads[name], agent.directory / "agent-address"
            labels = {"namespace": one.namespace, "pod": one.pod}
            found.append((address.read_text(encoding="ascii").strip(), "/stats/prometheus", labels))
        plane = (self.lab.control_plane.admin, "/metrics", {"namespace": "istio-system", "pod": "fairway-0"})
        return {"kubernetes-pods": [*found, plane]}

    def wait_scrapes(self, count=SCRAPES):
        """Until each target has been scraped so often since now, with traffic all the time."""
        self.traffic.wait_rounds(3)
        every = self.prometheus.targets
        wait_for(lambda: len(self.scrapes()) == every, 30, "every target to be scraped once", pause=0.2)
        start = self.scrapes()
        wait_for(
            lambda: all(self.scrapes()[instance] >= number + count for instance, number in start.items()),
            60 + count * INTERVAL,
            lambda: f"{count} scrapes more than {start}: {self.scrapes()}",
            pause=0.2,
        )

    def scrapes(self):
        """How often each target has been scraped."""
        return {labels["instance"]: value for labels, value in self.prometheus.query("count_over_time(up[1h])")}

    def close(self):
        if self.traffic:
            self.traffic.close()
