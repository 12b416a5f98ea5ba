"""Requests that aim at one rule: they have what it asks for, or something just beside it."""

import ipaddress
import re

from generate import tokens, values
from generate.meshes import certificates
from generate.values import at_edge, inside, matching
from model import mutual_tls, patterns
from world import ANSWERS, ASKED_HEADER, Connection, Request

_HEADER = re.compile(r"request\.headers\[([^\]]+)\]")
# Names of fields and keys -> the attribute of a request.
_ATTRIBUTES = {
    **{name: "identity" for name in ("principals", "user", "names", "source.principal", "source.user")},
    **{name: "token" for name in ("request.auth.principal", "requestPrincipals")},
    **{name: "namespace" for name in ("namespaces", "source.namespace")},
    **{name: "account" for name in ("serviceAccounts", "source.serviceAccount")},
    **{name: "source" for name in ("ipBlocks", "ips", "source.ip")},
    **{name: "remote" for name in ("remoteIpBlocks", "remote.ip")},
    **{name: "port" for name in ("ports", "destination.port")},
    **{name: "sni" for name in ("connection.sni",)},
    **{name: "host" for name in ("hosts",)},
    **{name: "method" for name in ("methods",)},
    **{name: "path" for name in ("paths",)},
}
_PER_CONNECTION = 20  # handshakes are what takes time


def wishes(rng, objects):
    """[(attribute, values, values that must not be)] of a random rule, subject or binding of these objects."""
    policies = [o for o in objects if o["kind"] == "AuthorizationPolicy" and o["spec"].get("rules")]
    roles = [o for o in objects if o["kind"] == "ServiceRole"]
    if policies and (not roles or rng.random() < 0.6):
        rule = rng.choice(rng.choice(policies)["spec"]["rules"])
        found = _pairs(rng.choice(rule["from"])["source"]) if rule.get("from") else []
        found += _pairs(rng.choice(rule["to"])["operation"]) if rule.get("to") else []
        return found + [_wish(w["key"], w.get("values", []), w.get("notValues", [])) for w in rule.get("when", [])]
    if not roles:
        return []
    role = rng.choice(roles)
    rule = rng.choice(role["spec"]["rules"])
    found = _pairs(rule) + [_wish(c["key"], c["values"], []) for c in rule.get("constraints", [])]
    bindings = [
        o
        for o in objects
        if o["kind"] == "ServiceRoleBinding" and o["spec"]["roleRef"]["name"] == role["metadata"]["name"]
    ]
    if bindings:
        subject = rng.choice(rng.choice(bindings)["spec"]["subjects"])
        found += _pairs(subject)
        found += [_wish(key, [value], []) for key, value in subject.get("properties", {}).items()]
    return found


def _wish(key, wanted, unwanted):
    header = _HEADER.fullmatch(key)
    attribute = f"header {header.group(1)}" if header else _ATTRIBUTES.get(key)
    if attribute == "token" and any("/ns/" in text for text in wanted):
        attribute = "identity"  # of old policies without USE_ORIGIN
    return attribute, [str(v) for v in wanted], [str(v) for v in unwanted]


def _pairs(fields):
    result = []
    for name in _ATTRIBUTES:
        negative = "not" + name[0].upper() + name[1:]
        wanted, unwanted = fields.get(name, []), fields.get(negative, [])
        wanted = [wanted] if isinstance(wanted, str) else wanted
        if wanted or unwanted:
            result.append(_wish(name, wanted, unwanted))
    return result


