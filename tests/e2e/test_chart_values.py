"""What the charts render, value by value; no cluster. test_charts.py installs them."""

import functools
import itertools

import pytest
import yaml

from harness import helm  # pylint: disable=unused-import  # makes tools/charts importable
from harness.apiserver import READER_RULES, ROOT_RULES
from harness.selectors import called

import charts  # pylint: disable=wrong-import-order

CLUSTER_KINDS = {
    "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition",
    "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
}  # fmt: skip
LABELS = {"name", "instance", "version", "component", "part-of"}

# Every value that makes a difference, with what must be found in the object named.
MATRIX = [
    ("fairway", {"replicas": 3}, "Deployment/fairway", "spec.replicas", 3),
    ("fairway", {"global.hub": "example.org/mesh", "global.tag": "9"}, "Deployment/fairway",
     "spec.template.spec.containers.0.image", "example.org/mesh/fairway:9"),
    ("fairway", {"image": "example.org/f@sha256:00"}, "Deployment/fairway",
     "spec.template.spec.containers.0.image", "example.org/f@sha256:00"),
    ("fairway", {"global.imagePullPolicy": "Never"}, "Deployment/fairway",
     "spec.template.spec.containers.0.imagePullPolicy", "Never"),
    ("fairway", {"global.imagePullSecrets": [{"name": "r"}]}, "ServiceAccount/fairway", "imagePullSecrets.0.name", "r"),
    ("fairway", {"autoscaling.enabled": True}, "Deployment/fairway", "spec.replicas", None),
    ("fairway", {"autoscaling.enabled": True, "autoscaling.maxReplicas": 9}, "HorizontalPodAutoscaler/fairway",
     "spec.maxReplicas", 9),
    ("fairway", {"podDisruptionBudget.minAvailable": "50%"}, "PodDisruptionBudget/fairway", "spec.minAvailable", "50%"),
    ("fairway", {"networkPolicy.enabled": True}, "NetworkPolicy/fairway", "spec.policyTypes", ["Ingress"]),
    ("fairway", {"priorityClassName": "high"}, "Deployment/fairway", "spec.template.spec.priorityClassName", "high"),
    ("fairway", {"topologySpread.topologyKeys": []}, "Deployment/fairway",
     "spec.template.spec.topologySpreadConstraints", None),
    ("fairway", {"nodeSelector": {"a": "b"}}, "Deployment/fairway", "spec.template.spec.nodeSelector", {"a": "b"}),
    ("fairway", {"tolerations": [{"operator": "Exists"}]}, "Deployment/fairway",
     "spec.template.spec.tolerations.0.operator", "Exists"),
    ("fairway", {"podLabels": {"team": "1"}}, "Deployment/fairway", "spec.template.metadata.labels.team",
     "1"),
    ("fairway", {"serviceAccount.annotations": {"a": "b"}}, "ServiceAccount/fairway", "metadata.annotations.a", "b"),
    ("fairway", {"service.annotations": {"a": "b"}}, "Service/istiod", "metadata.annotations.a", "b"),
    ("fairway", {"injection.failurePolicy": "Ignore"}, "MutatingWebhookConfiguration/istio-sidecar-injector",
     "webhooks.0.failurePolicy", "Ignore"),
    ("fairway", {"injection.timeoutSeconds": 3}, "MutatingWebhookConfiguration/istio-sidecar-injector",
     "webhooks.0.timeoutSeconds", 3),
    ("fairway", {"validation.failurePolicy": "Ignore"}, "ValidatingWebhookConfiguration/istio-validator",
     "webhooks.0.failurePolicy", "Ignore"),
    ("fairway", {"resources": {"limits": {"cpu": "1"}}}, "Deployment/fairway",
     "spec.template.spec.containers.0.resources.limits.cpu", "1"),
    ("fairway", {"snapshot.sizeLimit": "1Gi"}, "Deployment/fairway", "spec.template.spec.volumes.1.emptyDir.sizeLimit", "1Gi"),
    ("fairway", {"snapshot.enabled": False}, "Deployment/fairway", "spec.template.spec.volumes.1.name", "injection"),
    ("fairway", {"rateLimit.enabled": True}, "Service/ratelimit", "spec.ports.0.port", 8081),
    ("fairway", {"rateLimit.enabled": True, "rateLimit.image": "example.org/r:1"}, "Deployment/ratelimit",
     "spec.template.spec.containers.0.image", "example.org/r:1"),
    ("fairway", {"rateLimit.enabled": True, "rateLimit.replicas": 3}, "Deployment/ratelimit", "spec.replicas", 3),
    ("fairway", {"rateLimit.enabled": True, "rateLimit.redis.address": "redis.example.org:6379"}, "Deployment/ratelimit",
     "spec.template.spec.containers.0.env.12.value", "redis.example.org:6379"),
    ("fairway", {"rateLimit.enabled": True, "rateLimit.redis.image": "example.org/redis:1"}, "Deployment/ratelimit-redis",
     "spec.template.spec.containers.0.image", "example.org/redis:1"),
    ("fairway", {"rateLimit.enabled": True, "rateLimit.redis.passwordSecret": "s"}, "Deployment/ratelimit-redis",
     "spec.template.spec.containers.0.env.0.valueFrom.secretKeyRef.name", "s"),
    ("fairway", {"test.args": ["check"]}, "Pod/fairway-test", "spec.containers.0.args", ["check"]),
    ("gateway", {"replicas": 1}, "Deployment/istio-ingressgateway", "spec.replicas", 1),
    ("gateway", {"name": "istio-edge"}, "Service/istio-edge", "spec.selector", {"app": "istio-edge", "istio": "edge"}),
    ("gateway", {"labels": {"istio": "other"}}, "Service/istio-ingressgateway", "spec.selector.istio", "other"),
    ("gateway", {"revision": "canary"}, "Deployment/istio-ingressgateway",
     "spec.template.metadata.labels.istio.io/rev", "canary"),
    ("gateway", {"service.nodePorts": {"http2": 31380, "https": 31390}}, "Service/istio-ingressgateway",
     "spec.ports.2.nodePort", 31390),
    ("gateway", {"service.type": "ClusterIP"}, "Service/istio-ingressgateway", "spec.type", "ClusterIP"),
    ("gateway", {"service.loadBalancerSourceRanges": ["10.0.0.0/8"]}, "Service/istio-ingressgateway",
     "spec.loadBalancerSourceRanges", ["10.0.0.0/8"]),
    ("gateway", {"serviceAccount.name": "edge"}, "Deployment/istio-ingressgateway",
     "spec.template.spec.serviceAccountName", "edge"),
    ("gateway", {"env": {"A": "1"}}, "Deployment/istio-ingressgateway",
     "spec.template.spec.containers.0.env.0.value", "1"),
    ("gateway", {"podAnnotations": {"a": "b"}}, "Deployment/istio-ingressgateway",
     "spec.template.metadata.annotations.a", "b"),
    ("gateway", {"autoscaling.enabled": True}, "HorizontalPodAutoscaler/istio-ingressgateway", "spec.minReplicas", 2),
    ("fairway-base", {"userRoles.edit": True}, "ClusterRole/fairway-edit", "rules.0.apiGroups",
     ["authentication.istio.io"]),
    ("fairway-base", {"crds.keep": False}, "CustomResourceDefinition/gateways.networking.istio.io",
     "metadata.annotations", None),
]  # fmt: skip

