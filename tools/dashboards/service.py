"""One service: who asks it, how its workloads answer."""

from grafana import Board, Panel, Query, Row, Variable
from promql import TRAFFIC, duration, errors, mutual_tls, or_zero, quantile, rate, requests, success

WHERE = (
    'destination_service=~"$service",reporter=~"$reporter",source_workload_namespace=~"$client_namespace",source_workload=~"$client",'
    'destination_workload=~"$workload"'
)
CLIENT = "source_workload, source_workload_namespace"
CLIENT_LEGEND = "{{source_workload}}.{{source_workload_namespace}}"
WORKLOAD = "destination_workload, destination_version"
WORKLOAD_LEGEND = "{{destination_workload}} {{destination_version}}"


def traffic(metric):
    return f'{{__name__=~"{metric}",destination_service=~"$service"}}'


VARIABLES = (
    Variable("service", "Service", f'label_values({{__name__=~"{TRAFFIC}"}}, destination_service)'),
    Variable("reporter", "Seen by", "destination,source", "custom", default="destination"),
    Variable(
        "client_namespace",
        "Client namespace",
        f"label_values({traffic(TRAFFIC)}, source_workload_namespace)",
        several=True,
    ),
    Variable("client", "Client workload", f"label_values({traffic(TRAFFIC)}, source_workload)", several=True),
    Variable("workload", "Service workload", f"label_values({traffic(TRAFFIC)}, destination_workload)", several=True),
)

OVERVIEW = (
    Panel(
        "Requests",
        "HTTP and gRPC requests a second. `Seen by` chooses whose word counts: the service's proxies, or those of its"
        " clients, which also know of requests that never arrived.",
        (Query(requests(WHERE), "requests"),),
        "reqps",
        "stat",
        4,
        5,
    ),
    Panel(
        "Success",
        "The share of requests that were answered, and not with a status 5xx.",
        (Query(success(WHERE), "success"),),
        "percentunit",
        "stat",
        4,
        5,
        maximum=1,
        thresholds=((0, "red"), (0.99, "orange"), (0.999, "green")),
        decimals=2,
    ),
    Panel(
        "Duration",
        "Median, 90th and 99th percentile of the time from request to end of the answer.",
        tuple(Query(duration(q, WHERE), f"p{round(q * 100)}") for q in (0.5, 0.9, 0.99)),
        "ms",
        "stat",
        8,
        5,
    ),
    Panel(
        "Mutual TLS",
        "The share of requests under mutual TLS. Only the service's own proxies know.",
        (Query(mutual_tls(WHERE.replace("$reporter", "destination")), "mutual TLS"),),
        "percentunit",
        "stat",
        4,
        5,
        maximum=1,
        thresholds=((0, "orange"), (0.999, "green")),
    ),
    Panel(
        "TCP",
        "Bytes a second to and from the service, of protocols other than HTTP.",
        (
            Query(or_zero(rate("istio_tcp_received_bytes_total", WHERE)), "to it"),
            Query(or_zero(rate("istio_tcp_sent_bytes_total", WHERE)), "from it"),
        ),
        "Bps",
        "stat",
        4,
        5,
    ),
)


def side(by, legend, whose):
    """The same questions for clients and for the service's workloads."""
    return (
        Panel(
            f"Requests by {whose}", f"Requests a second, by {whose}.", (Query(requests(WHERE, by), legend),), "reqps"
        ),
        Panel(
            f"Success by {whose}",
            f"The share of requests that were answered, and not with a status 5xx, by {whose}.",
            (Query(success(WHERE, by), legend),),
            "percentunit",
            maximum=1,
        ),
        Panel(
            f"Failures by {whose}",
            f"Statuses 5xx and requests without an answer a second, by {whose}.",
            (Query(errors(WHERE, by), legend),),
            "reqps",
        ),
        Panel(
            f"Duration by {whose}",
            f"Median and 99th percentile, by {whose}.",
            (Query(duration(0.5, WHERE, by), f"{legend} p50"), Query(duration(0.99, WHERE, by), f"{legend} p99")),
            "ms",
        ),
        Panel(
            f"Request size by {whose}",
            f"Median and 99th percentile of the bytes of a request, headers and body, by {whose}.",
            tuple(
                Query(quantile(q, "istio_request_bytes", WHERE, by) + " >= 0", f"{legend} {name}")
                for q, name in ((0.5, "p50"), (0.99, "p99"))
            ),
            "bytes",
        ),
        Panel(
            f"Answer size by {whose}",
            f"Median and 99th percentile of the bytes of an answer, headers and body, by {whose}.",
            tuple(
                Query(quantile(q, "istio_response_bytes", WHERE, by) + " >= 0", f"{legend} {name}")
                for q, name in ((0.5, "p50"), (0.99, "p99"))
            ),
            "bytes",
        ),
    )


ANSWERS = (
    Panel(
        "Answers by status",
        "0 is a request whose client left before there was an answer.",
        (Query(requests(WHERE, "response_code"), "{{response_code}}"),),
        "reqps",
        stacked=True,
    ),
    Panel(
        "Why proxies answered themselves",
        "Envoy's response flags; see docs/troubleshooting.md.",
        (Query(or_zero(requests(WHERE + ',response_flags!="-"', "response_flags")), "{{response_flags}}"),),
        "reqps",
        stacked=True,
    ),
    Panel(
        "By protocol and security",
        "Requests by protocol and by what the connection was secured with, as the service's proxies see it.",
        (
            Query(
                requests(WHERE.replace("$reporter", "destination"), "request_protocol, connection_security_policy"),
                "{{request_protocol}} {{connection_security_policy}}",
            ),
        ),
        "reqps",
        stacked=True,
    ),
)

TCP = (
    Panel(
        "Connections opened by client",
        "Connections a second, of protocols other than HTTP.",
        (Query(rate("istio_tcp_connections_opened_total", WHERE, CLIENT), CLIENT_LEGEND),),
        "cps",
    ),
    Panel(
        "Bytes to the service",
        "Bytes a second that clients sent, by client.",
        (Query(rate("istio_tcp_received_bytes_total", WHERE, CLIENT), CLIENT_LEGEND),),
        "Bps",
    ),
    Panel(
        "Bytes from the service",
        "Bytes a second that clients got, by client.",
        (Query(rate("istio_tcp_sent_bytes_total", WHERE, CLIENT), CLIENT_LEGEND),),
        "Bps",
    ),
)

GRPC = (
    Panel(
        "gRPC messages",
        "Messages a second, which a stream has many of.",
        (
            Query(rate("istio_request_messages_total", WHERE), "from clients"),
            Query(rate("istio_response_messages_total", WHERE), "to clients"),
        ),
        "mps",
        width=12,
    ),
    Panel(
        "gRPC by status",
        "Requests a second by the code of gRPC; 0 is OK.",
        (Query(requests(WHERE + ',request_protocol="grpc"', "grpc_response_status"), "{{grpc_response_status}}"),),
        "reqps",
        width=12,
        stacked=True,
    ),
)

BOARD = Board(
    "fairway-service",
    "Fairway: service",
    "One service: who asks it, how its workloads answer.",
    VARIABLES,
    (
        Row("$service", OVERVIEW),
        Row("Answers", ANSWERS),
        Row("Clients", side(CLIENT, CLIENT_LEGEND, "client")),
        Row("Workloads of the service", side(WORKLOAD, WORKLOAD_LEGEND, "workload")),
        Row("gRPC", GRPC),
        Row("TCP", TCP),
    ),
)
