"""End-user tokens: RequestAuthentication, and the origins of v1alpha1 policies."""

import typing

from model import mutual_tls
from model.paths import normalise
from model.selection import selects


class Verdict(typing.NamedTuple):
    passes: bool
    # A valid token; None: nobody's. If there are several it is left open which of them is the one that rules look at:
    # Istio's reference says that requests with several tokens have no defined principal.
    tokens: tuple = ()


class Tokens:
    """What one HTTP port of a workload asks of tokens."""

    def __init__(self, objects, workload, target):
        objects_of_today = [o for o in objects if o["kind"] == "RequestAuthentication" and selects(o, workload)]
        self.rules = [_Rule(rule) for o in objects_of_today for rule in o["spec"].get("jwtRules", [])]
        # One of today's objects for the workload, and the old origins are not asked.
        policy = None if objects_of_today else mutual_tls.alpha_policy(objects, workload, target)
        spec = policy["spec"] if policy else {}
        self.origins = [_Rule(origin["jwt"]) for origin in spec.get("origins", [])]
        self.optional = spec.get("originIsOptional", False)
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
            return self._today(request.tokens)
        path = normalise(request.path, strict_paths)
        asked = [origin for origin in self.origins if origin.takes_part(path)]
        if not asked:
            return Verdict(True)  # nobody looks at a token
        # In order, the first that finds a valid token counts.
        valid = next(filter(None, (origin.valid(request.tokens) for origin in asked)), ())
        if valid or not self.optional:
            return Verdict(bool(valid), valid)
        # Open: a valid token beside one that is not, if neither has to be there. It may be heard, as it is valid.
        heard = tuple(token for token in request.tokens if any(origin.takes(token) for origin in asked))
        return Verdict(True, (None, *heard))

    def _today(self, tokens):
        """A rule is active for a token where it looks for tokens, and one that is not valid is refused. Where several
        rules look it must be valid by one of them. What nobody looks at is no token."""
        found = [token for token in tokens if any(rule.finds(token) for rule in self.rules)]
        return Verdict(all(any(rule.takes(token) for rule in self.rules) for token in found), tuple(found))


class _Rule:
    def __init__(self, rule):
        self.issuer, self.audiences = rule["issuer"], rule.get("audiences", [])
        self.jwks = rule["jwks"]
        headers = [header["name"] for header in rule.get("fromHeaders", []) if _reads(header)]
        headers += rule.get("jwtHeaders", [])
        parameters = rule.get("fromParams", []) + rule.get("jwtParams", [])
        own = ("fromHeaders", "fromParams", "fromCookies", "jwtHeaders", "jwtParams")
        places = headers + parameters + rule.get("fromCookies", [])
        self.places = places if any(rule.get(field) for field in own) else ["bearer", "access_token"]
        self.triggers = rule.get("triggerRules", [])

    def finds(self, token):
        return token.place in self.places

    def takes(self, token):
        if not self.finds(token) or token.issuer != self.issuer or token.expired or not token.signed:
            return False
        if f'"kid": "{self.issuer}"' not in self.jwks:
            return False
        return not self.audiences or token.audience in self.audiences

    def valid(self, tokens):
        """Of an origin: its valid tokens, or none.
        Open: several tokens in its places. All must be valid, as the application might look at any of them."""
        found = [token for token in tokens if self.finds(token)]
        return tuple(found) if all(map(self.takes, found)) else ()

    def takes_part(self, path):
        """One of its trigger rules holds: no excluded path matches, and of the included ones, if any, one does."""
        return not self.triggers or any(
            not any(_matches(m, path) for m in rule.get("excludedPaths", []))
            and (not rule.get("includedPaths") or any(_matches(m, path) for m in rule["includedPaths"]))
            for rule in self.triggers
        )


def _reads(header):
    """Whether the test's tokens are what follows the prefix."""
    return header.get("prefix", "") == {"x-jwt": "Token ", "x-bare": ""}[header["name"]]


def _matches(match, path):
    if "exact" in match:
        return path == match["exact"]
    if "prefix" in match:
        return path.startswith(match["prefix"])
    return path.endswith(match["suffix"])