# Mistakes, and what of Helm's answer helps to find them.
REFUSED = [
    ("fairway", {"replica": 3}, "additional properties 'replica' not allowed"),
    ("fairway", {"injection.polisy": "disabled"}, "at '/injection': additional properties 'polisy' not allowed"),
    ("fairway", {"injection.policy": "off"}, "at '/injection/policy': value must be one of 'enabled', 'disabled'"),
    ("fairway", {"injection.proxy.logLevel": "warn"}, "at '/injection/proxy/logLevel'"),
    ("fairway", {"injection.timeoutSeconds": 60}, "at '/injection/timeoutSeconds': maximum: got 60, want 30"),
    ("fairway", {"injection.interception.excludeOutboundPorts": "80;443"}, "excludeOutboundPorts"),
    ("fairway", {"replicas": 0}, "at '/replicas': minimum: got 0, want 1"),
    ("fairway", {"replicas": "two"}, "at '/replicas': got string, want integer"),
    ("fairway", {"drainDuration": 5}, "at '/drainDuration': got number, want string"),
    ("fairway", {"maxStreamAge": "30 min"}, "at '/maxStreamAge'"),
    ("fairway", {"certificates.maxWorkloadCertTtl": "90d"}, "at '/certificates/maxWorkloadCertTtl'"),
    ("fairway", {"revision": "Canary_1"}, "at '/revision': 'Canary_1' does not match pattern"),
    ("fairway", {"revisionTags": "prod"}, "at '/revisionTags': got string, want array"),
    ("fairway", {"global.imagePullPolicy": "never"}, "'Always', 'IfNotPresent', 'Never'"),
    ("fairway", {"global.tga": "1"}, "at '/global': additional properties 'tga' not allowed"),
    ("fairway", {"meshConfig.trustDomain": "other"}, "set the value trustDomain instead"),
    ("fairway", {"meshConfig.rootNamespace": "other"}, "set the namespace of the release"),
    ("fairway", {"rateLimit.redis.address": "redis"}, "at '/rateLimit/redis/address'"),
    ("gateway", {"service.type": "Loadbalancer"}, "at '/service/type'"),
    ("gateway", {"service.nodePorts": {"http": 31380}}, "no port has this name; service.ports has status-port, http2"),
    ("gateway", {"service.ports": []}, "at '/service/ports'"),
    ("gateway", {"service.ports": [{"port": 80}]}, "missing property 'name'"),
    ("gateway", {"replicaCount": 1}, "additional properties 'replicaCount' not allowed"),
    ("fairway-base", {"crds.kep": True}, "additional properties 'kep' not allowed"),
]


