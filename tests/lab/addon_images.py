"""Images of what the chart of add-ons runs, for a node without a registry: Debian's Prometheus, and Zipkin with Debian's Java. They take the
files from this machine, with the shared libraries that they need, and have nothing else in them."""

import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile

from processes import CACHE, Failed, versions

PROMETHEUS, ZIPKIN = "localhost/prometheus:debian", "localhost/zipkin:jar"
JAVA = pathlib.Path("/usr/lib/jvm/java-17-openjdk-amd64")
LINKER = "/lib64/ld-linux-x86-64.so.2"


def libraries(*programs):
    """The files of shared libraries that programs need, and the linker."""
    found = {LINKER}
    for program in programs:
        done = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
        found |= set(re.findall(r"=> (/\S+) \(", done.stdout))
    return found


def archive(path, name, files, entrypoint, user):
    """Writes a docker-archive of one layer: path in the image -> file here."""
    layer = path.with_suffix(".layer")
    with tarfile.open(layer, "w") as tar:
        for target, source in sorted(files.items()):
            info = tarfile.TarInfo(target.lstrip("/"))
            info.size, info.mode = os.path.getsize(source), 0o755
            with open(source, "rb") as file:
                tar.addfile(info, file)
    with open(layer, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": entrypoint, "User": user, "Env": ["PATH=/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as tar:
        for part, text in (("config.json", json.dumps(config)), ("manifest.json", json.dumps(manifest))):
            info = tarfile.TarInfo(part)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
        tar.add(layer, "layer.tar")
    layer.unlink()
    return path


def prometheus(folder):
    """The archive, or None where there is no Prometheus."""
    program = shutil.which("prometheus")
    if program is None:
        return None
    files = {file: file for file in libraries(program)}
    return archive(folder / "prometheus.tar", PROMETHEUS, {**files, "/bin/prometheus": program}, ["/bin/prometheus"], "65532")


def zipkin(folder, name=ZIPKIN):
    """The archive, or None where there is no Zipkin or no Java. `name`: of the image."""
    jar = CACHE / f"zipkin-{versions().get('ZIPKIN_VERSION', 'none')}" / "zipkin.jar"
    if not jar.exists() or not JAVA.exists():
        return None
    # Its settings are links into /etc.
    own = [pathlib.Path(at) / name for at, _, names in os.walk(JAVA, followlinks=True) for name in names]
    files = {str(file): os.path.realpath(file) for file in own if file.exists() and "/legal/" not in str(file)}
    needs = libraries(JAVA / "bin" / "java", *(file for file in own if file.suffix == ".so"))
    files.update({file: file for file in needs if not file.startswith(str(JAVA))})
    files["/zipkin.jar"] = str(jar)
    # As the image of its makers: options of Java come by JAVA_OPTS, which the chart sets.
    shell = shutil.which("dash")
    if shell is None:
        raise Failed("no dash, which Zipkin's image needs")
    files.update({"/bin/sh": shell, **{file: file for file in libraries(shell)}})
    command = f"exec {JAVA}/bin/java $JAVA_OPTS -jar /zipkin.jar"
    return archive(folder / "zipkin.tar", name, files, ["/bin/sh", "-c", command], "65532")
