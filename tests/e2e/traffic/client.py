"""Sends the table's requests from inside the client's pod: JSON lines in, an answer for each out, in any order.

  {"id": ..., "address": "10.96.1.1", "port": 80, "method", "path", "host", "headers", "times", "together", "sni", "tcp" ...}
  {"id": ..., "answers": [{"status", "headers", "body", "seconds"} or {"error"}]}

With "sni" the request goes over TLS (no certificate is verified); with "tcp" its text is sent as a line and a line is read, with
"greeted" after a line of the server's, and with "hold" the connection stays for as many seconds. "websocket" and "udp" are
texts that are sent as one message; "grpc" is the text for /traffic.Echo/Say, or for the method "path"; "http2" sends
the request as HTTP/2 from the first byte on. "times" one after the other, "together" all at once.
"""

import base64
import concurrent.futures
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time

import grpc

SECONDS = 20


def _tls(connection, sni):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection, server_hostname=sni)


def _tcp(question):
    with socket.create_connection((question["address"], question["port"]), SECONDS) as connection:
        connection = _tls(connection, question["sni"]) if question.get("sni") else connection
        lines = connection.makefile()
        said = {"greeting": lines.readline().strip()} if question.get("greeted") else {}
        connection.sendall(f"{question['tcp']}\n".encode())
        line = lines.readline()
        time.sleep(question.get("hold", 0) if line else 0)
    return {**said, "status": 200, "body": line.strip()} if line else {**said, "error": "closed"}


def _udp(question):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(SECONDS)
        sock.sendto(question["udp"].encode(), (question["address"], question["port"]))
        return {"status": 200, "body": sock.recv(1500).decode()}


def _head(stream):
    """Status and headers of an HTTP/1.1 answer."""
    line = stream.readline().split(b" ", 2)
    if len(line) < 2:
        raise ConnectionError("no answer")
    headers = {}
    while (text := stream.readline().strip()) != b"":
        name, _, value = text.partition(b":")
        headers[name.decode().lower()] = value.strip().decode()
    return int(line[1]), headers


def _websocket(question):
    wanted = {"host": question["host"], "connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    wanted |= {"sec-websocket-key": base64.b64encode(os.urandom(16)).decode(), **question.get("headers", {})}
    lines = [f"GET {question.get('path', '/')} HTTP/1.1", *(f"{name}: {value}" for name, value in wanted.items()), "", ""]
    with socket.create_connection((question["address"], question["port"]), SECONDS) as connection:
        connection.sendall("\r\n".join(lines).encode())
        stream = connection.makefile("rb")
        status, headers = _head(stream)
        if status != 101:
            return {"status": status, "headers": headers}
        text, mask = question["websocket"].encode(), os.urandom(4)
        connection.sendall(bytes([0x81, 0x80 | len(text)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(text)))
        begin = stream.read(2)
        body = stream.read(begin[1]) if len(begin) == 2 else b""
    return {"status": status, "headers": headers, "body": body.decode()}


def _grpc(question):
    options = [("grpc.default_authority", question["host"]), ("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0)]
    with grpc.insecure_channel(f"{question['address']}:{question['port']}", options) as channel:
        path = question["path"] if question.get("path", "/") != "/" else "/traffic.Echo/Say"
        metadata = tuple((name.lower(), value) for name, value in question.get("headers", {}).items())
        call = channel.unary_unary(path)
        try:
            body, done = call.with_call(question["grpc"].encode(), timeout=SECONDS, metadata=metadata)
        except grpc.RpcError as error:
            return {"status": 200, "grpc": error.code().name, "headers": dict(error.initial_metadata() or ())}
        return {"status": 200, "grpc": done.code().name, "headers": dict(done.initial_metadata()), "body": body.decode()}


def _http2(question):
    address = f"{question['address']}:{question['port']}"
    argv = ["curl", "-s", "--http2-prior-knowledge", "--max-time", SECONDS, "-D", "-", "--connect-to", f"::{address}"]
    argv += [part for name, value in question.get("headers", {}).items() for part in ("-H", f"{name}: {value}")]
    argv += ["-X", question.get("method", "GET"), f"http://{question['host']}{question.get('path', '/')}"]
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, check=False)
    head, _, body = done.stdout.decode("utf-8", "replace").partition("\r\n\r\n")
    lines = head.split("\r\n")
    if not lines[0].startswith("HTTP/2 "):
        return {"error": f"curl ended with {done.returncode}: {head[:200]}"}
    headers = dict(line.partition(": ")[::2] for line in lines[1:])
    return {"status": int(lines[0].split(" ")[1]), "headers": headers, "body": body}


class _Connection(http.client.HTTPConnection):
    sni = None

    def connect(self):
        super().connect()
        if self.sni:
            self.sock = _tls(self.sock, self.sni)


def _http(question):
    connection = _Connection(question["address"], question["port"], timeout=SECONDS)
    connection.sni = question.get("sni")
    headers = {"host": question["host"], **question.get("headers", {})}
    try:
        connection.request(question.get("method", "GET"), question.get("path", "/"), question.get("content"), headers)
        response = connection.getresponse()
        body = response.read().decode("utf-8", "replace")
        return {"status": response.status, "headers": {k.lower(): v for k, v in response.getheaders()}, "body": body}
    finally:
        connection.close()


KINDS = {"tcp": _tcp, "udp": _udp, "websocket": _websocket, "grpc": _grpc, "http2": _http2}


def answer(question):
    began = time.monotonic()
    ask = next((ask for kind, ask in KINDS.items() if kind in question), _http)
    try:
        result = ask(question)
    except (OSError, http.client.HTTPException) as error:
        result = {"error": "closed" if isinstance(error, (ConnectionError, http.client.RemoteDisconnected, ssl.SSLError)) else str(error)}
    return {**result, "seconds": time.monotonic() - began}


def main():
    lock = threading.Lock()

    def work(question):
        if count := question.get("together"):
            with concurrent.futures.ThreadPoolExecutor(count) as crowd:
                answers = list(crowd.map(answer, [question] * count))
        else:
            answers = [answer(question) for _ in range(question.get("times", 1))]
        with lock:
            print(json.dumps({"id": question["id"], "answers": answers}), flush=True)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for line in sys.stdin:
            pool.submit(work, json.loads(line))


if __name__ == "__main__":
    main()
