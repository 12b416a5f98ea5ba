"""What Prometheus' Kubernetes discovery of role `pod` finds, from Pod objects: Debian's Prometheus has none. With its labels the
relabelling of a configuration is the same as in a cluster, only that targets come from a file (file_sd_configs)."""

import json
import re

KUBERNETES = "kubernetes_sd_configs: [{role: pod}]"


def label_name(text):
    return re.sub(r"[^a-zA-Z0-9_]", "_", text)


def groups(pods):
    """Target groups: one for each port of each container, init containers too; a container without ports is one, too."""
    for pod in pods:
        meta, status = pod["metadata"], pod.get("status", {})
        ip = status.get("podIP")
        if not ip:
            continue
        host = f"[{ip}]" if ":" in ip else ip
        labels = {
            "__meta_kubernetes_namespace": meta["namespace"],
            "__meta_kubernetes_pod_name": meta["name"],
            "__meta_kubernetes_pod_ip": ip,
            "__meta_kubernetes_pod_phase": status.get("phase", ""),
            "__meta_kubernetes_pod_node_name": pod["spec"].get("nodeName", ""),
        }
        for kind in ("annotation", "label"):
            for name, value in (meta.get(f"{kind}s") or {}).items():
                labels[f"__meta_kubernetes_pod_{kind}_{label_name(name)}"] = value
        for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
            for port in container.get("ports") or [None]:
                own = {"__meta_kubernetes_pod_container_name": container["name"]}
                if port:
                    own["__meta_kubernetes_pod_container_port_name"] = port.get("name", "")
                address = f"{host}:{port['containerPort']}" if port else host
                yield {"targets": [address], "labels": {**labels, **own}}


def from_file(config, file):
    """A configuration whose pods come from a file in the place of Kubernetes."""
    if KUBERNETES not in config:
        raise ValueError(f"no {KUBERNETES!r} in the configuration")
    return config.replace(KUBERNETES, f"file_sd_configs: [{{files: [{file}], refresh_interval: 5s}}]")


def file_text(pods):
    return json.dumps(list(groups(pods)))
