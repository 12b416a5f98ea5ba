"""Everything runs in a network of its own, as the end-to-end tests do, whose harness this uses."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

from harness import network  # noqa: E402  pylint: disable=wrong-import-position


def pytest_configure(config):  # pylint: disable=unused-argument
    network.isolate()
