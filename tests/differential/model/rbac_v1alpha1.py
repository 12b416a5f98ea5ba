"""rbac.istio.io/v1alpha1: ServiceRole, ServiceRoleBinding, ClusterRbacConfig and RbacConfig."""

import re

from model import patterns
from model.facts import header
from model.patterns import any_of, anything
from world import ALLOW, DENY

_HEADER = re.compile(r"request\.headers\[([^\]]+)\]")
_LABEL = re.compile(r"destination\.labels\[([^\]]+)\]")
_HTTP_RULE_FIELDS = ("methods", "notMethods", "paths", "notPaths", "hosts", "notHosts")


def check(objects, mesh, workload, target, http, use_origin=False):
    """A function from the facts of a request to a verdict, or None if nothing is checked; and whether a rule of it looks
    at the path."""
    config = _config(objects)
    services = [service for service, _ in workload.backing(target) if config and _covers(config, service)]
    if not services:
        return None, False
    grants, looks_at_path = [], False
    for role in (o for o in objects if o["kind"] == "ServiceRole" and _in(workload, o)):
        rules = [r for r in role["spec"]["rules"] if any(_is_about(r, service, workload) for service in services)]
        enforced, shadowed = _subjects(objects, workload, role, mesh, http, use_origin)
        port_speaks_http = workload.http(target)
        permissions = [p for p in (_permission(rule, http) for rule in rules) if p]
        looking = [rule for rule in rules if "paths" in rule or "notPaths" in rule]
        # Bindings on trial see what enforced ones would.
        looks_at_path |= bool(port_speaks_http and looking and (enforced or shadowed))
        if permissions and enforced:
            grants.append((permissions, enforced))
    if config.get("enforcementMode") == "PERMISSIVE":
        return None, looks_at_path  # everything passes

    def granted(facts):
        # Deny by default: who has no role has no access.
        has_access = any(any(p(facts) for p in what) and any(s(facts) for s in who) for what, who in grants)
        return ALLOW if has_access else DENY

    return granted, looks_at_path


def _in(workload, obj):
    return obj["metadata"]["namespace"] == workload.namespace


def _config(objects):
    """Only objects named "default" count; ClusterRbacConfig beats RbacConfig, which also speaks for the whole mesh."""
    for kind in ("ClusterRbacConfig", "RbacConfig"):
        found = [o for o in objects if o["kind"] == kind and o["metadata"]["name"] == "default"]
        if found:
            return found[0]["spec"]
    return None


def _covers(config, service):
    mode = config.get("mode", "OFF")
    if mode in ("OFF", "ON"):
        return mode == "ON"
    block = config.get("inclusion" if mode == "ON_WITH_INCLUSION" else "exclusion", {})
    listed = service.host in block.get("services", []) or service.namespace in block.get("namespaces", [])
    return listed == (mode == "ON_WITH_INCLUSION")


def _text(pattern):
    return patterns.text(pattern, anything)


def _header_text(pattern):
    return patterns.text(pattern, patterns.present)


# --- roles ---------------------------------------------------------------------------------------------------


def _is_about(rule, service, workload):
    """What is known before any request. A rule without services is about all of the namespace (since 1.2)."""
    if rule.get("services") and not any_of(rule["services"], _text)(service.host):
        return False
    known = {
        "destination.name": service.name,
        "destination.namespace": service.namespace,
        "destination.user": workload.account,
    }
    for constraint in rule.get("constraints", []):
        label = _LABEL.fullmatch(constraint["key"])
        if label:
            value = workload.labels.get(label.group(1))
            if value is None or not any_of(constraint["values"], _text)(value):
                return False
        elif constraint["key"] in known and not any_of(constraint["values"], _text)(known[constraint["key"]]):
            return False
    return True


def _permission(rule, http):
    """None: the rule asks for what a TCP port does not have, so it is left out."""
    if not http and any(field in rule for field in _HTTP_RULE_FIELDS):
        return None
    needs = []

    def both(field, get, make):
        negative = "not" + field[0].upper() + field[1:]
        if rule.get(field):
            wanted = any_of(rule[field], make)
            needs.append(lambda facts: wanted(get(facts)))
        if rule.get(negative):
            unwanted = any_of(rule[negative], make)
            needs.append(lambda facts: not unwanted(get(facts)))

    both("hosts", lambda facts: facts.host, patterns.host)
    both("methods", lambda facts: facts.method, _text)
    both("paths", lambda facts: facts.path, _text)
    both("ports", lambda facts: facts.port, lambda number: lambda port: port == number)
    for constraint in rule.get("constraints", []):
        need = _constraint(constraint["key"], constraint["values"], http)
        if need is None:
            return None
        needs.append(need)
    return lambda facts: all(need(facts) for need in needs)


