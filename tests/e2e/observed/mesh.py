"""ONAP's example with two services more, real Envoys and agents, and traffic of every kind that boards and graphs tell of: HTTP
through the gateway and between workloads, from a client without a proxy, gRPC, TCP, and requests that nobody answers.
"""

import pathlib
import socket
import sys
import threading

import grpc
import story
import workloads as onap
from harness.network import POD_PREFIX
from harness.prometheus import INTERVAL, Prometheus
from processes import Agent, Apps, Failed, Process, accepts, request, wait_for

HERE = pathlib.Path(__file__).resolve().parent
ONAP = ("istio-ingressgateway", "msb-iag", "multicloud-vio", "vfc-nslcm")
CLIENT = "vfc-nslcm"
DATABASE, CALLS, NOWHERE = 5432, 9095, 8090  # ports of the services db, calls and nowhere of the namespace shop
SCRAPES = 6  # with traffic; rates need two

SHOP = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata: {name: nowhere, namespace: shop}
spec:
  clusterIP: 10.96.70.30
  selector: {app: nowhere}
  ports: [{name: http, port: 8090}]
"""
POD = """---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: shop}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec:
  clusterIP: 10.96.70.{number}
  selector: {{app: {name}}}
  ports: [{{name: {port_name}, port: {port}, targetPort: {port}}}]
---
apiVersion: v1
kind: Pod
metadata:
  name: {name}-5d8f9c7b6d-x1
  namespace: shop
  labels: {{app: {name}, version: v2, pod-template-hash: 5d8f9c7b6d, security.istio.io/tlsMode: istio}}
  ownerReferences: [{{apiVersion: apps/v1, kind: ReplicaSet, name: {name}-5d8f9c7b6d, uid: "1", controller: true}}]
spec:
  serviceAccountName: {name}
  containers: [{{name: {name}, image: example/{name}, ports: [{{containerPort: {port}}}]}}]
