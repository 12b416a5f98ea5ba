"""The table of cases: tests/e2e/traffic/cases/*.yaml.

A file is a list of scenarios; each has a namespace of its own, with these workloads behind plain Services:

  web   port 80 (http), 81 (http-other), 90 (tcp), 443 (tls): pods v1, v2, v3, by the label `version`
  api   port 80 (http), 90 (tcp): one pod, api

Clients are `sidecar` (namespace client, in zone r1/z1) and `bound` (namespace bound, in zone r1/z2), for which one scenario has
a Sidecar, and whose app at 8080 answers with its client's address and a blank.

A scenario is a mapping: `scenario` is its name, `rows` are the requests, and every other key is a kind with one spec or a list of
them (`VirtualService: {hosts: [web], ...}`); {metadata: {...}, spec: {...}} gives an object more than a spec. Unless a
scenario has a DestinationRule, there is one with the subsets v1, v2, v3 of web. In texts `$ns` is the namespace and `$web` and
`$api` are the hosts' full names. Further keys of a scenario:

  services   a mapping of more Services: {name: {ports: {80: [name, target port]}, pods: [x0], ...}}; what else is said goes
             into their spec. A third item of a port is its appProtocol. Without clusterIP: None each has an address of its own
  mesh       settings of the mesh. Such a scenario is there alone, after all the others, as is one with `alone: true`

A row's request:   via (sidecar, bound, gateway), to (web; another service, a pod, or an address), port (80), method (GET), path (/), host,
                   headers, times (1), together (as times, but all at once), tls (SNI), tcp, greeted (the server speaks first),
                   hold (seconds that a TCP connection stays), udp, websocket, grpc, http2: see client.py,
                   after (anything: it is sent when all rows without are answered)
A row's outcome:   pod (a name, or a list of which each is met and no other), status (200), closed, body, answer (headers of the
                   response; null: absent), seen (what the pod saw: method, path, host, headers), mirrored (a pod that gets a copy),
                   pods (how many answer), at_last (pods of the last third of the answers), answered (headers that the response
                   has), seconds (that it takes at least), statuses (each is met and no other; "closed": no answer), answer_of
                   (headers of the responses with a status), greeting (the server's line), code (gRPC's,
                   by name), evaluator (why `fairway evaluate` is not asked)
"""

import dataclasses
import json
import os
import pathlib
import tempfile

import yaml

CASES = pathlib.Path(__file__).resolve().parent / "cases"
API_VERSIONS = {
    **dict.fromkeys(("VirtualService", "DestinationRule", "Gateway", "ServiceEntry", "Sidecar", "WorkloadEntry"), "networking.istio.io/v1"),
    **dict.fromkeys(("Service", "Pod", "Secret", "ConfigMap"), "v1"),
    "Ingress": "networking.k8s.io/v1",
    "EndpointSlice": "discovery.k8s.io/v1",
}
BACKENDS = f"{tempfile.gettempdir()}/fairway-traffic-{os.getpid()}"  # where proxies find the certificates of the pods
TEXTS = {"tcp", "udp", "websocket", "grpc"}  # what is sent by other protocols than HTTP
REQUEST = {"via", "to", "port", "method", "path", "host", "headers", "times", "together", "tls", "greeted", "hold", "http2", "after", *TEXTS}
OUTCOME = {"pod", "status", "closed", "body", "answer", "seen", "mirrored", "seconds", "evaluator", "pods", "answered", "at_last"}
OUTCOME |= {"statuses", "answer_of", "greeting", "code"}
SUBSETS = {"host": "web", "subsets": [{"name": v, "labels": {"version": v}} for v in ("v1", "v2", "v3")]}


@dataclasses.dataclass
class Row:
    scenario: "Scenario"
    number: int
    request: dict
    outcome: dict

    @property
    def id(self):
        return f"{self.scenario.id}/{self.number}"

    def __str__(self):
        asked = " ".join(f"{key}={json.dumps(value)}" for key, value in self.request.items())
        return f"{self.id} ({self.scenario.name}): {asked or 'GET /'}"


