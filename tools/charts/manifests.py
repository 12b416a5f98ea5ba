#!/usr/bin/env python3
"""Writes manifests/*.yaml: the charts with their defaults, for those without Helm.

  manifests.py          writes the files, and removes those that are gone
  manifests.py --check  changes nothing; fails if a file is not what would be written
"""

import argparse
import re
import sys

from charts import NAMESPACE, ROOT, render

FOLDER = ROOT / "manifests"
HEADER = "# Written by tools/charts/manifests.py from charts/{}; edit that.\n"
NAMESPACE_OBJECT = f"""---
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
"""
# file, chart, values
FILES = (
    ("base.yaml", "fairway-base", {"crds.keep": False}),
    ("fairway.yaml", "fairway", {}),
    ("istio-ingressgateway.yaml", "gateway", {}),
    ("istio-egressgateway.yaml", "gateway", {"service.type": "ClusterIP"}),
)
# No Helm is behind these objects.
HELM_LINES = re.compile(r"^ *(app\.kubernetes\.io/managed-by: Helm|helm\.sh/chart: .*)\n|^# Source: .*\n", re.MULTILINE)


def texts():
    for name, chart, values in FILES:
        text = HELM_LINES.sub("", render(chart, name.removesuffix(".yaml"), values, options=["--skip-tests"]))
        before = NAMESPACE_OBJECT if name == "base.yaml" else ""
        yield FOLDER / name, HEADER.format(chart) + before + text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wanted = dict(texts())
    stale = [path for path in FOLDER.glob("*.yaml") if path not in wanted]
    wrong = [p for p, text in wanted.items() if not p.exists() or p.read_text(encoding="utf-8") != text]
    if check:
        for path in wrong + stale:
            print(f"{path.relative_to(ROOT)} is not what the charts render; run `make manifests`")
        return 1 if wrong or stale else 0
    FOLDER.mkdir(exist_ok=True)
    for path in wrong:
        path.write_text(wanted[path], encoding="utf-8")
    for path in stale:
        path.unlink()
    print(f"{len(wrong)} of {len(wanted)} manifests written, {len(stale)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
