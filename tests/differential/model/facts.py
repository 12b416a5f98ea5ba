"""The attributes of a request that rules can ask for."""

import dataclasses
import functools
import ipaddress
import typing

from model.paths import normalise

_address = functools.lru_cache(4096)(ipaddress.ip_address)


@dataclasses.dataclass(slots=True)
class Facts:
    identity: typing.Optional[str]  # without "spiffe://"; None: nobody vouches for the client
    namespace: typing.Optional[str]
    account: typing.Optional[str]  # "namespace/name"
    source: typing.Any  # address of the peer of the connection
    remote: typing.Any  # of the original client
    destination: typing.Any
    port: int
    sni: str  # "" if none was sent, or seen
    method: typing.Optional[str] = None
    path: typing.Optional[str] = None
    host: typing.Optional[str] = None
    headers: typing.Optional[dict] = None  # lower-case name -> values
    token: typing.Any = None  # a valid world.Token
    request_principal: typing.Optional[str] = None  # "issuer/subject" of it


@functools.lru_cache(4096)
def facts_of(workload_ip, gateway, request, arrived, strict_paths):
    """The facts of a request to a workload; None: it is refused for its path."""
    path = normalise(request.path, strict_paths) if arrived.http else None
    if arrived.http and path is None:
        return None
    connection = request.connection
    source = _address(connection.source)
    namespace = account = None
    if arrived.identity:
        _, _, namespace, _, name = arrived.identity.split("/")
        account = f"{namespace}/{name}"
    sni = connection.sni if arrived.sni_seen else ""
    facts = Facts(arrived.identity, namespace, account, source, source, _address(workload_ip), connection.port, sni)
    if not arrived.http:
        return facts
    facts.method, facts.path, facts.host = request.method, path, request.host
    facts.headers = {}
    for name, value in request.headers:
        name = name.lower()
        facts.headers.setdefault(name, []).append(value)
    # The proxies in front of a gateway that are trusted are none, unless numTrustedProxies says so: who connects is the
    # client. Behind it, what the gateway says counts.
    if "x-forwarded-for" in facts.headers and not gateway:
        facts.remote = _last_hop(",".join(facts.headers["x-forwarded-for"]), source)
    return facts


def header(name, predicate):
    """A predicate of facts: the header holds what `predicate` asks for.

    Open: a header that comes more than once. Each of its values is compared by itself and one is enough; to look at the
    first alone was CVE-2020-25017, and to look at all as one list lets a second value hide the first from a DENY."""
    name = name.lower()
    return lambda facts: any(map(predicate, facts.headers.get(name) or (None,)))


def _last_hop(forwarded, source):
    """A sidecar believes the proxy in front of it, so the last address is the client's; nonsense counts as absent."""
    try:
        return _address(forwarded.split(",")[-1].strip())
    except ValueError:
        return source