class Aim:
    """Makes the requests to one workload."""

    def __init__(self, rng, mesh, workload):
        self.rng, self.mesh, self.workload = rng, mesh, workload
        self.objects = mesh.objects_for(workload)
        self.modes = {port: self._mode(port) for port in workload.targets}
        self.triggers = list(_triggers(self.objects))
        self.asks = any(o["spec"].get("action") == "CUSTOM" for o in self.objects)
        self.certificates = certificates(mesh.trust_domain)
        self.identities = self.certificates[:-3]

    def _mode(self, port):
        """What an honest client of it does, in the words of mutual TLS."""
        if self.workload.gateway:
            return mutual_tls.STRICT if self.workload.server(port).mode else mutual_tls.DISABLE
        return mutual_tls.mode(self.objects, self.workload, port)

    @property
    def worth(self):
        """How many requests: the more rules, the more there is to ask."""
        own = self.mesh.local.get(self.workload.namespace, [])
        rules = sum(len(o["spec"].get("rules", [])) for o in own)
        return 60 + 50 * min(rules, 4)

    def connections(self, count):
        """Lists of requests, each for one connection, `count` in all."""
        made = 0
        while made < count:
            requests = self._connection()
            made += len(requests)
            yield requests

    def _connection(self):
        wanted = self._draft()
        ports = self.workload.targets
        port = int(wanted["port"]) if wanted.get("port") in map(str, ports) else self.rng.choice(ports)
        http = self.workload.http(port)
        connection = self._connect(port, wanted)
        foreign = connection.tls and (not connection.mesh_alpn or self.workload.gateway)
        seen = http and not (foreign and self.modes[port] != mutual_tls.STRICT)
        if not seen:
            return [Request(connection)]
        first = self._request(connection, wanted)
        return [first] + [self._request(connection, self._draft()) for _ in range(_PER_CONNECTION - 1)]

    def _draft(self):
        """Attribute -> value, for one rule; often one of them is off the mark."""
        draft, rng = {}, self.rng
        for attribute, wanted, unwanted in wishes(rng, self.objects):
            if attribute is None:
                continue
            if wanted and rng.random() < 0.85:
                draft[attribute] = self._value(attribute, rng.choice(wanted), rng.random() < 0.1)
            elif unwanted and rng.random() < 0.5:
                draft[attribute] = self._value(attribute, rng.choice(unwanted), rng.random() < 0.4)
        return draft

    def _value(self, attribute, written, off):
        rng = self.rng
        if attribute in ("source", "remote"):
            try:
                address = inside(rng, written)
                return str(address + rng.choice((-1, 1)) if off else address)
            except ValueError:
                return None
        if attribute in ("identity", "namespace", "account", "port", "token"):
            return written
        if attribute == "path":
            written = re.sub(r"\{\*\*?\}", lambda _: rng.choice(("v1", "v1/items", "", "a/b")), written)
        text = matching(rng, written)
        return at_edge(rng, text) if off else text

    # --- connections -------------------------------------------------------------------------------------------

    def _connect(self, port, wanted):
        rng, mode = self.rng, self.modes[port]
        source = wanted.get("source") or (wanted.get("remote") if self.workload.gateway else None)
        if source is None or not _usable(source):
            source = str(rng.choice(values.SOURCES))
        sni = wanted.get("sni") or rng.choice(values.SNIS + ("", ""))
        needs_identity = any(wanted.get(a) for a in ("identity", "namespace", "account"))
        tls = rng.random() < {"STRICT": 0.87, "PERMISSIVE": 0.85 if needs_identity else 0.5, "DISABLE": 0.04}[mode]
        if not tls:
            return Connection(port, source)
        mesh_alpn = rng.random() < 0.9
        return Connection(port, source, True, mesh_alpn, self._certificate(wanted), _valid_sni(sni))

    def _certificate(self, wanted):
        rng = self.rng
        if rng.random() < 0.06:
            return rng.choice([None, *self.certificates[-3:]])
        return rng.choice(self._fitting(wanted) or self.identities)

    def _fitting(self, wanted):
        if self.rng.random() < 0.2:
            return []
        result = self.identities
        for attribute, segment in (("namespace", 4), ("account", None)):
            if wanted.get(attribute):
                text = wanted[attribute]
                result = [c for c in result if _segment_fits(c.uri, segment, text)]
        if wanted.get("identity"):
            fits = patterns.principal(wanted["identity"], self.mesh.trust_domain)
            result = [c for c in result if fits(c.uri.removeprefix("spiffe://"))]
        return result

    # --- requests ------------------------------------------------------------------------------------------------

    def _request(self, connection, wanted):
        rng = self.rng
        method = wanted.get("method", "")
        if method not in values.METHODS:
            near = [m for m in values.METHODS if method and (m in method or method.strip("x/y") in m)]
            method = rng.choice(near or values.METHODS)
        path = _valid_path(wanted.get("path") or self._triggering() or rng.choice(values.PATHS))
        if rng.random() < 0.3:
            path = self._bent(path)
        host = _valid_host(wanted.get("host") or rng.choice(values.HOSTS))
        if rng.random() < 0.15:
            host = rng.choice((host.swapcase(), host + ":8080", host + ":8x", "x" + host, host + "x"))
        headers = [(key.split(" ")[1], value) for key, value in wanted.items() if key.startswith("header ")]
        headers = [(name, value.strip()) for name, value in headers]
        if rng.random() < 0.25:
            headers.append((rng.choice(values.HEADER_NAMES), rng.choice(values.HEADER_VALUES + ("",))))
        # user-agent is no list: Envoy joins what repeats it, and nobody says how to compare that.
        agents = [h for h in headers if h[0] == "user-agent"]
        headers = [h for h in headers if h[0] != "user-agent"] + agents[:1]
        if headers and rng.random() < 0.1:
            headers = [(name.swapcase(), value) for name, value in headers]
        if wanted.get("remote"):
            before = rng.choice(("", "", "198.51.100.7, ", "nonsense, "))
            headers.append(("x-forwarded-for", before + wanted["remote"]))
        elif rng.random() < 0.1:
            headers.append(("x-forwarded-for", rng.choice(values.REMOTES + ("nonsense", "203.0.113.9, junk"))))
        if rng.random() < (0.85 if self.asks else 0.02):
            headers.append((ASKED_HEADER, rng.choice((*ANSWERS, "allow", "allow", "allow"))))
        return Request(connection, method, path, host, tuple(headers), self._tokens(path, wanted))

    def _triggering(self):
        """A path that origins of old policies look at, now and then."""
        if not self.triggers or self.rng.random() < 0.5:
            return None
        form, text = self.rng.choice(self.triggers)
        return {"exact": text, "prefix": text + self.rng.choice(("", "x")), "suffix": "/x" + text}[form]

    def _tokens(self, path, wanted):
        found = tokens.some(self.rng, self.objects)
        if "#" in path:  # what follows a fragment is part of it
            found = [token for token in found if token.place not in ("access_token", "token")]
        if found and wanted.get("token"):
            fits = patterns.text(wanted["token"], patterns.not_empty)
            people = [(i, s) for i in tokens.ISSUERS for s in tokens.SUBJECTS if fits(f"{i}/{s}")]
            if people and wanted["token"] != "*":
                issuer, subject = self.rng.choice(people)
                found[0] = found[0]._replace(issuer=issuer, subject=subject)
        return tuple(found)

    def _bent(self, path):
        """The same path in another form, or one close to it."""
        rng = self.rng
        path = path if len(path) > 1 else "/a"
        cut = rng.randrange(1, len(path))
        letter = path[cut]
        return rng.choice(
            (
                path + "?x=1",
                path + "?x=/admin",
                path + "/",
                path + "x",
                path[:-1] or "/",
                "/" + path,
                "/x/.." + path,
                "/." + path,
                path + "/..",
                path + "/.",
                "/x/%2e%2E" + path,
                "/.." + path,
                path[:cut] + f"%{ord(letter):02x}" + path[cut + 1 :],
                path[:1] + path[1:].replace("/", "%2f"),
                path[:1] + path[1:].replace("/", "//"),
                path[:1] + path[1:].replace("/", "\\"),
                path[:1] + path[1:].replace("/", "%5C"),
                path[:1] + path[1:].swapcase(),
                path + "#f",
                path + "%20x",
            )
        )


def _triggers(objects):
    """(exact, prefix or suffix, path) of all trigger rules."""
    rules = [rule for o in objects for jwt in tokens.jwt_rules(o) for rule in jwt.get("triggerRules", [])]
    for rule in rules:
        for match in rule.get("excludedPaths", []) + rule.get("includedPaths", []):
            yield from match.items()


def _usable(source):
    """Whether this machine can send from it."""
    address = ipaddress.ip_address(source)
    if address.version == 6:
        return False
    return source.startswith("127.") and source != "127.255.255.255" or (
        source.startswith("10.30.") and not source.endswith((".0.0", ".255.255"))
    )


def _segment_fits(uri, segment, text):
    parts = uri.split("/")
    if segment:
        return patterns.namespace(text)(parts[segment])
    return f"{parts[4]}/{parts[6]}" == text or parts[6] == text


def _valid_sni(text):
    text = re.sub("[^A-Za-z0-9._-]", "x", text).strip(".").lower()
    return text if ".." not in text else "api"


def _valid_host(text):
    return re.sub("[^A-Za-z0-9.:-]", "x", text) or "api"


def _valid_path(text):
    return "/" + re.sub("[^A-Za-z0-9/._~%-]", "x", text).lstrip("/")
