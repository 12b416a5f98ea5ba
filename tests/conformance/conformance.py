#!/usr/bin/env python3
"""Runs the Gateway API's conformance suite on Fairway in a lab of its own.

usage: conformance.py [--only TEST,...] [--report] [--features NAME,...]

--only: these tests alone, by names or patterns such as `HTTPRoute*Redirect*`. --report: keep the suite's report in
docs/conformance. --features: claim these instead of what the GatewayClass's status and options.yaml name. With LAB=name a
lab that runs is used and left as it is (`make lab-up`), with what a run before has set up.

The report, the whole log and that of each failed test are in build/conformance.
"""

import argparse
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests" / "lab"), str(ROOT / "tests" / "cluster"), str(ROOT / "tools" / "demo")]

# pylint: disable=wrong-import-position
from cluster import Cluster  # noqa: E402
from mesh import SYSTEM, Mesh  # noqa: E402
from peers import make  # noqa: E402
from processes import CACHE, Failed  # noqa: E402
from progress import Progress, reason  # noqa: E402

OUT = ROOT / "build" / "conformance"
KEPT = ROOT / "docs" / "conformance"
# The node has few cores and many pods: proxies ask for next to nothing, so that all are scheduled.
SETTINGS = ("injection.proxy.resources.requests.cpu=1m", "injection.proxy.resources.requests.memory=16Mi")
# For the test of addresses that a Gateway asks for: one of the lab's (components.LOAD_BALANCERS), one of nobody's.
USABLE, UNUSABLE = "10.77.1.200", "10.78.0.1"
# The base manifests are some twenty pods, with a proxy in each.
TIMEOUTS = "NamespacesMustBeReady:600"


def say(text):
    print(f"[conformance] {text}", flush=True)


def cached():
    """Where tools/setup puts what it makes of this folder; named in the same way there."""
    files = [HERE / "go.mod", HERE / "go.sum"]
    files += sorted(HERE.rglob("*.go"), key=lambda path: f"./{path.relative_to(HERE)}".encode())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
    folder = CACHE / f"conformance-{digest}"
    if not (folder / "complete").exists():
        raise Failed(f"no {folder}: run `tools/setup conformance` first")
    return folder


class Run:
    """One run of the suite on a lab; all it leaves is in the folder `out`. `only`, `features`: as on the command line."""

    def __init__(self, cluster, out, only="", features="", say=say):
        self.cluster, self.only, self.features, self.say, self.cache = cluster, only, features, say, cached()
        self.out = pathlib.Path(out)
        self.report = self.out / "report.yaml"
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir(parents=True)

    def prepare(self):
        """Images, CRDs, Fairway."""
        names = subprocess.run([self.cache / "suite", "-images"], capture_output=True, text=True, check=True).stdout.split()
        for archive in make(self.cache, names, self.out / "images"):
            self.cluster.load_image(archive)
        self.say("the Gateway API's CRDs, Fairway")
        self.cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", self.cache / "crds")
        self.cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        Mesh(self.cluster).install(*SETTINGS)

    def argv(self):
        chart = yaml.safe_load((ROOT / "charts" / "fairway" / "Chart.yaml").read_text(encoding="utf-8"))
        argv = [self.cache / "suite", "-test.v", "-test.timeout=3h", f"-conformance-options-file={HERE / 'options.yaml'}"]
        argv += [f"-version={chart['appVersion']}", f"-timeout-config-overrides={TIMEOUTS}"]
        argv += [f"-usable-address={USABLE}", f"-unusable-address={UNUSABLE}"]
        if os.environ.get("LAB"):
            argv.append("-cleanup-base-resources=false")  # the next run is there at once
        if self.features:
            argv.append(f"-supported-features={self.features}")
        argv.append(f"-only={self.only}" if self.only else f"-report-output={self.report}")
        return argv

    def run(self):
        """Runs the suite to its end; the tests' results."""
        progress, output = Progress(self.say, self.keep), self.out / "output.log"
        with open(output, "w", encoding="utf-8") as log:
            with subprocess.Popen(
                [*self.cluster.space.prefix(), *map(str, self.argv())],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=self.cluster.environment(),
            ) as suite:  # fmt: skip
                try:
                    for line in suite.stdout:
                        log.write(line)
                        progress.feed(line)
                finally:
                    suite.terminate()
        if suite.returncode and not progress.failed:
            why = "\n".join(reason(progress.rest))
            raise Failed(f"{'the suite did not end well' if progress.passed else 'no test ran'} (all of it is in {output}):\n{why}")
        return progress

    def keep(self, test, lines):
        (self.out / f"{test}.log").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def keep_logs(self):
        """What the control plane said."""
        for pod in self.cluster.pods("app=istiod", SYSTEM):
            (self.out / f"{pod}.log").write_text(self.cluster.logs(pod, namespace=SYSTEM), encoding="utf-8")


