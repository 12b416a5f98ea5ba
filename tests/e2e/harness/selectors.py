"""Which webhooks the API server would call for a pod: label selectors, read anew and not from the charts."""


def holds(expression, labels):
    key, operator, values = expression["key"], expression["operator"], expression.get("values", [])
    return {
        "In": key in labels and labels[key] in values,
        "NotIn": key not in labels or labels[key] not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }[operator]


def selects(selector, labels):
    """metav1.LabelSelector; none selects everything."""
    selector = selector or {}
    wanted = selector.get("matchLabels", {}).items()
    return all(labels.get(k) == v for k, v in wanted) and all(
        holds(e, labels) for e in selector.get("matchExpressions", [])
    )


def called(configurations, namespace, namespace_labels, labels):
    """(configuration, webhook) of each that is called for an object with these labels."""
    namespace_labels = {**namespace_labels, "kubernetes.io/metadata.name": namespace}
    return [
        (configuration["metadata"]["name"], webhook["name"])
        for configuration in configurations
        for webhook in configuration["webhooks"]
        if selects(webhook.get("namespaceSelector"), namespace_labels)
        and selects(webhook.get("objectSelector"), labels)
    ]
