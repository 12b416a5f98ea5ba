"""fairway migrate: the example's old policies become today's, and the proof holds."""

import json
import os
import subprocess

import yaml

from harness import ROOT
from processes import binary

ONAP = ROOT / "examples" / "onap"


def migrate(*arguments, text=None):
    return subprocess.run(
        [binary(), "migrate", *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "KUBECONFIG": "/nonexistent"},
    )


def onap(*steps):
    files = [ONAP / "base", *(ONAP / "steps" / step for step in steps)]
    return [argument for file in files for argument in ("-f", file)]


def test_the_example_is_migrated_exactly():
    done = migrate(*onap("2-rbac-on.yaml", "3-ingress-role.yaml", "4-msb-role.yaml", "6-strict.yaml"))
    assert done.returncode == 0, done.stderr
    objects = list(yaml.safe_load_all(done.stdout))
    kinds = {each["kind"] for each in objects}
    assert kinds == {"PeerAuthentication", "AuthorizationPolicy"}
    assert all(each["apiVersion"] == "security.istio.io/v1" for each in objects)
    strict = [each for each in objects if each["kind"] == "PeerAuthentication"]
    assert [each["spec"]["mtls"]["mode"] for each in strict] == ["STRICT"]
    assert "they decide the same" in done.stderr


def test_json_tells_the_proof():
    done = migrate(*onap("2-rbac-on.yaml", "5-permissive.yaml"), "-n", "onap", "-o", "json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["equivalence"]["holds"]
    assert report["equivalence"]["ports"] > report["equivalence"]["workloads"] > 0
    assert "Policy/onap/default" in report["replaces"]
    assert all(each["metadata"]["namespace"] == "onap" for each in report["manifests"])


def test_what_is_not_the_same_is_79_with_a_request(tmp_path):
    policy = {
        "apiVersion": "authentication.istio.io/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": "default", "namespace": "onap"},
        "spec": {"originIsOptional": True, "origins": [{"jwt": {"issuer": "iss", "jwks": '{"keys":[]}'}}]},
    }
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(policy), encoding="utf-8")
    done = migrate("-f", ONAP / "base", "-f", file)
    assert done.returncode == 79
    assert "token of iss: invalid" in done.stderr
    assert "RequestAuthentication" in done.stdout


def test_standard_input_and_exit_codes(tmp_path):
    assert migrate("-f", "-", text="").returncode == 0
    assert migrate("-f", tmp_path / "none.yaml").returncode == 1
    assert migrate("-f", "-", text="a: [").returncode == 1
    assert migrate("--no-such-flag").returncode == 64
    assert migrate("-f", "-", "-o", "table", text="").returncode == 64
    assert "Examples" in migrate("--help").stdout
