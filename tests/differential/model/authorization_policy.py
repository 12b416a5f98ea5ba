"""security.istio.io AuthorizationPolicy."""

import re

from model import patterns
from model.external import Provider
from model.facts import header
from model.paths import template
from model.patterns import any_of, not_empty
from model.selection import selects
from world import ALLOW, DENY

_BRACKETED = re.compile(r"request\.headers\[([^\]]+)\]")


def select(objects, workload):
    return [o for o in objects if o["kind"] == "AuthorizationPolicy" and selects(o, workload)]


def _action(policy):
    return policy["spec"].get("action", "ALLOW")


def decides(policy):
    return _action(policy) != "AUDIT"


def looks_at_path(policies, mesh):
    """Whether a rule does. Open: where nobody can be asked, CUSTOM denies whatever its rules say, and they are not looked at."""
    return any(
        "paths" in to["operation"] or "notPaths" in to["operation"]
        for policy in policies
        if _action(policy) != "CUSTOM" or Provider.of(mesh.providers, policy["spec"]["provider"]["name"])
        for rule in policy["spec"].get("rules", [])
        for to in rule.get("to", [])
    )


def checks(policies, mesh, http):
    """Functions from facts to a verdict, in their order; the first that is not ALLOW counts. What a CUSTOM rule matches,
    its provider is asked about. A DENY rule that matches denies. If there is an ALLOW policy, one of the ALLOW rules must
    match; a policy without rules never matches, one with an empty rule always does."""
    rules = {"ALLOW": [], "DENY": [], "CUSTOM": {}}
    has_allow = False
    for policy in policies:
        has_allow |= _action(policy) == "ALLOW"
        if _action(policy) in rules:
            reader = _Reader(mesh, policy, http)
            if _action(policy) == "CUSTOM":
                into = rules["CUSTOM"].setdefault(policy["spec"]["provider"]["name"], [])
            else:
                into = rules[_action(policy)]
            into += [reader.rule(rule) for rule in policy["spec"].get("rules", [])]
    result = [_ask(Provider.of(mesh.providers, name), asked, http) for name, asked in sorted(rules["CUSTOM"].items())]
    if rules["DENY"]:
        result.append(lambda facts: DENY if any(rule(facts) for rule in rules["DENY"]) else ALLOW)
    if has_allow:
        result.append(lambda facts: ALLOW if any(rule(facts) for rule in rules["ALLOW"]) else DENY)
    return result


def _ask(provider, rules, http):
    """Nobody can be asked if the provider is unknown, or knows requests alone where only bytes can be seen: then every
    request is denied, as it is not known what the provider would have said."""
    if provider is None or not (http or provider.grpc):
        return lambda facts: DENY
    return lambda facts: provider.ask(facts) if any(rule(facts) for rule in rules) else ALLOW


def _all(predicates):
    return lambda facts: all(predicate(facts) for predicate in predicates)


def _any(predicates):
    return lambda facts: any(predicate(facts) for predicate in predicates)


