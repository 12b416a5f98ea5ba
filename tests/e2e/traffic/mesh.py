"""The mesh that the table runs in: a control plane, a client's pod with real interception, an ingress gateway, and pods without
proxies. Everything of all scenarios is there at once."""

import contextlib
import json
import pathlib
import shutil
import subprocess
import sys
import threading

import yaml

from harness.pki import openssl
from harness.pod import HOST, POD, Pod, run
from processes import Agent, ControlPlane, Failed, Process, accepts, binary, envoy_binary, request, wait_for
from traffic import rows
from workloads import Workload

HERE = pathlib.Path(__file__).resolve().parent
PODS = {"v1": "10.30.7.1", "v2": "10.30.7.2", "v3": "10.30.7.3", "api": "10.30.7.4"}
MORE = {"x0": "10.30.7.5", "x1": "10.30.7.6"}  # for a scenario's own services
OUTSIDE = {"out1": "10.30.8.1", "out2": "10.30.8.2"}  # of no Service: for ServiceEntries
EVERYBODY = PODS | MORE | OUTSIDE
# What DNS says, as the client's proxy has it.
HOSTS = (
    "127.0.0.1 localhost\n10.30.8.1 one.dns.test one.names.test\n10.30.8.2 two.dns.test two.names.test backend.names.test\n"
    "10.30.7.5 both.dns.test\n10.30.7.6 both.dns.test\n"
)
SERVICES = {"web": ("v1", "v2", "v3"), "api": ("api",)}
PORTS = {
    "web": [("http", 80, 8080), ("http-other", 81, 8080), ("tcp", 90, 9090), ("tls", 443, 8443)],
    "api": [("http", 80, 8080), ("tcp", 90, 9090)],
}
GATEWAY = Workload(
    "istio-ingressgateway", "gateway-1", "istio-system", "gateway", {"istio": "ingressgateway", "app": "gateway"}, "10.30.1.1", []
)
CLIENT = Workload("client", "client-1", "client", "client", {"app": "client", "security.istio.io/tlsMode": "istio"}, POD, [])
# A second client, whose Sidecar says what it reaches; its app, as the first one's, is at port 8080.
BOUND = Workload("bound", "bound-1", "bound", "bound", {"app": "bound", "security.istio.io/tlsMode": "istio"}, "10.88.1.2", [])
NODES = {"client-1": "near", "bound-1": "far"}
GATEWAY_PORTS = (80, 443, 8443, 9443, 90, 91, 92, 93)


def vip(scenario_number, index):
    return f"10.{96 - scenario_number // 250}.{scenario_number % 250 + 1}.{index + 1}"


def _pod(namespace, name, ip, labels, account="default"):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"serviceAccountName": account, "containers": [{"name": "app", "image": "example/app"}]},
        "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]},
    }


def _service(namespace, name, ip, ports, selector):
    spec = {"clusterIP": ip, "selector": selector}
    spec["ports"] = [{"name": n, "port": port, "targetPort": target} for n, port, target in ports]
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def _slice(namespace, service, ports, pods):
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{service}-1", "namespace": namespace, "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "ports": [{"name": n, "port": target, "protocol": "TCP"} for n, _, target in ports],
        "endpoints": [
            {
                "addresses": [ip],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "targetRef": {"kind": "Pod", "namespace": namespace, "name": name},
            }
            for name, ip in pods.items()
        ],
    }


def _namespace(name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _account(workload):
    meta = {"name": workload.account, "namespace": workload.namespace}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}


def base_of(scenario, number):
    """What every scenario has."""
    yield _namespace(scenario.namespace)
    for index, (service, names) in enumerate(SERVICES.items()):
        pods = {name: PODS[name] for name in names}
        for name, ip in pods.items():
            labels = {"app": service} | ({"version": name} if service == "web" else {})
            yield _pod(scenario.namespace, name, ip, labels)
        yield _service(scenario.namespace, service, vip(number, index), PORTS[service], {"app": service})
        yield _slice(scenario.namespace, service, PORTS[service], pods)
    for index, (name, said) in enumerate(scenario.services.items()):
        yield from _extra(scenario, vip(number, index + len(SERVICES)), name, dict(said))


