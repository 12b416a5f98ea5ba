"""End-user tokens, and random policies that ask for them."""

import base64
import functools
import hashlib
import hmac
import json

from generate import values
from world import Token

# Neighbours: one is the other with a slash more; a slash inside makes "issuer/subject" ambiguous; one is no URL.
ISSUERS = ("https://one.example", "https://one.example/", "two@example.org")
SUBJECTS = ("alice", "alice2", "a/b", "ALICE")
AUDIENCES = ("shop", "shop2")
GROUPS = ("admin", "dev", "admins")
PLACES = ("bearer", "access_token", "x-jwt", "token", "x-bare", "session")
_FUTURE, _PAST = 4102444800, 1500000000


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _secret(issuer):
    return hashlib.sha256(issuer.encode()).digest()


@functools.lru_cache(64)
def key_set(*issuers):
    keys = [{"kty": "oct", "alg": "HS256", "kid": issuer, "k": _base64url(_secret(issuer))} for issuer in issuers]
    return json.dumps({"keys": keys})


@functools.lru_cache(4096)
def encode(token):
    """As it goes over the wire."""
    payload = {"iss": token.issuer, "sub": token.subject, "exp": _PAST if token.expired else _FUTURE}
    if token.audience:
        payload["aud"] = token.audience
    if token.groups:
        payload["groups"] = list(token.groups) if len(token.groups) > 1 else token.groups[0]
    header = {"alg": "HS256", "typ": "JWT", "kid": token.issuer}
    text = ".".join(_base64url(json.dumps(part).encode()) for part in (header, payload))
    secret = _secret(token.issuer if token.signed else "somebody else")
    return text + "." + _base64url(hmac.new(secret, text.encode(), hashlib.sha256).digest())


def some(rng, objects):
    """For a request to a workload with these objects: none, one, or several in different places."""
    rules = [rule for o in objects for rule in jwt_rules(o)]
    if rng.random() < (0.25 if rules else 0.9):
        return []
    result = [_token(rng, rules)]
    while rules and len(result) < 3 and rng.random() < 0.3:
        # Another one; often what the same person has, somewhere else.
        more = _token(rng, rules)
        if rng.random() < 0.4:
            more = result[0]._replace(place=more.place, signed=more.signed)
        if more.place not in [token.place for token in result]:
            result.append(more)
    return result


def _token(rng, rules):
    issuer = rng.choice([rule["issuer"] for rule in rules] * 3 + list(ISSUERS))
    places = [place for rule in rules for place in places_of(rule)] * 3 + list(PLACES)
    return Token(
        issuer,
        rng.choice(SUBJECTS + SUBJECTS[:1] * 2),
        rng.choice(AUDIENCES + AUDIENCES[:1] + ("",)),
        rng.choice(((), ("admin",), ("dev",), ("dev", "admin"), ("admins",))),
        rng.random() < 0.93,
        rng.random() < 0.05,
        rng.choice(places),
    )


def jwt_rules(obj):
    """The rules of an object of either dialect."""
    if obj["kind"] == "RequestAuthentication":
        return obj["spec"].get("jwtRules", [])
    if obj["kind"] in ("Policy", "MeshPolicy"):
        return [origin["jwt"] for origin in obj["spec"].get("origins", [])]
    return []


def places_of(rule):
    """Where a rule looks for its token."""
    found = [header["name"] for header in rule.get("fromHeaders", [])] + rule.get("jwtHeaders", [])
    found += rule.get("fromParams", []) + rule.get("jwtParams", []) + rule.get("fromCookies", [])
    return found or ["bearer", "access_token"]


# --- policies ------------------------------------------------------------------------------------------------


def _rule(rng, issuer):
    # Now and then nobody knows the issuer's key.
    rule = {"issuer": issuer, "jwks": key_set(issuer if rng.random() < 0.95 else "nobody")}
    if rng.random() < 0.3:
        rule["audiences"] = rng.sample(AUDIENCES, rng.choice((1, 1, 2)))
    return rule


def request_authentication(rng, namespace, name, selector, issuers=ISSUERS):
    rules = []
    for issuer in _some_of(rng, issuers):
        rule = _rule(rng, issuer)
        form = rng.random()
        if form < 0.2:
            bare = {"name": "x-bare"}
            rule["fromHeaders"] = [{"name": "x-jwt", "prefix": "Token "}, *([bare] if rng.random() < 0.3 else [])]
        if 0.1 < form < 0.3:
            rule["fromParams"] = ["token"]
        if 0.27 < form < 0.37:
            rule["fromCookies"] = ["session"]
        rules.append(rule)
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "RequestAuthentication",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**selector, "jwtRules": rules},
    }


def _trigger(rng):
    form, path = rng.random(), rng.choice(values.PATHS)
    if form < 0.4:
        return {"exact": path}
    if form < 0.75:
        return {"prefix": path[: rng.randint(1, len(path))]}
    return {"suffix": path[-rng.randint(1, len(path)) :]}


def _some_of(rng, issuers):
    return rng.sample(issuers, min(rng.choice((1, 1, 2)), len(issuers)))


def origins(rng, issuers=ISSUERS):
    """Of an old policy."""
    result = []
    for issuer in _some_of(rng, issuers):
        jwt = _rule(rng, issuer)
        form = rng.random()
        if form < 0.2:
            jwt["jwtParams"] = ["token"]
        if 0.12 < form < 0.3:
            jwt["jwtHeaders"] = ["x-bare"]
        if rng.random() < 0.5:
            rule = {}
            if rng.random() < 0.7:
                rule["excludedPaths"] = [_trigger(rng) for _ in range(rng.choice((1, 1, 2)))]
            if rng.random() < 0.5 or not rule:
                rule["includedPaths"] = [_trigger(rng) for _ in range(rng.choice((1, 2)))]
            jwt["triggerRules"] = [rule]
        result.append({"jwt": jwt})
    spec = {"origins": result}
    if rng.random() < 0.25:
        spec["originIsOptional"] = True
    if rng.random() < 0.5:
        spec["principalBinding"] = "USE_ORIGIN"
    return spec
