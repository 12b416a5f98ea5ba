"""What a round of the differential test is about: a mesh with workloads, the objects that users wrote, and requests."""

import dataclasses
import typing

ROOT_NAMESPACE = "istio-system"


@dataclasses.dataclass(frozen=True)
class Port:
    name: str  # as in Istio, the text before the first hyphen is the protocol
    number: int  # of the service
    target: int  # of the workload

    @property
    def http(self):
        return self.name.split("-")[0] in ("http", "http2", "grpc")


@dataclasses.dataclass(frozen=True)
class Service:
    name: str
    namespace: str
    ports: tuple

    @property
    def host(self):
        return f"{self.name}.{self.namespace}.svc.cluster.local"


@dataclasses.dataclass(frozen=True)
class Server:
    """What a gateway opens: a server of a networking Gateway with all hosts."""

    number: int  # of the gateway's service
    protocol: str  # HTTP, HTTPS, TCP, TLS
    mode: str = ""  # of its TLS: SIMPLE, MUTUAL, OPTIONAL_MUTUAL; "": none

    @property
    def http(self):
        return self.protocol in ("HTTP", "HTTPS")


@dataclasses.dataclass(frozen=True)
class Workload:
    """One pod; every service of its namespace selects it. A gateway is one that has servers: what its ports speak is
    theirs to say, and there is one for each port of its service."""

    namespace: str
    account: str
    labels: dict
    ip: str
    services: tuple
    servers: tuple = ()

    # What the xDS client of the harness asks of a workload.
    service, pod, app, outbound = "api", "api-0", "127.0.0.1", "127.0.0.1"

    @property
    def gateway(self):
        return bool(self.servers)

    def server(self, target):
        """Of a gateway's port."""
        numbers = [port.number for _, port in self.backing(target)]
        return next(server for server in self.servers if server.number in numbers)

    @property
    def id(self):
        return f"{self.pod}.{self.namespace}"

    def backing(self, target):
        """The services and their ports that lead to one workload port."""
        return [(service, port) for service in self.services for port in service.ports if port.target == target]

    @property
    def targets(self):
        return sorted({port.target for service in self.services for port in service.ports})

    def http(self, target):
        return self.server(target).http if self.gateway else self.backing(target)[0][1].http


class Certificate(typing.NamedTuple):
    """What a client shows. Its URI SAN is an identity only if the mesh's authority signed it."""

    uri: str
    authority: str = "mesh"


class Connection(typing.NamedTuple):
    port: int  # of the workload
    source: str  # IP address
    tls: bool = False
    mesh_alpn: bool = False  # the client offers "istio", as proxies of the mesh do
    certificate: typing.Optional[Certificate] = None
    sni: str = ""


class Token(typing.NamedTuple):
    """What an end-user token says, whether it is good, and where the request has it."""

    issuer: str
    subject: str
    audience: str  # "": none
    groups: tuple
    signed: bool = True  # with the issuer's key
    expired: bool = False
    place: str = "bearer"  # or "access_token", "token" (query parameters), "x-jwt" (a header, after "Token "), "x-bare"
    # (a header with nothing else), "session" (a cookie)


class Request(typing.NamedTuple):
    """One question: may this pass? On a TCP port the HTTP fields mean nothing."""

    connection: Connection
    method: str = "GET"
    path: str = "/"
    host: str = "api"
    headers: tuple = ()  # of (name, value); a name may come more than once
    tokens: tuple = ()  # of Token, each in another place


@dataclasses.dataclass
class Mesh:
    """Objects are dicts as users write them, in lowerCamelCase. Those of namespaces apart from ROOT_NAMESPACE can only
    concern the workload there, so `objects_for` and `providers` are all that a verdict may depend on."""

    trust_domain: str
    workloads: list
    wide: list = dataclasses.field(default_factory=list)  # of the mesh and of the root namespace
    local: dict = dataclasses.field(default_factory=dict)  # namespace -> objects
    # Of the mesh's ConfigMap: its extensionProviders. Each has a port of its own at AUTHORIZER or at NOBODY.
    providers: list = dataclasses.field(default_factory=list)

    def objects_for(self, workload):
        return self.wide + self.local.get(workload.namespace, [])


# External authorizers. One answers what ASKED_HEADER says to requests; what it does not see counts as "allow". To
# connections it answers by the client's address. At NOBODY's address nobody listens.
AUTHORIZER, NOBODY = "authorizer.auth.svc.cluster.local", "nobody.auth.svc.cluster.local"
ASKED_HEADER = "x-ext"
ANSWERS = ("allow", "deny", "error")  # "error": a status of 500, or an error of gRPC
_BY_ADDRESS = {"10.30.200.2": "deny", "127.9.0.1": "deny", "10.30.200.127": "error"}


def answer_to_request(value):
    return value if value in ANSWERS else "allow"


def answer_to_connection(source):
    return _BY_ADDRESS.get(source, "allow")


# What a verdict can be. On a TCP port, and where a connection is not let in, nothing but "closed" is seen.
ALLOW = "allow"
DENY = "deny"  # 403
REFUSE = "refuse"  # the token is not valid: 401, or 403 with a text of its own
REJECT = "reject"  # 400: a path that could be read in two ways
CLOSED = "closed"
FAIL = "fail"  # 402, which the providers' statusOnError may say: an authorizer could not be asked


def agree(verdicts):
    """Whether these verdicts are one. A frozenset stands for several, of which the documents leave open which it is."""
    said = {verdict for verdict in verdicts if not isinstance(verdict, frozenset)}
    return len(said) == 1 and all(said <= verdict for verdict in verdicts if isinstance(verdict, frozenset))
