"""End-user tokens: RequestAuthentication, and the origins of v1alpha1 policies."""

import typing

from model import mutual_tls
from model.paths import normalise

ROOT = "istio-system"


class Verdict(typing.NamedTuple):
    passes: bool
    token: typing.Any = None  # a valid one


class Tokens:
    """What one HTTP port of a workload asks of tokens."""

    def __init__(self, objects, workload, target):
        objects_of_today = [
            o
            for o in objects
            if o["kind"] == "RequestAuthentication"
            and o["metadata"]["namespace"] in (workload.namespace, ROOT)
            and (o["spec"].get("selector") or {}).get("matchLabels", {}).items() <= workload.labels.items()
        ]
        self.rules = [_Rule(rule) for o in objects_of_today for rule in o["spec"].get("jwtRules", [])]
        # One of today's objects for the workload, and the old origins are not asked.
        policy = None if objects_of_today else mutual_tls.alpha_policy(objects, workload, target)
        spec = policy["spec"] if policy else {}
        self.origins = [_Rule(origin["jwt"]) for origin in spec.get("origins", [])]
        self.optional = spec.get("originIsOptional", False)
        self.use_origin = spec.get("principalBinding") == "USE_ORIGIN"
        # Old bindings say who request.auth.principal is, whether or not the origins still count.
        old = mutual_tls.alpha_policy(objects, workload, target)
        self.use_origin = bool(old) and old["spec"].get("principalBinding") == "USE_ORIGIN"

    @property
    def looks_at_path(self):
        return any(rule.triggers for rule in self.origins)

    @property
    def needed(self):
        """A request may have to carry one: what cannot be looked into must not pass."""
        return bool(self.origins) and not self.optional

    def verdict(self, request, strict_paths):
        if self.rules:
            return self._today(request.token)
        path = normalise(request.path, strict_paths)
        asked = [origin for origin in self.origins if origin.takes_part(path)]
        if not asked:
            return Verdict(True)  # nobody looks at a token
        valid = _valid(asked, request.token)
        return Verdict(valid is not None or self.optional, valid)

    def _today(self, token):
        """A token that is there must be valid."""
        valid = _valid(self.rules, token)
        if valid:
            return Verdict(True, valid)
        return Verdict(not any(rule.finds(token) for rule in self.rules))


def _valid(rules, token):
    return token if any(rule.takes(token) for rule in rules) else None


class _Rule:
    def __init__(self, rule):
        self.issuer, self.audiences = rule["issuer"], rule.get("audiences", [])
        self.jwks = rule["jwks"]
        places = ["x-jwt"] if rule.get("fromHeaders") else []
        places += ["token"] if rule.get("fromParams") or rule.get("jwtParams") else []
        self.places = places or ["bearer", "access_token"]
        self.triggers = rule.get("triggerRules", [])

    def finds(self, token):
        return token is not None and token.place in self.places

    def takes(self, token):
        if not self.finds(token) or token.issuer != self.issuer or token.expired or not token.signed:
            return False
        if f'"kid": "{self.issuer}"' not in self.jwks:
            return False
        return not self.audiences or token.audience in self.audiences

    def takes_part(self, path):
        """One of its trigger rules holds: no excluded path matches, and of the included ones, if any, one does."""
        return not self.triggers or any(
            not any(_matches(m, path) for m in rule.get("excludedPaths", []))
            and (not rule.get("includedPaths") or any(_matches(m, path) for m in rule["includedPaths"]))
            for rule in self.triggers
        )


def _matches(match, path):
    if "exact" in match:
        return path == match["exact"]
    if "prefix" in match:
        return path.startswith(match["prefix"])
    return path.endswith(match["suffix"])
