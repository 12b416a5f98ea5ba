"""Which workloads a policy of today's kinds is for: its selector, or its targetRefs."""

ROOT = "istio-system"
_GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"


def selects(policy, workload):
    """Those of its namespace, or of the mesh if it is in the root namespace. A selector takes workloads by labels; a
    reference takes the pods of a Gateway, which have its name as a label, or those behind a Service. References are for
    objects of the policy's own namespace."""
    namespace, spec = policy["metadata"]["namespace"], policy["spec"]
    if spec.get("targetRefs"):
        return namespace == workload.namespace and any(_refers(target, workload) for target in spec["targetRefs"])
    labels = (spec.get("selector") or {}).get("matchLabels", {})
    return namespace in (workload.namespace, ROOT) and labels.items() <= workload.labels.items()


def _refers(target, workload):
    kind = (target.get("group", ""), target["kind"])
    if kind == ("gateway.networking.k8s.io", "Gateway"):
        return workload.labels.get(_GATEWAY_NAME) == target["name"]
    return kind in (("", "Service"), ("core", "Service")) and target["name"] in [s.name for s in workload.services]
