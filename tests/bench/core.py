"""Figures of the serving core: `make bench`. Prints a table and writes build/bench/core.json. docs/performance.md says how
each is measured.

    a   one endpoint changes, until the last proxy has it; beside the null server
    b   the same at 20 changes a second: per proxy
    c   a VirtualService changes; a service is added
    d   from the start of the process to the first proxy's full configuration
    e   all proxies connect at once; all reconnect after a restart of the control plane
    f   peak memory of the server, and what one more proxy adds
    g   CPU time of the server for one endpoint change
    h   growth of a change's cost with services and with proxies
    i   generation alone: nanoseconds and allocations of a cluster, an endpoint, a virtual host, a listener
    faults   from the end of a fault until the proxies are right
    transports   the null server on gRPC's callback API, on its completion queues, and on nghttp2

usage: core.py [--proxies N,N...] [--scale small|full] [--big] [PART...]     (no part named: all but transports)
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import pathlib
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "e2e")]

# pylint: disable=wrong-import-position
from harness import network  # noqa: E402
from harness.apiserver import ApiServer  # noqa: E402
from processes import ControlPlane, Failed, binary, stop_all  # noqa: E402
from figures import commit, exponent, median, percentile, spread, table, text_of, wanted  # noqa: E402
from programs import LoadGenerator, NullServer, Usage  # noqa: E402
from transports import compare  # noqa: E402
from world import HUGE, RULES, Watch, World, cluster, marker_address, marker_name, node  # noqa: E402

SMALL = {"services": 20, "huge": 100, "rules": 5, "proxies": [10], "changes": 3, "runs": 1, "seconds": 2}
FULL = {"services": 1000, "huge": HUGE, "rules": RULES, "proxies": [500, 1000, 2000], "changes": 15, "runs": 3, "seconds": 20}
PARTS = [*"abcdefghi", "faults"]  # if none is named


class Lab:
    """etcd, API server and a control plane, in a folder that goes with them."""

    def __init__(self, services, huge, rules, sotw):
        self.sotw = sotw
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="fairway-bench-"))
        self.processes = []
        self.api = ApiServer(self.directory / "kubernetes")
        self.processes.append(self.api)
        self.api.start()
        self.api.install_crds(ROOT / "crds")
        self.api.allow_reader()
        before = time.monotonic()
        self.world = World(self.api).grow(services, rules, huge)
        say(f"{services} services made in {time.monotonic() - before:.1f} s")
        extra = ["--drain-duration", "0s", "--max-stream-age", "0s"]
        source = ["--kubeconfig", str(self.api.reader)]
        self.server = ControlPlane(self.directory / "control-plane", source, extra=extra, insecure=True)
        self.processes.append(self.server)

    @property
    def port(self):
        return int(self.server.insecure.rsplit(":", 1)[1])

    def restart(self, wait_ready=True):
        """A new process on the same addresses. Returns the time before its start."""
        self.server.stop()
        before = time.monotonic_ns()
        self.server.start(wait_ready)
        return before

    def usage(self):
        return Usage(self.server.pid)

    def nodes(self, count):
        return [node(n, self.world.services) for n in range(count)]

    @contextlib.contextmanager
    def load(self):
        generator = LoadGenerator(self.directory, sotw=self.sotw)
        self.processes.append(generator.start())
        try:
            yield generator
        finally:
            self.processes.remove(generator)
            generator.stop()

    @contextlib.contextmanager
    def null_server(self, recorded, transport="callback"):
        null = NullServer(self.directory, recorded, transport).start()
        self.processes.append(null)
        try:
            yield null
        finally:
            self.processes.remove(null)
            null.stop()

    @contextlib.contextmanager
    def watch(self, path):
        watch = Watch(self.world, path)
        try:
            yield watch
        finally:
            watch.close()

    def close(self, keep):
        stop_all(self.processes)
        if keep:
            print(f"logs are in {self.directory}", file=sys.stderr)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)


SLICES = "/apis/discovery.k8s.io/v1/endpointslices"
VIRTUAL_SERVICES = "/apis/networking.istio.io/v1/virtualservices"
COUNTED = {  # what the server itself counts, by the metric's name without labels
    "unit_runs": "fairway_unit_runs_total",
    "serialized_bytes": "fairway_serialized_bytes_total",
    "changed_resources": "fairway_changed_resources_total",
    "sent_bytes": "fairway_xds_sent_bytes_total",
    "responses": "fairway_xds_responses_total",
}


def counted(server):
    sums = dict.fromkeys(COUNTED, 0.0)
    for sample, value in server.metrics().items():
        for name, metric in COUNTED.items():
            if sample.split("{")[0] == metric:
                sums[name] += value
    return sums


def say(text):
    print(f"  {text}", flush=True)


class Bench:
    def __init__(self, options):
        self.options, self.figures, self.lab = options, {}, None

    def figure(self, part, proxies, values):
        self.figures.setdefault(part, {}).setdefault(str(proxies), {}).update(values)

    # --- measuring ---------------------------------------------------------------------------------

    def changes(self, load, pid, count, entries, change, watch=None, undo=None):
        """Makes changes one after the other, each when the last one has arrived everywhere. `entries(mark)`: (type,
        text) pairs that a proxy is to get; `change(mark)` makes it. Times are in ms, of the last proxy: from the
        request to the API server, and from when a bare watch saw it (null server: from the trigger, both). `undo(mark)`
        takes it back, untimed, but not unseen by CPU time and counters."""
        total, after_watch, api, size, first = [], [], [], [], True
        world = self.lab.world
        before = None
        for _ in range(count + 1):
            mark = world.next_mark()
            if not first and before is None:
                load.settle(0, quiet_ms=100)
                started, before = counted_of(self.lab, pid), Usage(pid)
            since = time.monotonic_ns()
            number = load.arm(since, *entries(mark))
            start = time.monotonic_ns()
            change(mark)
            answer = load.arrived(number)
            if undo:
                number = load.arm(0, entries(mark)[0])  # a removal names it, too
                undo(mark)
                load.arrived(number)
                load.settle(0, quiet_ms=100)
            if first:  # warms caches and connections: does not count
                first = False
                continue
            last = since + max(answer["us"]) * 1000
            seen = watch.time_of(mark) if watch else start
            total.append((last - start) / 1e6)
            after_watch.append((last - seen) / 1e6)
            api.append((seen - start) / 1e6)
            size.append(answer["bytes"] / len(answer["us"]))
        load.settle(0, quiet_ms=100)
        after = Usage(pid)
        result = {
            "p50_ms": round(statistics.median(total), 1),
            "p99_ms": round(percentile(total, 0.99), 1),
            "after_watch_p50_ms": round(statistics.median(after_watch), 1),
            "after_watch_p99_ms": round(percentile(after_watch, 0.99), 1),
            "api_ms": round(statistics.median(api), 1),
            "cpu_ms_per_change": round((after.cpu - before.cpu) * 1000 / count, 2),
            "bytes_per_proxy": round(statistics.median(size)),
            "peak_mb": round(after.peak, 1),
            "changes": count,
        }
        if started is not None:
            now = counted(self.lab.server)
            result["counted_per_change"] = {name: round((now[name] - started[name]) / count, 1) for name in COUNTED}
        return result

    def endpoint_changes(self, load, count=None):
        world = self.lab.world
        with self.lab.watch(SLICES) as watch:
            return self.changes(
                load,
                self.lab.server.pid,
                count or self.options.changes,
                lambda mark: [("endpoint", marker_address(mark))],
                world.patch_endpoint,
                watch,
            )

    def null_changes(self, load, null, size, count=None):
        """`size`: bytes a proxy receives; gRPC's prefix is 5 of them."""
        return self.changes(
            load,
            null.pid,
            count or self.options.changes,
            lambda mark: [("endpoint", marker_address(mark))],
            lambda mark: null.fan_out(size - 5, marker_address(mark)),
        )

    def connect(self, load, port, count, pid, record=""):
        """All proxies at once, to a server that has just started."""
        before, since = Usage(pid), time.monotonic_ns()
        load.open(port, self.lab.nodes(count), record)
        answer = load.settle(since)
        after, own = Usage(pid), load.ask(usage={})
        return {
            "connect_s": max(answer["us"]) / 1e6,
            "p50_s": statistics.median(answer["us"]) / 1e6,
            "cpu_ms_per_proxy": (after.cpu - before.cpu) * 1000 / count,
            "cpu_s": after.cpu - before.cpu,
            "mb_per_proxy": statistics.median(answer["bytes"]) / 1e6,
            "rss_mb": after.rss,
            "peak_mb": after.peak,
            "start_peak_mb": before.peak,
            "loadgen_cpu_s": own["cpu_s"],
        }

    # --- parts -------------------------------------------------------------------------------------

    def at(self, count, parts):
        """Parts a, b, c, e, f, g with so many proxies."""
        recorded = self.lab.directory / f"recorded-{count}"
        colds = []
        runs = self.options.runs if {"e", "f"} & parts else 1
        endpoint = None
        for run in range(runs):
            self.lab.restart()
            with self.lab.load() as load:
                colds.append(self.connect(load, self.lab.port, count, self.lab.server.pid, f"{recorded}.{run}"))
                shutil.copy(f"{recorded}.{run}", recorded)  # of the connection alone: changes follow
                held = load.check_state()["proxies"][0]["types"]
                say(f"{count} proxies: connected in {colds[-1]['connect_s']:.2f} s")
                if run + 1 < runs:
                    continue
                if parts & {"a", "c", "g"}:
                    endpoint = self.endpoint_changes(load)
                    say(f"{count} proxies: endpoint change {endpoint['p50_ms']} ms")
                if "c" in parts:
                    self.part_c(load, count, endpoint)
                if "b" in parts:
                    self.part_b(load, count, endpoint)
                if "e" in parts:
                    self.part_e_restart(load, count)
                load.check_state()
        keys = colds[0].keys()
        cold = {key: spread([c[key] for c in colds]) for key in keys}
        # The null server plays back recorded responses of delta: to the state of the world it has nothing to compare.
        null_cold, null = ({}, {}) if self.options.sotw else self.null_at(count, recorded, endpoint)
        if "e" in parts:
            self.figure("e", count, {**cold, "runs": runs, "held": {t: h["count"] for t, h in held.items()}, "null": {key: round(value, 2) for key, value in null_cold.items()}})
        if "f" in parts:
            self.figure("f", count, {key: cold[key] for key in ("peak_mb", "rss_mb", "start_peak_mb", "cpu_s")})
        if "a" in parts:
            ratios = {
                f"ratio_{p}": round(endpoint[f"after_watch_{p}_ms"] / null[f"{p}_ms"], 2) for p in ("p50", "p99") if null
            }
            self.figure("a", count, {**endpoint, **ratios, "null": null})
        if "g" in parts:
            names = ("cpu_ms_per_change", "peak_mb", "bytes_per_proxy", "changes")
            self.figure("g", count, {**{n: endpoint[n] for n in names}, "null": {n: null[n] for n in names if null}})

    def null_at(self, count, recorded, endpoint):
        with self.lab.null_server(recorded) as null, self.lab.load() as load:
            cold = self.connect(load, null.port, count, null.pid)
            return cold, endpoint and self.null_changes(load, null, endpoint["bytes_per_proxy"])

    def part_b(self, load, count, endpoint):
        """Changes at a fixed rate, whether or not the last one has arrived."""
        world, rate, seconds = self.lab.world, 20, self.options.seconds
        before, started, armed = Usage(self.lab.server.pid), counted(self.lab.server), []
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            begun = time.monotonic()
            for number in range(rate * seconds):
                time.sleep(max(0.0, begun + number / rate - time.monotonic()))
                mark = world.next_mark()
                since = time.monotonic_ns()
                armed.append(load.arm(since, ("endpoint", marker_address(mark))))
                pool.submit(world.patch_endpoint, mark)
        took = time.monotonic() - begun
        delays, size = [], 0
        for number in armed:
            answer = load.arrived(number)
            delays += answer["us"]
        load.settle(0, quiet_ms=100)
        after, now = Usage(self.lab.server.pid), counted(self.lab.server)
        size = (now["sent_bytes"] - started["sent_bytes"]) / count
        p99 = percentile(delays, 0.99) / 1000
        self.figure(
            "b",
            count,
            {
                "p50_ms": round(statistics.median(delays) / 1000, 1),
                "p99_ms": round(p99, 1),
                **({"p99_to_a": round(p99 / endpoint["p99_ms"], 2)} if endpoint else {}),
                "changes": len(armed),
                "rate_reached": round(len(armed) / took, 1),
                "cpu_s": round(after.cpu - before.cpu, 2),
                "cpu_share": round((after.cpu - before.cpu) / took, 2),
                "bytes_per_proxy": round(size),
                "responses_per_proxy": round((now["responses"] - started["responses"]) / count, 1),
                "peak_mb": round(after.peak, 1),
            },
        )

    def part_c(self, load, count, endpoint):
        world, pid, changes = self.lab.world, self.lab.server.pid, self.options.changes
        with self.lab.watch(VIRTUAL_SERVICES) as watch:
            route = self.changes(
                load, pid, changes, lambda m: [("virtual_host", marker_name(m))], world.patch_virtual_service, watch
            )

        def added(mark):
            name = marker_name(mark)
            return [("cluster", cluster(name, "bench-0")), ("endpoint", marker_address(mark)), ("virtual_host", name)]

        with self.lab.watch(SLICES) as watch:
            service = self.changes(load, pid, changes, added, world.add_service, watch, undo=world.remove_service)
        base = endpoint["p50_ms"]
        self.figure(
            "c",
            count,
            {
                "virtual_service": route,
                "service_added": service,
                "virtual_service_to_a": round(route["p50_ms"] / base, 2),
                "virtual_service_cpu_to_a": round(route["cpu_ms_per_change"] / endpoint["cpu_ms_per_change"], 2),
                "virtual_service_bytes_to_a": round(route["bytes_per_proxy"] / endpoint["bytes_per_proxy"], 2),
                "service_added_to_a": round(service["p50_ms"] / base, 2),
            },
        )

    def part_e_restart(self, load, count):
        fresh = load.send(settle={"since": 0, "fresh": True, "timeout_s": 600})
        load.answer(fresh)  # armed
        before = self.lab.restart(wait_ready=False)
        answer = load.settled(fresh)
        self.lab.server.wait_ready()
        usage, now = self.lab.usage(), counted(self.lab.server)
        self.figure(
            "e",
            count,
            {
                "restart_bytes_per_proxy": round(statistics.median(answer["bytes"])),
                "restart_most_bytes": max(answer["bytes"]),
                "restart_s": round(max(answer["us"]) / 1e6 - before / 1e9, 2),
                "restart_cpu_s": round(usage.cpu, 2),
                "restart_cpu_ms_per_proxy": round(usage.cpu * 1000 / count, 2),
                "restart_peak_mb": round(usage.peak, 1),
                "restart_sent_bytes": round(now["sent_bytes"]),
            },
        )

    def part_f(self, counts):
        peaks = [(count, median(self.figures["f"][str(count)]["peak_mb"])) for count in counts]
        if len(peaks) > 1:
            (least, low), (most, high) = peaks[0], peaks[-1]
            self.figure("f", "", {"kb_per_proxy": round((high - low) * 1024 / (most - least), 1)})

    def part_d(self, name="first_proxy_s"):
        seconds, peaks, cpus = [], [], []
        for _ in range(max(1, self.options.runs * 2 - 1)):
            with self.lab.load() as load:
                self.lab.server.stop()
                load.open(self.lab.port, self.lab.nodes(1))  # tries until there is somebody
                fresh = load.send(settle={"since": 0, "fresh": True, "timeout_s": 600})
                load.answer(fresh)
                before = time.monotonic_ns()
                self.lab.server.start(wait_ready=False)
                answer = load.settled(fresh)
                seconds.append((max(answer["us"]) * 1000 - before) / 1e9)
                usage = self.lab.usage()
                cpus.append(usage.cpu)
                peaks.append(usage.peak)
                size = answer["bytes"][0]
        stem = name.removesuffix("_s")
        self.figure(
            "d",
            "",
            {
                name: spread(seconds),
                f"{stem}_cpu_s": spread(cpus),
                f"{stem}_peak_mb": spread(peaks, 1),
                f"{stem}_bytes": size,
                f"{stem}_services": self.lab.world.services,
            },
        )
        say(f"first proxy of {self.lab.world.services} services in {text_of(spread(seconds))} s")

    def part_h(self):
        """In a mesh of its own, that grows: first proxies at the least number of services, then services."""
        services, proxies = self.options.growth_services, self.options.growth_proxies
        outer, self.lab = self.lab, None
        points = {}
        try:
            self.lab = Lab(services[0], huge=0, rules=min(RULES, services[0] // 2), sotw=self.options.sotw)
            for count in proxies:
                points["proxies", count] = self.growth_point(count)
            for number in services:
                self.lab.world.grow(number, rules=0)
                points["services", number] = self.growth_point(self.options.growth_base)
        finally:
            if self.lab:
                self.lab.close(keep=False)
            self.lab = outer
        for axis in ("proxies", "services"):
            mine = [(x, point) for (a, x), point in points.items() if a == axis]
            series = {
                "time": [(x, p["after_watch_p50_ms"]) for x, p in mine],
                "cpu": [(x, p["cpu_ms_per_change"]) for x, p in mine],
                **{name: [(x, p["counted_per_change"][name]) for x, p in mine] for name in COUNTED},
            }
            exponents = {name: exponent(line) for name, line in series.items()} if len(mine) > 1 else {}
            self.figure("h", axis, {"exponents": exponents, "points": {x: p for x, p in mine}})

    def growth_point(self, count):
        self.lab.restart()
        with self.lab.load() as load:
            load.open(self.lab.port, self.lab.nodes(count))
            load.settle(0)
            point = self.endpoint_changes(load)
            load.check_state()
        say(f"{self.lab.world.services} services, {count} proxies: {point['after_watch_p50_ms']} ms")
        return point

    def part_i(self):
        """The bench of generation alone, a program of its own: nanoseconds and allocations an item."""
        program = ROOT / "build" / "release" / "generation"
        argv = [program, "--benchmark_format=json", f"--benchmark_repetitions={self.options.runs}", "--benchmark_min_time=0.3"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{program.name}: {done.stderr}")
        runs = {}
        for each in json.loads(done.stdout)["benchmarks"]:
            if "error_message" in each:
                raise Failed(f"{each['name']}: {each['error_message']}")
            if each["run_type"] == "iteration":
                runs.setdefault(each["run_name"], []).append(each)
        for name, of in runs.items():
            figures = {
                "ns_per_item": spread([each["s_per_item"] * 1e9 for each in of], 0),
                "allocations_per_item": round(of[0]["allocations_per_item"], 2),
                "bytes_per_item": round(of[0]["bytes_per_item"]),
            }
            self.figure("i", name, figures)

    def part_faults(self):
        """What tests/e2e/test_outages.py notes: from a fault's end until the proxies are right, in seconds."""
        with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
            file = pathlib.Path(folder) / "faults.json"
            argv = [sys.executable, "-m", "pytest", "-q", "test_outages.py"]
            environment = {**os.environ, "FAIRWAY_FIGURES": str(file), "FAIRWAY_BINARY": str(binary())}
            done = subprocess.run(
                argv, cwd=ROOT / "tests" / "e2e", env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise Failed(f"test_outages.py failed:\n{done.stdout[-2000:]}")
            self.figure("faults", "", json.loads(file.read_text(encoding="utf-8")))

    # --- all ---------------------------------------------------------------------------------------

    def run(self, parts):
        options = self.options
        keep = True
        try:
            if parts & {*"abcdefg", "transports"}:
                self.lab = Lab(options.services, options.huge, options.rules, options.sotw)
                self.lab.server.start()
            if "d" in parts:
                self.part_d()
            if parts & set("abcefg"):
                for count in options.proxies:
                    self.at(count, parts)
                if "f" in parts:
                    self.part_f(options.proxies)
            if "transports" in parts:
                compare(self)
            if "d" in parts and options.big:
                self.lab.world.grow(10_000)
                self.lab.restart()
                self.part_d("first_proxy_big_s")
            if "h" in parts:
                self.part_h()
            if "i" in parts:
                self.part_i()
            if "faults" in parts:
                self.part_faults()
            keep = False
        finally:
            if self.lab:
                self.lab.close(keep)


def counted_of(lab, pid):
    return counted(lab.server) if pid == lab.server.pid else None


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if "model name" in line), "")
    return {"cores": os.cpu_count(), "processor": model or platform.machine(), "load_before": round(os.getloadavg()[0], 1)}


def numbers(text):
    return [int(part) for part in text.split(",")]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS, "transports"], default=[])
    parser.add_argument("--scale", choices=["small", "full"], default="full", help="small: 20 services, 10 proxies")
    parser.add_argument("--proxies", type=numbers, help="numbers of proxies, by commas (500,1000,2000)")
    parser.add_argument("--services", type=int, help="number of services (1000)")
    parser.add_argument("--changes", type=int, help="changes to measure, each (15)")
    parser.add_argument("--runs", type=int, help="runs of what is measured once a start (3)")
    parser.add_argument("--seconds", type=int, help="of part b (20)")
    parser.add_argument("--big", action="store_true", help="part d with 10,000 services, too; h up to as many")
    parser.add_argument("--sotw", action="store_true", help="proxies that ask for the state of the world; parts a, b, e, f, g")
    parser.add_argument("--growth-services", type=numbers, help="of part h")
    parser.add_argument("--growth-proxies", type=numbers, help="of part h")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build" / "bench" / "core.json")
    options = parser.parse_args()
    small = options.scale == "small"
    for name, value in (SMALL if small else FULL).items():
        if getattr(options, name, None) is None:
            setattr(options, name, value)
    options.growth_base = 10 if small else 100
    options.growth_services = options.growth_services or ([10, 20] if small else [100, 300, 1000, 3000] + [10_000] * options.big)
    options.growth_proxies = options.growth_proxies or ([5, 10] if small else [10, 100, 1000, 5000])
    return options


def main():
    options = arguments()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most = max([*options.proxies, *options.growth_proxies])
    if hard < most + 200:
        sys.exit(f"core.py: {most} proxies need as many open files; the limit is {hard} ({soft} without asking): see ulimit -Hn")
    network.isolate()
    about = {"commit": commit(), "machine": machine(), "scale": options.scale, "sotw": options.sotw}
    before, bench, failure = time.monotonic(), Bench(options), None
    try:
        bench.run(set(options.part or PARTS))
    except Failed as error:
        failure = f"core.py: {error}"
    table(bench.figures)
    result = {**about, "seconds": round(time.monotonic() - before), "figures": bench.figures, "wanted": wanted()}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written to {options.output}")
    sys.exit(failure)


if __name__ == "__main__":
    main()
