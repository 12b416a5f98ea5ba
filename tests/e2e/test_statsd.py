"""Envoy's statistics at a statsd server: a UDP peer that reads what a real Envoy sends, in both forms, with the names of docs/observability.md."""

import collections
import re
import socket
import threading

import pytest
import story
from harness import ROOT
from processes import Agent, request, wait_for

LINE = re.compile(r"(?P<name>[^:]+):(?P<value>-?\d+(\.\d+)?)\|(?P<kind>c|g|ms|h)(\|#(?P<tags>.*))?")
CLIENT = "vfc-nslcm"


class Statsd(threading.Thread):
    """A server that adds counters up and keeps the last value of gauges. What is no statsd line is a fault."""

    def __init__(self, ip):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ip, 0))
        self.address = f"{ip}:{self.socket.getsockname()[1]}"
        self.counters, self.gauges, self.timers = collections.Counter(), {}, collections.Counter()
        self.tags, self.longest, self.bad = {}, 0, []

    def run(self):
        while True:
            data = self.socket.recv(65536)
            self.longest = max(self.longest, len(data))
            for line in data.decode().splitlines():
                if not (found := LINE.fullmatch(line)):
                    if ".istio." not in line:  # the mesh's own, whose names have what statsd's cannot: docs/observability.md
                        self.bad.append(line)
                    continue
                name, value = found["name"], float(found["value"])
                self.tags.setdefault(name, set()).update((found["tags"] or "").split(",") if found["tags"] else ())
                if found["kind"] == "c":
                    self.counters[name] += value
                elif found["kind"] == "g":
                    self.gauges[name] = value
                else:
                    self.timers[name] += 1


@pytest.fixture(name="peer")
def statsd():
    server = Statsd("127.0.0.1")
    server.start()
    return server


def start(lab, address, name=CLIENT, **env):
    """A control plane, ONAP's mesh, and the agent of one workload that sends its statistics there."""
    plane = lab.folder_control_plane()
    lab.start_mesh(("multicloud-vio",))
    workload = lab.workloads[name]
    agent = Agent(lab.directory / "agents" / name, workload, plane.xds, plane.root_file, lab.token_of(workload))
    agent.env = {"FAIRWAY_STATSD_ADDRESS": address, "FAIRWAY_STATS_PREFIXES": "cluster.outbound,http.", **env}
    lab.agents[name] = lab.add(agent)
    lab.wait_connected()
    lab.wait_probe(story.MESH_200)
    return agent


def requests(lab, count):
    for _ in range(count):
        answer = lab.world.ask("mesh", story.SWAGGER)
        assert answer.status == 200, str(answer)


def metrics(agent):
    address = (agent.directory / "agent-address").read_text(encoding="ascii").strip()
    return request(address, "/stats/prometheus").body


def test_names_of_statsd(lab, peer):
    """The tags are parts of the names; the counters are those of Envoy's own page."""
    agent = start(lab, peer.address)
    requests(lab, 20)
    name = f"envoy.cluster.outbound|{lab.world.vio_host.split(':')[1]}||multicloud-vio.onap.svc.cluster.local.upstream_rq_200"
    wait_for(
        lambda: peer.counters[name] >= 20, 30, lambda: f"{name}: {sorted(n for n in peer.counters if 'vio' in n)[:20]}"
    )
    wait_for(lambda: peer.gauges.get("envoy.server.live") == 1, 30, lambda: f"the gauge: {sorted(peer.gauges)[:30]}")
    timer = ("envoy.http.", ".downstream_rq_time")
    wait_for(lambda: any(name.startswith(timer[0]) and name.endswith(timer[1]) for name in peer.timers), 30,
             lambda: f"the timer: {sorted(peer.timers)[:30]}")
    assert not peer.bad, peer.bad[:5]
    assert not any(peer.tags.values())
    assert "fairway_agent_statsd_found 1\n" in metrics(agent)


def test_tags_of_dogstatsd(lab, peer):
    """Tags beside the names, many lines a datagram, and a prefix of one's own."""
    start(lab, peer.address, FAIRWAY_STATSD_FORMAT="dogstatsd", FAIRWAY_STATSD_PREFIX="mesh.eu")
    requests(lab, 20)
    name = "mesh.eu.cluster.upstream_rq"
    wait_for(lambda: peer.counters[name] >= 20, 30, lambda: f"{name}: {sorted(peer.counters)[:30]}")
    assert any("multicloud-vio.onap.svc.cluster.local" in tag for tag in peer.tags[name]), peer.tags[name]
    assert not peer.bad, peer.bad[:5]
    assert 200 < peer.longest <= 1400


def test_a_server_that_nobody_knows(lab):
    """The proxy works, says so in its log, and a metric counts; whoever is away at a known address is missed by nobody."""
    agent = start(lab, "statsd.invalid:8125")
    requests(lab, 5)
    assert "statsd.invalid" in agent.log.read_text(encoding="utf-8")
    assert "fairway_agent_statsd_found 0\n" in metrics(agent)
