"""Helm, against a test's API server."""

import pathlib
import sys

from harness import ROOT

sys.path.insert(0, str(ROOT / "tools" / "charts"))

import charts  # noqa: E402  pylint: disable=wrong-import-position


class Helm:
    """Releases of this checkout's charts. Helm's own files are in `directory`."""

    def __init__(self, api, directory):
        self.kubeconfig = api.admin
        self.directory = pathlib.Path(directory)

    def __call__(self, *arguments):
        homes = {f"HELM_{name}_HOME": str(self.directory / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        return charts.helm(*arguments, "--kubeconfig", self.kubeconfig, "--namespace", charts.NAMESPACE, env=homes)

    def install(self, release, chart, **values):
        """Returns what the chart's notes say. Values with `__` for the dot: injection__policy="disabled"."""
        return self._apply("install", release, chart, values, "--create-namespace")

    def upgrade(self, release, chart, **values):
        return self._apply("upgrade", release, chart, values)

    def uninstall(self, release):
        return self("uninstall", release)

    def _apply(self, verb, release, chart, values, *options):
        values = {name.replace("__", "."): value for name, value in values.items()}
        return self(verb, release, charts.CHARTS / chart, *charts.flags(values), *options)
