"""Random AuthorizationPolicies and PeerAuthentications."""

from generate import fields, providers, values

SOURCE = {
    "principals": (fields.principals, 5),
    "namespaces": (fields.namespaces, 4),
    "serviceAccounts": (fields.accounts, 4),
    "ipBlocks": (fields.blocks, 3),
    "remoteIpBlocks": (fields.remote_blocks, 2),
    "requestPrincipals": (fields.token, 3),
}
OPERATION = {
    "hosts": (fields.hosts, 4),
    "ports": (fields.port_texts, 4),
    "methods": (fields.methods, 4),
    "paths": (fields.template_paths, 5),
}
WHEN = {
    "request.headers": (fields.header_values, 5),
    "source.ip": (fields.blocks, 2),
    "remote.ip": (fields.remote_blocks, 2),
    "source.namespace": (fields.namespaces, 2),
    "source.principal": (fields.principals, 2),
    "source.serviceAccount": (fields.accounts, 2),
    "request.auth.principal": (fields.token, 2),
    "request.auth.audiences": (fields.audiences, 2),
    "request.auth.claims[groups]": (fields.groups, 3),
    "destination.ip": (fields.destination_blocks, 2),
    "destination.port": (fields.port_texts, 2),
    "connection.sni": (fields.snis, 3),
}


_PARTS = (("from",), ("to",), ("when",), ("when",), ("from", "to"), ("to", "when"), ("from", "when"))
_NEVER_WITH = {
    "serviceAccounts": ("principals", "namespaces"),
    "principals": ("serviceaccounts",),
    "namespaces": ("serviceaccounts",),
}


def negative(name):
    return "not" + name[0].upper() + name[1:]


def _one_of(rng, table):
    return rng.choices(list(table), [weight for _, weight in table.values()])[0]


def _some_fields(rng, table, mesh, most):
    """A source or an operation: some fields, each positive, negative or both."""
    result = {}
    for _ in range(rng.choice((1, 1, most))):
        name = _one_of(rng, table)
        if any(other.lower().removeprefix("not") in _NEVER_WITH.get(name, ()) for other in result):
            continue  # invalid together
        make = table[name][0]
        form = rng.random()
        if form < 0.7:
            result[name] = make(rng, mesh)
        if form > 0.62:
            result[negative(name)] = make(rng, mesh)
    return result


def _when(rng, mesh):
    name = _one_of(rng, WHEN)
    make = WHEN[name][0]
    entry = {"key": fields.header_key(rng) if name == "request.headers" else name}
    form = rng.random()
    if form < 0.7:
        entry["values"] = make(rng, mesh)
    if form > 0.62:
        entry["notValues"] = make(rng, mesh)
    return entry


def _rule(rng, mesh, action):
    rule = {}
    parts = rng.choice(_PARTS)
    if rng.random() < {"DENY": 0, "CUSTOM": 0.25}.get(action, 0.06):
        return rule
    most = 3 if action == "DENY" else 2
    if "from" in parts:
        rule["from"] = [{"source": _some_fields(rng, SOURCE, mesh, most)} for _ in range(rng.choice((1, 1, 2)))]
    if "to" in parts:
        rule["to"] = [{"operation": _some_fields(rng, OPERATION, mesh, most)} for _ in range(rng.choice((1, 1, 2)))]
    if "when" in parts:
        rule["when"] = [_when(rng, mesh) for _ in range(rng.choice((1, 1, 2)))]
    return rule


def target(rng, mesh, share):
    """A selector, or references, that take the aimed workload more often than not."""
    if rng.random() < share * (0.5 if mesh.aim.gateway else 0.3):
        return references(rng, mesh)
    return selector(rng, mesh, share)


def selector(rng, mesh, share):
    """A selector, by labels that every workload has."""
    if rng.random() >= share:
        return {}
    labels = {key: mesh.aim.labels[key] for key in ("app", "version")}
    version = {"version": rng.choice(values.VERSIONS)}
    selector = rng.choice(({"app": labels["app"]}, dict(labels), version, version, {"app": "other"}, {"app": "other"}))
    return {"selector": {"matchLabels": selector}}


def references(rng, mesh):
    gateway = {"group": "gateway.networking.k8s.io", "kind": "Gateway"}
    service = {"group": rng.choice(("", "core")), "kind": "Service"}
    own = {**gateway, "name": "edge"} if mesh.aim.gateway and rng.random() < 0.7 else {**service, "name": "api"}
    other = rng.choice(({**gateway, "name": "other"}, {**service, "name": "other"}, {**service, "name": "alt"}))
    return {"targetRefs": rng.choice(([own], [own], [other], [other, own]))}


def authorization_policy(rng, mesh, namespace, name, action=None):
    action = action or rng.choices(("ALLOW", "DENY", "CUSTOM", "AUDIT"), (6, 4, 3, 1))[0]
    spec = target(rng, mesh, 0.35)
    if action != "ALLOW" or rng.random() < 0.5:
        spec["action"] = action
    if action == "CUSTOM":
        spec["provider"] = {"name": providers.name(rng, mesh)}
    # Without rules ALLOW allows nothing; the other actions would have no effect, and are invalid.
    if action != "ALLOW" or rng.random() < 0.96:
        count = rng.choice((1, 1, 2, 3) if action == "ALLOW" else (1, 1, 2))
        spec["rules"] = [_rule(rng, mesh, action) for _ in range(count)]
    return policy_object(namespace, name, spec)


def policy_object(namespace, name, spec):
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": meta, "spec": spec}


def peer_authentication(rng, mesh, namespace, name, selecting=False):
    spec = selector(rng, mesh, 1.0 if selecting else 0.0)
    if rng.random() < 0.85:
        spec["mtls"] = {"mode": rng.choices(("STRICT", "PERMISSIVE", "DISABLE", "UNSET"), (4, 4, 2, 1))[0]}
    if selecting and rng.random() < 0.7:
        modes = ("STRICT", "PERMISSIVE", "DISABLE", "UNSET")
        spec["portLevelMtls"] = {port: {"mode": rng.choice(modes)} for port in fields.ports(rng, mesh)}
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": timestamp(rng)},
        "spec": spec,
    }


def timestamp(rng):
    """Of a few, so that several objects are equally old."""
    return f"2020-01-0{rng.randint(1, 4)}T00:00:00Z"
