"""Policies with one field, each in turn: there it alone decides, which among many fields happens rarely."""

from generate import alpha, fields, security
from generate.security import negative


def _policy_fields():
    for part, table in (("from", security.SOURCE), ("to", security.OPERATION), ("when", security.WHEN)):
        for name, (make, _) in table.items():
            for action in ("ALLOW", "DENY"):
                yield part, name, make, False, action
                yield part, name, make, True, action


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
COUNT = len(_POLICY_FIELDS) + len(_ROLE_FIELDS)


def objects(rng, mesh, namespace, at):
    """The policies with field number `at` (any number will do)."""
    at %= COUNT
    if at < len(_POLICY_FIELDS):
        return [_policy(rng, mesh, namespace, *_POLICY_FIELDS[at])]
    return _role(rng, mesh, namespace, *_ROLE_FIELDS[at - len(_POLICY_FIELDS)])


def _policy(rng, mesh, namespace, part, name, make, is_negative, action):
    if part == "when":
        key = fields.header_key(rng) if name == "request.headers" else name
        rule = {"when": [{"key": key, "notValues" if is_negative else "values": make(rng, mesh)}]}
    else:
        inner = {"from": "source", "to": "operation"}[part]
        rule = {part: [{inner: {negative(name) if is_negative else name: make(rng, mesh)}}]}
    return security.policy_object(namespace, "single", {"action": action, "rules": [rule]})


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
