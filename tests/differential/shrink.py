"""Makes a disagreement small: drops objects, rules, fields and values as long as the judges still disagree."""

import copy
import json

import model
from driver import evaluator
from driver.envoy_driver import as_yaml
from world import Mesh, agree

_ATTEMPTS = 150
_KEEP = {"apiVersion", "kind", "metadata", "name", "namespace", "spec", "roleRef", "key", "subjects"}


class Shrinker:
    def __init__(self, driver):
        self.driver = driver
        self.attempts = 0

    def shrink(self, disagreement):
        """A disagreement of a mesh with nothing but what it takes."""
        workload = disagreement.workload
        objects = disagreement.mesh.objects_for(workload)
        smaller = True
        while smaller and self.attempts < _ATTEMPTS:
            smaller = False
            for candidate in _without_one(objects):
                verdicts = self._verdicts(disagreement, candidate)
                if verdicts and not agree(verdicts.values()):
                    objects, disagreement.verdicts, smaller = candidate, verdicts, True
                    break
                if self.attempts >= _ATTEMPTS:
                    break
        disagreement.mesh = _mesh_of(disagreement.mesh, workload, objects)
        disagreement.index = 0
        return disagreement

    def _verdicts(self, disagreement, objects):
        self.attempts += 1
        workload, request = disagreement.workload, disagreement.request
        mesh = _mesh_of(disagreement.mesh, workload, objects)  # with all its providers: they are few
        try:
            meant = model.Port(mesh, workload, request.connection.port).verdict(request)
        except (KeyError, IndexError, ValueError):
            return None  # no valid objects any more
        listeners = self.driver.listeners(mesh)
        if self.driver.complaints():
            return None
        envoy = self.driver.serve(mesh, listeners)
        try:
            [[said]] = self.driver.ask(mesh, [(0, [request])])
        finally:
            envoy.stop()
        [[evaluated]] = evaluator.ask(mesh, listeners, [(0, [request])])
        return {"model": meant, "envoy": said, "evaluator": evaluated}


def _mesh_of(mesh, workload, objects):
    return Mesh(mesh.trust_domain, [workload], wide=objects, providers=mesh.providers)


def _without_one(objects):
    for place in range(len(objects)):
        yield objects[:place] + objects[place + 1 :]
    for place, obj in enumerate(objects):
        for path in sorted(_parts(obj["spec"], ("spec",)), key=len):
            changed = copy.deepcopy(obj)
            holder = changed
            for step in path[:-1]:
                holder = holder[step]
            del holder[path[-1]]
            yield objects[:place] + [changed] + objects[place + 1 :]


def _parts(node, path):
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        only_one = isinstance(node, list) and len(node) == 1
        if key not in _KEEP and not only_one:
            yield (*path, key)
        yield from _parts(value, (*path, key))


def describe(disagreement):
    workload, request = disagreement.workload, disagreement.request
    services = {s.name: [f"{p.name} {p.number}->{p.target}" for p in s.ports] for s in workload.services}
    lines = [
        f"# seed {disagreement.seed}, trust domain {disagreement.mesh.trust_domain}",
        f"# workload {workload.namespace} {workload.ip}, account {workload.account}, labels {workload.labels}",
        f"# services {json.dumps(services)}",
        as_yaml(disagreement.mesh.objects_for(workload)),
        f"# {request}",
        f"# verdicts: {', '.join(f'{name} {verdict}' for name, verdict in sorted(disagreement.verdicts.items()))}",
    ]
    return "\n".join(lines)
