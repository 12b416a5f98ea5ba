"""End-user tokens for tests: an issuer with keys of its own, whose server tells them."""

import base64
import http.server
import json
import pathlib
import subprocess
import threading
import time


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """An RSA key of the issuer, made and used by openssl."""

    def __init__(self, folder, kid):
        self.kid, self.file = kid, pathlib.Path(folder) / f"{kid}.pem"
        subprocess.run(["openssl", "genrsa", "-out", self.file, "2048"], check=True, capture_output=True)
        modulus = subprocess.run(["openssl", "rsa", "-in", self.file, "-noout", "-modulus"], check=True,
                                 capture_output=True, text=True).stdout.strip().split("=")[1]
        self.public = {"kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig", "e": "AQAB",
                       "n": _base64url(bytes.fromhex(modulus))}

    def sign(self, data):
        return subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.file], input=data, check=True,
                              capture_output=True).stdout


class Issuer:
    """`url` is the iss claim. `answers`: path -> text, for the server; a path without one is 404."""

    def __init__(self, folder, address="127.0.0.1"):
        self.key = Key(folder, "first")
        self.answers, self.asked = {}, []
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                issuer.asked.append(self.path)
                text = issuer.answers.get(self.path)
                status = 404 if text is None else 302 if text.startswith("http") else 200
                self.send_response(status)
                body = (text or "").encode()
                if status == 302:
                    self.send_header("Location", text)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.url = f"http://{address}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def publish(self, *keys):
        """The server answers from now on, with the discovery document and these keys (the issuer's own)."""
        self.answers["/keys"] = json.dumps({"keys": [key.public for key in keys or [self.key]]})
        self.answers["/.well-known/openid-configuration"] = json.dumps({"issuer": self.url, "jwks_uri": self.url + "/keys"})

    def token(self, key=None, seconds=3600, **claims):
        key = key or self.key
        payload = {"iss": self.url, "sub": "alice", "iat": int(time.time()), "exp": int(time.time()) + seconds, **claims}
        parts = [{"alg": "RS256", "typ": "JWT", "kid": key.kid}, {k: v for k, v in payload.items() if v is not None}]
        text = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
        return text + "." + _base64url(key.sign(text.encode()))

    def close(self):
        self._server.shutdown()
        self._server.server_close()
