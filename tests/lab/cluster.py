"""A real Kubernetes cluster of one node in namespaces of its own (space.py): kubelet, containerd, kube-proxy, CoreDNS.

    with Cluster("mine") as cluster:
        cluster.apply(text)
        cluster.wait_ready("deployment/echo", "default")
        answer = cluster.http("10.77.0.1:30080", "/")

Whoever uses it is outside of the lab's network: kubectl, helm and requests are sent from inside for them. A cluster that
is started by `with` ends with it, or, should its process be killed, at the next start of any lab.
"""

import concurrent.futures
import http.client
import json
import os
import pathlib
import ssl
import sys

LAB = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(LAB.parents[1] / "tools" / "demo"), str(LAB.parent / "e2e")]

# pylint: disable=wrong-import-position
from harness.apiserver import kube_binary  # noqa: E402
from processes import Failed, request, wait_for  # noqa: E402

import images  # noqa: E402
from components import API_PORT, NODE, NODE_IP, NODE_IPV6, Node, cached_program  # noqa: E402
from programs import Program  # noqa: E402
from space import Space, sweep  # noqa: E402

READY = {"containerd": 60, "api-server": 120, "node": 120}  # seconds, for a machine that has much else to do


class Cluster:
    """One lab. `directory` is for its data, /var/lib/fairway-lab/<name> unless given. One that runs already can be used by
    its name alone, without start(). `load`: start with the images of tools/images/build.py. `ipv6`: start
    with both families."""

    def __init__(self, name="lab", directory=None, say=None, load=True, ipv6=False):
        self.space = Space(name, directory)
        self.name, self.node_ip, self.load = name, NODE_IP, load
        self._wanted_ips = [NODE_IP, NODE_IPV6] if ipv6 else [NODE_IP]
        self.say = say or (lambda text: None)
        self._tls = None

    # --- life ----------------------------------------------------------------------------------------

    @property
    def directory(self):
        return self.space.directory

    @property
    def node(self):
        return Node(self.directory, self.space.cgroup, (self.space.state or {}).get("node_ips", [NODE_IP]))

    @property
    def running(self):
        return self.space.running

    def start(self, owner=None):
        """Starts the cluster and returns when its node is ready; what is left of an earlier one of that name is
        removed first. `owner`: a process id with which it shall end."""
        for name in sweep():
            self.say(f"removed what the lab {name} left: its owner has gone")
        with self.space.locked():
            self.space.destroy()
            try:
                self._start(owner, images.built_archives() if self.load else [])
            except BaseException:
                self.space.destroy()
                raise
        return self

    def _start(self, owner, archives):
        self.say("namespaces, certificates")
        self.space.create(self._wanted_ips, owner)
        self.node.prepare()
        tools = self.directory / "bin"
        tools.mkdir()
        (tools / "kubectl").symlink_to(kube_binary("kubectl"))
        (tools / "helm").symlink_to(cached_program("helm", "helm"))
        self.say("etcd, containerd, API server")
        for name in ("etcd", "containerd", "api-server"):
            self.program(name).start()
        self._wait("containerd", self._containerd_answers, "containerd to answer")
        images.load(self.space, images.pause_archive())
        with concurrent.futures.ThreadPoolExecutor(1) as background:
            loading = [background.submit(self.load_image, path) for path in archives]
            self._start_kubernetes()
            self.say(f"images: {', '.join(path.name for path in archives) or 'none (make images)'}")
            for future in loading:
                future.result()
        self.say("ready")

    def _start_kubernetes(self):
        self._wait("api-server", lambda: self.call("GET", "/readyz")[0] == 200, "the API server to be ready")
        self.say("controller manager, scheduler, kubelet, kube-proxy, CoreDNS, load balancer")
        self.apply((LAB / "addons.yaml").read_text(encoding="utf-8"))
        for name in ("controller-manager", "scheduler", "kubelet", "kube-proxy", "coredns", "load-balancer"):
            self.program(name).start()
        self._wait("node", self._usable, self._missing)

    def stop(self):
        """Ends everything, if there is anything; nothing of it stays."""
        with self.space.locked():
            self.space.destroy()

    def __enter__(self):
        return self.start(owner=os.getpid())

    def __exit__(self, *_):
        self.stop()

    def program(self, name):
        """One of its programs (programs.py), for tests that end and start it."""
        return Program(self.space, name, self.node)

    def programs(self):
        return [self.program(name) for name in self.space.state["processes"]]

    def logs_of_programs(self, lines=15):
        return "\n".join(f"--- {program.log}\n{program.tail(lines)}" for program in self.programs())

    # --- waiting for it ------------------------------------------------------------------------------

    def _wait(self, what, condition, message):
        def checked():
            for program in self.programs():
                program.check()
            return condition()

        def explain():
            text = message() if callable(message) else message
            return f"{text}\n{self.logs_of_programs()}"

        wait_for(checked, READY[what], explain, pause=0.03)

    def _containerd_answers(self):
        socket = "/run/containerd/containerd.sock"
        return self.space.run(["ctr", "--address", socket, "version"], whole=True, capture_output=True).returncode == 0

    def _missing(self):
        """What the cluster still waits for; empty if it can be used."""
        status, node = self.call("GET", f"/api/v1/nodes/{NODE}")
        conditions = node["status"].get("conditions", []) if status == 200 else []
        if not any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
            reasons = "; ".join(c["message"] for c in conditions if c["type"] == "Ready")
            return f"the node to be ready ({reasons or 'not registered'})"
        if any(taint["key"] == "node.kubernetes.io/not-ready" for taint in node["spec"].get("taints", [])):
            return "pods to be allowed on the node"
        if self.call("GET", "/api/v1/namespaces/default/serviceaccounts/default")[0] != 200:
            return "the default service account"
        if self.http(f"{NODE_IP}:10256", "/healthz").status != 200:
            return "kube-proxy to be healthy"
        if self.http(f"{NODE_IP}:8181", "/ready").status != 200:
            return "CoreDNS to be ready"
        return ""

    def _usable(self):
        return not self._missing()

    # --- from inside ---------------------------------------------------------------------------------

    def http(self, address, path="/", **options):
        """One HTTP request from the node to "ip:port": a node port, a service's or a pod's address (processes.request)."""
        with self.space.inside():
            return request(address, path, **options)

    def inside(self):
        """`with`: the calling thread's new sockets are in the lab's network."""
        return self.space.inside()

    def run(self, *argv, **options):
        """subprocess.run of a program in the lab's network, with KUBECONFIG, kubectl and helm at hand."""
        options["env"] = {**self.environment(), **options.get("env", {})}
        return self.space.run(argv, **options)

    def environment(self):
        """What a shell for the lab needs."""
        home = self.directory / "home"
        return {
            **os.environ,
            "KUBECONFIG": str(self.node.admin),
            "PATH": f"{self.directory / 'bin'}:{os.environ['PATH']}",
            # Caches are of this cluster, not of the next one with its addresses.
            "KUBECACHEDIR": str(home / "kube"),
            **{f"HELM_{kind}_HOME": str(home / "helm" / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")},
            "FAIRWAY_LAB": self.name,
        }

    # --- the API -------------------------------------------------------------------------------------

    def connection(self):
        """An open connection to the API server as the administrator (http.client)."""
        pki = self.node.pki
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
            self._tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        connection = http.client.HTTPSConnection(NODE_IP, API_PORT, context=self._tls, timeout=30)
        with self.space.inside():
            connection.connect()
        return connection

    def call(self, method, path, body=None, content_type="application/json"):
        """One request to the API server as the administrator: (status, object or text); status None: not reached."""
        connection = None
        try:
            connection = self.connection()
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"content-type": content_type} if text else {})
            response = connection.getresponse()
            content = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return None, str(error)
        finally:
            if connection:
                connection.close()
        try:
            return response.status, json.loads(content)
        except ValueError:
            return response.status, content

    def get(self, path):
        """An object or a list by its path in the API; anything but success raises."""
        status, answer = self.call("GET", path)
        if status != 200:
            raise Failed(f"GET {path}: {status} {answer.get('message') if isinstance(answer, dict) else answer}")
        return answer

    def _tool(self, name, arguments, text, timeout):
        done = self.run(name, *arguments, input=text, capture_output=True, text=True, timeout=timeout)
        if done.returncode:
            raise Failed(f"{name} {' '.join(map(str, arguments))}: {done.stderr or done.stdout}")
        return done.stdout

    def kubectl(self, *arguments, text=None, timeout=180):
        """Runs kubectl as the administrator and returns what it printed."""
        return self._tool("kubectl", arguments, text, timeout)

    def helm(self, *arguments, text=None, timeout=300):
        return self._tool("helm", arguments, text, timeout)

    def apply(self, text):
        return self.kubectl("apply", "-f", "-", text=text)

    def delete(self, text):
        return self.kubectl("delete", "--wait=true", "--ignore-not-found", "-f", "-", text=text)

    def load_image(self, archive):
        """Makes a docker-archive's images available to pods."""
        images.load(self.space, archive)

    # --- pods ----------------------------------------------------------------------------------------

    def wait_ready(self, target, namespace="default", seconds=180):
        """Until a "deployment/x", "statefulset/x", "daemonset/x" or "pod/x" is wholly ready; else tells why it is not."""
        if target.startswith("pod/"):
            arguments = ["wait", "--for=condition=Ready", target]
        else:
            arguments = ["rollout", "status", target]
        try:
            return self.kubectl(*arguments, "-n", namespace, f"--timeout={seconds}s", timeout=seconds + 30)
        except Failed as error:
            raise Failed(f"{error}\n{self.describe(namespace)}") from error

    def describe(self, namespace):
        """The pods and events of a namespace, for messages."""
        pods = self.kubectl("get", "pods", "-n", namespace, "-o", "wide")
        events = self.kubectl("get", "events", "-n", namespace, "--sort-by=.lastTimestamp")
        return f"{pods}\n{events}"

    def pods(self, selector, namespace="default"):
        """Names of the pods with these labels ("app=x") that are not being deleted."""
        found = self.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector.replace('=', '%3D').replace(',', '%2C')}")
        return [o["metadata"]["name"] for o in found["items"] if "deletionTimestamp" not in o["metadata"]]

    def exec_in_pod(self, pod, *argv, namespace="default", container=None):
        """What a command in a pod printed; a failure raises."""
        chosen = ["-c", container] if container else []
        return self.kubectl("exec", "-n", namespace, pod, *chosen, "--", *argv)

    def logs(self, pod, *arguments, namespace="default"):
        return self.kubectl("logs", "-n", namespace, pod, *arguments)
