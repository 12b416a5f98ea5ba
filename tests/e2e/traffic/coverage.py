"""Which fields of the networking API the table's objects set, by the CRDs' own schemas."""

import pathlib

import yaml

# Why fields have no row: their effect is not to be seen in a request and its answer, or not in this mesh.
WITHOUT = {
    "Gateway.servers.bind": "the gateway has one address; golden cases have it",
    "Gateway.servers.name": "a name for people",
    "Gateway.servers.tls.caCertificates": "test_gateways.py: TLS that ends at the gateway",
    "Gateway.servers.tls.cipherSuites": "test_gateways.py: TLS that ends at the gateway",
    "Gateway.servers.tls.credentialName": "test_gateways.py: TLS that ends at the gateway",
    "Gateway.servers.tls.maxProtocolVersion": "test_gateways.py: TLS that ends at the gateway",
    "Gateway.servers.tls.minProtocolVersion": "test_gateways.py: TLS that ends at the gateway",
    "Gateway.servers.tls.privateKey": "test_gateways.py: TLS that ends at the gateway",
    "Gateway.servers.tls.serverCertificate": "test_gateways.py: TLS that ends at the gateway",
    "Gateway.servers.tls.subjectAltNames": "test_gateways.py: TLS that ends at the gateway",
    "DestinationRule.trafficPolicy.tls.caCrl": "revoked certificates: unit tests of clusters have it",
    **{
        f"Sidecar.ingress.tls.{field}": "Gateway's, and not for sidecars: unit tests of Sidecars refuse it"
        for field in ("credentialName", "httpsRedirect", "subjectAltNames")
    },
    **{
        f"Sidecar.ingress.tls.{field}": "as in a Gateway: test_gateways.py"
        for field in ("caCertificates", "cipherSuites", "maxProtocolVersion", "minProtocolVersion")
    },
    "DestinationRule.trafficPolicy.tls.credentialName": "Secrets are for gateways; unit tests of clusters have it",
}
CRDS = pathlib.Path(__file__).resolve().parents[3] / "crds"
KINDS = ("VirtualService", "DestinationRule", "Gateway", "ServiceEntry", "Sidecar", "WorkloadEntry")


def _common(path):
    """The field of a host's policy that a port's or a subset's is; others unchanged."""
    parts = path.split(".trafficPolicy.")
    if len(parts) == 2 and parts[0] == "DestinationRule.subsets":
        path = f"DestinationRule.trafficPolicy.{parts[1]}"
    if path.startswith("DestinationRule.trafficPolicy.portLevelSettings.") and not path.endswith(".port.number"):
        path = path.replace("portLevelSettings.", "", 1)
    if path.startswith("Sidecar.ingress.connectionPool."):
        path = path.replace("ingress.connectionPool", "inboundConnectionPool", 1)
    return path


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
                found[kind] = (schema, sorted({_common(path) for path in _leaves(schema, kind)}))
    return found


def _walk(schema, value, path, seen):
    seen.add(_common(path))
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
