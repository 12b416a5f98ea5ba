"""Sends requests and tells what became of each. One connection carries many requests, each after the answer to the one
before: Envoy closes connections on which it refuses a request while the next is there already."""

import asyncio
import re
import ssl

from generate import tokens
from world import ALLOW, CLOSED, DENY, FAIL, REFUSE, REJECT

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_VERDICTS = {b"200": ALLOW, b"403": DENY, b"401": REFUSE, b"400": REJECT, b"402": FAIL}
_WRONG_AUDIENCE = b"Audiences in Jwt are not allowed"  # Envoy says 403 of it
_SECONDS = 15
_PARALLEL = 24
# Long enough for the proxy to see at once that it is no TLS.
_BYTES = b"neither TLS nor HTTP\n"
_HANDSHAKE, _CLIENT_HELLO = 0x16, 0x01


class _Exchange(asyncio.Protocol):
    """One connection with its requests. TLS is done here, to see what answers a ClientHello: the application behind
    the proxy sends back what it gets, so its answer to foreign TLS is the ClientHello itself."""

    def __init__(self, requests, http, context):
        self.requests, self.http = requests, http
        self.verdicts = []
        self.done = asyncio.get_running_loop().create_future()
        self._transport, self._received, self._tls = None, b"", None
        self._established = context is None
        if context:
            self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
            sni = requests[0].connection.sni
            self._tls = context.wrap_bio(self._in, self._out, server_hostname=sni or None)

    def connection_made(self, transport):
        self._transport = transport
        if self._tls:
            self._handshake()
        else:
            self._send()

    def _handshake(self):
        try:
            self._tls.do_handshake()
            self._established = True
        except ssl.SSLWantReadError:
            pass
        self._flush()
        if self._established:
            self._send()

    def _flush(self):
        if self._out.pending:
            self._transport.write(self._out.read())

    def _send(self):
        """The next request."""
        data = encode(self.requests[len(self.verdicts)]) if self.http else _BYTES
        if self._tls:
            self._tls.write(data)
            self._flush()
        else:
            self._transport.write(data)

    def data_received(self, data):
        try:
            self._take(data)
        except ssl.SSLError:
            self._finish()

    def _take(self, data):
        if self._tls is None:
            self._received += data
        else:
            if not self._established:
                if data[0] != _HANDSHAKE and data[0] != 0x15:
                    return self._finish()  # no TLS
                if data[0] == _HANDSHAKE and len(data) > 5 and data[5] == _CLIENT_HELLO:
                    return self._finish(ALLOW)  # the application has our ClientHello
            self._in.write(data)
            if not self._established:
                self._handshake()
            if self._established:
                self._decrypt()
        return self._read_answer()

    def _decrypt(self):
        try:
            while chunk := self._tls.read(65536):
                self._received += chunk
        except ssl.SSLWantReadError:
            self._flush()

    def _read_answer(self):
        if not self.http:
            if self._received:
                self._finish(ALLOW)
            return
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._received[:end]
        length = _LENGTH.search(head)
        bodyless = self.requests[len(self.verdicts)].method == "HEAD"
        end += 4 + (0 if bodyless or not length else int(length.group(1)))
        if len(self._received) < end:
            return
        body, self._received = self._received[len(head) + 4 : end], self._received[end:]
        status = head[9:12]
        # The answer to HEAD has the length of the text it would have.
        text_length = int(length.group(1)) if length else 0
        if status == b"403" and (_WRONG_AUDIENCE in body or bodyless and text_length == len(_WRONG_AUDIENCE)):
            status = b"401"
        self.verdicts.append(_VERDICTS.get(status) or f"status {status.decode('latin-1')}")
        if len(self.verdicts) == len(self.requests) or b"\r\nconnection: close" in head:
            self._finish()
        else:
            self._send()

    def connection_lost(self, exc):
        self._finish()

    def _finish(self, rest=None):
        if rest:
            self.verdicts = [rest] * len(self.requests)
        if not self.done.done():
            self.done.set_result(None)
        if self._transport:
            self._transport.abort()


_HEADERS = {  # places of tokens, as header and what stands before the token; the others are query parameters
    "bearer": ("authorization", "Bearer "),
    "x-jwt": ("x-jwt", "Token "),
    "x-bare": ("x-bare", ""),
    "session": ("cookie", "session="),
}


def with_tokens(request):
    """The path and the headers of a request, its tokens in their places."""
    path, headers = request.path, list(request.headers)
    for token in request.tokens:
        text = tokens.encode(token)
        if token.place in _HEADERS:
            name, before = _HEADERS[token.place]
            headers.append((name, before + text))
        else:
            path += ("&" if "?" in path else "?") + f"{token.place}={text}"
    return path, headers


def encode(request):
    path, headers = with_tokens(request)
    lines = [f"{request.method} {path} HTTP/1.1", f"Host: {request.host}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Client:
    """Sends to one workload port after the other; `authority` has the clients' certificates."""

    def __init__(self, authority):
        self.authority = authority
        self.connections = 0

    def send(self, batches):
        """`batches`: (ip, http, requests that share their connection). Returns a list of verdicts for each."""
        return asyncio.run(self._send_all(batches))

    async def _send_all(self, batches):
        limit = asyncio.Semaphore(_PARALLEL)

        async def one(batch):
            async with limit:
                return await self._batch(*batch)

        return await asyncio.gather(*map(one, batches))

    async def _batch(self, ip, http, requests):
        verdicts = []
        while len(verdicts) < len(requests):
            # What came after a request at which the server closed has no answer yet.
            rest = requests[len(verdicts) :]
            got = await self._exchange(ip, http, rest)
            verdicts += got if got else [CLOSED] * len(rest)
        return verdicts

    async def _exchange(self, ip, http, requests):
        connection = requests[0].connection
        context = self.authority.context(connection.certificate, connection.mesh_alpn) if connection.tls else None
        self.connections += 1
        loop = asyncio.get_running_loop()
        exchange = _Exchange(requests, http, context)
        await loop.create_connection(
            lambda: exchange, ip, connection.port, local_addr=(connection.source, 0)
        )
        try:
            await asyncio.wait_for(exchange.done, _SECONDS)
        except TimeoutError:
            return exchange.verdicts + ["no answer"]
        return exchange.verdicts
