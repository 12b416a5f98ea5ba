"""Tests on a real cluster. A run of pytest has one lab, started when a test first wants it and ended after the last;
tests keep apart by namespaces. With LAB=name a lab that runs already is used (`make lab-up`), and left as it is.

After a failure the logs of the cluster's programs are in build/cluster/<lab's name>/.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lab"))

from cluster import Cluster  # noqa: E402  pylint: disable=wrong-import-position
from mesh import Mesh  # noqa: E402  pylint: disable=wrong-import-position
from processes import Failed, binary  # noqa: E402  pylint: disable=wrong-import-position


def pytest_configure(config):  # pylint: disable=unused-argument
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what runs, as Ctrl-C does


def say(text):
    print(f"  {text}", flush=True)


@pytest.fixture(scope="session")
def archives():
    """The images of the program under test, built if they are not."""
    build = [sys.executable, ROOT / "tools" / "images" / "build.py", "--binary", binary()]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"building the images: {done.stderr}")
    return {path.stem: path for path in (ROOT / "build" / "images").glob("*.tar")}


@pytest.fixture(scope="session")
def cluster(archives, request):
    """A cluster that knows the images fairway, fairway-proxy and fairway-echo."""
    name = os.environ.get("LAB")
    if name:
        running = Cluster(name)
        for archive in archives.values():
            running.load_image(archive)
        yield running
        return
    lab = Cluster(f"test-{os.getpid()}", say=say)
    with lab:
        yield lab
        if request.session.testsfailed:
            kept = ROOT / "build" / "cluster" / lab.name
            shutil.copytree(lab.directory / "logs", kept, dirs_exist_ok=True)
            say(f"logs are in {kept}")


@pytest.fixture
def namespace(cluster, request):
    """A namespace for one test, deleted after it."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_"))[:50].strip("-")
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def mesh(cluster):
    """The cluster with Fairway and an ingress gateway installed by their charts."""
    say("installing Fairway and a gateway")
    installed = Mesh(cluster).install()
    installed.install_gateway(http2=31380, https=31390)
    return installed


@pytest.fixture
def restore_settings(mesh):
    """For tests that install with other values: the usual ones come back."""
    yield
    mesh.install()
