"""Access logs at real Envoys: files in text and JSON, and peers that decode what comes over the wire - OTLP, Envoy's access log
service, Fluentd's forward protocol. And the levels of the programs' own logs."""

import contextlib
import json
import pathlib
import secrets
import socket
import ssl
import subprocess

import pytest
import workloads as onap
import yaml
from harness import collectors
from processes import binary, envoy_binary, request, wait_for

MSB, VIO = "msb-iag", "multicloud-vio"
OTEL, ALS, ALS_TCP, FLUENTD = ('"log_name": "requests"', '"log_name": "http"', '"log_name": "tcp"', '"tag": "mesh.access"')  # in a dump


def hello():
    """A client's first bytes of TLS; Envoy takes no less for it."""
    sent, context = ssl.MemoryBIO(), ssl.create_default_context()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=VIO).do_handshake()
    return sent.read()


def manifest(name, logging, namespace="istio-system", selector=None):
    spec = {"accessLogging": logging, **({"selector": {"matchLabels": selector}} if selector else {})}
    return json.dumps({"apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry",
                       "metadata": {"name": name, "namespace": namespace}, "spec": spec})


def to(*providers, **more):
    return {"providers": [{"name": provider} for provider in providers], **more}


def where(kind, port):
    return {"service": collectors.host(kind), "port": port}


class Mesh:
    def __init__(self, lab):
        self.lab = lab
        self.peers = [collectors.Otlp(), collectors.AccessLogService(), collectors.Fluentd()]
        self.otel, self.als, self.fluentd = self.peers
        self.text, self.json = lab.directory / "text.log", lab.directory / "json.log"
        lab.config.mkdir()
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": collectors.NAMESPACE}}
        lab.write("collectors.yaml", yaml.safe_dump_all([namespace, *(o for peer in self.peers for o in peer.objects)]))
        mesh = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"},
                "data": {"mesh": json.dumps({"extensionProviders": self.providers()})}}
        lab.write("mesh.json", json.dumps(mesh))
        lab.folder_control_plane()
        lab.start_mesh((MSB, VIO))
        self.vio = lab.world.vio
        self.out = f"{lab.workloads[MSB].outbound}:{onap.http_port(lab.services[VIO])}"  # MSB's application asks VIO here

    def providers(self):
        return [
            {"name": "text", "envoyFileAccessLog": {"path": str(self.text), "logFormat": {
                "text": "%REQ(:METHOD)% %REQ_WITHOUT_QUERY(:PATH)% %RESPONSE_CODE% %REQ(X-MARK)% %UPSTREAM_CLUSTER%\n"}}},
            {"name": "json", "envoyFileAccessLog": {"path": str(self.json), "logFormat": {"labels": {}}}},
            {"name": "otel", "envoyOtelAls": {**where("otel", collectors.Otlp.GRPC), "logName": "requests", "logFormat": {
                "text": "%RESPONSE_CODE% %REQ(X-MARK)%", "labels": {"path": "%REQ(:PATH)%", "of": {"the": "%PROTOCOL%"}}}}},
            {"name": "als", "envoyHttpAls": {**where("als", collectors.AccessLogService.PORT), "logName": "http",
                                             "additionalRequestHeadersToLog": ["x-mark"]}},
            {"name": "als-tcp", "envoyTcpAls": {**where("als", collectors.AccessLogService.PORT), "logName": "tcp"}},
            {"name": "fluentd", "fluentd": {**where("fluentd", collectors.Fluentd.PORT), "tag": "mesh.access", "logFormat": {
                "labels": {"mark": "%REQ(X-MARK)%", "code": "%RESPONSE_CODE%", "method": "%REQ(:METHOD)%"}}}},
        ]

    def set(self, logging, name="default", namespace="istio-system", selector=None):
        self.lab.write(f"telemetry-{name}.json", manifest(name, logging, namespace, selector))

    def admin(self, name):
        return (self.lab.agents[name].directory / "envoy-admin-address").read_text(encoding="ascii").strip()

    def listeners(self, name):
        """The text of those that take connections: neither those on their way in nor those that are drained."""
        dump = json.loads(request(self.admin(name), "/config_dump?resource=dynamic_listeners").body)
        return json.dumps([listener["active_state"] for listener in dump["configs"] if "active_state" in listener])

    def settle(self, condition, names=(MSB, VIO)):
        """Until `condition` of the listeners' configuration holds at these proxies. A collector's cluster is in its Service's
        listeners, too, and the mesh's own reports go over the wire: a condition looks for what is a logger's alone."""
        wait_for(lambda: all(condition(self.listeners(name)) for name in names), 60, "the new access log at all proxies", pause=0.05)

    @staticmethod
    def ask(address, path="/", mark=None, status=200, **more):
        """A request with a mark of its own, by which logs are searched."""
        mark = mark or secrets.token_hex(6)
        answer = request(address, path, host=f"{VIO}.onap:9004", headers={"x-mark": mark}, **more)
        assert answer.status == status, answer
        return mark

    def lines(self, file, mark):
        """Those with the mark. Envoy writes files every second, or when it is told to open them anew."""
        for name in self.lab.agents:
            assert request(self.admin(name), "/reopen_logs", method="POST").status == 200
        return [line for line in file.read_text(encoding="utf-8").splitlines() if mark in line] if file.exists() else []

    def clusters(self, address):
        """The clusters in the lines of one request, once those of a later one are there. While a change is on its way
        to both proxies a request may have no line at all: there are always later ones."""
        first, later = self.ask(address), []

        def written():
            later.append(self.ask(address))
            return any(self.lines(self.text, mark) for mark in later[-10:])

        wait_for(written, 30, "a line", pause=0.05)
        return [line.split()[-1] for line in self.lines(self.text, first)]

    def close(self):
        for peer in self.peers:
            peer.close()


