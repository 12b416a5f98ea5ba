"""A cluster's own programs, one by one: started, looked at, ended as a crash or an operator would."""

import os
import signal

from processes import Failed, wait_for
from space import alive, children, identity

COMMANDS = {
    "etcd": "etcd",
    "containerd": "containerd",
    "api-server": "api_server",
    "controller-manager": "controller_manager",
    "scheduler": "scheduler",
    "kubelet": "kubelet",
    "kube-proxy": "kube_proxy",
    "coredns": "coredns",
    "load-balancer": "load_balancer",
}


class Program:
    """A view on the record: any number of them, in any process, tell the same. Pods live on when the kubelet or containerd
    ends, as on any node."""

    def __init__(self, space, name, node):
        if name not in COMMANDS:
            raise Failed(f"no program {name}; there are {', '.join(COMMANDS)}")
        self.space, self.name, self.node = space, name, node
        self.log = space.directory / "logs" / f"{name}.log"

    @property
    def starter(self):
        """The record of nsenter, whose only child is the program."""
        return self.space.state["processes"].get(self.name)

    @property
    def pid(self):
        """The machine's id of the program itself, None if it does not run."""
        found = children(self.starter["pid"]) if alive(self.starter) else []
        return found[0] if found else None

    def alive(self):
        return alive(self.starter)

    def check(self):
        if not self.alive():
            raise Failed(f"{self.name} ended; the end of {self.log}:\n{self.tail()}")

    def tail(self, lines=25):
        try:
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def start(self):
        self.space.spawn(self.name, getattr(self.node, COMMANDS[self.name])())
        return self

    def signal(self, number):
        if self.pid:
            os.kill(self.pid, number)

    def _end(self, number, seconds):
        process = self.pid and identity(self.pid)
        self.signal(number)
        wait_for(lambda: not alive(process) and not self.alive(), seconds, f"{self.name} to end", pause=0.02)

    def kill(self):
        """Ends it at once, as a crash would."""
        self._end(signal.SIGKILL, 10)

    def stop(self, seconds=30):
        self._end(signal.SIGTERM, seconds)
