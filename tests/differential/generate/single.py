"""Policies with one field, each in turn: there it alone decides, which among many fields happens rarely."""

import json

from generate import alpha, fields, providers, security, tokens
from generate.security import negative
from generate.values import pattern


_CUSTOM = 8
_TABLES = {"from": security.SOURCE, "to": security.OPERATION, "when": security.WHEN}


def _policy_fields():
    for part, table in _TABLES.items():
        for name, (make, _) in table.items():
            for action in ("ALLOW", "DENY"):
                yield part, name, make, False, action
                yield part, name, make, True, action
        for _ in range(_CUSTOM):
            yield part, None, None, False, "CUSTOM"


def _role_fields():
    for name, (make, _) in alpha.RULE.items():
        yield "rule", name, make
        yield "rule", negative(name), make
    for name, (make, _) in alpha.CONSTRAINTS.items():
        yield "constraint", name, make
    for name, (make, _) in alpha.SUBJECT.items():
        if make:
            yield "subject", name, make
        if make and name != "user":
            yield "subject", negative(name), make
    for name, make in alpha.PROPERTIES.items():
        yield "property", name, make


_POLICY_FIELDS = list(_policy_fields())
_ROLE_FIELDS = list(_role_fields()) * 2  # as RBAC is off for some workloads


def _of_tokens(made):
    """The issuers whose tokens these objects ask for, or all, if they ask for any."""
    text = json.dumps(made)
    if not any(word in text for word in ("request.auth", "equestPrincipals", '"groups"', '"notGroups"')):
        return []
    return [issuer for issuer in tokens.ISSUERS if issuer in text] or list(tokens.ISSUERS)


def _policies(rng, mesh, namespace, *field):
    made = [_policy(rng, mesh, namespace, *field)]
    if issuers := _of_tokens(made):
        made.append(tokens.request_authentication(rng, namespace, "tokens", {}, issuers))
    return made


def _roles(rng, mesh, namespace, *field):
    made = _role(rng, mesh, namespace, *field)
    if issuers := _of_tokens(made):
        today = rng.random() < 0.5
        made.append(
            tokens.request_authentication(rng, namespace, "tokens", {}, issuers)
            if today
            else alpha.origins_policy(rng, namespace, issuers)
        )
    return made


def _origins(rng, mesh, namespace):
    """An old policy's origins, and who may do anything."""
    policy = alpha.origins_policy(rng, namespace, list(tokens.ISSUERS))
    policy["spec"]["peers"] = [{"mtls": {"mode": "PERMISSIVE"}}]
    issuer = policy["spec"]["origins"][0]["jwt"]["issuer"]
    principal = pattern(rng, f"{issuer}/{rng.choice(tokens.SUBJECTS)}")
    who = rng.choice(
        (
            {"user": "*"},
            {"properties": {"request.auth.principal": principal}},
            {"properties": {"request.auth.principal": rng.choice((principal, fields.principal(rng, mesh)))}},
            {"properties": {"request.auth.claims[groups]": fields.groups(rng, mesh)[0]}},
            {"properties": {"request.auth.audiences": fields.audiences(rng, mesh)[0]}},
        )
    )
    role = alpha.role(namespace, 0, [{"services": ["*"]}])
    return [policy, role, alpha.binding(namespace, 0, "role-0", [who])]


def _references(rng, mesh, namespace):
    """A policy that names what it is for, or tokens that do, and a policy that asks for one."""
    refers = security.references(rng, mesh)
    if rng.random() < 0.5:
        policy = security.authorization_policy(rng, mesh, namespace, "single", rng.choice(("ALLOW", "DENY")))
        policy["spec"].pop("selector", None)
        policy["spec"].update(refers)
        return [policy]
    needed = security.policy_object(namespace, "single", {"rules": [{"from": [{"source": {"requestPrincipals": ["*"]}}]}]})
    return [needed, tokens.request_authentication(rng, namespace, "tokens", refers)]


# What makes the objects, and with what.
_MAKERS = [
    *((_policies, field) for field in _POLICY_FIELDS),
    *((_roles, field) for field in _ROLE_FIELDS),
    *[(_origins, ())] * 24,
    *[(_references, ())] * 12,
]
_STEP = 89  # neighbours are of different kinds: the first numbers of each round meet the same workloads


def objects(rng, mesh, namespace, at):
    """The policies with field number `at` (any number will do)."""
    make, field = _MAKERS[at * _STEP % len(_MAKERS)]
    return make(rng, mesh, namespace, *field)


def _policy(rng, mesh, namespace, part, name, make, is_negative, action):
    spec = {"action": action}
    if action == "CUSTOM":  # of any field: which ones there are shows elsewhere
        spec["provider"] = {"name": providers.name(rng, mesh)}
        name, (make, _) = rng.choice(list(_TABLES[part].items()))
        is_negative = rng.random() < 0.3
    if part == "when":
        key = fields.header_key(rng) if name == "request.headers" else name
        rule = {"when": [{"key": key, "notValues" if is_negative else "values": make(rng, mesh)}]}
    else:
        inner = {"from": "source", "to": "operation"}[part]
        rule = {part: [{inner: {negative(name) if is_negative else name: make(rng, mesh)}}]}
    return security.policy_object(namespace, "single", {**spec, "rules": [rule]})


def _role(rng, mesh, namespace, place, name, make):
    rule, subject = {"services": ["*"]}, {"user": "*"}
    if place == "rule":
        rule[name] = make(rng, mesh)
    elif place == "constraint":
        rule["constraints"] = [{"key": alpha.constraint_key(rng, name), "values": make(rng, mesh)}]
    elif place == "subject":
        subject[name] = make(rng, mesh)  # beside user "*", as an empty subject is nobody
    else:
        key = fields.header_key(rng) if name == "request.headers" else name
        subject["properties"] = {key: make(rng, mesh)[0]}
    return [alpha.role(namespace, 0, [rule]), alpha.binding(namespace, 0, "role-0", [subject])]
