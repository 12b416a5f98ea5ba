"""Who takes spans and logs: the real Zipkin, and peers that decode what Envoy sends (OTLP over gRPC and HTTP, Envoy's access log
service, Fluentd's forward protocol). Each is a Service without a proxy, at an address of its own."""

import concurrent.futures
import http.server
import json
import socket
import struct
import threading

import grpc
from envoy.service.accesslog.v3 import als_pb2
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from processes import CACHE, Process, request, versions, wait_for

from harness.network import POD_PREFIX

NAMESPACE = "observability"


def service(name, number, ports):
    """The Service of a collector, its pod and its address; `ports`: name -> number. Returns the address and JSON documents."""
    ip = f"{POD_PREFIX}91.{number}"
    meta = {"name": name, "namespace": NAMESPACE}
    objects = [
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {
            "clusterIP": f"10.96.91.{number}", "selector": {"app": name},
            "ports": [{"name": n, "port": port, "targetPort": port} for n, port in ports.items()]}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {**meta, "labels": {"app": name}},
         "spec": {"serviceAccountName": name, "containers": [{"name": name, "image": name}]},
         "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]}},
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
         "metadata": {**meta, "labels": {"kubernetes.io/service-name": name}},
         "ports": [{"name": n, "port": port, "protocol": "TCP"} for n, port in ports.items()],
         "endpoints": [{"addresses": [ip], "conditions": {"ready": True},
                        "targetRef": {"kind": "Pod", "name": name, "namespace": NAMESPACE}}]},
    ]
    return ip, objects


def host(name):
    return f"{name}.{NAMESPACE}.svc.cluster.local"


class Zipkin(Process):
    PORT = 9411

    def __init__(self, directory):
        ip, self.objects = service("zipkin", 1, {"http": self.PORT})
        self.address = f"{ip}:{self.PORT}"
        jar = CACHE / f"zipkin-{versions()['ZIPKIN_VERSION']}" / "zipkin.jar"
        # At its own address alone: sidecars without interception listen at this port, too.
        own = [f"-Darmeria.ports[0].{key}={value}" for key, value in (("ip", ip), ("port", self.PORT), ("protocols[0]", "http"))]
        argv = ["java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *own, "-jar", jar]
        super().__init__("zipkin", argv, directory / "zipkin.log", env={"QUERY_PORT": str(self.PORT), "STORAGE_TYPE": "mem"})

    def start(self):
        super().start()

        def up():
            self.check()
            return request(self.address, "/health").status == 200

        wait_for(up, 120, "Zipkin to be up", pause=0.1)
        return self

    def get(self, path):
        return json.loads(request(self.address, path).body)

    def spans(self):
        """All spans that it has, by trace id."""
        return {trace[0]["traceId"]: trace for trace in self.get("/api/v2/traces?limit=1000&lookback=3600000")}


class _Peer:
    """What arrived, in its order; `objects` are the documents of the Service."""

    def __init__(self, name, number, ports):
        self.name, self.host = name, host(name)
        self.ip, self.objects = service(name, number, ports)
        self.arrived = []
        self._more = threading.Condition()

    def take(self, item):
        with self._more:
            self.arrived.append(item)
            self._more.notify_all()

    def wait(self, condition, seconds, what):
        """Until `condition` of an item that arrived holds; returns that item."""
        with self._more:
            self._more.wait_for(lambda: any(condition(item) for item in self.arrived), seconds)
            for item in self.arrived:
                if condition(item):
                    return item
        raise AssertionError(f"not within {seconds} s: {what}; {len(self.arrived)} arrived, the last: {self.arrived[-3:]}")


class _Unary(grpc.GenericRpcHandler):
    """`methods` maps a method to a function of a message's bytes and the call's headers."""

    def __init__(self, methods):
        self.methods = methods

    def service(self, details):
        method = self.methods.get(details.method)
        if method is None:
            return None

        def answer(message, context):
            method(message, dict(context.invocation_metadata()))
            return b""

        return grpc.unary_unary_rpc_method_handler(answer)


def _serve(address, handler):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(16))
    server.add_generic_rpc_handlers((handler,))
    if not server.add_insecure_port(address):
        raise OSError(f"cannot listen at {address}")
    server.start()
    return server


def attributes(pairs):
    """OTLP's list of keys and values as a dictionary."""
    def plain(value):
        kind, inner = next(iter(value.items()), ("", ""))
        if kind == "kvlistValue":
            return attributes(inner.get("values", []))
        return [plain(item) for item in inner.get("values", [])] if kind == "arrayValue" else inner

    return {pair["key"]: plain(pair["value"]) for pair in pairs}


