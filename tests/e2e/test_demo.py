"""`make demo`: the story holds, and nothing stays behind."""

import json
import os
import pathlib
import re
import signal
import sys

from harness import ROOT
from processes import Process, request, wait_for


def demo(lab, *arguments):
    folder = lab.directory / "tmp"
    folder.mkdir()
    argv = [sys.executable, ROOT / "tools" / "demo" / "demo.py", *arguments]
    return lab.add(Process("demo", argv, lab.directory / "demo.log", env={"TMPDIR": str(folder)})), folder


def processes_of(folder):
    """Processes whose command line names the folder."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(folder) in line:
                found.append(line)
    return found


def require_nothing_left(folder, shared_before):
    wait_for(lambda: not processes_of(folder), 20, lambda: f"no process: {processes_of(folder)}")
    assert list(folder.iterdir()) == []
    assert shared_memory() <= shared_before


def shared_memory():
    return {p.name for p in pathlib.Path("/dev/shm").iterdir() if "envoy" in p.name}


def test_once(lab):
    before = shared_memory()
    process, folder = demo(lab, "--once")
    status = process.popen.wait(300)
    text = process.log.read_text(encoding="utf-8")
    print(text)
    assert status == 0
    for word in ("Gateway and VirtualService", "RBAC: access denied", "Policy STRICT", "connection", "median"):
        assert word in text
    assert re.search(r"all \d+ checks held", text)
    assert re.search(r"the service graph is at http://127\.0\.0\.1:\d+/", text)
    assert re.search(r"service graph: .*istio-ingressgateway -> msb-iag.*msb-iag -> multicloud-vio", text)
    assert "\x1b" not in text
    require_nothing_left(folder, before)


def test_stays_up_until_interrupted(lab):
    before = shared_memory()
    process, folder = demo(lab)

    def up():
        process.check()
        return re.search(r"curl (http://\S+/msb)", process.log.read_text(encoding="utf-8"))

    url = wait_for(up, 300, lambda: f"the demo to stay up:\n{process.tail()}", pause=0.1).group(1)
    assert request(url.split("/")[2], "/msb").status == 200
    graph = re.search(r"service graph (http://\S+)/", process.log.read_text(encoding="utf-8")).group(1).split("/")[2]

    def calls():
        picture = json.loads(request(graph, "/api/graph?window=1m", timeout=10).body)
        names = [node["name"] for node in picture["nodes"]]
        return {(names[edge["source"]], names[edge["target"]]) for edge in picture["edges"] if edge["requests"] > 0}

    wanted = {("istio-ingressgateway", "msb-iag"), ("msb-iag", "multicloud-vio"), ("vfc-nslcm", "multicloud-vio")}
    wait_for(lambda: wanted <= calls(), 60, lambda: f"the graph to have {wanted}: {calls()}", pause=0.5)
    assert processes_of(folder)
    process.signal(signal.SIGINT)
    process.popen.wait(60)
    require_nothing_left(folder, before)
