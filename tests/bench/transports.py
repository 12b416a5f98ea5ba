"""Part `transports` of core.py: what a stream and a message to all cost on each transport, with nothing computed.

The null server plays back what Fairway gave to one proxy, on each transport in turn: within a round they follow each other,
and each round begins with another, so that other work on the machine meets all alike. Figures are medians of the rounds; those
`over_callback` are of the ratios within a round.
"""

import os
import shutil

from figures import spread
from programs import Usage

TRANSPORTS = ("callback", "queues", "nghttp2")
OVER_CALLBACK = ("fan_out_p50_ms", "fan_out_cpu_ms", "connect_cpu_ms_per_proxy")


def compare(bench):
    recorded, size = record(bench)
    for count in bench.options.proxies:
        rounds = []
        for number in range(bench.options.runs):
            first = number % len(TRANSPORTS)
            order = TRANSPORTS[first:] + TRANSPORTS[:first]
            rounds.append({transport: measure(bench, transport, recorded, size, count) for transport in order})
        for transport in TRANSPORTS:
            runs = [each[transport] for each in rounds]
            figures = {name: spread([run[name] for run in runs]) for name in runs[0]}
            for name in OVER_CALLBACK if transport != "callback" else ():
                ratios = [each[transport][name] / each["callback"][name] for each in rounds]
                figures[f"{name}_over_callback"] = spread(ratios)
            bench.figure("transports", count, {transport: figures})
        bench.figure("transports", count, {"bytes_per_change": size, "rounds": len(rounds)})


def record(bench):
    """What Fairway gives to one proxy, and the bytes of an endpoint change."""
    lab = bench.lab
    recorded = lab.directory / "recorded-one"
    lab.restart()
    with lab.load() as load:
        load.open(lab.port, lab.nodes(1), f"{recorded}.all")
        load.settle(0)
        shutil.copy(f"{recorded}.all", recorded)  # of the connection alone: changes follow
        return recorded, bench.endpoint_changes(load, 1)["bytes_per_proxy"]


def measure(bench, transport, recorded, size, count):
    with bench.lab.null_server(recorded, transport) as null, bench.lab.load() as load:
        busy = os.getloadavg()[0]
        before = Usage(null.pid)
        cold = bench.connect(load, null.port, count, null.pid)
        loadgen = load.ask(usage={})
        changes = 4 * bench.options.changes
        fan_out = bench.null_changes(load, null, size, changes)
        after, loadgen_after = Usage(null.pid), load.ask(usage={})
        load.check_state()
    print(f"  {count} proxies on {transport}: {fan_out['p50_ms']} ms to all, connected in {cold['connect_s']:.2f} s", flush=True)
    return {
        "fan_out_p50_ms": fan_out["p50_ms"],
        "fan_out_p99_ms": fan_out["p99_ms"],
        "fan_out_cpu_ms": fan_out["cpu_ms_per_change"],
        "fan_out_loadgen_cpu_ms": (loadgen_after["cpu_s"] - loadgen["cpu_s"]) * 1000 / (changes + 1),
        "connect_s": cold["connect_s"],
        "connect_cpu_ms_per_proxy": cold["cpu_ms_per_proxy"],
        "peak_mb": after.peak,
        "idle_kb_per_stream": (after.rss - before.rss) * 1024 / count,
        "load": busy,
    }