class Otlp(_Peer):
    """Spans and log records, each a dictionary with "resource" (attributes), "how" (grpc, http) and "sent" (headers)."""

    GRPC, HTTP = 4317, 4318

    def __init__(self, name="otel", number=2):
        super().__init__(name, number, {"grpc-otlp": self.GRPC, "http-otlp": self.HTTP})
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # pylint: disable=invalid-name
                peer.spans(_body(self), {k.lower(): v for k, v in self.headers.items()}, f"http {self.path}")
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._http = http.server.ThreadingHTTPServer((self.ip, self.HTTP), Handler)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self._grpc = _serve(f"{self.ip}:{self.GRPC}", _Unary({
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export": lambda m, h: self.spans(m, h, "grpc"),
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export": self.records}))

    def spans(self, message, sent, how):
        parsed = trace_service_pb2.ExportTraceServiceRequest.FromString(message)
        for resource in parsed.resource_spans:
            about = attributes(MessageToDict(resource.resource).get("attributes", []))
            scopes = getattr(resource, "scope_spans", None) or getattr(resource, "instrumentation_library_spans", ())
            for span in (s for scope in scopes for s in scope.spans):
                self.take({"name": span.name, "trace": span.trace_id.hex(), "id": span.span_id.hex(),
                           "parent": span.parent_span_id.hex(), "kind": span.kind, "resource": about, "how": how, "sent": sent,
                           "tags": attributes(MessageToDict(span).get("attributes", []))})

    def records(self, message, sent):
        parsed = logs_service_pb2.ExportLogsServiceRequest.FromString(message)
        for resource in parsed.resource_logs:
            about = attributes(MessageToDict(resource.resource).get("attributes", []))
            for scope in MessageToDict(resource).get("scopeLogs") or MessageToDict(resource).get("instrumentationLibraryLogs", []):
                for record in scope.get("logRecords") or scope.get("logs", []):
                    self.take({"body": record.get("body", {}).get("stringValue"), "resource": about, "sent": sent,
                               "attributes": attributes(record.get("attributes", []))})

    def close(self):
        self._http.shutdown()
        self._http.server_close()
        self._grpc.stop(0).wait()


def _body(handler):
    if handler.headers.get("transfer-encoding") != "chunked":
        return handler.rfile.read(int(handler.headers.get("content-length") or 0))
    parts = []
    while size := int(handler.rfile.readline(), 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(parts)


class AccessLogService(_Peer):
    """Envoy's own: entries of HTTP and TCP logs as dictionaries, with "log" and "node"."""

    PORT = 9000

    def __init__(self, name="als", number=3):
        super().__init__(name, number, {"grpc": self.PORT})
        self._server = _serve(f"{self.ip}:{self.PORT}", _Entries(self))

    def close(self):
        self._server.stop(0).wait()


class _Entries(grpc.GenericRpcHandler):
    METHOD = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs"

    def __init__(self, peer):
        self.peer = peer

    def service(self, details):
        return grpc.stream_unary_rpc_method_handler(self.stream) if details.method == self.METHOD else None

    def stream(self, messages, _context):
        log = node = None  # only the first message of a stream tells
        for message in messages:
            parsed = als_pb2.StreamAccessLogsMessage.FromString(message)
            if parsed.HasField("identifier"):
                log, node = parsed.identifier.log_name, parsed.identifier.node.id
            for kind, entries in (("http", parsed.http_logs.log_entry), ("tcp", parsed.tcp_logs.log_entry)):
                for entry in entries:
                    self.peer.take({"kind": kind, "log": log, "node": node, "entry": MessageToDict(entry)})
        return b""


class Fluentd(_Peer):
    """Fluentd's forward protocol: an event is {"tag", "time", "record"}, whatever mode it came in.
    https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1"""

    PORT = 24224

    def __init__(self, name="fluentd", number=4):
        super().__init__(name, number, {"tcp-forward": self.PORT})
        self._listener = socket.create_server((self.ip, self.PORT))
        self._connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        try:
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._read, args=(connection,), daemon=True).start()
        except OSError:
            pass

    def _read(self, connection):
        with connection, connection.makefile("rb") as stream:
            try:
                while True:
                    self._event(unpack(stream))
            except (EOFError, OSError):
                pass

    def _event(self, message):
        tag, body = message[0], message[1]
        if isinstance(body, list):  # Forward mode: [tag, [[time, record], ...], options]
            for time, record in body:
                self.take({"tag": tag, "time": time, "record": record})
        else:  # Message mode: [tag, time, record, options]
            self.take({"tag": tag, "time": body, "record": message[2]})

    def close(self):
        self._listener.close()
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def _read(stream, count):
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


def unpack(stream):
    """One value of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md)."""
    first = _read(stream, 1)[0]
    if first < 0x80:
        return first
    if first < 0x90:
        return {unpack(stream): unpack(stream) for _ in range(first & 0xF)}
    if first < 0xA0:
        return [unpack(stream) for _ in range(first & 0xF)]
    if first < 0xC0:
        return _read(stream, first & 0x1F).decode()
    if first >= 0xE0:
        return first - 0x100
    if first in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[first]
    numbers = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
    if first in numbers:
        return struct.unpack(numbers[first], _read(stream, struct.calcsize(numbers[first])))[0]
    sizes = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I", 0xD9: ">B", 0xDA: ">H", 0xDB: ">I", 0xDC: ">H", 0xDD: ">I", 0xDE: ">H", 0xDF: ">I"}
    if first in sizes:
        size = struct.unpack(sizes[first], _read(stream, struct.calcsize(sizes[first])))[0]
        if first <= 0xC6:
            return _read(stream, size)
        if first <= 0xDB:
            return _read(stream, size).decode()
        if first <= 0xDD:
            return [unpack(stream) for _ in range(size)]
        return {unpack(stream): unpack(stream) for _ in range(size)}
    if 0xD4 <= first <= 0xD8:  # an extension of 1, 2, 4, 8 or 16 bytes; type 0 is Fluentd's EventTime
        kind, data = _read(stream, 1)[0], _read(stream, 1 << (first - 0xD4))
        return struct.unpack(">II", data)[0] if (kind, len(data)) == (0, 8) else data
    raise ValueError(f"MessagePack: byte {first:#x}")