def release_of(chart):
    return "istio-ingressgateway" if chart == "gateway" else chart


def rendered(chart, values=None):
    found = charts.objects(charts.render(chart, release_of(chart), values))
    by_name = {f"{o['kind']}/{o['metadata']['name']}": o for o in found}
    assert len(by_name) == len(found), f"{chart} renders an object twice"
    return by_name


@functools.cache
def defaults(chart):
    return rendered(chart)


def at(value, path):
    """The value at a path of dots; keys may hold dots themselves."""
    while path and value is not None:
        if isinstance(value, list):
            head, _, path = path.partition(".")
            value = value[int(head)]
            continue
        keys = [key for key in value if path == key or path.startswith(key + ".")]
        head = max(keys, key=len, default=None)
        if head is None:
            return None
        value, path = value[head], path[len(head) + 1 :]
    return value


@pytest.mark.parametrize("chart, values, name, path, expected", MATRIX)
def test_a_value_is_where_it_belongs(chart, values, name, path, expected):
    before, after = defaults(chart).get(name), rendered(chart, values)
    assert name in after, f"rendered: {sorted(after)}"
    assert at(after[name], path) == expected
    assert before is None or at(before, path) != expected, "the default is the same: the case shows nothing"


def test_labels_that_are_selected_by_stay():
    labels = {"app": "x", "istio": "x", "istio.io/rev": "x", "sidecar.istio.io/inject": "x"}
    for chart, name in (("fairway", "Deployment/fairway"), ("gateway", "Deployment/istio-ingressgateway")):
        values = {"podLabels": labels, "podAnnotations": {"inject.istio.io/templates": "x"}}
        if chart == "gateway":
            values["revision"] = "canary"
        template = rendered(chart, values)[name]["spec"]["template"]["metadata"]
        assert "x" not in {template["labels"][label] for label in labels}
        assert chart == "fairway" or template["annotations"]["inject.istio.io/templates"] == "gateway"


@pytest.mark.parametrize("chart, values, message", REFUSED)
def test_a_mistake_is_refused_and_named(chart, values, message):
    with pytest.raises(charts.HelmFailed) as refused:
        charts.render(chart, release_of(chart), values)
    assert message in str(refused.value)


@pytest.mark.parametrize("chart, values", [(name, {}) for name in charts.NAMES] + [
    ("fairway", {"revision": "canary", "revisionTags": ["prod"], "autoscaling.enabled": True,
                 "networkPolicy.enabled": True}),
])  # fmt: skip
def test_every_object_has_its_place_and_standard_labels(chart, values):
    for name, manifest in rendered(chart, values).items():
        meta = manifest["metadata"]
        assert ("namespace" in meta) == (manifest["kind"] not in CLUSTER_KINDS), name
        assert {f"app.kubernetes.io/{label}" for label in LABELS} - {"app.kubernetes.io/component"} <= set(
            meta["labels"]
        ), name
        assert meta["labels"]["app.kubernetes.io/part-of"] == "fairway"


def test_two_revisions_share_no_object():
    default, canary = rendered("fairway"), rendered("fairway", {"revision": "canary", "revisionTags": ["prod"]})
    assert not set(default) & set(canary)
    deployment = canary["Deployment/fairway-canary"]
    assert "--revision=canary" in deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    for service in ("fairway-canary", "istiod-canary"):
        assert canary[f"Service/{service}"]["spec"]["selector"] == {"app": "istiod", "istio.io/rev": "canary"}


def test_one_replica_is_never_held_fast():
    """A budget of one for one replica would block the drain of its node for ever."""
    for chart in ("fairway", "gateway"):
        for values in ({"replicas": 1}, {"autoscaling.enabled": True, "autoscaling.minReplicas": 1}):
            assert not [name for name in rendered(chart, values) if name.startswith("PodDisruptionBudget/")]
        assert [name for name in rendered(chart) if name.startswith("PodDisruptionBudget/")]


