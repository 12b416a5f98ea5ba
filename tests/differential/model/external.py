"""Authorizers outside of the proxy, which policies with action CUSTOM ask: what comes of asking one of the mesh's
extensionProviders."""

from model import patterns
from world import ALLOW, ASKED_HEADER, DENY, FAIL, NOBODY, answer_to_connection, answer_to_request

_KINDS = ("envoyExtAuthzHttp", "envoyExtAuthzGrpc")


class Provider:
    """One of `providers`, by its name; None for `of()` if it is not there."""

    def __init__(self, settings, grpc):
        self.grpc = grpc
        self.reachable = not settings["service"].endswith(NOBODY)
        self.fail_open = settings.get("failOpen", False)
        self.on_error = FAIL if settings.get("statusOnError") == "402" else DENY
        self.headers = settings.get("includeRequestHeadersInCheck", [])

    @staticmethod
    def of(providers, name):
        for provider in providers:
            if provider["name"] == name:
                kind = next(kind for kind in _KINDS if kind in provider)
                return Provider(provider[kind], kind == "envoyExtAuthzGrpc")
        return None

    def ask(self, facts):
        """The verdict on a request or a connection."""
        answer = self._answer(facts) if self.reachable else "error"
        if answer == "error":
            return ALLOW if self.fail_open else self.on_error
        return ALLOW if answer == "allow" else DENY

    def _answer(self, facts):
        if facts.headers is None:
            return answer_to_connection(str(facts.source))
        values = facts.headers.get(ASKED_HEADER) if self.grpc or self._sends(ASKED_HEADER) else None
        return answer_to_request(values[0] if values else None)

    def _sends(self, name):
        """An HTTP service gets the headers that are listed, by name, prefix or suffix; one of gRPC gets all."""
        return any(patterns.text(pattern.lower(), patterns.present)(name) for pattern in self.headers)
