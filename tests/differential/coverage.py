"""Which fields of policies decided verdicts: a field counts for a request if the model's verdict differs when the
field is not there, or says something else. "allow": the request passes because of what the field says; "deny": it does
not."""

import collections
import copy
import dataclasses
import re

import model
from generate import providers
from generate.meshes import identities
from world import ALLOW, AUTHORIZER, NOBODY

_SKIPPED = {"metadata", "apiVersion", "kind", "key", "roleRef", "name", "number"}
_BRACKETS = re.compile(r"\[.*\]")
_VERDICTS = 800  # of the model, for one workload: it is asked again for every change of every field
_PORTS = [8080, 8081, 9000, 9001]  # of all workloads
_ADDRESSES = ("ipBlocks", "remoteIpBlocks", "ips", "source.ip", "remote.ip", "destination.ip")
# Another issuer or key only ever makes tokens invalid; what is optional only ever lets pass.
_ONE_WAY = {
    "Policy originIsOptional",
    *(f"{where} {field}" for where in ("Policy origins jwt", "RequestAuthentication jwtRules") for field in ("issuer", "jwks")),
}
# Documented to have no effect any more.
_NO_EFFECT = {f"{kind} {field}" for kind in ("Policy", "MeshPolicy") for field in ("peers mtls allowTls", "peerIsOptional")}
# Seen one way alone in the usual run, as few requests have just the token, or the service, that it would take; longer runs
# see both.
RARE = {
    *(f"Policy origins jwt triggerRules excludedPaths {form}" for form in ("prefix", "suffix")),
    "ServiceRole rules constraints destination.namespace values",
}
# Fields that an object is nothing without: what they could say instead.
_OTHERS = {"group": "other.example", "issuer": "nobody", "jwks": "{}", "exact": "/never", "prefix": "/never", "suffix": "/never"}
_ENUMS = {"mode": ("STRICT", "PERMISSIVE", "DISABLE", "ON", "OFF"), "action": ("ALLOW", "DENY"), "enforcementMode": ("PERMISSIVE",)}


