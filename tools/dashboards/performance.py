"""What the mesh costs: CPU and memory of proxies and agents, series, configuration, pools."""

from grafana import Board, Panel, Query, Row, Variable
from promql import WINDOW, or_zero

WHERE = '{namespace=~"$namespace"}'
POD = "namespace, pod"
NAME = "{{pod}}.{{namespace}}"
TOP = 10

VARIABLES = (Variable("namespace", "Namespace", "label_values(envoy_server_live, namespace)", several=True),)


def top(expr):
    return f"topk({TOP}, {expr})"


def per_second(metric, by=POD):
    return f"sum by ({by}) (rate({metric}{WHERE}[{WINDOW}]))"


CPU = "fairway_envoy_cpu_seconds_total"
ASKED = "istio_requests_total"

COST = (
    Panel(
        "CPU of proxies",
        "Cores that Envoys and agents use, all together.",
        (
            Query(f"sum(rate({CPU}{WHERE}[{WINDOW}]))", "Envoys"),
            Query(f"sum(rate(istio_agent_process_cpu_seconds_total{WHERE}[{WINDOW}]))", "agents"),
        ),
        "short",
        "stat",
        6,
        5,
        decimals=2,
    ),
    Panel(
        "CPU for 1000 requests a second",
        "Cores of Envoys for a thousand requests a second that one of them sends or gets. A request between two"
        " workloads counts twice, once on either side.",
        (Query(f"1000 * sum(rate({CPU}{WHERE}[{WINDOW}])) / (sum(rate({ASKED}{WHERE}[{WINDOW}])) > 0)", "cores"),),
        "short",
        "stat",
        6,
        5,
        decimals=2,
    ),
    Panel(
        "Memory of proxies",
        "Resident memory of Envoys and agents, all together.",
        (
            Query(f"sum(fairway_envoy_resident_memory_bytes{WHERE})", "Envoys"),
            Query(f"sum(istio_agent_process_resident_memory_bytes{WHERE})", "agents"),
        ),
        "bytes",
        "stat",
        6,
        5,
    ),
    Panel(
        "Series of proxies",
        "Samples of one scrape of all proxies: what they cost Prometheus.",
        (Query(f"sum(scrape_samples_scraped{WHERE} and on (instance) envoy_server_live)", "samples"),),
        "short",
        "stat",
        6,
        5,
    ),
)

PROXIES = (
    Panel(
        "CPU by proxy", f"Cores, the {TOP} that use most.", (Query(top(per_second(CPU)), NAME),), "short", decimals=3
    ),
    Panel(
        "Resident memory by proxy",
        f"Envoy's memory as the kernel sees it, the {TOP} largest.",
        (Query(top(f"sum by ({POD}) (fairway_envoy_resident_memory_bytes{WHERE})"), NAME),),
        "bytes",
    ),
    Panel(
        "Allocated memory by proxy",
        "What Envoy has allocated itself; the rest of the resident memory is its program and what it has not given"
        " back.",
        (Query(top(f"sum by ({POD}) (envoy_server_memory_allocated{WHERE})"), NAME),),
        "bytes",
    ),
    Panel(
        "Requests by proxy",
        "Requests a second, those that it lets in and those that it sends.",
        (Query(top(per_second(ASKED)), NAME),),
        "reqps",
    ),
    Panel(
        "Connections by proxy",
        "Connections from clients and from the application, by Envoy's count.",
        (Query(top(f"sum by ({POD}) (envoy_server_total_connections{WHERE})"), NAME),),
        "short",
    ),
    Panel(
        "Agents' memory",
        f"The {TOP} largest.",
        (Query(top(f"sum by ({POD}) (istio_agent_process_resident_memory_bytes{WHERE})"), NAME),),
        "bytes",
    ),
)

