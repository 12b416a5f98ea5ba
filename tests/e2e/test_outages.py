"""Peers that stall, break, read slowly, never answer or refuse everything: they cost nobody else anything, and once they
are well again all is as it has to be. Each heals in a time that is printed, and kept for `make bench PARTS=faults`."""

import json
import os
import pathlib
import random
import signal
import threading
import time

import pytest

from harness.apiserver import HOST
from harness.network import POD_PREFIX
from harness.rules import OCATA, VIO, timeout_rule
from harness.wire import Wire
from harness.xds import DeltaClient, addresses
from processes import wait_for

BIG = "outbound|80||big.onap.svc.cluster.local"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/onap/endpointslices"


def endpoint_slice(name, service, ips, port=80):
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": "onap", "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [ip], "conditions": {"ready": True}} for ip in ips],
    }


def service(name):
    spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80}], "clusterIP": "10.96.77.7"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "onap"}, "spec": spec}


@pytest.fixture(name="healed")
def _healed(request):
    """healed(condition, what): waits for a condition and notes how long that took."""

    def wait(condition, what):
        begun = time.monotonic()
        wait_for(condition, 90, what)
        took = round(time.monotonic() - begun, 2)
        print(f"  healed after {took} s: {what}")
        if file := os.environ.get("FAIRWAY_FIGURES"):
            path = pathlib.Path(file)
            known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            known[request.node.name.removeprefix("test_")] = took
            path.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")

    return wait


def has_timeout(client, cluster, seconds):
    def held():
        found = client.get("cluster", cluster)
        return found is not None and found.connect_timeout.seconds == seconds

    return held


def client(lab, name, kind=DeltaClient, **options):
    return kind(lab.control_plane.insecure, lab.workloads[name], **options).subscribe_all()


def proxy_page(lab, name):
    return [p for p in lab.control_plane.debug("proxies") if p["id"] == lab.workloads[name].id]


# --- between the control plane and the API server ---------------------------------------------------------


def over_a_wire(lab):
    """A control plane that reaches the API server over a wire of ours, and a client."""
    lab.api_server()
    lab.apply_base()
    wire = Wire(HOST, (HOST, lab.api.port))
    config = json.loads(lab.api.reader.read_text(encoding="utf-8"))
    config["clusters"][0]["cluster"]["server"] = f"https://{HOST}:{wire.port}"
    lab.api.reader.write_text(json.dumps(config), encoding="utf-8")
    lab.kubernetes_control_plane(insecure=True)
    return wire, client(lab, "msb-iag")


def test_stalled_watch(lab, healed):
    wire, proxy = over_a_wire(lab)
    try:
        proxy.wait_for("cluster", OCATA)
        wire.stall()
        lab.api.apply(timeout_rule("ocata", 7))
        lab.api.kubectl("delete", "endpointslices", "-n", "onap", "--all")
        time.sleep(2)
        assert lab.control_plane.ready()
        assert not has_timeout(proxy, OCATA, 7)()
        assert addresses(proxy.get("endpoint", VIO)), "endpoints went while the API server did not say so"
        wire.heal()
        healed(has_timeout(proxy, OCATA, 7), "a change from meanwhile at the proxy")
        healed(lambda: not addresses(proxy.get("endpoint", VIO)), "the removed endpoints to be gone")
    finally:
        proxy.close()
        wire.close()


def test_broken_watches(lab, healed):
    wire, proxy = over_a_wire(lab)
    try:
        proxy.wait_for("cluster", OCATA)
        cut = 0
        for seconds in range(3, 9):
            lab.api.apply(timeout_rule("ocata", seconds))
            cut += wire.cut()
            time.sleep(0.3)
        assert cut > 20, f"only {cut} connections were there to cut"
        healed(has_timeout(proxy, OCATA, 8), "the last change at the proxy")
        assert addresses(proxy.get("endpoint", VIO))
        assert not [r for r in proxy.responses if r[0] == "endpoint" and r[2]], "endpoints were taken away meanwhile"
    finally:
        proxy.close()
        wire.close()


def test_stopped_api_server(lab, healed):
    """SIGSTOP: it accepts connections and never answers."""
    lab.api_server()
    lab.apply_base()
    lab.kubernetes_control_plane(insecure=True)
    proxy = client(lab, "msb-iag")
    try:
        proxy.wait_for("cluster", OCATA)
        lab.api.signal(signal.SIGSTOP)
        time.sleep(3)
        late = client(lab, "msb-eag")
        late.wait_for("endpoint", VIO, addresses)
        late.close()
        lab.api.signal(signal.SIGCONT)
        lab.api.apply(timeout_rule("ocata", 7))
        healed(has_timeout(proxy, OCATA, 7), "a change at the proxy")
    finally:
        lab.api.signal(signal.SIGCONT)
        proxy.close()


