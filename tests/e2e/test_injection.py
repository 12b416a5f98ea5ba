"""What injection writes is what Kubernetes takes: the API server validates each golden case, strictly; and asks the webhook."""

import base64
import json

import yaml

from harness import ROOT
from harness.apiserver import ApiServer
from processes import wait_for

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


PROXY_CONFIGS = """
apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: {name: mesh, namespace: istio-system}
spec: {concurrency: 1, environmentVariables: {A: mesh, B: mesh, C: mesh, D: mesh}}
---
apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: {name: all, namespace: onap}
spec: {environmentVariables: {B: namespace, C: namespace, D: namespace}}
---
apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: {name: web, namespace: onap}
spec:
  selector: {matchLabels: {app: web}}
  concurrency: 3
  environmentVariables: {D: selected}
  image: {imageType: debug}
"""


def injector(plane):
    """The webhook as a chart installs it, but for where the API server finds it."""
    address = json.loads((plane.state / "addresses.json").read_text(encoding="utf-8"))["webhook"]
    bundle = base64.b64encode((plane.state / "root.pem").read_bytes()).decode()
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "injector"},
        "webhooks": [
            {
                "name": "namespace.sidecar-injector.istio.io",
                "clientConfig": {"url": f"https://{address}/inject", "caBundle": bundle},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }


def test_proxy_configs_through_the_webhook(lab):
    """The API server asks the webhook about each pod; ProxyConfigs and annotations count in Istio's order."""
    api = lab.api_server()
    lab.apply_base()
    plane = lab.kubernetes_control_plane(insecure=True, extra=["--webhook-address", "127.0.0.1:0"])
    api.apply(PROXY_CONFIGS)
    api.do("POST", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", injector(plane))

    def proxy(app, annotations=None):
        """The sidecar of a pod with this label: its variables and image."""
        metadata = {"generateName": "pod-", "labels": {"app": app}, "annotations": annotations or {}}
        spec = {"serviceAccountName": "default", "containers": [{"name": "app", "image": "app:1"}]}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        made = api.do("POST", "/api/v1/namespaces/onap/pods?dryRun=All", body)["spec"]
        found = [c for c in made.get("initContainers", []) + made["containers"] if c["name"] == "istio-proxy"]
        if not found:
            return None
        return {**{e["name"]: e.get("value") for e in found[0]["env"]}, "image": found[0]["image"]}

    def values(sidecar):
        return sidecar and [sidecar.get(name) for name in ("FAIRWAY_CONCURRENCY", "A", "B", "C", "D")]

    # The configuration of a webhook takes a moment to be in effect, and objects to be known.
    wait_for(lambda: values(proxy("web")) == ["3", "mesh", "namespace", "namespace", "selected"], 60, lambda: values(proxy("web")))
    assert proxy("web")["image"].endswith("-debug")
    assert values(proxy("other")) == ["1", "mesh", "namespace", "namespace", "namespace"]
    assert not proxy("other")["image"].endswith("-debug")

    print("  the pod's annotation beats what is for all pods, not what selects it")
    config = {"proxy.istio.io/config": "{concurrency: 2, proxyMetadata: {C: pod, D: pod}, image: {imageType: default}}"}
    assert values(proxy("other", config)) == ["2", "mesh", "namespace", "pod", "pod"]
    assert values(proxy("web", config)) == ["3", "mesh", "namespace", "pod", "selected"]
    assert proxy("web", config)["image"].endswith("-debug")

    print("  and what the webhook did is counted")
    before = plane.metrics()
    proxy("web")
    proxy("web", {"sidecar.istio.io/inject": "false"})
    after = plane.metrics()

    def rise(name):
        return after[name] - before[name]

    assert rise("sidecar_injection_requests_total") == 2
    assert rise("sidecar_injection_success_total") == 1
    assert rise("sidecar_injection_skip_total") == 1
    assert rise("sidecar_injection_failure_total") == 0
    assert rise("sidecar_injection_time_seconds_count") == 2
