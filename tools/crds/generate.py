#!/usr/bin/env python3
"""Writes crds/*.yaml from the schemas beside this file.

  generate.py          writes the files, and removes those of kinds that are gone
  generate.py --check  changes nothing; fails if a file is not what would be written
"""

import argparse
import json
import pathlib
import sys

import extensions
import limits
import networking
import policies
import telemetry
from schema import STATUS, nullable

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "crds"

AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp", "description": "When it was created."}


def column(name, path, description, kind="string"):
    return {"name": name, "type": kind, "jsonPath": path, "description": description}


ACCEPTED = column("Accepted", ".status.conditions[?(@.type==\"Accepted\")].status", "Whether it could be used.")
PROGRAMMED = column("Programmed", ".status.conditions[?(@.type==\"Programmed\")].status", "Whether every proxy that needs it has it.")
STATE = [ACCEPTED, PROGRAMMED]
NETWORKING = ["v1", "v1beta1", "v1alpha3"]
ENVOY_FILTER = ["v1alpha3"]
PROXY_CONFIG = ["v1beta1"]
SECURITY = ["v1", "v1beta1"]
ALPHA = ["v1alpha1"]
TELEMETRY = ["v1", "v1alpha1"]

# kind, group, plural, short names, namespaced, versions (the first is stored), schema of spec, columns
KINDS = [
    ("Gateway", "networking.istio.io", "gateways", ["gw"], True, NETWORKING, networking.GATEWAY,
     [column("Selector", ".spec.selector", "Labels of the gateway pods."), *STATE]),
    ("VirtualService", "networking.istio.io", "virtualservices", ["vs"], True, NETWORKING, networking.VIRTUAL_SERVICE,
     [column("Gateways", ".spec.gateways", "Gateways it applies to."),
      column("Hosts", ".spec.hosts", "Hosts it is for."), *STATE]),
    ("DestinationRule", "networking.istio.io", "destinationrules", ["dr"], True, NETWORKING,
     networking.DESTINATION_RULE,
     [column("Host", ".spec.host", "The service it is for."), *STATE]),
    ("ServiceEntry", "networking.istio.io", "serviceentries", ["se"], True, NETWORKING, networking.SERVICE_ENTRY,
     [column("Hosts", ".spec.hosts", "The hosts it adds."),
      column("Location", ".spec.location", "Whether they are part of the mesh."),
      column("Resolution", ".spec.resolution", "How their addresses are found."), *STATE]),
    ("EnvoyFilter", "networking.istio.io", "envoyfilters", ["ef"], True, ENVOY_FILTER, extensions.ENVOY_FILTER,
     [column("Priority", ".spec.priority", "Smaller ones are applied first.", "integer"), *STATE]),
    ("ProxyConfig", "networking.istio.io", "proxyconfigs", ["pc"], True, PROXY_CONFIG, extensions.PROXY_CONFIG,
     [column("Concurrency", ".spec.concurrency", "Worker threads.", "integer"),
      column("Image", ".spec.image.imageType", "The type of the proxy's image."), *STATE]),
    ("WasmPlugin", "extensions.istio.io", "wasmplugins", ["wp"], True, ALPHA, extensions.WASM_PLUGIN,
     [column("URL", ".spec.url", "Where the module is."), ACCEPTED]),
    ("Sidecar", "networking.istio.io", "sidecars", [], True, NETWORKING, networking.SIDECAR,
     [column("Selector", ".spec.workloadSelector.labels", "The workloads it is for."), *STATE]),
    ("WorkloadEntry", "networking.istio.io", "workloadentries", ["we"], True, NETWORKING, networking.WORKLOAD_ENTRY,
     [column("Address", ".spec.address", "Its address."),
      column("Healthy", ".status.conditions[?(@.type==\"Healthy\")].status", "Of a machine whose health is checked: whether connections go there."),
      *STATE]),
    ("WorkloadGroup", "networking.istio.io", "workloadgroups", ["wg"], True, NETWORKING, networking.WORKLOAD_GROUP,
     [*STATE]),
    ("Policy", "authentication.istio.io", "policies", ["authnpolicy"], True, ALPHA, policies.AUTHENTICATION,
     [column("Targets", ".spec.targets[*].name", "Services it is for."),
      column("MTLS", ".spec.peers[*].mtls.mode", "Mode of mutual TLS."), *STATE]),
    ("MeshPolicy", "authentication.istio.io", "meshpolicies", ["meshpolicy"], False, ALPHA, policies.AUTHENTICATION,
     [column("MTLS", ".spec.peers[*].mtls.mode", "Mode of mutual TLS."), *STATE]),
    ("ServiceRole", "rbac.istio.io", "serviceroles", ["svcrole"], True, ALPHA, policies.SERVICE_ROLE,
     [column("Services", ".spec.rules[*].services", "Services it is about."), *STATE]),
    ("ServiceRoleBinding", "rbac.istio.io", "servicerolebindings", ["svcrolebinding"], True, ALPHA,
     policies.SERVICE_ROLE_BINDING,
     [column("Role", ".spec.roleRef.name", "The role that is given."), *STATE]),
    ("RbacConfig", "rbac.istio.io", "rbacconfigs", ["rbaccfg"], True, ALPHA, policies.RBAC_CONFIG,
     [column("Mode", ".spec.mode", "For which services requests are checked."), *STATE]),
    ("ClusterRbacConfig", "rbac.istio.io", "clusterrbacconfigs", ["clusterrbaccfg"], False, ALPHA, policies.RBAC_CONFIG,
     [column("Mode", ".spec.mode", "For which services requests are checked."), *STATE]),
    ("PeerAuthentication", "security.istio.io", "peerauthentications", ["pa"], True, SECURITY,
     policies.PEER_AUTHENTICATION,
     [column("Mode", ".spec.mtls.mode", "Mode of mutual TLS."), *STATE]),
    ("RequestAuthentication", "security.istio.io", "requestauthentications", ["ra"], True, SECURITY,
     policies.REQUEST_AUTHENTICATION, [*STATE]),
    ("AuthorizationPolicy", "security.istio.io", "authorizationpolicies", ["ap"], True, SECURITY,
     policies.AUTHORIZATION_POLICY,
     [column("Action", ".spec.action", "What happens to requests that match."), *STATE]),
    ("RateLimit", "networking.fairway.io", "ratelimits", ["rl"], True, ALPHA, limits.RATE_LIMIT,
     [column("Context", ".spec.context", "Where requests are counted."), *STATE]),
    ("Telemetry", "telemetry.istio.io", "telemetries", ["telemetry"], True, TELEMETRY, telemetry.TELEMETRY, [*STATE]),
]