class _Reader:
    """Makes predicates over Facts of the rules of one policy."""

    def __init__(self, mesh, policy, http):
        self.trust_domain = mesh.trust_domain
        self.namespace = policy["metadata"]["namespace"]
        # Open: CUSTOM, where a part of a rule cannot be looked at. Who might be meant is asked about, as DENY denies.
        self.deny = _action(policy) in ("DENY", "CUSTOM")
        self.http = http

    def rule(self, rule):
        parts = []
        for field, inner, read in (("from", "source", self._source), ("to", "operation", self._operation)):
            if rule.get(field):
                parts.append(_any([_all(read(entry[inner])) for entry in rule[field]]))
        for when in rule.get("when", []):
            parts += self._when(when)
        return _all(parts)

    def _principal(self, pattern):
        return patterns.principal(pattern, self.trust_domain)

    def _account(self, value):
        """"namespace/name", or a name in the policy's own namespace."""
        wanted = value if "/" in value else f"{self.namespace}/{value}"
        return lambda account: account == wanted

    def _path(self, pattern):
        return template(pattern) or patterns.text(pattern, not_empty)

    def _host(self, pattern):
        return patterns.host(pattern)

    @staticmethod
    def _text(pattern):
        return patterns.text(pattern, not_empty)

    @staticmethod
    def _port(value):
        return lambda port: port == int(value)

    def _source(self, source):
        identity = {"identity": True}
        token = {"identity": True, "http_only": True}
        return [
            *self._pair(source, "principals", "identity", self._principal, **identity),
            *self._pair(source, "requestPrincipals", "request_principal", self._text, **token),
            *self._pair(source, "namespaces", "namespace", patterns.namespace, **identity),
            *self._pair(source, "serviceAccounts", "account", self._account, **identity),
            *self._pair(source, "ipBlocks", "source", patterns.address),
            *self._pair(source, "remoteIpBlocks", "remote", patterns.address),
        ]

    def _operation(self, operation):
        http = {"http_only": True}
        return [
            *self._pair(operation, "hosts", "host", self._host, **http),
            *self._pair(operation, "ports", "port", self._port),
            *self._pair(operation, "methods", "method", self._text, **http),
            *self._pair(operation, "paths", "path", self._path, **http),
        ]

    def _when(self, when):
        key = when["key"]
        values = {"values": when.get("values", []), "notValues": when.get("notValues", [])}
        bracketed = _BRACKETED.fullmatch(key)
        if bracketed:

            # Open: "*" and a header without a value. Istio's own proxies take it for present, so a DENY does not miss it.
            def make(pattern):  # a predicate of the facts, as a header may have several values
                return header(bracketed.group(1), patterns.text(pattern, patterns.present))

            return self._both(values, lambda facts: facts, make, http_only=True)
        if key in ("request.auth.audiences", "request.auth.claims[groups]"):
            # Open: who has no such claim. "Not this one" needs a token, as it does of its principal.
            def claims(facts):
                if facts.token is None:
                    return None
                return ((facts.token.audience,) if facts.token.audience else ()) if "aud" in key else facts.token.groups

            def one(pattern):
                matches = self._text(pattern)
                return lambda found: found is not None and any(map(matches, found))

            return self._both(values, claims, one, identity=True, http_only=True)
        attribute, make, flags = {
            "source.ip": ("source", patterns.address, {}),
            "remote.ip": ("remote", patterns.address, {}),
            "source.namespace": ("namespace", patterns.namespace, {"identity": True}),
            "source.principal": ("identity", self._principal, {"identity": True}),
            "source.serviceAccount": ("account", self._account, {"identity": True}),
            "request.auth.principal": ("request_principal", self._text, {"identity": True, "http_only": True}),
            "destination.ip": ("destination", patterns.address, {}),
            "destination.port": ("port", self._port, {}),
            "connection.sni": ("sni", self._text, {}),
        }[key]
        return self._both(values, lambda facts: getattr(facts, attribute), make, **flags)

    def _pair(self, fields, name, attribute, make, **flags):
        """A field and its negative: `paths` and `notPaths`."""
        negative = "not" + name[0].upper() + name[1:]
        values = {"values": fields.get(name, []), "notValues": fields.get(negative, [])}
        return self._both(values, lambda facts: getattr(facts, attribute), make, **flags)

    def _both(self, values, get, make, identity=False, http_only=False):
        predicates = []
        if not values["values"] and not values["notValues"]:
            return predicates
        if http_only and not self.http:
            # What only requests have cannot be seen in bytes: ALLOW must not allow more, DENY denies without it.
            return [] if self.deny else [lambda facts: False]
        if values["values"]:
            wanted = any_of(values["values"], make)
            predicates.append(lambda facts: wanted(get(facts)))
        if values["notValues"]:
            unwanted = any_of(values["notValues"], make)
            if identity and not self.deny:
                # "Not this identity" allows those who have another one, not those without (ISTIO-SECURITY-2021-004).
                predicates.append(lambda facts: get(facts) is not None)
            predicates.append(lambda facts: not unwanted(get(facts)))
        return predicates
