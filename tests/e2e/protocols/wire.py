"""Messages of MongoDB, MySQL and WebSocket, as far as the peers here need them."""

import os
import struct

OP_MSG = 2013


class Closed(Exception):
    """The other side ended the connection."""


def exactly(stream, count):
    data = stream.read(count)
    if len(data) != count:
        raise Closed(f"{len(data)} of {count} bytes came")
    return data


# --- MongoDB: OP_MSG with one document, of texts, whole numbers and numbers --------------------------------------------


def to_bson(document):
    parts = []
    for name, value in document.items():
        key = name.encode() + b"\0"
        if isinstance(value, str):
            text = value.encode() + b"\0"
            parts.append(b"\x02" + key + struct.pack("<i", len(text)) + text)
        elif isinstance(value, float):
            parts.append(b"\x01" + key + struct.pack("<d", value))
        else:
            parts.append(b"\x10" + key + struct.pack("<i", value))
    body = b"".join(parts)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def from_bson(data):
    document, at = {}, 4
    while data[at]:
        kind, end = data[at], data.index(b"\0", at + 1)
        name, at = data[at + 1 : end].decode(), end + 1
        if kind == 0x02:
            (length,) = struct.unpack_from("<i", data, at)
            document[name], at = data[at + 4 : at + 3 + length].decode(), at + 4 + length
        elif kind == 0x01:
            (document[name],), at = struct.unpack_from("<d", data, at), at + 8
        elif kind == 0x10:
            (document[name],), at = struct.unpack_from("<i", data, at), at + 4
        else:
            raise ValueError(f"element {name} has type {kind}")
    return document


def op_msg(request, answers_to, document):
    body = struct.pack("<I", 0) + b"\0" + to_bson(document)
    return struct.pack("<iiii", len(body) + 16, request, answers_to, OP_MSG) + body


def read_op_msg(stream):
    """(request id, id of the message that it answers, document)."""
    length, request, answers_to, code = struct.unpack("<iiii", exactly(stream, 16))
    body = exactly(stream, length - 16)
    if code != OP_MSG or body[4] != 0:
        raise ValueError(f"operation {code}, section {body[4]}")
    return request, answers_to, from_bson(body[5:])


# --- MySQL: packets with length and sequence -----------------------------------------------------------------------------


def mysql_packet(sequence, payload):
    return len(payload).to_bytes(3, "little") + bytes([sequence]) + payload


def read_mysql_packet(stream):
    """(sequence, payload)."""
    head = exactly(stream, 4)
    return head[3], exactly(stream, int.from_bytes(head[:3], "little"))


# --- WebSocket: frames of texts ----------------------------------------------------------------------------------------


def websocket_frame(text, masked):
    data, mask = text.encode(), os.urandom(4) if masked else b""
    flag = 0x80 if masked else 0
    if len(data) < 126:
        head = bytes([0x81, flag | len(data)])
    else:
        head = bytes([0x81, flag | 127]) + struct.pack(">Q", len(data))
    if masked:
        data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
    return head + mask + data


def read_websocket_frame(stream):
    """A text, None at the end of the conversation."""
    first, second = exactly(stream, 2)
    length = second & 127
    if length == 127:
        (length,) = struct.unpack(">Q", exactly(stream, 8))
    mask = exactly(stream, 4) if second & 0x80 else b""
    data = exactly(stream, length)
    if mask:
        data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
    return data.decode() if first & 15 == 1 else None
