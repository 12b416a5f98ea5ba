"""examples/onap/charts and examples/hyperledger: helm renders them, a real API server takes them, and they fit together."""

import json
import re
import sys

import pytest
import yaml

from harness import ROOT
from processes import Failed

sys.path.insert(0, str(ROOT / "tools" / "onap"))

import onap_charts  # noqa: E402  pylint: disable=wrong-import-position

ONAP = ROOT / "examples" / "onap"
HYPERLEDGER = ROOT / "examples" / "hyperledger"
PROTOCOL_SUFFIX = re.compile(r"(http|https|http2|grpc|tcp)-[a-z0-9-]+")

# The Services of the documents: name -> port (or port:node port), ...
DOCUMENTED = {
    "msb-consul": "8500:30285",
    "msb-discovery": "10081:30281",
    "msb-eag": "80:30282,443:30284",
    "msb-iag": "80:30280,443:30283",
    "multicloud": "9001:30291",
    "multicloud-ocata": "9006:30293",
    "multicloud-vio": "9004:30292",
    "multicloud-windriver": "9005:30294",
    "vfc-catalog": "8806",
    "vfc-ems-driver": "8206",
    "vfc-generic-vnfm-driver": "8484",
    "vfc-huawei-vnfm-driver": "8482,8483",
    "vfc-juju-vnfm-driver": "8483",
    "vfc-multivim-proxy": "8481",
    "vfc-nokia-v2vnfm-driver": "8089",
    "vfc-nokia-vnfm-driver": "8486",
    "vfc-nslcm": "8403",
    "vfc-resmgr": "8480",
    "vfc-vnflcm": "8801",
    "vfc-vnfmgr": "8803",
    "vfc-vnfres": "8802",
    "vfc-workflow": "10550",
    "vfc-workflow-engine": "8080",
    "vfc-zte-sdnc-driver": "8411",
    "vfc-zte-vnfm-driver": "8410",
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("charts")
    onap_charts.pack(scratch / "repository", scratch)
    return onap_charts.renderings(scratch, scratch / "repository")


def of_kind(objects, kind):
    return {o["metadata"]["name"]: o for o in objects if o["kind"] == kind}


def whole(rendered):
    return [o for part in onap_charts.PARTS for o in rendered[part]]


def app_config(config_map):
    return json.loads(config_map["data"]["config.json"])[0]


def test_services_are_those_of_the_documents(rendered):
    services = of_kind(whole(rendered), "Service")
    seen = {
        name: ",".join(f"{p['port']}:{p['nodePort']}" if "nodePort" in p else str(p["port"]) for p in s["spec"]["ports"])
        for name, s in services.items()
    }
    assert seen.pop("kube2msb") == "8080"  # the documents list its pod only
    assert seen == DOCUMENTED
    for service in services.values():
        for port in service["spec"]["ports"]:
            assert PROTOCOL_SUFFIX.fullmatch(port["name"]), port


def test_each_part_fits_together(rendered):
    """Services select their pods and their ports, what is called exists, and all probes ask a port that is there."""
    objects = whole(rendered)
    services, configs = of_kind(objects, "Service"), of_kind(objects, "ConfigMap")
    deployments = of_kind(objects, "Deployment")
    accounts = set(of_kind(rendered["onap, all charts disabled"], "ServiceAccount"))
    open_ports = {(name, p["port"]) for name, s in services.items() for p in s["spec"]["ports"]}
    for name, deployment in deployments.items():
        template = deployment["spec"]["template"]
        container = template["spec"]["containers"][0]
        service = services[container["name"]]
        ports = {p["containerPort"] for p in container["ports"]}
        assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
        assert {p["targetPort"] for p in service["spec"]["ports"]} == ports
        assert template["spec"]["serviceAccountName"] in accounts
        for probe in (container["livenessProbe"], container["readinessProbe"]):
            assert (probe.get("httpGet") or probe["tcpSocket"])["port"] in ports
        app = app_config(configs[name])
        listening = app["listen"] + app.get("tls", {}).get("listen", [])
        assert {int(a.rsplit(":", 1)[1]) for a in listening} == ports
        targets = [t["address"] for t in app["forward"].values()]
        targets += [call["address"] for calls in app["calls"].values() for call in calls]
        for target in targets:
            host, port = target.split(":")
            assert (host, int(port)) in open_ports, f"{name} calls {target}"


def test_who_gets_a_sidecar(rendered):
    def words(key):
        found = {}
        for deployment in of_kind(rendered[key], "Deployment").values():
            template = deployment["spec"]["template"]
            word = template["metadata"]["annotations"].get("sidecar.istio.io/inject")
            found[template["spec"]["containers"][0]["name"]] = word
        return found

    for part in onap_charts.PARTS:
        asking = words(part)
        assert asking.pop("kube2msb", "false") == "false"
        assert set(asking.values()) == {"true"}
        left = words(f"{part}, the namespace decides")
        assert left.pop("kube2msb", "false") == "false"
        assert set(left.values()) == {None}
    small = [name for part in onap_charts.PARTS for name in words(f"{part}, small")]
    assert sorted(small) == ["msb-iag", "multicloud", "multicloud-vio", "vfc-nslcm"]


def test_liveness_probes_can_be_switched_off_as_in_the_documents(rendered):
    for deployment in of_kind(rendered["multicloud without liveness probes"], "Deployment").values():
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        assert "livenessProbe" not in container and "readinessProbe" in container


def test_deploymentconfig_runs_what_the_deployment_runs():
    (config,) = yaml.safe_load_all((HYPERLEDGER / "composer-deploymentconfig.yaml").read_text(encoding="utf-8"))
    deployment = of_kind(yaml.safe_load_all((HYPERLEDGER / "composer.yaml").read_text(encoding="utf-8")), "Deployment")
    assert config["kind"] == "DeploymentConfig"
    assert config["spec"]["template"] == deployment["composer"]["spec"]["template"]


def test_a_real_api_server_takes_them(lab, rendered):
    api = lab.api_server()
    for namespace in ("onap", "legacy", "hyperledger"):
        api.kubectl("create", "namespace", namespace)
    for title, objects in rendered.items():
        answer = api.kubectl("apply", "--dry-run=server", "--namespace=onap", "-f", "-", text=yaml.safe_dump_all(objects))
        assert len(answer.splitlines()) == len(objects)
        assert "Warning" not in answer
        print(f"  {title}: {len(objects)} objects")
    # Written for good, node ports and names must be free.
    api.apply(yaml.safe_dump_all(o | {"metadata": {**o["metadata"], "namespace": "onap"}} for o in whole(rendered)))

    for file in (*(ONAP / "steps").glob("*.yaml"), *(ONAP / "clients").glob("*.yaml"), *HYPERLEDGER.glob("*.yaml")):
        if file.name != "composer-deploymentconfig.yaml":
            api.apply(file.read_text(encoding="utf-8"))
            print(f"  {file.relative_to(ROOT)}")
    with pytest.raises(Failed, match="DeploymentConfig"):  # a kind of OpenShift's
        api.apply((HYPERLEDGER / "composer-deploymentconfig.yaml").read_text(encoding="utf-8"))
