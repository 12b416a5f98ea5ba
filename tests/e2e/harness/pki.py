"""CAs and certificates of tests, made with the openssl program."""

import pathlib
import subprocess


def openssl(*arguments, cwd, data=None):
    done = subprocess.run(["openssl", *arguments], cwd=cwd, input=data, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, f"openssl {' '.join(arguments)}: {done.stderr.decode()}"
    return done.stdout.decode()


class Ca:
    """A root and an intermediate that signs, in a folder of its own."""

    def __init__(self, directory, name):
        self.directory, self.name = pathlib.Path(directory), name
        self.directory.mkdir(parents=True)
        for part in ("root", "ca"):
            openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", f"{part}-key.pem", cwd=self.directory)
        extensions = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        openssl(
            *("req", "-x509", "-new", "-key", "root-key.pem", "-out", "root-cert.pem", "-days", "30"),
            *("-subj", f"/CN=root {name}", *extensions),
            cwd=self.directory,
        )
        openssl("req", "-new", "-key", "ca-key.pem", "-out", "ca.csr", "-subj", f"/CN=intermediate {name}", cwd=self.directory)
        (self.directory / "ca.ext").write_text(
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n", encoding="ascii"
        )
        openssl(
            *("x509", "-req", "-in", "ca.csr", "-CA", "root-cert.pem", "-CAkey", "root-key.pem", "-CAcreateserial"),
            *("-out", "ca-cert.pem", "-days", "20", "-extfile", "ca.ext"),
            cwd=self.directory,
        )
        (self.directory / "index.txt").touch()
        (self.directory / "crl.cnf").write_text(
            "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=7\ncrlnumber=crlnumber\n",
            encoding="ascii",
        )
        (self.directory / "crlnumber").write_text("01\n", encoding="ascii")

    def text(self, file):
        return (self.directory / file).read_text(encoding="ascii")

    def files(self, roots=(), crl=""):
        """As in the Secret cacerts; `roots`: CAs whose roots are trusted beside this one's."""
        files = {
            "ca-cert.pem": self.text("ca-cert.pem"),
            "ca-key.pem": self.text("ca-key.pem"),
            "cert-chain.pem": self.text("ca-cert.pem"),
            "root-cert.pem": self.text("root-cert.pem") + "".join(other.text("root-cert.pem") for other in roots),
        }
        if crl:
            files["ca-crl.pem"] = crl
        return files

    def issue(self, uri, name="leaf"):
        """A certificate for a SPIFFE ID: paths of its chain and its key."""
        openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", f"{name}-key.pem", cwd=self.directory)
        openssl("req", "-new", "-key", f"{name}-key.pem", "-out", f"{name}.csr", "-subj", "/CN=x", cwd=self.directory)
        (self.directory / f"{name}.ext").write_text(
            f"subjectAltName=critical,URI:{uri}\nextendedKeyUsage=clientAuth,serverAuth\nkeyUsage=critical,digitalSignature\n",
            encoding="ascii",
        )
        openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca-cert.pem", "-CAkey", "ca-key.pem", "-CAcreateserial"),
            *("-out", f"{name}.pem", "-days", "5", "-extfile", f"{name}.ext"),
            cwd=self.directory,
        )
        chain = self.directory / f"{name}-chain.pem"
        chain.write_text(self.text(f"{name}.pem") + self.text("ca-cert.pem"), encoding="ascii")
        return chain, self.directory / f"{name}-key.pem"

    def crl(self, *revoked):
        """The intermediate's list with these certificates of it (paths)."""
        for path in revoked:
            openssl(
                *("ca", "-config", "crl.cnf", "-revoke", str(path), "-keyfile", "ca-key.pem", "-cert", "ca-cert.pem"),
                cwd=self.directory,
            )
        return openssl(
            "ca", "-config", "crl.cnf", "-gencrl", "-keyfile", "ca-key.pem", "-cert", "ca-cert.pem", cwd=self.directory
        )

    def root_crl(self):
        return openssl(
            "ca", "-config", "crl.cnf", "-gencrl", "-keyfile", "root-key.pem", "-cert", "root-cert.pem", cwd=self.directory
        )
