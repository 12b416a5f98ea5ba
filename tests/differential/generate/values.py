"""Values that policies and requests share, patterns over them, and texts at the edges of patterns."""

import ipaddress

# Neighbours of each other: one character longer or shorter, a dot that a regular expression would take for anything
# (CVE-2026-39350), the other case, names that are parts of an identity's form.
IDENTITIES = [
    *(("shop", account) for account in ("web", "web2", "we", "web.v1", "webxv1", "WEB", "admin-web")),
    *(("shop2", "web"), ("sho", "web"), ("xshop", "web"), ("shop-x", "web"), ("pay", "web"), ("pay", "db")),
    *(("ns", "sa"), ("sa", "ns"), ("default", "default")),
]
OWN_ACCOUNTS = ("api", "web")  # in the namespaces of the first workloads

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
PATHS = ("/", "/api", "/api/v1", "/api/v1/items", "/admin", "/admin/users", "/a.b", "/a-b_c~d", "/public/doc.html")
TEMPLATES = ("/api/{*}", "/api/{*}/items", "/api/{**}", "/{*}/users", "/{**}/doc.html")
HOSTS = ("api", "api.example.com", "www.example.com", "example.com", "api.example.org", "localhost")
HEADER_NAMES = ("x-team", "X-Role", "x-token", "user-agent")
HEADER_VALUES = ("blue", "red", "blue-1", "Mozilla/5.0", "a,b", "admin")
SNIS = ("api.example.com", "outbound_.80_._.api.shop.svc.cluster.local", "www.example.com", "api")
SOURCES = tuple(
    ipaddress.ip_address(text)
    for text in ("10.30.200.1", "10.30.200.2", "10.30.200.127", "10.30.200.128", "10.30.201.0")
    + ("127.1.2.3", "127.9.0.1")
)
REMOTES = ("203.0.113.9", "203.0.113.10", "203.0.112.255", "198.51.100.1", "10.30.200.1", "2001:db8::1")
VERSIONS = ("v1", "v2")
GATEWAY_LABEL = {"gateway.networking.k8s.io/gateway-name": "edge"}


def pattern(rng, value, star=0.06):
    """An exact text, a prefix or a suffix with edges anywhere, or "*"."""
    kind = rng.random()
    if kind < star:
        return "*"
    if kind < 0.55 or not value:
        return rng.choice((value, value, value, value + "x", value.upper()))
    cut = rng.randint(1, len(value))
    return value[:cut] + "*" if kind < 0.8 else "*" + value[-cut:]


def patterns(rng, pool, count=2, make=pattern):
    return [make(rng, rng.choice(pool)) for _ in range(rng.randint(1, count))]


def matching(rng, written):
    """A text that matches a pattern."""
    if written == "*":
        return rng.choice(("any", "x"))
    if written.startswith("*"):
        return rng.choice(("", "x", "a.")) + written[1:]
    if written.endswith("*"):
        return written[:-1] + rng.choice(("", "x", "/y"))
    return written


def at_edge(rng, text):
    """A text close to this one that probably means something else."""
    return rng.choice(
        (text + "x", text[:-1], text[1:], "x" + text, text.swapcase(), text + "*", text.replace(".", "x"), "")
    )


def block(rng, address):
    """An address, or a range that begins, ends or holds it."""
    address = ipaddress.ip_address(address)
    form = rng.random()
    if form < 0.35:
        return str(address)
    if form < 0.42:
        return rng.choice(("::/0", "::1/128", "2001:db8::/32", "0.0.0.0/0"))
    widest = 8 if address.version == 4 else 32
    length = rng.choice((widest, 16, 24, 25, 31, 32))
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    return rng.choice((str(network), f"{address}/{length}"))  # with and without host bits


def inside(rng, written):
    """An address of a range, often its first or last."""
    network = ipaddress.ip_network(written, strict=False)
    first, last = int(network.network_address), int(network.broadcast_address)
    return ipaddress.ip_address(rng.choice((first, last, min(first + 1, last))))
