"""Mutants of the evaluator alone: how it sees connections and requests."""

import re

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


def _answers(change):
    """Changes what external authorizers say."""

    def mutate(question):
        for part in filter(None, (question["connection"], question.get("request"))):
            part["answers"] = {cluster: change(answer) for cluster, answer in part.get("answers", {}).items()}

    return mutate


def _without_cookies(headers):
    return [header for header in headers if header[0].lower() != "cookie"]


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
    "the evaluator sees no cookies": _request("headers", _without_cookies),
    "the evaluator sees no query parameters": _request("path", lambda path: path.split("?")[0]),
    "the evaluator takes every authorizer for one that allows": _answers(lambda _: "allow"),
    "the evaluator takes authorizers that fail for such that deny": _answers(lambda a: "deny" if a == "error" else a),
    "the evaluator does not believe X-Forwarded-For": _request(
        "headers", lambda headers: [h for h in headers if h[0].lower() != "x-forwarded-for"]
    ),
}