def _extra(scenario, ip, name, said):
    """A Service of a scenario's own, its pods and their addresses."""
    pods = {pod: EVERYBODY[pod] for pod in said.pop("pods", ())}
    spec = {"selector": {"app": name}, **({} if said.get("type") == "ExternalName" else {"clusterIP": ip})}
    spec["ports"], slices = [], []
    for port, (port_name, target, *protocol) in said.pop("ports").items():
        udp = protocol == ["UDP"]
        app = {"appProtocol": protocol[0]} if protocol and not udp else {}
        named = {"name": port_name} if port_name else {}
        spec["ports"].append({**named, "port": port, "targetPort": target, "protocol": "UDP" if udp else "TCP", **app})
        slices.append({"name": port_name or "", "port": target, "protocol": "UDP" if udp else "TCP"})
    meta = {"name": name, "namespace": scenario.namespace, "annotations": said.pop("annotations", {})}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {**spec, **said}}
    for pod, address in pods.items():
        if pod in PODS:
            continue  # it is web's or api's
        yield _pod(scenario.namespace, f"{name}-{pod}", address, {"app": name})
    made = _slice(scenario.namespace, name, (), {f"{name}-{pod}": address for pod, address in pods.items()})
    yield {**made, "ports": slices}


def proxies():
    for name, zone in (("near", "z1"), ("far", "z2")):
        labels = {"topology.kubernetes.io/region": "r1", "topology.kubernetes.io/zone": zone}
        yield {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
    for workload in (GATEWAY, CLIENT, BOUND):
        if workload.namespace != "default":
            yield _namespace(workload.namespace)
        yield _account(workload)
        pod = _pod(workload.namespace, workload.pod, workload.ip, workload.labels, workload.account)
        if workload.pod in NODES:
            pod["spec"]["nodeName"] = NODES[workload.pod]
        yield pod
    ports = [(f"p{port}", port, port) for port in GATEWAY_PORTS]
    yield _service("istio-system", "istio-ingressgateway", "10.96.0.9", ports, {"istio": "ingressgateway"})
    yield _slice("istio-system", "istio-ingressgateway", ports, {GATEWAY.pod: GATEWAY.ip})


class Client:
    """client.py somewhere; many questions at a time."""

    def __init__(self, prefix):
        argv = [*prefix, sys.executable, str(HERE / "client.py")]
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, questions):
        """{id: answers} for questions as client.py takes them."""
        if not questions:
            return {}

        def write():
            for question in questions:
                self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()

        threading.Thread(target=write, daemon=True).start()
        result = {}
        while len(result) < len(questions):
            line = self.process.stdout.readline()
            if not line:
                raise Failed(f"the client ended, {len(questions) - len(result)} questions are open")
            said = json.loads(line)
            result[said["id"]] = said["answers"]
        return result

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)


