"""Fairway in a lab: installed by its charts, with the applications that tests use. For tests and for the benchmark."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import queue
import re
import secrets
import subprocess
import sys
import tempfile
import threading

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "lab"), str(ROOT / "tools" / "demo")]

# pylint: disable=wrong-import-position
from processes import Failed, wait_for  # noqa: E402

SYSTEM = "istio-system"
TAG = "0.1.0"
BINARY = os.environ.get("FAIRWAY_BINARY", str(ROOT / "build" / "release" / "fairway"))
LOAD = (pathlib.Path(__file__).parent / "load.py").read_text(encoding="utf-8")


def echo_app(name, namespace, *, replicas=1, port=8080, labels=None, annotations=None, env=None, probe=None, kind="Deployment"):
    """A Deployment (or another workload kind), its ServiceAccount and its Service, as a list of objects."""
    labels = {"app": name, **(labels or {})}
    container = {
        "name": "app",
        "image": f"localhost/fairway-echo:{TAG}",
        "imagePullPolicy": "Never",
        "env": [{"name": key, "value": value} for key, value in {"HTTP_PORTS": str(port), **(env or {})}.items()],
        "ports": [{"name": "http", "containerPort": port}],
        "resources": {"requests": {"cpu": "5m", "memory": "24Mi"}},
        **(probe or {"readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1}}),
    }
    template = {
        "metadata": {"labels": labels, "annotations": annotations or {}},
        "spec": {"serviceAccountName": name, "terminationGracePeriodSeconds": 40, "containers": [container]},
    }
    meta = {"name": name, "namespace": namespace, "labels": {"app": name}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    service = {"selector": {"app": name}, "ports": [{"name": "http", "port": port, "targetPort": "http"}]}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service},
        {"apiVersion": "apps/v1", "kind": kind, "metadata": meta, "spec": spec},
    ]


class Mesh:
    """`cluster` is a running lab (tests/lab/cluster.py)."""

    def __init__(self, cluster):
        self.cluster = cluster

    # --- installing ----------------------------------------------------------------------------------

    def install(self, *settings, replicas=1):
        """The charts as docs/install.md says, from the images in the lab; waits until all is ready."""
        common = ["-n", SYSTEM, "--wait", "--timeout", "180s"]
        never = ["--set", "global.imagePullPolicy=Never"]
        charts = ROOT / "charts"
        self.cluster.helm("upgrade", "--install", "fairway-base", charts / "fairway-base", "--create-namespace", *common)
        chosen = [part for setting in settings for part in ("--set", setting)]
        count = ["--set", f"replicas={replicas}"]
        self.cluster.helm("upgrade", "--install", "fairway", charts / "fairway", *common, *never, *count, *chosen)
        # A replica that ends still answers the API server for some seconds, by its own settings.
        pods = f"/api/v1/namespaces/{SYSTEM}/pods?labelSelector=app%3Distiod"
        wait_for(lambda: len(self.cluster.get(pods)["items"]) == replicas, 90, "old replicas to have gone")
        return self

    def install_gateway(self, name="istio-ingressgateway", *settings, kind="NodePort", **node_ports):
        ports = [part for key, value in node_ports.items() for part in ("--set", f"service.nodePorts.{key}={value}")]
        options = ["-n", SYSTEM, "--wait", "--timeout", "180s", "--set", f"service.type={kind}", "--set", "imagePullPolicy=Never", *ports]
        chosen = [part for setting in settings for part in ("--set", setting)]
        self.cluster.helm("upgrade", "--install", name, ROOT / "charts" / "gateway", *options, *chosen)

    # --- objects -------------------------------------------------------------------------------------

    def apply(self, *objects):
        """Objects (dicts) or manifests (texts)."""
        for text in (o if isinstance(o, str) else yaml.safe_dump(o) for o in objects):
            self.cluster.apply(text)

    @contextlib.contextmanager
    def namespace(self, prefix, labels=None):
        """A namespace of the mesh, or one with the labels given; its name is new, as one that ends takes its time."""
        name = f"{prefix}-{secrets.token_hex(2)}"
        chosen = {"istio-injection": "enabled"} if labels is None else labels
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": chosen}})
        try:
            yield name
        finally:
            self.cluster.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")

    def run(self, *apps):
        """Applies what echo_app() made and waits for each to be ready."""
        for objects in apps:
            self.apply(*objects)
        for objects in apps:
            last = objects[-1]
            self.cluster.wait_ready(f"{last['kind'].lower()}/{last['metadata']['name']}", last["metadata"]["namespace"])

    def pod(self, app, namespace):
        """The full object of the only pod, or the first, of an app."""
        names = self.cluster.pods(f"app={app}", namespace)
        if not names:
            raise Failed(f"no pod of {app} in {namespace}")
        return self.cluster.get(f"/api/v1/namespaces/{namespace}/pods/{names[0]}")

    # --- requests ------------------------------------------------------------------------------------

    def fetch(self, app, namespace, url):
        """A request from an app's container: {"status", "headers", "body"} or {"error"}."""
        pod = self.cluster.pods(f"app={app}", namespace)[0]
        echo = ("python3", "/usr/local/lib/fairway/echo_pod.py", "get", url)
        return json.loads(self.cluster.exec_in_pod(pod, *echo, namespace=namespace, container="app"))

    def wait_status(self, app, namespace, url, status, seconds=60):
        """Until a request is answered with a status ("error" for none at all)."""
        seen = {}

        def held():
            seen.update(answer := self.fetch(app, namespace, url))
            return answer.get("status", "error") == status

        wait_for(held, seconds, lambda: f"{url} from {app} to give {status}; it gave {seen}", pause=0.2)

    @contextlib.contextmanager
    def background(self, function, *arguments):
        """Runs a function beside; yields a function that waits for its result."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            yield pool.submit(function, *arguments).result

    @contextlib.contextmanager
    def forward(self, pod, namespace, port):
        """kubectl port-forward: yields the address at the node's loopback that leads to the pod's."""
        argv = ["kubectl", "port-forward", "-n", namespace, f"pod/{pod}", f":{port}"]
        with subprocess.Popen(
            [*self.cluster.space.prefix(), *argv], stdout=subprocess.PIPE, text=True, env=self.cluster.environment()
        ) as running:
            try:
                first = running.stdout.readline()
                if not (found := re.search(r"127\.0\.0\.1:\d+", first)):
                    raise Failed(f"kubectl port-forward to {pod}:{port} said {first!r}")
                yield found.group()
            finally:
                running.terminate()

    def requests_under_way(self, pod, namespace):
        """HTTP requests that a sidecar has not answered yet, by Envoy's own count."""
        with self.forward(pod, namespace, 15000) as address:
            text = self.cluster.http(address, "/stats?filter=downstream_rq_active").body
        return sum(int(line.rsplit(" ", 1)[1]) for line in text.splitlines() if ".admin." not in line)

    def debug(self, page):
        """A /debug page of the control plane (JSON), which answers on its loopback only."""
        pod = self.cluster.pods("app=istiod", SYSTEM)[0]
        with self.forward(pod, SYSTEM, 15014) as address:
            return json.loads(self.cluster.http(address, f"/debug/{page}").body)

    # --- gateways ------------------------------------------------------------------------------------

    def gateway_port(self, name, gateway="istio-ingressgateway"):
        """The node port of a gateway's port."""
        service = self.cluster.get(f"/api/v1/namespaces/{SYSTEM}/services/{gateway}")
        return next(port["nodePort"] for port in service["spec"]["ports"] if port["name"] == name)

    def address(self, service, namespace=SYSTEM):
        return self.cluster.get(f"/api/v1/namespaces/{namespace}/services/{service}")["spec"]["clusterIP"]

    def served_subject(self, port, host):
        """The subject of the certificate that is served for a server name."""
        argv = ["openssl", "s_client", "-connect", f"{self.cluster.node_ip}:{port}", "-servername", host]
        shown = self.cluster.run(*argv, input="", capture_output=True, text=True).stdout
        found = re.search(r"^subject=(.*)$", shown, re.MULTILINE)
        return found.group(1).strip() if found else None

    def https(self, port, host, path="/", options=()):
        """The status of a request over TLS with this server name; None if there was no answer. `options` are curl's."""
        to = ["--resolve", f"{host}:{port}:{self.cluster.node_ip}", f"https://{host}:{port}{path}"]
        shown = ["-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10"]
        done = self.cluster.run("curl", "-sk", *options, *shown, *to, stdout=subprocess.PIPE, text=True)
        return int(done.stdout) if done.returncode == 0 else None

    @staticmethod
    def certificate(folder, host):
        """The files of a key and a new self-signed certificate for a host: (certificate, key)."""
        crt, key = f"{folder}/{host}.crt", f"{folder}/{host}.key"
        made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        subject = ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-keyout", key, "-out", crt]
        subprocess.run([*made, *subject], check=True, capture_output=True)
        return crt, key

    def make_certificate(self, name, host, namespace=SYSTEM, clients=None):
        """A TLS secret of that name, beside the gateway, with a new self-signed certificate for a host. `clients`: the file of
        the roots that clients' certificates are checked against."""
        with tempfile.TemporaryDirectory() as folder:
            crt, key = self.certificate(folder, host)
            secret = ["create", "secret", "tls", name, f"--cert={crt}", f"--key={key}", "-n", namespace]
            if clients:
                files = [f"--from-file=tls.crt={crt}", f"--from-file=tls.key={key}", f"--from-file=ca.crt={clients}"]
                secret = ["create", "secret", "generic", name, *files, "-n", namespace]
            self.apply(self.cluster.kubectl(*secret, "--dry-run=client", "-o", "yaml"))

    # --- the program ---------------------------------------------------------------------------------

    @staticmethod
    def dump(objects):
        return yaml.safe_dump_all(objects)

    def run_fairway(self, *arguments, text=None):
        """Runs the program on the node, as the administrator."""
        return self.cluster.run(BINARY, *arguments, input=text, capture_output=True, text=True)

    def fairway(self, *arguments, text=None, settings=None):
        """What the program printed; `settings` is the text of --injection-config."""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            if settings is not None:
                file.write(settings)
                file.flush()
                arguments = (*arguments, "--injection-config", file.name)
            done = self.run_fairway(*arguments, text=text)
        if done.returncode:
            raise Failed(f"fairway {' '.join(arguments)}: {done.returncode} {done.stderr}")
        return done.stdout

    def ask_certificate(self, token, name=""):
        """"issued URI:spiffe://...", or why the control plane gives the holder of a token no certificate. `name`: what the
        request itself asks for."""
        service = self.cluster.get(f"/api/v1/namespaces/{SYSTEM}/services/istiod")
        root = self.cluster.get(f"/api/v1/namespaces/{SYSTEM}/configmaps/istio-ca-root-cert")["data"]["root-cert.pem"]
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(root)
            file.flush()
            argv = [f"{service['spec']['clusterIP']}:15012", file.name, f"istiod.{SYSTEM}.svc", *([name] if name else [])]
            script = pathlib.Path(__file__).parent / "ask_certificate.py"
            done = self.cluster.run(sys.executable, script, *argv, input=token, capture_output=True, text=True)
        if done.returncode:
            raise Failed(done.stderr)
        return done.stdout.strip()

    @contextlib.contextmanager
    def load(self, app, namespace, url, connections=8):
        pod = self.cluster.pods(f"app={app}", namespace)[0]
        running = Load(self.cluster, pod, namespace, url, connections)
        try:
            yield running
        finally:
            running.close()


