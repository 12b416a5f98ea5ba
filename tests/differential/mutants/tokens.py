"""Mutants of how end-user tokens are verified."""

from mutants.walking import configs, drop_filters, each, replace, to

JWT = "envoy.filters.http.jwt_authn"


def _of_providers(change):
    def mutate(listener):
        providers = [p for config in configs(listener, (JWT,)) for p in config.get("providers", {}).values()]
        return any([change(provider) for provider in providers])  # all of them

    return mutate


def _without(field):
    return lambda provider: bool(provider.pop(field, None))


def _lose_alternative(node):
    """Of several issuers the last one is lost."""
    some = node.get("requires_any", {}).get("requirements", [])
    named = [requirement for requirement in some if "provider_name" in requirement]
    if len(named) < 2:
        return False
    some.remove(named[-1])
    if len(some) == 1:
        node.pop("requires_any")
        node.update(some[0])
    return True


def _one_is_enough(listener):
    """A request with a valid token passes, whatever its others are: of all places one is enough."""
    rules = [rule["requires"] for config in configs(listener, (JWT,)) for rule in config.get("rules", []) if "requires" in rule]
    found = [needs for needs in rules if "requires_all" in needs]
    for needs in found:
        places = needs.pop("requires_all")["requirements"]
        alternatives = [one for place in places for one in place["requires_any"]["requirements"]]
        providers = [one for one in alternatives if "provider_name" in one]
        needs["requires_any"] = {"requirements": [*providers, {"requires_all": {"requirements": places}}]}
    return bool(found)


def _no_triggers(listener):
    """Of rules by path the first is lost."""
    found = [config for config in configs(listener, (JWT,)) if len(config.get("rules", [])) > 1]
    for config in found:
        config["rules"].pop(0)
    return bool(found)


MUTANTS = {
    "tokens are not verified": drop_filters(lambda _: True, (JWT,)),
    "audiences of tokens are not looked at": _of_providers(_without("audiences")),
    "tokens are not looked for in query parameters of their own": _of_providers(_without("from_params")),
    "tokens are not looked for in headers of their own": _of_providers(_without("from_headers")),
    "tokens are not looked for in cookies": _of_providers(_without("from_cookies")),
    "an invalid token counts as none": each(lambda n: replace(n, "allow_missing", to("allow_missing_or_failed")), (JWT,)),
    "optional tokens must be valid": each(lambda n: replace(n, "allow_missing_or_failed", to("allow_missing")), (JWT,)),
    "the last of several issuers is lost": each(_lose_alternative, (JWT,)),
    "one valid token is enough": _one_is_enough,
    "the first trigger rule is lost": _no_triggers,
}
