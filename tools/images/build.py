"""Builds the container images as archives, build/images/<image>.tar.

usage: build.py [--binary FILE] [--envoy FILE] [--tag TAG] [--engine podman] [IMAGE ...]

An archive (docker-archive: `podman load`, `docker load`, `ctr images import`, `make lab-load`) is kept by the hash of all it
is made of, so nothing is built twice. Bases are made by mmdebstrap from Debian's packages; --base and --echo-base take
others. Debug information of the program stays in build/images/fairway.debug.
"""

import argparse
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "demo"))

# pylint: disable=wrong-import-position
import stage  # noqa: E402
from processes import CACHE, Failed, binary, envoy_binary  # noqa: E402

IMAGES = ("fairway", "fairway-proxy", "fairway-echo")
OUT = ROOT / "build" / "images"
SUITE = "bookworm"
# Package sets of the bases. Extracted, not installed: there is no package manager and no shell in `base`.
BASES = {
    "fairway-base": "base-files libc6 netbase",
    "fairway-echo-base": "base-files libc6 netbase dash coreutils curl python3-minimal libpython3.11-stdlib ca-certificates",
}
NOT_NEEDED = ("usr/share/doc/*", "usr/share/man/*", "usr/share/info/*", "usr/share/locale/*", "usr/share/lintian/*", "usr/lib/x86_64-linux-gnu/gconv/*")
USERS = "".join(
    f"{name}:x:{number}:{number}:{name}:/:/usr/sbin/nologin\\n" for name, number in (("root", 0), ("fairway", 1337), ("nonroot", 65532))
)
GROUPS = "root:x:0:\\nfairway:x:1337:\\nnonroot:x:65532:\\n"
# Shell lines for mmdebstrap, run when all packages are extracted; $1 is the root file system.
HOOKS = [
    # for scanners of images
    'mkdir -p "$1/var/lib/dpkg/status.d"; for deb in "$1"/var/cache/apt/archives/*.deb; do '
    'dpkg-deb --field "$deb" >"$1/var/lib/dpkg/status.d/$(dpkg-deb --field "$deb" Package)"; done',
    f"printf '{USERS}' >\"$1/etc/passwd\"; printf '{GROUPS}' >\"$1/etc/group\"",
    'mkdir -p "$1/etc/ssl/certs" && cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"',
]

# What extraction leaves and an image does not need; the list of packages (status.d) stays.
LEFT_OUT = re.compile(
    r"(dev|tmp|var/cache|var/log|var/lib/apt|var/lib/dpkg(?!/status\.d)|etc/apt|etc/dpkg|usr/share/python3)/.+"
    r"|(boot|media|mnt|srv|var/backups|etc/apt|etc/dpkg|etc/fstab|etc/hostname|etc/resolv\.conf)(/.*)?"
)


def say(text):
    print(f"[images] {text}", file=sys.stderr, flush=True)


