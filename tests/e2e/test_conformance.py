"""Parts of `make conformance` and of the lab that decide something: which address a service is given, how a test of the
suite ended and why. The rest of both is seen on a cluster (tests/cluster)."""

import sys

from harness import ROOT

sys.path[:0] = [str(ROOT / "tests" / "lab"), str(ROOT / "tests" / "conformance")]

from load_balancer import Range, plan  # noqa: E402  pylint: disable=wrong-import-position
from progress import Progress  # noqa: E402  pylint: disable=wrong-import-position

RANGES = {"IPv4": Range("10.77.1.1", "10.77.1.3")}
BOTH = {**RANGES, "IPv6": Range("fd00:77::1:1", "fd00:77::1:2")}


def service(name, *given, age=0, families=("IPv4",), **spec):
    """A service as the API server tells it; `age`: the greater, the younger."""
    return {
        ("n", name): {
            "metadata": {"namespace": "n", "name": name, "creationTimestamp": f"2026-01-01T00:00:{age:02}Z"},
            "spec": {"type": "LoadBalancer", "ipFamilies": list(families), **spec},
            "status": {"loadBalancer": {"ingress": [{"ip": ip} for ip in given]} if given else {}},
        }
    }


def changes(ranges, *services):
    known = {key: value for one in services for key, value in one.items()}
    return {name: chosen for (_, name), chosen in plan(known, ranges).items()}


def test_the_lowest_free_address_by_age():
    kept = service("kept", "10.77.1.2")
    assert changes(RANGES, kept) == {}
    young, old = service("a", age=5), service("b", age=4)
    assert changes(RANGES, young, kept, old) == {"b": ["10.77.1.1"], "a": ["10.77.1.3"]}
    assert changes(RANGES, young, kept, old, service("late", age=9)) == {"b": ["10.77.1.1"], "a": ["10.77.1.3"]}


def test_an_address_that_is_asked_for():
    held = service("held", "10.77.1.2")
    assert changes(RANGES, held, service("free", loadBalancerIP="10.77.1.3")) == {"free": ["10.77.1.3"]}
    for wish in ("10.77.1.2", "10.77.2.1", "fd00:77::1:1", "nonsense"):
        asked = changes(RANGES, held, service("asks", loadBalancerIP=wish))
        assert asked == ({} if "." in wish or wish == "nonsense" else {"asks": ["10.77.1.1"]}), wish
    assert changes(RANGES, service("moves", "10.77.1.1", loadBalancerIP="10.77.1.3")) == {"moves": ["10.77.1.3"]}
    assert changes(RANGES, service("moves", "10.77.1.1", loadBalancerIP="10.78.0.1")) == {"moves": []}


def test_who_has_none():
    assert changes(RANGES, service("plain", type="ClusterIP"), service("other", loadBalancerClass="x/y")) == {}
    assert changes(RANGES, service("was", "10.77.1.1", type="ClusterIP")) == {"was": []}
    assert changes(RANGES, service("theirs", "192.0.2.1", loadBalancerClass="x/y")) == {}


def test_both_families():
    assert changes(BOTH, service("both", families=("IPv6", "IPv4"))) == {"both": ["fd00:77::1:1", "10.77.1.1"]}
    assert changes(BOTH, service("both", "10.77.1.2", families=("IPv4", "IPv6"))) == {"both": ["10.77.1.2", "fd00:77::1:1"]}
    assert changes(RANGES, service("both", families=("IPv4", "IPv6"))) == {"both": ["10.77.1.1"]}


OUTPUT = """=== RUN   TestConformance
    suite.go:12: 2026-01-02T03:04:05.678Z: Test Setup: Applying base manifests
    suite_test.go:70: plan: 4 tests, 1 not for these features
=== RUN   TestConformance/Good
=== RUN   TestConformance/Good/part_of_it
    http.go:1: 2026-01-02T03:04:06.678Z: Request passed
=== NAME  TestConformance/Good
    apply.go:1: 2026-01-02T03:04:06.678Z: Deleting x
=== NAME  TestConformance
    suite_test.go:80: result: Good passed in 1.5 s
=== RUN   TestConformance/Elsewhere
    conformance.go:1: Skipping Elsewhere: suite does not support Flying
=== RUN   TestConformance/Bad
    helpers.go:9: 2026-01-02T03:04:07.678Z: Gateway a/b expected Accepted
    helpers.go:10:
        \tError Trace:\t/somewhere/helpers.go:10
        \t            \t\t\t\t/somewhere/else.go:20
        \tError:      \tReceived unexpected error:
        \t            \tcontext deadline exceeded
        \tTest:       \tTestConformance/Bad
        \tMessages:   \terror waiting for Gateway
=== NAME  TestConformance
    suite_test.go:80: result: Bad failed in 60.1 s
=== RUN   TestConformance/Ugly
    weight.go:9: 2026-01-02T03:04:07.678Z: weights are off
    apply.go:1: 2026-01-02T03:04:07.678Z: Deleting x
=== NAME  TestConformance
    suite_test.go:80: result: Ugly failed in 2.0 s
=== RUN   TestConformance/Stays
    http.go:7: 2026-01-02T03:04:07.678Z: Response expectation failed not ready yet: got 503 (after 1.02s)
    http.go:7: 2026-01-02T03:04:07.678Z: Response expectation failed not ready yet: got 404 (after 2.02s)
    http.go:9: 2026-01-02T03:04:07.678Z: timeout while waiting after 2 attempts
=== NAME  TestConformance
    suite_test.go:80: result: Stays passed in 2.5 s
--- FAIL: TestConformance (66.10s)
    --- PASS: TestConformance/Good (1.50s)
        --- PASS: TestConformance/Good/part_of_it (1.00s)
    --- SKIP: TestConformance/Elsewhere (0.00s)
    --- FAIL: TestConformance/Bad (60.10s)
    --- FAIL: TestConformance/Ugly (2.00s)
    --- FAIL: TestConformance/Stays (2.51s)
FAIL
"""


def test_progress():
    said, kept = [], {}
    progress = Progress(said.append, lambda test, lines: kept.update({test: lines}))
    for line in OUTPUT.splitlines(keepends=True):
        progress.feed(line)
    assert said == [
        "4 tests; 1 are of features that are not claimed",
        "[1/4] Good: passed (1.5 s)",
        "[2/4] Bad: FAILED (60.1 s)",
        "      Received unexpected error:",
        "      context deadline exceeded",
        "      Gateway a/b expected Accepted",
        "      error waiting for Gateway",
        "[3/4] Ugly: FAILED (2.0 s)",
        "      weights are off",
        "[4/4] Stays: passed (2.5 s)",
        "[4/4] Stays: FAILED (2.51 s)",
        "      Response expectation failed not ready yet: got 404",
    ]
    assert progress.passed == ["Good"] and list(progress.failed) == ["Bad", "Ugly", "Stays"]
    assert kept["Bad"][0].endswith("Gateway a/b expected Accepted") and len(kept["Bad"]) == 8
    assert [line for line in progress.rest if "Test Setup" in line]