def _constraint(key, values, http):
    bracketed = _HEADER.fullmatch(key)
    if bracketed:
        return header(bracketed.group(1), any_of(values, _header_text)) if http else None
    if key == "destination.ip":
        wanted = any_of(values, patterns.address)
        return lambda facts: wanted(facts.destination)
    if key == "destination.port":
        return lambda facts: facts.port in [int(value) for value in values]
    if key == "connection.sni":
        wanted = any_of(values, _text)
        return lambda facts: wanted(facts.sni)
    return lambda facts: True  # known before the request: see _is_about


# --- bindings ------------------------------------------------------------------------------------------------


def _subjects(objects, workload, role, mesh, http, use_origin):
    """Predicates for the subjects of the bindings that are enforced, and of those on trial (PERMISSIVE)."""
    enforced, shadowed = [], []
    for binding in (o for o in objects if o["kind"] == "ServiceRoleBinding" and _in(workload, o)):
        spec = binding["spec"]
        if spec["roleRef"] != {"kind": "ServiceRole", "name": role["metadata"]["name"]}:
            continue
        into = shadowed if spec.get("mode") == "PERMISSIVE" else enforced
        into += filter(None, (_subject(subject, mesh.trust_domain, http, use_origin) for subject in spec["subjects"]))
    return enforced, shadowed


def groups(need, wanted, negative):
    """The claim `groups`, a text or a list. Not to be in a group needs a token that says groups: who has none is
    nobody in particular (ISTIO-SECURITY-2021-004)."""
    one = any_of(wanted, lambda p: patterns.text(p, patterns.present))

    def holds(token):
        if token is None:
            return False
        return (not any(map(one, token.groups))) if negative else any(map(one, token.groups))

    need(lambda facts: facts.token, holds)


def _subject(subject, trust_domain, http, use_origin):
    """None: the subject is nobody."""
    needs = []

    def need(get, predicate):
        needs.append(lambda facts: predicate(get(facts)))

    def identity(facts):
        return facts.identity

    def named(name):
        """Names are compared as written: only `user` and source.principal know the trust domain's aliases."""
        if name == "allUsers":
            return anything
        if name == "allAuthenticatedUsers":
            return patterns.present
        return patterns.principal(name, trust_domain, expand=False)

    def both(field, get, make, of_identity=False):
        negative = "not" + field[0].upper() + field[1:]
        if subject.get(field):
            need(get, any_of(subject[field], make))
        if subject.get(negative):
            unwanted = any_of(subject[negative], make)
            # A negative match on an identity needs an identity (ISTIO-SECURITY-2021-004).
            need(get, lambda value: (value is not None or not of_identity) and not unwanted(value))

    if "*" in subject.get("names", []) + subject.get("notNames", []):
        return None
    if subject.get("user") and subject["user"] != "*":  # "*" is anyone, also without identity
        need(identity, patterns.principal(subject["user"], trust_domain))
    elif subject.get("user"):
        needs.append(anything)
    both("names", identity, named, of_identity=True)
    both("namespaces", lambda facts: facts.namespace, patterns.namespace, of_identity=True)
    both("ips", lambda facts: facts.source, patterns.address)
    asked = [subject["group"]] if subject.get("group") else subject.get("groups", [])
    if (asked or subject.get("notGroups")) and not http:
        return None  # tokens exist in HTTP only
    if asked:
        groups(need, asked, False)
    if subject.get("notGroups"):
        groups(need, subject["notGroups"], True)
    for key, value in subject.get("properties", {}).items():
        if not _property(key, value, trust_domain, http, need, use_origin):
            return None
    return (lambda facts: all(n(facts) for n in needs)) if needs else None


def _property(key, value, trust_domain, http, need, use_origin):
    """Adds what a property asks for; False: it can never hold."""
    bracketed = _HEADER.fullmatch(key)
    if key == "source.ip":
        need(lambda facts: facts.source, patterns.address(value))
    elif key == "source.namespace":
        need(lambda facts: facts.namespace, patterns.namespace(value))
    elif key == "source.principal":
        # "*" is any identity, as documented, not anyone, as some versions had it.
        need(lambda facts: facts.identity, patterns.principal(value, trust_domain))
    elif not http:
        return False  # what follows exists in HTTP only
    elif key == "request.auth.principal" and use_origin:
        need(lambda facts: facts.request_principal, patterns.text(value, patterns.present))
    elif key == "request.auth.audiences":
        need(lambda facts: facts.token and facts.token.audience or None, patterns.text(value, patterns.present))
    elif key == "request.auth.claims[groups]":
        groups(need, [value], False)
    elif key in ("source.user", "request.auth.principal"):
        # The latter is the peer, as principalBinding is USE_PEER unless a policy says otherwise.
        need(lambda facts: facts.identity, patterns.principal(value, trust_domain))
    elif bracketed:
        need(header(bracketed.group(1), _header_text(value)), bool)
    else:
        return False
    return True