@pytest.fixture(scope="module", name="mesh")
def mesh_of_the_file(module_lab):
    made = Mesh(module_lab)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def usual(request):  # pylint: disable=redefined-outer-name
    if "mesh" in request.fixturenames:
        mesh = request.getfixturevalue("mesh")
        for file in mesh.lab.config.glob("telemetry-*.json"):
            file.unlink()
        # Or this test takes the loggers of the last one for its own.
        mesh.settle(lambda config: not any(logger in config for logger in (OTEL, ALS, ALS_TCP, FLUENTD, str(mesh.text), str(mesh.json))))


def test_files(mesh):
    mesh.set([to("text", "json")])
    mesh.settle(lambda config: str(mesh.text) in config and str(mesh.json) in config)
    mark = mesh.ask(mesh.vio, "/a?b=c")
    [line] = wait_for(lambda: mesh.lines(mesh.text, mark), 30, "a line of text")
    assert line == f"GET /a 200 {mark} inbound|9004||"
    mesh.ask(mesh.vio, f"/{mark}")
    [line] = wait_for(lambda: mesh.lines(mesh.json, mark), 30, "a line of JSON")
    fields = json.loads(line)
    assert {"method": "GET", "path": f"/{mark}", "response_code": 200, "authority": f"{VIO}.onap:9004"}.items() <= fields.items()
    assert {"duration", "upstream_host", "response_flags", "bytes_sent"} <= set(fields)


def test_over_the_wire(mesh):
    mesh.set([to("otel", "als", "als-tcp")])
    mesh.settle(lambda config: all(logger in config for logger in (OTEL, ALS, ALS_TCP)))
    mark = mesh.ask(mesh.vio, "/wire?x=1", method="POST", body=b"12345")
    record = mesh.otel.wait(lambda r: mark in (r.get("body") or ""), 30, "an OTLP record")
    assert record["body"] == f"200 {mark}"
    assert record["attributes"] == {"path": "/wire?x=1", "of": {"the": "HTTP/1.1"}}
    assert (record["resource"]["log_name"], record["resource"]["cluster_name"]) == ("requests", f"{VIO}.onap")

    def ours(item):
        headers = item["entry"].get("request", {}).get("requestHeaders", {})
        return item["kind"] == "http" and headers.get("x-mark") == mark

    entry = mesh.als.wait(ours, 30, "an entry at the access log service")
    assert (entry["log"], entry["entry"]["request"]["path"], entry["entry"]["response"]["responseCode"]) == ("http", "/wire?x=1", 200)
    assert VIO in entry["node"] or mesh.lab.workloads[VIO].pod in entry["node"]