def test_endpoints_equal_those_of_the_api_server(lab, healed):
    """istio#54997, istio#52110: a dead endpoint was served for a day, and one was lost. Random changes while watches
    break; at rest the proxy has what the API server has."""
    wire, proxy = over_a_wire(lab)
    rng = random.Random(os.environ.get("FAIRWAY_SEED", "7"))
    try:
        lab.api.do("POST", "/api/v1/namespaces/onap/services", service("big"))
        wanted = {}
        for round_ in range(60):
            name = f"big-{rng.randrange(6)}"
            ips = [f"{POD_PREFIX}{rng.randrange(20, 60)}.{rng.randrange(1, 250)}" for _ in range(rng.randrange(1, 6))]
            if name not in wanted:
                lab.api.do("POST", SLICES, endpoint_slice(name, "big", ips))
                wanted[name] = ips
            elif rng.random() < 0.4:
                lab.api.do("DELETE", f"{SLICES}/{name}")
                del wanted[name]
            else:
                lab.api.do("PUT", f"{SLICES}/{name}", endpoint_slice(name, "big", ips))
                wanted[name] = ips
            if round_ % 7 == 3:
                wire.cut()
            if round_ % 13 == 5:
                wire.stall()
            if round_ % 13 == 9:
                wire.heal()
        wire.heal()
        expected = {f"{ip}:80" for ips in wanted.values() for ip in ips}
        proxy.wait_for("endpoint", BIG)
        healed(lambda: addresses(proxy.get("endpoint", BIG)) == expected, "the endpoints of the API server")
    finally:
        proxy.close()
        wire.close()


# --- between proxies and the control plane ----------------------------------------------------------------


class Silent(DeltaClient):
    """Asks, and never answers a response."""

    def _send(self, **fields):
        if "response_nonce" not in fields:
            super()._send(**fields)


class Slow(DeltaClient):
    """Reads nothing while it is told to wait."""

    def __init__(self, *arguments, **options):
        self.reads = threading.Event()
        self.reads.set()
        super().__init__(*arguments, **options)

    def _receive(self, response):
        self.reads.wait()
        super()._receive(response)


def many_endpoints(lab, count, first=1):
    """A service with that many endpoints, in slices of a thousand."""
    lab.write("big.yaml", json.dumps(service("big")))
    for part in range(0, count, 1000):
        ips = [f"172.{16 + i // 62500}.{i // 250 % 250}.{first + i % 250}" for i in range(part, min(count, part + 1000))]
        lab.write(f"big-{part}.yaml", json.dumps(endpoint_slice(f"big-{part}", "big", ips)))


def test_proxy_that_never_answers(lab, healed):
    plane = lab.folder_control_plane(insecure=True)
    silent, other = client(lab, "msb-eag", Silent), client(lab, "msb-iag")
    try:
        other.wait_for("cluster", OCATA)
        wait_for(lambda: silent.names("cluster"), 30, "the first response")
        for seconds in range(3, 9):
            lab.write("ocata.yaml", timeout_rule("ocata", seconds))
            other.wait_for("cluster", OCATA, lambda c, s=seconds: c.connect_timeout.seconds == s)
        [page] = proxy_page(lab, "msb-eag")
        assert page["types"]["CDS"]["sent"] == 1, "more was sent without an answer to the first"
        assert not page["settled"]

        def state():
            return [(o["live"], o["proxies"]) for o in plane.debug("objects") if o["name"] == "ocata"]

        wait_for(lambda: state() == [(1, 2)], 30, lambda: f"live on 1 of 2: {state()}")
        silent.close()
        silent = client(lab, "msb-eag")
        healed(has_timeout(silent, OCATA, 8), "the last change at the proxy that came back")
    finally:
        silent.close()
        other.close()


def test_proxy_that_refuses_everything(lab, healed):
    plane = lab.folder_control_plane(insecure=True)
    lab.write("ocata.yaml", timeout_rule("ocata", 3))
    good = client(lab, "msb-iag")
    good.wait_for("cluster", OCATA, lambda c: c.connect_timeout.seconds == 3)
    refuses = threading.Event()
    refuses.set()
    bad = client(lab, "msb-eag", refuse=lambda *_: "no" if refuses.is_set() else None)
    try:

        def nacks():
            return sum(t["nacks"] for p in proxy_page(lab, "msb-eag") for t in p["types"].values())

        wait_for(lambda: nacks() > 5, 30, "refusals")
        wait_for(lambda: bad.count() == (time.sleep(1.5), bad.count())[1], 60, "the control plane to give it a rest")
        lab.write("vio.yaml", timeout_rule("vio", 4))
        good.wait_for("cluster", VIO, lambda c: c.connect_timeout.seconds == 4)
        assert good.get("cluster", OCATA).connect_timeout.seconds == 3, "an object that others accept was withdrawn"
        assert all("quarantine" not in o for o in plane.debug("objects"))
        refuses.clear()
        lab.write("ocata.yaml", timeout_rule("ocata", 5))
        healed(has_timeout(bad, OCATA, 5), "a change at the proxy that accepts again")
    finally:
        bad.close()
        good.close()