CONFIGURATION = (
    Panel(
        "Clusters by proxy",
        "Services, subsets and ports that a proxy knows. A Sidecar object narrows it: docs/traffic.md.",
        (Query(top(f"sum by ({POD}) (envoy_cluster_manager_active_clusters{WHERE})"), NAME),),
        "short",
    ),
    Panel(
        "Listeners by proxy",
        "Ports that a proxy listens at or matches.",
        (Query(top(f"sum by ({POD}) (envoy_listener_manager_total_listeners_active{WHERE})"), NAME),),
        "short",
    ),
    Panel(
        "Not connected to the control plane",
        "Proxies without a stream. They go on with what they have.",
        (Query(f"count(envoy_control_plane_connected_state{WHERE} == 0) or vector(0)", "proxies"),),
        "short",
        thresholds=((1, "red"),),
    ),
    Panel(
        "Updates refused",
        "Updates a second that an Envoy does not accept.",
        (
            Query(
                or_zero(
                    f"sum by ({POD}) (rate(envoy_cluster_manager_cds_update_rejected{WHERE}[{WINDOW}]) + on ({POD})"
                    f" rate(envoy_listener_manager_lds_update_rejected{WHERE}[{WINDOW}])) > 0"
                ),
                NAME,
            ),
        ),
        "cps",
    ),
    Panel(
        "Time from start to ready",
        "Of agents, the slowest.",
        (Query(top(f"max by ({POD}) (istio_agent_startup_duration_seconds{WHERE})"), NAME),),
        "s",
    ),
    Panel(
        "Starts of Envoy",
        "Starts in the time shown. More than one in a pod's life means that it ended by itself.",
        (Query(top(f"max by ({POD}) (fairway_agent_envoy_starts_total{WHERE})"), NAME),),
        "short",
    ),
)


def over(metric, by="cluster_name"):
    """What is over a limit, a second; 0 where nothing is."""
    return or_zero(f"sum by ({by}) (rate({metric}{WHERE}[{WINDOW}])) > 0")


PRESSURE = (
    Panel(
        "Requests turned away by a pool's limit",
        "Requests a second that found pool and queue full; DestinationRule's connectionPool sets the limits.",
        (Query(over("envoy_cluster_upstream_rq_pending_overflow"), "{{cluster_name}}"),),
        "reqps",
    ),
    Panel(
        "Connections turned away by a pool's limit",
        "Connections a second that were one too many; DestinationRule's connectionPool sets the limits.",
        (Query(over("envoy_cluster_upstream_cx_overflow"), "{{cluster_name}}"),),
        "cps",
    ),
    Panel(
        "Retries turned away by a limit",
        "Requests a second that were not sent again, as too many others were; DestinationRule's retryBudget sets the"
        " limit.",
        (Query(over("envoy_cluster_upstream_rq_retry_overflow"), "{{cluster_name}}"),),
        "reqps",
    ),
    Panel(
        "Samples by proxy",
        f"Samples of one scrape, the {TOP} with most. They grow with the workloads that a proxy talks to.",
        (Query(top(f"max by ({POD}) (scrape_samples_scraped{WHERE} and on (instance) envoy_server_live)"), NAME),),
        "short",
    ),
    Panel(
        "Label sets over the limit",
        "Sets of labels that an agent adds up under `other`, as a metric of its proxy has too many. See"
        " docs/observability.md.",
        (Query(or_zero(f"sum by ({POD}, metric) (fairway_agent_series_over_limit{WHERE}) > 0"), NAME + " {{metric}}"),),
        "short",
    ),
    Panel(
        "Time of a scrape by proxy",
        f"Seconds, the {TOP} slowest.",
        (Query(top(f"max by ({POD}) (scrape_duration_seconds{WHERE} and on (instance) envoy_server_live)"), NAME),),
        "s",
    ),
    Panel(
        "Failed scrapes",
        "Parts that an agent left out of its page: Envoy's metrics or the application's.",
        (Query(per_second("istio_agent_scrape_failures_total", "type"), "{{type}}"),),
        "cps",
    ),
)

BOARD = Board(
    "fairway-performance",
    "Fairway: performance",
    "What the mesh costs: CPU and memory of proxies and agents, series, configuration, pools.",
    VARIABLES,
    (
        Row("Cost", COST),
        Row("Proxies", PROXIES),
        Row("Configuration", CONFIGURATION),
        Row("Pressure", PRESSURE),
    ),
)