def test_mesh_configuration_is_merged():
    values = {"meshConfig": {"accessLogFile": "/dev/stdout", "defaultConfig": {"concurrency": 1}}, "trustDomain": "t.x"}
    mesh = yaml.safe_load(rendered("fairway", values)["ConfigMap/istio"]["data"]["mesh"])
    assert mesh == {"trustDomain": "t.x", "rootNamespace": charts.NAMESPACE, **values["meshConfig"]}


def test_injection_settings_are_the_values():
    values = {
        "revision": "canary",
        "revisionTags": ["prod"],
        "global.hub": "h",
        "global.tag": "t",
        "global.imagePullSecrets": [{"name": "r"}],
        "injection.policy": "disabled",
        "injection.templates": {"extra": 'metadata: {annotations: {x: "{{ .Values.a }}"}}'},
        "injection.values": {"a": "b"},
        "injection.proxy.env": {"A": "1"},
    }
    config = yaml.safe_load(
        rendered("fairway", values)["ConfigMap/istio-sidecar-injector-canary"]["data"]["config.yaml"]
    )
    assert config["policy"] == "disabled"
    assert (config["revision"], config["revisionTags"]) == ("canary", ["prod"])
    assert config["rootNamespace"] == charts.NAMESPACE
    assert "kube-system" in config["ignoredNamespaces"]
    assert config["image"] == {
        "hub": "h", "tag": "t", "name": "fairway-proxy", "pullPolicy": "IfNotPresent", "pullSecrets": ["r"],
    }  # fmt: skip
    assert config["templates"] == values["injection.templates"]
    assert config["values"] == {"a": "b"}
    assert config["proxy"]["env"] == {"A": "1"} and config["proxy"]["logLevel"] == "warning"
    # What concerns the API server alone stays out: unknown settings are refused.
    assert not {"failurePolicy", "timeoutSeconds", "reinvocationPolicy", "enabled"} & set(config)


# --- who is injected ---------------------------------------------------------------------------------


def injectors(values=None):
    found = rendered("fairway", values).values()
    return [o for o in found if o["kind"] == "MutatingWebhookConfiguration"]


def expected(names, is_default, by_default, namespace, injection, namespace_revision, asks, pod_revision):
    """Whether a control plane that goes by `names` must be asked about a pod: the rules in words of docs/install.md."""
    if namespace == "kube-system" or asks == "false":
        return False
    if namespace == charts.NAMESPACE and asks != "true":
        return False
    if injection:
        return injection == "enabled" and is_default
    if namespace_revision:
        return namespace_revision in names
    if pod_revision:
        return pod_revision in names
    return is_default and (asks == "true" or by_default)


@pytest.mark.parametrize("values, names, is_default", [
    ({}, {"default"}, True),
    ({"injection.enableNamespacesByDefault": True}, {"default"}, True),
    ({"revision": "canary"}, {"canary"}, False),
    ({"revision": "canary", "revisionTags": ["prod"]}, {"canary", "prod"}, False),
    ({"revision": "canary", "revisionTags": ["default"]}, {"canary", "default"}, True),
])  # fmt: skip
def test_webhooks_are_called_for_the_right_pods(values, names, is_default):
    configurations = injectors(values)
    by_default = values.get("injection.enableNamespacesByDefault", False)
    revisions = (None, "default", "canary", "prod", "other")
    cases = itertools.product(
        ("apps", "kube-system", charts.NAMESPACE), (None, "enabled", "disabled"), revisions, (None, "true", "false"),
        revisions,
    )  # fmt: skip
    for namespace, injection, namespace_revision, asks, pod_revision in cases:
        namespace_labels = {"istio-injection": injection, "istio.io/rev": namespace_revision}
        labels = {"sidecar.istio.io/inject": asks, "istio.io/rev": pod_revision}
        calls = called(
            configurations,
            namespace,
            {k: v for k, v in namespace_labels.items() if v},
            {k: v for k, v in labels.items() if v},
        )
        wanted = expected(names, is_default, by_default, namespace, injection, namespace_revision, asks, pod_revision)
        what = f"{namespace} {namespace_labels} pod {labels}"
        assert len(calls) == (1 if wanted else 0), f"{what}: called {calls}, wanted {wanted}"


