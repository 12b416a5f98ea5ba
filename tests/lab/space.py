"""A lab's namespaces, and the record of what runs in them, which outlives the process that wrote it.

Every lab has namespaces of its own for network, mounts and processes, so labs run side by side on one machine, with the same
addresses and paths, and ending the first process (init.py) ends everything at once. The record,
/run/fairway-lab/<name>/state.json, names that process by its id and start time: after a crash of whoever started the lab
the next start or `make lab-down` finds and ends what still runs.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

from processes import Failed, wait_for

LABS = pathlib.Path("/run/fairway-lab")
DATA = pathlib.Path(os.environ.get("FAIRWAY_LAB_DATA") or "/var/lib/fairway-lab")
CGROUPS = pathlib.Path("/sys/fs/cgroup")
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def start_time(pid):
    """When a process started, in clock ticks since boot; None if there is no such process (or only its zombie)."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def identity(pid):
    return {"pid": pid, "start": start_time(pid)}


def alive(process):
    """Whether a process of the record still runs. Ids are given out again, start times are not."""
    return process is not None and start_time(process["pid"]) == process["start"]


def children(pid):
    try:
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def require_possible():
    """Raises with what is missing, where no node can run."""
    problems = []
    if os.geteuid() != 0:
        problems.append("it needs root (namespaces, mounts, cgroups): use sudo, or a virtual machine")
    if not any(CGROUPS.glob("*/tasks")) and not (CGROUPS / "cgroup.controllers").exists():
        problems.append(f"no cgroups are mounted at {CGROUPS}")
    elif os.geteuid() == 0 and not os.access(CGROUPS, os.W_OK):
        problems.append(f"{CGROUPS} is read-only (in a container: run it privileged)")
    for program in ("unshare", "nsenter", "ip", "iptables", "containerd", "runc", "etcd", "openssl"):
        if not shutil.which(program):
            problems.append(f"no {program}: run `make setup`")
    if problems:
        raise Failed("the lab cannot run here: " + "; ".join(problems))


