"""The ONAP story on real Envoys and without a cluster (`make demo`).

Starts `fairway serve --config` on a copy of examples/onap/base, an ingress gateway and sidecars (each an Envoy under
`fairway agent`) and small applications, all on loopback addresses. Then it plays the steps of examples/onap/steps by
writing them into the served folder, and measures until requests see the effect.

Exit code: 0 if every step had the effect it must have, 1 if not, 2 if the demo could not be run.

usage: demo.py [--once]     (--once: end after the steps; else everything stays up until Ctrl-C)
"""

import argparse
import json
import pathlib
import shutil
import signal
import socket
import sys
import tempfile
import time

import story
import workloads as onap
from printing import Table, colour, say
from processes import Agent, Apps, ControlPlane, Failed, ServiceGraph, accepts, request, stop_all, wait_for, write_atomically

METRICS_PORT = 15020  # of each pod's agent, where the service graph asks for latencies
TOGGLES = 20  # changes made for the median, of each of two kinds


def reserve_prefix():
    """The addresses of the example, or others like them if another demo has those: the prefix, and a socket that
    holds it for as long as it is open."""
    for prefix in (onap.PREFIX, *(f"127.{n}." for n in range(31, 64))):
        holder = socket.socket()
        try:
            holder.bind((prefix + "0.1", 80))  # the address of no pod
            return prefix, holder
        except PermissionError:
            raise Failed(
                "the example's services listen on port 80, which only root may bind here: run as root, or "
                "`sysctl net.ipv4.ip_unprivileged_port_start=80`"
            ) from None
        except OSError:
            holder.close()
    raise Failed("all addresses for demos (127.30.0.1:80 to 127.63.0.1:80) are taken")


