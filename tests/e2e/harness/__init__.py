"""What the end-to-end tests are made of. Everything runs in a network of its own (network.py)."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
# The demo's processes, workloads and story serve the tests too.
sys.path.insert(0, str(ROOT / "tools" / "demo"))
