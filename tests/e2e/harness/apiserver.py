"""A real Kubernetes API server over a real etcd, on the loopback, without nodes and controllers."""

import base64
import http.client
import json
import os
import pathlib
import random
import shutil
import socket
import ssl
import subprocess

from processes import CACHE, Failed, Process, request, versions, wait_for

HOST = "127.0.0.1"
ROOT_NAMESPACE = "istio-system"
_READ = ["list", "watch"]
CUSTOM_GROUPS = [
    "authentication.istio.io",
    "extensions.istio.io",
    "gateway.networking.k8s.io",
    "networking.fairway.io",
    "networking.istio.io",
    "rbac.istio.io",
    "security.istio.io",
    "telemetry.istio.io",
]
# What `fairway serve` needs of the API server, in all namespaces ...
READER_RULES = [
    {
        "apiGroups": [""],
        "resources": ["services", "pods", "namespaces", "nodes", "secrets", "configmaps"],
        "verbs": _READ,
    },
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": _READ},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses", "ingressclasses"], "verbs": _READ},
    {
        "apiGroups": CUSTOM_GROUPS,
        "resources": ["*"],
        "verbs": _READ,
    },
    {
        "apiGroups": CUSTOM_GROUPS,
        "resources": ["*/status"],
        "verbs": ["patch"],
    },
    {"apiGroups": ["networking.istio.io"], "resources": ["workloadentries"], "verbs": ["get", "create", "patch", "delete"]},
    {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["gatewayclasses"], "verbs": ["create"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": [*_READ, "create", "patch", "delete"]},
    {"apiGroups": [""], "resources": ["services", "serviceaccounts"], "verbs": [*_READ, "create", "patch", "delete"]},
    {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["istio-ca-root-cert"], "verbs": ["patch"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses/status"], "verbs": ["patch"]},
    {
        "apiGroups": ["admissionregistration.k8s.io"],
        "resources": ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
        "verbs": _READ,
    },
    {
        "apiGroups": ["admissionregistration.k8s.io"],
        "resources": ["mutatingwebhookconfigurations"],
        "resourceNames": ["istio-sidecar-injector"],
        "verbs": ["patch"],
    },
    {
        "apiGroups": ["admissionregistration.k8s.io"],
        "resources": ["validatingwebhookconfigurations"],
        "resourceNames": ["istio-validator"],
        "verbs": ["patch"],
    },
]
# ... and in the root namespace.
ROOT_RULES = [
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["get", "list", "create", "update", "delete"],
    },
    {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["istio-ca-secret", "cacerts"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["istio"], "verbs": _READ},
]


def free_port():
    """One below those that the kernel gives to clients: no connection of a test beside this one can take it before its server does."""
    first = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    for _ in range(100):
        port = random.randrange(16000, first)
        with socket.socket() as s:
            try:
                s.bind((HOST, port))
            except OSError:
                continue
            return port
    raise Failed(f"no free port of {HOST} from 16000 to {first - 1}")


def kube_binary(name="kube"):
    path = CACHE / f"kubernetes-{versions()['KUBERNETES_VERSION']}" / name
    if not os.access(path, os.X_OK):
        raise Failed(f"no {path}: run `make setup` first")
    return str(path)


class Certificates:
    """A certificate authority in a folder, by openssl."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.ca = self.directory / "ca.crt"
        self._openssl(
            *"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test-ca".split(),
            *("-keyout", self.directory / "ca.key", "-out", self.ca),
        )

    @staticmethod
    def _openssl(*arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"openssl {arguments[0]}: {done.stderr}")

    def issue(self, name, subject, extension):
        """Writes <name>.crt and <name>.key; returns both paths."""
        key, crt = self.directory / f"{name}.key", self.directory / f"{name}.crt"
        csr, ext = self.directory / f"{name}.csr", self.directory / f"{name}.ext"
        ext.write_text(extension, encoding="ascii")
        self._openssl(
            *"req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split(),
            *("-subj", subject, "-keyout", key, "-out", csr),
        )
        self._openssl(
            *("x509", "-req", "-in", csr, "-CA", self.ca, "-CAkey", self.directory / "ca.key", "-CAcreateserial"),
            *("-days", "2", "-extfile", ext, "-out", crt),
        )
        return crt, key

    def signing_pair(self, name):
        key, pub = self.directory / f"{name}.key", self.directory / f"{name}.pub"
        self._openssl("genrsa", "-out", key, "2048")
        self._openssl("rsa", "-in", key, "-pubout", "-out", pub)
        return key, pub


def etcd_binary(progress):
    """An etcd as clusters have it, or Debian's, which cannot tell its progress, as streaming lists need."""
    if not progress:
        return shutil.which("etcd") or "/usr/bin/etcd"
    path = CACHE / f"etcd-{versions()['ETCD_VERSION']}" / "etcd"
    if not os.access(path, os.X_OK):
        raise Failed(f"no {path}: run `make setup` first")
    return str(path)


class Etcd(Process):
    def __init__(self, directory, progress=True):
        self.client, self.peer = (f"http://{HOST}:{free_port()}" for _ in range(2))
        program = etcd_binary(progress)
        argv = [
            *(program, "--name", "test", "--data-dir", directory / "data", "--unsafe-no-fsync"),
            *("--listen-client-urls", self.client, "--advertise-client-urls", self.client),
            *("--listen-peer-urls", self.peer, "--initial-advertise-peer-urls", self.peer),
            *("--initial-cluster", f"test={self.peer}", "--log-level", "warn"),
        ]
        super().__init__("etcd", argv, directory / "etcd.log")

    def call(self, path, body):
        """etcd's JSON gateway."""
        answer = request(self.client.removeprefix("http://"), path, method="POST", body=json.dumps(body))
        return json.loads(answer.body) if answer.status == 200 else None

    def start(self):
        super().start()

        def serves():
            self.check()
            return self.call("/v3/kv/range", {"key": base64.b64encode(b"x").decode()}) is not None

        wait_for(serves, 30, "etcd to answer")
        return self

    def compact(self):
        """Forgets everything older than now."""
        state = self.call("/v3/kv/range", {"key": base64.b64encode(b"x").decode()})
        revision = state["header"]["revision"]
        if self.call("/v3/kv/compaction", {"revision": revision, "physical": True}) is None:
            raise Failed(f"etcd did not compact to revision {revision}")


class ApiServer(Process):
    """`with` is not needed: the lab stops it. Kubeconfigs: `admin` may do all, `reader` is for the control plane."""

    def __init__(self, directory, watch_cache=True, watch_list=True, etcd_progress=True):
        self.directory = pathlib.Path(directory)
        self.etcd = Etcd(self.directory, etcd_progress)
        self.port = free_port()
        self.certificates = Certificates(self.directory / "pki")
        crt, key = self.certificates.issue(
            "apiserver", "/CN=kube-apiserver", f"subjectAltName=IP:{HOST},IP:10.96.0.1,DNS:kubernetes.default.svc"
        )
        sa_key, sa_pub = self.certificates.signing_pair("service-accounts")
        argv = [
            *(kube_binary(), "kube-apiserver", f"--etcd-servers={self.etcd.client}"),
            *(f"--bind-address={HOST}", f"--secure-port={self.port}", "--advertise-address=10.30.0.1"),
            *(f"--tls-cert-file={crt}", f"--tls-private-key-file={key}"),
            *(f"--client-ca-file={self.certificates.ca}", "--authorization-mode=Node,RBAC"),
            *(f"--service-account-key-file={sa_pub}", f"--service-account-signing-key-file={sa_key}"),
            *("--service-account-issuer=https://kubernetes.default.svc", "--endpoint-reconciler-type=none"),
            *("--service-cluster-ip-range=10.96.0.0/16", "--disable-admission-plugins=ServiceAccount"),
            *(f"--watch-cache={str(watch_cache).lower()}", "--profiling=false"),
            f"--feature-gates=WatchList={str(watch_list).lower()}",
            # Storage versions that no one else serves: no garbage, no waiting for leases at the end.
            *("--shutdown-delay-duration=0s", "--request-timeout=60s"),
        ]
        super().__init__("API server", argv, self.directory / "apiserver.log")
        self.admin = self._kubeconfig("admin", "/O=system:masters/CN=admin")
        self.reader = self._kubeconfig("fairway", "/CN=fairway")

    def _kubeconfig(self, name, subject):
        crt, key = self.certificates.issue(name, subject, "extendedKeyUsage=clientAuth")
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}],
            "clusters": [
                {
                    "name": "test",
                    "cluster": {
                        "server": f"https://{HOST}:{self.port}",
                        "certificate-authority": str(self.certificates.ca),
                    },
                }
            ],
            "users": [{"name": name, "user": {"client-certificate": str(crt), "client-key": str(key)}}],
        }
        path = self.directory / f"{name}.kubeconfig"
        path.write_text(json.dumps(config, indent=2), encoding="utf-8")
        return path

    def start(self):
        if not self.etcd.alive():
            self.etcd.start()
        super().start()

        def ready():
            self.etcd.check()
            self.check()
            return self.call("GET", "/readyz")[0] == 200

        wait_for(ready, 120, lambda: f"the API server to be ready; it says:\n{self.tail(5)}", pause=0.05)
        return self

    def stop(self, seconds=2):
        super().stop(seconds)
        return self.etcd.stop()

    def call(self, method, path, body=None, content_type="application/json"):
        """One request as the administrator: (status, object or text); status None if it cannot be reached."""
        context = ssl.create_default_context(cafile=str(self.certificates.ca))
        folder = self.certificates.directory
        context.load_cert_chain(folder / "admin.crt", folder / "admin.key")
        connection = http.client.HTTPSConnection(HOST, self.port, context=context, timeout=30)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"content-type": content_type} if text else {})
            response = connection.getresponse()
            content = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return None, str(error)
        finally:
            connection.close()
        try:
            return response.status, json.loads(content)
        except ValueError:
            return response.status, content

    def do(self, method, path, body=None, content_type="application/json"):
        """call(), but anything except success raises."""
        status, answer = self.call(method, path, body, content_type)
        if status is None or status >= 300:
            message = answer.get("message") if isinstance(answer, dict) else answer
            raise Failed(f"{method} {path}: {status} {message}")
        return answer

    def kubectl(self, *arguments, text=None):
        """Runs kubectl as the administrator and returns what it printed."""
        argv = [kube_binary("kubectl"), f"--kubeconfig={self.admin}", *map(str, arguments)]
        home = self.directory / "home"  # kubectl caches discovery below $HOME
        done = subprocess.run(
            argv,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "HOME": str(home), "KUBECACHEDIR": str(home)},
        )
        if done.returncode:
            raise Failed(f"kubectl {' '.join(map(str, arguments))}: {done.stderr or done.stdout}")
        return done.stdout

    def apply(self, text):
        return self.kubectl("apply", "-f", "-", text=text)

    def delete(self, text):
        return self.kubectl("delete", "--wait=true", "-f", "-", text=text)

    def install_crds(self, folder, without=()):
        """Applies the CRDs of a folder (all but those whose file name is in `without`) and waits for them."""
        files = [f for f in sorted(pathlib.Path(folder).glob("*.yaml")) if f.name not in without]
        if not files:
            raise Failed(f"no CRDs in {folder}")
        self.kubectl("apply", *(f"--filename={f}" for f in files))
        self.kubectl("wait", "--for=condition=Established", "--timeout=60s", "customresourcedefinitions", "--all")

    def allow_reader(self, rules=None):
        """Gives the control plane's user the rights it needs (or others)."""
        rules = READER_RULES if rules is None else rules
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "fairway"}

        def grant(kind, granted, **meta):
            head = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "fairway", **meta}}
            ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": "fairway"}
            role = {**head, "kind": kind, "rules": granted}
            return [role, {**head, "kind": f"{kind}Binding", "subjects": [subject], "roleRef": ref}]

        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ROOT_NAMESPACE}}
        items = [namespace, *grant("ClusterRole", rules), *grant("Role", ROOT_RULES, namespace=ROOT_NAMESPACE)]
        self.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))

    def set_pod_status(self, pod):
        """Writes a Pod's status, as its kubelet would."""
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/status"
        self.do("PATCH", path, {"status": pod["status"]}, "application/merge-patch+json")

    def token(self, namespace, account, path, audience="istio-ca"):
        """A token of a service account, as a projected volume would hold it."""
        spec = {"spec": {"audiences": [audience], "expirationSeconds": 3600}}
        answer = self.do("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", spec)
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(answer["status"]["token"], encoding="ascii")
        return path
