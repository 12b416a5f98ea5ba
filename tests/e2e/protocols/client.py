"""Talks to the servers of server.py from inside the client's pod.

usage: client.py PROTOCOL ADDRESS PORT [HOST]      what came of it, as one line of JSON
"""

import base64
import http.client
import json
import os
import queue
import smtplib
import socket
import sys

import grpc
import wire

SECONDS = 30


def connect(address, port):
    return socket.create_connection((address, port), SECONDS)


def redis(address, port):
    """Commands one by one, a thousand at once, a value of a megabyte, and what the server says unasked."""

    def command(*words):
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)

    def answer(stream):
        line = stream.readline().rstrip(b"\r\n")
        if line[:1] == b"$":
            return wire.exactly(stream, int(line[1:]) + 2)[:-2] if line != b"$-1" else None
        if line[:1] == b"*":
            return [answer(stream) for _ in range(int(line[1:]))]
        return line[1:]

    result, big = {}, os.urandom(1 << 20)
    with connect(address, port) as connection, connect(address, port) as other:
        stream, heard = connection.makefile("rb"), other.makefile("rb")
        connection.sendall(command("PING"))
        result["ping"] = answer(stream).decode()
        connection.sendall(b"".join(command("INCR", "counter") for _ in range(1000)))
        result["counter"] = [int(answer(stream)) for _ in range(1000)][-1]
        connection.sendall(command("SET", "big", big) + command("GET", "big"))
        result["big"] = [answer(stream) == b"OK", answer(stream) == big]
        other.sendall(command("SUBSCRIBE", "news"))
        answer(heard)
        connection.sendall(command("PUBLISH", "news", "it happened"))
        result["published"], result["heard"] = int(answer(stream)), answer(heard)[2].decode()
        connection.sendall(command("INFO", "server"))
        result["version"] = next(line for line in answer(stream).decode().splitlines() if line.startswith("redis_version"))
    return result


def mongo(address, port):
    result = {}
    with connect(address, port) as connection:
        stream = connection.makefile("rb")
        commands = ({"hello": 1, "$db": "admin"}, {"ping": 1, "$db": "admin"}, {"insert": "things", "document": "x" * 1_000_000})
        for number, command in enumerate((*commands, {"eval": 1})):
            connection.sendall(wire.op_msg(number, 0, command))
            _, answers_to, document = wire.read_op_msg(stream)
            result[next(iter(command))] = [answers_to == number, document]
    return result


def smtp(address, port):
    with smtplib.SMTP(address, port, local_hostname="client", timeout=SECONDS) as mail:
        return {"ehlo": mail.ehlo()[0], "extension": mail.has_extn("8bitmime"), "noop": mail.noop()[0]}


def mysql(address, port):
    with connect(address, port) as connection:
        stream = connection.makefile("rb")
        _, greeting = wire.read_mysql_packet(stream)  # the server speaks first
        response = (0x81A285).to_bytes(4, "little") + (1 << 24).to_bytes(4, "little") + b"\x21" + bytes(23) + b"user\0\0"
        connection.sendall(wire.mysql_packet(1, response))
        sequence, accepted = wire.read_mysql_packet(stream)
        connection.sendall(wire.mysql_packet(0, b"\x0e"))
        _, ping = wire.read_mysql_packet(stream)
    return {"version": greeting[1:].split(b"\0")[0].decode(), "accepted": [sequence, accepted[0]], "ping": ping[0]}


def websocket(address, port):
    with connect(address, port) as connection:
        key = base64.b64encode(os.urandom(16)).decode()
        head = ["GET /chat HTTP/1.1", "host: apps", "connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13"]
        connection.sendall("\r\n".join([*head, f"sec-websocket-key: {key}", "", ""]).encode())
        stream = connection.makefile("rb")
        status = int(stream.readline().split()[1])
        while stream.readline().strip():
            pass
        long = "x" * 200_000
        for text in ("hello", long, "push 50"):
            connection.sendall(wire.websocket_frame(text, True))
        answers = [wire.read_websocket_frame(stream) for _ in range(52)]
    return {"status": status, "first": answers[0], "long": answers[1] == long.upper(), "pushed": answers[2:] == [str(i) for i in range(50)]}


def streams(address, port):
    target = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    options = [("grpc.default_authority", "apps"), ("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0)]
    with grpc.insecure_channel(target, options) as channel:
        result = {"say": channel.unary_unary("/test.Streams/Say")(b"hello", timeout=SECONDS).decode()}
        result["count"] = [int(part) for part in channel.unary_stream("/test.Streams/Count")(b"500", timeout=SECONDS)] == list(range(500))
        numbers = (str(number).encode() for number in range(100))
        result["add"] = int(channel.stream_unary("/test.Streams/Add")(numbers, timeout=SECONDS))

        # Each message is sent when the answer to the one before has come: neither side waits for the other's end.
        words, said = queue.SimpleQueue(), []
        heard = channel.stream_stream("/test.Streams/Chat")(iter(words.get, None), timeout=SECONDS)
        for word in (b"one", b"two", b"three"):
            words.put(word)
            said.append(next(heard).decode())
        words.put(None)
        result["chat"], result["rest"] = said, [part.decode() for part in heard]
        waiting = channel.unary_stream("/test.Streams/Wait")(b"", timeout=2)
        result["first"] = next(waiting).decode()
        try:
            next(waiting)
        except grpc.RpcError as error:
            result["then"] = error.code().name
        try:
            channel.unary_unary("/test.Streams/None")(b"", timeout=SECONDS)
        except grpc.RpcError as error:
            result["none"] = error.code().name
    return result


def http1(address, port):
    connection = http.client.HTTPConnection(address, port, timeout=SECONDS)
    connection.request("GET", "/", headers={"host": sys.argv[4]})
    response = connection.getresponse()
    return {"status": response.status, "body": response.read().decode()}


def udp(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(SECONDS)
        sock.sendto(b"question", (address, port))
        data, sender = sock.recvfrom(1500)
        return {"answer": data.decode(), "sender": sender[0]}


PROTOCOLS = {f.__name__: f for f in (redis, mongo, smtp, mysql, websocket, streams, http1, udp)}

if __name__ == "__main__":
    try:
        print(json.dumps(PROTOCOLS[sys.argv[1]](sys.argv[2], int(sys.argv[3]))))
    except (OSError, wire.Closed, smtplib.SMTPException, grpc.RpcError, http.client.HTTPException) as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
