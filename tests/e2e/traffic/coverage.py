"""Which fields of the networking API the table's objects set, by the CRDs' own schemas."""

import pathlib

import yaml

CRDS = pathlib.Path(__file__).resolve().parents[3] / "crds"
KINDS = ("VirtualService", "DestinationRule", "Gateway", "ServiceEntry")


def _leaves(schema, path):
    schema = schema or {}
    if "items" in schema:
        yield from _leaves(schema["items"], path)
    elif schema.get("properties"):
        for name, part in schema["properties"].items():
            yield from _leaves(part, f"{path}.{name}")
    elif isinstance(schema.get("additionalProperties"), dict) and schema["additionalProperties"].get("properties"):
        yield from _leaves(schema["additionalProperties"], f"{path}.*")
    else:
        yield path


def fields():
    """Every field of the kinds that holds no other fields: "VirtualService.http.match.uri.exact"."""
    found = {}
    for file in sorted(CRDS.glob("*.yaml")):
        for crd in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            kind = crd["spec"]["names"]["kind"]
            if kind in KINDS and crd["spec"]["group"] == "networking.istio.io":
                schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
                found[kind] = (schema, sorted(_leaves(schema, kind)))
    return found


def _walk(schema, value, path, seen):
    seen.add(path)
    schema = schema or {}
    if isinstance(value, list):
        for each in value:
            _walk(schema.get("items"), each, path, seen)
    elif isinstance(value, dict):
        for name, part in value.items():
            known = (schema.get("properties") or {}).get(name)
            if known is not None:
                _walk(known, part, f"{path}.{name}", seen)
            elif isinstance(schema.get("additionalProperties"), dict):
                _walk(schema["additionalProperties"], part, f"{path}.*", seen)


def covered(scenarios):
    """{kind: (fields that some object of a scenario with rows sets, fields that none does)}."""
    result = {}
    for kind, (schema, leaves) in fields().items():
        seen = set()
        for scenario in scenarios:
            for made in scenario.objects:
                if made["kind"] == kind and scenario.rows:
                    _walk(schema, made["spec"], kind, seen)
        result[kind] = ([l for l in leaves if l in seen], [l for l in leaves if l not in seen])
    return result
