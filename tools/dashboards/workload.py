"""One workload: what comes in, what it asks of others, and its proxies."""

from grafana import Board, Panel, Query, Row, Variable
from promql import TRAFFIC, duration, errors, mutual_tls, or_zero, quantile, rate, requests, success

IN = 'reporter="destination",destination_workload_namespace=~"$namespace",destination_workload=~"$workload"'
OUT = 'reporter="source",source_workload_namespace=~"$namespace",source_workload=~"$workload"'
FROM, FROM_LEGEND = "source_workload, source_workload_namespace", "{{source_workload}}.{{source_workload_namespace}}"
TO, TO_LEGEND = "destination_service", "{{destination_service}}"


def proxied(what, where_in="", where_out=""):
    """Workloads with proxies, whether they are asked, ask, or both: those that report of themselves. `what` is what of them."""

    def side(reporter, end, where):
        return (
            f'label_replace({{__name__=~"{TRAFFIC}",reporter="{reporter}"{where}}}, "proxied", "$1", "{end}_{what}",'
            ' "(.*)")'
        )

    return (
        f"query_result(count by (proxied) ({side('destination', 'destination', where_in)} or"
        f" {side('source', 'source', where_out)}))"
    )


IN_NAMESPACE = tuple(f',{end}_workload_namespace="$namespace"' for end in ("destination", "source"))
REGEX = '/proxied="([^"]+)"/'
VARIABLES = (
    Variable("namespace", "Namespace", proxied("workload_namespace"), regex=REGEX),
    Variable("workload", "Workload", proxied("workload", *IN_NAMESPACE), regex=REGEX),
)

OVERVIEW = (
    Panel(
        "All requests in",
        "HTTP and gRPC requests a second that its proxies let in or answer.",
        (Query(or_zero(requests(IN)), "in"),),
        "reqps",
        "stat",
        4,
        5,
    ),
    Panel(
        "Success in",
        "The share of those that were answered, and not with a status 5xx.",
        (Query(success(IN), "success"),),
        "percentunit",
        "stat",
        4,
        5,
        maximum=1,
        thresholds=((0, "red"), (0.99, "orange"), (0.999, "green")),
        decimals=2,
    ),
    Panel(
        "All durations in",
        "Median and 99th percentile, at its own proxies.",
        (Query(duration(0.5, IN), "p50"), Query(duration(0.99, IN), "p99")),
        "ms",
        "stat",
        6,
        5,
    ),
    Panel(
        "All requests out",
        "HTTP and gRPC requests a second that it sends.",
        (Query(or_zero(requests(OUT)), "out"),),
        "reqps",
        "stat",
        4,
        5,
    ),
    Panel(
        "Success out",
        "The share of those that were answered, and not with a status 5xx.",
        (Query(success(OUT), "success"),),
        "percentunit",
        "stat",
        3,
        5,
        maximum=1,
        thresholds=((0, "red"), (0.99, "orange"), (0.999, "green")),
        decimals=2,
    ),
    Panel(
        "Mutual TLS in",
        "The share of requests that came under mutual TLS.",
        (Query(mutual_tls(IN), "mutual TLS"),),
        "percentunit",
        "stat",
        3,
        5,
        maximum=1,
        thresholds=((0, "orange"), (0.999, "green")),
    ),
)


def direction(where, by, legend, name):
    return (
        Panel(f"Requests {name}", "Requests a second.", (Query(requests(where, by), legend),), "reqps"),
        Panel(
            f"Failures {name}",
            "Statuses 5xx and requests without an answer a second.",
            (Query(errors(where, by), legend),),
            "reqps",
        ),
        Panel(
            f"Duration {name}",
            "Median and 99th percentile.",
            (Query(duration(0.5, where, by), f"{legend} p50"), Query(duration(0.99, where, by), f"{legend} p99")),
            "ms",
        ),
        Panel(
            f"Answers by status, {name}",
            "Requests a second by status.",
            (Query(requests(where, "response_code"), "{{response_code}}"),),
            "reqps",
            stacked=True,
        ),
        Panel(
            f"Request size {name}",
            "99th percentile of the bytes of a request.",
            (Query(quantile(0.99, "istio_request_bytes", where, by) + " >= 0", legend),),
            "bytes",
        ),
        Panel(
            f"Answer size {name}",
            "99th percentile of the bytes of an answer.",
            (Query(quantile(0.99, "istio_response_bytes", where, by) + " >= 0", legend),),
            "bytes",
        ),
    )


def tcp(where, by, legend, name):
    return (
        Panel(
            f"TCP connections {name}",
            "Connections opened a second.",
            (Query(rate("istio_tcp_connections_opened_total", where, by), legend),),
            "cps",
        ),
        Panel(
            f"TCP bytes to the service, {name}",
            "Bytes a second, of protocols other than HTTP.",
            (Query(rate("istio_tcp_received_bytes_total", where, by), legend),),
            "Bps",
        ),
        Panel(
            f"TCP bytes from the service, {name}",
            "Bytes a second, of protocols other than HTTP.",
            (Query(rate("istio_tcp_sent_bytes_total", where, by), legend),),
            "Bps",
        ),
    )


BOARD = Board(
    "fairway-workload",
    "Fairway: workload",
    "One workload: what comes in, and what it asks of others.",
    VARIABLES,
    (
        Row("$workload in $namespace", OVERVIEW),
        Row("In, by client", direction(IN, FROM, FROM_LEGEND, "in")),
        Row("Out, by service", direction(OUT, TO, TO_LEGEND, "out")),
        Row("TCP", (*tcp(IN, FROM, FROM_LEGEND, "in"), *tcp(OUT, TO, TO_LEGEND, "out"))),
    ),
)
