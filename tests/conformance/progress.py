"""Follows the suite's output (`go test -v`): which test runs, how each ended, and why one failed."""

import re

ROOT = "TestConformance"
BEGIN = re.compile(rf"=== (?:RUN|NAME|CONT)\s+{ROOT}(?:/([^/\s]+))?")
PLAN = re.compile(r"plan: (\d+) tests, (\d+) not for these features")
RESULT = re.compile(r"result: (\S+) (passed|failed) in ([\d.]+) s")
# At the very end, of all: what removing a test's objects led to is known there alone.
END = re.compile(rf"\s*--- (PASS|FAIL|SKIP): {ROOT}/([^/\s]+) \(([\d.]+)s\)$")
# Lines of the log: "    file.go:12: 2026-01-02T03:04:05.678Z: text".
LINE = re.compile(r"\s*(\S+\.go:\d+): (?:\d{4}-\d\d-\d\dT\S+: )?(.*)")
EXPIRED = "context deadline exceeded"
# What a poll saw last is why it timed out; how long it had waited by then says nothing.
SEEN = re.compile(r"(.*not ready yet: .*?)(?: \(after \S+\))?$")


class Progress:
    """`say` is told of every test that ended; `keep` is given the name and the lines of each that failed."""

    def __init__(self, say, keep):
        self.say, self.keep = say, keep
        self.passed, self.failed = [], {}
        self.planned = None
        self._lines, self._current = {}, ""

    def feed(self, line):
        line = line.rstrip("\n")
        if begun := BEGIN.match(line):
            self._current = begun[1] or ""
        elif ended := END.match(line):
            self._ended(ended[2], ended[1], ended[3])
        elif result := RESULT.search(line):
            self._ended(result[1], "PASS" if result[2] == "passed" else "FAIL", result[3])
        else:
            if not self._current and (plan := PLAN.search(line)):
                self.planned = int(plan[1])
                self.say(f"{plan[1]} tests; {plan[2]} are of features that are not claimed")
            self._lines.setdefault(self._current, []).append(line)

    def _ended(self, test, verdict, seconds):
        known = test in self.passed or test in self.failed
        if verdict == "SKIP" or test in self.failed or (known and verdict == "PASS"):
            return
        if verdict == "PASS":
            self.passed.append(test)
        else:
            self.passed = [other for other in self.passed if other != test]
            self.failed[test] = reason(self._lines.get(test, []))
            self.keep(test, self._lines.get(test, []))
        count = f"[{len(self.passed) + len(self.failed)}/{self.planned}]"
        self.say(f"{count} {test}: {'passed' if verdict == 'PASS' else 'FAILED'} ({seconds} s)")
        for line in self.failed.get(test, []):
            self.say(f"      {line}")

    @property
    def rest(self):
        """What was logged outside of any test: the set-up."""
        return self._lines.get("", [])


def reason(lines, most=12):
    """The few lines of a test's log that tell why it failed: what its assertions say and what polls that timed out saw last;
    without either, what it logged last."""
    found, inside, seen, last = [], False, "", ""
    for line in lines:
        text = line.strip()
        if logged := LINE.match(line):
            inside = False
            last = logged[2] if logged[2] and EXPIRED not in logged[2] else last
            seen = poll[1] if (poll := SEEN.match(logged[2])) else seen
            if seen and logged[2].startswith("timeout while waiting"):
                found.append(seen)
        elif text.startswith(("Error:", "Messages:")):
            inside = True
            found.append(text.partition(":")[2].strip())
        elif text.startswith(("Error Trace:", "Test:")):
            inside = False
        elif inside and text:
            found += [text, last] if EXPIRED in text and last else [text]
    if not found:
        logged = [match for match in map(LINE.match, lines) if match and match[2] and not match[1].startswith("apply.go:")]
        found = [match[2] for match in logged][-3:]
    unique = list(dict.fromkeys(found))
    return unique[:most]