class Demo:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.config = self.directory / "config"
        self.prefix, self.holder = reserve_prefix()
        self.workloads, self.services = onap.load(self.prefix)
        self.world = story.World(self.workloads, self.services)
        self.control_plane = ControlPlane(self.directory / "control-plane", ["--config", str(self.config)])
        self.apps = Apps(self.directory / "apps", onap.apps(self.workloads, self.services))
        self.agents = []
        self.graph = None

    @property
    def processes(self):
        return [self.control_plane, self.apps, *self.agents, *([self.graph] if self.graph else [])]

    def start(self):
        onap.write_base(self.config, self.prefix)
        say(f"[demo] starting the applications of {len(self.apps.apps)} pods")
        self.apps.start()
        say("[demo] starting the control plane")
        self.control_plane.start()
        proxied = [w for w in self.workloads.values() if w.proxied]
        say(f"[demo] starting {len(proxied)} proxies: {', '.join(w.service for w in proxied)}")
        for workload in proxied:
            token = self.control_plane.token_file(workload.namespace, workload.account)
            wait_for(token.exists, 20, f"the token {token}")
            agent = Agent(
                self.directory / "agents" / workload.service,
                workload,
                self.control_plane.xds,
                self.control_plane.root_file,
                token,
                agent_address=f"{workload.ip}:{METRICS_PORT}",
            )
            self.agents.append(agent)
            agent.start()
        wait_for(self.proxies_are_up, 60, self.missing)
        self.graph = ServiceGraph(self.directory, ["--control-plane", self.control_plane.admin])
        self.graph.start()
        say(f"[demo] the service graph is at http://{self.graph.address}/")

    def missing(self):
        names = {agent.workload.id for agent in self.agents} - self.control_plane.connected()
        return f"all proxies to be connected and to listen; not connected: {', '.join(sorted(names)) or 'none'}"

    def proxies_are_up(self):
        for process in self.processes:
            process.check()
        if not {agent.workload.id for agent in self.agents} <= self.control_plane.connected():
            return False
        sidecars = [agent.workload for agent in self.agents if not agent.workload.gateway]
        return all(accepts(f"{w.ip}:{onap.http_port(self.services[w.service])}") for w in sidecars)

    def write(self, name, text):
        return write_atomically(self.config / name, text)

    def play(self):
        """The steps. Returns all outcomes."""
        say()
        table = Table()
        outcomes = []
        for step in story.STEPS:
            table.title(step.number, f"{step.title} (examples/onap/steps/{step.file})")
            text = onap.step_text(step.file)
            seen = story.observe(self.world, step.probes, lambda s=step, t=text: self.write(s.target, t))
            for outcome in seen:
                table.row(outcome)
            outcomes += seen
        say()
        return outcomes

    def toggle(self, name, variants, probes):
        """Replaces a file by one variant and the other; each variant has its own probe."""
        outcomes = []
        for i in range(TOGGLES):
            change = lambda i=i: self.write(name, variants[i % 2])
            outcomes += story.observe(self.world, [probes[i % 2]], change)
        return outcomes

    def measure(self):
        role = onap.step_text("4-msb-role.yaml")
        nobody = role.replace("/sa/msb", "/sa/nobody")
        route = onap.step_text("1-gateway.yaml")
        moved = route.replace("{prefix: /api/}", "{prefix: /interfaces/}")
        gone = story.Probe("browser: a path without a route", "gateway", story.SWAGGER, "404", 404)
        policies = self.toggle("msb-role.yaml", (nobody, role), (story.SWAGGER_403_SECOND, story.SWAGGER_200))
        routes = self.toggle("gateway.yaml", (moved, route), (gone, story.SWAGGER_200))
        return policies, routes

    def tell_calls(self):
        """What the service graph has of the story."""

        def calls():
            picture = json.loads(request(self.graph.address, "/api/graph?window=5m", timeout=30).body)
            names = [node["name"] for node in picture["nodes"]]
            return sorted({f"{names[e['source']]} -> {names[e['target']]}" for e in picture["edges"] if e["requests"] > 0})

        # Proxies report every 10 seconds, the first time only then.
        found = wait_for(calls, 40, "the service graph to have calls", pause=0.5)
        say(f"service graph: {', '.join(found)}")

    def stop(self):
        stop_all(self.processes)

    def stay(self):
        ip = self.world.gateway
        say("Everything stays up until Ctrl-C. To try:")
        say(f"  portal        curl http://{ip}/msb")
        say(f"  API           curl http://{ip}{story.SWAGGER}")
        say(f"  mesh client   curl -H 'Host: {self.world.vio_host}' http://{self.world.client}{story.SWAGGER}")
        say(f"  plaintext     curl http://{self.world.vio}{story.SWAGGER}")
        say(f"  service graph http://{self.graph.address}/   who calls whom, within 10 seconds")
        say(f"  manifests     {self.config}   (edit, save, and ask again)")
        say(f"  what proxies  http://{self.control_plane.admin}/debug/   have been sent")
        say(f"  logs          {self.directory}")
        while True:
            for process in self.processes:
                process.check()
            for way, path in (("gateway", "/msb"), ("gateway", story.SWAGGER), ("mesh", story.SWAGGER)):
                self.world.ask(way, path)  # so that there is something to see in the graph
            time.sleep(0.5)


def verdict(outcomes, policies, routes):
    everything = outcomes + policies + routes
    bad = [o for o in everything if not o.held]
    for name, part in (("steps", outcomes), (f"{TOGGLES} changes of a role", policies), (f"{TOGGLES} changes of a route", routes)):
        middle = story.median(part)
        if middle is not None:
            say(f"median over the {name}: {middle:.1f} ms from writing the file to seeing the effect")
    if bad:
        say(colour("31", f"{len(bad)} of {len(everything)} checks did not hold"))
        for outcome in bad[:5]:
            say(f"  {outcome.probe.name}: expected {outcome.probe.expected}, seen {outcome.seen}")
    else:
        say(colour("32", f"all {len(everything)} checks held"))
    say()
    return 1 if bad else 0


def end_by_signal(number, frame):  # pylint: disable=unused-argument
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description="The ONAP story on real Envoys, without a cluster.")
    parser.add_argument("--once", action="store_true", help="end after the steps, leave nothing behind")
    once = parser.parse_args().once
    signal.signal(signal.SIGTERM, end_by_signal)
    directory = tempfile.mkdtemp(prefix="fairway-demo-")
    demo, status = None, 2
    try:
        demo = Demo(directory)
        demo.start()
        outcomes = demo.play()
        policies, routes = demo.measure()
        status = verdict(outcomes, policies, routes)
        demo.tell_calls()
        if not once:
            demo.stay()
    except Failed as failure:
        say(colour("31", f"[demo] {failure}"))
        status = 2
    except KeyboardInterrupt:
        say("\n[demo] stopping")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if demo:
            demo.stop()
        shutil.rmtree(directory, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
