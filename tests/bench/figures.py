"""Figures of the benches: of which commit, percentiles; and of the serving core's: what is wanted, medians of several runs,
the table."""

import math
import pathlib
import statistics
import subprocess

# Tests of tests/e2e/test_outages.py.
FAULTS = (
    *("stalled_watch", "broken_watches", "stopped_api_server", "endpoints_equal_those_of_the_api_server"),
    *("proxy_that_never_answers", "proxy_that_refuses_everything", "slow_reader_and_a_resource_of_a_million_bytes"),
    *("stopped_control_plane", "killed_control_plane"),
)
# At most. Keys: part, number of proxies (or "" where it does not matter), figure.
WANTED = {
    **{("a", p, "ratio_p50"): 1.3 for p in (500, 1000, 2000)},
    **{("a", p, "ratio_p99"): 1.5 for p in (500, 1000, 2000)},
    ("b", 500, "p99_to_a"): 2.0,
    **{("c", p, f"virtual_service{what}_to_a"): 1.5 for p in (500, 1000, 2000) for what in ("", "_cpu", "_bytes")},
    **{("c", p, "service_added_to_a"): 4.0 for p in (500, 1000, 2000)},
    ("d", "", "first_proxy_s"): 0.5,
    ("d", "", "first_proxy_big_s"): 4.0,
    ("e", 500, "connect_s"): 4.0,
    ("e", 2000, "connect_s"): 18.0,
    **{("e", p, "cpu_ms_per_proxy"): 6.0 for p in (500, 1000, 2000)},
    **{("e", p, "mb_per_proxy"): 2.0 for p in (500, 1000, 2000)},
    **{("e", p, "restart_bytes_per_proxy"): 1000 for p in (500, 1000, 2000)},
    **{("e", p, "restart_cpu_ms_per_proxy"): 8 for p in (500, 1000, 2000)},
    ("e", 2000, "restart_peak_mb"): 450,
    ("f", 500, "peak_mb"): 150,
    ("f", 1000, "peak_mb"): 200,
    ("f", 2000, "peak_mb"): 300,
    ("f", "", "kb_per_proxy"): 70,
    ("g", 2000, "cpu_ms_per_change"): 150,
    ("i", "cluster", "ns_per_item"): 1000,
    ("i", "endpoint", "ns_per_item"): 60,
    ("i", "virtual_host", "ns_per_item"): 2000,
    ("i", "inbound_listener", "ns_per_item"): 30_000,
    **{("faults", "", name): 5 for name in FAULTS},
}


def commit():
    argv = ["git", "-C", pathlib.Path(__file__).parent, "rev-parse", "--short", "HEAD"]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def spread(values, digits=2):
    """A figure: the median of several runs, with the least and the most."""
    return {"median": round(statistics.median(values), digits), "of": [round(min(values), digits), round(max(values), digits)]}


def median(figure):
    return figure["median"] if isinstance(figure, dict) else figure


def exponent(points):
    """Of y = c * x^e, by least squares of the logarithms."""
    logs = [(math.log(x), math.log(max(y, 1e-9))) for x, y in points]
    mean_x, mean_y = (statistics.fmean(axis) for axis in zip(*logs))
    return round(sum((x - mean_x) * (y - mean_y) for x, y in logs) / sum((x - mean_x) ** 2 for x, _ in logs), 2)


def text_of(figure):
    if isinstance(figure, dict) and "median" in figure:
        return f"{figure['median']} ({figure['of'][0]}-{figure['of'][1]})"
    return str(figure)


def rows(values, prefix=""):
    for name, value in values.items():
        if isinstance(value, dict) and "median" not in value:
            yield from rows(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def table(figures):
    for part in sorted(figures):
        for count, values in figures[part].items():
            print(f"{part}{f', {count} proxies' if count.isdigit() else f' {count}'}")
            for name, value in rows(values):
                key = (part, int(count) if count.isdigit() else count, name)
                verdict = ""
                if key in WANTED:
                    verdict = f"wanted at most {WANTED[key]:<7} {'as wanted' if median(value) <= WANTED[key] else 'MISSED'}"
                print(f"  {name:44} {text_of(value):>24}   {verdict}".rstrip())


def wanted():
    return {f"{part}{f'.{count}' if count else ''}.{name}": value for (part, count, name), value in WANTED.items()}