status: {{phase: Running, podIP: {ip}, podIPs: [{{ip: {ip}}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}-1, namespace: shop, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
ports: [{{name: {port_name}, port: {port}, protocol: TCP}}]
endpoints:
  - addresses: [{ip}]
    conditions: {{ready: true, serving: true, terminating: false}}
    targetRef: {{kind: Pod, namespace: shop, name: {name}-5d8f9c7b6d-x1}}
"""


def shop():
    """The Workloads of db and calls, and their manifests."""
    found, text = {}, SHOP
    for number, (name, port_name, port) in enumerate(
        (("db", "tcp-db", DATABASE), ("calls", "grpc-calls", CALLS)), start=10
    ):
        ip = f"{POD_PREFIX}{60 + number}.1"
        text += POD.format(name=name, number=number, port_name=port_name, port=port, ip=ip)
        labels = {"app": name, "version": "v2", "pod-template-hash": "5d8f9c7b6d", "security.istio.io/tlsMode": "istio"}
        found[name] = onap.Workload(name, f"{name}-5d8f9c7b6d-x1", "shop", name, labels, ip, [port])
    return found, text


class Traffic(threading.Thread):
    """Every kind of request, one after the other, until it is closed."""

    def __init__(self, mesh):
        super().__init__(daemon=True)
        self.mesh, self.rounds, self.problem = mesh, 0, None
        self._end = threading.Event()

    def run(self):
        client = self.mesh.workloads[CLIENT].outbound
        with socket.create_connection((client, DATABASE)) as long_lived:
            channel = grpc.insecure_channel(
                f"{client}:{CALLS}", options=[("grpc.default_authority", f"calls.shop:{CALLS}")]
            )
            with channel:
                while not self._end.wait(0.05) and self.problem is None:
                    try:
                        self._round(client, long_lived, channel)
                        self.rounds += 1
                    except (Failed, OSError, grpc.RpcError) as error:
                        self.problem = error

    def _round(self, client, long_lived, channel):
        world = self.mesh.lab.world
        for way, path in (
            ("gateway", "/msb"),
            ("gateway", story.SWAGGER),
            ("mesh", story.SWAGGER),
            ("plaintext", story.SWAGGER),
        ):
            self._expect(200, world.ask(way, path), f"{way} {path}")
        self._expect(503, request(f"{client}:{NOWHERE}", host=f"nowhere.shop:{NOWHERE}"), "nowhere")
        for connection in (long_lived, socket.create_connection((client, DATABASE))):
            connection.sendall(b"x" * 99 + b"\n")
            answer = b""
            while len(answer) < 1000:
                answer += connection.recv(4096)
            if connection is not long_lived:
                connection.close()
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
    def _expect(status, answer, what):
        if answer.status != status:
            raise Failed(f"{what}: {answer}, expected {status}")

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
        self.lab = lab
        self.own, self.manifests = shop()
        self.workloads = {**{name: lab.workloads[name] for name in ONAP}, **self.own}
        self.agents, self.prometheus, self.traffic = {}, None, None

    def start(self, rules=(), agent_flags=()):
        lab = self.lab
        lab.config.mkdir()
        lab.write("shop.yaml", self.manifests)
        plane = lab.folder_control_plane()
        lab.write("gateway.yaml", onap.step_text(story.STEPS[0].file, POD_PREFIX))
        lab.add(Apps(lab.directory / "apps", onap.apps(lab.workloads, lab.services)))
        argv = [
            sys.executable,
            HERE / "apps.py",
            *(f"{self.own[name].app}:{port}" for name, port in (("db", DATABASE), ("calls", CALLS))),
        ]
        apps = lab.add(Process("applications of shop", argv, lab.directory / "shop.log"))
        for name, workload in self.workloads.items():
            folder = lab.directory / "agents" / name
            token = lab.token_of(workload)
            agent = Agent(folder, workload, plane.xds, plane.root_file, token, agent_flags)
            agent.env = {  # what injection knows of a pod
                "ISTIO_META_WORKLOAD_NAME": workload.service,
                "ISTIO_META_OWNER": (
                    f"kubernetes://apis/apps/v1/namespaces/{workload.namespace}/deployments/{workload.service}"
                ),
                "ISTIO_META_CLUSTER_ID": "Kubernetes",
                "ISTIO_META_MESH_ID": "cluster.local",
            }
            self.agents[name] = lab.agents[name] = lab.add(agent)
        lab.wait_connected()
        wait_for(lambda: apps.check() or apps.tail(1) == "ready", 30, lambda: f"the applications: {apps.tail()}")
        client = self.workloads[CLIENT].outbound
        for port in (DATABASE, CALLS, NOWHERE):
            wait_for(lambda p=port: accepts(f"{client}:{p}"), 60, f"the client's proxy to listen at port {port}")
        for probe in story.STEPS[0].probes + (story.MESH_200, story.PLAIN_200):
            lab.wait_probe(probe)
        for agent in self.agents.values():
            self._probe(agent)
        self.prometheus = lab.add(Prometheus(lab.directory / "prometheus", self.jobs(), rules=rules))
        self.prometheus.wait_scraped()
        self.traffic = Traffic(self)
        self.traffic.start()
        self.traffic.wait_rounds(5)
        return self

    @staticmethod
    def _probe(agent):
        """As the kubelet does; by its first good answer an agent knows how long its start took."""
        address = agent.directory / "status-address"
        wait_for(
            lambda: request(address.read_text(encoding="ascii").strip(), "/healthz/ready").status == 200,
            30,
            f"{agent.name} ready",
        )

    def jobs(self):
        """What is scraped, with the labels that Kubernetes' discovery gives."""
        proxies = []
        for name, agent in self.agents.items():
            workload = self.workloads[name]
            address = agent.directory / "agent-address"
            wait_for(address.exists, 30, f"{address}")
            labels = {"namespace": workload.namespace, "pod": workload.pod}
            proxies.append((address.read_text(encoding="ascii").strip(), "/stats/prometheus", labels))
        plane = (self.lab.control_plane.admin, "/metrics", {"namespace": "istio-system", "pod": "fairway-0"})
        return {"kubernetes-pods": [*proxies, plane]}

    def wait_scrapes(self, count=SCRAPES):
        """Until each target has been scraped so often since now, with traffic all the time."""
        self.traffic.wait_rounds(3)
        wait_for(
            lambda: len(self.scrapes()) == self.prometheus.targets, 30, "every target to be scraped once", pause=0.2
        )
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
