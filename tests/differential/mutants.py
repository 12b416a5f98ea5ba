"""Bugs that a translator could have, planted into the configuration on its way to Envoy. The test is worth something
if it finds each of them: then its policies and requests reach what the bug is about.

A mutant changes one listener in JSON form and says whether it changed anything."""

import re

_HTTP, _NETWORK = "envoy.filters.http.rbac", "envoy.filters.network.rbac"
_MANAGER = "envoy.filters.network.http_connection_manager"


# --- walking -----------------------------------------------------------------------------------------------------


def _chains(listener):
    return listener["filter_chains"]


def _filter_lists(listener):
    """The lists of filters that requests pass: of each chain, and of each HTTP connection manager."""
    for chain in _chains(listener):
        yield chain["filters"]
        for network_filter in chain["filters"]:
            if network_filter["name"] == _MANAGER:
                yield network_filter["typed_config"]["http_filters"]


def _managers(listener):
    return [f["typed_config"] for chain in _chains(listener) for f in chain["filters"] if f["name"] == _MANAGER]


def _rbac(listener, names=(_HTTP, _NETWORK)):
    return [f["typed_config"] for filters in _filter_lists(listener) for f in filters if f["name"] in names]


def _nodes(node):
    """Every object and list below, parents first; what a mutant replaces is not looked into again."""
    yield node
    for child in list(node.values()) if isinstance(node, dict) else list(node) if isinstance(node, list) else []:
        yield from _nodes(child)


def _each(change, names=(_HTTP, _NETWORK)):
    """A mutant that changes objects anywhere in RBAC rules."""

    def mutate(listener):
        nodes = (node for config in _rbac(listener, names) for node in _nodes(config))
        return any([change(node) for node in nodes if isinstance(node, dict)])  # all of them

    return mutate


def _replace(node, old, make):
    if old not in node:
        return False
    value = make(node.pop(old))
    node.update(value)
    return True


def _to(key):
    """The value under another key."""
    return lambda value: {key: value}


def _any(_):
    return {"any": True}


# --- RBAC rules --------------------------------------------------------------------------------------------------


def _lose_one(key, inner):
    def change(node):
        if len(node.get(key, {}).get(inner, [])) < 2:
            return False
        node[key][inner].pop()
        return True

    return _each(change)


def _renamed(old, inner_old, new, inner_new):
    return _each(lambda node: _replace(node, old, lambda value: {new: {inner_new: value[inner_old]}}))


def _string(old, make):
    """Changes string matchers."""
    return _each(lambda node: isinstance(node.get(old), str) and _replace(node, old, make))


def _regex(pattern, replacement):
    def change(node):
        before = node.get("safe_regex", {}).get("regex") if isinstance(node.get("safe_regex"), dict) else None
        if before is None:
            return False
        node["safe_regex"]["regex"] = re.sub(pattern, replacement, before)
        return node["safe_regex"]["regex"] != before

    return _each(change)


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

    return _each(change)


def _header(name, make):
    """Changes matchers of one header (or all with "")."""

    def change(node):
        given = node["header"]["name"] if isinstance(node.get("header"), dict) else None
        wanted = given == name if name else given is not None and not given.startswith(":")
        return wanted and _replace(node, "header", make)

    return _each(change)


def _port(change):
    key = "destination_port"
    return _each(lambda node: isinstance(node.get(key), int) and _replace(node, key, change))


def _namespace_only(node):
    """A matcher of a source namespace becomes any."""
    name = node.get("authenticated", {}).get("principal_name", {})
    return "safe_regex" in name and _replace(node, "authenticated", _any)


def _path_with_query(node):
    return _replace(node, "url_path", lambda value: {"header": {"name": ":path", "string_match": value["path"]}})


# --- filters -----------------------------------------------------------------------------------------------------


def _drop_filters(wanted, names=(_HTTP, _NETWORK)):
    def mutate(listener):
        changed = False
        for filters in _filter_lists(listener):
            kept = [f for f in filters if f["name"] not in names or not wanted(f["typed_config"])]
            changed |= len(kept) != len(filters)
            filters[:] = kept
        return changed

    return mutate


def _rules(config):
    return config.get("rules")


def _is(action):
    return lambda config: _rules(config) is not None and _rules(config).get("action", "ALLOW") == action


