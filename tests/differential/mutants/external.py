"""Mutants of how external authorizers are asked."""

from mutants.walking import configs, drop_filters, filter_lists

ASK = ("envoy.filters.http.ext_authz", "envoy.filters.network.ext_authz")


def _of_authorizers(change):
    return lambda listener: any([change(config) for config in configs(listener, ASK)])  # all of them


def _without(field):
    return lambda config: bool(config.pop(field, None))


def _open(config):
    before = config.get("failure_mode_allow", False)
    config["failure_mode_allow"] = True
    return not before


def _others(config):
    config["filter_enabled_metadata"]["value"]["string_match"]["exact"] = "allowed"
    return True


def _no_status(config):
    return config.get("status_on_error", {}).get("code") != "Forbidden" and _without("status_on_error")(config)


def _last(listener):
    """Behind all others but the one that passes requests on."""
    changed = False
    for filters in filter_lists(listener):
        asking = [f for f in filters if f["name"] in ASK]
        rest = [f for f in filters if f["name"] not in ASK]
        moved = rest[:-1] + asking + rest[-1:]
        changed |= moved != filters
        filters[:] = moved
    return changed


# What authorizers get to see is among the facts that the evaluator is told.
NOT_OF_EVALUATOR = "headers are not sent to authorizers"
MUTANTS = {
    "authorizers are not asked": drop_filters(lambda _: True, ASK),
    "authorizers are asked about everything": _of_authorizers(_without("filter_enabled_metadata")),
    "authorizers are asked about all others": _of_authorizers(_others),
    "authorizers are asked last": _last,
    "who cannot be asked lets pass": _of_authorizers(_open),
    "who cannot be asked refuses": _of_authorizers(_without("failure_mode_allow")),
    "an authorizer's failure has the usual status": _of_authorizers(_no_status),
    NOT_OF_EVALUATOR: _of_authorizers(_without("allowed_headers")),
}
