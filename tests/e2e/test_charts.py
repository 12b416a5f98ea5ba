"""The charts and manifests/ on a real API server: installed, upgraded, side by side, removed. No pods run here."""

import base64
import json
import re

import pytest
import yaml

from harness import ROOT
from harness.apiserver import ApiServer
from harness.helm import Helm, charts
from processes import Failed, wait_for

OURS = "app.kubernetes.io/part-of=fairway"
KINDS = (
    "deployments,services,serviceaccounts,configmaps,roles,rolebindings,poddisruptionbudgets,horizontalpodautoscalers,"
    "networkpolicies,mutatingwebhookconfigurations,validatingwebhookconfigurations,clusterroles,clusterrolebindings"
)
EVERYTHING = {
    "fairway-base": {"userRoles.edit": True},
    "fairway": {
        "revision": "canary",
        "revisionTags": ["prod", "default"],
        "autoscaling.enabled": True,
        "networkPolicy.enabled": True,
        "injection.enableNamespacesByDefault": True,
        "global.imagePullSecrets": [{"name": "regcred"}],
        "podDisruptionBudget.minAvailable": "50%",
    },
    "gateway": {
        "revision": "canary",
        "autoscaling.enabled": True,
        "service.nodePorts": {"http2": 31380, "https": 31390, "tcp": 31400},
        "service.ports": [
            {"name": "http2", "port": 80},
            {"name": "https", "port": 443, "appProtocol": "https"},
            {"name": "tcp", "port": 31400},
        ],
        "service.externalTrafficPolicy": "Local",
        "service.loadBalancerSourceRanges": ["10.0.0.0/8"],
        "service.ipFamilyPolicy": "SingleStack",
        "service.ipFamilies": ["IPv4"],
    },
    "addons": {"prometheus.service.type": "NodePort", "prometheus.service.nodePort": 30900},
}
POLICY = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: kept, namespace: default}
spec: {action: DENY}
"""


@pytest.fixture(name="api")
def api_fixture(lab):
    return lab.add(ApiServer(lab.directory / "kubernetes"))


@pytest.fixture(name="helm")
def helm_fixture(api, lab):
    return Helm(api, lab.directory / "helm")


def ours(api, *options):
    """kind/name of everything of ours; what makes a release is Helm's own and not counted."""
    names = api.kubectl("get", KINDS, "-n", charts.NAMESPACE, "-l", OURS, "-o", "name", *options)
    return {name.replace(".apps", "") for name in names.split()}


def served(api):
    """Whether all definitions are there and established."""
    items = json.loads(api.kubectl("get", "customresourcedefinitions", "-o", "json"))["items"]
    conditions = [{c["type"]: c["status"] for c in i.get("status", {}).get("conditions") or []} for i in items]
    return bool(items) and all(c.get("Established") == "True" for c in conditions)


def dry_run(api, text):
    api.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", text=text)


def test_every_object_is_accepted(api):
    api.kubectl("create", "namespace", charts.NAMESPACE)
    for chart in charts.NAMES:
        for values in ({}, EVERYTHING[chart]):
            found = charts.objects(charts.render(chart, "istio-gateway", values, options=["--skip-tests"]))
            # The Prometheus operator's kinds are not here; test_addons.py looks at what is in them.
            dry_run(api, yaml.safe_dump_all(o for o in found if not o["apiVersion"].startswith("monitoring.coreos.com/")))


def test_the_pod_of_helm_test_must_be_injected(api):
    """Its volume is one that injection adds; without, the API server refuses it, and so does `helm test`."""
    (pod_of_test,) = charts.objects(charts.render("fairway", "fairway", options=["-s", "templates/tests/*"]))
    assert pod_of_test["metadata"]["annotations"]["helm.sh/hook"] == "test"
    with pytest.raises(Failed) as refused:
        dry_run(api, json.dumps(pod_of_test))
    assert 'volumeMounts[0].name: Not found: "istiod-ca-cert"' in str(refused.value)
    pod_of_test["spec"]["volumes"] = [{"name": "istiod-ca-cert", "emptyDir": {}}]
    dry_run(api, json.dumps(pod_of_test))


