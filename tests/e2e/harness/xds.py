"""A delta-ADS client in Python, to see what the control plane sends and to answer as a test wants."""

import queue
import threading

import grpc
from envoy.config.core.v3 import base_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.config.cluster.v3 import cluster_pb2
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from google.protobuf import any_pb2  # noqa: F401  (registers Any for nested messages)
from google.rpc import status_pb2

from processes import Failed, wait_for

_TYPES = {
    "cluster": cluster_pb2.Cluster,
    "endpoint": endpoint_pb2.ClusterLoadAssignment,
    "listener": listener_pb2.Listener,
    "route": route_pb2.RouteConfiguration,
    "virtual_host": route_components_pb2.VirtualHost,
}
URLS = {name: f"type.googleapis.com/{message.DESCRIPTOR.full_name}" for name, message in _TYPES.items()}
_NAMES = {url: name for name, url in URLS.items()}


class DeltaClient:
    """One stream. Keeps what it was sent, by type and name; acknowledges everything, except what `refuse(type, name,
    message)` gives a reason against. A response with a refused resource is refused whole, as Envoy does."""

    def __init__(self, address, workload, root=None, token=None, refuse=None):
        if root:
            options = [("grpc.ssl_target_name_override", "localhost")]
            credentials = grpc.ssl_channel_credentials(root_certificates=root.read_bytes())
            self._channel = grpc.secure_channel(address, credentials, options)
        else:
            self._channel = grpc.insecure_channel(address)
        self._metadata = [("authorization", f"Bearer {token.read_text().strip()}")] if token else []
        self.refuse = refuse or (lambda type_, name, message: None)
        self.node = base_pb2.Node(
            id=f"{'router' if workload.gateway else 'sidecar'}~{workload.ip}~{workload.id}~{workload.namespace}.svc.cluster.local",
            cluster=f"{workload.service}.{workload.namespace}",
        )
        self.node.metadata.update(
            {
                "NAME": workload.pod,
                "NAMESPACE": workload.namespace,
                "SERVICE_ACCOUNT": workload.account,
                "LABELS": dict(workload.labels),
                "INSTANCE_IPS": workload.ip,
                "INTERCEPTION_MODE": "NONE",
                "FAIRWAY_OUTBOUND_ADDRESS": workload.outbound,
                "FAIRWAY_APP_ADDRESS": workload.app,
            }
        )
        self.lock = threading.Lock()
        self.resources = {name: {} for name in URLS}  # type -> resource name -> (version, message)
        self.responses = []  # (type, names added, names removed, refused)
        self.error = None
        self._requests = queue.SimpleQueue()
        self._first = True
        self._call = ads_pb2_grpc.AggregatedDiscoveryServiceStub(self._channel).DeltaAggregatedResources(
            iter(self._requests.get, None), metadata=self._metadata
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _send(self, **fields):
        request = discovery_pb2.DeltaDiscoveryRequest(**fields)
        if self._first:
            request.node.CopyFrom(self.node)
            self._first = False
        self._requests.put(request)

    def subscribe(self, type_, names=(), versions=None):
        """`names` empty: all of the type. `versions`: what the client has from an earlier stream."""
        self._send(
            type_url=URLS[type_], resource_names_subscribe=list(names), initial_resource_versions=dict(versions or {})
        )

    def subscribe_all(self, earlier=None):
        """Clusters and listeners, and endpoints and routes of what comes, as Envoy does. `earlier`: a client whose
        state this one goes on with."""
        for type_ in ("cluster", "listener"):
            self.subscribe(type_, versions=earlier.versions(type_) if earlier else None)
        if earlier:
            with earlier.lock:
                kept = {type_: dict(earlier.resources[type_]) for type_ in URLS}
            self.resources.update(kept)
            for type_ in ("endpoint", "route"):
                if kept[type_]:
                    self.subscribe(type_, list(kept[type_]), earlier.versions(type_))
        return self

    def versions(self, type_):
        with self.lock:
            return {name: version for name, (version, _) in self.resources[type_].items()}

    def get(self, type_, name):
        with self.lock:
            found = self.resources[type_].get(name)
            return found[1] if found else None

    def names(self, type_):
        with self.lock:
            return set(self.resources[type_])

    def count(self):
        with self.lock:
            return len(self.responses)

    def _read(self):
        try:
            for response in self._call:
                self._receive(response)
        except grpc.RpcError as error:
            self.error = error

    def _receive(self, response):
        type_ = _NAMES.get(response.type_url)
        if type_ is None:
            self._send(type_url=response.type_url, response_nonce=response.nonce)
            return
        parsed, reason = {}, None
        for resource in response.resources:
            message = _TYPES[type_]()
            if resource.HasField("resource") and not resource.resource.Unpack(message):
                reason = f"{resource.name}: {resource.resource.type_url} instead of {response.type_url}"
            parsed[resource.name] = (resource.version, message)
            reason = reason or self.refuse(type_, resource.name, message)
        with self.lock:
            self.responses.append((type_, list(parsed), list(response.removed_resources), reason))
            known = set(self.resources[type_])
            if not reason:
                self.resources[type_].update(parsed)
                for name in response.removed_resources:
                    self.resources[type_].pop(name, None)
        fields = {"type_url": response.type_url, "response_nonce": response.nonce}
        if reason:
            fields["error_detail"] = status_pb2.Status(code=13, message=reason)
        self._send(**fields)
        if not reason:
            self._follow(type_, {name: m for name, (_, m) in parsed.items() if name not in known})

    def _follow(self, type_, added):
        """Asks for what new resources refer to."""
        if type_ == "cluster":
            wanted = [name for name, c in added.items() if c.type == cluster_pb2.Cluster.EDS]
            if wanted:
                self.subscribe("endpoint", wanted)
        if type_ == "listener":
            wanted = sorted(set(_route_names(added.values())) - self.names("route"))
            if wanted:
                self.subscribe("route", wanted)

    def wait_for(self, type_, name, condition=lambda message: True, seconds=60):
        """Until the client holds a resource for which the condition is true; returns it."""

        def held():
            if self.error:
                raise Failed(f"the stream ended: {self.error.code()}: {self.error.details()}")
            message = self.get(type_, name)
            return message if message is not None and condition(message) else None

        return wait_for(held, seconds, lambda: f"{type_} {name}; held: {', '.join(sorted(self.names(type_))) or 'none'}")

    def close(self):
        self._requests.put(None)
        self._call.cancel()
        self._channel.close()
        self._reader.join(10)


def _route_names(listeners):
    for listener in listeners:
        for chain in [*listener.filter_chains, listener.default_filter_chain]:
            for filter_ in chain.filters:
                if filter_.name.endswith("http_connection_manager"):
                    from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as h

                    manager = h.HttpConnectionManager()
                    filter_.typed_config.Unpack(manager)
                    if manager.HasField("rds"):
                        yield manager.rds.route_config_name


def addresses(assignment):
    """"ip:port" of every endpoint of a ClusterLoadAssignment that gets traffic."""
    return {
        f"{e.endpoint.address.socket_address.address}:{e.endpoint.address.socket_address.port_value}"
        for group in assignment.endpoints
        for e in group.lb_endpoints
    }
