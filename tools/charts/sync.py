#!/usr/bin/env python3
"""Copies crds/*.yaml into charts/fairway-base, where Helm can reach them.

  sync.py          copies what differs, and removes what is gone
  sync.py --check  changes nothing; fails if a copy differs
"""

import argparse
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = ROOT / "crds"
COPIES = ROOT / "charts" / "fairway-base" / "files" / "crds"


def texts(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wanted, present = texts(SOURCE), texts(COPIES)
    wrong = [name for name, text in wanted.items() if present.get(name) != text]
    stale = [name for name in present if name not in wanted]
    if check:
        for name in wrong + stale:
            print(f"{(COPIES / name).relative_to(ROOT)} is not what is in crds/; run `make manifests`")
        return 1 if wrong or stale or not wanted else 0
    COPIES.mkdir(parents=True, exist_ok=True)
    for name in wrong:
        (COPIES / name).write_text(wanted[name], encoding="utf-8")
    for name in stale:
        (COPIES / name).unlink()
    print(f"{len(wrong)} of {len(wanted)} definitions copied, {len(stale)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