def _of_filters(change):
    return lambda listener: any([change(config) for config in _rbac(listener)])


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
    if "rules" in config or "shadow_rules" not in config:
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
        for manager in _managers(listener):
            if "merge_slashes" in manager:
                manager.update(settings)
                changed = True
        return changed

    return mutate


# --- mutual TLS --------------------------------------------------------------------------------------------------


def _tls_contexts(listener):
    return [c["transport_socket"]["typed_config"] for c in _chains(listener) if "transport_socket" in c]


def _no_client_certificate(listener):
    """To make it optional alone changes nothing: the check of its name goes on asking for it."""
    for context in _tls_contexts(listener):
        context["require_client_certificate"] = False
        context["common_tls_context"].pop("combined_validation_context")
    return bool(_tls_contexts(listener))


def _any_trust_domain(listener):
    for context in _tls_contexts(listener):
        validation = context["common_tls_context"]["combined_validation_context"]["default_validation_context"]
        validation.pop("match_typed_subject_alt_names")
    return bool(_tls_contexts(listener))


def _any_authority(listener):
    for context in _tls_contexts(listener):
        validation = context["common_tls_context"]["combined_validation_context"]["default_validation_context"]
        validation["trust_chain_verification"] = "ACCEPT_UNTRUSTED"
    return bool(_tls_contexts(listener))


def _plaintext_too(listener):
    """STRICT lets plaintext in."""
    chains = _chains(listener)
    if len(chains) != 1 or "transport_socket" not in chains[0]:
        return False
    plain = {key: value for key, value in chains[0].items() if key not in ("transport_socket", "filter_chain_match")}
    chains.append({**plain, "name": "plain"})
    return True


def _strict(listener):
    """PERMISSIVE takes mutual TLS only."""
    chains = _chains(listener)
    if len(chains) != 3:
        return False
    chains[0]["filter_chain_match"].pop("application_protocols")
    del chains[1:]
    return True


def _lose_foreign_rules(listener):
    """Foreign TLS passes without authorization."""
    filters = [c["filters"] for c in _chains(listener) if c["name"].endswith("-tls")]
    before = sum(map(len, filters))
    for each in filters:
        each[:] = [f for f in each if f["name"] != _NETWORK]
    return before != sum(map(len, filters))


MUTANTS = {
    # negations
    "a NOT of what is done is lost": _each(lambda node: _replace(node, "not_rule", dict)),
    "a NOT of who does it is lost": _each(lambda node: _replace(node, "not_id", dict)),
    "a negative match of what is done is left out": _each(lambda node: _replace(node, "not_rule", _any)),
    "a negative match of who does it is left out": _each(lambda node: _replace(node, "not_id", _any)),
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
    "an exact text is taken for a prefix": _string("exact", _to("prefix")),
    "an exact text is taken for a suffix": _string("exact", _to("suffix")),
    "an exact text is compared without case": _string("exact", lambda v: {"exact": v, "ignore_case": True}),
    "a prefix is taken for an exact text": _string("prefix", _to("exact")),
    "a prefix may stand anywhere": _string("prefix", _to("contains")),
    "a suffix is taken for a prefix": _string("suffix", _to("prefix")),
    "a suffix may stand anywhere": _string("suffix", _to("contains")),
    "a literal in a regular expression is not quoted": _regex(r"\\([.])", r"\1"),
    "a regular expression loses its case flag": _regex(r"^\(\?i\)", ""),
    "a host is not taken with a port": _each(_host_without_port),
    "a star in a namespace reaches over segments": _regex(r"\[\^/\][*+]", ".*"),
    # attributes
    "methods are not looked at": _header(":method", _any),
    "hosts are not looked at": _header(":authority", _any),
    "headers are not looked at": _header("", _any),
    "paths are not looked at": _each(lambda node: _replace(node, "url_path", _any)),
    "paths are compared with their query": _each(_path_with_query),
    "ports are not looked at": _port(_any),
    "a port is one off": _port(lambda port: {"destination_port": port + 1}),
    "identities are not looked at": _each(lambda node: _replace(node, "authenticated", _any)),
    "source namespaces are not looked at": _each(_namespace_only),
    "peer addresses are not looked at": _each(lambda node: _replace(node, "direct_remote_ip", _any)),
    "client addresses are not looked at": _each(lambda node: _replace(node, "remote_ip", _any)),
    "the client is taken for the peer": _each(lambda node: _replace(node, "remote_ip", _to("direct_remote_ip"))),
    "the peer is taken for the client": _each(lambda node: _replace(node, "direct_remote_ip", _to("remote_ip"))),
    "destination addresses are not looked at": _each(lambda node: _replace(node, "destination_ip", _any)),
    "address ranges are twice as wide": _prefix_length(-1),
    "address ranges are half as wide": _prefix_length(1),
    "SNI is not looked at": _each(lambda node: _replace(node, "requested_server_name", _any)),
    "end-user tokens are not looked at": _each(lambda node: _replace(node, "sourced_metadata", _any)),
    # filters
    "DENY is left out": _drop_filters(_is("DENY")),
    "ALLOW is left out": _drop_filters(_is("ALLOW")),
    "an ALLOW without rules is left out": _drop_filters(lambda config: _rules(config) == {}),
    "authorization of TCP is left out": _drop_filters(lambda _: True, (_NETWORK,)),
    "foreign TLS is not authorized": _lose_foreign_rules,
    "DENY is taken for ALLOW": _of_filters(_deny_to_allow),
    "rules are on trial only": _of_filters(_shadowed),
    "bindings on trial are enforced": _of_filters(_enforced),
    "RBAC on trial is enforced": _of_filters(_trial_enforced),
    "the last policy is lost": _of_filters(_lose_policy),
    # paths
    "dot segments stay": _manager(normalize_path=False),
    "slashes are not merged": _manager(merge_slashes=False),
    "escaped slashes pass": _manager(path_with_escaped_slashes_action="KEEP_UNCHANGED"),
    # mutual TLS
    "client certificates are not asked for": _no_client_certificate,
    "any trust domain is let in": _any_trust_domain,
    "any certificate authority is believed": _any_authority,
    "STRICT lets plaintext in": _plaintext_too,
    "PERMISSIVE is STRICT": _strict,
}


