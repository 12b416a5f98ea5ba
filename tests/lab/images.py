"""Images for a lab's node: those of one program, made here, and archives that are imported into its containerd."""

import hashlib
import io
import json
import pathlib
import subprocess
import tarfile
import tempfile

from components import CONTAINERD_SOCKET, PAUSE_IMAGE
from processes import CACHE, ROOT, Failed

SOURCE = pathlib.Path(__file__).with_name("pause.c")
BUILT = ROOT / "build" / "images"


def pause_archive():
    """The pause image as a docker-archive: one static program and nothing else. Cached by its source."""
    path = CACHE / f"pause-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]}" / "pause.tar"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            program = pathlib.Path(folder) / "pause"
            compiler = ["cc", "-static", "-Os", "-s", "-o", str(program), str(SOURCE)]
            done = subprocess.run(compiler, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Failed(f"{' '.join(compiler)}: {done.stderr}")
            aside = pathlib.Path(folder) / "pause.tar"
            aside.write_bytes(archive([PAUSE_IMAGE], {"pause": program.read_bytes()}, ["/pause"]))
            aside.rename(path)
    return path


def _tar(files):
    """name -> bytes, or the target of a link, as a tar archive that depends on nothing else."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
            else:
                info.size, info.mode = len(content), 0o755
                tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def archive(names, files, entrypoint, user=""):
    """An image of these files and nothing else, as a docker-archive that knows it by several names."""
    layer = _tar(files)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": entrypoint, "User": user, "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [*names], "Layers": ["layer.tar"]}]
    parts = {"config.json": json.dumps(config), "manifest.json": json.dumps(manifest)}
    return _tar({"layer.tar": layer, **{key: text.encode() for key, text in parts.items()}})


def built_archives():
    """What tools/images/build.py made last: archives to import, none if it never ran."""
    return sorted(path.resolve() for path in BUILT.glob("*.tar"))


def load(space, path):
    """Imports an archive (docker save, podman save) into the node; pods then find it without a registry."""
    argv = ["ctr", "--address", CONTAINERD_SOCKET, "--namespace", "k8s.io", "images", "import", path]
    done = space.run(argv, whole=True, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"importing {path}: {done.stderr or done.stdout}")
