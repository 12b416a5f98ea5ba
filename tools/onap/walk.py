"""The walk-through's steps, in the documents' order."""

import dataclasses
import sys
import time

import onap_charts
import story
from kubernetes import stays
from processes import ROOT, Failed, Process, request, wait_for
from workloads import EXAMPLE

REPOSITORY = "127.0.0.1:8879"  # helm serve's address
NODE_PORTS = {"http2": 31380, "https": 31390}
READY = 900  # seconds for all pods, on a small machine
AFTER_STRICT = 20  # seconds: longer than it takes the kubelet to act on probes that fail (3 times, every 5 s)
CHARTS = ROOT / "charts"
STEPS = EXAMPLE / "steps"
CLIENTS = EXAMPLE / "clients"


@dataclasses.dataclass(frozen=True)
class Expectation:
    """What a check that is no request looks at; the table shows it like a story.Probe."""

    name: str
    expected: str


class World:
    """Where the story's requests go in a cluster: see story.World."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.node = cluster.node_ip()
        self.gateway = f"{self.node}:{NODE_PORTS['http2']}"

    def ask(self, way, path):
        if way == "gateway":
            return request(self.gateway, path)
        if way == "node port":  # past the ingress gateway, straight to msb-iag
            return request(f"{self.node}:30280", path)
        if way == "plaintext":
            return self.cluster.curl("legacy", "deploy/sleep", f"http://multicloud-vio.onap:9004{path}")
        return self.cluster.curl("onap", "deploy/sleep", f"http://multicloud-vio:9004{path}")


PORTAL = "/iui/microservices/default.html"
NODE_PORT_200 = story.Probe("browser, node port 30280: the portal", "node port", PORTAL, "200", 200, "MSB portal")
NODE_PORT_REFUSED = story.Probe("browser, node port 30280: the portal", "node port", PORTAL, "connection closed", None)


@dataclasses.dataclass(frozen=True)
class Told:
    """How the documents tell one of the story's steps."""

    document: str
    why: str = ""
    probes: tuple = ()  # beside the story's own


LOST = "with the apiVersion and the keys that the page has lost"
TOLD = {
    1: Told("kubectl apply -f msb-istio-gateway.yaml -n onap", probes=(NODE_PORT_200,)),
    2: Told("kubectl apply -f enable-istio-rbac.yaml"),
    3: Told("kubectl apply -f apply -f istio-ingress-rbac.yaml", "without the `-f apply`, which named no file"),
    4: Told("kubectl apply -f msb-rbac.yaml"),
    5: Told('cat <<EOF | kubectl apply -n onap -f -   (apiVersion: "", kind: "Policy", ...)', LOST, (NODE_PORT_200,)),
    6: Told("(told, but without a command)", "and what only PERMISSIVE needed goes", (NODE_PORT_REFUSED,)),
}
CLUSTER_WIDE = (
    "mutatingwebhookconfigurations,validatingwebhookconfigurations,clusterroles,clusterrolebindings,ingressclasses"
)


