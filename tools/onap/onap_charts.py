"""The example's charts: packed into a repository, as the documents' `make all` did, and checked.

usage: onap_charts.py FOLDER     pack them into FOLDER, with an index
       onap_charts.py --check    lint them, and render them in every way that the walk-through does
"""

import pathlib
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "charts"))

# pylint: disable=wrong-import-position
import charts  # noqa: E402

CHARTS = ROOT / "examples" / "onap" / "charts"
SMALL = CHARTS / "small.yaml"
PARTS = ("msb", "multicloud", "vfc")
ORDER = ("common", "microservice", *PARTS, "onap")  # each only needs those before it
DISABLE_ALL = ("onap", "resources", "environments", "disable-allcharts.yaml")
NO_LIVENESS = ["liveness.enabled=false", *(f"multicloud-{n}.liveness.enabled=false" for n in ("ocata", "vio", "windriver"))]


def helm(folder, *arguments):
    """Runs helm with its own state in a folder, and returns what it printed; raises charts.HelmFailed."""
    return charts.helm(*arguments, env={f"HELM_{kind}_HOME": str(folder / "helm") for kind in ("CACHE", "CONFIG", "DATA")})


def pack(repository, scratch):
    """Packs all charts into a folder and writes its index. Works on a copy: packing writes into the charts' folders."""
    repository.mkdir(parents=True, exist_ok=True)
    copy = scratch / "charts"
    shutil.copytree(CHARTS, copy, ignore=shutil.ignore_patterns("*.tgz", "Chart.lock"))
    for chart in ORDER:
        helm(scratch, "package", "--dependency-update", "--destination", repository, copy / chart)
    helm(scratch, "repo", "index", repository)
    return copy


def render(scratch, repository, chart, *arguments, name=None):
    """The objects a chart makes in the namespace onap."""
    archive = next(repository.glob(f"{chart}-[0-9]*.tgz"))
    text = helm(scratch, "template", name or chart, archive, "--namespace", "onap", *arguments)
    return charts.objects(text)


def renderings(scratch, repository):
    """Every way the charts are used: what it is -> its objects."""
    disable_all = CHARTS.joinpath(*DISABLE_ALL)
    result = {
        "onap, all charts disabled": render(scratch, repository, "onap", "-f", disable_all, name="common"),
        "onap, whole": render(scratch, repository, "onap", name="whole"),
        "multicloud without liveness probes": render(scratch, repository, "multicloud", "--set", ",".join(NO_LIVENESS)),
    }
    for part in PARTS:
        result[part] = render(scratch, repository, part)
        result[f"{part}, small"] = render(scratch, repository, part, "-f", SMALL)
        result[f"{part}, the namespace decides"] = render(scratch, repository, part, "--set", "global.istioSidecar=")
    return result


def check(scratch):
    repository = scratch / "repository"
    copy = pack(repository, scratch)
    helm(scratch, "lint", "--strict", *(copy / chart for chart in ORDER if chart != "common"))
    count = sum(len(objects) for objects in renderings(scratch, repository).values())
    print(f"charts of examples/onap: {len(ORDER)} charts lint, {count} objects rendered")


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    with tempfile.TemporaryDirectory(prefix="fairway-charts-") as folder:
        if sys.argv[1] == "--check":
            check(pathlib.Path(folder))
        else:
            pack(pathlib.Path(sys.argv[1]), pathlib.Path(folder))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except charts.HelmFailed as problem:
        print(f"onap_charts: {problem}", file=sys.stderr)
        sys.exit(1)
