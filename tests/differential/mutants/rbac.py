"""Mutants of RBAC rules and filters, and of paths."""

import re

from mutants.walking import RBAC_NETWORK, configs, drop_filters, each, managers, replace, to


def _any(_):
    return {"any": True}


# --- RBAC rules --------------------------------------------------------------------------------------------------


def _lose_one(key, inner):
    def change(node):
        if len(node.get(key, {}).get(inner, [])) < 2:
            return False
        node[key][inner].pop()
        return True

    return each(change)


def _renamed(old, inner_old, new, inner_new):
    return each(lambda node: replace(node, old, lambda value: {new: {inner_new: value[inner_old]}}))


def _string(old, make):
    """Changes string matchers."""
    return each(lambda node: isinstance(node.get(old), str) and replace(node, old, make))


def _regex(pattern, replacement):
    def change(node):
        before = node.get("safe_regex", {}).get("regex") if isinstance(node.get("safe_regex"), dict) else None
        if before is None:
            return False
        node["safe_regex"]["regex"] = re.sub(pattern, replacement, before)
        return node["safe_regex"]["regex"] != before

    return each(change)


def _host_without_port(node):
    """Hosts are not taken with a port: neither by a regular expression nor by a prefix that ends with a colon."""
    match = node.get("string_match", {}) if node.get("name") == ":authority" else {}
    if match.get("prefix", "").endswith(":"):
        match["exact"] = match.pop("prefix")
        return True
    if "safe_regex" not in match:
        return False
    before = match["safe_regex"]["regex"]
    match["safe_regex"]["regex"] = before.replace("(?::[0-9]+)?", "").replace(":[0-9]+", "")
    return match["safe_regex"]["regex"] != before


def _prefix_length(step):
    def change(node):
        if not 1 < node.get("prefix_len", 0) + step < 33:
            return False
        node["prefix_len"] += step
        return True

    return each(change)


def _header(name, make):
    """Changes matchers of one header (or all with "")."""

    def change(node):
        given = node["header"]["name"] if isinstance(node.get("header"), dict) else None
        wanted = given == name if name else given is not None and not given.startswith(":")
        return wanted and replace(node, "header", make)

    return each(change)


def _port(change):
    key = "destination_port"
    return each(lambda node: isinstance(node.get(key), int) and replace(node, key, change))


def _namespace_only(node):
    """A matcher of a source namespace becomes any."""
    name = node.get("authenticated", {}).get("principal_name", {})
    return "safe_regex" in name and replace(node, "authenticated", _any)


def _path_with_query(node):
    return replace(node, "url_path", lambda value: {"header": {"name": ":path", "string_match": value["path"]}})


# --- filters -----------------------------------------------------------------------------------------------------


def _rules(config):
    return config.get("rules")


def _is(action):
    return lambda config: _rules(config) is not None and _rules(config).get("action", "ALLOW") == action


def _of_filters(change):
    return lambda listener: any([change(config) for config in configs(listener)])


def _shadowed(config):
    if not _rules(config):
        return False
    config["shadow_rules"] = config.pop("rules")
    return True


def _enforced(config):
    """Rules on trial are enforced with the others."""
    shadow = config.get("shadow_rules", {}).get("policies")
    if not shadow or "rules" not in config:
        return False
    config["rules"].setdefault("policies", {}).update(shadow)
    return True


def _trial_enforced(config):
    """A filter that only watches becomes one that decides."""
    asks = config.get("shadow_rules_stat_prefix", "").startswith("istio_ext_authz_")
    if "rules" in config or "shadow_rules" not in config or asks:
        return False
    config["rules"] = config["shadow_rules"]
    return True


def _lose_policy(config):
    policies = (_rules(config) or {}).get("policies")
    if not policies:
        return False
    del policies[sorted(policies)[-1]]
    return True


def _deny_to_allow(config):
    return _is("DENY")(config) and bool(_rules(config).pop("action"))


def _manager(**settings):
    """Settings of connection managers that decide by path."""

    def mutate(listener):
        changed = False
        for manager in managers(listener):
            if "merge_slashes" in manager:
                manager.update(settings)
                changed = True
        return changed

    return mutate


