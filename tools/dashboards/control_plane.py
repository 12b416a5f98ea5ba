"""The control plane: what it serves, how fast a change arrives, what is refused, certificates, admission, its own health."""

from grafana import Board, Panel, Query, Row
from promql import WINDOW, or_zero

OURS = "fairway_build_info"  # of every replica; other processes have metrics of the same names


def of_replicas(metric):
    """A metric that every process has, of the control plane's replicas alone."""
    return f"{metric} * on (instance) group_left () {OURS}"


def per_second(metric, by="", where=""):
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{where}[{WINDOW}]))"


def quantiles(metric, by=""):
    le = ", ".join(filter(None, ["le", by]))
    legend = f"{{{{{by}}}}} " if by else ""
    return tuple(
        Query(f"histogram_quantile({q}, {per_second(metric + '_bucket', le)}) >= 0", f"{legend}p{round(q * 100)}")
        for q in (0.5, 0.9, 0.99)
    )


NOW = (
    Panel(
        "Replicas",
        "Replicas that answer Prometheus, by version.",
        (Query("count by (version) (fairway_build_info)", "{{version}}"),),
        "short",
        "stat",
        4,
        5,
    ),
    Panel(
        "Proxies",
        "Sidecars and gateways that hold a stream, by replica.",
        (Query("sum by (instance) (pilot_xds)", "{{instance}}"),),
        "short",
        "stat",
        5,
        5,
    ),
    Panel(
        "From change to acknowledgement",
        "How long it takes from the arrival of a change until a proxy says that it has it: median and 99th percentile.",
        (quantiles("pilot_proxy_convergence_time")[0], quantiles("pilot_proxy_convergence_time")[2]),
        "s",
        "stat",
        5,
        5,
    ),
    Panel(
        "Refused",
        "Configuration objects that are not in force because proxies refuse what they lead to. `fairway proxy-status`"
        " names them.",
        (Query("max(fairway_objects_in_quarantine)", "in quarantine"),),
        "short",
        "stat",
        3,
        5,
        thresholds=((1, "red"),),
    ),
    Panel(
        "Root certificate ends in",
        "Days until the mesh's root certificate ends. See docs/certificates.md.",
        (Query("(min(fairway_root_certificate_expiry_timestamp_seconds) - time()) / 86400", "days"),),
        "d",
        "stat",
        4,
        5,
        thresholds=((0, "red"), (30, "orange"), (90, "green")),
        decimals=0,
    ),
    Panel(
        "API server",
        "Kinds whose watch does not work, at the replica that has most of them.",
        (Query("max(count by (instance) (fairway_feed_healthy == 0)) or vector(0)", "unhealthy"),),
        "short",
        "stat",
        3,
        5,
        thresholds=((1, "red"),),
    ),
)

CHANGES = (
    Panel(
        "Changes",
        "Objects a second whose content changed.",
        (Query(per_second("fairway_changed_objects_total", "instance"), "{{instance}}"),),
        "cps",
    ),
    Panel(
        "Pushes by type",
        "Responses a second to proxies, by type of resource.",
        (Query(per_second("pilot_xds_pushes", "type"), "{{type}}"),),
        "cps",
        stacked=True,
    ),
    Panel(
        "Time to acknowledgement",
        "From the arrival of a change to the proxy's word that it has it.",
        quantiles("pilot_proxy_convergence_time"),
        "s",
    ),
    Panel(
        "Time in the queue", "How long a change waits before it is worked on.", quantiles("pilot_proxy_queue_time"), "s"
    ),
    Panel(
        "Time spent computing",
        "Seconds a second that a replica works on changes: at 1 it cannot do more.",
        (Query(per_second("fairway_batch_seconds_total", "instance"), "{{instance}}"),),
        "percentunit",
        thresholds=((0.8, "red"),),
    ),
    Panel(
        "Sent to proxies",
        "Bytes a second, by replica.",
        (Query(per_second("fairway_xds_sent_bytes_total", "instance"), "{{instance}}"),),
        "Bps",
    ),
)

