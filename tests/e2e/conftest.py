"""Each test gets a lab: a folder and the processes in it. They are ended after the test; the folder is kept if the
test failed."""

import pathlib
import re
import shutil

import pytest

from harness import ROOT, network
from harness.lab import Lab


def pytest_configure(config):  # pylint: disable=unused-argument
    network.isolate()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call":
        item.failed = report.failed


@pytest.fixture
def lab(request):
    name = re.sub(r"\W+", "-", request.node.name)
    directory = pathlib.Path(ROOT / "build" / "e2e" / request.module.__name__ / name)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    print(f"\n{request.node.name}:", flush=True)
    lab = Lab(directory)
    try:
        yield lab
    finally:
        if getattr(request.node, "failed", True):
            print(lab.logs(), flush=True)
        lab.close()
        if not getattr(request.node, "failed", True):
            shutil.rmtree(directory, ignore_errors=True)