MUTANTS = {
    # negations
    "a NOT of what is done is lost": each(lambda node: replace(node, "not_rule", dict)),
    "a NOT of who does it is lost": each(lambda node: replace(node, "not_id", dict)),
    "a negative match of what is done is left out": each(lambda node: replace(node, "not_rule", _any)),
    "a negative match of who does it is left out": each(lambda node: replace(node, "not_id", _any)),
    # lists
    "the last alternative of what is done is lost": _lose_one("or_rules", "rules"),
    "the last alternative of who does it is lost": _lose_one("or_ids", "ids"),
    "the last condition of what is done is lost": _lose_one("and_rules", "rules"),
    "the last condition of who does it is lost": _lose_one("and_ids", "ids"),
    "alternatives of what is done must all hold": _renamed("or_rules", "rules", "and_rules", "rules"),
    "alternatives of who does it must all hold": _renamed("or_ids", "ids", "and_ids", "ids"),
    "one condition of what is done is enough": _renamed("and_rules", "rules", "or_rules", "rules"),
    "one condition of who does it is enough": _renamed("and_ids", "ids", "or_ids", "ids"),
    # texts
    "an exact text is taken for a prefix": _string("exact", to("prefix")),
    "an exact text is taken for a suffix": _string("exact", to("suffix")),
    "an exact text is compared without case": _string("exact", lambda v: {"exact": v, "ignore_case": True}),
    "a prefix is taken for an exact text": _string("prefix", to("exact")),
    "a prefix may stand anywhere": _string("prefix", to("contains")),
    "a suffix is taken for a prefix": _string("suffix", to("prefix")),
    "a suffix may stand anywhere": _string("suffix", to("contains")),
    "a literal in a regular expression is not quoted": _regex(r"\\([.])", r"\1"),
    "a regular expression loses its case flag": _regex(r"^\(\?i\)", ""),
    "a host is not taken with a port": each(_host_without_port),
    "a star in a namespace reaches over segments": _regex(r"\[\^/\][*+]", ".*"),
    # attributes
    "methods are not looked at": _header(":method", _any),
    "hosts are not looked at": _header(":authority", _any),
    "headers are not looked at": _header("", _any),
    "paths are not looked at": each(lambda node: replace(node, "url_path", _any)),
    "paths are compared with their query": each(_path_with_query),
    "ports are not looked at": _port(_any),
    "a port is one off": _port(lambda port: {"destination_port": port + 1}),
    "identities are not looked at": each(lambda node: replace(node, "authenticated", _any)),
    "source namespaces are not looked at": each(_namespace_only),
    "peer addresses are not looked at": each(lambda node: replace(node, "direct_remote_ip", _any)),
    "client addresses are not looked at": each(lambda node: replace(node, "remote_ip", _any)),
    "the client is taken for the peer": each(lambda node: replace(node, "remote_ip", to("direct_remote_ip"))),
    "the peer is taken for the client": each(lambda node: replace(node, "direct_remote_ip", to("remote_ip"))),
    "destination addresses are not looked at": each(lambda node: replace(node, "destination_ip", _any)),
    "address ranges are twice as wide": _prefix_length(-1),
    "address ranges are half as wide": _prefix_length(1),
    "SNI is not looked at": each(lambda node: replace(node, "requested_server_name", _any)),
    "end-user tokens are not looked at": each(lambda node: replace(node, "sourced_metadata", _any)),
    # filters
    "DENY is left out": drop_filters(_is("DENY")),
    "ALLOW is left out": drop_filters(_is("ALLOW")),
    "an ALLOW without rules is left out": drop_filters(lambda config: _rules(config) == {}),
    "authorization of TCP is left out": drop_filters(lambda _: True, (RBAC_NETWORK,)),
    "DENY is taken for ALLOW": _of_filters(_deny_to_allow),
    "rules are on trial only": _of_filters(_shadowed),
    "bindings on trial are enforced": _of_filters(_enforced),
    "RBAC on trial is enforced": _of_filters(_trial_enforced),
    "the last policy is lost": _of_filters(_lose_policy),
    # paths
    "dot segments stay": _manager(normalize_path=False),
    "slashes are not merged": _manager(merge_slashes=False),
    "escaped slashes pass": _manager(path_with_escaped_slashes_action="KEEP_UNCHANGED"),
}
