"""The applications beside ONAP's: a server of a protocol that nobody knows, and one of gRPC.

usage: apps.py TCP-ADDRESS GRPC-ADDRESS

The first answers each line with ten times its bytes. The second has the methods /shop.Calls/Get, /shop.Calls/Fail (code 14), and
/shop.Calls/List, which sends three messages. Prints "ready" when both listen.
"""

import concurrent.futures
import socketserver
import sys
import threading

import grpc


class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line * 10)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


def fail(_, context):
    context.abort(grpc.StatusCode.UNAVAILABLE, "never here")


HANDLERS = {
    "Get": grpc.unary_unary_rpc_method_handler(lambda message, _: message * 2),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "List": grpc.unary_stream_rpc_method_handler(lambda message, _: iter([message] * 3)),
}


def main():
    ip, port = sys.argv[1].rsplit(":", 1)
    threading.Thread(target=Server((ip, int(port)), Lines).serve_forever, daemon=True).start()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Calls", HANDLERS),))
    server.add_insecure_port(sys.argv[2])
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
