"""How texts, addresses and hosts of policies are compared. Each function makes a predicate of a value as written."""

import ipaddress


def text(pattern, star):
    """`star` is what "*" alone means. A leading * is a suffix, else a trailing one is a prefix, else all is literal."""
    if pattern == "*":
        return star
    if pattern.startswith("*"):
        suffix = pattern[1:]
        return lambda value: value is not None and value.endswith(suffix)
    if pattern.endswith("*"):
        prefix = pattern[:-1]
        return lambda value: value is not None and value.startswith(prefix)
    return lambda value: value == pattern


def not_empty(value):
    """"*" in an AuthorizationPolicy: there is a value, and it is not empty."""
    return bool(value)


def present(value):
    """"*" for headers in a ServiceRole or binding: present, also if empty."""
    return value is not None


def anything(_):
    """"*" for everything else there."""
    return True


def any_of(patterns, make):
    """One predicate for a list: any of its patterns holds."""
    predicates = [make(pattern) for pattern in patterns]
    if len(predicates) == 1:
        return predicates[0]
    return lambda value: any(predicate(value) for predicate in predicates)


def host(pattern):
    """Hosts have no case, and a host in a policy means `host` and `host:*` (ISTIO-SECURITY-2021-008): whatever follows
    the colon, so that no odd port gets round a DENY."""
    folded = pattern.lower()
    plain = text(folded, not_empty)
    if folded == "*" or (folded.endswith("*") and not folded.startswith("*")):
        return lambda value: value is not None and plain(value.lower())

    def matches(value):
        if value is None:
            return False
        value = value.lower()
        return plain(value) or any(plain(value[:at]) for at, c in enumerate(value) if c == ":")

    return matches


def namespace(pattern):
    """A star may stand anywhere; it never reaches over the segment of the identity that is the namespace."""
    pieces = pattern.split("*")
    if len(pieces) == 1:
        return lambda value: value == pattern
    head, *middle, tail = pieces

    def matches(value):
        # Open: "*" asks for a namespace, so it is never taken to match where there is no identity.
        if value is None or len(value) < len(head) + len(tail):
            return False
        if not (value.startswith(head) and value.endswith(tail)):
            return False
        rest = value[len(head) : len(value) - len(tail)]
        for piece in middle:
            at = rest.find(piece)
            if at < 0:
                return False
            rest = rest[at + len(piece) :]
        return True

    return matches


def address(block):
    """An address or a CIDR range; `value` is an ipaddress object. Host bits of the range do not count."""
    network = ipaddress.ip_network(block, strict=False)
    version, base, mask = network.version, int(network.network_address), int(network.netmask)
    return lambda value: value is not None and value.version == version and int(value) & mask == base


def principal(pattern, trust_domain, expand=True):
    """`<trust domain>/ns/<namespace>/sa/<account>`, without "spiffe://". "*" is any identity. cluster.local and the
    mesh's own trust domain stand for each other in values of five parts, none of which begins with a star."""
    parts = pattern.split("/")
    patterns = [pattern]
    if expand and len(parts) == 5 and parts[0] in ("cluster.local", trust_domain):
        patterns = ["/".join([domain, *parts[1:]]) for domain in {"cluster.local", trust_domain}]
    return any_of(patterns, lambda p: text(p, present))
