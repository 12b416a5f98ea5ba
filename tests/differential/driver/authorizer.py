"""The external authorizer of the test: a server of HTTP and one of gRPC (Envoy's ext_authz protocol), which answer what
the request, or the client's address, says."""

import concurrent.futures
import http.server
import threading

import grpc
from envoy.service.auth.v3 import external_auth_pb2, external_auth_pb2_grpc
from envoy.type.v3 import http_status_pb2
from google.rpc import code_pb2, status_pb2

from world import ASKED_HEADER, answer_to_connection, answer_to_request

_THREADS = 8
_STATUS = {"allow": 200, "deny": 403, "error": 500}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _answer(self):
        length = int(self.headers.get("content-length", 0))
        if length:
            self.rfile.read(length)
        self.server.asked()
        self.send_response(_STATUS[answer_to_request(self.headers.get(ASKED_HEADER))])
        self.send_header("content-length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _answer

    def log_message(self, *_):
        pass


class _HttpServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, asked):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked = asked


class _Grpc(external_auth_pb2_grpc.AuthorizationServicer):
    def __init__(self, asked):
        self.asked = asked

    def Check(self, request, context):  # pylint: disable=invalid-name
        self.asked()
        attributes = request.attributes
        if attributes.request.HasField("http"):
            answer = answer_to_request(attributes.request.http.headers.get(ASKED_HEADER))
        else:
            answer = answer_to_connection(attributes.source.address.socket_address.address)
        if answer == "error":
            context.abort(grpc.StatusCode.INTERNAL, "no answer")
        if answer == "allow":
            return external_auth_pb2.CheckResponse(status=status_pb2.Status(code=code_pb2.OK))
        denied = external_auth_pb2.DeniedHttpResponse(status=http_status_pb2.HttpStatus(code=403))
        status = status_pb2.Status(code=code_pb2.PERMISSION_DENIED)
        return external_auth_pb2.CheckResponse(status=status, denied_response=denied)


class Authorizer:
    """Both servers, on free ports of the loopback. Owner: the driver; lives in threads of its process until close()."""

    def __init__(self):
        self.questions = 0  # so many it was asked
        self._lock = threading.Lock()
        self._http = _HttpServer(self._asked)
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()
        self._grpc = grpc.server(concurrent.futures.ThreadPoolExecutor(_THREADS))
        external_auth_pb2_grpc.add_AuthorizationServicer_to_server(_Grpc(self._asked), self._grpc)
        self._grpc_port = self._grpc.add_insecure_port("127.0.0.1:0")
        self._grpc.start()

    def _asked(self):
        with self._lock:
            self.questions += 1

    def address(self, speaks_grpc):
        return ("127.0.0.1", self._grpc_port if speaks_grpc else self._http.server_address[1])

    def close(self):
        self._http.shutdown()
        self._http.server_close()
        self._grpc.stop(0)
