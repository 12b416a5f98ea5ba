#!/usr/bin/env python3
"""Writes dashboards/*.json from the boards beside this file.

build.py          writes the files, and removes those that are gone
build.py --check  changes nothing; fails if a file is not what would be written
"""

import argparse
import json
import pathlib
import sys

import control_plane
import mesh
import performance
import service
import workload
from grafana import board_json

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "dashboards"
BOARDS = (mesh.BOARD, service.BOARD, workload.BOARD, control_plane.BOARD, performance.BOARD)


def texts():
    for board in BOARDS:
        name = board.uid.removeprefix("fairway-")
        yield FOLDER / f"{name}.json", json.dumps(board_json(board), indent=1, ensure_ascii=False) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wanted = dict(texts())
    wrong = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    stale = [path for path in FOLDER.glob("*.json") if path not in wanted]
    if check:
        for path in wrong + stale:
            print(f"{path.relative_to(ROOT)} is not what tools/dashboards says; run `make dashboards`")
        return 1 if wrong or stale else 0
    FOLDER.mkdir(exist_ok=True)
    for path in wrong:
        path.write_text(wanted[path], encoding="utf-8")
    for path in stale:
        path.unlink()
    print(f"{len(wrong)} of {len(wanted)} dashboards written, {len(stale)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
