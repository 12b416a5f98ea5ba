"""Paths as policies see them: without the query, and normalised.

All paths get Istio's option BASE (RFC 3986: escaped letters, digits and -._~ are unescaped, dot segments are removed, a
backslash is a slash). Where a rule of the port looks at the path, slashes are merged afterwards, and a path with an
escaped slash or backslash is refused, as it could mean two things. A fragment is always refused (CVE-2021-39156)."""

import re
import string

_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
_UNRESERVED = set(string.ascii_letters + string.digits + "-._~")
_SLASHES = re.compile("//+")
_ESCAPED_SLASH = re.compile("%2f|%5c", re.IGNORECASE)


def normalise(target, strict):
    """The path of a request target; None: the request is refused."""
    if "#" in target:
        return None
    path = target.split("?", 1)[0]
    if strict and _ESCAPED_SLASH.search(path):
        return None
    path = _ESCAPE.sub(_unescape, path).replace("\\", "/")
    path = _without_dots(path)
    return _SLASHES.sub("/", path) if strict else path


def _unescape(match):
    character = chr(int(match.group(1), 16))
    return character if character in _UNRESERVED else match.group(0)


def _without_dots(path):
    segments = path.split("/")[1:]
    kept = []
    for segment in segments:
        if segment == "..":
            kept[-1:] = []
        elif segment != ".":
            kept.append(segment)
    # "/a/." and "/a/.." name folders: they end with a slash.
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def template(pattern):
    """A path with {*} (one segment, not empty) or {**} (all the rest) as a predicate; None if it has neither."""
    pieces = re.split(r"(\{\*\*\}|\{\*\})", pattern)
    if len(pieces) == 1:
        return None
    wild = {"{**}": ".*", "{*}": "[^/]+"}
    expression = re.compile("".join(wild.get(piece, re.escape(piece)) for piece in pieces), re.DOTALL)
    return lambda value: value is not None and expression.fullmatch(value) is not None