def test_slow_reader_and_a_resource_of_a_million_bytes(lab, healed):
    lab.folder_control_plane(insecure=True)
    slow, other = client(lab, "msb-eag", Slow), client(lab, "msb-iag")
    try:
        slow.wait_for("cluster", OCATA)
        slow.reads.clear()
        count = 34_000
        many_endpoints(lab, count)
        other.wait_for("endpoint", BIG, lambda e: len(addresses(e)) == count)
        assert other.get("endpoint", BIG).ByteSize() > 1_000_000
        for first in (2, 3, 4):
            many_endpoints(lab, count, first)
            last = f"172.16.0.{first}:80"
            other.wait_for("endpoint", BIG, lambda e, a=last: a in addresses(e))
        lab.write("ocata.yaml", timeout_rule("ocata", 7))
        other.wait_for("cluster", OCATA, lambda c: c.connect_timeout.seconds == 7)
        slow.reads.set()
        healed(has_timeout(slow, OCATA, 7), "the last change at the slow proxy")
        wanted = addresses(other.get("endpoint", BIG))
        healed(lambda: BIG in slow.names("endpoint") and addresses(slow.get("endpoint", BIG)) == wanted, "its endpoints")
        big = [r for r in slow.responses if r[0] == "endpoint" and BIG in r[1]]
        assert len(big) <= 3, f"{len(big)} versions of a big resource were queued for a slow reader"
    finally:
        slow.close()
        other.close()


DANGLING = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: dangling, namespace: onap}
spec:
  hosts: [multicloud-vio]
  http:
  - match: [{uri: {prefix: /a}}]
    route: [{destination: {host: no-such-service}}]
  - match: [{uri: {prefix: /b}}]
    route: [{destination: {host: multicloud-vio, subset: none}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: no-secret, namespace: onap}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 443, name: https, protocol: HTTPS}, hosts: ["*"], tls: {mode: SIMPLE, credentialName: none}}
"""


def test_missing_references_withhold_nothing(lab):
    """kgateway#14184: snapshots were withheld for a missing reference, and proxies stayed on stale endpoints."""
    lab.folder_control_plane(insecure=True)
    lab.write("dangling.yaml", DANGLING)
    proxies = [client(lab, "msb-iag"), client(lab, "msb-eag")]
    try:
        for number, proxy in enumerate(proxies):
            proxy.wait_for("endpoint", VIO, addresses)
            many_endpoints(lab, 1 + number)
            proxy.wait_for("endpoint", BIG, lambda e, n=number: len(addresses(e)) == 1 + n)
    finally:
        for proxy in proxies:
            proxy.close()


def test_stopped_control_plane(lab, healed):
    """SIGSTOP and SIGCONT: what happened meanwhile is served afterwards."""
    plane = lab.folder_control_plane(insecure=True)
    proxy = client(lab, "msb-iag")
    try:
        proxy.wait_for("cluster", OCATA)
        plane.signal(signal.SIGSTOP)
        lab.write("ocata.yaml", timeout_rule("ocata", 7))
        time.sleep(3)
        plane.signal(signal.SIGCONT)
        healed(has_timeout(proxy, OCATA, 7), "the change at the proxy")
    finally:
        plane.signal(signal.SIGCONT)
        proxy.close()


def test_killed_control_plane(lab, healed):
    plane = lab.folder_control_plane(insecure=True)
    proxy = client(lab, "msb-iag")
    before = proxy.wait_for("endpoint", VIO, addresses)
    plane.kill()
    lab.write("ocata.yaml", timeout_rule("ocata", 7))
    plane.start(wait_ready=False)
    wait_for(lambda: proxy.error is not None, 30, "the stream to end")
    proxy.close()
    again = DeltaClient(plane.insecure, lab.workloads["msb-iag"])
    try:
        again.subscribe_all(earlier=proxy)
        healed(has_timeout(again, OCATA, 7), "the change at the proxy that came back")
        assert addresses(again.get("endpoint", VIO)) == addresses(before)
        assert {r[0] for r in again.responses if r[1]} <= {"cluster", "endpoint", "virtual_host"}, again.responses
    finally:
        again.close()
