"""What injection writes is what Kubernetes takes: the API server validates each golden case, strictly."""

import yaml

from harness import ROOT
from harness.apiserver import ApiServer

CASES = ROOT / "tests" / "unit" / "inject" / "cases"


def pod_of(value):
    """The pod in a workload; None if there is none."""
    if value.get("kind") == "Pod":
        return {key: value[key] for key in ("metadata", "spec")}
    spec = value.get("spec", {})
    if "jobTemplate" in spec:
        spec = spec["jobTemplate"]["spec"]
    template = spec.get("template")
    return template if template and "spec" in template else None


def objects(value):
    if value.get("kind") == "List":
        for item in value["items"]:
            yield from objects(item)
    else:
        yield value


def injected_pods():
    for file in sorted(CASES.glob("*/out.yaml")):
        for number, document in enumerate(yaml.safe_load_all(file.read_text(encoding="utf-8"))):
            for index, value in enumerate(objects(document)):
                pod = pod_of(value)
                if pod and "sidecar.istio.io/status" in pod.get("metadata", {}).get("annotations", {}):
                    yield f"{file.parent.name}-{number}-{index}", pod


def test_the_api_server_takes_every_injected_pod(lab):
    api = lab.add(ApiServer(lab.directory / "kubernetes"))
    count = 0
    for name, pod in injected_pods():
        # The account is what admission fills in, which this API server does without.
        spec = {"serviceAccountName": "default", **pod["spec"], "restartPolicy": "Always"}
        metadata = {**pod["metadata"], "name": name, "namespace": "default"}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        taken = api.do("POST", "/api/v1/namespaces/default/pods?dryRun=All&fieldValidation=Strict", body)
        containers = taken["spec"].get("initContainers", []) + taken["spec"]["containers"]
        assert [c["name"] for c in containers].count("istio-proxy") == 1, name
        count += 1
    assert count >= 12
