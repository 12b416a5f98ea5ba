#!/usr/bin/env python3
"""Writes docs/reference/charts.md: the charts' values with their defaults, and the comments above them in values.yaml.

  reference.py          writes the file
  reference.py --check  changes nothing; fails if the file is not what would be written
"""

import argparse
import json
import re
import sys

import yaml

from charts import CHARTS, NAMES, ROOT

PAGE = ROOT / "docs" / "reference" / "charts.md"
KEY = re.compile(r"^( *)([A-Za-z][\w-]*):")
HEAD = """<!-- Written by tools/charts/reference.py from charts/*/values.yaml; edit those. -->
# Values of the charts

What `helm install --set` and `-f` take. Each chart has a schema: a value that does not exist or has the wrong type is
refused. [Installing](../install.md) tells how to use them.
"""


def comments(text):
    """Comment by path, for every key of a values.yaml (block style, comments above keys)."""
    found, stack, comment, skip = {}, [], [], None
    values = yaml.safe_load(text)
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if skip is not None and (indent > skip or line.lstrip().startswith("- ")):
            continue
        skip = None
        if line.lstrip().startswith("#"):
            comment.append(line.strip().removeprefix("#").strip())
            continue
        match = KEY.match(line)
        if not match:
            comment = []
            continue
        stack = stack[: indent // 2] + [match.group(2)]
        found[tuple(stack)] = " ".join(comment)
        comment = []
        if not isinstance(at(values, stack), dict):
            skip = indent  # a list: its items are no values of their own
    return found


def at(values, path):
    for key in path:
        values = values[key]
    return values


def rows(text):
    """(value, default, description); a mapping with a comment whose keys have none is one row."""
    values, told = yaml.safe_load(text), comments(text)
    whole = []
    for path, comment in told.items():
        if any(path[: len(w)] == w for w in whole):
            continue
        value = at(values, path)
        if isinstance(value, dict) and value:
            if any(told[p] for p in told if p[:-1] == path):
                if comment:
                    yield ".".join(path), "", comment
                continue
            if not comment:
                continue
            whole.append(path)
        yield ".".join(path), f"`{json.dumps(value)}`", comment


def page():
    yield HEAD
    for name in NAMES:
        chart = yaml.safe_load((CHARTS / name / "Chart.yaml").read_text(encoding="utf-8"))
        yield f"\n## {name}\n\n{chart['description']}\n\n| value | default | |\n| --- | --- | --- |\n"
        for row in rows((CHARTS / name / "values.yaml").read_text(encoding="utf-8")):
            value, default, comment = (cell.replace("|", "\\|") for cell in row)
            yield f"| `{value}` | {default} | {comment} |\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wanted = "".join(page())
    same = PAGE.exists() and PAGE.read_text(encoding="utf-8") == wanted
    if check:
        if not same:
            print(f"{PAGE.relative_to(ROOT)} is not what values.yaml says; run `make manifests`")
        return 0 if same else 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
