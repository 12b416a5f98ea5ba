"""Prometheus' text format, read as a scraper reads it: what it would refuse is an error here."""

import re

_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')
_ESCAPE = re.compile(r"\\(.)")


class Page(dict):
    """Metric -> list of (labels, value); `types`: metric -> type."""

    def __init__(self, text):
        super().__init__()
        self.types, seen = {}, set()
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                if name in self.types:
                    raise ValueError(f"second TYPE of {name}")
                self.types[name] = kind
            if not line or line.startswith("#"):
                continue
            match = _SAMPLE.match(line)
            if not match:
                raise ValueError(f"no sample: {line}")
            labels, rest = {}, match.group(2) or ""
            while rest:
                label = _LABEL.match(rest)
                if not label or label.group(1) in labels:
                    raise ValueError(f"bad labels: {line}")
                labels[label.group(1)] = _ESCAPE.sub(lambda m: "\n" if m.group(1) == "n" else m.group(1), label.group(2))
                rest = rest[label.end():]
            key = (match.group(1), tuple(sorted(labels.items())))
            if key in seen:
                raise ValueError(f"the same sample twice: {line}")
            seen.add(key)
            self.setdefault(match.group(1), []).append((labels, float(match.group(3))))

    def find(self, name, **labels):
        """The samples that have these labels."""
        return [(l, v) for l, v in self.get(name, []) if labels.items() <= l.items()]

    def sum(self, name, **labels):
        return sum(value for _, value in self.find(name, **labels))

    def one(self, name, **labels):
        """The only sample with these labels."""
        found = self.find(name, **labels)
        if len(found) != 1:
            raise AssertionError(f"{len(found)} samples {name} {labels}: {found}")
        return found[0]
