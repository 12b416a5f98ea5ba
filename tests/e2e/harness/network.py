"""A network of its own for the test process and all it starts: a loopback device and no way out. So ports and
addresses clash with nothing on the machine, and it is gone with the last process."""

import ctypes
import os
import subprocess

# Pods' addresses. The API server refuses loopback addresses in EndpointSlices; these belong to the
# loopback device but look like any pod's.
POD_PREFIX = "10.30."

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000


def isolate():
    """Moves this process, which must have one thread, into a new network namespace (as an ordinary user: in a new
    user namespace, too)."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWNET if uid == 0 else CLONE_NEWNET | CLONE_NEWUSER
    if libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"no network namespace for the end-to-end tests: {os.strerror(number)}")
    if uid != 0:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as f:
                f.write(text)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", POD_PREFIX + "0.0/16", "dev", "lo"], check=True)