def counted(profile, level):
    """ "12 passed" of a profile's core or extended tests, and what did not pass; empty if there are none."""
    counts = profile.get(level, {}).get("statistics", {})
    parts = [f"{counts[name]} {name.lower()}" for name in ("Passed", "Failed", "Skipped") if counts.get(name)]
    return ", ".join(parts)


def summary(report):
    """A line a profile."""
    for profile in report["profiles"]:
        levels = [f"{level} {text}" for level in ("core", "extended") if (text := counted(profile, level))]
        yield f"{profile['name']}: {'; '.join(levels)}"


def page(report):
    """The report as a page to read."""
    rows, missing = [], set()
    for profile in report["profiles"]:
        rows.append(f"| {profile['name']} | {counted(profile, 'core')} | {counted(profile, 'extended') or '-'} |")
        missing |= set(profile.get("extended", {}).get("unsupportedFeatures", []))
    of = f"{report['gatewayAPIVersion']}, {report['gatewayAPIChannel']} channel"
    return f"""# Conformance of the Gateway API

What the Gateway API's conformance suite ({of}) says of Fairway {report["implementation"]["version"]}:

| profile | core tests | extended tests |
| --- | --- | --- |
{chr(10).join(rows)}

Extended features that are not claimed: {", ".join(sorted(missing)) or "none"}.

Every feature that Istio 1.28 claims in its own report is claimed here.

[report.yaml](report.yaml) is the suite's own report, with all features. `make conformance REPORT=1` writes both anew: see
[how it is run](../development/conformance.md).
"""


def main():
    parser = argparse.ArgumentParser(usage=__doc__.partition("usage:")[2].partition("\n")[0].strip())
    parser.add_argument("--only", default="")
    parser.add_argument("--features", default="")
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    if options.report and options.only:
        parser.error("--report is of all tests: it cannot be with --only")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what runs, as Ctrl-C does
    name, begin = os.environ.get("LAB"), time.monotonic()
    cluster = Cluster(name or "conformance", say=say)
    if not name:
        cluster.start(owner=os.getpid())
    try:
        run = Run(cluster, OUT, options.only, options.features)
        run.prepare()
        progress = run.run()
        run.keep_logs()
    finally:
        if not name:
            cluster.stop()
    say(f"{len(progress.passed)} passed, {len(progress.failed)} failed in {time.monotonic() - begin:.0f} s; logs are in {OUT}")
    if run.report.exists():
        report = yaml.safe_load(run.report.read_text(encoding="utf-8"))
        for line in summary(report):
            say(line)
        if options.report:
            KEPT.mkdir(exist_ok=True)
            shutil.copyfile(run.report, KEPT / "report.yaml")
            (KEPT / "README.md").write_text(page(report), encoding="utf-8")
    if progress.failed:
        raise Failed("failed: " + ", ".join(progress.failed))


if __name__ == "__main__":
    try:
        main()
    except (Failed, OSError, subprocess.SubprocessError) as problem:
        print(f"conformance: {problem}", file=sys.stderr)
        sys.exit(1)
