"""One service: who asks it, how its workloads answer."""

from grafana import Board, Panel, Query, Row, Variable
from panels import answers_by_status, answers_of_proxies, grpc_by_status, http, mutual_tls_stat, stat, success_stat, tcp
from promql import TRAFFIC, duration, or_zero, rate, requests

WHERE = (
    'destination_service=~"$service",reporter=~"$reporter",source_workload_namespace=~"$client_namespace",source_workload=~"$client",'
    'destination_workload=~"$workload"'
)
AT_SERVICE = WHERE.replace("$reporter", "destination")
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
    stat(
        "Requests",
        "HTTP and gRPC requests a second. `Seen by` chooses whose word counts: the service's proxies, or those of its"
        " clients, which also know of requests that never arrived.",
        (Query(requests(WHERE), "requests"),),
        "reqps",
    ),
    success_stat("Success", "The share of requests that were answered, and not with a status 5xx.", WHERE),
    stat(
        "Duration",
        "Median, 90th and 99th percentile of the time from request to end of the answer.",
        tuple(Query(duration(q, WHERE), f"p{round(q * 100)}") for q in (0.5, 0.9, 0.99)),
        "ms",
        8,
    ),
    mutual_tls_stat("Mutual TLS", "The share of requests under mutual TLS. Only the service's own proxies know.", AT_SERVICE),
    stat(
        "TCP",
        "Bytes a second to and from the service, of protocols other than HTTP.",
        (
            Query(or_zero(rate("istio_tcp_received_bytes_total", WHERE)), "to it"),
            Query(or_zero(rate("istio_tcp_sent_bytes_total", WHERE)), "from it"),
        ),
        "Bps",
    ),
)

ANSWERS = (
    answers_by_status(WHERE),
    answers_of_proxies(WHERE, "Envoy's response flags; see docs/troubleshooting.md."),
    Panel(
        "By protocol and security",
        "Requests by protocol and by what the connection was secured with, as the service's proxies see it.",
        (
            Query(
                requests(AT_SERVICE, "request_protocol, connection_security_policy"),
                "{{request_protocol}} {{connection_security_policy}}",
            ),
        ),
        "reqps",
        stacked=True,
    ),
)

TCP = tcp(
    WHERE,
    CLIENT,
    CLIENT_LEGEND,
    ("Connections opened by client", "Bytes to the service", "Bytes from the service"),
    (
        "Connections a second, of protocols other than HTTP.",
        "Bytes a second that clients sent, by client.",
        "Bytes a second that clients got, by client.",
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
    grpc_by_status(WHERE, "Requests a second by the code of gRPC; 0 is OK.", width=12),
)


def side(by, legend, whose):
    """The same questions for clients and for the service's workloads."""
    sizes = ({0.5: "p50", 0.99: "p99"}, "Median and 99th percentile")
    return http(WHERE, by, legend, f"by {whose}", f", by {whose}", with_success=True, sizes=sizes)


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
