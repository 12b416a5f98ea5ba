"""The walk-through's view of a cluster: whatever kubectl and helm in PATH talk to. Run it where the node's ports and
the pods' network can be reached (`lab.py exec` does)."""

import email.parser
import json
import os
import shutil
import subprocess
import time

from processes import Answer, Failed

# What curl's exit codes say about the other side.
CURL_FAILURES = {
    6: "no such host",
    7: "connection refused",
    28: "no answer in time",
    52: "connection closed",
    56: "connection closed",
}


class Cluster:
    """`home`: a folder for helm's list of repositories, so that the user's own is left alone."""

    def __init__(self, home):
        missing = [name for name in ("kubectl", "helm") if not shutil.which(name)]
        if missing:
            raise Failed(f"no {' and no '.join(missing)} in PATH")
        homes = {f"HELM_{kind}_HOME": str(home / "helm" / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        self.environment = {**os.environ, **homes}

    def run(self, argv, text=None, timeout=300, check=True):
        """Runs a program; what it printed, or Failed with what it said."""
        argv = [str(a) for a in argv]
        done = subprocess.run(
            argv, input=text, capture_output=True, text=True, check=False, timeout=timeout, env=self.environment
        )
        if done.returncode and check:
            raise Failed(f"{' '.join(argv)}\n{(done.stderr or done.stdout).strip()}")
        return done

    def kubectl(self, *arguments, text=None):
        return self.run(["kubectl", *arguments], text).stdout

    def get(self, *arguments):
        """kubectl get ... as JSON."""
        return json.loads(self.kubectl("get", *arguments, "--output=json"))

    def items(self, kind, namespace):
        return self.get(kind, "--namespace", namespace)["items"]

    def exists(self, *arguments):
        """Whether kubectl get finds the object."""
        return bool(self.kubectl("get", *arguments, "--ignore-not-found", "--output=name").strip())

    def node_ip(self):
        for node in self.get("nodes")["items"]:
            for address in node["status"]["addresses"]:
                if address["type"] == "InternalIP":
                    return address["address"]
        raise Failed("no node has an InternalIP")

    def pods(self, namespace):
        """Name -> State of the pods of a namespace that are not on their way out."""
        pods = self.items("pods", namespace)
        return {p["metadata"]["name"]: State(p) for p in pods if "deletionTimestamp" not in p["metadata"]}

    def curl(self, namespace, target, url):
        """One request by curl in a pod: an Answer."""
        argv = ["kubectl", "exec", "--namespace", namespace, target, "--container=sleep", "--"]
        argv += ["curl", "--silent", "--include", "--max-time", "5", url]
        done = self.run(argv, timeout=60, check=False)
        if done.returncode == 0:
            return parse_response(done.stdout)
        if done.returncode in CURL_FAILURES and "exit code" in done.stderr:
            return Answer(error=CURL_FAILURES[done.returncode])
        raise Failed(f"{' '.join(argv)}\n{done.stderr.strip()}")

    def explain(self, namespace):
        """The pods and the last events of a namespace, for messages."""
        pods = self.run(["kubectl", "get", "pods", "--namespace", namespace, "--output=wide"], check=False).stdout
        events = ["kubectl", "get", "events", "--namespace", namespace, "--sort-by=.lastTimestamp"]
        return pods + "\n".join(self.run(events, check=False).stdout.splitlines()[-15:])


class State:
    """What `kubectl get pods` shows of a pod."""

    def __init__(self, pod):
        status, spec = pod.get("status", {}), pod["spec"]
        always = [c["name"] for c in spec.get("initContainers", ()) if c.get("restartPolicy") == "Always"]
        native = [c for c in status.get("initContainerStatuses", ()) if c["name"] in always]
        containers = [*status.get("containerStatuses", ()), *native]
        self.total = len(spec["containers"]) + len(always)
        self.ready = sum(c["ready"] for c in containers)
        self.restarts = sum(c["restartCount"] for c in containers)
        self.app = pod["metadata"].get("labels", {}).get("app", "")
        self.spec = spec
        self.conditions = {c["type"]: c["status"] for c in status.get("conditions", ())}

    @property
    def wholly_ready(self):
        return self.ready == self.total and self.conditions.get("Ready") == "True"

    @property
    def probes(self):
        """Path (or "") of the liveness and readiness probes of the pod's own containers, as they are after injection."""
        own = [c for c in self.spec["containers"] if c["name"] != "istio-proxy"]
        found = [c[kind] for c in own for kind in ("livenessProbe", "readinessProbe") if kind in c]
        return [probe.get("httpGet", {}).get("path", "") for probe in found]

    def __str__(self):
        return f"{self.ready}/{self.total}"


def parse_response(text):
    """What `curl --include` printed, without interim answers such as 100, as an Answer."""
    while True:
        head, _, body = text.replace("\r\n", "\n").partition("\n\n")
        status, _, headers = head.partition("\n")
        code = int(status.split()[1])
        if code >= 200:
            break
        text = body
    parsed = email.parser.HeaderParser().parsestr(headers)
    return Answer(code, body, {name.lower(): value for name, value in parsed.items()})


def stays(condition, seconds, pause=0.5):
    """Asks for a while whether a condition goes on to hold: True, or the first thing that was not as it must be
    (`condition` returns a text for that, and nothing while it holds)."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        problem = condition()
        if problem:
            return problem
        time.sleep(pause)
    return True
