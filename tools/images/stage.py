"""Lays out the build context of the images: the stripped program, the shared libraries it needs, iptables, Envoy.

What a Debian package owns is listed in /var/lib/dpkg/status.d and its copyright goes along, so that scanners of images and
readers of licences find what is in there.
"""

import os
import pathlib
import re
import shutil
import subprocess

LIBRARIES = pathlib.PurePath("usr/lib/x86_64-linux-gnu")
# The C library is the base image's: everything else is brought along.
OF_BASE = {"libc6"}
# What `fairway intercept` may call, by the program that each name is a link to.
IPTABLES = {
    f"{family}-{flavour}{end}": f"xtables-{flavour}-multi"
    for family in ("iptables", "ip6tables")
    for flavour in ("nft", "legacy")
    for end in ("", "-restore", "-save")
}


class Missing(Exception):
    """Something that the images are made of is not there."""


def run(*argv):
    done = subprocess.run([*map(str, argv)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"{' '.join(map(str, argv))}: {done.stderr.strip()}")
    return done.stdout


def put(source, target, mode):
    """Copies a file with a time of its own left behind: the same content makes the same image."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def write(target, text):
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    target.chmod(0o644)


def libraries_of(program):
    """Name the linker looks for -> file, of all shared libraries a program needs, directly or not."""
    found = dict(re.findall(r"^\s*(\S+) => (/\S+) \(", run("ldd", program), re.MULTILINE))
    lost = re.findall(r"^\s*(\S+) => not found", run("ldd", program), re.MULTILINE)
    if lost:
        raise Missing(f"{program}: shared libraries not found: {', '.join(lost)}")
    return found


def packages_of(paths):
    """Path -> the Debian package that owns it; without those that none owns. Packages know only one of /lib, /usr/lib."""
    real = {path: os.path.realpath(path) for path in paths}
    names = {name for path in real.values() for name in (path, path.removeprefix("/usr"))}
    done = subprocess.run(["dpkg", "-S", *sorted(names)], capture_output=True, text=True, check=False)
    owners = {}
    for line in done.stdout.splitlines():
        package, _, name = line.partition(": ")
        owners[name] = package.split(":")[0]
    found = {path: owners.get(name) or owners.get(name.removeprefix("/usr")) for path, name in real.items()}
    return {path: package for path, package in found.items() if package}


def note_package(tree, name):
    write(tree / "var/lib/dpkg/status.d" / name, run("dpkg-query", "--status", name))
    copyright_file = pathlib.Path("/usr/share/doc") / name / "copyright"
    if copyright_file.exists():
        put(copyright_file, tree / "usr/share/doc" / name / "copyright", 0o644)


def put_libraries(tree, *programs, without=()):
    """The libraries of programs; `without`: names that another tree has already. Returns the names."""
    needed = {}
    for program in programs:
        needed.update(libraries_of(program))
    owners, names = packages_of(needed.values()), set()
    for name, path in sorted(needed.items()):
        package = owners.get(path)
        if package in OF_BASE or name in without:
            continue
        put(os.path.realpath(path), tree / LIBRARIES / name, 0o644)
        names.add(name)
        if package:
            note_package(tree, package)
    return names


def put_program(tree, binary, debug):
    """The program without its debug information, which is kept in a file of its own."""
    target = tree / "usr/local/bin/fairway"
    target.parent.mkdir(parents=True)
    run("objcopy", "--only-keep-debug", binary, debug)
    run("objcopy", "--strip-all", f"--add-gnu-debuglink={debug}", binary, target)
    target.chmod(0o755)


def put_iptables(tree, without):
    folder = pathlib.Path("/usr/sbin")
    programs = sorted(set(IPTABLES.values()))
    for name in programs:
        if not (folder / name).exists():
            raise Missing(f"no {folder / name}: install the Debian package iptables")
        put(folder / name, tree / "usr/sbin" / name, 0o755)
    put_libraries(tree, *(folder / name for name in programs), without=without)
    links = {**IPTABLES, **{name.replace("-nft", ""): target for name, target in IPTABLES.items() if "-nft" in name}}
    for name, target in links.items():
        (tree / "usr/sbin" / name).symlink_to(target)
    for module in sorted(pathlib.Path("/", LIBRARIES, "xtables").glob("*.so")):
        if re.match(r"lib(xt|ipt|ip6t)_", module.name):
            put(module.resolve(), tree / LIBRARIES / "xtables" / module.name, 0o644)
    note_package(tree, "iptables")


def lay_out(context, binary, envoy, echo, debug):
    """Writes the whole context anew. Shapes: libraries/, control-plane/, proxy/ and echo/ are root file systems to lie over
    a base; `envoy` is the binary."""
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir(parents=True)
    names = put_libraries(context / "libraries", binary)
    certificates = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
    if not certificates.exists():
        raise Missing(f"no {certificates}: install the Debian package ca-certificates")
    put(certificates, context / "libraries" / certificates.relative_to("/"), 0o644)
    put_program(context / "control-plane", binary, debug)
    put_iptables(context / "proxy", names)
    put(envoy, context / "envoy", 0o755)
    for file in echo:
        put(file, context / "echo/usr/local/lib/fairway" / file.name, 0o644)
