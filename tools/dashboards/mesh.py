"""All of the mesh at a glance: how much, how well, which services to look closer at."""

from grafana import Board, Column, Panel, Query, Row, Table
from panels import answers_by_status, answers_of_proxies, grpc_by_status, mutual_tls_stat, stat, success_stat
from promql import duration, errors, mutual_tls, or_zero, rate, requests, share, success

# Each request once: sidecars and gateways report what they send. What comes from outside the mesh straight to a sidecar only
# that one reports.
ONCE = 'reporter="source"'
OUTSIDE = 'reporter="destination",source_workload="unknown"'
SERVICE = "/d/fairway-service?var-service=${__value.raw}&${__url_time_range}"

OVERVIEW = (
    stat(
        "Requests",
        "HTTP and gRPC requests a second that workloads and gateways of the mesh send.",
        (Query(requests(ONCE), "requests"),),
        "reqps",
    ),
    success_stat("Success", "The share of requests that were answered, and not with a status 5xx.", ONCE),
    stat(
        "Median and 99th percentile",
        "How long requests take, as their senders see it.",
        (Query(duration(0.5, ONCE), "p50"), Query(duration(0.99, ONCE), "p99")),
        "ms",
        6,
    ),
    mutual_tls_stat(
        "Mutual TLS",
        "The share of requests that arrive at workloads of the mesh under mutual TLS. The rest comes in plaintext, from"
        " outside of the mesh or from where a DestinationRule switches it off.",
        'reporter="destination"',
    ),
    stat(
        "Connections",
        "TCP connections a second that workloads of the mesh open, of protocols other than HTTP.",
        (Query(or_zero(rate("istio_tcp_connections_opened_total", ONCE)), "opened"),),
        "cps",
        3,
    ),
    stat(
        "Proxies",
        "Sidecars and gateways that hold a stream to the control plane.",
        (Query("sum(pilot_xds)", "proxies"),),
        "short",
        3,
    ),
)

OVER_TIME = (
    Panel(
        "Requests by service",
        "What is asked for, by the service that was meant.",
        (Query(requests(ONCE, "destination_service"), "{{destination_service}}"),),
        "reqps",
    ),
    Panel(
        "Failures by service",
        "Statuses 5xx and requests without an answer. A service without any stands at 0.",
        (Query(errors(ONCE, "destination_service"), "{{destination_service}}"),),
        "reqps",
    ),
    Panel(
        "Slowest hundredth, by service",
        "The 99th percentile of the time from request to end of the answer, as senders see it.",
        (Query(duration(0.99, ONCE, "destination_service"), "{{destination_service}}"),),
        "ms",
    ),
    answers_by_status(ONCE),
    answers_of_proxies(
        ONCE,
        "Requests whose answer came from Envoy, by its response flags: UH no healthy upstream, UF connection failed, UO"
        " overflow of a pool, NR no route, UT timeout, UAEX refused by an authorizer, RBAC denials have none. See"
        " docs/troubleshooting.md.",
    ),
    Panel(
        "From outside the mesh",
        "Requests that workloads get from clients without a proxy, by workload.",
        (
            Query(
                or_zero(requests(OUTSIDE, "destination_workload, destination_workload_namespace")),
                "{{destination_workload}}.{{destination_workload_namespace}}",
            ),
        ),
        "reqps",
    ),
    grpc_by_status(ONCE, "Requests by the code of gRPC; 0 is OK, 14 unavailable.", or_zero),
    Panel(
        "TCP bytes by service",
        "Bytes that clients send to, and get from, services of protocols other than HTTP.",
        (
            Query(rate("istio_tcp_received_bytes_total", ONCE, "destination_service"), "to {{destination_service}}"),
            Query(rate("istio_tcp_sent_bytes_total", ONCE, "destination_service"), "from {{destination_service}}"),
        ),
        "Bps",
    ),
    Panel(
        "Open TCP connections by service",
        "Connections that were opened and not closed yet.",
        (
            Query(
                f"sum by (destination_service) (istio_tcp_connections_opened_total{{{ONCE}}}) - "
                f"(sum by (destination_service) (istio_tcp_connections_closed_total{{{ONCE}}}) or "
                f"sum by (destination_service) (istio_tcp_connections_opened_total{{{ONCE}}}) * 0)",
                "{{destination_service}}",
            ),
        ),
        "short",
    ),
)

BY = "destination_service"
TABLES = (
    Table(
        "HTTP and gRPC services",
        "One line a service, of the time since the last few scrapes. A click leads to the service's own board.",
        (
            Column("Service", label=BY, link=SERVICE),
            Column("Requests", requests(ONCE, BY), unit="reqps"),
            Column("Success", success(ONCE, BY), unit="percentunit"),
            Column("p50", duration(0.5, ONCE, BY), unit="ms"),
            Column("p90", duration(0.9, ONCE, BY), unit="ms"),
            Column("p99", duration(0.99, ONCE, BY), unit="ms"),
            Column("Mutual TLS", mutual_tls('reporter="destination"', BY), unit="percentunit"),
            Column("Retried or rerouted", share(ONCE, 'response_flags=~".*(URX|UO|UH|UF).*"', BY), unit="percentunit"),
        ),
    ),
    Table(
        "TCP services",
        "Services of protocols other than HTTP.",
        (
            Column("Service", label=BY, link=SERVICE),
            Column("Opened", rate("istio_tcp_connections_opened_total", ONCE, BY), unit="cps"),
            Column("Bytes to it", rate("istio_tcp_received_bytes_total", ONCE, BY), unit="Bps"),
            Column("Bytes from it", rate("istio_tcp_sent_bytes_total", ONCE, BY), unit="Bps"),
        ),
        height=7,
    ),
)

BOARD = Board(
    "fairway-mesh",
    "Fairway: mesh",
    "All of the mesh at a glance: how much, how well, which services to look closer at.",
    (),
    (
        Row("Now", OVERVIEW),
        Row("Over time", OVER_TIME),
        Row("Services", TABLES),
    ),
)
