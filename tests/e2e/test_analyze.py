"""fairway analyze: files, standard input, a real API server, and files on top of it."""

import json
import os
import subprocess

import pytest
import yaml

from harness import ROOT
from processes import binary

CASES = ROOT / "tests" / "unit" / "analyze" / "cases"
BASE = CASES / "base.yaml"
ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: web
  namespace: shop
spec:
  hosts: [web]
  http:
    - route:
        - destination:
            host: {host}
"""


def analyze(*arguments, text=None, kubeconfig="/nonexistent"):
    return subprocess.run(
        [binary(), "analyze", *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "KUBECONFIG": str(kubeconfig), "NO_COLOR": "1"},
    )


def files(*arguments, text=None):
    return analyze("--use-kube=false", *arguments, text=text)


def findings(done):
    return json.loads(done.stdout)["findings"]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(name="typo")
def a_file_with_a_slip_of_the_pen(tmp_path):
    return write(tmp_path / "web.yaml", ROUTE.format(host="wbe"))


def test_a_healthy_set_of_files_has_no_findings():
    done = files(BASE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "No findings: all is well.\n"


def test_a_typo_is_found_with_its_line(typo):
    done = files(BASE, typo)
    assert done.returncode == 79
    assert f"{typo}:12" in done.stdout
    assert "FW0210 (IST0101)  error  VirtualService shop/web" in done.stdout
    assert "host wbe" in done.stdout
    assert "docs/reference/analyze.md#fw0210" in done.stdout
    assert "1 error, 0 warnings, 0 notes." in done.stdout


def test_outputs_for_programs(typo):
    done = files("-o", "json", BASE, typo)
    assert done.returncode == 79
    (found,) = findings(done)
    assert found["code"] == "FW0210" and found["istio"] == ["IST0101"] and found["severity"] == "error"
    assert found["object"] == "VirtualService shop/web"
    assert found["field"] == "spec.http[0].route[0].destination.host"
    assert found["source"] == f"{typo}:12"
    assert found["message"] and found["fix"]
    assert yaml.safe_load(files("-o", "yaml", BASE, typo).stdout) == json.loads(done.stdout)
    table = files("-o", "table", BASE, typo).stdout.splitlines()
    assert table[0].split() == ["SEVERITY", "CODE", "ISTIO", "OBJECT", "AT", "FOUND"]
    assert table[1].split()[:3] == ["error", "FW0210", "IST0101"]
    assert len(table) == 4


def test_thresholds_and_suppressions(tmp_path, typo):
    port = "apiVersion: v1\nkind: Service\nmetadata: {name: odd, namespace: shop}\nspec: {ports: [{name: x, port: 7000}]}\n"
    note = write(tmp_path / "odd.yaml", port)
    assert files(BASE, note).returncode == 0
    assert "FW0274 (IST0118)  info" in files(BASE, note).stdout
    assert files("--failure-threshold", "Info", BASE, note).returncode == 79
    hidden = files("--failure-threshold", "info", "--output-threshold", "Warning", BASE, note)
    assert hidden.returncode == 79 and "FW0274" not in hidden.stdout
    for suppression in ("IST0101=VirtualService web.shop", "FW0210=*.shop"):
        assert files("-S", suppression, BASE, typo).returncode == 0
    assert files("-S", "IST0101=Gateway *", BASE, typo).returncode == 79
    assert files("-S", "IST0101", BASE).returncode == 64
    assert files("--suppress", "IST9999=Pod a.b", BASE).returncode == 64
    assert files("--failure-threshold", "Fatal", BASE).returncode == 64


def test_files_that_cannot_be_read(tmp_path, typo):
    broken = write(tmp_path / "broken.yaml", "a: b\nc: [\n")
    done = files("-o", "json", BASE, broken, typo)
    assert done.returncode == 79
    assert sorted(found["code"] for found in findings(done)) == ["FW0200", "FW0210"]
    assert next(found for found in findings(done) if found["code"] == "FW0200")["source"].startswith(f"{broken}:")
    assert [found["code"] for found in findings(files("--ignore-unknown", "-o", "json", BASE, broken, typo))] == ["FW0210"]
    missing = files(BASE, tmp_path / "none.yaml")
    assert missing.returncode == 1 and "none.yaml" in missing.stderr
    assert files().returncode == 64
    assert analyze(BASE).returncode == 1  # there is no cluster


def test_folders_and_standard_input(tmp_path):
    write(tmp_path / "set" / "base.yaml", BASE.read_text(encoding="utf-8"))
    write(tmp_path / "set" / "below" / "web.yaml", ROUTE.format(host="wbe"))
    assert files(tmp_path / "set").returncode == 0
    assert files("-R", tmp_path / "set").returncode == 79
    piped = files("-o", "json", BASE, "-", text=ROUTE.format(host="wbe"))
    assert piped.returncode == 79
    assert findings(piped)[0]["source"] == "stdin:12"


def test_an_object_without_a_namespace_is_in_that_of_the_option(tmp_path):
    route = write(tmp_path / "web.yaml", ROUTE.format(host="web").replace("  namespace: shop\n", ""))
    assert files("-n", "shop", BASE, route).returncode == 0
    assert files(BASE, route).returncode == 79


def test_the_settings_of_the_mesh_from_a_file(tmp_path):
    policy = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ask, namespace: shop}
spec: {selector: {matchLabels: {app: web}}, action: CUSTOM, provider: {name: checker}, rules: [{}]}
"""
    settings = "extensionProviders: [{name: checker, envoyExtAuthzHttp: {service: web.shop.svc.cluster.local, port: 80}}]\n"
    asked = write(tmp_path / "ask.yaml", policy)
    assert files("--meshConfigFile", write(tmp_path / "mesh.yaml", settings), BASE, asked).returncode == 0
    other = write(tmp_path / "other.yaml", settings.replace("checker", "another"))
    assert "FW0218" in files("--meshConfigFile", other, BASE, asked).stdout


