"""Clients that nobody knows and that mean ill, against every port that others reach, of a real `fairway serve`: its memory
stays within LIMIT of before, and honest clients go on being served. How long those wait is printed, not asserted."""

import json
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest

import workloads as onap
from harness.network import POD_PREFIX
from harness.xds import DeltaClient, addresses
from processes import request, wait_for

LIMIT = 64 << 20  # bytes
SECONDS = 4  # of each attack
ENEMY = "127.0.66.6"
HOSTILE = pathlib.Path(__file__).parent / "harness" / "hostile.py"
VFC = "outbound|8801||vfc-vnflcm.onap.svc.cluster.local"
REVIEW = json.dumps({"request": {"uid": "1", "operation": "DELETE", "object": None}}).encode()

TLS = ["handshakes", "rapid_reset", "rapid_reset_small", "rapid_reset_unary", "half_calls", "headers_flood", "hpack_bomb", "bad_frames",
       "settings_flood", "ping_flood", "empty_data", "tiny_windows", "huge_messages", "deep_protobuf", "garbage"]  # fmt: skip
CASES = [
    *[("xds", "--plain", attack) for attack in ("silent", "slow_handshake", "garbage")],
    *[("xds", "--tls", attack) for attack in TLS],
    *[("insecure", "--plain", attack) for attack in TLS if attack != "handshakes"],
    ("webhook", "--plain", "silent"),
    ("webhook", "--plain", "slow_handshake"),
    *[("webhook", "--tls", attack) for attack in
      ("handshakes", "slow_headers", "slow_bodies", "deep_json", "wide_json", "huge_bodies", "huge_headers", "garbage")],
    *[("admin", "--plain", attack) for attack in ("silent", "slow_headers", "slow_bodies", "huge_headers", "garbage")],
]  # fmt: skip


def memory(process):
    """Resident bytes."""
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    raise AssertionError("no VmRSS")


class Honest:
    """What honest clients do: a proxy that is connected gets each change, another one comes and is served, the API server asks
    the webhook, kubelet the readiness."""

    def __init__(self, lab):
        self.lab, self.plane = lab, lab.control_plane
        self.files = [self.plane.token_file(w.namespace, w.account) for w in lab.workloads.values()]
        self.workload = lab.workloads["multicloud-vio"]
        self.connected = DeltaClient(self.plane.xds, self.workload, self.plane.root_file, self.token()).subscribe_all()
        self.connected.wait_for("cluster", VFC)
        self.number = 10
        self.times = {}

    def token(self):
        file = self.plane.token_file(self.workload.namespace, self.workload.account)
        wait_for(file.exists, 30, f"the token {file}")
        return file

    def round(self):
        for name in ("change", "stream", "webhook", "ready"):
            before = time.monotonic()
            getattr(self, name)()
            self.times.setdefault(name, []).append(time.monotonic() - before)

    def change(self):
        self.number = self.number % 200 + 10
        address = f"{POD_PREFIX}12.{self.number}"
        text = onap.manifests("base", POD_PREFIX)["vfc.yaml"].replace(f"{POD_PREFIX}12.1", address)
        self.lab.write("vfc.yaml", text)
        self.connected.wait_for("endpoint", VFC, lambda e: f"{address}:8801" in addresses(e))

    def stream(self):
        client = DeltaClient(self.plane.xds, self.workload, self.plane.root_file, self.token()).subscribe_all()
        try:
            client.wait_for("cluster", VFC)
        finally:
            client.close()

    def webhook(self):
        host, port = webhook_address(self.plane).rsplit(":", 1)
        context = ssl.create_default_context(cafile=str(self.plane.root_file))
        with socket.create_connection((host, int(port)), 30) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as s:
                s.sendall(b"POST /validate HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(REVIEW), REVIEW))
                answer = s.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200"), answer

    def ready(self):
        answer = request(self.plane.admin, "/ready", timeout=30)
        assert answer.status == 200, str(answer)

    def report(self):
        """Each kind's median and 99th percentile, in milliseconds; the times are forgotten."""
        texts = []
        for name, times in self.times.items():
            times.sort()
            p50, p99 = times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]
            texts.append(f"{name} {p50 * 1000:.0f}/{p99 * 1000:.0f}")
        rounds = len(next(iter(self.times.values()), []))
        self.times = {}
        return f"{rounds} rounds, p50/p99 in ms: {', '.join(texts)}"

    def close(self):
        self.connected.close()


def webhook_address(plane):
    return json.loads((plane.state / "addresses.json").read_text(encoding="utf-8"))["webhook"]


def address_of(plane, port):
    return {"xds": plane.xds, "insecure": plane.insecure, "admin": plane.admin}.get(port) or webhook_address(plane)


class Peak(threading.Thread):
    """The most memory that a process had."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.bytes, self.ended = process, 0, threading.Event()

    def run(self):
        while not self.ended.wait(0.02):
            self.bytes = max(self.bytes, memory(self.process))

    def stop(self):
        self.ended.set()
        self.join(5)
        return self.bytes


@pytest.fixture(name="honest", scope="module")
def honest_clients(module_lab):
    lab = module_lab
    lab.folder_control_plane(insecure=True, extra=["--webhook-address", "127.0.0.1:0"])
    honest = Honest(lab)
    for _ in range(5):
        honest.round()
    print(f"\n  nobody attacks: {honest.report()}", flush=True)
    yield honest
    honest.close()


@pytest.mark.parametrize("port,transport,attack", CASES)
def test_attack(honest, port, transport, attack):
    plane = honest.plane
    before = memory(plane)
    argv = [sys.executable, str(HOSTILE), attack, address_of(plane, port), str(SECONDS), ENEMY, transport]
    enemy = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    peak = Peak(plane)
    peak.start()
    try:
        honest.round()
        while enemy.poll() is None:
            honest.round()
        did = json.loads(enemy.stdout.read())
    finally:
        enemy.kill()
        enemy.wait()
        most = peak.stop()
    honest.round()
    plane.check()
    assert did["connections"] > 0, "the attack reached nobody"
    grown = most - before
    print(f"\n  {attack} at {port} ({transport}): {did}; memory {before >> 20} MB, {grown / (1 << 20):+.1f} MB at most; "
          f"honest: {honest.report()}", flush=True)  # fmt: skip
    assert grown < LIMIT
