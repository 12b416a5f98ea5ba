"""Follows the suite's output (`go test -v`): which test runs, how each ended, and why one failed."""

import re

ROOT = "TestConformance"
BEGIN = re.compile(rf"=== (?:RUN|NAME|CONT)\s+{ROOT}(?:/([^/\s]+))?")
END = re.compile(rf"\s*--- (PASS|FAIL|SKIP): {ROOT}/([^/\s]+) \(([\d.]+)s\)$")
PLAN = re.compile(r"plan: (\d+) tests, (\d+) not for these features")
# Lines of the log: "    file.go:12: 2026-01-02T03:04:05.678Z: text".
LINE = re.compile(r"\s*(\S+\.go:\d+): (?:\d{4}-\d\d-\d\dT\S+: )?(.*)")


class Progress:
    """`say` is told of every test that ended; `keep` is given the name and the lines of each that failed."""

    def __init__(self, say, keep):
        self.say, self.keep = say, keep
        self.passed, self.failed, self.seconds = [], {}, {}
        self.planned = None
        self._lines, self._current = {}, ""

    def feed(self, line):
        line = line.rstrip("\n")
        if begun := BEGIN.match(line):
            self._current = begun[1] or ""
        elif ended := END.match(line):
            self._ended(*ended.groups())
        else:
            if not self._current and (plan := PLAN.search(line)):
                self.planned = int(plan[1])
                self.say(f"{plan[1]} tests; {plan[2]} are of features that are not claimed")
            self._lines.setdefault(self._current, []).append(line)

    def _ended(self, verdict, test, seconds):
        lines = self._lines.pop(test, [])
        if verdict == "SKIP":
            return
        self.seconds[test] = float(seconds)
        if verdict == "PASS":
            self.passed.append(test)
        else:
            self.failed[test] = reason(lines)
            self.keep(test, lines)
        done = len(self.passed) + len(self.failed)
        count = f"[{done}/{self.planned}]" if self.planned else ""
        self.say(f"{count} {test}: {'passed' if verdict == 'PASS' else 'FAILED'} ({float(seconds):.1f} s)")
        for line in self.failed.get(test, []):
            self.say(f"      {line}")

    @property
    def rest(self):
        """What was logged outside of any test: the set-up."""
        return self._lines.get("", [])


def reason(lines, most=12):
    """The few lines of a test's log that tell why it failed: what its assertions say, else what it logged last."""
    found, inside = [], False
    for line in lines:
        text = line.strip()
        if text.startswith(("Error:", "Messages:")):
            inside = True
            found.append(text.partition(":")[2].strip())
        elif text.startswith(("Error Trace:", "Test:")) or LINE.match(line):
            inside = False
        elif inside and text:
            found.append(text)
    if not found:
        found = [match[2] for match in map(LINE.match, lines) if match and match[2]][-3:]
    unique = list(dict.fromkeys(found))
    return unique[:most]