def test_the_service_graph_asks_every_replica():
    """Each knows the calls of its own proxies alone: the name has to have all addresses."""
    graph = json.dumps(charts.objects(charts.render("addons", "addons")))
    (name,) = re.findall(r"--control-plane=([^\s\"]+)", graph)
    host, port = name.split(":")
    services = {f"{o['metadata']['name']}.{o['metadata']['namespace']}": o["spec"]
                for o in charts.objects(charts.render("fairway", "fairway")) if o["kind"] == "Service"}
    assert services[host]["clusterIP"] == "None"
    assert int(port) in [p["port"] for p in services[host]["ports"]]
    assert services[host]["selector"] == services[host.replace("-replicas", "")]["selector"]


def test_plain_manifests_are_enough(api):
    for name in ("base", "fairway", "istio-ingressgateway", "istio-egressgateway"):
        api.kubectl("apply", "--server-side", "-f", ROOT / "manifests" / f"{name}.yaml")
    deployments = api.kubectl("get", "deployments", "-n", charts.NAMESPACE, "-o", "name").split()
    assert deployments == [f"deployment.apps/{n}" for n in ("fairway", "istio-egressgateway", "istio-ingressgateway")]
    # Once more: an upgrade changes nothing, and takes nothing from others.
    bundle(api, "istio-sidecar-injector")
    api.kubectl("apply", "--server-side", "-f", ROOT / "manifests" / "fairway.yaml")
    assert all(bundles(api, "istio-sidecar-injector"))


# --- install, upgrade, uninstall -----------------------------------------------------------------------


def webhooks(api, name):
    kind = "validatingwebhookconfiguration" if "validator" in name else "mutatingwebhookconfiguration"
    return json.loads(api.kubectl("get", kind, name, "-o", "json"))["webhooks"]


def bundle(api, name):
    """Puts a certificate authority into the webhooks, as the control plane does."""
    kind = "validatingwebhookconfiguration" if "validator" in name else "mutatingwebhookconfiguration"
    pem = api.certificates.ca.read_bytes()
    entries = [
        {"name": w["name"], "clientConfig": {"caBundle": base64.b64encode(pem).decode()}}
        for w in webhooks(api, name)
    ]
    api.kubectl("patch", kind, name, "--type=strategic", "-p", json.dumps({"webhooks": entries}))


def bundles(api, name):
    """For each webhook whether it has a certificate authority."""
    return [bool(w["clientConfig"].get("caBundle")) for w in webhooks(api, name)]


def test_install_upgrade_uninstall(api, helm):
    notes = helm.install("fairway-base", "fairway-base")
    assert "helm install fairway" in notes
    wait_for(lambda: served(api), 60, "the definitions to be established")
    api.apply(POLICY)  # while no webhook is asked
    notes = helm.install("fairway", "fairway", global__imagePullPolicy="Never")
    assert "kubectl label namespace NAMESPACE istio-injection=enabled" in notes and "WARNING" not in notes
    notes = helm.install("istio-ingressgateway", "gateway", service__nodePorts={"http2": 31380, "https": 31390})
    assert "cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account" in notes
    ports = json.loads(api.kubectl("get", "service", "istio-ingressgateway", "-n", charts.NAMESPACE, "-o", "json"))
    assert [p.get("nodePort") for p in ports["spec"]["ports"]][1:] == [31380, 31390]

    for name in ("istio-sidecar-injector", "istio-validator"):
        bundle(api, name)
    notes = helm.upgrade("fairway", "fairway", replicas=1, injection__policy="disabled", injection__timeoutSeconds=9)
    assert "WARNING: with one replica" in notes and "injection policy is `disabled`" in notes
    for name in ("istio-sidecar-injector", "istio-validator"):
        assert all(bundles(api, name)), "an upgrade took the certificate authority from the webhooks"
    assert {w["timeoutSeconds"] for w in webhooks(api, "istio-sidecar-injector")} == {9}
    assert "poddisruptionbudget.policy/fairway" not in ours(api)
    config = api.kubectl("get", "configmap", "istio-sidecar-injector", "-n", charts.NAMESPACE, "-o", "json")
    assert yaml.safe_load(json.loads(config)["data"]["config.yaml"])["policy"] == "disabled"

    for release in ("istio-ingressgateway", "fairway", "fairway-base"):
        helm.uninstall(release)
    assert not ours(api)
    kept = api.kubectl("get", "authorizationpolicies", "-A", "-o", "name").split()
    assert kept == ["authorizationpolicy.security.istio.io/kept"], "removing the charts removed users' policies"
    helm.install("fairway-base", "fairway-base")  # takes over the definitions that it left


