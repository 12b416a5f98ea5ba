"""What Istio's metrics cost at the proxies: requests between two sidecars over mutual TLS, with all metrics and with none in turn,
and how many series a proxy has by the number of services that it calls. Prints a table; writes build/bench/metrics.json.

Everything listens in a network namespace of its own; no root is needed. Times depend on the machine; compare the columns.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tools" / "demo"), str(ROOT / "tests" / "bench")]

# pylint: disable=wrong-import-position
from figures import commit  # noqa: E402
from harness import network  # noqa: E402
from harness.exposition import Page  # noqa: E402
from harness.lab import Lab  # noqa: E402
from processes import Agent, accepts, envoy_binary, request, wait_for  # noqa: E402
from programs import Usage, program  # noqa: E402
from workloads import Workload  # noqa: E402

NS, PORT = "shop", 8080
HOSTS = [10, 100, 500]
OFF = {"apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry", "metadata": {"name": "off", "namespace": NS},
       "spec": {"metrics": [{"providers": [{"name": "prometheus"}], "overrides": [{"disabled": True}]}]}}


def workload(name, number):
    labels = {"app": name, "version": "v1", "security.istio.io/tlsMode": "istio"}
    return Workload(name, f"{name}-0", NS, name, labels, f"{network.POD_PREFIX}{number}.1", [PORT])


WEB, API = workload("web", 1), workload("api", 2)


def manifests(services):
    result = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NS}}]
    for pod in (WEB, API):
        result.append({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": pod.account, "namespace": NS}})
        result.append({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod.pod, "namespace": NS, "labels": pod.labels},
                       "spec": {"serviceAccountName": pod.account, "containers": [{"name": "app", "image": "x"}]},
                       "status": {"phase": "Running", "podIP": pod.ip, "podIPs": [{"ip": pod.ip}]}})
    for i in range(services):
        meta = {"name": f"s{i}", "namespace": NS}
        result.append({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {
            "clusterIP": f"10.96.{i // 250}.{i % 250 + 1}", "selector": {"app": "api"},
            "ports": [{"name": "http", "port": PORT, "targetPort": PORT}]}})
        result.append({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                       "metadata": {**meta, "labels": {"kubernetes.io/service-name": f"s{i}"}},
                       "ports": [{"name": "http", "port": PORT, "protocol": "TCP"}],
                       "endpoints": [{"addresses": [API.ip], "conditions": {"ready": True},
                                      "targetRef": {"kind": "Pod", "namespace": NS, "name": API.pod}}]})
    return "\n---\n".join(json.dumps(one) for one in result)


BACKEND = {"static_resources": {
    "listeners": [{"name": "app", "address": {"socket_address": {"address": API.app, "port_value": PORT}}, "filter_chains": [
        {"filters": [{"name": "http", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "app", "http_filters": [{"name": "router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "x" * 1000}}}]}]}}}]}]}]}}


class Bench:
    def __init__(self, lab, services):
        self.lab = lab
        lab.config.mkdir(exist_ok=True)
        lab.write("mesh.yaml", manifests(services))
        plane = lab.folder_control_plane(base=False)
        config = lab.directory / "app.json"
        config.write_text(json.dumps(BACKEND), encoding="ascii")
        with open(lab.directory / "app.log", "wb") as log:
            self.app = subprocess.Popen([envoy_binary(), "-c", config, "--disable-hot-restart", "--concurrency", "1"],
                                        stdout=log, stderr=log)
        for pod in (WEB, API):
            agent = Agent(lab.directory / "agents" / pod.service, pod, plane.xds, plane.root_file, lab.token_of(pod))
            lab.agents[pod.service] = lab.add(agent)
        lab.wait_connected()
        self.address = f"{WEB.outbound}:{PORT}"
        for address in (self.address, f"{API.ip}:{PORT}", f"{API.app}:{PORT}"):
            wait_for(lambda a=address: accepts(a), 60, address)
        wait_for(lambda: self.ask() == 200, 60, lambda: f"an answer: {self.ask()}")

    def ask(self):
        return request(self.address, "/", host=f"s0.{NS}:{PORT}").status

    def close(self):
        self.app.terminate()
        self.app.wait()

    def page(self, name):
        address = (self.lab.agents[name].directory / "agent-address").read_text(encoding="ascii").strip()
        start = time.monotonic()
        text = request(address, "/stats/prometheus", timeout=60).body
        return text, time.monotonic() - start

    def total(self):
        return Page(self.page("web")[0]).sum("istio_requests_total")

    def switch(self, metrics):
        """With all metrics or none; until a request is counted, or not."""
        file = self.lab.config / "off.yaml"
        if metrics:
            file.unlink(missing_ok=True)
        else:
            self.lab.write("off.yaml", json.dumps(OFF))

        def counted():
            before = self.total()
            assert self.ask() == 200
            return (self.total() > before) == metrics

        wait_for(counted, 30, f"metrics to be {'on' if metrics else 'off'}")

    def processes(self):
        """Envoys and agents."""
        result = {"envoy": [], "agent": []}
        for agent in self.lab.agents.values():
            result["agent"].append(agent.pid)
            children = pathlib.Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text(encoding="ascii").split()
            for thread in pathlib.Path(f"/proc/{agent.pid}/task").iterdir():
                children += (thread / "children").read_text(encoding="ascii").split()
            result["envoy"] += sorted({int(c) for c in children})
        return result

    def load(self, connections, seconds, hosts=1, name=f"s0.{NS}:{PORT}"):
        pids = self.processes()
        before = {kind: sum(Usage(pid).cpu for pid in pids[kind]) for kind in pids}
        argv = [program("httpload"), self.address, name, connections, seconds, hosts]
        done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=True)
        result = json.loads(done.stdout)
        if result["bad"]:
            raise RuntimeError(f"{result['bad']} bad answers of {result['requests']}")
        thousands = result["requests"] / 1000
        result["rps"] = result["requests"] / result["seconds"]
        for kind, of in pids.items():
            result[f"{kind}_cpu"] = (sum(Usage(pid).cpu for pid in of) - before[kind]) / thousands * 1000
        result["envoy_mb"] = sum(Usage(pid).rss for pid in pids["envoy"])
        return result


class Scraper(threading.Thread):
    """As Prometheus, but every 5 s."""

    def __init__(self, bench):
        super().__init__(daemon=True)
        self.bench, self.end = bench, threading.Event()

    def run(self):
        while not self.end.wait(5):
            for name in self.bench.lab.agents:
                self.bench.page(name)


FIGURES = {"rps": "requests a second", "p50": "p50, µs", "p99": "p99, µs", "envoy_cpu": "CPU of both Envoys per 1000 requests, ms",
           "agent_cpu": "CPU of both agents per 1000 requests, ms"}


def overhead(bench, options):
    runs = {True: [], False: []}
    scraper = Scraper(bench)
    scraper.start()
    for number in range(options.rounds):
        # Neither is always first.
        for metrics in (True, False) if number % 2 else (False, True):
            bench.switch(metrics)
            bench.load(options.connections, 1)
            runs[metrics].append(bench.load(options.connections, options.seconds))
            print(f"  round {number + 1}, {'all' if metrics else 'none'}: {runs[metrics][-1]}", file=sys.stderr, flush=True)
    scraper.end.set()
    scraper.join()
    bench.switch(True)
    result = {}
    for figure in FIGURES:
        none, every = ([run[figure] for run in runs[metrics]] for metrics in (False, True))
        result[figure] = {"none": statistics.median(none), "all": statistics.median(every),
                          "ratio": statistics.median(b / a for a, b in zip(none, every))}
    return result


def series(bench, counts):
    result = {}
    for hosts in counts:
        bench.load(8, 1, 1)
        bench.load(8, max(3, hosts / 100), hosts, f"{NS}:{PORT}")
        row = {}
        for name in bench.lab.agents:
            text, seconds = bench.page(name)
            page = Page(text)
            ours = sum(len(samples) for metric, samples in page.items() if metric.startswith("istio_") and "agent" not in metric)
            row[name] = {"series": ours, "all": sum(len(samples) for samples in page.values()), "mb": len(text) / 1e6,
                         "scrape_s": seconds, "sets": len(page.get("istio_requests_total", []))}
        row["envoy_mb"] = bench.load(8, 1)["envoy_mb"]
        result[hosts] = row
        print(f"  {hosts} services: {row}", file=sys.stderr, flush=True)
    return result


def table(figures):
    lines = ["| | none | all | ratio |", "| --- | --- | --- | --- |"]
    for figure, text in FIGURES.items():
        row = figures["overhead"][figure]
        lines.append(f"| {text} | {row['none']:.3g} | {row['all']:.3g} | {row['ratio']:.2f} |")
    lines += ["", "| services called | label sets | series of ours | series in all | page, MB | scrape, s | both Envoys, MB |",
              "| --- | --- | --- | --- | --- | --- | --- |"]
    for hosts, row in figures["series"].items():
        web = row["web"]
        lines.append(f"| {hosts} | {web['sets']} | {web['series']} | {web['all']} | {web['mb']:.2f} | {web['scrape_s']:.2f} | "
                     f"{row['envoy_mb']:.0f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6, help="pairs of runs (%(default)s)")
    parser.add_argument("--seconds", type=float, default=8, help="of a run (%(default)s)")
    parser.add_argument("--connections", type=int, default=16, help="that are busy (%(default)s)")
    parser.add_argument("--services", type=int, nargs="*", default=HOSTS, help="numbers of services called (%(default)s)")
    options = parser.parse_args()
    network.isolate()
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
        lab = Lab(folder)
        bench = None
        try:
            bench = Bench(lab, max(options.services, default=1))
            figures = {"commit": commit(), "overhead": overhead(bench, options), "series": series(bench, options.services)}
        finally:
            if bench:
                bench.close()
            lab.close()
    out = ROOT / "build" / "bench" / "metrics.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(table(figures))
    print(f"\n{out}")


if __name__ == "__main__":
    main()