class Coverage:
    def __init__(self):
        self.counts = collections.defaultdict(collections.Counter)

    def __iadd__(self, other):
        for label, counts in other.counts.items():
            self.counts[label] += counts
        return self

    def look(self, mesh, workload, asked):
        """Counts for requests to one workload: the more of them, the fewer fields its policies have."""
        objects = mesh.objects_for(workload)
        changes = [(label, mesh, variant) for label, variant in variants(objects, workload)]
        changes += [(label, variant, objects) for label, variant in provider_variants(mesh, objects)]
        asked = asked[:: 1 + len(asked) * len(changes) // _VERDICTS]
        ports = {port: model.Port(mesh, workload, port) for port in workload.targets}
        base = [ports[request.connection.port].verdict(request) == ALLOW for request in asked]
        ports_asked = {request.connection.port for request in asked}
        for label, variant, variant_objects in changes:
            self.counts[label] += collections.Counter()  # one that never decides is known, too
            changed = {port: model.Port(variant, workload, port, variant_objects) for port in ports_asked}
            for request, allowed in zip(asked, base):
                if (changed[request.connection.port].verdict(request) == ALLOW) != allowed:
                    self.counts[label]["allow" if allowed else "deny"] += 1

    def one_sided(self):
        """Fields that only ever allowed, only ever denied, or did neither."""
        found = (label for label, counts in self.counts.items() if not (counts["allow"] and counts["deny"]))
        return sorted(label for label in found if label not in _ONE_WAY | _NO_EFFECT)

    def table(self):
        lines = [f"{'field':56} {'allow':>8} {'deny':>8}"]
        for label, counts in sorted(self.counts.items()):
            lines.append(f"{label:56} {counts['allow']:8} {counts['deny']:8}")
        return "\n".join(lines)


def variants(objects, workload):
    """(label, the objects with one field changed)."""
    for place, obj in enumerate(objects):
        fields = _config_fields(obj, workload) if obj["kind"].endswith("RbacConfig") else []
        for label, path, values in [*fields, *_fields(obj["spec"], (), obj["kind"])]:
            for value in values:
                changed = {**obj, "spec": copy.deepcopy(obj["spec"])}
                holder = changed["spec"]
                for step in path[:-1]:
                    holder = holder[step]
                if value is None:
                    del holder[path[-1]]
                else:
                    holder[path[-1]] = value
                yield label, objects[:place] + [changed] + objects[place + 1 :]


def provider_variants(mesh, objects):
    """(label, the mesh with one setting changed) of the extensionProviders that these objects name."""
    used = {o["spec"]["provider"]["name"] for o in objects if "provider" in o["spec"]}
    for place, provider in enumerate(mesh.providers):
        kind = next(key for key in provider if key != "name")
        settings = provider[kind]
        if provider["name"] not in used:
            continue
        service = AUTHORIZER if settings["service"].endswith(NOBODY) else NOBODY
        changes = {"service": service, "failOpen": not settings.get("failOpen", False)}
        if kind == "envoyExtAuthzHttp":
            changes["includeRequestHeadersInCheck"] = [] if "includeRequestHeadersInCheck" in settings else ["*"]
        for field, value in changes.items():
            changed = [*mesh.providers]
            changed[place] = {**provider, kind: {**settings, field: value}}
            yield f"extensionProviders {kind} {field}", dataclasses.replace(mesh, providers=changed)


def _config_fields(obj, workload):
    """What would be if the workload were listed."""
    everyone = {"namespaces": [workload.namespace], "services": [service.host for service in workload.services]}
    for block in ("inclusion", "exclusion"):
        for key in obj["spec"].get(block, {}):
            yield f"{obj['kind']} {block} {key}", (block, key), [everyone[key]]


def _fields(node, path, label):
    """(label, path, values to try; None: without it) for each field below a node."""
    for key, value in node.items():
        here, name = (*path, key), f"{label} {key}"
        if key in _SKIPPED:
            continue
        if key == "properties":
            for property_key, text in value.items():
                shown = _BRACKETS.sub("", property_key)
                yield f"{name} {shown}", (*here, property_key), [_other(shown, [text])[0]]
                if len(value) > 1 or len(node) > 1:  # else nothing would be left of the subject
                    yield f"{name} {shown}", (*here, property_key) if len(value) > 1 else here, [None]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from _entries(key, value, here, name)
        elif isinstance(value, list):
            yield name, here, [None, _other(key, value)]
        elif isinstance(value, dict) and key == "portLevelMtls":
            yield name, here, [None, *({port: {"mode": mode} for port in _PORTS} for mode in _ENUMS["mode"][:3])]
        elif key == "provider":
            # Which nobody knows, and one that lets everything pass, as it is asked in vain.
            yield name, here, [{"name": providers.MISSING}, {"name": "grpc-3"}]
        elif isinstance(value, dict) and key in ("selector", "mtls"):
            yield name, here, [None]
            yield from _fields(value, here, name)
        elif isinstance(value, dict):
            yield from _fields(value, here, name)
        elif key in _OTHERS:
            yield name, here, [_OTHERS[key]]
        elif key in _ENUMS:
            yield name, here, [None, *(other for other in _ENUMS[key] if other != value)]
        else:
            yield name, here, [None]


def _entries(key, entries, here, name):
    if key in ("targets", "targetRefs", "peers", "fromHeaders"):
        yield name, here, [None]
    for at, entry in enumerate(entries):
        if key in ("when", "constraints"):
            condition = _BRACKETS.sub("", entry["key"])
            for field in ("values", "notValues"):
                if field in entry:
                    other = _other(condition, entry[field], field)
                    yield f"{name} {condition} {field}", (*here, at, field), [other]
                    alone = not ("values" in entry and "notValues" in entry)
                    yield f"{name} {condition} {field}", (*here, at) if alone else (*here, at, field), [None]
        elif isinstance(entry, dict):
            yield from _fields(entry, (*here, at), name)


def _other(name, values, field=""):
    """Values that turn a positive list to nothing, a negative one to everything."""
    negative = name.startswith("not") or field.startswith("not")
    name = name[3].lower() + name[4:] if name.startswith("not") else name
    if values and isinstance(values[0], int):
        return _PORTS if negative else [2]
    if name in ("ports", "destination.port"):
        return list(map(str, _PORTS)) if negative else ["2"]
    if negative:
        if name in ("serviceAccounts", "source.serviceAccount"):  # no patterns
            return [f"{namespace}/{account}" for namespace, account in identities()]
        everyone = ["allAuthenticatedUsers"] if name == "names" else ["*"]
        return ["0.0.0.0/0"] if name in _ADDRESSES else everyone
    return ["192.0.2.1"] if name in _ADDRESSES else ["never/matches"]
