"""Ways through a listener in JSON form, to what a mutant changes."""

RBAC_HTTP, RBAC_NETWORK = "envoy.filters.http.rbac", "envoy.filters.network.rbac"
RBAC = (RBAC_HTTP, RBAC_NETWORK)
MANAGER = "envoy.filters.network.http_connection_manager"


def chains(listener):
    return listener["filter_chains"]


def filter_lists(listener):
    """The lists of filters that requests pass: of each chain, and of each HTTP connection manager."""
    for chain in chains(listener):
        yield chain["filters"]
        for network_filter in chain["filters"]:
            if network_filter["name"] == MANAGER:
                yield network_filter["typed_config"]["http_filters"]


def managers(listener):
    return [f["typed_config"] for chain in chains(listener) for f in chain["filters"] if f["name"] == MANAGER]


def configs(listener, names=RBAC):
    """Of all filters with one of these names."""
    return [f["typed_config"] for filters in filter_lists(listener) for f in filters if f["name"] in names]


def nodes(node):
    """Every object and list below, parents first; what a mutant replaces is not looked into again."""
    yield node
    for child in list(node.values()) if isinstance(node, dict) else list(node) if isinstance(node, list) else []:
        yield from nodes(child)


def each(change, names=RBAC):
    """A mutant that changes objects anywhere in the configuration of these filters."""

    def mutate(listener):
        found = (node for config in configs(listener, names) for node in nodes(config))
        return any([change(node) for node in found if isinstance(node, dict)])  # all of them

    return mutate


def replace(node, old, make):
    if old not in node:
        return False
    value = make(node.pop(old))
    node.update(value)
    return True


def to(key):
    """The value under another key."""
    return lambda value: {key: value}


def drop_filters(wanted, names=RBAC):
    def mutate(listener):
        changed = False
        for filters in filter_lists(listener):
            kept = [f for f in filters if f["name"] not in names or not wanted(f["typed_config"])]
            changed |= len(kept) != len(filters)
            filters[:] = kept
        return changed

    return mutate
