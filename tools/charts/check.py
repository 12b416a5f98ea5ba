#!/usr/bin/env python3
"""Checks the charts without a cluster: what is written from them is current, and `helm lint` passes with every feature
on. tests/e2e/test_chart_values.py looks at what they render, test_charts.py installs them.
"""

import pathlib
import subprocess
import sys

from charts import CHARTS, NAMES, HelmFailed, flags, helm, versions

HERE = pathlib.Path(__file__).resolve().parent
EVERYTHING = {
    "fairway-base": {"userRoles.edit": True},
    "fairway": {
        "revision": "canary",
        "revisionTags": ["prod", "default"],
        "autoscaling.enabled": True,
        "networkPolicy.enabled": True,
        "injection.enableNamespacesByDefault": True,
        "meshConfig": {"accessLogFile": "/dev/stdout"},
        "global.imagePullSecrets": [{"name": "regcred"}],
        "priorityClassName": "system-cluster-critical",
        "monitoring": {"enabled": True, "rules": True, "labels": {"release": "r"}, "namespaces": ["shop"]},
    },
    "addons": {"prometheus.service.nodePort": 30900, "prometheus.service.type": "NodePort"},
    "gateway": {"revision": "canary", "autoscaling.enabled": True, "service.nodePorts": {"http2": 31380}},
}


def generated():
    """Tools whose files are not current; they say which."""
    for tool in ("sync.py", "manifests.py", "reference.py"):
        if subprocess.run([sys.executable, HERE / tool, "--check"], check=False).returncode:
            yield tool


def refused():
    """Charts that `helm lint` finds fault with, and why."""
    kubernetes = versions()["KUBERNETES_VERSION"]
    for name in NAMES:
        for values in ({}, EVERYTHING[name]):
            try:
                helm("lint", "--strict", "--quiet", "--kube-version", kubernetes, CHARTS / name, *flags(values))
            except HelmFailed as error:
                yield f"charts/{name} with {values}: {error}"


def main():
    try:
        findings = [*generated(), *refused()]
    except HelmFailed as error:
        findings = [str(error)]
    for finding in findings:
        print(finding, file=sys.stderr)
    print(f"charts: {len(NAMES)} charts, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