def definition(kind, group, plural, short_names, namespaced, versions, spec, columns):
    schema = {
        "type": "object",
        "description": spec["description"],
        "properties": {
            # Without a spec an object means what an empty one means; `spec:` with nothing in it is the same.
            "spec": nullable(spec),
            "status": STATUS,
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "labels": {
                "app.kubernetes.io/name": "fairway",
                "app.kubernetes.io/component": "crds",
                "app.kubernetes.io/part-of": "fairway",
            },
        },
        "spec": {
            "group": group,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": short_names,
                "categories": ["istio-io", "fairway-io"],
            },
            "scope": "Namespaced" if namespaced else "Cluster",
            "versions": [{
                "name": version,
                "served": True,
                "storage": version == versions[0],
                "subresources": {"status": {}},
                "additionalPrinterColumns": columns + [AGE],
                "schema": {"openAPIV3Schema": schema},
            } for version in versions],
        },
    }


def plain(word):
    """Whether a text needs no quotes in YAML 1.1 or 1.2."""
    letters = word.replace("-", "a").replace(".", "a").replace("/", "a")
    return (letters.isalnum() and word.isascii() and word[0].isalpha()
            and word.lower() not in ("true", "false", "yes", "no", "on", "off", "null", "y", "n"))


def scalar(value):
    if isinstance(value, str) and plain(value):
        return value
    return json.dumps(value, ensure_ascii=False)  # a JSON scalar is a YAML scalar


def lines(value, indent):
    """YAML in block style."""
    pad = " " * indent
    if isinstance(value, dict):
        for key, part in value.items():
            if isinstance(part, (dict, list)) and part:
                yield f"{pad}{scalar(key)}:"
                yield from lines(part, indent + (0 if isinstance(part, list) else 2))
            else:
                yield f"{pad}{scalar(key)}: {scalar(part)}"
        return
    for part in value:
        if isinstance(part, (dict, list)) and part:
            block = list(lines(part, indent + 2))
            yield f"{pad}- {block[0].lstrip()}"
            yield from block[1:]
        else:
            yield f"{pad}- {scalar(part)}"


def files():
    for kind in KINDS:
        crd = definition(*kind)
        yield FOLDER / f"{crd['metadata']['name']}.yaml", "\n".join(lines(crd, 0)) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wanted = {path: f"# Written by tools/crds/generate.py; edit the schemas there.\n{text}" for path, text in files()}
    stale = [path for path in FOLDER.glob("*.yaml") if path not in wanted]
    wrong = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if check:
        for path in wrong + stale:
            print(f"{path.relative_to(FOLDER.parent)} is not what tools/crds/generate.py writes; run it")
        return 1 if wrong or stale else 0
    FOLDER.mkdir(exist_ok=True)
    for path in wrong:
        path.write_text(wanted[path])
    for path in stale:
        path.unlink()
    print(f"{len(wrong)} of {len(wanted)} files written, {len(stale)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
