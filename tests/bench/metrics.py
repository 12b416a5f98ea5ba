"""What telemetry costs at the proxies: requests between two sidecars over mutual TLS, with none, with Istio's metrics, with a log of each
request, with a trace of each, and with all of these in turn; and how many series a proxy has by the number of services that it calls. Prints
tables; writes build/bench/metrics.json.

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
from harness import collectors, network  # noqa: E402
from harness.exposition import Page  # noqa: E402
from harness.lab import Lab  # noqa: E402
from processes import Agent, accepts, envoy_binary, request, wait_for  # noqa: E402
from programs import Usage, program  # noqa: E402
from workloads import Workload  # noqa: E402

NS, PORT = "shop", 8080
HOSTS = [10, 100, 500]
# What a Telemetry says of each part, where it is on and where it is off, and what then is in each HTTP connection manager.
PARTS = {
    "metrics": ({}, {"metrics": [{"providers": [{"name": "prometheus"}], "overrides": [{"disabled": True}]}]},
                "envoy.access_loggers.stats"),
    "logs": ({"accessLogging": [{"providers": [{"name": "envoy"}]}]}, {"accessLogging": [{"disabled": True}]},
             "envoy.access_loggers.stdout"),
    "traces": ({"tracing": [{"providers": [{"name": "zipkin"}], "randomSamplingPercentage": 100}]}, {}, "envoy.tracers.zipkin"),
}
MODES = {"none": (), **{part: (part,) for part in PARTS}, "all": tuple(PARTS)}
ZIPKIN, ZIPKIN_OBJECTS = collectors.service("zipkin", 1, {"http": collectors.Zipkin.PORT})


def workload(name, number):
    labels = {"app": name, "version": "v1", "security.istio.io/tlsMode": "istio"}
    return Workload(name, f"{name}-0", NS, name, labels, f"{network.POD_PREFIX}{number}.1", [PORT])


WEB, API = workload("web", 1), workload("api", 2)


def manifests(services):
    result = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (NS, collectors.NAMESPACE)]
    provider = {"name": "zipkin", "zipkin": {"service": collectors.host("zipkin"), "port": collectors.Zipkin.PORT}}
    result.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"},
                   "data": {"mesh": json.dumps({"accessLogFile": "/dev/stdout", "extensionProviders": [provider]})}})
    result += ZIPKIN_OBJECTS
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


def answering(name, address, port, status, body):
    """A listener that gives all requests one answer."""
    route = {"match": {"prefix": "/"}, "direct_response": {"status": status, "body": {"inline_string": body}}}
    router = {"name": "router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}
    manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    http = {"@type": manager, "stat_prefix": name, "http_filters": [router],
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]}}
    return {"name": name, "address": {"socket_address": {"address": address, "port_value": port}},
            "filter_chains": [{"filters": [{"name": "http", "typed_config": http}]}]}


# The application, and who takes spans.
BACKEND = {"static_resources": {"listeners": [
    answering("app", API.app, PORT, 200, "x" * 1000), answering("zipkin", ZIPKIN, collectors.Zipkin.PORT, 202, "")]}}


def managers(value):
    """The HTTP connection managers in a dump."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        if "http_filters" in value and "stat_prefix" in value:
            yield value
        for part in value.values():
            yield from managers(part)


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

    def parts(self, name):
        """What each HTTP connection manager of a proxy does of PARTS."""
        address = (self.lab.agents[name].directory / "envoy-admin-address").read_text(encoding="ascii").strip()
        dump = json.loads(request(address, "/config_dump?resource=dynamic_listeners", timeout=60).body)
        active = [listener.get("active_state") for listener in dump.get("configs", [])]
        return {tuple(part for part, (*_, sign) in PARTS.items() if sign in json.dumps(manager)) for manager in managers(active)}

    def switch(self, mode):
        """Until both proxies do what a mode has, and nothing else."""
        spec = {}
        for part, (on, off, _) in PARTS.items():
            spec.update(on if part in MODES[mode] else off)
        self.lab.write("telemetry.yaml", json.dumps({"apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry",
                                                     "metadata": {"name": "bench", "namespace": NS}, "spec": spec}))
        seen = {}

        def switched():
            seen.update({name: self.parts(name) for name in self.lab.agents})
            return all(parts == {MODES[mode]} for parts in seen.values())

        wait_for(switched, 30, lambda: f"{mode} at the proxies: {seen}", pause=0.1)

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
    runs = {mode: [] for mode in MODES}
    scraper = Scraper(bench)
    scraper.start()
    for number in range(options.rounds):
        # Nothing is always first, or behind the same.
        modes = list(MODES) if number % 2 else list(reversed(MODES))
        for mode in modes[number % len(modes):] + modes[:number % len(modes)]:
            bench.switch(mode)
            bench.load(options.connections, 2)  # connections of before end
            runs[mode].append(bench.load(options.connections, options.seconds))
            print(f"  round {number + 1}, {mode}: {runs[mode][-1]}", file=sys.stderr, flush=True)
    scraper.end.set()
    scraper.join()
    bench.switch("metrics")
    result = {}
    for figure in FIGURES:
        values = {mode: [run[figure] for run in runs[mode]] for mode in MODES}
        result[figure] = {mode: {"median": statistics.median(values[mode]),
                                 "ratio": statistics.median(b / a for a, b in zip(values["none"], values[mode]))} for mode in MODES}
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
    lines = [f"| | {' | '.join(MODES)} |", f"| --- |{' --- |' * len(MODES)}"]
    for figure, text in FIGURES.items():
        row = figures["overhead"][figure]
        cells = (f"{row[mode]['median']:.4g}" + (f" ({row[mode]['ratio']:.2f})" if mode != "none" else "") for mode in MODES)
        lines.append(f"| {text} | {' | '.join(cells)} |")
    lines += ["", "| services called | label sets | series of ours | series in all | page, MB | scrape, s | both Envoys, MB |",
              "| --- | --- | --- | --- | --- | --- | --- |"]
    for hosts, row in figures["series"].items():
        web = row["web"]
        lines.append(f"| {hosts} | {web['sets']} | {web['series']} | {web['all']} | {web['mb']:.2f} | {web['scrape_s']:.2f} | "
                     f"{row['envoy_mb']:.0f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds, each with a run of each kind (%(default)s)")
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
