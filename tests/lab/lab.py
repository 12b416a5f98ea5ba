#!/usr/bin/env python3
"""A Kubernetes cluster on this machine, in namespaces of its own.

usage: lab.py [--name NAME] up [--ipv6]
                                      start it (again, if it runs), and tell how to use it; with both families
       lab.py [--name NAME] down      end it and remove what it had
       lab.py [--name NAME] status    what runs in it
       lab.py [--name NAME] shell     a shell in its network, with kubectl and helm
       lab.py [--name NAME] exec -- COMMAND ...
                                      one command there; its exit status is the command's
       lab.py [--name NAME] load ARCHIVE ...
                                      make images (docker save, podman save) known to its node; without
                                      ARCHIVE: those that tools/images/build.py made
       lab.py [--name NAME] env       shell variables for it: `eval "$(lab.py env)"`
       lab.py list                    all labs of this machine
"""

import argparse
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

from cluster import Cluster
from processes import Failed

import images
from components import LOAD_BALANCERS
from space import all_spaces, alive, members, uptime


def status_line(text):
    print(f"[lab] {text}", file=sys.stderr, flush=True)


def memory(pid):
    """Resident memory of a process in MB."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0


def table(cluster):
    rows = []
    for program in cluster.programs():
        if program.pid:
            seen = [f"{memory(program.pid):.0f} MB", f"{uptime(program.starter):.0f} s"]
        else:
            seen = ["-", "ended"]
        rows.append([program.name, str(program.pid or "-"), *seen, str(program.log)])
    rows.insert(0, ["program", "process", "memory", "since", "log"])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def describe(cluster):
    me = pathlib.Path(sys.argv[0])
    name = "" if cluster.name == "lab" else f" --name {cluster.name}"
    total = sum(memory(pid) for pid in members(cluster.space.pid))
    print(table(cluster))
    print(f"""
  all processes: {total:.0f} MB    data: {cluster.directory}    node: {cluster.node_ip}, node ports there
  LoadBalancer services have addresses from {LOAD_BALANCERS[0]} on, in its network.

  make lab-shell{f' LAB={cluster.name}' if name else ''}                     a shell in its network; KUBECONFIG is set
  {me}{name} exec -- kubectl get pods -A
  make lab-down{f' LAB={cluster.name}' if name else ''}""")


def up(cluster):
    before = time.monotonic()
    cluster.say = lambda text: status_line(f"{time.monotonic() - before:5.1f} s  {text}")
    cluster.start()
    describe(cluster)


def replace_by(cluster, argv):
    """Becomes the command."""
    os.execvpe("nsenter", [*cluster.space.prefix(), *argv], cluster.environment())


def shell(cluster):
    print(f"In the network of lab {cluster.name}: kubectl, helm, curl to {cluster.node_ip} and to services. `exit` leaves.")
    program = os.environ.get("SHELL") or "/bin/bash"
    os.environ["PS1"] = f"({cluster.name}) \\w\\$ "
    replace_by(cluster, [program, "--norc"] if program.endswith("bash") else [program])


def env(cluster):
    """kubectl and helm need the network, too: FAIRWAY_LAB_ENTER is what to put before a command."""
    known = cluster.environment()
    print(f"export KUBECONFIG={shlex.quote(known['KUBECONFIG'])}")
    print(f"export PATH={shlex.quote(str(cluster.directory / 'bin'))}:$PATH")
    for name in sorted(k for k in known if k == "KUBECACHEDIR" or re.fullmatch("HELM_[A-Z]+_HOME", k)):
        print(f"export {name}={shlex.quote(known[name])}")
    print(f"export FAIRWAY_LAB={cluster.name} FAIRWAY_LAB_NODE={cluster.node_ip} FAIRWAY_LAB_PID={cluster.space.pid}")
    print(f"export FAIRWAY_LAB_NETWORK=/proc/{cluster.space.pid}/ns/net")
    print(f"export FAIRWAY_LAB_ENTER={shlex.quote(' '.join(cluster.space.prefix()))}")


def load(cluster, archives):
    wanted = [pathlib.Path(a) for a in archives] or images.built_archives()
    if not wanted:
        raise Failed(f"no archives in {images.BUILT}: run `make images` first")
    for path in wanted:
        cluster.load_image(path.resolve(strict=True))
        status_line(f"loaded {path.name}")


def list_labs():
    for space in all_spaces():
        state = f"process {space.pid}, up {uptime(space.state['init']):.0f} s" if space.running else "crashed"
        owner = space.state["owner"]
        print(f"{space.name}: {state}{'' if not owner else ', its owner has gone' if not alive(owner) else ', of a test'}")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.partition("usage:")[2].strip())
    parser.add_argument("--name", default=os.environ.get("LAB") or "lab")
    parser.add_argument("--ipv6", action="store_true")
    parser.add_argument("command", choices=["up", "down", "status", "shell", "exec", "load", "env", "list"])
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    rest = options.rest[1:] if options.rest[:1] == ["--"] else options.rest
    if options.command == "up" and rest == ["--ipv6"]:
        options.ipv6, rest = True, []
    if bool(rest) and options.command not in ("exec", "load") or (options.command == "exec" and not rest):
        parser.error(f"{options.command}: a command after -- is {'missing' if not rest else 'not expected'}")
    cluster = Cluster(options.name, ipv6=options.ipv6)
    if options.command == "up":
        up(cluster)
    elif options.command == "down":
        cluster.stop()
    elif options.command == "status":
        cluster.space.pid  # pylint: disable=pointless-statement  (tells how to start it if it does not run)
        describe(cluster)
    elif options.command == "shell":
        shell(cluster)
    elif options.command == "exec":
        replace_by(cluster, rest)
    elif options.command == "load":
        load(cluster, rest)
    elif options.command == "env":
        env(cluster)
    else:
        list_labs()


if __name__ == "__main__":
    try:
        main()
    except (Failed, OSError, subprocess.SubprocessError) as problem:
        print(f"lab: {problem}", file=sys.stderr)
        sys.exit(1)
