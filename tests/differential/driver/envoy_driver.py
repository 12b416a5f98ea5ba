"""The verdicts of a real Envoy with what the control plane makes of a mesh."""

import concurrent.futures
import json

import yaml

from harness.xds import DeltaClient
from processes import ControlPlane

from driver import objects, placement
from driver.authorizer import Authorizer
from driver.certificates import Authority
from driver.client import Client
from generate import providers
from world import NOBODY, ROOT_NAMESPACE, Certificate

_STREAMS = 8  # at a time
# Policies that name a provider which is not there, or one that cannot be asked about bytes, are among those that are tried.
_MEANT = ("is not among the mesh's extensionProviders", "decides on HTTP requests only", "nobody can be asked")


def listener_name(workload, target):
    return f"0.0.0.0_{target}" if workload.gateway else f"inbound_{workload.ip}_{target}"


class EnvoyDriver:
    """Makes verdicts of whole meshes. Owner of the test's certificate authority and of its external authorizer; one
    control plane and one Envoy live at a time. Ended by close()."""

    def __init__(self, directory):
        self.directory = directory
        self.authority = Authority(directory / "certificates")
        self.client = Client(self.authority)
        self.authorizer = Authorizer()
        self._round = 0

    def close(self):
        self.authorizer.close()

    def listeners(self, mesh, spell=lambda objects: objects):
        """Workload index -> its inbound listeners as the control plane sends them, in JSON form. `spell` gives the
        objects the form in which they are written to the files."""
        self._round += 1
        directory = self.directory / f"round-{self._round}"
        config = directory / "config"
        config.mkdir(parents=True)
        credential = [file.read_bytes() for file in (*self.authority.files(_server(mesh)), self.authority.root)]
        written = [*objects.of_mesh(mesh), *mesh.wide]
        for workload in mesh.workloads:
            written += objects.of_workload(workload, credential) + mesh.local.get(workload.namespace, [])
        text = "\n---\n".join(json.dumps(o) for o in spell(written))
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
        """What the control plane logged about objects of the last mesh: nothing else than what is meant to be wrong."""
        log = self.directory / f"round-{self._round}" / "control-plane" / "serve.log"
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
        errors = [line["message"] for line in lines if line["level"] == "error"]
        return [error for error in errors if not any(meant in error for meant in _MEANT)]

    def serve(self, mesh, listeners):
        """A running Envoy with these listeners (of all or some workloads); the caller ends it."""
        applications = {name: http for w in mesh.workloads for name, http in objects.clusters_of(w).items()}
        flat = [listener for each in listeners for listener in each]
        clusters = placement.application_clusters(applications)
        for each in providers.authorizers(mesh.providers):
            where = placement.NOWHERE if each.host == NOBODY else self.authorizer.address(each.grpc)
            clusters.append(placement.cluster(each.cluster, where, http2=each.grpc))
        configuration = placement.bootstrap(flat, clusters, self.authority, _server(mesh))
        return placement.Envoy(self.directory / f"round-{self._round}" / "envoy", configuration).start()

    def ask(self, mesh, questions):
        """Verdicts for [(workload index, [requests of one connection])]; an Envoy must serve the mesh."""
        batches = []
        for index, requests in questions:
            workload = mesh.workloads[index]
            batches.append((workload.ip, workload.http(requests[0].connection.port), requests))
        return self.client.send(batches)


def _server(mesh):
    return Certificate(f"spiffe://{mesh.trust_domain}/ns/server/sa/server")


def _fetch(address, workload):
    client = DeltaClient(address, workload)
    try:
        names = [listener_name(workload, target) for target in workload.targets]
        client.subscribe("listener", names)
        listeners = [placement.to_json(client.wait_for("listener", name)) for name in names]
        for listener in listeners:
            placement.place(listener, workload, lambda name: placement.to_json(client.wait_for("route", name)))
    finally:
        client.close()
    return listeners


def as_yaml(objects):
    return yaml.safe_dump_all(objects, sort_keys=False, default_flow_style=None)
