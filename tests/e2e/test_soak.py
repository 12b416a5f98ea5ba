"""A mesh that never rests: services, endpoints and policies come, change and go, proxies come and go. After each round
all proxies have what a new one gets, and the world is as at the beginning; then memory, file descriptors and units have
to be what they were. `make soak` plays it for an hour; FAIRWAY_SOAK_SECONDS says how long."""

import os
import random
import statistics
import time

from harness.rules import VIO
from harness.xds import DeltaClient
from processes import wait_for

SECONDS = int(os.environ.get("FAIRWAY_SOAK_SECONDS", "45"))
WARM = 3  # rounds that do not count: pools and caches fill up
NAMES = [f"churn-{i}" for i in range(12)]
WORKLOADS = ("msb-iag", "msb-eag", "multicloud-vio", "multicloud-ocata", "vfc-vnflcm", "istio-ingressgateway")

NETWORKING = "/apis/networking.istio.io/v1/namespaces/onap/"
SECURITY = "/apis/security.istio.io/v1/namespaces/onap/"
PATHS = {
    "Service": "/api/v1/namespaces/onap/services",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/namespaces/onap/endpointslices",
    "VirtualService": NETWORKING + "virtualservices",
    "DestinationRule": NETWORKING + "destinationrules",
    "AuthorizationPolicy": SECURITY + "authorizationpolicies",
}


def about(kind):
    group = PATHS[kind].removeprefix("/apis/").removeprefix("/api/").split("/namespaces/")[0]
    return {"apiVersion": group, "kind": kind}


def made(kind, name, rng):
    """An object of a kind for the service `name`, in one of many variants."""
    meta, spec = {"name": name, "namespace": "onap"}, {}
    if kind == "Service":
        spec = {"ports": [{"name": rng.choice(["http", "tcp"]), "port": rng.choice([80, 8080])}], "selector": {"app": name}}
    elif kind == "EndpointSlice":
        endpoints = [{"addresses": [f"10.77.{rng.randrange(250)}.{i + 1}"]} for i in range(rng.randrange(1, 30))]
        meta["labels"] = {"kubernetes.io/service-name": name}
        ports = [{"name": "http", "port": 80}]
        return {**about(kind), "metadata": meta, "addressType": "IPv4", "ports": ports, "endpoints": endpoints}
    elif kind == "VirtualService":
        routes = [
            {"match": [{"uri": {"prefix": f"/{rng.randrange(9)}"}}], "route": [{"destination": {"host": rng.choice(NAMES)}}]}
            for _ in range(rng.randrange(1, 5))
        ]
        spec = {"hosts": [name], "http": [*routes, {"route": [{"destination": {"host": name}}]}]}
    elif kind == "DestinationRule":
        spec = {"host": name, "trafficPolicy": {"connectionPool": {"tcp": {"connectTimeout": f"{rng.randrange(1, 99)}s"}}}}
    elif kind == "AuthorizationPolicy":
        spec = {
            "selector": {"matchLabels": {"app": rng.choice(WORKLOADS)}},
            "rules": [{"to": [{"operation": {"paths": [f"/{rng.randrange(99)}"]}}]}],
        }
    return {**about(kind), "metadata": meta, "spec": spec}


class World:
    """Objects at the API server that come and go."""

    def __init__(self, lab, rng):
        self.lab, self.rng, self.there = lab, rng, set()
        self.changes = 0

    def change(self):
        kind, name = self.rng.choice(list(PATHS)), self.rng.choice(NAMES)
        if (kind, name) not in self.there:
            self.lab.api.do("POST", PATHS[kind], made(kind, name, self.rng))
            self.there.add((kind, name))
        elif self.rng.random() < 0.3:
            self.remove(kind, name)
        else:
            self.lab.api.do(
                "PATCH", f"{PATHS[kind]}/{name}", made(kind, name, self.rng), "application/merge-patch+json"
            )
        self.changes += 1

    def remove(self, kind, name):
        self.lab.api.do("DELETE", f"{PATHS[kind]}/{name}")
        self.there.discard((kind, name))

    def clear(self):
        for kind, name in sorted(self.there):
            self.remove(kind, name)


def held(client):
    with client.lock:
        return {(type_, name, version) for type_, of in client.resources.items() for name, (version, _) in of.items()}


def rests(lab, clients):
    """Nothing is on its way to anybody, and the last change of the API server has been seen."""
    return all(c.error is None for c in clients.values()) and all(p["settled"] for p in lab.control_plane.debug("proxies"))


def compare(lab, clients):
    """Each has what a new proxy of the same kind gets."""

    def equal():
        if not rests(lab, clients):
            return False
        for name, client in clients.items():
            fresh = connect(lab, name)
            try:
                wait_for(lambda c=client, f=fresh: held(f) == held(c), 10, "")
            finally:
                fresh.close()
        return True

    wait_for(equal, 60, "all proxies to have what new ones get")


def connect(lab, name):
    return DeltaClient(lab.control_plane.insecure, lab.workloads[name]).subscribe_all()


def marker(lab, clients, number):
    """What is done before it has reached the proxies when it has."""
    rule = {**about("DestinationRule"), "metadata": {"name": "marker", "namespace": "onap"}}
    rule["spec"] = {"host": "multicloud-vio", "trafficPolicy": {"connectionPool": {"tcp": {"connectTimeout": f"{number}s"}}}}
    method, path = ("POST", "") if number == 1 else ("PATCH", "/marker")
    content = "application/json" if number == 1 else "application/merge-patch+json"
    lab.api.do(method, PATHS["DestinationRule"] + path, rule, content)
    for name, client in clients.items():
        if name != "istio-ingressgateway":
            client.wait_for("cluster", VIO, lambda c: c.connect_timeout.seconds == number)


def measured(lab):
    pid = lab.control_plane.pid
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        # Pages of files come and go: idle ones are given back now and then.
        heap = next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))
    metrics = lab.control_plane.metrics()
    return {"heap_kb": heap, "files": len(os.listdir(f"/proc/{pid}/fd")), "units": metrics["fairway_units"]}


def test_soak(lab):
    lab.api_server()
    lab.apply_base()
    lab.kubernetes_control_plane(insecure=True)
    rng = random.Random(os.environ.get("FAIRWAY_SEED", str(time.time_ns())))
    world, clients, points = World(lab, rng), {n: connect(lab, n) for n in WORKLOADS}, []
    end, number = time.monotonic() + SECONDS, 0
    try:
        while time.monotonic() < end or len(points) < WARM + 4:
            number += 1
            for _ in range(60):
                world.change()
                if rng.random() < 0.1:
                    name = rng.choice(WORKLOADS)
                    clients[name].close()
                    clients[name] = connect(lab, name)
            marker(lab, clients, 2 * number - 1)
            compare(lab, clients)
            world.clear()
            marker(lab, clients, 2 * number)
            compare(lab, clients)
            points.append(measured(lab))
            if number in (1, WARM) or number % 10 == 0:
                print(f"  round {number}, {world.changes} changes: {points[-1]}", flush=True)
    finally:
        for client in clients.values():
            client.close()
    metrics = lab.control_plane.metrics()
    assert metrics["fairway_unit_failures_total"] == 0
    counted = points[WARM:]
    third = max(1, len(counted) // 3)
    first, last = counted[:third], counted[-third:]
    for what, slack in (("heap_kb", 4096), ("files", 4), ("units", 0)):
        before, after = (statistics.median(p[what] for p in part) for part in (first, last))
        print(f"  {what}: {before} -> {after} in {len(points)} rounds, {world.changes} changes")
        assert after <= before + slack, f"{what} grew from {before} to {after}"
