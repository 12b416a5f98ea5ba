"""The pods behind the table's services, all in one process: HTTP at 8080, TCP at 9090, HTTP over TLS at 8443, TCP behind the
PROXY protocol at 9091, and behind an HTTP CONNECT at 9092.

usage: backend.py CERTIFICATE KEY NAME=ADDRESS ...

An HTTP answer is the request as JSON, with the pod's name; `?status=N` gives the answer another status (with `failures=M` a
row's first M, with `bad=NAME` those of one pod), `?delay=S` makes it wait.
/seen/<id> tells how many requests with that header x-row came so far. TCP answers each line with "<name> <line>", behind the
PROXY protocol with "<name> <version> <line>", behind a CONNECT with "<name> <where to> <line>".
"""

import collections
import http.server
import json
import socketserver
import ssl
import sys
import threading
import time
import urllib.parse


class Http(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def respond(self):
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
        fails = ("failures" not in query or attempt <= int(query["failures"])) and query.get("bad", pod) == pod
        time.sleep(float(query.get("delay", 0)))
        text = json.dumps(body).encode()
        self.send_response(int(query.get("status", 200)) if fails else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.send_header("x-pod", pod)
        self.send_header("server", "backend")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

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


class TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True

    def __init__(self, pod, address, handler=Tcp):
        super().__init__(address, handler)
        self.pod = pod


def main(certificate, key, *pods):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["http/1.1"])

    def remember(connection, name, _):
        connection.sni = name

    context.sni_callback = remember
    for text in pods:
        pod, address = text.split("=")
        seen, lock = collections.Counter(), threading.Lock()
        secure = HttpServer(pod, (address, 8443), seen, lock)
        secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
        plain = [TcpServer(pod, (address, 9090)), TcpServer(pod, (address, 9091), Proxied), TcpServer(pod, (address, 9092), Tunnelled)]
        for server in (HttpServer(pod, (address, 8080), seen, lock), *plain, secure):
            threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
