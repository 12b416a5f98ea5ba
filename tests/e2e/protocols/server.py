"""The applications of the server's pod, all in one process (Redis is a process of its own): MongoDB at 27017, SMTP at 2525, MySQL at
3306, WebSocket at 8080, gRPC at 9095, UDP at 9053; at IPv4 and, where there is any, IPv6.

usage: server.py
"""

import base64
import concurrent.futures
import hashlib
import http.server
import os
import socket
import socketserver
import threading
import time

import grpc
import wire


class Mongo(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            try:
                request, _, command = wire.read_op_msg(self.rfile)
            except wire.Closed:
                return
            answer = {"ok": 1.0}
            if "hello" in command:
                answer = {"isWritablePrimary": 1, "maxWireVersion": 21, "connectionId": 7, **answer}
            elif "insert" in command:
                answer = {"n": 1, "bytes": len(command["document"]), **answer}
            elif "ping" not in command:
                answer = {"ok": 0.0, "code": 59, "codeName": "CommandNotFound"}
            self.wfile.write(wire.op_msg(request + 1000, request, answer))


class Smtp(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 mail.example.com ESMTP\r\n")
        for line in self.rfile:
            command = line.decode().split()[0].upper()
            answers = {"EHLO": "250-mail.example.com\r\n250 8BITMIME", "NOOP": "250 nothing done", "QUIT": "221 bye"}
            self.wfile.write(f"{answers.get(command, '502 not here')}\r\n".encode())
            if command == "QUIT":
                return


class Mysql(socketserver.StreamRequestHandler):
    OK = b"\0\0\0\x02\0\0\0"

    def handle(self):
        # Protocol::HandshakeV10: version, thread, 8 bytes of the scramble, capabilities, character set, status ...
        handshake = b"\x0a8.0.36-peer\0" + (7).to_bytes(4, "little") + b"scramble\0" + b"\xff\xf7" + b"\x21\x02\0"
        self.wfile.write(wire.mysql_packet(0, handshake + b"\xff\x81\x15" + bytes(10) + b"moreofscrambl\0"))
        try:
            sequence, _ = wire.read_mysql_packet(self.rfile)
            self.wfile.write(wire.mysql_packet(sequence + 1, self.OK))
            while True:
                sequence, command = wire.read_mysql_packet(self.rfile)
                if command[0] == 1:  # COM_QUIT
                    return
                self.wfile.write(wire.mysql_packet(sequence + 1, self.OK if command[0] == 14 else b"\xff\x17\x04unknown command"))
        except wire.Closed:
            return


class Http(http.server.BaseHTTPRequestHandler):
    """WebSocket: says each message again in capitals; to "push N" it says N messages. Other requests: who asked how."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        if self.headers.get("upgrade", "").lower() != "websocket":
            body = f"{self.headers.get('x-forwarded-client-cert', 'plain')}\n".encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        key = self.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        for name, value in (("upgrade", "websocket"), ("connection", "Upgrade")):
            self.send_header(name, value)
        self.send_header("sec-websocket-accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        while (text := wire.read_websocket_frame(self.rfile)) is not None:
            answers = [str(i) for i in range(int(text[5:]))] if text.startswith("push ") else [text.upper()]
            for answer in answers:
                self.wfile.write(wire.websocket_frame(answer, False))
            self.wfile.flush()

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Udp(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(b"udp " + data, self.client_address)


class DualStack:
    address_family = socket.AF_INET6 if os.path.exists("/proc/net/if_inet6") else socket.AF_INET
    any_address = "::" if address_family == socket.AF_INET6 else "0.0.0.0"
    daemon_threads = allow_reuse_address = True


class TcpServer(DualStack, socketserver.ThreadingTCPServer):
    pass


class HttpServer(DualStack, http.server.ThreadingHTTPServer):
    pass


class UdpServer(DualStack, socketserver.ThreadingUDPServer):
    pass


def _chat(requests, _):
    for request in requests:
        yield request.upper()


def _count(request, _):
    for number in range(int(request)):
        yield str(number).encode()


def _slowly(_, context):
    """One message, and then none until the client or somebody between gives up."""
    yield b"first"
    while context.is_active():
        time.sleep(0.05)


def serve_grpc(port):
    methods = {
        "Say": grpc.unary_unary_rpc_method_handler(lambda request, _: request),
        "Count": grpc.unary_stream_rpc_method_handler(_count),
        "Add": grpc.stream_unary_rpc_method_handler(lambda requests, _: str(sum(map(int, requests))).encode()),
        "Chat": grpc.stream_stream_rpc_method_handler(_chat),
        "Wait": grpc.unary_stream_rpc_method_handler(_slowly),
    }
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Streams", methods),))
    server.add_insecure_port(f"[{DualStack.any_address}]:{port}" if ":" in DualStack.any_address else f"0.0.0.0:{port}")
    server.start()
    return server


def main():
    kept = serve_grpc(9095)
    servers = [TcpServer((DualStack.any_address, port), handler) for port, handler in ((27017, Mongo), (2525, Smtp), (3306, Mysql))]
    servers += [HttpServer((DualStack.any_address, 8080), Http), UdpServer((DualStack.any_address, 9053), Udp)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    kept.wait_for_termination()


if __name__ == "__main__":
    main()