def short_hash(*parts):
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def file_hash(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def tree_hash(folder):
    """Of names, modes, links and contents."""
    lines = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_symlink():
            lines.append(f"{name} -> {os.readlink(path)}")
        elif path.is_file():
            lines.append(f"{name} {path.stat().st_mode:o} {file_hash(path)}")
    return short_hash(*lines)


def call(argv):
    done = subprocess.run([*map(str, argv)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(map(str, argv))}: status {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def filter_archive(source, target):
    """Copies a tar archive without what LEFT_OUT names, and with no times in it."""
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for info in old:
            if not LEFT_OUT.fullmatch(info.name.removeprefix("./")):
                info.mtime = 0
                new.addfile(info, old.extractfile(info) if info.isfile() else None)


def base(name):
    """The archive of a base's root file system, made once."""
    packages = BASES[name].split()
    path = CACHE / "images" / f"{name}-{short_hash(SUITE, *packages, *HOOKS, *NOT_NEEDED, LEFT_OUT.pattern)}.tar"
    if path.exists():
        return path
    if not shutil.which("mmdebstrap"):
        raise Failed(f"no mmdebstrap to make {name}: run `make setup`, or name a base image (--base, --echo-base)")
    start = time.monotonic()
    say(f"{name}: {len(packages)} Debian packages and what they need, by mmdebstrap ...")
    path.parent.mkdir(parents=True, exist_ok=True)
    argv = ["mmdebstrap", "--quiet", "--variant=extract", f"--include={','.join(packages)}"]
    argv += [f"--dpkgopt=path-exclude=/{pattern}" for pattern in NOT_NEEDED]
    argv += ["--dpkgopt=path-include=/usr/share/doc/*/copyright", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"]
    argv += [f"--extract-hook={hook}" for hook in HOOKS]
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        everything, kept = (pathlib.Path(folder) / f"{part}.tar" for part in ("everything", "kept"))
        call([*argv, SUITE, everything])
        filter_archive(everything, kept)
        kept.rename(path)
    say(f"{name}: {path.stat().st_size / 1e6:.1f} MB in {time.monotonic() - start:.0f} s")
    return path


class Builder:
    def __init__(self, options):
        self.options, self.engine = options, options.engine
        self.context = OUT / "context"

    def base_image(self, name, given):
        """The name of an image to start from, and what stands for its content in hashes."""
        if given:
            return given, given
        archive = base(name)
        digest = file_hash(archive)
        image = f"localhost/{name}:{digest[:12]}"
        return image, digest

    def import_base(self, name, image):
        if not image.startswith(f"localhost/{name}:"):
            return  # somebody else's, the engine finds it
        if subprocess.run([self.engine, "image", "inspect", image], capture_output=True, check=False).returncode:
            call([self.engine, "import", base(name), image])

    def build(self, image):
        """Makes one image's archive, if it is not in the cache; returns the archive and whether it was made."""
        name = "fairway-echo-base" if image == "fairway-echo" else "fairway-base"
        argument = "ECHO_BASE" if image == "fairway-echo" else "BASE"
        start, digest = self.base_image(name, self.options.echo_base if argument == "ECHO_BASE" else self.options.base)
        tag = f"localhost/{image}:{self.options.tag}"
        parts = [file_hash(ROOT / "Containerfile"), digest, tag]
        folders = ["echo"] if image == "fairway-echo" else ["libraries", "control-plane"]
        parts += [tree_hash(self.context / f) for f in folders]
        if image == "fairway-proxy":
            parts += [tree_hash(self.context / "proxy"), file_hash(self.context / "envoy")]
        archive = CACHE / "images" / f"{image}-{short_hash(*parts)}.tar"
        made = not archive.exists()
        if made:
            self.import_base(name, start)
            argv = [self.engine, "build", "--file", ROOT / "Containerfile", "--target", image, "--tag", tag]
            argv += ["--build-arg", f"{argument}={start}"]
            if self.engine != "docker":
                argv += ["--timestamp", "0", "--isolation", "chroot", "--format", "docker"]
            call([*argv, self.context])
            aside = archive.with_suffix(".tmp.tar")
            aside.unlink(missing_ok=True)
            form = [] if self.engine == "docker" else ["--format", "docker-archive"]
            call([self.engine, "save", *form, "--output", aside, tag])
            aside.rename(archive)
        os.utime(archive)  # the cache forgets what was not used for long
        place(archive, OUT / f"{image}.tar")
        return archive, made


def place(archive, target):
    """The same file under a second name, so that it stays when the cache forgets it; where that cannot be, a copy."""
    target.unlink(missing_ok=True)
    try:
        os.link(archive, target)
    except OSError:
        shutil.copyfile(archive, target)


def inputs(options, program, envoy, echo):
    """Stands for all that the images are made of, as far as a glance shows: files by size and time of change."""
    tools = [ROOT / "Containerfile", *sorted(pathlib.Path(__file__).parent.glob("*.py"))]
    seen = [(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in (program, envoy, *echo, *tools)]
    return short_hash(seen, options.tag, options.base, options.echo_base, options.engine, options.images)


def forget_old(image, keep=4):
    """Archives of earlier builds, of which the cache keeps a few."""
    found = sorted((CACHE / "images").glob(f"{image}-[0-9a-f]*.tar"), key=lambda p: p.stat().st_mtime)
    own = [p for p in found if re.fullmatch(rf"{image}-[0-9a-f]{{16}}\.tar", p.name)]
    for path in own[:-keep]:
        path.unlink()


def main():
    parser = argparse.ArgumentParser(usage=__doc__.partition("usage:")[2].partition("\n")[0].strip())
    parser.add_argument("--binary", type=pathlib.Path)
    parser.add_argument("--envoy", type=pathlib.Path)
    parser.add_argument("--tag", default="0.1.0")
    parser.add_argument("--base")
    parser.add_argument("--echo-base")
    parser.add_argument("--engine", default=shutil.which("podman") and "podman" or "docker")
    parser.add_argument("images", nargs="*", metavar="IMAGE", default=[])
    options = parser.parse_args()
    unknown = set(options.images) - set(IMAGES)
    if unknown:
        parser.error(f"no image {', '.join(sorted(unknown))}; there are {', '.join(IMAGES)}")
    begin = time.monotonic()
    echo = [ROOT / "tools" / "demo" / name for name in ("echo.py", "echo_pod.py")]
    program = options.binary or pathlib.Path(binary())
    envoy = options.envoy or pathlib.Path(envoy_binary()).resolve()
    wanted, stamp = options.images or IMAGES, OUT / "stamp"
    glance = inputs(options, program, envoy, echo)
    made_already = stamp.exists() and stamp.read_text(encoding="ascii") == glance
    if made_already and all((OUT / f"{image}.tar").exists() for image in wanted):
        say("nothing to do: all is as it was")
        return
    OUT.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    builder = Builder(options)
    # One build at a time: names of images are the machine's.
    lock = open(CACHE / "images.lock", "w", encoding="ascii")  # pylint: disable=consider-using-with
    fcntl.flock(lock, fcntl.LOCK_EX)
    stage.lay_out(builder.context, program, envoy, echo, OUT / "fairway.debug")
    for image in wanted:
        start = time.monotonic()
        archive, made = builder.build(image)
        state = f"built in {time.monotonic() - start:.1f} s" if made else "unchanged"
        say(f"localhost/{image}:{options.tag}  {archive.stat().st_size / 1e6:.1f} MB  {state}")
        forget_old(image)
    stamp.write_text(glance, encoding="ascii")
    say(f"archives are in {OUT} ({time.monotonic() - begin:.1f} s)")


if __name__ == "__main__":
    try:
        main()
    except (Failed, stage.Missing, OSError) as problem:
        print(f"images: {problem}", file=sys.stderr)
        sys.exit(1)