class Walk:
    """`folder`: for the charts' repository. `policy`: the injector's."""

    def __init__(self, cluster, book, folder, small, policy):
        self.cluster, self.book, self.folder, self.small, self.policy = cluster, book, folder, small, policy
        self.world = World(cluster)
        self.server = None

    def play(self):
        self.install_mesh()
        self.namespace()
        self.repository()
        self.parts()
        self.started()
        self.clients()
        for step in story.STEPS:
            self.story_step(step)
        self.probes_under_strict()

    def close(self):
        if self.server:
            self.server.stop()
            self.server = None

    # --- telling ---------------------------------------------------------------------------------------

    def command(self, document, *argvs, why=""):
        """Prints the documents' command and today's, and runs today's (argument lists)."""
        self.book.command(document, argvs, why)
        return "".join(self.cluster.run(argv, timeout=READY).stdout for argv in argvs)

    def check(self, name, expected, held, seen):
        self.book.outcomes([story.Outcome(Expectation(name, expected), bool(held), str(seen), None)], timed=False)

    def wait(self, name, expected, condition, seconds):
        """Checks what comes about by itself. `condition` returns (held, seen)."""
        last = [(False, "")]

        def asked():
            last[0] = condition()
            return last[0][0]

        try:
            wait_for(asked, seconds, name, pause=0.5)
        except Failed:
            pass
        self.check(name, expected, *last[0])
        return last[0][0]

    # --- the documents' steps ----------------------------------------------------------------------------

    def install_mesh(self):
        self.book.title("Install the control plane and the gateway")
        common = ["--namespace", "istio-system", "--wait"]
        policy = f"injection.policy={self.policy}"
        gateway = ["replicas=1", "service.type=NodePort"]
        gateway += [f"service.nodePorts.{name}={port}" for name, port in NODE_PORTS.items()]
        self.command(
            "./3_install_istio.sh",
            ["helm", "install", "fairway-base", CHARTS / "fairway-base", *common, "--create-namespace"],
            ["helm", "install", "fairway", CHARTS / "fairway", *common, "--set", policy],
            ["helm", "install", "istio-ingressgateway", CHARTS / "gateway", *common, "--set", ",".join(gateway)],
            why="Pilot, Citadel, Mixer's policy and the injector are one program, `fairway`",
        )
        text = self.command("kubectl get svc -n istio-system", ["kubectl", "get", "svc", "-n", "istio-system"])
        for name, expected in (("istio-ingressgateway", "80:31380/TCP"), ("istiod", "15012/TCP")):
            line = next((line for line in text.splitlines() if line.split()[0] == name), "")
            self.check(f"service {name}", expected, expected in line, line.split()[4] if line else "no such service")

    def namespace(self):
        self.book.title("Create and label the namespace")
        for line in ("kubectl create namespace onap", "kubectl label namespace onap istio-injection=enabled"):
            self.command(line, line.split())
        line = "kubectl get namespace -L istio-injection"
        rows = {row.split()[0]: row.split() for row in self.command(line, line.split()).splitlines()}
        self.check("namespace onap", "Active, enabled", rows["onap"][-1] == "enabled", " ".join(rows["onap"]))
        self.check("namespace default", "Active", rows["default"][-1] != "enabled", " ".join(rows["default"]))

    def repository(self):
        self.book.title("Build the charts and serve them")
        repository = self.folder / "repository"
        pack = ["python3", ROOT / "tools" / "onap" / "onap_charts.py", repository]
        self.book.command("make all", [pack], "helm package and helm repo index")
        onap_charts.pack(repository, self.folder)
        host, port = REPOSITORY.split(":")
        argv = ["python3", "-m", "http.server", port, "--bind", host, "--directory", repository]
        self.book.command("helm serve &", [argv], "helm 3 has no `serve`: any web server is a repository")
        self.server = Process("chart repository", [sys.executable, *argv[1:]], self.folder / "repository.log").start()
        wait_for(lambda: self.serves(REPOSITORY), 20, lambda: f"the repository to answer: {self.server.tail()}")
        line = f"helm repo add local http://{REPOSITORY}"
        self.command(line, line.split())
        text = self.command("helm search onap", ["helm", "search", "repo", "local/"])
        found = [line.split()[0] for line in text.splitlines()[1:]]
        wanted = {f"local/{name}" for name in ("onap", *onap_charts.PARTS)}
        here = wanted & set(found)
        self.check("charts found", "local/onap and its parts", here == wanted, ", ".join(sorted(here)))

    def serves(self, address):
        self.server.check()
        return request(address, "/index.yaml").status == 200

    def parts(self):
        self.book.title("Install ONAP's parts")
        to_onap = ["--namespace", "onap"]
        disabled = onap_charts.CHARTS.joinpath(*onap_charts.DISABLE_ALL)
        self.command(
            "helm install local/onap -n common --namespace onap -f onap/resources/environments/disable-allcharts.yaml",
            ["helm", "install", "common", "local/onap", *to_onap, "-f", disabled],
            why="a release's name is an argument; -n is short for --namespace",
        )
        names = {o["metadata"]["name"] for o in self.cluster.items("serviceaccounts", "onap")}
        found = ", ".join(sorted(names & set(onap_charts.PARTS)))
        self.check("service accounts", "msb, multicloud, vfc", found == "msb, multicloud, vfc", found)
        extra = ["--values", onap_charts.SMALL] if self.small else []
        extra += ["--set", "global.istioSidecar="] if self.policy == "enabled" else []
        old = {part: f"helm install local/{part} -n {part} --namespace onap" for part in onap_charts.PARTS}
        old["multicloud"] += f" --set {','.join(onap_charts.NO_LIVENESS)}"
        whys = {"multicloud": "liveness probes stay on: the sidecar asks the application for the kubelet"}
        for part in onap_charts.PARTS:
            argv = ["helm", "install", part, f"local/{part}", *to_onap, *extra]
            self.command(old[part], argv, why=whys.get(part, ""))

    def started(self):
        self.book.title("Wait until all pods run")
        self.command("kubectl get all -n onap", ["kubectl", "get", "all", "-n", "onap"])
        count = len(self.cluster.items("deployments", "onap"))

        def running():
            pods = self.cluster.pods("onap")
            ready = sum(pod.wholly_ready for pod in pods.values())
            return len(pods) == count == ready, f"{ready} of {len(pods)} ready"

        if not self.wait("pods of onap", f"{count} of {count} ready", running, READY):
            raise Failed(f"pods of onap did not start\n{self.cluster.explain('onap')}")
        pods = self.cluster.pods("onap")
        meshed = [pod for pod in pods.values() if pod.app != "kube2msb"]
        seen = ", ".join(sorted({str(pod) for pod in meshed}))
        self.check("ready containers", "2/2 each", seen == "2/2", seen)
        for pod in pods.values():
            if pod.app == "kube2msb":
                self.check("ready containers of kube2msb", "1/1", str(pod) == "1/1", pod)
        asked = [path for pod in meshed for path in pod.probes]
        rewritten = [path for path in asked if path.startswith("/app-health/")]
        held = len(asked) == len(rewritten) == 2 * len(meshed)
        self.check("liveness, readiness probes", "all by the sidecar", held, f"{len(rewritten)} of {2 * len(meshed)}")

    def clients(self):
        self.book.title("Clients in the mesh and outside of it")
        self.command("", *(["kubectl", "apply", "-f", CLIENTS / f"{name}.yaml"] for name in ("mesh", "plaintext")))
        for namespace, expected in (("onap", "2/2"), ("legacy", "1/1")):

            def running(namespace=namespace, expected=expected):
                pods = [p for p in self.cluster.pods(namespace).values() if p.app == "sleep"]
                return len(pods) == 1 and pods[0].wholly_ready and str(pods[0]) == expected, ", ".join(map(str, pods))

            if not self.wait(f"pod sleep in {namespace}", expected, running, READY):
                raise Failed(f"the client did not start\n{self.cluster.explain(namespace)}")

    def story_step(self, step):
        """A step that the demo has, too: a file, and what requests see after it."""
        told = TOLD[step.number]
        self.book.title(step.title)
        gone = [f"{o['kind'].lower()}/{o['metadata']['name']}" for o in story.superseded(step)]
        argvs = [["kubectl", "apply", "-f", STEPS / step.file]]
        if gone:
            argvs.append(["kubectl", "delete", "-n", "onap", *gone])
        self.book.command(told.document, argvs, told.why)

        def change():
            before = time.monotonic()
            for argv in argvs:
                self.cluster.run(argv)
            return before

        self.book.outcomes(story.observe(self.world, (*step.probes, *told.probes), change, seconds=60))

    def probes_under_strict(self):
        """The kubelet has no certificate; its probes go to the sidecar's agent, which asks the application."""
        self.book.title("Liveness and readiness probes under STRICT")
        self.command("kubectl get pods -n onap", ["kubectl", "get", "pods", "-n", "onap"])
        before = {name: pod.restarts for name, pod in self.cluster.pods("onap").items()}

        def problem():
            pods = self.cluster.pods("onap")
            for name, pod in pods.items():
                if not pod.wholly_ready:
                    return f"{name} is {pod}"
                if pod.restarts != before.get(name):
                    return f"{name} was started again"
            return "" if pods.keys() == before.keys() else "other pods than before"

        seen = stays(problem, AFTER_STRICT)
        held = seen is True
        self.check(f"all pods for {AFTER_STRICT} s", "ready, none restarted", held, "so they were" if held else seen)

    # --- the end -----------------------------------------------------------------------------------------

    def clean_up(self):
        """Takes away what the walk-through has brought. The kinds (CRDs) stay, as helm leaves them."""
        self.book.title("Uninstall")
        parts = [*reversed(onap_charts.PARTS), "common"]
        mesh = ["istio-ingressgateway", "fairway", "fairway-base"]
        self.command(
            "",
            ["helm", "uninstall", *parts, "--namespace", "onap", "--wait"],
            ["kubectl", "delete", "namespace", "onap", "legacy"],
            ["kubectl", "delete", "--ignore-not-found", "-f", STEPS / "2-rbac-on.yaml"],
            ["helm", "uninstall", *mesh, "--namespace", "istio-system", "--wait"],
            ["kubectl", "delete", "namespace", "istio-system"],
        )
        self.close()
        ours = ["--selector", "app.kubernetes.io/part-of=fairway"]
        left = [f"{o['kind']} {o['metadata']['name']}" for o in self.cluster.get(CLUSTER_WIDE, *ours)["items"]]
        left += [name for name in ("onap", "legacy", "istio-system") if self.cluster.exists("namespace", name)]
        self.check("left in the cluster", "nothing but the kinds", not left, ", ".join(left) or "nothing")
