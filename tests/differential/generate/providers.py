"""Random extensionProviders: external authorizers of both protocols, some of which nobody answers for."""

import typing

from world import AUTHORIZER, NOBODY

MISSING = "missing"  # no provider has this name
_HTTP_PORTS, _GRPC_PORTS = 8000, 9000


def some(rng):
    """Of each protocol: those that answer, one that lets pass what it cannot be asked about, and those that never answer."""
    result = []
    for grpc in (False, True):
        protocol = "grpc" if grpc else "http"
        for number, (host, fail_open) in enumerate(
            ((AUTHORIZER, False), (AUTHORIZER, True), (NOBODY, False), (NOBODY, True), (AUTHORIZER, False))
        ):
            settings = {"service": host, "port": (_GRPC_PORTS if grpc else _HTTP_PORTS) + number}
            if rng.random() < 0.2:
                settings["service"] = f"auth/{host}"
            if fail_open or rng.random() < 0.3:
                settings["failOpen"] = fail_open
            if not fail_open and rng.random() < 0.7:
                settings["statusOnError"] = "402"
            if not grpc and number < 4:  # the last one sees no headers
                settings["includeRequestHeadersInCheck"] = [rng.choice(("x-ext", "X-Ext", "x-e*", "*-ext"))]
            kind = "envoyExtAuthzGrpc" if grpc else "envoyExtAuthzHttp"
            result.append({"name": f"{protocol}-{number}", kind: settings})
    return result


class Authorizer(typing.NamedTuple):
    host: str
    port: int
    grpc: bool
    sees_headers: bool

    @property
    def cluster(self):
        return f"outbound|{self.port}||{self.host}"


def authorizers(providers):
    """Where each provider is."""
    for provider in providers:
        for kind in ("envoyExtAuthzHttp", "envoyExtAuthzGrpc"):
            if kind in provider:
                settings, grpc = provider[kind], kind == "envoyExtAuthzGrpc"
                sees_headers = grpc or "includeRequestHeadersInCheck" in settings
                yield Authorizer(settings["service"].split("/")[-1], settings["port"], grpc, sees_headers)


def name(rng, mesh):
    """For a policy: those that answer more often than the others."""
    names = [provider["name"] for provider in mesh.providers]
    answering = [name for name in names if name[-1] in "014"]
    return rng.choice(answering * 4 + names + [MISSING])
