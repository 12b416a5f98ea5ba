"""Panels that several boards have: the same questions, asked of other traffic. `where` is the inside of a selector's braces."""

from grafana import Panel, Query
from promql import duration, errors, mutual_tls, or_zero, quantile, rate, requests, success

SECURE = ((0, "orange"), (0.999, "green"))
GOOD = ((0, "red"), (0.99, "orange"), (0.999, "green"))


def stat(title, tells, queries, unit, width=4, **more):
    """A figure of now."""
    return Panel(title, tells, queries, unit, "stat", width, 5, **more)


def success_stat(title, tells, where, width=4):
    queries = (Query(success(where), "success"),)
    return stat(title, tells, queries, "percentunit", width, maximum=1, thresholds=GOOD, decimals=2)


def mutual_tls_stat(title, tells, where, width=4):
    queries = (Query(mutual_tls(where), "mutual TLS"),)
    return stat(title, tells, queries, "percentunit", width, maximum=1, thresholds=SECURE)


def answers_by_status(where, title="Answers by status", tells="0 is a request whose client left before there was an answer."):
    return Panel(title, tells, (Query(requests(where, "response_code"), "{{response_code}}"),), "reqps", stacked=True)


def answers_of_proxies(where, tells):
    queries = (Query(or_zero(requests(where + ',response_flags!="-"', "response_flags")), "{{response_flags}}"),)
    return Panel("Why proxies answered themselves", tells, queries, "reqps", stacked=True)


def grpc_by_status(where, tells, expr=str, **more):
    """`expr` makes something of the query, such as or_zero."""
    asked = expr(requests(where + ',request_protocol="grpc"', "grpc_response_status"))
    return Panel("gRPC by status", tells, (Query(asked, "{{grpc_response_status}}"),), "reqps", stacked=True, **more)


def http(where, by, legend, title, tells="", *, with_success=False, with_status=False, sizes=None):
    """How many requests, how well, how long, how large, each of `by` with its line. `title` ends the titles and `tells` the
    explanations. `sizes` are the quantiles of bodies: (number -> its name), and what they are called together."""
    quantiles, called = sizes or ({0.99: ""}, "99th percentile")
    called += " of the bytes of"

    def bodies(metric):
        lines = ((q, f"{legend} {name}".rstrip()) for q, name in quantiles.items())
        return tuple(Query(quantile(q, metric, where, by) + " >= 0", line) for q, line in lines)

    times = tuple(Query(duration(q, where, by), f"{legend} {name}") for q, name in ((0.5, "p50"), (0.99, "p99")))
    failures = f"Statuses 5xx and requests without an answer a second{tells}."
    answered = f"The share of requests that were answered, and not with a status 5xx{tells}."
    good = (Query(success(where, by), legend),)
    return (
        Panel(f"Requests {title}", f"Requests a second{tells}.", (Query(requests(where, by), legend),), "reqps"),
        *([Panel(f"Success {title}", answered, good, "percentunit", maximum=1)] if with_success else []),
        Panel(f"Failures {title}", failures, (Query(errors(where, by), legend),), "reqps"),
        Panel(f"Duration {title}", f"Median and 99th percentile{tells}.", times, "ms"),
        *([answers_by_status(where, f"Answers by status, {title}", "Requests a second by status.")] if with_status else []),
        Panel(f"Request size {title}", f"{called} a request's body{tells}.", bodies("istio_request_bytes"), "bytes"),
        Panel(f"Answer size {title}", f"{called} an answer's body{tells}.", bodies("istio_response_bytes"), "bytes"),
    )


def tcp(where, by, legend, titles, tells):
    """Connections, bytes to the service and bytes from it, of each `by`."""
    metrics = ("istio_tcp_connections_opened_total", "istio_tcp_received_bytes_total", "istio_tcp_sent_bytes_total")
    return tuple(
        Panel(title, text, (Query(rate(metric, where, by), legend),), unit)
        for title, text, metric, unit in zip(titles, tells, metrics, ("cps", "Bps", "Bps"), strict=True)
    )
