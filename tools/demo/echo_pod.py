"""echo.py as the application of a pod (image fairway-echo), set up by its environment.

usage: echo_pod.py                 one application, described by the environment
       echo_pod.py CONFIG.json     as echo.py does
       echo_pod.py get URL ...     one request to each URL, a line of JSON each: status, ms, headers, body (or the error)

  NAME          its name in answers (default: the host's name, which is the pod's)
  HTTP_PORTS    ports for HTTP/1.1 (default 8080)
  TCP_PORTS     ports where every byte is sent back (default: none), after TCP_PREFIX
  TLS_PORTS     ports for HTTP/1.1 over TLS, with TLS_CERT and TLS_KEY (/etc/tls/tls.crt, /etc/tls/tls.key)
  ROUTES        "/api/multicloud-vio=http://multicloud-vio:9004 /x=http://y": requests below such a path are passed on,
                path unchanged, with the trace headers
  PAGES         a JSON object: path -> text
  ERRORS        percentage of the requests that fail (default 0), evenly spread; with ERROR_STATUS (default 503)
  CONCURRENCY   how many requests are worked on at a time, the others wait (default: any number)
  DRAIN_SECONDS how long it goes on after SIGTERM (default 0) before it stops to accept; requests under way are finished

Lists are separated by spaces or commas. Every path takes ?delay=SECONDS, ?status=NUMBER, ?size=BYTES (of the body) and
/call?url=URL (asks URL and answers with its status, as `get` does).
"""

import http.client
import json
import os
import signal
import socket
import socketserver
import ssl
import sys
import threading
import time
import urllib.parse

import echo

TRACE = dict.fromkeys((*echo.TRACE_HEADERS, "b3", "traceparent", "tracestate"))
LIMIT = 60.0  # the longest delay, seconds; so long are requests under way waited for, too


def words(name, default=""):
    return os.environ.get(name, default).replace(",", " ").split()


def fetch(url, headers=None, timeout=10.0, method="GET", body=None):
    """One request on a connection of its own: {"status", "headers", "body", "ms"} or {"error", "ms"}."""
    target = urllib.parse.urlsplit(url)
    kind, port, options = http.client.HTTPConnection, 80, {}
    if target.scheme == "https":  # a test application asks whoever it is told to ask
        kind, port = http.client.HTTPSConnection, 443
        options["context"] = ssl._create_unverified_context()  # pylint: disable=protected-access
    before = time.monotonic()
    connection = kind(target.hostname, target.port or port, timeout=timeout, **options)
    try:
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        content = response.read().decode("utf-8", "replace")
        names = {name.lower(): value for name, value in response.getheaders()}
        answer = {"status": response.status, "headers": names, "body": content}
    except (OSError, http.client.HTTPException) as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    finally:
        connection.close()
    return {**answer, "ms": round((time.monotonic() - before) * 1000, 1)}


