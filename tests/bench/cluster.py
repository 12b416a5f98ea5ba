"""Figures of Fairway in a real cluster: `make bench-cluster`. Prints a table and writes build/bench/cluster.json.

    start       from the start of the control plane's container to ready
    webhook     time of an admission at 50 pods a second, as the API server's clients see it
    pod         from the pod's network to its proxy ready
    memory      resident memory of `fairway serve` with the pods of the ONAP example
    rolls       requests lost while the control plane and an application roll, of at least 20,000
    crowd       a Deployment of many pods at once: all injected, none refused

usage: cluster.py [--requests N] [--crowd N] [--lab NAME] [PART...]     (no part named: all)
"""

import argparse
import datetime
import json
import pathlib
import re
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("tests/cluster", "tests/lab", "tools/onap")]

# pylint: disable=wrong-import-position
import onap_charts  # noqa: E402
from mesh import SYSTEM, Mesh, echo_app  # noqa: E402
from cluster import Cluster  # noqa: E402
from figures import commit, percentile  # noqa: E402
from processes import Failed, wait_for  # noqa: E402

WANTED = {
    "start_s": 2.0,
    "webhook_p99_ms": 20.0,
    "pod_ready_s": 1.5,
    "rss_mb": 40.0,
    "lost_control_plane": 0,
    "lost_application": 0,
    "crowd_refused": 0,
}


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Bench:
    def __init__(self, mesh, requests, crowd):
        self.mesh, self.cluster, self.requests, self.crowd_size = mesh, mesh.cluster, requests, crowd

    def start(self):
        """Times of the API are whole seconds: the log of the process has the milliseconds between its first line and
        "ready", and the container's start is in the runtime."""
        seconds = []
        for _ in range(3):
            before = set(self.cluster.pods("app=istiod", SYSTEM))
            self.cluster.kubectl("delete", "pod", "-n", SYSTEM, *before, "--wait=false")
            self.cluster.wait_ready("deployment/fairway", SYSTEM)
            wait_for(lambda b=before: not b & set(self.cluster.pods("app=istiod", SYSTEM)), 90, "new pods")
            for pod in self.cluster.pods("app=istiod", SYSTEM):
                started, ready = self._container_started(pod), self._log_time(pod, "objects, ready")
                seconds.append((ready - started).total_seconds())
        return {"start_s": round(statistics.median(seconds), 2), "start_max_s": round(max(seconds), 2)}

    def _container_started(self, pod):
        """To the nanosecond, from the container runtime."""
        status = self.cluster.get(f"/api/v1/namespaces/{SYSTEM}/pods/{pod}")["status"]["containerStatuses"][0]
        name = status["containerID"].removeprefix("containerd://")
        argv = ["ctr", "--namespace", "k8s.io", "containers", "info", name]
        answer = self.cluster.space.run(argv, whole=True, capture_output=True, text=True)
        return when(json.loads(answer.stdout)["CreatedAt"][:26].rstrip("Z") + "+00:00")

    def _log_time(self, pod, word):
        for line in self.cluster.logs(pod, namespace=SYSTEM).splitlines():
            entry = json.loads(line) if line.startswith("{") else {"time": f"{line[:10]}T{line[11:23]}+00:00", "message": line[24:]}
            if word in entry.get("message", entry.get("msg", "")):
                return when(entry["time"])
        raise Failed(f"the log of {pod} does not say {word!r}")

    def webhook(self, rate=50, seconds=20):
        """Dry-run creations at a fixed rate, each with the webhook followed by one without: the way through the API server is
        the same. The API server's own histogram cannot tell a percentile here (its buckets end at 5 and 25 ms), so the
        webhook's time is what a creation took beyond the median of those without it; `webhook_mean_ms` is the
        histogram's sum over its count."""
        with self.mesh.namespace("bench-webhook") as inside, self.mesh.namespace("bench-plain", labels={}) as outside:
            self.mesh.run(echo_app("web", inside))
            template = echo_app("x", inside)[-1]["spec"]["template"]
            del template["spec"]["serviceAccountName"]
            connection = self.cluster.connection()  # kept, as clients of the API do

            def create(namespace, number):
                pod = {**template, "apiVersion": "v1", "kind": "Pod"}
                pod["metadata"] = {**template["metadata"], "name": f"x-{number}"}
                body, json_type = json.dumps(pod), {"content-type": "application/json"}
                before = time.monotonic()
                connection.request("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", body, json_type)
                response = connection.getresponse()
                answer = response.read()
                if response.status != 201:
                    raise Failed(f"{response.status} {answer}")
                return (time.monotonic() - before) * 1000

            before, plain, injected = self._webhook_calls(), [], []
            begun = time.monotonic()
            for number in range(rate * seconds):
                time.sleep(max(0.0, begun + number / rate - time.monotonic()))
                injected.append(create(inside, number))
                if number % 5 == 0:
                    plain.append(create(outside, number))
            calls = {name: value - before.get(name, 0) for name, value in self._webhook_calls().items()}
        usual = statistics.median(plain)
        return {
            "webhook_p99_ms": round(percentile(injected, 0.99) - usual, 1),
            "webhook_p50_ms": round(percentile(injected, 0.5) - usual, 1),
            "webhook_mean_ms": round(calls["sum"] / calls["count"] * 1000, 1),
            "webhook_calls": int(calls["count"]),
            "webhook_calls_above_25_ms": int(calls["count"] - calls["0.025"]),
            "create_plain_p99_ms": round(percentile(plain, 0.99), 1),
        }

    def _webhook_calls(self):
        """The API server's histogram of calls to the injection webhooks: bounds in seconds -> calls, `sum` and `count`."""
        result = {}
        for line in self.cluster.kubectl("get", "--raw", "/metrics").splitlines():
            if line.startswith("apiserver_admission_webhook_admission_duration_seconds_") and "sidecar-injector" in line:
                bound = re.search(r'le="([^"]+)"', line)
                name = bound.group(1) if bound else line.split("{")[0].rsplit("_", 1)[1]
                result[name] = result.get(name, 0) + float(line.rsplit(" ", 1)[1])
        return result

    def pod(self, count=5):
        seconds = []
        with self.mesh.namespace("bench-pod") as ns:
            for number in range(count):
                name = f"web-{number}"
                self.mesh.run(echo_app(name, ns))
                text = self.cluster.logs(self.mesh.pod(name, ns)["metadata"]["name"], "-c", "istio-proxy", namespace=ns)
                if not (said := re.search(r"ready ([0-9.]+) s after the start", text)):
                    raise Failed(f"the agent of {name} does not say when it was ready:\n{text}")
                seconds.append(float(said.group(1)))
        return {"pod_ready_s": round(statistics.median(seconds), 2), "pod_ready_max_s": round(max(seconds), 2)}

    def memory(self):
        """Beside the pods of the other parts, and with all that `make onap` installs."""
        small = max(self._resident())
        with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder, self.mesh.namespace("bench-onap") as ns:
            repository = pathlib.Path(folder) / "repository"
            onap_charts.pack(repository, pathlib.Path(folder))
            disabled = onap_charts.CHARTS.joinpath(*onap_charts.DISABLE_ALL)
            self._install_part("common", "onap", repository, ns, "-f", disabled)
            for part in onap_charts.PARTS:
                self._install_part(part, part, repository, ns, "--set", "global.istioSidecar=")
            self.cluster.kubectl("wait", "--for=condition=Available", "deployment", "--all", "-n", ns, "--timeout=500s")
            pods = self.cluster.get(f"/api/v1/namespaces/{ns}/pods")["items"]
            meshed = sum("istio-proxy" in json.dumps(pod["spec"]) for pod in pods)
            time.sleep(65)  # idle pages are given back once a minute
            return {"rss_mb": round(max(self._resident()), 1), "rss_small_mb": round(small, 1), "rss_pods": meshed}

    def _install_part(self, name, chart, repository, namespace, *options):
        self.cluster.helm("install", name, next(repository.glob(f"{chart}-[0-9]*.tgz")), "-n", namespace, *options)

    def _resident(self):
        """MiB of each replica."""
        sizes = []
        for pod in self.cluster.pods("app=istiod", SYSTEM):
            name = self.cluster.get(f"/api/v1/namespaces/{SYSTEM}/pods/{pod}")["status"]["containerStatuses"][0]["containerID"]
            argv = ["ctr", "--namespace", "k8s.io", "tasks", "ls"]
            tasks = self.cluster.space.run(argv, whole=True, capture_output=True, text=True).stdout
            pid = next(row.split()[1] for row in tasks.splitlines() if row.startswith(name.removeprefix("containerd://")))
            status = self.cluster.space.run(["cat", f"/proc/{pid}/status"], whole=True, capture_output=True, text=True).stdout
            sizes.append(int(status.split("VmRSS:")[1].split()[0]) / 1024)
        return sizes

    def rolls(self):
        result = {}
        with self.mesh.namespace("bench-rolls") as ns:
            self.mesh.run(echo_app("web", ns, replicas=3), echo_app("client", ns))
            url = f"http://web.{ns}:8080/"
            for what, namespace, name in (("control_plane", SYSTEM, "fairway"), ("application", ns, "web")):
                with self.mesh.load("client", ns, url) as load:
                    load.wait_sent(500)
                    while load.last["sent"] < self.requests:
                        self.cluster.kubectl("rollout", "restart", "-n", namespace, f"deployment/{name}")
                        self.cluster.wait_ready(f"deployment/{name}", namespace)
                        load.wait_sent(500)
                    seen = load.finish()
                result[f"lost_{what}"] = len(seen["failures"])
                result[f"sent_{what}"] = seen["sent"]
                result[f"examples_{what}"] = seen["failures"][:3]
        return result

    def crowd(self):
        """Pods that never run (no node has their label): it is admission that is looked at."""
        with self.mesh.namespace("bench-crowd") as ns:
            objects = echo_app("crowd", ns, replicas=self.crowd_size)
            objects[-1]["spec"]["template"]["spec"]["nodeSelector"] = {"no-such": "node"}
            self.mesh.apply(*objects)

            def made():
                return len(self.cluster.pods("app=crowd", ns)) == self.crowd_size

            before = time.monotonic()
            wait_for(made, 300, f"{self.crowd_size} pods")
            took = time.monotonic() - before
            pods = self.cluster.get(f"/api/v1/namespaces/{ns}/pods?labelSelector=app%3Dcrowd")["items"]
            bare = sum("istio-proxy" not in json.dumps(p["spec"].get("initContainers", [])) for p in pods)
            events = self.cluster.get(f"/api/v1/namespaces/{ns}/events?fieldSelector=reason%3DFailedCreate")["items"]
        return {"crowd_refused": len(events) + bare, "crowd_s": round(took, 1), "crowd_pods": self.crowd_size}


def table(figures):
    for name, value in figures.items():
        if name in WANTED:
            verdict = "as wanted" if value <= WANTED[name] else "MISSED"
            print(f"  {name:22} {value!s:>10}   wanted at most {WANTED[name]:<8} {verdict}")
        elif not name.startswith("examples"):
            print(f"  {name:22} {value!s:>10}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = ["start", "webhook", "pod", "memory", "rolls", "crowd"]
    parser.add_argument("part", nargs="*", choices=[[], *parts], default=[])
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--crowd", type=int, default=500)
    parser.add_argument("--lab", default="bench")
    arguments = parser.parse_args()
    figures = {"commit": commit()}
    with Cluster(arguments.lab, say=lambda text: print(f"  {text}", flush=True)) as cluster:
        bench = Bench(Mesh(cluster).install(replicas=2), arguments.requests, arguments.crowd)
        for name in arguments.part or parts:
            print(f"{name} ...", flush=True)
            figures.update(getattr(bench, name)())
    table(figures)
    target = ROOT / "build" / "bench" / "cluster.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(f"written to {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