REFUSALS = (
    Panel(
        "Refused by proxies",
        "Responses a second that proxies refuse, by type. Anything above 0 is a fault; `fairway proxy-status` shows"
        " what the proxy says.",
        (Query(or_zero(per_second("pilot_total_xds_rejects", "type")), "{{type}}"),),
        "cps",
    ),
    Panel(
        "Streams refused or ended",
        "By reason. `aged` and `sent_elsewhere` are the even spreading over replicas; `unauthenticated` and `denied`"
        " are strangers.",
        (Query(per_second("fairway_xds_refused_streams_total", "reason"), "{{reason}}"),),
        "cps",
        stacked=True,
    ),
    Panel(
        "Not live everywhere",
        "Objects that some proxies that need them do not have yet. For a moment after each change; for long, a proxy"
        " hangs.",
        (Query("max by (instance) (fairway_objects_not_live)", "{{instance}}"),),
        "short",
    ),
)

IDENTITY = (
    Panel(
        "Certificate requests by result",
        "Requests of agents a second.",
        (Query(per_second("fairway_certificate_requests_total", "result"), "{{result}}"),),
        "cps",
        stacked=True,
    ),
    Panel(
        "Certificates end in",
        "Hours until the control plane's own certificate, and days until the root, end.",
        (
            Query(
                "(min by (instance) (fairway_server_certificate_expiry_timestamp_seconds) - time()) / 86400",
                "own, {{instance}}",
            ),
            Query("(min(fairway_root_certificate_expiry_timestamp_seconds) - time()) / 86400", "root"),
        ),
        "d",
    ),
    Panel(
        "Workloads' certificates end in",
        "Seconds until the soonest ending certificate of a workload ends, by namespace. They are renewed at half of"
        " their time.",
        (Query("min by (namespace) (istio_agent_cert_expiry_seconds)", "{{namespace}}"),),
        "s",
    ),
)

ADMISSION = (
    Panel(
        "Pods injected",
        "Pods a second that the injection webhook was asked about.",
        (
            Query(or_zero(per_second("sidecar_injection_success_total")), "injected"),
            Query(or_zero(per_second("sidecar_injection_skip_total")), "left alone"),
            Query(or_zero(per_second("sidecar_injection_failure_total")), "refused"),
        ),
        "cps",
        width=12,
    ),
    Panel(
        "Objects checked when written",
        "Objects a second that the validation webhook was asked about.",
        (
            Query(or_zero(per_second("galley_validation_passed")), "good"),
            Query(or_zero(per_second("galley_validation_failed")), "refused"),
        ),
        "cps",
        width=12,
    ),
)

PROCESS = (
    Panel(
        "Memory",
        "Resident memory of each replica.",
        (Query(of_replicas("process_resident_memory_bytes"), "{{instance}}"),),
        "bytes",
    ),
    Panel(
        "CPU",
        "Cores in use by each replica.",
        (Query(f"rate(process_cpu_seconds_total[{WINDOW}]) * on (instance) group_left () {OURS}", "{{instance}}"),),
        "short",
        decimals=2,
    ),
    Panel(
        "Objects by kind",
        "What is held of the cluster.",
        (Query("max by (kind) (fairway_objects) > 0", "{{kind}}"),),
        "short",
        stacked=True,
    ),
    Panel(
        "Open files",
        "File descriptors of each replica; one for each proxy's stream.",
        (Query(of_replicas("process_open_fds"), "{{instance}}"),),
        "short",
    ),
    Panel(
        "Units",
        "Parts of the computation that are kept, by replica. They go with services and scopes of proxies, not with"
        " proxies.",
        (Query("sum by (instance) (fairway_units)", "{{instance}}"),),
        "short",
    ),
    Panel(
        "Faults of ours",
        "Units that failed, a second. Always 0; if not, please report it with the log.",
        (Query(per_second("fairway_unit_failures_total", "instance"), "{{instance}}"),),
        "cps",
        thresholds=((0.001, "red"),),
    ),
)

BOARD = Board(
    "fairway-control-plane",
    "Fairway: control plane",
    "What the control plane serves, how fast a change arrives, what is refused, certificates, admission, its own"
    " health.",
    (),
    (
        Row("Now", NOW),
        Row("Changes", CHANGES),
        Row("Refusals", REFUSALS),
        Row("Certificates", IDENTITY),
        Row("Admission", ADMISSION),
        Row("Process", PROCESS),
    ),
)
