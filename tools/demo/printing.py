"""What the demo and the walk-through print: lines, colours for a terminal, and the table of checks."""

import os
import sys


def colour(code, text):
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    return text if plain else f"\x1b[{code}m{text}\x1b[0m"


def say(text=""):
    print(text, flush=True)


class Table:
    COLUMNS = (("step", 4), ("request", 46), ("expected", 32), ("seen", 32), ("ms", 7))

    def __init__(self):
        say("  ".join(f"{name:>{width}}" if name == "ms" else f"{name:<{width}}" for name, width in self.COLUMNS))
        say("  ".join("-" * width for _, width in self.COLUMNS))

    @staticmethod
    def title(number, text):
        say(colour("1", f"{number:<4}  {text}"))

    def row(self, outcome, timed=True):
        """A story.Outcome; `timed` if it shows the effect of a change."""
        seen = f"{'ok: ' if outcome.held else 'NO: '}{outcome.seen}"
        ms = "as was" if timed and outcome.held else "-"
        if outcome.milliseconds is not None:
            ms = f"{outcome.milliseconds:.1f}"
        cells = ("", outcome.probe.name, outcome.probe.expected, seen, ms)
        padded = [
            f"{cell:>{width}}" if name == "ms" else f"{cell[:width]:<{width}}"
            for cell, (name, width) in zip(cells, self.COLUMNS)
        ]
        padded[3] = colour("32" if outcome.held else "31", padded[3])
        say("  ".join(padded).rstrip())
