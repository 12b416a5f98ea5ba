"""What Kiali asks Prometheus for a namespace's graph, and the graph that it makes of the answers. A sample that lacks a label of these
is thrown away there; here it is a fault."""

import collections
import dataclasses

ENDS = (
    "source_cluster,source_workload_namespace,source_workload,source_canonical_service,source_canonical_revision,destination_cluster,"
    "destination_service_namespace,destination_service,destination_service_name,destination_workload_namespace,destination_workload,"
    "destination_canonical_service,destination_canonical_revision"
)
REQUEST = f"{ENDS},request_protocol,response_code,grpc_response_status,response_flags"
TCP = f"{ENDS},response_flags"
POLICY = f"{ENDS},connection_security_policy,source_principal,destination_principal"
OPTIONAL = {"grpc_response_status"}  # empty, which is absent, where the protocol is another
METRICS = {
    "istio_requests_total": (REQUEST, "source", "destination"),
    "istio_request_messages_total": (ENDS, "source", "destination"),
    "istio_response_messages_total": (ENDS, "source", "destination"),
    "istio_tcp_received_bytes_total": (TCP, "source", "destination"),
    "istio_tcp_sent_bytes_total": (TCP, "source", "destination"),
}


@dataclasses.dataclass(frozen=True)
class Workload:
    namespace: str
    name: str
    app: str
    version: str

    def __str__(self):
        return f"{self.name}.{self.namespace} ({self.app} {self.version})"


@dataclasses.dataclass(frozen=True)
class Edge:
    source: Workload
    service: str  # name.namespace
    destination: Workload
    protocol: str

    def __str__(self):
        return f"{self.source} -> {self.service} -> {self.destination} by {self.protocol}"


def of(reporter):
    return f'reporter=~"waypoint|{reporter}"'


def sides(namespace):
    """Selectors: what is asked of the namespace and reaches none of its workloads, what they get, what they ask of others."""
    unserved = f'source_workload_namespace!="{namespace}",destination_workload_namespace="unknown",destination_workload="unknown"'
    yield f'{of("source")},{unserved},destination_service=~"^.+\\\\.{namespace}\\\\..+$"'
    yield f'{of("destination")},destination_workload_namespace="{namespace}"'
    yield f'{of("source")},source_workload_namespace="{namespace}"'


def queries(namespace, window):
    """(metric, expression) of everything that the graph of a namespace is made of."""
    for metric, (labels, _, _) in METRICS.items():
        for where in sides(namespace):
            yield metric, f"sum(rate({metric}{{{where}}} [{window}])) by ({labels}) > 0"


def labelled(found, labels, expr):
    missing = [label for label in labels.split(",") if label not in found and label not in OPTIONAL]
    if missing:
        raise AssertionError(f"{expr}: no {', '.join(missing)} in {found}")


def edge_of(found, protocol):
    source, destination = (
        Workload(
            *(
                found[f"{end}_{what}"]
                for what in ("workload_namespace", "workload", "canonical_service", "canonical_revision")
            )
        )
        for end in ("source", "destination")
    )
    service = f"{found['destination_service_name']}.{found['destination_service_namespace']}"
    return Edge(source, service, destination, protocol)


def graph(prometheus, namespaces, window):
    """Edge -> the codes ("200", of gRPC its own) with their flags; of TCP "tcp"."""
    edges = collections.defaultdict(set)
    for namespace in namespaces:
        for metric, expr in queries(namespace, window):
            for found, _ in prometheus.query(expr):
                labelled(found, METRICS[metric][0], expr)
                if metric.startswith("istio_tcp"):
                    edges[edge_of(found, "tcp")].add("tcp")
                elif metric == "istio_requests_total":
                    protocol = found["request_protocol"]
                    code = found["grpc_response_status"] if protocol == "grpc" else found["response_code"]
                    flags = "" if found["response_flags"] == "-" else f" {found['response_flags']}"
                    edges[edge_of(found, protocol)].add(code + flags)
                else:
                    edges[edge_of(found, "grpc")].add("messages")
    return dict(edges)


def policies(prometheus, namespace, window):
    """(source, destination) -> the security policies of connections to a namespace, and the principals of both."""
    result = collections.defaultdict(set)
    where = f'{of("destination")},destination_workload_namespace="{namespace}"'
    for metric in ("istio_requests_total", "istio_tcp_received_bytes_total"):
        expr = f"sum(rate({metric}{{{where}}}[{window}])) by ({POLICY}) > 0"
        for found, _ in prometheus.query(expr):
            labelled(found, POLICY, expr)
            key = (found["source_workload"], found["destination_workload"])
            result[key].add(
                (found["connection_security_policy"], found["source_principal"], found["destination_principal"])
            )
    return dict(result)


def response_times(prometheus, namespace, window):
    """(source, destination) -> milliseconds of the 95th percentile, as the namespace's workloads see it."""
    where = f'{of("destination")},destination_workload_namespace="{namespace}"'
    inner = (
        f"sum(rate(istio_request_duration_milliseconds_bucket{{{where}}}[{window}])) by (le,{ENDS},request_protocol)"
    )
    found = prometheus.query(f"histogram_quantile(0.95, {inner}) > 0")
    return {(labels["source_workload"], labels["destination_workload"]): value for labels, value in found}
