"""Grafana's boards and Kiali's graph on the metrics of a real mesh: what they ask, a real Prometheus answers."""

import re

import pytest
from harness import ROOT
from observed import kiali
from observed.grafana import Board, substitute
from observed.mesh import GATEWAY, Mesh, workload

BOARDS = [Board(path) for path in sorted((ROOT / "dashboards").glob("*.json"))]
ALERTS = ROOT / "dashboards" / "alerts" / "fairway.yaml"
WINDOW = "15s"
NAMES = [board.path.stem for board in BOARDS]


@pytest.fixture(scope="module", name="mesh")
def running(module_lab):
    mesh = Mesh(module_lab)
    try:
        mesh.start(rules=[ALERTS])
        mesh.wait_scrapes()
        yield mesh
    finally:
        mesh.close()


def test_which_boards():
    assert NAMES == ["control-plane", "mesh", "performance", "service", "workload"]
    uids = [board.json["uid"] for board in BOARDS]
    assert len(set(uids)) == len(uids)
    for board in BOARDS:
        assert board.links() <= set(uids)


@pytest.mark.parametrize("board", BOARDS, ids=NAMES)
def test_form(board):
    assert len(board.panels) >= 10
    findings = list(board.findings())
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize("board", BOARDS, ids=NAMES)
def test_no_panel_is_empty(board, mesh):
    """Every query of every panel gives numbers, for at least one choice of the variables; and what it gives has the labels that
    its legend or its column shows."""
    choices = board.choices(mesh.prometheus, WINDOW)
    assert choices, "there is nothing to choose for a variable"
    empty, nameless, asked = [], [], 0
    for panel, target in board.targets():
        found = []
        for chosen in choices:
            found += mesh.prometheus.query(substitute(target["expr"], chosen))
            asked += 1
        if not found:
            empty.append(f"{panel['title']}: {target['expr']}")
        shown = set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")))
        if panel["type"] == "table":
            renamed = next(t["options"]["renameByName"] for t in panel["transformations"] if t["id"] == "organize")
            shown = {label for label in renamed if not label.startswith("Value #")}
        if not any(shown <= set(labels) for labels, _ in found) and not target["expr"].endswith("or vector(0)"):
            nameless.append(f"{panel['title']}: {shown} of {[labels for labels, _ in found[:3]]}")
    print(f"  {len(board.panels)} panels, {len(choices)} choices, {asked} queries", flush=True)
    assert not empty and not nameless, "\n".join(["empty:", *empty, "without the labels that are shown:", *nameless])


def test_every_choice_shows_something(mesh):
    """A service or workload that a variable offers is one that there is something to see of, by whoever's word."""
    for board in BOARDS:
        seen = {}
        for chosen in board.choices(mesh.prometheus, WINDOW):
            subject = tuple(value for name, value in chosen.items() if name not in board.customs())
            found = any(
                mesh.prometheus.query(f"({substitute(target['expr'], chosen)}) > 0") for _, target in board.targets()
            )
            seen[subject] = seen.get(subject, False) or found
        assert seen and all(seen.values()), f"{board.path.name}: {seen}"


def test_alerts_are_silent_in_a_healthy_mesh(mesh):
    """All but those about the service that has no pods."""
    assert set(mesh.prometheus.alerts()) == {"FairwayServiceFails", "FairwayNoHealthyEndpoint"}
    problems = mesh.prometheus.rule_problems()
    assert not problems, problems


def ends(name):
    one = workload(name)
    return kiali.Workload(one.namespace, name, name, one.labels["version"])


UNKNOWN = kiali.Workload("unknown", "unknown", "unknown", "unknown")
EDGE, WEB, API, CLIENT, DATABASE, CALLS = (ends(n) for n in (GATEWAY, "web", "api", "client", "db", "calls"))
GRAPH = {
    kiali.Edge(EDGE, "web.shop", WEB, "http"): {"200"},
    kiali.Edge(WEB, "api.shop", API, "http"): {"200"},
    kiali.Edge(CLIENT, "api.shop", API, "http"): {"200"},
    kiali.Edge(UNKNOWN, "api.shop", API, "http"): {"200"},
    kiali.Edge(CLIENT, "nowhere.shop", UNKNOWN, "http"): {"503 UH"},
    kiali.Edge(CLIENT, "calls.data", CALLS, "grpc"): {"0", "14", "14 URX", "messages"},
    kiali.Edge(CLIENT, "db.data", DATABASE, "tcp"): {"tcp"},
}
NAMESPACES = ("istio-system", "shop", "data")


def test_kiali_graph(mesh):
    found = kiali.graph(mesh.prometheus, NAMESPACES, WINDOW)
    for edge, codes in sorted(found.items(), key=str):
        print(f"  {edge}: {', '.join(sorted(codes))}", flush=True)
    assert found == GRAPH


def test_kiali_security(mesh):
    found = {**kiali.policies(mesh.prometheus, "shop", WINDOW), **kiali.policies(mesh.prometheus, "data", WINDOW)}
    for pair, seen in found.items():
        print(f"  {pair}: {seen}", flush=True)
    assert set(found) == {(e.source.name, e.destination.name) for e in GRAPH if e.destination != UNKNOWN}
    for (source, destination), seen in found.items():
        [(policy, client, server)] = seen
        account = mesh.workloads[destination]
        if source == "unknown":
            assert (policy, client) == ("none", "unknown")
        else:
            peer = mesh.workloads[source]
            assert (policy, client) == ("mutual_tls", f"spiffe://cluster.local/ns/{peer.namespace}/sa/{peer.account}")
            assert server == f"spiffe://cluster.local/ns/{account.namespace}/sa/{account.account}"


def test_kiali_response_times(mesh):
    found = {
        **kiali.response_times(mesh.prometheus, "shop", WINDOW),
        **kiali.response_times(mesh.prometheus, "data", WINDOW),
    }
    assert set(found) == {
        (e.source.name, e.destination.name) for e in GRAPH if e.protocol != "tcp" and e.destination != UNKNOWN
    }