def test_definitions_are_updated(api, helm):
    """Helm installs what is in a chart's crds/ once and never again."""
    helm.install("fairway-base", "fairway-base")
    name = "gateways.networking.istio.io"
    old = '{"spec": {"names": {"categories": ["old"]}}}'
    api.kubectl("patch", "crd", name, "--type=merge", "-p", old)
    api.kubectl("annotate", "crd", name, "helm.sh/resource-policy-")
    helm.upgrade("fairway-base", "fairway-base", userRoles__edit=True)
    crd = json.loads(api.kubectl("get", "crd", name, "-o", "json"))
    assert "istio-io" in crd["spec"]["names"]["categories"]
    assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


# --- revisions -----------------------------------------------------------------------------------------


def tags(api):
    """Tag: the Services that its webhooks call."""
    text = api.kubectl("get", "mutatingwebhookconfigurations", "-l", "istio.io/tag", "-o", "json")
    found = {}
    for item in json.loads(text)["items"]:
        services = {w["clientConfig"]["service"]["name"] for w in item["webhooks"]}
        found.setdefault(item["metadata"]["labels"]["istio.io/tag"], set()).update(services)
    return found


def test_two_revisions_side_by_side_and_a_tag_that_moves(api, helm):
    helm.install("fairway", "fairway", revisionTags=["prod"])
    old = ours(api)
    notes = helm.install("fairway-canary", "fairway", revision="canary")
    assert "istio.io/rev=canary" in notes
    assert old < ours(api) and "deployment/fairway-canary" in ours(api)
    assert ours(api, "-l", OURS + ",istio.io/rev=canary") == ours(api) - old
    assert tags(api) == {"prod": {"fairway"}}

    notes = helm.upgrade("fairway-canary", "fairway", revision="canary", revisionTags=["prod"])
    assert "istio.io/rev=prod" in notes
    assert tags(api) == {"prod": {"fairway", "fairway-canary"}}
    helm.upgrade("fairway", "fairway", revisionTags=[])
    assert tags(api) == {"prod": {"fairway-canary"}}

    canary = ours(api, "-l", OURS + ",istio.io/rev=canary")
    helm.uninstall("fairway")
    assert ours(api) == canary


def test_one_revision_twice_is_refused(api, helm):
    helm.install("fairway", "fairway")
    before = ours(api)
    with pytest.raises(charts.HelmFailed) as refused:
        helm.install("again", "fairway")
    assert 'annotation validation error: key "meta.helm.sh/release-name" must equal "again"' in str(refused.value)
    assert ours(api) == before


# --- security ------------------------------------------------------------------------------------------


