"""The ways in which users may write the same: old kinds also in snake_case, enums also as numbers."""

import re

_OLD = ("Policy", "MeshPolicy", "ServiceRole", "ServiceRoleBinding", "RbacConfig", "ClusterRbacConfig")
_UPPER = re.compile("(?<=[a-z])([A-Z])")
_NUMBERS = {
    "mode": {"OFF": 0, "ON": 1, "ON_WITH_INCLUSION": 2, "ON_WITH_EXCLUSION": 3},
    "enforcementMode": {"ENFORCED": 0, "PERMISSIVE": 1},
}
_KEEP = ("properties", "roleRef")  # keys that are no field names, and the field that has one spelling


def spell(rng, objects):
    return [_vary(rng, o) if o["kind"] in _OLD else o for o in objects]


def _vary(rng, obj):
    snake, numbers = rng.random() < 0.3, rng.random() < 0.2

    def vary(node):
        if isinstance(node, list):
            return [vary(each) for each in node]
        if not isinstance(node, dict):
            return node
        result = {}
        for key, value in node.items():
            if numbers and isinstance(value, str):
                value = _NUMBERS.get(key, {}).get(value, value)
            name = _UPPER.sub(lambda m: "_" + m.group(1).lower(), key) if snake and key not in _KEEP else key
            result[name] = value if key in _KEEP else vary(value)
        return result

    return {**obj, "spec": vary(obj["spec"])}
