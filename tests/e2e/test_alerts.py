"""The alert rules: Prometheus' own tool takes them, they fire when they must and only then, and each has its page."""

import re
import subprocess

import pytest
import yaml
from harness import ROOT
from harness.prometheus import program

RULES = ROOT / "dashboards" / "alerts" / "fairway.yaml"
CASES = sorted((ROOT / "tests" / "alerts").glob("*.yaml"))
RUNBOOKS = ROOT / "docs" / "runbooks.md"


@pytest.fixture(name="alerts", scope="module")
def all_alerts():
    return {
        rule["alert"]: rule
        for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    }


def promtool(*arguments):
    done = subprocess.run(
        [program("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_rules_are_good(alerts):
    assert f"{len(alerts)} rules found" in promtool("check", "rules", RULES)


def test_they_fire_when_they_must(alerts):
    promtool("test", "rules", *CASES)
    fired, silent = set(), set()
    for path in CASES:
        for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for test in case["alert_rule_test"]:
                expected = test.get("exp_alerts", [])
                if expected:
                    fired.add(test["alertname"])
                # It holds its tongue at another time, or about another series.
                if not expected or len(expected) < len(case["input_series"]):
                    silent.add(test["alertname"])
    assert fired == set(alerts)
    assert silent == set(alerts)


def test_each_says_what_to_do(alerts):
    text = RUNBOOKS.read_text(encoding="utf-8")
    sections = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert sections == list(alerts), "sections of docs/runbooks.md, in the order of the rules"
    for name, rule in alerts.items():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"
    for target in re.findall(r"\]\(#([\w-]+)\)", text):
        assert target in {name.lower() for name in alerts}
