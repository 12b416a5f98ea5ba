"""The example's manifests as data: which pods there are, which of them have a proxy, what their applications answer.

Addresses of the pod N of examples/onap: 127.30.N.1 is its own, where others reach it; 127.30.N.2 is where its
application listens; 127.30.N.3 is where its application finds the outbound listeners of its proxy. So everything
runs on one machine without interception (mode NONE).
"""

import dataclasses
import json
import pathlib

import yaml

from processes import ROOT

EXAMPLE = ROOT / "examples" / "onap"
GATEWAY = "istio-ingressgateway"
PREFIX = "127.30."


@dataclasses.dataclass
class Workload:
    service: str  # of the first Service that selects it
    pod: str
    namespace: str
    account: str
    labels: dict
    ip: str
    ports: list  # of its containers

    @property
    def gateway(self):
        return self.labels.get("istio") == "ingressgateway"

    @property
    def proxied(self):
        return self.gateway or self.labels.get("security.istio.io/tlsMode") == "istio"

    @property
    def id(self):
        return f"{self.pod}.{self.namespace}"

    def _sibling(self, last):
        return self.ip.rsplit(".", 1)[0] + f".{last}"

    @property
    def app(self):
        return self._sibling(2) if self.proxied else self.ip

    @property
    def outbound(self):
        return self.ip if self.gateway else self._sibling(3)


def manifests(folder="base", prefix=PREFIX):
    """File name -> text of one folder of the example, with pod addresses below another prefix if wanted."""
    files = sorted((EXAMPLE / folder).glob("*.yaml"))
    return {file.name: file.read_text(encoding="utf-8").replace(PREFIX, prefix) for file in files}


def objects(prefix=PREFIX):
    return [o for text in manifests("base", prefix).values() for o in yaml.safe_load_all(text) if o]


def load(prefix=PREFIX):
    """Service name -> Workload, and Service name -> Service object."""
    everything = objects(prefix)
    services = {o["metadata"]["name"]: o for o in everything if o["kind"] == "Service"}
    workloads = {}
    for pod in (o for o in everything if o["kind"] == "Pod"):
        meta, spec = pod["metadata"], pod["spec"]
        selecting = [
            name
            for name, service in services.items()
            if service["metadata"]["namespace"] == meta["namespace"]
            and service["spec"]["selector"].items() <= meta["labels"].items()
        ]
        workloads[selecting[0]] = Workload(
            service=selecting[0],
            pod=meta["name"],
            namespace=meta["namespace"],
            account=spec["serviceAccountName"],
            labels=meta["labels"],
            ip=pod["status"]["podIP"],
            ports=[p["containerPort"] for c in spec["containers"] for p in c["ports"]],
        )
    return workloads, services


def http_port(service):
    """The number of a Service's first HTTP port."""
    return next(p["port"] for p in service["spec"]["ports"] if p["name"].startswith("http-") or p["name"] == "http2")


def portal_page(services):
    rows = "".join(
        f"<li>{name}: {', '.join(str(p['port']) for p in service['spec']['ports'])}</li>"
        for name, service in sorted(services.items())
    )
    return f"<!doctype html><title>MSB portal</title><h1>Microservices of ONAP</h1><ul>{rows}</ul>\n"


def swagger(name):
    info = {"swagger": "2.0", "info": {"title": f"{name} API", "version": "v0"}, "paths": {f"/api/{name}/v0/vims": {}}}
    return json.dumps(info, indent=2) + "\n"


def apps(workloads, services):
    """The configuration of echo.py: one application for each pod that is no gateway."""
    result = []
    for name, workload in workloads.items():
        if workload.gateway:
            continue
        app = {"service": name, "listen": [f"{workload.app}:{http_port(services[name])}"], "pages": {}}
        if name.startswith("multicloud"):
            app["pages"][f"/api/{name}/v0/swagger.json"] = swagger(name)
        if name == "msb-iag":
            page = portal_page(services)
            app["pages"].update({"/msb": page, "/msb/": page, "/iui/microservices/default.html": page})
            app["forward"] = {
                other: {
                    "address": f"{workload.outbound}:{http_port(service)}",
                    "host": f"{other}.{service['metadata']['namespace']}:{http_port(service)}",
                }
                for other, service in services.items()
                if other not in (name, GATEWAY)
            }
        result.append(app)
    return result


def step_text(name, prefix=PREFIX):
    return (EXAMPLE / "steps" / name).read_text(encoding="utf-8").replace(PREFIX, prefix)


def write_base(directory, prefix=PREFIX):
    """Writes the base manifests into a folder for `fairway serve --config`."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in manifests("base", prefix).items():
        (directory / name).write_text(text, encoding="utf-8")
