"""Sends the table's requests from inside the client's pod: JSON lines in, an answer for each out, in any order.

  {"id": ..., "address": "10.96.1.1", "port": 80, "method", "path", "host", "headers", "times", "sni", "tcp"}
  {"id": ..., "answers": [{"status", "headers", "body", "seconds"} or {"error"}]}

With "sni" the request goes over TLS (no certificate is verified); with "tcp" its text is sent as a line and a line is read.
"""

import concurrent.futures
import http.client
import json
import socket
import ssl
import sys
import threading
import time

SECONDS = 20


def _tls(connection, sni):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection, server_hostname=sni)


def _tcp(question):
    with socket.create_connection((question["address"], question["port"]), SECONDS) as connection:
        connection = _tls(connection, question["sni"]) if question.get("sni") else connection
        connection.sendall(f"{question['tcp']}\n".encode())
        line = connection.makefile().readline()
    return {"body": line.strip()} if line else {"error": "closed"}


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


def answer(question):
    began = time.monotonic()
    try:
        result = _tcp(question) if "tcp" in question else _http(question)
    except (OSError, http.client.HTTPException) as error:
        result = {"error": "closed" if isinstance(error, (ConnectionError, http.client.RemoteDisconnected, ssl.SSLError)) else str(error)}
    return {**result, "seconds": time.monotonic() - began}


def main():
    lock = threading.Lock()

    def work(question):
        answers = [answer(question) for _ in range(question.get("times", 1))]
        with lock:
            print(json.dumps({"id": question["id"], "answers": answers}), flush=True)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for line in sys.stdin:
            pool.submit(work, json.loads(line))


if __name__ == "__main__":
    main()
