"""The model and the rounds are modules of this folder, the processes those of the end-to-end tests. What starts
programs runs in processes with a network of their own (campaign.enter), not in this one."""

import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]


@pytest.fixture(scope="session", autouse=True)
def programs():
    """Said here: a pool of processes replaces one that ends for want of a program, and waits for its answer."""
    # pylint: disable=import-outside-toplevel
    import harness  # noqa: F401
    from processes import binary, envoy_binary

    return binary(), envoy_binary()
