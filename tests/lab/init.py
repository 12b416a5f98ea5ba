"""The first process of a lab: runs as process 1 of new network, mount, process, UTS and IPC namespaces.

usage: init.py DIRECTORY NODE-IP [NODE-IPV6]     (started by space.py through unshare)

It sets up what the machine of a node would have, writes DIRECTORY/ready, and then only reaps orphans. When it ends, the
kernel ends every process of the lab and drops its mounts and its network with them: nothing can be left behind.
"""

import ctypes
import os
import pathlib
import signal
import subprocess
import sys

MS_BIND, MS_REC, MS_SHARED = 4096, 16384, 1 << 20
# What the kubelet changes at its start, and gives up if it cannot.
KUBELET_SETTINGS = (
    *("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"),
    *("kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes"),
)
_libc = ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind, flags=0, data=""):
    if _libc.mount(str(source).encode(), str(target).encode(), kind.encode(), flags, data.encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount {source} at {target}: {os.strerror(number)}")


def bind(source, target):
    for path in (source, target):
        pathlib.Path(path).mkdir(parents=True, exist_ok=True)
    mount(source, target, "none", MS_BIND | MS_REC)


def shield(setting):
    """Lets programs of the lab write a setting that is the whole machine's to a copy of it."""
    path, copy = pathlib.Path("/proc/sys") / setting, pathlib.Path("/run/sysctl") / setting
    if path.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text(encoding="ascii"), encoding="ascii")
        mount(copy, path, "none", MS_BIND)


def set_up_files(directory):
    mount("proc", "/proc", "proc")
    for path in ("/run", "/var/log"):
        mount("tmpfs", path, "tmpfs", data="mode=755")
    for path in ("/run/lock", "/run/netns"):
        pathlib.Path(path).mkdir()
    for setting in KUBELET_SETTINGS:
        shield(setting)
    bind(directory / "kubelet", "/var/lib/kubelet")
    bind(directory / "cni", "/var/lib/cni")
    # The kubelet wants to see mounts that are made after a volume was bound into a container.
    mount("none", "/", "none", MS_REC | MS_SHARED)


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def set_up_network(node_ip, node_ipv6=None):
    """A loopback device and eth0, whose other end is here too: packets to addresses that nobody has end there."""
    ip("link", "set", "lo", "up")
    ip("link", "add", "eth0", "type", "veth", "peer", "name", "uplink")
    ip("address", "add", f"{node_ip}/16", "dev", "eth0")
    if node_ipv6:
        ip("address", "add", f"{node_ipv6}/64", "dev", "eth0", "nodad")
    ip("link", "set", "eth0", "up")
    ip("link", "set", "uplink", "up")
    ip("route", "add", "default", "dev", "eth0")
    if node_ipv6:
        ip("-6", "route", "add", "default", "dev", "eth0")
    for name, value in (("ipv4/ip_forward", "1"), ("ipv4/conf/all/rp_filter", "0"), ("ipv6/conf/all/forwarding", "1")):
        path = pathlib.Path("/proc/sys/net") / name
        if path.exists():
            path.write_text(value, encoding="ascii")


def reap():
    """Waits for orphans for ever. SIGTERM ends it, and with it the lab."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            signal.sigwait([signal.SIGCHLD])


def main(directory, *node_ips):
    set_up_network(*node_ips)
    set_up_files(directory)
    (directory / "ready").touch()
    reap()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), *sys.argv[2:])
