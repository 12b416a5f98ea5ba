"""Asks the control plane for a certificate, as an agent does, and prints "issued" and its names, or why not.

usage: ask_certificate.py ADDRESS ROOT_FILE SERVER_NAME [SAN]     (the token is read from standard input)
SAN is the name that the request itself asks for ("URI:spiffe://...").
"""

import re
import subprocess
import sys

import grpc

METHOD = "/fairway.identity.v1.CertificateService/CreateCertificate"


def request(name):
    """A CreateCertificateRequest with a fresh key's CSR in field 1."""
    command = "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -subj /CN=x".split()
    command += ["-addext", f"subjectAltName={name}"] if name else []
    csr = subprocess.run(command, check=True, capture_output=True).stdout
    size = len(csr)
    return bytes([0x0A, size & 0x7F | 0x80, size >> 7]) + csr


def names_in(answer):
    """The subject alternative names of the first certificate in a CreateCertificateResponse."""
    leaf = re.search(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", answer, re.DOTALL).group()
    shown = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName"], input=leaf, check=True, capture_output=True)
    return shown.stdout.decode().split("\n")[1].strip()


def main():
    address, root, name = sys.argv[1:4]
    wanted = sys.argv[4] if len(sys.argv) > 4 else ""
    with open(root, "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    token = sys.stdin.read().strip()
    with grpc.secure_channel(address, credentials, [("grpc.ssl_target_name_override", name)]) as channel:
        call = channel.unary_unary(METHOD, request_serializer=bytes, response_deserializer=bytes)
        try:
            answer = call(request(wanted), metadata=[("authorization", f"Bearer {token}")], timeout=20)
        except grpc.RpcError as error:
            print(f"{error.code().name}: {error.details()}")
        else:
            print("issued", names_in(answer))


if __name__ == "__main__":
    main()
