"""The bench's programs as Python sees them: load generator and null server; and what a process has used."""

import json
import os
import pathlib
import queue
import subprocess
import threading
import time

from processes import DIE_WITH_PARENT, Failed, Process, binary


def program(name):
    path = pathlib.Path(binary()).parent / name
    if not os.access(path, os.X_OK):
        raise Failed(f"no program at {path}: build target bench first")
    return path


class Usage:
    """Of a process, since its start: CPU seconds from its CPU clock (what /proc/PID/stat has, without its rounding to
    ticks of 10 ms), resident memory now and at its peak in MB."""

    def __init__(self, pid):
        self.cpu = time.clock_gettime((~pid << 3) | 2)
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        self.rss, self.peak = (int(status.split(f"{name}:")[1].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))


class Piped(Process):
    """A process that takes lines and gives lines."""

    def start(self):
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(
                [*DIE_WITH_PARENT, str(os.getpid()), *self.argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        return self

    def write(self, line):
        self.popen.stdin.write(line.encode() + b"\n")
        self.popen.stdin.flush()

    def stop(self, seconds=15):
        if self.popen:
            self.popen.stdin.close()
        return super().stop(seconds)


class LoadGenerator(Piped):
    """See `loadgen --help`."""

    def __init__(self, directory, sotw=False, sample=50):
        argv = [program("loadgen"), "--sample", sample, *(["--sotw"] if sotw else [])]
        super().__init__("load generator", argv, pathlib.Path(directory) / "loadgen.log")
        self._answers, self._last = {}, 0

    def start(self):
        super().start()
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def _read(self):
        for line in self.popen.stdout:
            answer = json.loads(line)
            self._answers.get(answer.get("id"), self._answers.setdefault(None, queue.SimpleQueue())).put(answer)
        for waiting in list(self._answers.values()):
            waiting.put({"error": "the load generator ended"})

    def send(self, **command):
        self._last += 1
        self._answers[self._last] = queue.SimpleQueue()
        self.write(json.dumps({"id": self._last, **command}))
        return self._last

    def answer(self, number, seconds=660):
        try:
            answer = self._answers[number].get(timeout=seconds)
        except queue.Empty:
            self.check()
            wrong = self._answers.get(None)
            raise Failed(f"no answer of the load generator: {wrong.get() if wrong and not wrong.empty() else ''}") from None
        if "error" in answer:
            raise Failed(f"load generator: {answer['error']}")
        return answer

    def ask(self, **command):
        return self.answer(self.send(**command))

    def open(self, port, nodes, record=""):
        return self.ask(open={"port": port, "nodes": nodes, "record": str(record)})

    def settle(self, since, **options):
        """Waits until all proxies have all; raises if some do not."""
        return self.settled(self.send(settle={"since": since, "timeout_s": 600, **options}))

    def settled(self, number):
        answer = self.answer(number)
        if answer["missing"]:
            raise Failed(f"{answer['missing']} proxies have not all; lost streams: {answer['losses']} {answer.get('last_loss', '')}")
        return answer

    def arm(self, since, *entries):
        """Begins to look for (type, text) pairs; returns the number under which arrived() has the times."""
        wanted = [{"type": kind, "contains": text} for kind, text in entries]
        number = self.send(wait={"since": since, "all": wanted, "timeout_s": 120})
        self.answer(number)
        return number

    def arrived(self, number):
        answer = self.answer(number)
        if answer["missing"]:
            raise Failed(f"{answer['missing']} of {len(answer['us'])} proxies were not told of a change")
        return answer

    def check_state(self):
        """Asserts that no response was wrong and that sampled proxies of one scope hold the same; returns the state."""
        state = self.ask(state={})
        if state["fault_count"]:
            raise Failed(f"{state['fault_count']} faults in responses: {'; '.join(state['faults'])}")
        by_scope = {}
        for proxy in state["proxies"]:
            if not proxy["complete"]:
                raise Failed(f"proxy {proxy['proxy']} has not all it asked for")
            scope = by_scope.setdefault(proxy["group"], proxy)
            if scope["types"] != proxy["types"]:
                raise Failed(f"proxies {scope['proxy']} and {proxy['proxy']} of {proxy['group']} hold different things")
        return state


class NullServer(Piped):
    """See `nullserver --help`."""

    def __init__(self, directory, recorded, transport="callback"):
        argv = [program("nullserver"), "--transport", transport, "--recorded", recorded]
        super().__init__("null server", argv, pathlib.Path(directory) / "null.log")
        self.port = None

    def start(self):
        super().start()
        self.port = int(self.popen.stdout.readline() or 0)
        if not self.port:
            raise Failed(f"the null server did not start:\n{self.tail()}")
        return self

    def fan_out(self, size, marker):
        self.write(f"{size} {marker}")
