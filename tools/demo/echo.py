"""Small HTTP applications for the demo, the examples and the end-to-end tests, any number of them in one process.

usage: echo.py CONFIG.json

CONFIG.json is a list of applications:
  {"service": "msb-iag",                        name in its answers
   "listen": ["127.30.2.2:80"],                 addresses
   "tls": {"listen": ["127.30.2.2:443"],        the same over TLS, if there is a certificate
       "certificate": "tls.crt", "key": "tls.key"},
   "pages": {"/msb": "<html>..."},              paths with a text of their own
   "forward": {"multicloud-vio":                /api/multicloud-vio/... is passed on to another service:
       {"address": "127.30.2.3:9004",           where to connect (the sidecar's outbound listener)
        "host": "multicloud-vio.onap:9004"}},   and what to ask for
   "calls": {"/login": [                        before /login is answered others are asked, one after the other
       {"address": "vp0:7050", "host": "vp0:7050", "path": "/chain"}]}}

Every other path answers 200 with the request as JSON and the status of the calls in "called". If one of them was not
answered below 400, the answer is a 502 of that form, also where there is a page. Prints "ready" when all addresses are
bound. Ends at SIGTERM, after it has gone on for DRAIN_SECONDS (0) for those who still have its address.
"""

import http.client
import http.server
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time

# What an application must pass on for the mesh to put the spans of one trace together.
TRACE_HEADERS = (
    "x-request-id",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "x-ot-span-context",
    "b3",
    "traceparent",
    "tracestate",
)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one write an answer
    disable_nagle_algorithm = True
    app = None

    def answer(self, status, content_type, body, headers=()):
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-answered-by", self.app["service"])
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def handle_request(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        path = self.path.split("?")[0]
        parts = path.split("/")
        if len(parts) > 2 and parts[1] == "api" and parts[2] in self.app.get("forward", {}):
            self.forward(self.app["forward"][parts[2]], body)
            return
        calls = self.app.get("calls", {}).get(path, ())
        called = {call["host"] + call["path"]: self.ask(call, "GET", call["path"])[0] for call in calls}
        failed = any(status >= 400 for status in called.values())
        page = self.app.get("pages", {}).get(path)
        if page is not None and not failed:
            kind = "application/json" if page.startswith(("{", "[", '"')) else "text/html; charset=utf-8"
            self.answer(200, kind, page.encode())
            return
        text = {
            "service": self.app["service"],
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": len(body),
        }
        if called:
            text["called"] = called
        self.answer(502 if failed else 200, "application/json", (json.dumps(text, indent=2) + "\n").encode())

    def ask(self, target, method, path, body=b""):
        """Asks another service, on behalf of this request: (status, content, content type)."""
        headers = {name: self.headers[name] for name in TRACE_HEADERS if name in self.headers}
        headers["host"] = target["host"]
        host, port = target["address"].rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        try:
            connection.request(method, path, body or None, headers)
            response = connection.getresponse()
            return response.status, response.read(), response.getheader("content-type", "text/plain")
        except (OSError, http.client.HTTPException) as error:
            return 502, f"{target['address']}: {error}\n".encode(), "text/plain"
        finally:
            connection.close()

    def forward(self, target, body):
        status, content, kind = self.ask(target, self.command, self.path, body)
        self.answer(status, kind, content, [("x-forwarded-by", self.app["service"])])

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = handle_request

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self):  # without the reverse look-up of the address
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):  # a client that went away is no news
            super().handle_error(request, client_address)


def serve(app, address, context=None):
    """Answers for one application at one address, in a thread of its own."""
    host, port = address.rsplit(":", 1)
    handler = type("AppHandler", (Handler,), {"app": app})
    server = Server((host, int(port)), handler)
    if context:  # the handshake is the connection's own thread's, at its first read
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main(path):
    with open(path, encoding="utf-8") as f:
        apps = json.load(f)
    # Waited for below: as the first process of a container this one has no default for it. Threads inherit the mask.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    for app in apps:
        for address in app["listen"]:
            serve(app, address)
        tls = app.get("tls")
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(tls["certificate"], tls["key"])
            for address in tls["listen"]:
                serve(app, address, context)
    print("ready", flush=True)
    signal.sigwait({signal.SIGTERM})
    time.sleep(float(os.environ.get("DRAIN_SECONDS") or 0))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        sys.exit(64)
    main(sys.argv[1])