class Mesh:
    def __init__(self, lab, scenarios):
        self.lab, self.scenarios = lab, scenarios
        self.numbers = {scenario.id: number for number, scenario in enumerate(scenarios)}
        self.pod, self.bound = Pod(lab, hosts=HOSTS), Pod(lab, 1, hosts=HOSTS)
        self.clients = {}

    def start(self):
        lab = self.lab
        lab.config.mkdir()
        lab.write("proxies.yaml", yaml.safe_dump_all(proxies()))
        for scenario in self.scenarios:
            if not scenario.alone:
                self._write(scenario)
        self._backends()
        plane = ControlPlane(lab.directory / "control-plane", ["--config", lab.config], host=HOST)
        plane.admin = "127.0.0.1:0"  # its pages are served on loopback only
        lab.control_plane = lab.add(plane)
        self.bound.app()
        pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="utf-8")  # from one pod to the other
        agents = [self._client(pod, workload) for pod, workload in ((self.pod, CLIENT), (self.bound, BOUND))]
        token = plane.token_file(GATEWAY.namespace, GATEWAY.account)
        wait_for(token.exists, 30, f"the token {token}")
        lab.add(Agent(lab.directory / "agents" / "gateway", GATEWAY, plane.xds, plane.root_file, token))
        for pod, agent in zip((self.pod, self.bound), agents):
            done = pod.fairway("agent", "wait", "--timeout", "120")
            if done.returncode:
                raise Failed(done.stderr + agent.tail())
        wait_for(lambda: len(plane.connected()) == 3, 60, "all proxies to be connected")
        self._settled()
        self.clients = {"sidecar": Client(self.pod.inside()), "bound": Client(self.bound.inside()), "gateway": Client([])}
        return self

    def _client(self, pod, workload):
        """The agent of a pod with interception."""
        done = run([binary(), "intercept", "--netns", pod.netns])
        if done.returncode:
            raise Failed(done.stderr)
        labels = ",".join(f"{name}={value}" for name, value in workload.labels.items())
        env = {"POD_NAME": workload.pod, "FAIRWAY_LABELS": labels, "FAIRWAY_LOG_FORMAT": "json"}
        return pod.agent(self.lab.control_plane, (workload.namespace, workload.account), env)

    def _write(self, scenario):
        objects = [*base_of(scenario, self.numbers[scenario.id]), *scenario.objects]
        self.lab.write(f"{scenario.id}.yaml", yaml.safe_dump_all(objects))

    @contextlib.contextmanager
    def alone(self, scenario):
        """`with`: the objects of a scenario that is not there with the others."""
        self._write(scenario)
        try:
            yield
        finally:
            (self.lab.config / f"{scenario.id}.yaml").unlink()

    def _backends(self):
        folder = pathlib.Path(rows.BACKENDS)
        folder.mkdir()
        openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem"),
            *("-out", "cert.pem", "-days", "2", "-subj", "/CN=backend", "-addext", "subjectAltName=DNS:backend.example.com"),
            cwd=folder,
        )
        for name in ("cert.pem", "key.pem"):
            (folder / name).chmod(0o644)  # the sidecar runs as another user
        pods = [f"{name}={ip}" for name, ip in EVERYBODY.items()]
        argv = [sys.executable, HERE / "backend.py", folder / "cert.pem", folder / "key.pem", *pods]
        backends = self.lab.add(Process("backends", argv, self.lab.directory / "backends.log"))
        wait_for(lambda: backends.check() or backends.tail(1) == "ready", 30, "the backends to listen")
        config = folder / "http2.json"
        config.write_text(json.dumps(_http2_backend()), encoding="utf-8")
        argv = [envoy_binary(), "-c", config, "--concurrency", "1", "--disable-hot-restart", "-l", "warn"]
        server = self.lab.add(Process("HTTP/2 backend", argv, self.lab.directory / "http2.log"))
        wait_for(lambda: server.check() or accepts(f"{MORE['x1']}:8090"), 30, "the HTTP/2 backend to listen")

    def _settled(self):
        def settled():
            return all(proxy.get("settled") for proxy in self.lab.control_plane.debug("proxies"))

        wait_for(settled, 120, lambda: f"both proxies to have everything: {self.lab.control_plane.debug('proxies')}", pause=0.1)

    def close(self):
        for client in self.clients.values():
            client.close()
        self.pod.close()
        self.bound.close()
        shutil.rmtree(rows.BACKENDS, ignore_errors=True)

    # --- questions -----------------------------------------------------------------------------------

    def question(self, row):
        """A row's request as client.py takes it, and as it goes to its first proxy."""
        asked, scenario = row.request, row.scenario
        via = asked.get("via", "sidecar")
        service, port = asked.get("to", "web"), asked.get("port", 80)
        if via == "gateway":
            address, host = GATEWAY.ip, f"{scenario.namespace}.example.com"
        elif service in SERVICES or service in scenario.services:
            index = [*SERVICES, *scenario.services].index(service)
            address, host = vip(self.numbers[scenario.id], index), f"{service}.{scenario.namespace}"
            host += "" if port == 80 else f":{port}"
        else:
            address, host = EVERYBODY.get(service, service), service
        question = {
            "id": row.id,
            "address": address,
            "port": port,
            "host": asked.get("host", host),
            "headers": {"x-row": row.id, **asked.get("headers", {})},
        }
        question |= {key: asked[key] for key in ("method", "path", "times", "together", "greeted", "hold", "http2", *rows.TEXTS) if key in asked}
        if "tls" in asked:
            question["sni"] = asked["tls"]
        return via, question

    def answers(self, asked):
        """{row id: answers} of the real proxies, for rows."""
        result = {}
        for via, client in self.clients.items():
            result |= client.ask([q for v, q in map(self.question, asked) if v == via])
        return result

    @staticmethod
    def copies(pod, row):
        """How many requests of a row a pod has seen."""
        return json.loads(request(f"{EVERYBODY[pod]}:8080", f"/seen/{row.id}").body)["count"]

    def dump_of(self, workload):
        """What the control plane has for a proxy: with all scenarios some thirty megabytes, which a busy machine is long about."""
        pages = []

        def answered():
            pages.append(request(self.lab.control_plane.admin, f"/debug/config_dump?proxy={workload.id}", timeout=60))
            return pages[-1].status == 200

        wait_for(answered, 240, lambda: f"the dump of {workload.id}: {pages[-1]}")
        return pages[-1].body

    def verdicts(self, asked):
        """{row id: verdict} of `fairway evaluate`, for rows."""
        result = {}
        for via, workload in (("sidecar", CLIENT), ("bound", BOUND), ("gateway", GATEWAY)):
            dump = self.lab.directory / f"{via}.json"
            text = self.dump_of(workload)
            dump.write_text(text, encoding="utf-8")
            listeners = _listeners(json.loads(text))
            lines = [_evaluated(q, listeners, workload.ip) for v, q in map(self.question, asked) if v == via and "udp" not in q]
            done = subprocess.run(
                [binary(), "evaluate", "-f", dump],
                input="\n".join(json.dumps(line) for line in lines),
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            if done.returncode:
                raise Failed(f"fairway evaluate: {done.stderr}")
            result |= {said["id"]: said for said in map(json.loads, done.stdout.splitlines())}
        return result


def _http2_backend():
    """An Envoy as the server of HTTP of either version that says which one it was asked by."""
    listeners = []
    for pod, ip in MORE.items():
        headers = [{"header": {"key": name, "value": value}} for name, value in (("x-pod", pod), ("x-protocol", "%PROTOCOL%"))]
        routes = [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]
        hosts = [{"name": "all", "domains": ["*"], "routes": routes, "response_headers_to_add": headers}]
        manager = {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": pod,
            "codec_type": "AUTO",
            "route_config": {"virtual_hosts": hosts},
            "http_filters": [
                {"name": "router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}
            ],
        }
        address = {"socket_address": {"address": ip, "port_value": 8090}}
        filters = [{"name": "http", "typed_config": manager}]
        listeners.append({"name": pod, "address": address, "filter_chains": [{"filters": filters}]})
    return {"static_resources": {"listeners": listeners}}


def _listeners(dump):
    """{(address, port): name} of a dump's listeners."""
    found = {}

    def walk(value):
        if isinstance(value, dict):
            if "filter_chains" in value or "default_filter_chain" in value:
                socket = value.get("address", {}).get("socket_address", {})
                found[socket.get("address"), socket.get("port_value")] = value["name"]
                return
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    walk(dump)
    return found


def _evaluated(question, listeners, source):
    address, port = question["address"], question["port"]
    listener = next(
        (listeners[key] for key in ((address, port), ("0.0.0.0", port), ("0.0.0.0", 15001)) if key in listeners), "missing"
    )
    tls = "sni" in question
    line = {
        "id": question["id"],
        "listener": listener,
        "connection": {
            "source": source,
            "destination": address,
            "port": port,
            "tls": tls,
            "sni": question.get("sni", ""),
            "alpn": [],
        },
    }
    if "websocket" in question:
        question = {**question, "headers": {**question["headers"], "connection": "Upgrade", "upgrade": "websocket"}}
    if "grpc" in question:
        called = {"method": "POST", "path": "/traffic.Echo/Say" if question.get("path", "/") == "/" else question["path"]}
        question = {**question, **called, "headers": {**question["headers"], "content-type": "application/grpc", "te": "trailers"}}
    if "tcp" not in question:
        line["request"] = {
            "method": question.get("method", "GET"),
            "path": question.get("path", "/"),
            "host": question["host"],
            "headers": [[name.lower(), value] for name, value in question["headers"].items() if name.lower() != "host"],
        }
    return line