def test_help_and_list():
    shown = analyze("--help").stdout
    for option in ("--use-kube", "--all-namespaces", "--failure-threshold", "--suppress", "--recursive", "Examples"):
        assert option in shown
    listed = analyze("--list-analyzers")
    assert listed.returncode == 0
    assert "virtualservice.destinations" in listed.stdout and "IST0101" in listed.stdout
    script = subprocess.run([binary(), "completion", "bash"], capture_output=True, text=True, check=True, timeout=60)
    assert "analyze" in script.stdout and "--failure-threshold" in script.stdout


def test_the_examples_have_no_errors():
    for example in ("onap/base", "hyperledger"):
        done = files("-R", "-o", "json", ROOT / "examples" / example)
        assert done.returncode == 0, [found for found in findings(done) if found["severity"] == "error"]


def test_a_cluster_and_files_on_top_of_it(lab, typo):
    lab.api_server()
    lab.api.apply(BASE.read_text(encoding="utf-8").replace("---\n# ", "# "))

    def cluster(*arguments):
        return analyze(*arguments, kubeconfig=lab.api.admin)

    healthy = cluster("-A")
    assert healthy.returncode == 0, healthy.stdout + healthy.stderr

    before = cluster("-o", "json", typo)
    assert before.returncode == 79
    assert [found["code"] for found in findings(before)] == ["FW0210"]
    assert "VirtualService" not in lab.api.kubectl("get", "virtualservices", "-n", "shop", "web", "--ignore-not-found")

    lab.api.apply(ROUTE.format(host="wbe"))
    applied = cluster("-A", "-o", "json")
    assert applied.returncode == 79
    (found,) = findings(applied)
    assert found["code"] == "FW0210" and "source" not in found
    assert cluster("-n", "shop").returncode == 79
    assert cluster("-n", "default").returncode == 0
    assert cluster().returncode == 0  # namespace default

    corrected = write(typo.parent / "right.yaml", ROUTE.format(host="web"))
    assert cluster("-A", corrected).returncode == 0


def test_what_may_not_be_read_is_said_and_not_missed(lab):
    lab.api_server()
    lab.api.apply(BASE.read_text(encoding="utf-8"))
    tls = {"mode": "SIMPLE", "credentialName": "shop"}
    server = {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": ["a.example.com"], "tls": tls}
    gateway = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "secure", "namespace": "shop"},
        "spec": {"selector": {"istio": "ingressgateway"}, "servers": [server]},
    }
    lab.api.apply(yaml.safe_dump(gateway))
    assert [found["code"] for found in findings(analyze("-A", "-o", "json", kubeconfig=lab.api.admin))] == ["FW0214"]
    reader = analyze("-A", "-o", "json", kubeconfig=lab.api.reader)  # may list secrets, but get none
    assert reader.returncode == 0
    assert "secrets" in reader.stderr
