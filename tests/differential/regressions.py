"""What this test has found, made small: policies, one request each, and the verdict that all judges have to give."""

from generate import tokens
from generate.security import policy_object
from rounds import Round
from world import ALLOW, AUTHORIZER, CLOSED, DENY, REFUSE, Certificate, Connection, Mesh, Port, Request, Server, Service, Token, Workload

_CLIENT = "10.30.200.1"
_WEB = Certificate("spiffe://cluster.local/ns/shop/sa/web")
_SIDECAR = (Port("http-a", 80, 8080), Port("tcp-a", 90, 9000))
_GATEWAY = (Port("https-a", 443, 8443),)
_ONE, _TWO, _ = tokens.ISSUERS


def _rules(namespace, *rules, **spec):
    return [policy_object(namespace, "found", {**spec, "rules": list(rules)})]


def _two_issuers(namespace):
    spec = {"jwtRules": [{"issuer": _ONE, "jwks": tokens.key_set(_ONE), "fromHeaders": [{"name": "x-bare"}]},
                         {"issuer": _TWO, "jwks": tokens.key_set(_TWO)}]}  # fmt: skip
    policy = {"apiVersion": "security.istio.io/v1", "kind": "RequestAuthentication", "spec": spec}
    return [{**policy, "metadata": {"name": "found", "namespace": namespace}}]


def _asked(provider):
    return lambda namespace: _rules(namespace, {}, action="CUSTOM", provider={"name": provider})


def _with(*tokens_):
    return Request(Connection(8080, _CLIENT), tokens=tokens_)


_GOOD = Token(_ONE, "alice", "", (), place="x-bare")
_FORGED = Token(_TWO, "bob", "", (), signed=False)
_FOREIGN_TLS = Request(Connection(8080, _CLIENT, tls=True, certificate=_WEB))
_AT_GATEWAY = Connection(8443, _CLIENT, tls=True, certificate=_WEB)
_PATHS = {"to": [{"operation": {"paths": ["/a"]}}]}
_PROVIDERS = [
    {"name": name, "envoyExtAuthzHttp": {"service": AUTHORIZER, "port": port, "failOpen": fail_open}}
    for name, port, fail_open in (("closed", 8000, False), ("open", 8001, True))
]

# (what was wrong, whether it is a gateway, objects of a namespace, [(request, verdict)])
CASES = [
    (
        "one valid token was enough: others passed unseen",
        False,
        _two_issuers,
        [(_with(_GOOD), ALLOW), (_with(_FORGED), REFUSE), (_with(_GOOD, _FORGED), REFUSE)],
    ),
    (
        "a gateway's HTTPS server was taken for TCP where its service's port is named https: ALLOW never matched",
        True,
        lambda namespace: _rules(namespace, _PATHS),
        [(Request(_AT_GATEWAY, path="/a"), ALLOW), (Request(_AT_GATEWAY, path="/b"), DENY)],
    ),
    (
        "the same, with DENY, denied everything",
        True,
        lambda namespace: _rules(namespace, _PATHS, action="DENY"),
        [(Request(_AT_GATEWAY, path="/a"), DENY), (Request(_AT_GATEWAY, path="/b"), ALLOW)],
    ),
    ("an HTTP authorizer was asked about bytes, by gRPC", False, _asked("closed"), [(_FOREIGN_TLS, CLOSED)]),
    ("the same, and its failure let them pass", False, _asked("open"), [(_FOREIGN_TLS, CLOSED)]),
]


def _workload(index, gateway):
    namespace = f"found{index}"
    services = (Service("api", namespace, _GATEWAY if gateway else _SIDECAR),)
    labels = {"app": "api", "version": "v1", "edge": namespace}
    servers = (Server(443, "HTTPS", "SIMPLE"),) if gateway else ()
    return Workload(namespace, "api", labels, f"10.30.1.{index + 1}", services, servers)


def round_():
    """All of them as one round, with the verdicts that are right."""
    workloads = [_workload(index, case[1]) for index, case in enumerate(CASES)]
    local = {workload.namespace: case[2](workload.namespace) for workload, case in zip(workloads, CASES)}
    asked = [(index, [request], [verdict]) for index, case in enumerate(CASES) for request, verdict in case[3]]
    mesh = Mesh("cluster.local", workloads, local=local, providers=_PROVIDERS)
    return Round("regressions", mesh, [(index, requests) for index, requests, _ in asked]), [right for _, _, right in asked]
