"""The example's story: steps, and what requests must see after each. Used by the demo and the end-to-end tests."""

import dataclasses
import statistics
import threading
import time

import yaml

from processes import Failed, request
from workloads import GATEWAY, http_port, step_text

SWAGGER = "/api/multicloud-vio/v0/swagger.json"
DENIED = "RBAC: access denied"
STABLE = 3  # a result counts when it is seen so many times in a row
PAUSE = 0.002  # seconds between two requests of a probe


@dataclasses.dataclass(frozen=True)
class Probe:
    """A request from somewhere, and what it must lead to."""

    name: str  # as the table shows it
    way: str  # gateway: a browser outside; plaintext: a client without a proxy; mesh: vfc-nslcm's application
    path: str
    expected: str  # as the table shows it
    status: int | None  # None: no HTTP answer, the connection is refused or closed
    text: str = ""  # must be in the answer
    hop: str = ""  # the answer must come through this application

    def send(self, world):
        return world.ask(self.way, self.path)

    def holds(self, answer):
        if self.status is None:
            return answer.status is None and "no answer" not in answer.error
        return (
            answer.status == self.status
            and self.text in answer.body
            and (not self.hop or answer.headers.get("x-forwarded-by") == self.hop)
        )


@dataclasses.dataclass(frozen=True)
class Step:
    number: int
    title: str
    file: str  # in examples/onap/steps
    target: str  # its name in the folder that is served: a later step may replace the file of an earlier one
    probes: tuple


PORTAL_200 = Probe("browser: /msb", "gateway", "/msb", "200", 200, "MSB portal")
PORTAL_403 = Probe("browser: /msb", "gateway", "/msb", "403 RBAC: access denied", 403, DENIED)
SWAGGER_200 = Probe(f"browser: {SWAGGER}", "gateway", SWAGGER, "200", 200, "multicloud-vio API", "msb-iag")
SWAGGER_403_FIRST = Probe(f"browser: {SWAGGER}", "gateway", SWAGGER, "403 from msb-iag's proxy", 403, DENIED)
SWAGGER_403_SECOND = Probe(
    f"browser: {SWAGGER}", "gateway", SWAGGER, "403 from multicloud-vio's proxy", 403, DENIED, "msb-iag"
)
PLAIN_200 = Probe("plaintext client -> multicloud-vio", "plaintext", SWAGGER, "200", 200, "multicloud-vio API")
PLAIN_REFUSED = Probe("plaintext client -> multicloud-vio", "plaintext", SWAGGER, "connection refused", None)
MESH_200 = Probe("mesh client -> multicloud-vio", "mesh", SWAGGER, "200", 200, "multicloud-vio API")

STEPS = (
    Step(1, "Gateway and VirtualService", "1-gateway.yaml", "gateway.yaml", (PORTAL_200, SWAGGER_200)),
    Step(2, "RbacConfig on for onap", "2-rbac-on.yaml", "rbac.yaml", (PORTAL_403, SWAGGER_403_FIRST)),
    Step(3, "role for the ingress gateway", "3-ingress-role.yaml", "ingress-role.yaml", (PORTAL_200, SWAGGER_403_SECOND)),
    Step(4, "role for msb", "4-msb-role.yaml", "msb-role.yaml", (PORTAL_200, SWAGGER_200)),
    Step(5, "Policy PERMISSIVE", "5-permissive.yaml", "policy.yaml", (PLAIN_200, MESH_200, SWAGGER_200)),
    Step(6, "Policy STRICT", "6-strict.yaml", "policy.yaml", (PLAIN_REFUSED, MESH_200, SWAGGER_200)),
)


def superseded(step):
    """The objects that a step takes away: those of earlier steps whose file it takes the place of, but its own."""

    def objects(of):
        return {(o["kind"], o["metadata"]["name"]): o for o in yaml.safe_load_all(step_text(of.file))}

    kept = objects(step)
    earlier = [other for other in STEPS[: step.number - 1] if other.target == step.target]
    return [o for other in earlier for key, o in objects(other).items() if key not in kept]


class World:
    """Where the story's requests go. Another world (a cluster's) has the same `ask`."""

    def __init__(self, workloads, services):
        port = http_port(services["multicloud-vio"])
        self.gateway = f"{workloads[GATEWAY].ip}:{http_port(services[GATEWAY])}"
        self.vio = f"{workloads['multicloud-vio'].ip}:{port}"
        self.vio_host = f"multicloud-vio.onap:{port}"
        self.client = f"{workloads['vfc-nslcm'].outbound}:{port}"

    def ask(self, way, path):
        """One request, sent in the way of a Probe: an Answer."""
        if way == "gateway":
            return request(self.gateway, path, timeout=5)
        return request(self.vio if way == "plaintext" else self.client, path, host=self.vio_host, timeout=5)


@dataclasses.dataclass
class Outcome:
    probe: Probe
    held: bool
    seen: str
    milliseconds: float | None  # from the change to the first request of the stable result; None: it held before


class _Watch(threading.Thread):
    """Sends one probe again and again until its result is the expected one, STABLE times in a row."""

    def __init__(self, world, probe, seconds):
        super().__init__(daemon=True)
        self.world, self.probe, self.seconds = world, probe, seconds
        self.first = None  # time.monotonic() of the first answer of the stable run
        self.last = None

    def run(self):
        run_length, first = 0, None
        deadline = time.monotonic() + self.seconds
        while time.monotonic() < deadline:
            self.last = self.probe.send(self.world)
            if self.probe.holds(self.last):
                first = first or time.monotonic()
                run_length += 1
                if run_length == STABLE:
                    self.first = first
                    return
            else:
                run_length, first = 0, None
            time.sleep(PAUSE)


def observe(world, probes, change, seconds=30):
    """Makes a change (a function that returns the time.monotonic() just before it took effect) and tells when each
    probe sees what it must. Probes that held before are asked when the others have seen the change."""
    before = [probe.holds(probe.send(world)) for probe in probes]
    start = change()
    watches = [_Watch(world, probe, seconds) for probe in probes]
    for held_before in (False, True):
        part = [watch for watch, held in zip(watches, before) if held is held_before]
        for watch in part:
            watch.start()
        for watch in part:
            watch.join()
    return [
        Outcome(
            watch.probe,
            watch.first is not None,
            str(watch.last),
            None if held or watch.first is None else (watch.first - start) * 1000,
        )
        for watch, held in zip(watches, before)
    ]


def require(outcomes):
    """Raises if one outcome is not as it must be."""
    for outcome in outcomes:
        if not outcome.held:
            raise Failed(f"{outcome.probe.name}: expected {outcome.probe.expected}, seen {outcome.seen}")


def median(outcomes):
    times = [o.milliseconds for o in outcomes if o.milliseconds is not None]
    return statistics.median(times) if times else None
