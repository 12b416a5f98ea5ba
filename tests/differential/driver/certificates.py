"""A certificate authority of the test, and certificates of clients, made once and kept for the run."""

import concurrent.futures
import os
import ssl
import subprocess


class Authority:
    """Everything is in one folder. All certificates share one key: making keys is what takes time."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(parents=True)
        self.key = directory / "key.pem"
        self._run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key)
        self._contexts = {}
        for name in ("mesh", "foreign"):
            self._run(*self._new(f"/O={name}"), "-out", directory / f"root-{name}.pem")

    @property
    def root(self):
        return self.directory / "root-mesh.pem"

    def _new(self, subject):
        return ("req", "-x509", "-new", "-key", self.key, "-subj", subject, "-days", "2")

    @staticmethod
    def _run(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def _file(self, certificate):
        return self.directory / f"{certificate.authority}-{certificate.uri.replace('/', '_')}.pem"

    def issue(self, certificates):
        """Makes the files of these certificates, as far as they are not there."""
        missing = [c for c in set(certificates) if not self._file(c).exists()]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self._issue, missing))

    def _issue(self, certificate):
        root = self.directory / f"root-{certificate.authority}.pem"
        extensions = [f"subjectAltName=URI:{certificate.uri}", "basicConstraints=CA:FALSE"]
        self._run(
            *self._new("/O=workload"),
            *("-CA", root, "-CAkey", self.key),
            *(part for extension in extensions for part in ("-addext", extension)),
            *("-out", self._file(certificate)),
        )

    def files(self, certificate):
        self.issue([certificate])
        return self._file(certificate), self.key

    def context(self, certificate, mesh_alpn):
        """A client's TLS context. Who the server is does not matter here."""
        key = (certificate, mesh_alpn)
        if key not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols(["istio", "http/1.1"] if mesh_alpn else ["http/1.1"])
            if certificate:
                context.load_cert_chain(*self.files(certificate))
            self._contexts[key] = context
        return self._contexts[key]
