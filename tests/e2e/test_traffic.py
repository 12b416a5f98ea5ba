"""The table of traffic cases, against real Envoys and `fairway evaluate`, which must agree."""

import contextlib
import json
import re

import pytest
from traffic import coverage, rows
from traffic.mesh import SERVICES, Mesh

from processes import Failed, wait_for

SCENARIOS = rows.load()
ROWS = [row for scenario in SCENARIOS for row in scenario.rows]


@pytest.fixture(scope="module", name="mesh")
def running(module_lab):
    mesh = Mesh(module_lab, SCENARIOS)
    try:
        yield mesh.start()
    finally:
        mesh.close()


def differences(row, answers):
    """What of a row's outcome the answers do not show, as texts."""
    wanted, found = row.outcome, []

    def expect(what, want, got):
        if want != got:
            found.append(f"{what}: wanted {want!r}, found {got!r}")

    for answer in answers:
        if wanted.get("closed"):
            expect("closed", "closed", answer.get("error") or answer)
            continue
        if "greeting" in wanted:
            expect("the server's line", wanted["greeting"], answer.get("greeting"))
        if "code" in wanted:
            expect("status of gRPC", wanted["code"], answer.get("grpc"))
        if "at_last" not in wanted and "statuses" not in wanted:
            expect("status", wanted.get("status", 200), answer.get("status", answer.get("error")))
        # Envoy counts a delay from when its event loop last woke, which may be some milliseconds before the request was sent.
        if answer["seconds"] < 0.9 * wanted.get("seconds", 0):
            found.append(f"it took {answer['seconds']:.3f} s only")
        if "body" in wanted:
            expect("body", wanted["body"], answer.get("body"))
        for name, value in wanted.get("answer", {}).items():
            expect(f"header {name} of the answer", value, answer.get("headers", {}).get(name))
        for name, value in wanted.get("answer_of", {}).get(answer.get("status"), {}).items():
            expect(f"header {name} of the answer {answer['status']}", value, answer.get("headers", {}).get(name))
        for name in wanted.get("answered", ()):
            expect(f"header {name} of the answer", True, name in answer.get("headers", {}))
        if "seen" in wanted:
            said = json.loads(answer["body"]) if answer.get("body", "").startswith("{") else {"headers": {}}
            for key, value in wanted["seen"].items():
                if key != "headers":
                    expect(f"{key} at the pod", value, said.get(key))
            for name, value in wanted["seen"].get("headers", {}).items():
                expect(f"header {name} at the pod", value, said["headers"].get(name))
    if "statuses" in wanted:
        expect("statuses", set(wanted["statuses"]), {answer.get("status", answer.get("error")) for answer in answers})
    if "at_last" in wanted:
        expect("pods at last", sorted(wanted["at_last"]), sorted(met(row, answers[-(len(answers) // 3) :])))
    if "pods" in wanted:
        expect("number of pods", wanted["pods"], len(met(row, answers)))
    if "pod" in wanted:
        want = wanted["pod"] if isinstance(wanted["pod"], list) else [wanted["pod"]]
        expect("pods", sorted(want), sorted(met(row, answers)))
    return found


def met(row, answers):
    """The pods that answered."""
    if "tcp" in row.request or "udp" in row.request:
        return {answer["body"].split(" ")[0] for answer in answers if "body" in answer}
    return {answer["headers"]["x-pod"] for answer in answers if "x-pod" in answer.get("headers", {})}


def clusters(verdict):
    """(host, subset) of each cluster that a verdict names."""
    return [(host, subset) for subset, host in re.findall(r"outbound\|\d+\|([^|]*)\|([^,]+)", verdict.get("destination", ""))]


def disagreement(row, answers, verdict):
    """What the evaluator says otherwise than the proxies did, or None."""
    if "evaluator" in row.outcome:
        return None
    if verdict["verdict"] == "unknown":
        return f"it does not know: {verdict.get('text')}"
    if row.outcome.get("closed"):
        nowhere = verdict["verdict"] == "closed" or verdict.get("destination") == "BlackHoleCluster"
        return None if nowhere else f"it says {verdict['verdict']} to {verdict.get('destination')}, the connection was closed"
    pods = met(row, answers)
    if pods:
        if verdict["verdict"] != "allow":
            return f"it says {verdict['verdict']} {verdict.get('status', '')}, {', '.join(pods)} answered"
        if verdict.get("destination") == "PassthroughCluster":
            return None  # it goes where the client wanted to
        of = {pod for host, subset in clusters(verdict) for pod in ([subset] if subset in SERVICES["web"] else SERVICES.get(host.split(".")[0], pods))}
        return None if pods <= of else f"it says {verdict.get('destination')}, {', '.join(pods)} answered"
    if verdict["verdict"] == "answer" and verdict.get("status") != answers[0].get("status"):
        return f"it says {verdict.get('status')}, the answer was {answers[0].get('status')}"
    return None


def mistakes(row, answers, verdict):
    """All that is not as a row says."""
    found = [f"{row}\n    {text}" for text in differences(row, answers)]
    text = disagreement(row, answers, verdict) if verdict else None
    return [*found, f"{row}\n    evaluator: {text}"] if text else found


def test_the_table():
    """Of enough rows, no two of which are the same, and with every field but those that it says why not."""
    twins = rows.twins(SCENARIOS)
    assert not twins, f"rows that differ in names only: {twins}"
    covered = coverage.covered(SCENARIOS)
    for kind, (with_row, without) in covered.items():
        print(f"{kind}: {len(with_row)} fields with rows, {len(without)} without", flush=True)
        for field in without:
            print(f"  {field}: {coverage.WITHOUT.get(field, 'NO ROW')}", flush=True)
    print(f"{len(ROWS)} rows in {len(SCENARIOS)} scenarios", flush=True)
    assert len(ROWS) >= 400
    missing = {field for _, without in covered.values() for field in without}
    assert not missing - coverage.WITHOUT.keys(), f"fields without a row: {sorted(missing - coverage.WITHOUT.keys())}"
    assert not coverage.WITHOUT.keys() - missing, f"they have rows now: {sorted(coverage.WITHOUT.keys() - missing)}"


def asked_until_they_hold(mesh, asked, answers, seconds=60):
    """{row id: answers} of rows about what is so at last, asked again while they do not hold: Envoy ejects on its main thread, which
    may be busy with an update for longer than all requests of a row take."""
    again = {row.id: answers[row.id] for row in asked}

    def hold():
        left = [row for row in asked if differences(row, again[row.id])]
        again.update(mesh.answers(left) if left else {})
        return not left

    with contextlib.suppress(Failed):  # what does not hold then is told with the others
        wait_for(hold, seconds, "rows that hold at last", pause=0.2)
    return again


def test_rows(mesh):
    together = [row for row in ROWS if not row.scenario.alone]
    first, then = ([row for row in together if ("after" in row.request) == late] for late in (False, True))
    answers, verdicts = mesh.answers(first) | mesh.answers(then), mesh.verdicts(together)
    answers |= asked_until_they_hold(mesh, [row for row in together if "at_last" in row.outcome], answers)
    wrong = []
    for row in together:
        wrong += mistakes(row, answers[row.id], verdicts.get(row.id))
        if "mirrored" in row.outcome:
            wait_for(lambda r=row: mesh.copies(r.outcome["mirrored"], r) > 0, 20, f"{row}: the copy")
    assert not wrong, f"{len(wrong)} differences:\n" + "\n".join(wrong)


@pytest.mark.parametrize("scenario", [s for s in SCENARIOS if s.alone], ids=lambda scenario: scenario.id)
def test_rows_of_a_mesh_of_their_own(mesh, scenario):
    """Nothing tells when the last proxy has the scenario's objects: until its rows hold."""
    wrong, answers = [], {}

    def hold():
        answers.update(mesh.answers(scenario.rows))
        wrong[:] = [text for row in scenario.rows for text in mistakes(row, answers[row.id], None)]
        return not wrong

    with mesh.alone(scenario):
        wait_for(hold, 180, lambda: f"{len(wrong)} differences:\n" + "\n".join(wrong), pause=0.2)
        verdicts = mesh.verdicts(scenario.rows)
        wrong = [text for row in scenario.rows for text in mistakes(row, answers[row.id], verdicts.get(row.id))]
        assert not wrong, "\n".join(wrong)
