"""Checks the includes of operator/ against the rooms that each room may include.

The list is the ROOMS argument of fairway_room() in operator/<room>/CMakeLists.txt. The linker catches a
missing library; this catches a header that is taken from a room that another room happens to bring along.

usage: includes.py     (run anywhere; looks at the checkout it lies in)
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
OPERATOR = ROOT / "operator"
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
PROTOBUF = re.compile(r"\.pb\.h$")
LONGEST = 700  # lines


def rooms_of(cmake_text, path):
    """The rooms one CMakeLists.txt allows; every keyword of fairway_room ends the list."""
    call = re.search(r"fairway_room\(\s*(\w+)(.*?)\)", cmake_text, re.DOTALL)
    if not call:
        raise ValueError(f"{path}: no fairway_room() call")
    words = call.group(2).split()
    rooms, collecting = set(), False
    for word in words:
        if word in ("SOURCES", "ROOMS", "LIBRARIES", "PRECOMPILED"):
            collecting = word == "ROOMS"
        elif collecting:
            rooms.add(word)
    return call.group(1), rooms


def check_file(path, room, allowed, rooms):
    findings = []
    lines = path.read_text(encoding="utf-8").splitlines()
    name = path.relative_to(ROOT)
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, target = match.groups()
        top = target.split("/")[0]
        if PROTOBUF.search(target):
            if path.suffix == ".h" and not name.name.endswith("_internal.h"):
                findings.append(f"{name}:{number}: a header includes {target}; generated headers belong in .cpp files")
        elif quote == '"':
            if top not in rooms and not (path.parent / target).exists():
                findings.append(f'{name}:{number}: "{target}" is in no room of operator/; write <{target}> for a library')
            elif top in rooms and top != room and top not in allowed:
                findings.append(
                    f"{name}:{number}: {room} may not include {top} ({target}); it may include: "
                    f"{', '.join(sorted(allowed)) or 'nothing of ours'}"
                )
        elif top in rooms and (OPERATOR / target).exists():
            findings.append(f'{name}:{number}: write "{target}", it is ours')
    if path.suffix == ".h" and "#pragma once" not in lines:
        findings.append(f"{name}: no #pragma once")
    if len(lines) > LONGEST:
        findings.append(f"{name}: {len(lines)} lines; over {LONGEST}, two things live in one file")
    return findings


def cycles(graph):
    """The first circle in room -> allowed rooms, if there is one."""
    state = {}

    def visit(room, trail):
        if state.get(room) == "done":
            return None
        if room in trail:
            return trail[trail.index(room):] + [room]
        for other in sorted(graph.get(room, ())):
            found = visit(other, trail + [room])
            if found:
                return found
        state[room] = "done"
        return None

    for room in sorted(graph):
        found = visit(room, [])
        if found:
            return found
    return None


def main():
    findings, graph = [], {}
    for cmake in sorted(OPERATOR.glob("*/CMakeLists.txt")):
        try:
            room, allowed = rooms_of(cmake.read_text(encoding="utf-8"), cmake.relative_to(ROOT))
        except ValueError as error:
            findings.append(str(error))
            continue
        if room != cmake.parent.name:
            findings.append(f"{cmake.relative_to(ROOT)}: the room is called {room}, its folder {cmake.parent.name}")
        graph[cmake.parent.name] = allowed
    for room, allowed in graph.items():
        for other in sorted(allowed - graph.keys()):
            findings.append(f"operator/{room}/CMakeLists.txt: no room {other}")
    circle = cycles(graph)
    if circle:
        findings.append(f"rooms in a circle: {' -> '.join(circle)}")
    files = 0
    for room, allowed in graph.items():
        for path in sorted((OPERATOR / room).rglob("*")):
            if path.suffix in (".h", ".cpp"):
                files += 1
                findings += check_file(path, room, allowed, graph.keys())
    for finding in findings:
        print(finding, file=sys.stderr)
    if not files:
        print(f"no sources below {OPERATOR}", file=sys.stderr)
        return 1
    print(f"includes: {files} files in {len(graph)} rooms, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
