"""Pages of documentation whose commands are run as written.

A block that begins with ```sh test is run by bash, from the root of the checkout. What it assigns is there for the blocks after it.
Unless an output block follows, it must end with status 0. A block that begins with ```text output, right after it, is what it
shall print: then it is run again and again until it does, as a reader would who looks a second time. In such a block `...`
stands for anything within a line, and a line of it alone for any number of lines.
"""

import dataclasses
import itertools
import pathlib
import re
import subprocess

from processes import Failed, wait_for

SECONDS = 120  # for an output to come about
COMMAND_SECONDS = 400  # for one block


@dataclasses.dataclass
class Step:
    file: str
    line: int
    commands: str
    expected: str | None = None

    def __str__(self):
        return f"{self.file}:{self.line}:\n{self.commands}"


def read(path):
    """The steps of a page."""
    steps, lines = [], iter(enumerate(pathlib.Path(path).read_text(encoding="utf-8").splitlines(), 1))
    between = ""  # text since the last step
    for number, line in lines:
        if not line.startswith("```"):
            between += line.strip()
            continue
        kind = line.removeprefix("```").split()
        body = "\n".join(text for _, text in itertools.takewhile(lambda pair: not pair[1].startswith("```"), lines))
        if kind == ["sh", "test"]:
            steps.append(Step(str(path), number, body))
        elif kind == ["text", "output"]:
            if not steps or between or steps[-1].expected is not None:
                raise Failed(f"{path}:{number}: an output without a command right before it")
            steps[-1].expected = body
        elif set(kind[1:]) & {"test", "output"}:
            raise Failed(f"{path}:{number}: a block is either ```sh test or ```text output")
        between = ""
    return steps


def matches(expected, output):
    """Whether a text is as an output block says."""
    pattern = ""
    for line in expected.strip().splitlines():
        if line.strip() == "...":
            pattern += r"(?:.*\n)*"
        else:
            pattern += r"[^\n]*".join(re.escape(part) for part in line.strip().split("...")) + r"[ \t]*\n"
    text = "".join(f"{line.strip()}\n" for line in output.strip().splitlines())
    return re.fullmatch(pattern, text) is not None


class Shell:
    """Runs blocks one after the other. `run` is subprocess.run in the place where the commands belong."""

    def __init__(self, run, directory, environment, folder):
        self.run, self.directory, self.environment = run, directory, environment
        self.variables = pathlib.Path(folder) / "variables.sh"

    def execute(self, commands):
        """(status, what was printed, of both streams)."""
        kept = f"set -a; [ ! -e {self.variables} ] || . {self.variables}; trap 'export -p >{self.variables}' EXIT; set -eo pipefail\n"
        done = self.run(
            *("bash", "-c", kept + commands),
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        return done.returncode, done.stdout

    def step(self, step):
        if step.expected is None:
            status, output = self.execute(step.commands)
            if status:
                raise Failed(f"{step}\nended with status {status}:\n{output}")
            return
        seen = {}

        def as_written():
            seen["status"], seen["output"] = self.execute(step.commands)
            return matches(step.expected, seen["output"])

        def explain():
            return f"{step}\nto print\n{step.expected}\nit printed (status {seen['status']})\n{seen['output']}"

        wait_for(as_written, SECONDS, explain, pause=0.2)
