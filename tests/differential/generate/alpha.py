"""Random objects of the v1alpha1 kinds."""

from generate import fields, tokens, values
from generate.security import negative, timestamp
from generate.values import pattern


def _names(rng, mesh):
    """Principals, or the words for all of them: "*" is no name."""
    words = ("allUsers", "allAuthenticatedUsers")
    names = fields.principals(rng, mesh)
    return [rng.choice(words) if name == "*" or rng.random() < 0.1 else name for name in names]


RULE = {
    "hosts": (fields.hosts, 3),
    "paths": (fields.paths, 5),
    "methods": (fields.methods, 5),
    "ports": (fields.ports, 4),
}
CONSTRAINTS = {
    "request.headers": (fields.header_values, 4),
    "destination.ip": (fields.destination_blocks, 2),
    "destination.port": (fields.port_texts, 2),
    "destination.labels": (lambda rng, mesh: values.patterns(rng, values.VERSIONS), 2),
    "destination.name": (lambda rng, mesh: values.patterns(rng, ("api", "alt", "web")), 2),
    "destination.namespace": (lambda rng, mesh: values.patterns(rng, (mesh.aim.namespace, "shop")), 1),
    "destination.user": (lambda rng, mesh: values.patterns(rng, (mesh.aim.account, "api", "web")), 1),
    "connection.sni": (fields.snis, 2),
}
SUBJECT = {
    "user": (lambda rng, mesh: fields.principal(rng, mesh) if rng.random() < 0.8 else "*", 5),
    "names": (_names, 4),
    "namespaces": (fields.namespaces, 4),
    "ips": (fields.blocks, 3),
    "groups": (fields.groups, 2),
    "properties": (None, 5),
}
PROPERTIES = {
    "source.ip": fields.blocks,
    "source.namespace": fields.namespaces,
    "source.principal": fields.principals,
    "source.user": fields.principals,
    "request.auth.principal": lambda rng, mesh: rng.choice((fields.principals, fields.token))(rng, mesh),
    "request.auth.audiences": fields.audiences,
    "request.auth.claims[groups]": fields.groups,
    "request.headers": fields.header_values,
}


