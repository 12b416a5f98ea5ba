"""The charts, and how they are rendered without a cluster."""

import json
import os
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHARTS = ROOT / "charts"
NAMES = ("fairway-base", "fairway", "gateway", "addons")
NAMESPACE = "istio-system"


class HelmFailed(Exception):
    """Helm's own words."""


def versions():
    text = (ROOT / "tools" / "versions.env").read_text(encoding="utf-8")
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def helm_binary():
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    cache = pathlib.Path(os.environ.get("FAIRWAY_CACHE") or pathlib.Path(home) / "fairway")
    path = cache / f"helm-{versions()['HELM_VERSION']}" / "helm"
    if not os.access(path, os.X_OK):
        raise HelmFailed(f"no {path}: run `make setup` first")
    return str(path)


def helm(*arguments, env=None):
    """Runs helm and returns what it printed; raises HelmFailed with its message."""
    done = subprocess.run(
        [helm_binary(), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, **(env or {})},
    )
    if done.returncode:
        raise HelmFailed((done.stderr + done.stdout).strip())
    return done.stdout


def flags(values):
    """A mapping as helm's --set-json flags: {"injection.policy": "disabled"}; JSON keeps types apart."""
    for path, value in (values or {}).items():
        yield "--set-json"
        yield f"{path}={json.dumps(value)}"


def render(chart, release, values=None, namespace=NAMESPACE, options=()):
    """The chart's manifests as YAML text."""
    kubernetes = versions()["KUBERNETES_VERSION"]
    return helm(
        *("template", release, CHARTS / chart, "--namespace", namespace, "--kube-version", kubernetes),
        *flags(values),
        *options,
    )


def objects(text):
    return [o for o in yaml.load_all(text, yaml.CSafeLoader) if o]
