"""Each test gets a lab: a folder and the processes in it. They are ended after the test. If the test failed, the logs
and other texts of the folder are kept in build/e2e/<file>/<test>/."""

import pathlib
import re
import shutil
import signal
import tempfile

import pytest

from harness import ROOT, network
from harness.lab import Lab


def pytest_configure(config):  # pylint: disable=unused-argument
    network.isolate()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what runs, as Ctrl-C does


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call":
        item.failed = report.failed


def keep(source, target):
    """Copies the regular files of a folder that are not too big to read."""
    for path in source.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 10_000_000 and "data" not in path.parts:
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def lab_of(request):
    # A short path: a unix socket's has at most 107 bytes.
    directory = pathlib.Path(tempfile.mkdtemp(prefix="fairway-e2e-"))
    kept = ROOT / "build" / "e2e" / request.module.__name__ / re.sub(r"\W+", "-", request.node.name)
    shutil.rmtree(kept, ignore_errors=True)
    print(f"\n{request.node.name}:", flush=True)
    lab = Lab(directory)
    try:
        yield lab
    finally:
        failed = getattr(request.node, "failed", True)
        if failed:
            print(lab.logs(), flush=True)
        lab.close()
        if failed:
            keep(directory, kept)
            print(f"  logs are in {kept}", flush=True)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(name="lab")
def lab_of_a_test(request):
    yield from lab_of(request)


@pytest.fixture(scope="module")
def module_lab(request):
    """One lab for all tests of a file."""
    yield from lab_of(request)
