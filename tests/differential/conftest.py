"""The model and the rounds are modules of this folder, the processes those of the end-to-end tests. What starts
programs runs in processes with a network of their own (campaign.enter), not in this one."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
