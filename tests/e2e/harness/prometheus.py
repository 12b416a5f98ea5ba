"""A real Prometheus that scrapes what a test runs, and what it answers."""

import json
import math
import shutil
import urllib.parse

import pytest
import yaml

from processes import Failed, Process, request, wait_for

INTERVAL = 1  # seconds between scrapes


def program(name="prometheus"):
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


class Prometheus(Process):
    """`jobs`: name -> list of (address, path, labels). `rules`: files of alerts."""

    def __init__(self, directory, jobs, address="127.0.0.1:9090", rules=()):
        self.directory, self.address = directory, address
        self.targets = sum(len(targets) for targets in jobs.values())
        scrapes = [
            {
                "job_name": f"{name}-{number}",
                "metrics_path": path,
                "static_configs": [{"targets": [target], "labels": labels}],
                "relabel_configs": [{"target_label": "job", "replacement": name}],
            }
            for name, targets in jobs.items()
            for number, (target, path, labels) in enumerate(targets)
        ]
        timing = {
            "scrape_interval": f"{INTERVAL}s",
            "scrape_timeout": f"{INTERVAL}s",
            "evaluation_interval": f"{INTERVAL}s",
        }
        self.text = yaml.safe_dump(
            {"global": timing, "scrape_configs": scrapes, "rule_files": [str(rule) for rule in rules]}
        )
        argv = [
            *(program(), f"--config.file={directory / 'prometheus.yml'}", f"--storage.tsdb.path={directory / 'data'}"),
            *(f"--web.listen-address={address}", "--log.level=warn"),
        ]
        super().__init__("Prometheus", argv, directory / "prometheus.log")

    def start(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "prometheus.yml").write_text(self.text, encoding="utf-8")
        super().start()
        wait_for(
            lambda: self.check() or request(self.address, "/-/ready").status == 200,
            30,
            lambda: f"Prometheus: {self.tail()}",
        )
        return self

    def _get(self, path, **parameters):
        answer = request(self.address, f"{path}?{urllib.parse.urlencode(parameters, doseq=True)}", timeout=30)
        try:
            said = json.loads(answer.body)
        except ValueError as error:
            raise Failed(f"Prometheus answered {answer}") from error
        if said["status"] != "success":
            raise Failed(f"{said['error']} in {parameters}")
        return said["data"]

    def query(self, expr, time=None):
        """[(labels, value)] of an instant query; a scalar has no labels. Values that are no numbers are left out."""
        data = self._get("/api/v1/query", query=expr, **({"time": time} if time else {}))
        found = (
            [({}, data["result"][1])]
            if data["resultType"] == "scalar"
            else [(s["metric"], s["value"][1]) for s in data["result"]]
        )
        return [(labels, float(value)) for labels, value in found if math.isfinite(float(value))]

    def value(self, expr):
        """The only sample's value; 0 if there is none."""
        found = self.query(expr)
        if len(found) > 1:
            raise Failed(f"{expr}: {len(found)} samples")
        return found[0][1] if found else 0

    def label_values(self, label, selector):
        return self._get(f"/api/v1/label/{label}/values", **{"match[]": selector})

    def targets_found(self):
        return self._get("/api/v1/targets")["activeTargets"]

    def problems(self):
        """Targets that cannot be scraped, with why."""
        return [f"{t['scrapeUrl']}: {t['lastError']}" for t in self.targets_found() if t["health"] != "up"]

    def wait_scraped(self, seconds=30):
        """Until every target has been scraped, without an error."""
        wait_for(lambda: not self.problems(), seconds, lambda: f"all targets to be up: {self.problems()}", pause=0.1)

    def rule_problems(self):
        """Rules that cannot be evaluated, with why."""
        rules = [rule for group in self._get("/api/v1/rules")["groups"] for rule in group["rules"]]
        return [f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] != "ok"]

    def alerts(self):
        """Names of the alerts that fire or are about to."""
        return {alert["labels"]["alertname"]: alert["state"] for alert in self._get("/api/v1/alerts")["alerts"]}
