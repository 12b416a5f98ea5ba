"""Asks the control plane for a certificate, as an agent does, and prints "issued" or why not.

usage: ask_certificate.py ADDRESS ROOT_FILE SERVER_NAME     (the token is read from standard input)
"""

import subprocess
import sys

import grpc

METHOD = "/fairway.identity.v1.CertificateService/CreateCertificate"


def request():
    """A CreateCertificateRequest with a fresh key's CSR in field 1."""
    command = "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -subj /CN=x"
    csr = subprocess.run(command.split(), check=True, capture_output=True).stdout
    size = len(csr)
    return bytes([0x0A, size & 0x7F | 0x80, size >> 7]) + csr


def main():
    address, root, name = sys.argv[1:]
    with open(root, "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    token = sys.stdin.read().strip()
    with grpc.secure_channel(address, credentials, [("grpc.ssl_target_name_override", name)]) as channel:
        call = channel.unary_unary(METHOD, request_serializer=bytes, response_deserializer=bytes)
        try:
            call(request(), metadata=[("authorization", f"Bearer {token}")], timeout=20)
        except grpc.RpcError as error:
            print(f"{error.code().name}: {error.details()}")
        else:
            print("issued")


if __name__ == "__main__":
    main()