class Handler(echo.Handler):
    active, lock, ending = 0, threading.Lock(), False
    seen_so_far = 0  # requests, without those of probes

    def handle_request(self):
        with Handler.lock:
            Handler.active += 1
        try:
            if Handler.ending:
                self.close_connection = True
            self.respond()
        finally:
            with Handler.lock:
                Handler.active -= 1

    def respond(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        target = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(target.query))
        try:
            with self.app["work"]:
                time.sleep(min(max(float(query.get("delay", 0)), 0), LIMIT))
            status, size = int(query.get("status", 200)), int(query.get("size", 0))
        except ValueError as error:
            self.answer(400, "text/plain", f"delay, status and size are numbers: {error}\n".encode())
            return
        trace = {name: self.headers[name] for name in TRACE if name in self.headers}
        page = self.app["pages"].get(target.path)
        if self.fails(target.path):
            self.answer(self.app["error_status"], "text/plain", b"this one failed\n")
            return
        to = next((url for path, url in self.app["routes"] if (target.path + "/").startswith(path.rstrip("/") + "/")), None)
        if page is not None:
            kind = "application/json" if page.startswith(("{", "[")) else "text/html; charset=utf-8"
            self.answer(status, kind, page.encode())
        elif to:
            self.pass_on(to, body, trace)
        elif target.path == "/call" and "url" in query:
            self.answer(status, "application/json", json.dumps(fetch(query["url"], trace)).encode())
        elif size > 0:
            self.answer(status, "application/octet-stream", b"x" * min(size, 100_000_000))
        else:
            self.answer(status, "application/json", self.seen(len(body)))

    def fails(self, path):
        """Whether it is the turn of a failure."""
        if path == "/healthz":
            return False
        with Handler.lock:
            Handler.seen_so_far += 1
            number, percent = Handler.seen_so_far, self.app["errors"]
        return number * percent // 100 > (number - 1) * percent // 100

    def pass_on(self, url, body, trace):
        answer = fetch(url.rstrip("/") + self.path, trace, LIMIT, self.command, body or None)
        if "error" in answer:
            self.answer(502, "text/plain", f"{url}: {answer['error']}\n".encode(), [("x-forwarded-by", self.app["service"])])
        else:
            kind = answer["headers"].get("content-type", "text/plain")
            self.answer(answer["status"], kind, answer["body"].encode(), [("x-forwarded-by", self.app["service"])])

    def seen(self, size):
        """What came, as JSON."""
        text = {
            "service": self.app["service"],
            "pod": socket.gethostname(),
            "port": self.server.server_port,
            "client": self.client_address[0].removeprefix("::ffff:"),
            "tls": isinstance(self.connection, ssl.SSLSocket),
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": size,
        }
        return (json.dumps(text, indent=2) + "\n").encode()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = handle_request


class TcpHandler(socketserver.BaseRequestHandler):
    prefix = os.environ.get("TCP_PREFIX", "").encode()

    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(self.prefix + data)


class DualStack:
    """Listens for IPv4 and IPv6, where there is IPv6."""

    address_family = socket.AF_INET6 if os.path.exists("/proc/net/if_inet6") else socket.AF_INET
    any_address = "::" if address_family == socket.AF_INET6 else "0.0.0.0"


class HttpServer(DualStack, echo.Server):
    pass


class TcpServer(DualStack, socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True


def routes(texts):
    """Longest path first."""
    pairs = [text.partition("=")[::2] for text in texts]
    for path, url in pairs:
        if not path.startswith("/") or not url.startswith(("http://", "https://")):
            sys.exit(f'ROUTES: "{path}={url}" is not of the form /path=http://host:port')
    return sorted(pairs, key=lambda pair: -len(pair[0]))


def serve():
    app = {
        "service": os.environ.get("NAME") or socket.gethostname(),
        "pages": json.loads(os.environ.get("PAGES") or "{}"),
        "routes": routes(words("ROUTES")),
        "work": threading.BoundedSemaphore(int(os.environ.get("CONCURRENCY") or 1_000_000)),
        "errors": int(os.environ.get("ERRORS") or 0),
        "error_status": int(os.environ.get("ERROR_STATUS") or 503),
    }
    handler = type("AppHandler", (Handler,), {"app": app})
    servers = [HttpServer((DualStack.any_address, int(port)), handler) for port in words("HTTP_PORTS", "8080")]
    for port in words("TLS_PORTS"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.environ.get("TLS_CERT", "/etc/tls/tls.crt"), os.environ.get("TLS_KEY", "/etc/tls/tls.key"))
        server = HttpServer((DualStack.any_address, int(port)), handler)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        servers.append(server)
    servers += [TcpServer((DualStack.any_address, int(port)), TcpHandler) for port in words("TCP_PORTS")]
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    end.wait()
    leave(servers)


def leave(servers):
    """Goes on for a while, for clients that have not heard of the end yet; then finishes what is under way."""
    Handler.ending = True
    time.sleep(float(os.environ.get("DRAIN_SECONDS") or 0))
    for server in servers:
        server.shutdown()
        server.socket.close()
    deadline = time.monotonic() + LIMIT
    while Handler.active and time.monotonic() < deadline:
        time.sleep(0.01)


if __name__ == "__main__":
    if sys.argv[1:2] == ["get"]:
        for address in sys.argv[2:]:
            print(json.dumps(fetch(address)), flush=True)
    elif len(sys.argv) > 1:
        echo.main(sys.argv[1])
    else:
        serve()
