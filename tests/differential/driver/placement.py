"""Puts the listeners of many workloads into one Envoy. Only what is about the place is changed: certificates come from
files of the test instead of the agent or the control plane, routes stand in the listener, and the clusters lead to a
responder inside of the same Envoy, or to the test's authorizer. Ports and addresses are the workloads' own; filters,
their order and their configuration stay as they came."""

import importlib
import json
import pkgutil

import envoy.extensions
from google.protobuf import json_format

from processes import Process, envoy_binary, request, wait_for

RESPONDER = ("127.0.0.1", 19000)
BYTES_RESPONDER = ("127.0.0.1", 19001)
NOWHERE = ("127.0.0.1", 1)
_TYPE = "type.googleapis.com/envoy.extensions."
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def _register_messages():
    """json_format can only read the Any messages whose Python modules are loaded."""
    for package in _PACKAGES:
        root = importlib.import_module(f"envoy.extensions.{package}")
        for module in pkgutil.walk_packages(root.__path__, root.__name__ + "."):
            if any(f".{name}.v3." in module.name for name in _MESSAGES):
                importlib.import_module(module.name)


_PACKAGES = (
    *("filters.network", "filters.http", "filters.listener", "transport_sockets", "access_loggers.filters"),
    *("retry.host", "upstreams.http"),
)
_MESSAGES = (
    *("http_connection_manager", "tcp_proxy", "rbac", "router", "cors", "fault", "jwt_authn", "ext_authz"),
    *("tls", "raw_buffer", "tls_inspector", "original_dst", "http_inspector", "cel", "previous_hosts"),
)
assert envoy.extensions
_register_messages()


_CERTIFICATES, _ROOTS = "tls_certificate_sds_secret_configs", "validation_context_sds_secret_config"


def to_json(message):
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def place(listener, workload, routes):
    """Certificates are those of the bootstrap: without an sds_config a name means a secret of its own. `routes`: a
    function from the name of a route configuration to it."""
    for secret in _find(listener, (_CERTIFICATES, _ROOTS)):
        for each in secret if isinstance(secret, list) else [secret]:
            del each["sds_config"]
    for chain in listener["filter_chains"]:
        for network_filter in chain["filters"]:
            manager = network_filter["typed_config"]
            if "rds" in manager:
                manager["route_config"] = routes(manager.pop("rds")["route_config_name"])
    # Gateways have the same names.
    listener["name"] = f"{workload.ip}_{listener['address']['socket_address']['port_value']}"


def _find(node, keys):
    if isinstance(node, dict):
        for key, value in node.items():
            if key in keys:
                yield value
            else:
                yield from _find(value, keys)
    elif isinstance(node, list):
        for value in node:
            yield from _find(value, keys)


def _address(where):
    return {"socket_address": {"address": where[0], "port_value": where[1]}}


def cluster(name, where, http2=False):
    endpoint = {"endpoint": {"address": _address(where)}}
    options = {"@type": f"type.googleapis.com/{_OPTIONS}", "explicit_http_config": {"http2_protocol_options": {}}}
    return {
        "name": name,
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        "circuit_breakers": {"thresholds": [{"max_connections": 100000, "max_pending_requests": 100000}]},
        **({"typed_extension_protocol_options": {_OPTIONS: options}} if http2 else {}),
    }


def application_clusters(clusters):
    """`clusters`: name -> whether it takes requests (else bytes)."""
    return [cluster(name, RESPONDER if http else BYTES_RESPONDER) for name, http in sorted(clusters.items())]


def _filter(name, message, **config):
    return {"name": name, "typed_config": {"@type": f"{_TYPE}{message}", **config}}


def _echo():
    return _filter("envoy.filters.network.echo", "filters.network.echo.v3.Echo")


def _responders():
    """The applications: bytes are sent back, also TLS on an HTTP port; requests are answered with 200."""
    everything = {"match": {"prefix": "/"}, "direct_response": {"status": 200}}
    manager = _filter(
        "envoy.filters.network.http_connection_manager",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="responder",
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [everything]}]},
        http_filters=[_filter("envoy.filters.http.router", "filters.http.router.v3.Router")],
        http_protocol_options={"accept_http_10": True},
    )
    http = {
        "name": "responder",
        "address": _address(RESPONDER),
        "listener_filters": [
            _filter(
                "envoy.filters.listener.tls_inspector", "filters.listener.tls_inspector.v3.TlsInspector"
            )
        ],
        "filter_chains": [
            {"filter_chain_match": {"transport_protocol": "tls"}, "filters": [_echo()]},
            {"filters": [manager]},
        ],
    }
    return [http, {"name": "bytes", "address": _address(BYTES_RESPONDER), "filter_chains": [{"filters": [_echo()]}]}]


def _secrets(listeners, authority, server_certificate):
    """All that the listeners name: gateways' certificates are the workloads' as well."""
    certificate, key = authority.files(server_certificate)
    pair = {"certificate_chain": {"filename": str(certificate)}, "private_key": {"filename": str(key)}}
    names = {each["name"] for some in _find(listeners, (_CERTIFICATES,)) for each in some}
    roots = {each["name"] for each in _find(listeners, (_ROOTS,))}
    return [
        *({"name": name, "tls_certificate": pair} for name in sorted(names)),
        *({"name": name, "validation_context": {"trusted_ca": {"filename": str(authority.root)}}} for name in sorted(roots)),
    ]


def bootstrap(listeners, clusters, authority, server_certificate):
    return {
        "node": {"id": "differential", "cluster": "differential"},
        "admin": {"address": _address(("127.0.0.1", 19002))},
        "static_resources": {
            "listeners": [*listeners, *_responders()],
            "clusters": clusters,
            "secrets": _secrets(listeners, authority, server_certificate),
        },
    }


class Envoy(Process):
    """One Envoy with a static configuration; returns from start() when all listeners are open."""

    def __init__(self, directory, configuration):
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / "envoy.json"
        file.write_text(json.dumps(configuration), encoding="utf-8")
        argv = [envoy_binary(), "-c", file, "--concurrency", "1", "--log-level", "warning", "--disable-hot-restart"]
        super().__init__("Envoy", argv, directory / "envoy.log")

    def start(self):
        super().start()

        def ready():
            self.check()
            return request("127.0.0.1:19002", "/ready").status == 200

        wait_for(ready, 60, "Envoy to be ready")
        return self

    def stop(self, seconds=0):
        self.kill()  # nothing to drain
