"""docs/reference/networking-api.md says which fields of Istio's networking API do nothing: each is there, and `fairway analyze` names it."""

import json
import re
import subprocess

import yaml

from harness import ROOT
from processes import binary

PAGE = (ROOT / "docs" / "reference" / "networking-api.md").read_text(encoding="utf-8")
HTTPS = {"number": 443, "name": "https", "protocol": "HTTPS"}
TLS = ("credentialNames", "tlsCertificates", "caCertCredentialName", "caCrl", "verifyCertificateSpki", "verifyCertificateHash")
ENTRY = {"hosts": ["b.example.com"], "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}], "resolution": "STATIC"}
WEB = {"destination": {"host": "b.example.com", "port": {"number": 80, "name": "http"}}}
SPECS = [
    ("VirtualService", {"hosts": ["b.example.com"], "http": [{
        "websocketUpgrade": True, "route": [WEB], "fault": {
            "delay": {"fixedDelay": "1s", "exponentialDelay": "1s", "percentage": {"value": 1}},
            "abort": {"httpStatus": 500, "http2Error": "x", "percentage": {"value": 1}}}}]},
     {"websocketUpgrade", "exponentialDelay", "http2Error", "destination.port.name"}),
    ("DestinationRule", {"host": "b.example.com", "trafficPolicy": {
        "loadBalancer": {"simple": "ROUND_ROBIN", "zoneAwareLbSetting": {}}, "retryBudget": {"budgetInterval": "1s"},
        "portLevelSettings": [{"port": {"number": 80, "name": "http"}}]}},
     {"zoneAwareLbSetting", "budgetInterval", "port.name"}),
    ("Gateway", {"servers": [{
        "port": {**HTTPS, "targetPort": 8443}, "defaultEndpoint": "127.0.0.1:1", "hosts": ["*"],
        "tls": {"mode": "SIMPLE", "credentialName": "x", **{name: ["x"] for name in TLS}}}]},
     {"port.targetPort", "defaultEndpoint", *TLS}),
    ("Gateway", {"servers": [{"port": {**HTTPS, "protocol": "TLS"}, "hosts": ["*"], "tls": {"mode": "AUTO_PASSTHROUGH"}}]}, {"tls.mode"}),
    ("ServiceEntry", {**ENTRY, "endpoints": [{"address": "10.0.0.1", "network": "n"}]}, {"network"}),
    ("ServiceEntry", {**ENTRY, "endpoints": [{"address": "unix:///run/x"}]}, {"address"}),
    ("WorkloadEntry", {"address": "10.0.0.1", "network": "n", "labels": {"app": "a"}}, {"network"}),
    ("WorkloadGroup", {"template": {"address": "10.0.0.1", "network": "n"}}, {"template.address", "template.network"}),
    ("Sidecar", {"ingress": [{"port": {"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 80}, "defaultEndpoint": "127.0.0.1:80"}]},
     {"port.targetPort"}),
]  # fmt: skip


def found(text):
    """The fields that are told about, without their indexes."""
    done = subprocess.run(
        [binary(), "analyze", "--use-kube=false", "-o", "json", "-"], input=text, capture_output=True, text=True, check=False, timeout=120
    )
    findings = json.loads(done.stdout)["findings"]
    return [(re.sub(r"\[\d+\]", "", finding.get("field", "")), finding) for finding in findings]


def test_fields_without_effect_are_named():
    for number, (kind, spec, fields) in enumerate(SPECS):
        made = {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": f"a{number}", "namespace": "shop"}, "spec": spec}
        told = found(yaml.safe_dump(made))
        for field in fields:
            assert any(name.endswith(f".{field}") for name, _ in told), (kind, field, told)
            assert f"{field.rsplit('.', 1)[-1]}" in PAGE, f"{field} is not in the page"


def test_the_mesh_settings_of_the_page_are_those_that_do_nothing():
    """And no others."""
    listed = re.search(r"settings \(`meshConfig`\) these do nothing.*?What is read", PAGE, re.S).group()
    names = set(re.findall(r"`([A-Za-z]+)`", listed)) - {"meshConfig"}
    source = (ROOT / "operator" / "api" / "mesh_config_json.cpp").read_text(encoding="utf-8")
    table = re.search(r"kWithoutEffect\[\] = \{(.*?)\};", source, re.S).group(1)
    assert names == set(re.findall(r'"(\w+)"', table))
    mesh = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"},
            "data": {"mesh": yaml.safe_dump({name: {} for name in names})}}  # fmt: skip
    told = found(yaml.safe_dump(mesh))
    for name in names:
        assert any(field.endswith(f".{name}") for field, _ in told), (name, told)
