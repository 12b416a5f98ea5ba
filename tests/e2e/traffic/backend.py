"""The pods behind the table's services, all in one process: HTTP and WebSocket at 8080, TCP at 9090, HTTP over TLS at 8443, a
protocol whose server speaks first at 9091, TCP behind the PROXY protocol at 9092 and behind an HTTP CONNECT at 9093, gRPC at
9095, UDP at 9053.

usage: backend.py CERTIFICATE KEY NAME=ADDRESS ...

An HTTP answer is the request as JSON, with the pod's name; `?status=N` gives the answer another status (with `failures=M` a
row's first M, with `bad=NAME,NAME` those of some pods), `?delay=S` makes those wait, `?reset=1` ends their connections,
`?grpc=N` answers them with that status of gRPC. /seen/<id> tells how many requests with that header x-row came so far.
TCP, WebSocket and UDP answer each line, message and datagram with "<name> <text>"; the server that speaks first begins with
"220 <name>"; behind the PROXY protocol the version, behind a CONNECT where it leads, follows the name. gRPC's /traffic.Echo/Say answers with what it was sent, any other method is unknown.
"""

import base64
import collections
import concurrent.futures
import hashlib
import http.server
import json
import socketserver
import ssl
import sys
import threading
import time
import urllib.parse

import grpc

WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


class Http(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def respond(self):
        if self.headers.get("upgrade", "").lower() == "websocket":
            self.converse()
            return
        self.rfile.read(int(self.headers.get("content-length") or 0))
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        row, pod = self.headers.get("x-row", ""), self.server.pod
        with self.server.lock:
            if url.path.startswith("/seen/"):
                body = {"count": self.server.seen[url.path[6:]]}
            else:
                self.server.seen[row] += 1
                attempt = self.server.seen[row]
                body = {
                    "pod": pod,
                    "method": self.command,
                    "path": self.path,
                    "host": self.headers.get("host", ""),
                    "sni": getattr(self.connection, "sni", None),
                    "headers": {name.lower(): ",".join(self.headers.get_all(name)) for name in self.headers},
                }
        # `failures=N` of a row's first requests get the status, the others 200.
        fails = ("failures" not in query or attempt <= int(query["failures"])) and pod in query.get("bad", pod).split(",")
        time.sleep(float(query.get("delay", 0)) if fails else 0)
        if fails and "reset" in query:
            self.close_connection = True
            return
        text = json.dumps(body).encode()
        self.send_response(int(query.get("status", 200)) if fails else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.send_header("x-pod", pod)
        self.send_header("server", "backend")
        if fails and "grpc" in query:
            self.send_header("grpc-status", query["grpc"])
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def converse(self):
        """WebSocket, with short messages of one frame each."""
        key = self.headers["sec-websocket-key"] + WEBSOCKET
        self.send_response(101)
        self.send_header("upgrade", "websocket")
        self.send_header("connection", "Upgrade")
        self.send_header("sec-websocket-accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.send_header("x-pod", self.server.pod)
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        while len(begin := self.rfile.read(2)) == 2 and begin[0] & 15 == 1:
            mask, length = self.rfile.read(4), begin[1] & 127
            said = bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.rfile.read(length)))
            text = f"{self.server.pod} ".encode() + said
            self.wfile.write(bytes([0x81, len(text)]) + text)
            self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = respond

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class HttpServer(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, pod, address, seen, lock):
        super().__init__(address, Http)
        self.pod, self.seen, self.lock = pod, seen, lock


class Tcp(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(f"{self.server.pod} {line.decode()}".encode())


class Greeting(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(f"220 {self.server.pod}\n".encode())
        for line in self.rfile:
            self.wfile.write(f"{self.server.pod} {line.decode()}".encode())


class Udp(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(f"{self.server.pod} ".encode() + data, self.client_address)


class Proxied(socketserver.StreamRequestHandler):
    """PROXY protocol: version 1 is a line, version 2 has a header that tells its own length."""

    def handle(self):
        start = self.rfile.read(12)
        if start == b"\r\n\r\n\0\r\nQUIT\n":
            version = f"v{self.rfile.read(2)[0] >> 4}"
            self.rfile.read(int.from_bytes(self.rfile.read(2), "big"))
        else:
            version = (start + self.rfile.readline()).decode().split(" ")[0]
        for line in self.rfile:
            self.wfile.write(f"{self.server.pod} {version} {line.decode()}".encode())


class Tunnelled(socketserver.StreamRequestHandler):
    def handle(self):
        method, target, _ = self.rfile.readline().decode().split(" ")
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" if method == "CONNECT" else b"HTTP/1.1 405 No\r\ncontent-length: 0\r\n\r\n")
        for line in self.rfile:
            self.wfile.write(f"{self.server.pod} {target} {line.decode()}".encode())


class UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads = True

    def __init__(self, pod, address):
        super().__init__(address, Udp)
        self.pod = pod


class TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True

    def __init__(self, pod, address, handler=Tcp):
        super().__init__(address, handler)
        self.pod = pod


def serve_grpc(pod, address):
    def say(request, context):
        context.send_initial_metadata((("x-pod", pod),))
        return request

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    echo = grpc.method_handlers_generic_handler("traffic.Echo", {"Say": grpc.unary_unary_rpc_method_handler(say)})
    server.add_generic_rpc_handlers((echo,))
    server.add_insecure_port(address)
    server.start()
    return server


def main(certificate, key, *pods):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["http/1.1"])

    def remember(connection, name, _):
        connection.sni = name

    context.sni_callback = remember
    kept = []
    for text in pods:
        pod, address = text.split("=")
        seen, lock = collections.Counter(), threading.Lock()
        secure = HttpServer(pod, (address, 8443), seen, lock)
        secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
        kept.append(serve_grpc(pod, f"{address}:9095"))
        plain = HttpServer(pod, (address, 8080), seen, lock)
        first = TcpServer(pod, (address, 9091), Greeting)
        behind = [TcpServer(pod, (address, 9092), Proxied), TcpServer(pod, (address, 9093), Tunnelled)]
        for server in (plain, secure, TcpServer(pod, (address, 9090)), first, UdpServer(pod, (address, 9053)), *behind):
            threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