class Space:
    """The namespaces of one lab. `directory` is its data; both vanish with destroy()."""

    def __init__(self, name, directory=None):
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", name):
            raise Failed(f'lab name "{name}": small letters, digits and dashes are expected, 32 at most')
        self.name = name
        self.record = LABS / name / "state.json"
        self.state = self._read()
        self.directory = pathlib.Path(directory or (self.state or {}).get("directory") or DATA / name)
        self.log = self.directory / "logs" / "init.log"
        self.cgroup = f"fairway-lab-{name}"

    def _read(self):
        try:
            return json.loads(self.record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def write(self):
        aside = self.record.with_suffix(".tmp")
        aside.write_text(json.dumps(self.state, indent=2) + "\n", encoding="utf-8")
        os.rename(aside, self.record)

    @contextlib.contextmanager
    def locked(self):
        """One start or stop of this lab at a time."""
        LABS.mkdir(parents=True, exist_ok=True)
        path = LABS / f".{self.name}.lock"
        while True:
            with open(path, "w", encoding="ascii") as f:
                fcntl.flock(f, fcntl.LOCK_EX)
                if os.fstat(f.fileno()).st_nlink == 0:
                    continue  # who had it has removed it
                self.state = self._read()
                try:
                    yield
                finally:
                    if self.state is None:
                        path.unlink()
                return

    @property
    def running(self):
        return self.state is not None and alive(self.state["init"])

    @property
    def pid(self):
        """The machine's id of the lab's first process."""
        if not self.running:
            raise Failed(f'lab "{self.name}" does not run: `make lab-up` starts it')
        return self.state["init"]["pid"]

    def create(self, node_ips, owner=None):
        """Makes the namespaces, of a node with these addresses (IPv4, perhaps IPv6). With an `owner` (a process id), any
        later start ends this lab once that process has gone."""
        require_possible()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.log.parent.mkdir(parents=True)
        self.record.parent.mkdir(parents=True, exist_ok=True)
        namespaces = ("--mount", "--propagation", "private", "--net", "--pid", "--uts", "--ipc")
        init = [sys.executable, "-I", pathlib.Path(__file__).with_name("init.py"), self.directory, *node_ips]
        with open(self.log, "ab") as log:
            unshare = subprocess.Popen(
                ["unshare", *namespaces, "--fork", *init],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/",
            )  # fmt: skip

        def ended():
            return Failed(f"the lab's namespaces did not come about:\n{self.log.read_text(encoding='utf-8')}")

        def born():
            if unshare.poll() is not None:
                raise ended()
            return children(unshare.pid)

        [init] = wait_for(born, 30, "unshare to start the lab's first process")
        self.state = {
            "init": identity(init),
            "directory": str(self.directory),
            "node_ips": node_ips,
            "owner": identity(owner) if owner else None,
            "processes": {},
        }
        self.write()
        self._make_cgroups()

        def ready():
            if unshare.poll() is not None:
                raise ended()
            return (self.directory / "ready").exists()

        wait_for(ready, 30, "the lab's first process to set up files and network")

    def destroy(self):
        """Ends every process of the lab and removes what it had. Does nothing if there is nothing."""
        if self.state is not None:
            starters = [self.state["init"], *self.state["processes"].values()]
            if alive(self.state["init"]):
                os.kill(self.state["init"]["pid"], signal.SIGKILL)
            wait_for(lambda: not any(map(alive, starters)), 60, lambda: f"processes to end: {[p for p in starters if alive(p)]}")
        self._remove_cgroups()
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(self.record.parent, ignore_errors=True)
        self.state = None

    # --- cgroups -------------------------------------------------------------------------------------

    def _cgroup_roots(self):
        """The lab's control group in every hierarchy (one with version 2 of cgroups)."""
        if (CGROUPS / "cgroup.controllers").exists():
            return [CGROUPS / self.cgroup]
        return [d / self.cgroup for d in CGROUPS.iterdir() if not d.is_symlink() and (d / "tasks").exists()]

    def _make_cgroups(self):
        for path in self._cgroup_roots():
            path.mkdir(exist_ok=True)
            if path.parent.name == "cpuset":  # empty at first, and then nothing may run in it
                for name in ("cpuset.cpus", "cpuset.mems"):
                    (path / name).write_text((path.parent / name).read_text(encoding="ascii"), encoding="ascii")

    def _remove_cgroups(self):
        def remove(path):
            with contextlib.suppress(OSError):
                for folder, _, _ in os.walk(path, topdown=False):
                    os.rmdir(folder)
            return not path.exists()

        for path in self._cgroup_roots():
            wait_for(lambda p=path: remove(p), 30, f"the control group {path} to be empty")

    # --- running things in it ------------------------------------------------------------------------

    def spawn(self, name, argv):
        """Starts a long-running program in all of the lab's namespaces; its output goes to logs/<name>.log."""
        with open(self.directory / "logs" / f"{name}.log", "ab") as log:
            popen = subprocess.Popen(
                [*self.prefix(whole=True), *map(str, argv)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/",
            )  # fmt: skip
        # nsenter stays as the parent; this thread collects its status, so that no zombie looks alive.
        threading.Thread(target=popen.wait, daemon=True).start()
        self.state["processes"][name] = identity(popen.pid)
        self.write()
        return popen

    def run(self, argv, whole=False, **options):
        """subprocess.run in the lab's network; with `whole`, in its files and processes too."""
        return subprocess.run([*self.prefix(whole), *map(str, argv)], **{"check": False, **options})

    def prefix(self, whole=False):
        spaces = ("--mount", "--net", "--pid", "--uts", "--ipc") if whole else ("--net",)
        return ["nsenter", "--target", str(self.pid), *spaces, "--"]

    @contextlib.contextmanager
    def inside(self):
        """The calling thread's new sockets belong to the lab's network, until the end of the `with`."""
        with open("/proc/thread-self/ns/net", "rb") as own, open(f"/proc/{self.pid}/ns/net", "rb") as lab:
            self._enter(lab)
            try:
                yield
            finally:
                self._enter(own)

    @staticmethod
    def _enter(file):
        if _libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"entering a network namespace: {os.strerror(number)}")


def all_spaces():
    """Every lab that has a record."""
    return [Space(record.parent.name) for record in sorted(LABS.glob("*/state.json"))]


def sweep():
    """Ends labs whose owner has gone without ending them; returns their names."""
    swept = []
    for space in all_spaces():
        with space.locked():
            if space.state and space.state["owner"] and not alive(space.state["owner"]):
                space.destroy()
                swept.append(space.name)
    return swept


def members(space_pid):
    """Ids, seen from the machine, of all processes in a lab's process namespace (for tests and tables)."""
    wanted, found = os.readlink(f"/proc/{space_pid}/ns/pid"), []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(path / "ns" / "pid") == wanted:
                found.append(int(path.name))
    return sorted(found)


def uptime(process):
    """Seconds since a process of the record started."""
    ticks = os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - process["start"] / ticks