@dataclasses.dataclass
class Scenario:
    file: str
    number: int
    name: str
    objects: list
    rows: list = dataclasses.field(default_factory=list)
    services: dict = dataclasses.field(default_factory=dict)
    alone: bool = False

    @property
    def id(self):
        return f"{self.file}-{self.number}"

    @property
    def namespace(self):
        return f"t-{self.id}".replace("_", "-")


class Wrong(Exception):
    """The table itself is not as it should be."""


def _filled(value, names):
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace(name, text)
        return value
    if isinstance(value, list):
        return [_filled(each, names) for each in value]
    if isinstance(value, dict):
        return {_filled(key, names): _filled(each, names) for key, each in value.items()}
    return value


def _objects(scenario, kind, value):
    for number, spec in enumerate(value if isinstance(value, list) else [value]):
        made = {"apiVersion": API_VERSIONS[kind], "kind": kind, "metadata": {"name": f"{kind.lower()}-{number}"}}
        if set(spec) <= {"metadata", "spec", "data", "type", "stringData", "addressType", "ports", "endpoints"} and "metadata" in spec:
            made["metadata"].update(spec["metadata"])
            made.update({key: part for key, part in spec.items() if key != "metadata"})
        else:
            made["spec"] = spec
        made["metadata"].setdefault("namespace", scenario.namespace)
        yield made


def _read(file, number, text):
    scenario = Scenario(file.stem, number, text.pop("scenario"), [])
    settings = text.pop("mesh", None)
    scenario.alone = bool(text.pop("alone", False) or settings)
    host = "{}." + scenario.namespace + ".svc.cluster.local"
    names = {"$ns": scenario.namespace, "$web": host.format("web"), "$api": host.format("api"), "$backends": BACKENDS}
    for index, row in enumerate(_filled(text.pop("rows"), names)):
        strange = set(row) - REQUEST - OUTCOME
        if strange:
            raise Wrong(f"{scenario.id} row {index}: unknown: {', '.join(sorted(strange))}")
        request, outcome = ({key: value for key, value in row.items() if key in part} for part in (REQUEST, OUTCOME))
        if not set(outcome) - {"evaluator"}:
            raise Wrong(f"{scenario.id} row {index}: it expects nothing")
        scenario.rows.append(Row(scenario, index, request, outcome))
    scenario.services = _filled(text.pop("services", {}), names)
    if settings:
        mesh = {"metadata": {"name": "istio", "namespace": "istio-system"}, "data": {"mesh": yaml.safe_dump(settings)}}
        text["ConfigMap"] = mesh
    text.setdefault("DestinationRule", SUBSETS)
    for kind, value in _filled(text, names).items():
        if kind not in API_VERSIONS:
            raise Wrong(f"{scenario.id}: unknown: {kind}")
        scenario.objects += _objects(scenario, kind, value)
    return scenario


def load(folder=CASES):
    """All scenarios, in the order of files and lines; with FAIRWAY_TRAFFIC=edge,alone those of some files (test_the_table fails then)."""
    scenarios, chosen = [], os.environ.get("FAIRWAY_TRAFFIC")
    for file in sorted(folder.glob("*.yaml")):
        if chosen and file.stem not in chosen.split(","):
            continue
        for number, text in enumerate(yaml.safe_load(file.read_text(encoding="utf-8"))):
            scenarios.append(_read(file, number, text))
    return scenarios


def twins(scenarios):
    """Pairs of rows that differ in nothing but names."""
    known, found = {}, []
    for scenario in scenarios:
        objects = json.dumps([scenario.objects, scenario.services], sort_keys=True).replace(scenario.namespace, "")
        for row in scenario.rows:
            key = objects + json.dumps([row.request, row.outcome], sort_keys=True).replace(scenario.namespace, "")
            if key in known:
                found.append((known[key].id, row.id))
            known[key] = row
    return found