class Load:
    """load.py in a pod, while the `with` of Mesh.load() lasts."""

    def __init__(self, cluster, pod, namespace, url, connections):
        argv = ["kubectl", "exec", "-i", "-n", namespace, pod, "-c", "app", "--"]
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [*cluster.space.prefix(), *argv, "python3", "-c", LOAD, url, str(connections)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=cluster.environment(),
        )  # fmt: skip
        self.lines, self.last, self.result = queue.Queue(), {"sent": 0, "failed": 0}, None
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def wait_sent(self, count, seconds=300):
        """Until `count` requests more than now have been sent."""
        goal = self.last["sent"] + count

        def reached():
            with contextlib.suppress(queue.Empty):
                while (line := self.lines.get(timeout=0.2)) is not None:
                    self.last = json.loads(line)
                    if self.last["sent"] >= goal:
                        return True
                raise Failed(f"the load ended: {self.process.stderr.read()}")
            return False

        wait_for(reached, seconds, lambda: f"{goal} requests ({self.last})")

    def finish(self):
        """Ends it and returns its result."""
        self.process.stdin.close()
        while (line := self.lines.get(timeout=60)) is not None:
            self.result = json.loads(line)
        return self.result

    def require_none_lost(self):
        result = self.finish()
        if result["failures"]:
            few = "; ".join(result["failures"][:5])
            raise Failed(f"{len(result['failures'])} of {result['sent']} requests failed: {few}")
        return result

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