# --- the evaluator alone ---------------------------------------------------------------------------------------------------


def _connection(**changes):
    return lambda question: question["connection"].update(changes)


def _certificate(change):
    """Changes what is seen of client certificates."""

    def mutate(question):
        if question["connection"]["certificate"]:
            change(question["connection"]["certificate"])

    return mutate


def _request(key, change):
    def mutate(question):
        if "request" in question:
            question["request"][key] = change(question["request"][key])

    return mutate


def _foreign_domain(certificate):
    certificate["uris"] = [re.sub("//[^/]+/", "//other.example/", uri) for uri in certificate["uris"]]


def _joined(headers):
    values = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(value)
    return [[name, ",".join(some)] for name, some in values.items()]


# Bugs that an evaluator could have in how it sees connections and requests. Each changes a question.
FACT_MUTANTS = {
    "the evaluator believes every authority": _certificate(lambda c: c.update(trusted=True)),
    "the evaluator believes no authority": _certificate(lambda c: c.update(trusted=False)),
    "the evaluator sees no identities": _certificate(lambda c: c.update(uris=[])),
    "the evaluator takes identities for those of another domain": _certificate(_foreign_domain),
    "the evaluator sees no certificates": _connection(certificate=None),
    "the evaluator takes TLS for plaintext": _connection(tls=False),
    "the evaluator sees no ALPN": _connection(alpn=[]),
    "the evaluator sees no SNI": _connection(sni=""),
    "the evaluator takes all clients for one": _connection(source="10.99.99.99"),
    "the evaluator takes all servers for one": _connection(destination="10.99.99.99"),
    "the evaluator sees every method as GET": _request("method", lambda _: "GET"),
    "the evaluator folds the case of methods": _request("method", str.lower),
    "the evaluator folds the case of paths": _request("path", str.lower),
    "the evaluator cuts queries off paths too late": _request("path", lambda path: path.replace("?", "%3F")),
    "the evaluator takes no notice of fragments": _request("path", lambda path: path.split("#")[0]),
    "the evaluator sees no hosts": _request("host", lambda _: "other"),
    "the evaluator takes ports off hosts": _request("host", lambda host: host.split(":")[0]),
    "the evaluator sees no headers": _request("headers", lambda _: []),
    "the evaluator sees the first header only": _request("headers", lambda headers: headers[:1]),
    "the evaluator joins headers of one name": _request("headers", _joined),
    "the evaluator does not believe X-Forwarded-For": _request(
        "headers", lambda headers: [h for h in headers if h[0].lower() != "x-forwarded-for"]
    ),
}
