"""One workload: what comes in, what it asks of others, and its proxies."""

from grafana import Board, Query, Row, Variable
from panels import http, mutual_tls_stat, stat, success_stat, tcp
from promql import TRAFFIC, duration, or_zero, requests

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

ANSWERED = "The share of those that were answered, and not with a status 5xx."
OVERVIEW = (
    stat(
        "All requests in",
        "HTTP and gRPC requests a second that its proxies let in or answer.",
        (Query(or_zero(requests(IN)), "in"),),
        "reqps",
    ),
    success_stat("Success in", ANSWERED, IN),
    stat(
        "All durations in",
        "Median and 99th percentile, at its own proxies.",
        (Query(duration(0.5, IN), "p50"), Query(duration(0.99, IN), "p99")),
        "ms",
        6,
    ),
    stat(
        "All requests out",
        "HTTP and gRPC requests a second that it sends.",
        (Query(or_zero(requests(OUT)), "out"),),
        "reqps",
    ),
    success_stat("Success out", ANSWERED, OUT, 3),
    mutual_tls_stat("Mutual TLS in", "The share of requests that came under mutual TLS.", IN, 3),
)


def connections(where, by, legend, name):
    titles = (f"TCP connections {name}", f"TCP bytes to the service, {name}", f"TCP bytes from the service, {name}")
    size = "Bytes a second, of protocols other than HTTP."
    return tcp(where, by, legend, titles, ("Connections opened a second.", size, size))


BOARD = Board(
    "fairway-workload",
    "Fairway: workload",
    "One workload: what comes in, and what it asks of others.",
    VARIABLES,
    (
        Row("$workload in $namespace", OVERVIEW),
        Row("In, by client", http(IN, FROM, FROM_LEGEND, "in", with_status=True)),
        Row("Out, by service", http(OUT, TO, TO_LEGEND, "out", with_status=True)),
        Row("TCP", (*connections(IN, FROM, FROM_LEGEND, "in"), *connections(OUT, TO, TO_LEGEND, "out"))),
    ),
)
