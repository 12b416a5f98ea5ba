#!/usr/bin/env python3
"""Copies what charts need and Helm finds only inside of them: crds/*.yaml, dashboards/*.json, the alert rules.

  sync.py          copies what differs, and removes what is gone
  sync.py --check  changes nothing; fails if a copy differs
"""

import argparse
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHARTS = ROOT / "charts"
ALERTS = ROOT / "dashboards" / "alerts"
# From, which files, to.
COPIES = (
    (ROOT / "crds", "*.yaml", CHARTS / "fairway-base" / "files" / "crds"),
    (ALERTS, "*.yaml", CHARTS / "fairway" / "files" / "alerts"),
    (ALERTS, "*.yaml", CHARTS / "addons" / "files" / "alerts"),
    (ROOT / "dashboards", "*.json", CHARTS / "addons" / "files" / "dashboards"),
)


def texts(folder, pattern):
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob(pattern))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    faults = copied = removed = 0
    for source, pattern, target in COPIES:
        wanted, present = texts(source, pattern), texts(target, pattern)
        wrong = [name for name, text in wanted.items() if present.get(name) != text]
        stale = [name for name in present if name not in wanted]
        faults += len(wrong) + len(stale) + (0 if wanted else 1)
        if check:
            for name in wrong + stale:
                print(f"{(target / name).relative_to(ROOT)} is not what is in {source.relative_to(ROOT)}/; run `make manifests`")
            continue
        target.mkdir(parents=True, exist_ok=True)
        for name in wrong:
            (target / name).write_text(wanted[name], encoding="utf-8")
        for name in stale:
            (target / name).unlink()
        copied, removed = copied + len(wrong), removed + len(stale)
    if check:
        return 1 if faults else 0
    print(f"{copied} files copied into charts, {removed} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