def test_pods_are_what_pod_security_restricted_allows(api):
    api.kubectl("create", "namespace", charts.NAMESPACE)
    api.kubectl("label", "namespace", charts.NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    for chart in ("fairway", "gateway", "addons"):
        found = charts.objects(charts.render(chart, "istio-gateway"))
        pods = [dict(o["spec"]["template"], kind="Pod", apiVersion="v1") for o in found if o["kind"] == "Deployment"]
        for pod in pods:
            pod["metadata"]["name"] = "x"
            api.kubectl("create", "--dry-run=server", "-n", charts.NAMESPACE, "-f", "-", text=json.dumps(pod))
            pod["spec"]["containers"][0]["securityContext"].pop("allowPrivilegeEscalation")
            with pytest.raises(Failed):  # it does look
                api.kubectl("create", "--dry-run=server", "-n", charts.NAMESPACE, "-f", "-", text=json.dumps(pod))


MAY = (
    "list secrets -A", "watch pods -A", "list virtualservices.networking.istio.io -A", "create tokenreviews",
    "patch configmaps/istio-ca-root-cert -n default", "create configmaps -n default",
    "patch mutatingwebhookconfigurations/istio-sidecar-injector",
    "patch mutatingwebhookconfigurations/istio-revision-tag-prod-default",
    "patch validatingwebhookconfigurations/istio-validator",
    "update leases -n istio-system", "get secrets/istio-ca-secret -n istio-system", "create secrets -n istio-system",
    "get configmaps/istio -n istio-system", "create deployments.apps -n default",
)  # fmt: skip
MAY_NOT = (
    "get secrets/other -n istio-system", "update secrets/istio-ca-secret -n istio-system", "create secrets -n default",
    "delete secrets -n istio-system", "patch configmaps/other -n default", "get configmaps/other -n istio-system",
    "create pods -n default", "patch pods -n default", "create daemonsets.apps -n istio-system",
    "update virtualservices.networking.istio.io -n default", "delete authorizationpolicies.security.istio.io -n default",
    "patch mutatingwebhookconfigurations/other", "patch mutatingwebhookconfigurations/istio-sidecar-injector-canary",
    "delete mutatingwebhookconfigurations/istio-sidecar-injector", "create clusterroles", "escalate clusterroles",
    "impersonate users", "update leases -n kube-system", "create serviceaccounts --subresource=token -n default",
)  # fmt: skip


def test_the_control_plane_may_do_what_it_must_and_no_more(api, helm):
    helm.install("fairway-base", "fairway-base")
    helm.install("fairway", "fairway", revisionTags=["prod"])

    def may(question):
        account = f"--as=system:serviceaccount:{charts.NAMESPACE}:fairway"
        try:
            return api.kubectl("auth", "can-i", *question.split(), account).strip() == "yes"
        except Failed:
            return False

    assert [q for q in MAY if not may(q)] == []
    assert [q for q in MAY_NOT if may(q)] == []


def pod(name, **labels):
    labels = {key.replace("_", "-"): value for key, value in labels.items()}
    return json.dumps({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "app", "image": "example/app:1"}]},
    })  # fmt: skip


def test_without_a_control_plane_only_the_mesh_waits(api, helm):
    """An unreachable webhook stops pods that would be in the mesh, and nothing else (CVE-2022-39278's second half)."""
    helm.install("fairway-base", "fairway-base")
    wait_for(lambda: served(api), 60, "the definitions to be established")
    helm.install("fairway", "fairway")
    for name, label in (("meshed", "istio-injection=enabled"), ("plain", "a=b"), (charts.NAMESPACE, "a=b")):
        if name != charts.NAMESPACE:
            api.kubectl("create", "namespace", name)
        api.kubectl("label", "namespace", name, label)
    api.kubectl("label", "namespace", "kube-system", "istio-injection=enabled")  # by mistake
    asks = {"sidecar.istio.io/inject": "true"}

    def webhook_for(namespace, labels=None):
        try:
            api.kubectl("create", "-n", namespace, "--dry-run=server", "-f", "-", text=pod("x", **(labels or {})))
        except Failed as error:
            assert "failed calling webhook" in str(error), error
            return str(error).split('failed calling webhook "')[1].split(".sidecar-injector")[0]
        return None

    assert webhook_for("meshed") == "namespace"
    assert webhook_for("meshed", {"sidecar.istio.io/inject": "false"}) is None
    assert webhook_for("plain") is None
    assert webhook_for("plain", asks) == "object"
    assert webhook_for("plain", {"istio.io/rev": "default"}) == "rev.object"
    assert webhook_for("kube-system") is None and webhook_for("kube-system", asks) is None
    assert webhook_for(charts.NAMESPACE) is None
    assert webhook_for(charts.NAMESPACE, asks) == "object"
    api.kubectl("label", "namespace", charts.NAMESPACE, "istio-injection=enabled")
    assert webhook_for(charts.NAMESPACE) is None
    assert webhook_for(charts.NAMESPACE, asks) == "own.namespace"
    # The control plane's own pods start whatever is down.
    deployment = json.loads(api.kubectl("get", "deployment", "fairway", "-n", charts.NAMESPACE, "-o", "json"))
    assert webhook_for(charts.NAMESPACE, deployment["spec"]["template"]["metadata"]["labels"]) is None

    with pytest.raises(Failed) as refused:
        api.apply(POLICY)
    assert 'failed calling webhook "validation.istio.io"' in str(refused.value)
    api.kubectl("create", "configmap", "free", "-n", "meshed")