def test_connections_over_the_wire(mesh):
    """TLS that is not the mesh's passes as bytes: a connection, and no request."""
    mesh.set([to("als-tcp")])
    mesh.settle(lambda config: ALS_TCP in config)
    host, port = mesh.vio.rsplit(":", 1)
    with socket.create_connection((host, int(port)), 5) as connection:
        # The end of a line, for the application to answer and close. Not the end of what is sent: Envoy drops a connection that it
        # finds half-closed while it still looks at the first bytes.
        connection.sendall(hello() + b"\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            while connection.recv(4096):
                pass
    item = mesh.als.wait(lambda i: i["kind"] == "tcp", 30, "a connection at the access log service")
    assert item["log"] == "tcp" and item["entry"]["commonProperties"]["upstreamCluster"] == "inbound|9004||"
    assert int(item["entry"]["connectionProperties"]["receivedBytes"]) > 100


def test_fluentd(mesh):
    mesh.set([to("fluentd")])
    mesh.settle(lambda config: FLUENTD in config)
    mark = mesh.ask(mesh.vio, method="POST", body=b"12345")
    event = mesh.fluentd.wait(lambda e: e["record"].get("mark") == mark, 30, "an event at Fluentd")
    assert event["tag"] == "mesh.access" and event["record"] == {"mark": mark, "code": 200, "method": "POST"}, event
    assert event["time"] > 1_700_000_000
    refused = [state.get("lastNack") for proxy in mesh.lab.control_plane.debug("proxies") for state in proxy["types"].values()]
    assert not any(refused), refused


def test_filters(mesh):
    """Only what the expression holds for; a wrong one is told to its author, and hurts no other log."""
    mesh.set([to("text", filter={"expression": "response.code >= 400 || request.headers['x-keep'] == 'yes'"}), to("json")])
    mesh.settle(lambda config: "x-keep" in config)
    fine, kept = mesh.ask(mesh.vio), secrets.token_hex(6)
    assert request(mesh.vio, "/", headers={"x-mark": kept, "x-keep": "yes"}).status == 200
    wait_for(lambda: mesh.lines(mesh.text, kept), 30, "a line of what the expression holds for")
    assert not mesh.lines(mesh.text, fine)
    path = secrets.token_hex(6)
    mesh.ask(mesh.vio, f"/{path}")
    wait_for(lambda: mesh.lines(mesh.json, path), 30, "the log without a filter")

    mesh.set([to("text", filter={"expression": "response.code >= "})], "broken", "onap", {"app": VIO})
    mesh.set([to("text", filter={"expression": "reqest.path.startsWith('/a')"})], "unknown", "onap", {"app": MSB})

    def notes():
        told = [n for n in mesh.lab.control_plane.debug("notes") if n["object"].startswith("Telemetry")]
        return told if len(told) >= 2 else None

    told = wait_for(notes, 30, lambda: f"two notes: {mesh.lab.control_plane.debug('notes')}")
    assert any("expected a value" in note["message"] and "filter" in note["field"] for note in told), told
    assert any("there is no attribute reqest" in note["message"] for note in told), told
    refused = [state.get("lastNack") for proxy in mesh.lab.control_plane.debug("proxies") for state in proxy["types"].values()]
    assert not any(refused), refused
    mesh.ask(mesh.vio)


def test_sides_and_switches(mesh):
    """By mode: what a proxy sends (client), what it is sent (server); and off for a workload."""
    mesh.set([to("text", match={"mode": "SERVER"})])
    mesh.settle(lambda config: str(mesh.text) in config and str(mesh.json) not in config)
    outbound = "outbound|9004||multicloud-vio.onap.svc.cluster.local"
    wait_for(lambda: mesh.clusters(mesh.out) == ["inbound|9004||"], 60, "the server's line alone")
    mesh.set([to("text", match={"mode": "CLIENT"})])
    wait_for(lambda: mesh.clusters(mesh.out) == [outbound], 60, "the client's line alone")

    mesh.set([to("text")])
    wait_for(lambda: set(mesh.clusters(mesh.out)) == {outbound, "inbound|9004||"}, 60, "both lines")
    mesh.set([{"disabled": True}], "off", "onap", {"app": VIO})
    mesh.settle(lambda config: str(mesh.text) not in config, (VIO,))
    # A connection of before has its listener of before until it is drained.
    wait_for(lambda: mesh.clusters(mesh.out) == [outbound], 60, "the client's line alone")


def test_envoy_takes_each_expression_that_we_take(tmp_path):
    """One Envoy with all of them: it refuses the whole of it for a single one."""
    file = pathlib.Path(__file__).with_name("expressions.txt")
    expressions = [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert len(expressions) > 50
    types = "type.googleapis.com/envoy.extensions"
    logs = [{"name": "envoy.access_loggers.stdout",
             "typed_config": {"@type": f"{types}.access_loggers.stream.v3.StdoutAccessLog"},
             "filter": {"extension_filter": {"name": "envoy.access_loggers.extension_filters.cel", "typed_config": {
                 "@type": f"{types}.access_loggers.filters.cel.v3.ExpressionFilter", "expression": expression}}}}
            for expression in expressions]
    proxy = {"@type": f"{types}.filters.network.tcp_proxy.v3.TcpProxy", "stat_prefix": "x", "cluster": "x", "access_log": logs}
    listener = {"name": "x", "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
                "filter_chains": [{"filters": [{"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}]}]}
    config = tmp_path / "envoy.json"
    config.write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": [{"name": "x", "type": "STATIC"}]}}))
    done = subprocess.run([envoy_binary(), "--mode", "validate", "-c", config], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def fairway(*argv):
    done = subprocess.run([binary(), *argv], capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_levels_of_the_programs_own_logs(mesh):
    """Of the control plane by scope, of Envoy by logger, while they run."""
    admin = mesh.lab.control_plane.admin
    code, out, _ = fairway("admin", "log", "--admin", admin, "-o", "json")
    levels = {one["scope"]: one["level"] for one in json.loads(out)[admin]}
    assert code == 0 and {"discovery", "kube", "identity", "default"} <= set(levels) and set(levels.values()) == {"info"}
    code, out, _ = fairway("admin", "log", "--admin", admin, "--level", "discovery:debug,kube:off")
    assert code == 0 and "discovery   debug" in out and "kube        off" in out and "identity    info" in out, out
    for wrong, expected in (("nowhere:debug", "there is no scope 'nowhere'"), ("loud", "expected a level"), ("a b;c", "--level")):
        code, _, err = fairway("admin", "log", "--admin", admin, "--level", wrong)
        assert code != 0 and expected in err, err
    assert request(admin, "/debug/logs?level=discovery:nothing", method="POST").status == 400

    lines = [json.loads(line) for line in mesh.lab.control_plane.log.read_text(encoding="utf-8").splitlines()]
    assert {"time", "level", "scope", "message"} == set(lines[0])
    assert any(line["scope"] == "discovery" and "connected" in line["message"] for line in lines)
    assert any(line["scope"] == "console" and "discovery:debug,kube:off" in line["message"] for line in lines)
    code, out, _ = fairway("admin", "log", "--admin", admin, "--reset")
    assert code == 0 and "debug" not in out and "off" not in out

    envoy = mesh.admin(VIO)
    code, out, _ = fairway("proxy-config", "log", "--admin", envoy, "--level", "rbac:debug,http:warn", "-o", "json")
    levels = json.loads(out)
    assert code == 0 and (levels["rbac"], levels["http"], levels["admin"]) == ("debug", "warning", "warning")
    code, out, _ = fairway("pc", "log", "--admin", envoy, "--level", "info")
    assert code == 0 and set(line.split()[-1] for line in out.splitlines()[1:]) == {"info"}
    code, out, _ = fairway("pc", "log", "--admin", envoy, "--reset")
    assert code == 0 and set(line.split()[-1] for line in out.splitlines()[1:]) == {"warning"}
    code, _, err = fairway("pc", "log", "--admin", envoy, "--level", "rbac:loud")
    assert code == 64 and "--level" in err


def test_collectors_that_are_away(mesh):
    """Nothing waits for them, and what is lost is counted."""
    mesh.set([to("als", "otel", "text")])
    mesh.settle(lambda config: OTEL in config and str(mesh.text) in config)
    mesh.close()
    for _ in range(30):
        mesh.ask(mesh.vio)
    mark = mesh.ask(mesh.vio)
    wait_for(lambda: mesh.lines(mesh.text, mark), 30, "the log that is written here")

    def failed():
        text = request(mesh.admin(VIO), "/stats?filter=observability.*upstream_cx_connect_fail").body
        return {line.split("||")[1].split(".")[0] for line in text.splitlines() if "||" in line and not line.endswith(": 0")}

    wait_for(lambda: {"als", "otel"} <= failed(), 60, lambda: f"failed connections to all: {failed()}")