def _object(kind, name, namespace, spec, group="rbac", **meta):
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **meta}
    return {"apiVersion": f"{group}.istio.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def _one_of(rng, table):
    return rng.choices(list(table), [weight for _, weight in table.values()])[0]


def constraint_key(rng, name):
    keys = {"request.headers": fields.header_key(rng), "destination.labels": "destination.labels[version]"}
    return keys.get(name, name)


def role(namespace, number, rules):
    return _object("ServiceRole", f"role-{number}", namespace, {"rules": rules})


def binding(namespace, number, role_name, subjects, **spec):
    spec = {"subjects": subjects, "roleRef": {"kind": "ServiceRole", "name": role_name}, **spec}
    return _object("ServiceRoleBinding", f"binding-{number}", namespace, spec)


def _services(rng, mesh):
    return [pattern(rng, rng.choice(mesh.aim.services).host, star=0.4)]


def _rule(rng, mesh):
    rule = {}
    if rng.random() < 0.75:
        rule["services"] = _services(rng, mesh)
    for _ in range(rng.randint(0, 2)):
        name = _one_of(rng, RULE)
        form = rng.random()
        # methods with notMethods and ports with notPorts are invalid
        if form < 0.7 and negative(name) not in rule:
            rule[name] = RULE[name][0](rng, mesh)
        elif name not in rule:
            rule[negative(name)] = RULE[name][0](rng, mesh)
    for _ in range(rng.choice((0, 0, 1, 2))):
        key = _one_of(rng, CONSTRAINTS)
        if key == "destination.port" and ("ports" in rule or "notPorts" in rule):
            continue  # invalid together
        entry = {"key": constraint_key(rng, key), "values": CONSTRAINTS[key][0](rng, mesh)}
        if all(entry["key"] != other["key"] for other in rule.get("constraints", [])):
            rule.setdefault("constraints", []).append(entry)
    return rule


def _properties(rng, mesh, subject):
    twice = {"source.ip": "ips", "source.namespace": "namespaces", "source.principal": "names"}
    result = {}
    for _ in range(rng.randint(1, 2)):
        key = rng.choice(list(PROPERTIES))
        first_class = twice.get(key, "")
        if first_class in subject or first_class and negative(first_class) in subject:
            continue  # invalid together
        name = fields.header_key(rng) if key == "request.headers" else key
        result[name] = PROPERTIES[key](rng, mesh)[0]
    return result


def _subject(rng, mesh):
    subject = {}
    for name in sorted({_one_of(rng, SUBJECT) for _ in range(rng.choice((1, 1, 2)))}):  # properties behind names
        if name == "properties":
            continue
        make = SUBJECT[name][0]
        if name == "user" or rng.random() < 0.65:
            subject[name] = make(rng, mesh)
        else:
            subject[negative(name)] = make(rng, mesh)
    if not subject or rng.random() < 0.25:
        properties = _properties(rng, mesh, subject)
        if {"groups", "notGroups"} & subject.keys():
            properties.pop("request.auth.claims[groups]", None)  # invalid together
        if properties:
            subject["properties"] = properties
    return subject or {"user": "*"}


def roles(rng, mesh, namespace):
    """ServiceRoles of a namespace with their bindings; some bindings name no role, some roles have no binding."""
    count = rng.choice((1, 1, 2, 3))
    result = [role(namespace, i, [_rule(rng, mesh) for _ in range(rng.choice((1, 1, 2)))]) for i in range(count)]
    for i in range(rng.choice((1, 1, 2, 3))):
        subjects = [_subject(rng, mesh) for _ in range(rng.choice((1, 1, 2)))]
        mode = {"mode": rng.choice(("PERMISSIVE", "PERMISSIVE", "ENFORCED"))} if rng.random() < 0.15 else {}
        result.append(binding(namespace, i, f"role-{rng.randrange(count)}", subjects, **mode))
    return result


def _listed(rng, mesh):
    some = rng.sample(mesh.workloads, max(1, len(mesh.workloads) // 3))
    hosts = [rng.choice(w.services).host for w in some[::2]]
    return {"services": hosts, "namespaces": [w.namespace for w in some[1::2]]}


def rbac_config(rng, mesh, kind, mode, enforcement=None):
    spec = {"mode": mode}
    if mode in ("ON_WITH_INCLUSION", "ON_WITH_EXCLUSION"):
        listed = _listed(rng, mesh)
        if mode == "ON_WITH_INCLUSION":
            rest = [w.namespace for w in mesh.workloads if w.namespace not in listed["namespaces"]]
            listed["namespaces"] += rng.sample(rest, len(rest) // 2)
        spec["inclusion" if mode == "ON_WITH_INCLUSION" else "exclusion"] = listed
    if enforcement:
        spec["enforcementMode"] = enforcement
    return _object(kind, "default", "" if kind == "ClusterRbacConfig" else "istio-system", spec)


def _peers(rng):
    form = rng.random()
    if form < 0.25:
        return {}
    if form < 0.35:
        return {"peers": [{"mtls": None}]}
    if form < 0.45:
        return {"peers": [{"mtls": {}}], "peerIsOptional": True}
    if form < 0.55:
        return {"peers": [{"mtls": {"allowTls": True}}]}
    mode = rng.choice(("STRICT", "PERMISSIVE", "PERMISSIVE"))
    return {"peers": [{"mtls": {"mode": mode}}]}


def mesh_policy(rng, mode):
    """`mode`: of mtls; None: any peers."""
    peers = {"peers": [{"mtls": {"mode": mode}}]} if mode else _peers(rng)
    return _object("MeshPolicy", "default", "", peers, group="authentication")


def origins_policy(rng, namespace, issuers):
    """The default policy of a namespace with nothing but origins."""
    return _object("Policy", "default", namespace, tokens.origins(rng, issuers), "authentication")


def policies(rng, mesh, namespace):
    """The default policy of a namespace, and some for services and ports."""
    result = []
    if rng.random() < 0.5:
        origins = tokens.origins(rng) if rng.random() < 0.3 else {}
        result.append(_object("Policy", "default", namespace, {**_peers(rng), **origins}, "authentication"))
    for i in range(rng.randint(0, 3)):
        target = {"name": rng.choice(("api", "alt"))}
        if rng.random() < 0.6:
            port = rng.choice([p for s in mesh.aim.services for p in s.ports])
            target["ports"] = [rng.choice(({"number": port.number}, {"name": port.name}, {"number": port.target}))]
        spec = {"targets": [target], **_peers(rng), **(tokens.origins(rng) if rng.random() < 0.4 else {})}
        stamp = {"creationTimestamp": timestamp(rng)}
        result.append(_object("Policy", f"service-{i}", namespace, spec, "authentication", **stamp))
    return result
