"""What one test runs: processes that are told of, watched, and ended in the reverse order."""

import json
import pathlib
import threading
import time

import story
import workloads as onap
from processes import Agent, Apps, ControlPlane, Failed, accepts, stop_all, wait_for, write_atomically

from harness import ROOT
from harness.apiserver import ApiServer
from harness.network import POD_PREFIX

CRDS = ROOT / "crds"
MESH = ("istio-ingressgateway", "msb-iag", "multicloud-vio", "vfc-nslcm")  # what the story needs


class Lab:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.processes = []
        self.config = self.directory / "config"
        self.workloads, self.services = onap.load(POD_PREFIX)
        self.world = story.World(self.workloads, self.services)
        self.control_plane = self.api = None
        self.agents = {}

    def add(self, process):
        """Starts a process; the lab ends it."""
        self.processes.append(process)
        process.start()
        print(f"  started {process.name} (process {process.pid}, log {process.log})", flush=True)
        return process

    def close(self):
        stop_all(self.processes)
        print(f"  ended {len(self.processes)} processes", flush=True)

    def logs(self, lines=25):
        return "\n".join(f"--- {p.name}: {p.log}\n{p.tail(lines)}" for p in self.processes)

    # --- sources -----------------------------------------------------------------------------------

    def folder_control_plane(self, base=True, **options):
        """`fairway serve --config` over a folder of its own."""
        self.config.mkdir(exist_ok=True)
        if base:
            onap.write_base(self.config, POD_PREFIX)
        self.control_plane = ControlPlane(self.directory / "control-plane", ["--config", self.config], **options)
        return self.add(self.control_plane)

    def write(self, name, text):
        return write_atomically(self.config / name, text)

    def api_server(self, without_crds=(), rules=None, **options):
        """etcd and the API server, with our CRDs and the control plane's rights. `options`: see ApiServer."""
        self.api = self.add(ApiServer(self.directory / "kubernetes", **options))
        self.api.install_crds(CRDS, without_crds)
        self.api.allow_reader(rules)
        return self.api

    def apply_base(self):
        """The example's base objects, with the pods' status as kubelets would write it."""
        texts = onap.manifests("base", POD_PREFIX)
        self.api.apply(texts.pop("namespaces.yaml"))
        self.api.apply("\n---\n".join(texts.values()))
        for pod in (o for o in onap.objects(POD_PREFIX) if o["kind"] == "Pod"):
            self.api.set_pod_status(pod)

    def kubernetes_control_plane(self, wait_ready=True, **options):
        source = ["--kubeconfig", str(self.api.reader)]
        self.control_plane = ControlPlane(self.directory / "control-plane", source, **options)
        self.processes.append(self.control_plane)
        self.control_plane.start(wait_ready)
        print(f"  started {self.control_plane.name} (process {self.control_plane.pid})", flush=True)
        return self.control_plane

    # --- the mesh ------------------------------------------------------------------------------------

    def replica(self, name, wait_ready=True, extra=()):
        """One more replica of the control plane, by the name of its pod."""
        source = ["--kubeconfig", str(self.api.reader), "--pod-name", name, "--pod-namespace", "istio-system"]
        plane = ControlPlane(self.directory / name, source, name=f"replica {name}", insecure=True, extra=extra)
        self.processes.append(plane)
        plane.start(wait_ready)
        print(f"  started {plane.name} (process {plane.pid})", flush=True)
        return plane

    def token_of(self, workload):
        if self.api:
            file = self.directory / "tokens" / workload.namespace / workload.account
            return self.api.token(workload.namespace, workload.account, file)
        file = self.control_plane.token_file(workload.namespace, workload.account)
        wait_for(file.exists, 30, f"the token {file}")
        return file

    def start_mesh(self, names=MESH, extra=()):
        """Applications, and agents (with these further flags) with Envoys for some workloads; returns when all are connected
        and listen."""
        self.add(Apps(self.directory / "apps", onap.apps(self.workloads, self.services)))
        for name in names:
            workload = self.workloads[name]
            self.agents[name] = self.add(
                Agent(
                    self.directory / "agents" / name,
                    workload,
                    self.control_plane.xds,
                    self.control_plane.root_file,
                    self.token_of(workload),
                    extra,
                )
            )
        self.wait_connected()
        sidecars = [self.workloads[n] for n in names if not self.workloads[n].gateway]
        for workload in sidecars:
            address = f"{workload.ip}:{onap.http_port(self.services[workload.service])}"
            wait_for(lambda a=address: accepts(a), 60, f"the proxy of {workload.id} to listen at {address}")

    def wait_connected(self, seconds=60):
        wanted = {agent.workload.id for agent in self.agents.values()}

        def connected():
            for agent in self.agents.values():
                agent.check()
            return wanted <= self.control_plane.connected()

        def what():
            return f"proxies to be connected: {', '.join(sorted(wanted - self.control_plane.connected()))}"

        wait_for(connected, seconds, what, pause=0.05)

    def wait_probe(self, probe, seconds=60):
        """Until a probe of the story holds, STABLE times in a row."""
        [outcome] = story.observe(self.world, [probe], time.monotonic, seconds)
        story.require([outcome])

    def play(self, change, steps=story.STEPS):
        """Plays the story; `change(step)` makes a step's change."""
        for step in steps:
            outcomes = story.observe(self.world, step.probes, lambda s=step: self._timed(change, s), seconds=60)
            for outcome in outcomes:
                took = "as before" if outcome.milliseconds is None else f"{outcome.milliseconds:.0f} ms"
                print(f"  step {step.number} {outcome.probe.name}: {outcome.seen} ({took})", flush=True)
            story.require(outcomes)

    @staticmethod
    def _timed(change, step):
        before = time.monotonic()
        change(step)
        return before


class Traffic(threading.Thread):
    """A client that sends one probe after the other, without a pause in its watch: every answer that is not the
    expected one is kept in `failures`."""

    def __init__(self, world, probe):
        super().__init__(daemon=True)
        self.world, self.probe = world, probe
        self.sent, self.failures = 0, []
        self._end = threading.Event()

    def run(self):
        while not self._end.wait(0.005):
            answer = self.probe.send(self.world)
            self.sent += 1
            if not self.probe.holds(answer):
                self.failures.append(f"request {self.sent}: {answer}")

    def __enter__(self):
        self.start()
        return self

    def wait_more(self, count, seconds=60):
        """Until `count` more requests were sent."""
        goal = self.sent + count
        wait_for(lambda: self.sent >= goal, seconds, lambda: f"{goal} requests ({self.sent} sent)")

    def __exit__(self, *_):
        self._end.set()
        self.join(30)

    def require_none_lost(self):
        if self.failures:
            raise Failed(f"{len(self.failures)} of {self.sent} requests failed: " + "; ".join(self.failures[:5]))


def dump(value):
    return json.dumps(value, indent=2, sort_keys=True)
