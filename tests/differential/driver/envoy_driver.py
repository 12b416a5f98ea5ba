"""The verdicts of a real Envoy with what the control plane makes of a mesh."""

import concurrent.futures
import json

import yaml

from harness.xds import DeltaClient
from processes import ControlPlane

from driver import placement
from driver.certificates import Authority
from driver.client import Client
from world import ROOT_NAMESPACE, Certificate

_STREAMS = 8  # at a time


_UNSEEN = {"networking.istio.io/exportTo": "."}  # nobody sends to them from other namespaces: less to compute


def namespace_objects(workload):
    """The Services of a workload as Kubernetes objects."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": service.name, "namespace": service.namespace, "annotations": _UNSEEN},
            "spec": {
                "clusterIP": "None",
                "selector": {"app": workload.labels["app"]},
                "ports": [{"name": p.name, "port": p.number, "targetPort": p.target} for p in service.ports],
            },
        }
        for service in workload.services
    ]


def mesh_settings():
    """Without access logs, which would be most of the work."""
    meta = {"name": "istio", "namespace": ROOT_NAMESPACE}
    data = {"mesh": json.dumps({"accessLogFile": ""})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def inbound_name(workload, target):
    return f"inbound_{workload.ip}_{target}"


class EnvoyDriver:
    """Makes verdicts of whole meshes. Owner of the test authority; one control plane and one Envoy live at a time."""

    def __init__(self, directory):
        self.directory = directory
        self.authority = Authority(directory / "certificates")
        self.client = Client(self.authority)
        self._round = 0

    def listeners(self, mesh, spell=lambda objects: objects):
        """Workload index -> its inbound listeners as the control plane sends them, in JSON form. `spell` gives the
        objects the form in which they are written to the files."""
        self._round += 1
        directory = self.directory / f"round-{self._round}"
        config = directory / "config"
        config.mkdir(parents=True)
        objects = [mesh_settings(), *mesh.wide]
        for workload in mesh.workloads:
            objects += namespace_objects(workload) + mesh.local.get(workload.namespace, [])
        text = "\n---\n".join(json.dumps(o) for o in spell(objects))
        (config / "mesh.yaml").write_text(text, encoding="utf-8")
        flags = ["--trust-domain", mesh.trust_domain, "--root-namespace", ROOT_NAMESPACE]
        plane = ControlPlane(directory / "control-plane", ["--config", config], insecure=True, extra=flags)
        plane.start()
        try:
            with concurrent.futures.ThreadPoolExecutor(_STREAMS) as pool:
                return list(pool.map(lambda w: _fetch(plane.insecure, w), mesh.workloads))
        finally:
            plane.kill()

    def complaints(self):
        """What the control plane logged about objects of the last mesh: nothing, as all are meant to be valid."""
        log = self.directory / f"round-{self._round}" / "control-plane" / "serve.log"
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
        return [line["message"] for line in lines if line["level"] == "error"]

    def serve(self, mesh, listeners):
        """A running Envoy with these listeners (of all or some workloads); the caller ends it."""
        clusters = {f"inbound|{t}||": w.http(t) for w in mesh.workloads for t in w.targets}
        flat = [listener for each in listeners for listener in each]
        server = Certificate(f"spiffe://{mesh.trust_domain}/ns/server/sa/server")
        configuration = placement.bootstrap(flat, clusters, self.authority, server)
        return placement.Envoy(self.directory / f"round-{self._round}" / "envoy", configuration).start()

    def ask(self, mesh, questions):
        """Verdicts for [(workload index, [requests of one connection])]; an Envoy must serve the mesh."""
        batches = []
        for index, requests in questions:
            workload = mesh.workloads[index]
            batches.append((workload.ip, workload.http(requests[0].connection.port), requests))
        return self.client.send(batches)


def _fetch(address, workload):
    client = DeltaClient(address, workload)
    try:
        names = [inbound_name(workload, target) for target in workload.targets]
        client.subscribe("listener", names)
        listeners = [placement.to_json(client.wait_for("listener", name)) for name in names]
    finally:
        client.close()
    for listener in listeners:
        placement.place(listener)
    return listeners


def as_yaml(objects):
    return yaml.safe_dump_all(objects, sort_keys=False, default_flow_style=None)
