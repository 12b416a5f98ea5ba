"""The Kubernetes objects that a mesh of the test stands on, beside its policies."""

import base64
import json

from generate import providers
from world import ROOT_NAMESPACE

CREDENTIAL = "edge"
_UNSEEN = {"networking.istio.io/exportTo": "."}  # nobody sends to them from other namespaces: less to compute
_APP = "app"  # what gateways lead to
_APP_PORTS = {True: 80, False: 90}  # by whether they take requests


def _object(api, kind, namespace, name, **content):
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **content}


def _service(namespace, name, ports, annotations=None, selector=None):
    spec = {"clusterIP": "None", "ports": ports, **({"selector": selector} if selector else {})}
    service = _object("v1", "Service", namespace, name, spec=spec)
    service["metadata"]["annotations"] = annotations or {}
    return service


def of_workload(workload, credential):
    """The Services of a workload, and what makes it a gateway. `credential`: (PEM of the certificate, of the key, of the
    authority of clients)."""
    objects = [
        _service(
            service.namespace,
            service.name,
            [{"name": p.name, "port": p.number, "targetPort": p.target} for p in service.ports],
            _UNSEEN,
            {"app": workload.labels["app"]},
        )
        for service in workload.services
    ]
    if workload.gateway:
        objects += _gateway(workload, credential)
    return objects


def _gateway(workload, credential):
    namespace = workload.namespace
    ports = [{"name": "http", "port": _APP_PORTS[True]}, {"name": "tcp", "port": _APP_PORTS[False]}]
    servers, http, tcp = [], [], []
    for server in workload.servers:
        port = {"number": server.number, "name": f"port-{server.number}", "protocol": server.protocol}
        tls = {"tls": {"mode": server.mode, "credentialName": CREDENTIAL}} if server.mode else {}
        servers.append({"port": port, "hosts": ["*"], **tls})
        match, route = {"port": server.number}, _route(namespace, server.http)
        (http if server.http else tcp).append({"match": [match], "route": [route]})
    gateway = {"selector": {"edge": namespace}, "servers": servers}
    routes = {"hosts": ["*"], "gateways": ["edge"], **({"http": http} if http else {}), **({"tcp": tcp} if tcp else {})}
    names = ("tls.crt", "tls.key", "ca.crt")
    data = {name: base64.b64encode(pem).decode() for name, pem in zip(names, credential)}
    return [
        _service(namespace, _APP, ports, _UNSEEN, {"app": _APP}),
        _object("networking.istio.io/v1", "Gateway", namespace, "edge", spec=gateway),
        _object("networking.istio.io/v1", "VirtualService", namespace, "edge", spec=routes),
        _object("v1", "Secret", namespace, CREDENTIAL, type="kubernetes.io/tls", data=data),
    ]


def _host(namespace):
    return f"{_APP}.{namespace}.svc.cluster.local"


def _route(namespace, http):
    return {"destination": {"host": _host(namespace), "port": {"number": _APP_PORTS[http]}}}


def clusters_of(workload):
    """Cluster -> whether it takes requests (else bytes)."""
    if not workload.gateway:
        return {f"inbound|{target}||": workload.http(target) for target in workload.targets}
    return {f"outbound|{port}||{_host(workload.namespace)}": http for http, port in _APP_PORTS.items()}


def of_mesh(mesh):
    """The mesh's settings and the Services of its authorizers. Without access logs, which would be most of the work."""
    settings = {"accessLogFile": "", "defaultProviders": {"metrics": []}, "extensionProviders": mesh.providers}
    by_host = {}
    for each in providers.authorizers(mesh.providers):
        protocol = "grpc" if each.grpc else "http"
        by_host.setdefault(each.host, []).append({"name": f"{protocol}-{each.port}", "port": each.port})
    return [
        _object("v1", "ConfigMap", ROOT_NAMESPACE, "istio", data={"mesh": json.dumps(settings)}),
        *(_service(host.split(".")[1], host.split(".")[0], ports) for host, ports in by_host.items()),
    ]