def test_a_moving_tag_has_no_gap():
    """New revision with the tag, then old one without: at every step some webhook takes the tag's namespaces."""
    steps = [
        [{"revisionTags": ["prod"]}],
        [{"revisionTags": ["prod"]}, {"revision": "canary", "revisionTags": ["prod"]}],
        [{}, {"revision": "canary", "revisionTags": ["prod"]}],
    ]
    answering = []
    for releases in steps:
        configurations = [c for values in releases for c in injectors(values)]
        names = [c["metadata"]["name"] for c in configurations]
        assert len(set(names)) == len(names), "two releases own one object"
        answering.append([name for name, _ in called(configurations, "apps", {"istio.io/rev": "prod"}, {})])
    assert answering == [
        ["istio-revision-tag-prod-default"],
        ["istio-revision-tag-prod-default", "istio-revision-tag-prod-canary"],
        ["istio-revision-tag-prod-canary"],
    ]


def test_objects_without_revision_are_validated_by_the_default():
    def validated(values, labels):
        found = rendered("fairway", values).values()
        return called([o for o in found if o["kind"] == "ValidatingWebhookConfiguration"], "apps", {}, labels)

    canary, promoted = {"revision": "canary"}, {"revision": "canary", "revisionTags": ["default"]}
    assert len(validated({}, {})) == 1 and len(validated({}, {"istio.io/rev": "default"})) == 1
    assert not validated({}, {"istio.io/rev": "canary"})
    assert not validated(canary, {}) and len(validated(canary, {"istio.io/rev": "canary"})) == 1
    assert len(validated(promoted, {})) == 1


# --- least privilege ---------------------------------------------------------------------------------


# What is made for Gateways of the Gateway API, whose names their authors choose.
GATEWAY_WRITES = {
    ("ClusterRole", resource, verb)
    for resource in ("deployments", "services", "serviceaccounts") for verb in ("create", "patch", "delete")
}  # fmt: skip


@pytest.mark.parametrize("gateways", (True, False))
def test_roles_hold_no_more_than_needed(gateways):
    found = rendered("fairway", {"revision": "canary", "revisionTags": ["prod"], "gatewayApi.deployments": gateways})
    rules = [
        (kind, rule)
        for kind, name in (("ClusterRole", "fairway-canary-istio-system"), ("Role", "fairway-canary"))
        for rule in found[f"{kind}/{name}"]["rules"]
    ]
    # Writes that no name limits: none of these can be.
    unnamed = {
        (kind, resource, verb)
        for kind, rule in rules if "resourceNames" not in rule
        for resource in rule["resources"] for verb in rule["verbs"] if verb not in ("get", "list", "watch")
    }  # fmt: skip
    assert unnamed == {
        ("ClusterRole", "tokenreviews", "create"),
        ("ClusterRole", "configmaps", "create"),
        ("ClusterRole", "ingresses/status", "patch"), ("ClusterRole", "gatewayclasses", "create"),
        ("ClusterRole", "*/status", "patch"),
        *(("ClusterRole", "workloadentries", verb) for verb in ("create", "patch", "delete")),
        ("Role", "leases", "create"), ("Role", "leases", "update"), ("Role", "leases", "delete"),
        ("Role", "secrets", "create"),
    } | (GATEWAY_WRITES if gateways else set())  # fmt: skip
    for _, rule in rules:
        assert "*" not in rule["verbs"] and "*" not in rule["apiGroups"]
        if "*" in rule["resources"]:
            own = (".istio.io", ".fairway.io", "gateway.networking.k8s.io")
            assert all(group.endswith(own) for group in rule["apiGroups"])
    named = {name for _, rule in rules for name in rule.get("resourceNames", [])}
    assert {"istio-sidecar-injector-canary", "istio-revision-tag-prod-canary", "istio-validator-canary"} <= named
    assert not [name for name in named if name.endswith("-default")]


def covers(rule, group, resource, verb, name):
    return (
        group in rule["apiGroups"]
        and verb in rule["verbs"]
        and {resource, "*"} & set(rule["resources"])
        and ("resourceNames" not in rule or name in rule["resourceNames"])
    )


def test_roles_hold_what_the_control_plane_is_tested_with():
    """The other end-to-end tests run it as a user with READER_RULES and ROOT_RULES."""
    found = rendered("fairway")
    pairs = (("ClusterRole/fairway-istio-system", READER_RULES), ("Role/fairway", ROOT_RULES))
    for name, needed in pairs:
        for need in needed:
            parts = itertools.product(
                need["apiGroups"], need["resources"], need["verbs"], need.get("resourceNames", [None])
            )
            missing = [part for part in parts if not any(covers(rule, *part) for rule in found[name]["rules"])]
            assert not missing, f"{name} lacks {missing}"


def test_gateways_have_no_rights():
    found = rendered("gateway")
    assert not [name for name in found if "Role" in name]
    pod = found["Deployment/istio-ingressgateway"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
