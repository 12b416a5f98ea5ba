"""The programs of a one-node cluster: their certificates, configuration files and command lines.

Addresses are the same in every lab: nothing else is in its network.
"""

import json
import pathlib
import sys

from harness.apiserver import Certificates, kube_binary
from processes import CACHE, Failed, versions

LAB = pathlib.Path(__file__).resolve().parent
NODE = "fairway-node"
NODE_IP, NODE_IPV6 = "10.77.0.1", "fd00:77::1"
API_PORT = 6443
DNS_IP = "10.96.0.10"
DOMAIN = "cluster.local"
SERVICE_CIDR, SERVICE_CIDR_IPV6 = "10.96.0.0/16", "fd00:96::/112"
POD_CIDR, POD_CIDR_IPV6 = "10.244.0.0/16", "fd00:244::/56"
NODE_POD_CIDR, NODE_POD_CIDR_IPV6 = "10.244.0.0/20", "fd00:244::/64"  # what the node gets of it: room for 4093 pods
LOAD_BALANCERS = ("10.77.1.1", "10.77.1.254")  # addresses for Services, first and last; of the node's network
LOAD_BALANCERS_IPV6 = ("fd00:77::1:1", "fd00:77::1:fe")
MAX_PODS = 600
ETCD = "http://127.0.0.1:2379"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
CNI_PLUGINS = ("/usr/lib/cni", "/opt/cni/bin")
PAUSE_IMAGE = "localhost/fairway-pause:1"


def cached_program(part, name):
    path = CACHE / f"{part}-{versions()[part.upper() + '_VERSION']}" / name
    if not path.is_file():
        raise Failed(f"no {path}: run `make setup` first")
    return path


class Node:
    """Writes all that the programs read, below one directory, and knows how to start each. With two addresses the cluster
    is dual-stack: pods have both, and services that ask for it."""

    def __init__(self, directory, cgroup, node_ips=(NODE_IP,)):
        self.directory, self.cgroup, self.node_ips = pathlib.Path(directory), cgroup, node_ips
        self.admin = self.directory / "admin.kubeconfig"

    def prepare(self):
        for name in ("etcd", "containerd", "kubelet", "cni", "cni-conf", "pod-logs", "config"):
            (self.directory / name).mkdir(exist_ok=True)
        self._certificates()
        self._containerd_config()
        self._kubelet_config()
        self._dns_config()

    def both(self, ipv4, ipv6):
        """The one value, or both with a comma, as Kubernetes' flags take them."""
        return f"{ipv4},{ipv6}" if len(self.node_ips) > 1 else ipv4

    # --- files ---------------------------------------------------------------------------------------

    @property
    def pki(self):
        return self.directory / "pki"

    def _certificates(self):
        issuer = Certificates(self.pki)
        names = ["IP:127.0.0.1", *(f"IP:{ip}" for ip in self.node_ips), "IP:10.96.0.1", "DNS:localhost", f"DNS:{NODE}"]
        names += [f"DNS:kubernetes{rest}" for rest in ("", ".default", ".default.svc", f".default.svc.{DOMAIN}")]
        issuer.issue("apiserver", "/CN=kube-apiserver", "subjectAltName=" + ",".join(names))
        issuer.issue("kubelet-serving", f"/CN={NODE}", f"subjectAltName=IP:{NODE_IP},DNS:{NODE}")
        issuer.issue("front-proxy", "/CN=front-proxy", "extendedKeyUsage=clientAuth")
        issuer.signing_pair("service-accounts")
        for user, subject in (
            ("admin", "/O=system:masters/CN=admin"),
            ("kubelet", f"/O=system:nodes/CN=system:node:{NODE}"),
            ("controller-manager", "/CN=system:kube-controller-manager"),
            ("scheduler", "/CN=system:kube-scheduler"),
            ("proxy", "/CN=system:kube-proxy"),
            ("coredns", "/CN=system:coredns"),
            ("load-balancer", "/CN=system:load-balancer"),
        ):
            issuer.issue(user, subject, "extendedKeyUsage=clientAuth")
            self._kubeconfig(user)

    def _kubeconfig(self, user):
        cluster = {"server": f"https://{NODE_IP}:{API_PORT}", "certificate-authority": str(self.pki / "ca.crt")}
        credentials = {"client-certificate": str(self.pki / f"{user}.crt"), "client-key": str(self.pki / f"{user}.key")}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": user}}],
            "clusters": [{"name": "lab", "cluster": cluster}],
            "users": [{"name": user, "user": credentials}],
        }
        path = self.admin if user == "admin" else self.kubeconfig(user)
        path.write_text(json.dumps(config, indent=2), encoding="utf-8")
        path.chmod(0o600)

    def kubeconfig(self, user):
        return self.directory / "config" / f"{user}.kubeconfig"

    def _containerd_config(self):
        plugins = next((p for p in CNI_PLUGINS if (pathlib.Path(p) / "ptp").exists()), None)
        if not plugins:
            raise Failed(f"no CNI plug-ins in {' or '.join(CNI_PLUGINS)}: run `make setup`")
        (self.directory / "config" / "containerd.toml").write_text(
            f"""version = 2
root = "{self.directory}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{self.directory}/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  enable_unprivileged_ports = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{self.directory}/cni-conf"
""",
            encoding="utf-8",
        )
        # Routed pods (ptp): every packet passes the node's rules, so services work without bridge filters in the kernel.
        subnets = self.both(NODE_POD_CIDR, NODE_POD_CIDR_IPV6).split(",")
        addresses = {
            "type": "host-local",
            "dataDir": "/run/cni-addresses",
            "ranges": [[{"subnet": subnet}] for subnet in subnets],
            "routes": [{"dst": anywhere} for anywhere in self.both("0.0.0.0/0", "::/0").split(",")],
        }
        network = {
            "cniVersion": "0.4.0",
            "name": "pods",
            "plugins": [
                {"type": "ptp", "ipam": addresses},
                {"type": "portmap", "capabilities": {"portMappings": True}},
            ],
        }
        path = self.directory / "cni-conf" / "10-pods.conflist"
        path.write_text(json.dumps(network, indent=2), encoding="utf-8")

    def _kubelet_config(self):
        config = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": NODE_IP,
            "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": str(self.pki / "ca.crt")}},
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(self.pki / "kubelet-serving.crt"),
            "tlsPrivateKeyFile": str(self.pki / "kubelet-serving.key"),
            "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
            "clusterDNS": [DNS_IP],
            "clusterDomain": DOMAIN,
            "resolvConf": "/dev/null",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self.cgroup}",
            "cgroupsPerQOS": False,
            "enforceNodeAllocatable": [],
            "failCgroupV1": False,
            "failSwapOn": False,
            "localStorageCapacityIsolation": False,
            "evictionHard": {},
            "featureGates": {"KubeletInUserNamespace": True},
            "podLogsDir": str(self.directory / "pod-logs"),
            "syncFrequency": "15s",  # how old mounted ConfigMaps may be: tests of rotated roots wait for them
            # Many pods at once, on a machine that may be busy:
            "maxPods": MAX_PODS,
            "kubeAPIQPS": 200,
            "kubeAPIBurst": 400,
            "eventRecordQPS": 0,
            "serializeImagePulls": False,
            "imageGCHighThresholdPercent": 100,
            "runtimeRequestTimeout": "5m",
            "shutdownGracePeriod": "0s",
        }
        (self.directory / "config" / "kubelet.json").write_text(json.dumps(config, indent=2), encoding="utf-8")

    def _dns_config(self):
        (self.directory / "config" / "Corefile").write_text(
            f""". {{
    bind {NODE_IP}
    errors
    health {NODE_IP}:8080
    ready {NODE_IP}:8181
    kubernetes {DOMAIN} in-addr.arpa ip6.arpa {{
        kubeconfig {self.kubeconfig("coredns")}
        pods insecure
        ttl 5
    }}
    cache 5
}}
""",
            encoding="utf-8",
        )

    # --- command lines -------------------------------------------------------------------------------

    def etcd(self):
        peer = "http://127.0.0.1:2380"
        return [
            *("etcd", "--name", "lab", "--data-dir", self.directory / "etcd", "--unsafe-no-fsync", "--log-level", "warn"),
            *("--listen-client-urls", ETCD, "--advertise-client-urls", ETCD, "--listen-peer-urls", peer),
            *("--initial-advertise-peer-urls", peer, "--initial-cluster", f"lab={peer}"),
        ]

    def api_server(self):
        pki = self.pki
        return [
            *(kube_binary(), "kube-apiserver", f"--etcd-servers={ETCD}", "--authorization-mode=Node,RBAC"),
            *(f"--bind-address={NODE_IP}", f"--advertise-address={NODE_IP}", f"--secure-port={API_PORT}"),
            *(f"--tls-cert-file={pki}/apiserver.crt", f"--tls-private-key-file={pki}/apiserver.key"),
            *(f"--client-ca-file={pki}/ca.crt", "--allow-privileged=true", "--profiling=false"),
            *(f"--service-account-key-file={pki}/service-accounts.pub", "--endpoint-reconciler-type=lease"),
            *(f"--service-account-signing-key-file={pki}/service-accounts.key",),
            *(f"--service-account-issuer=https://kubernetes.default.svc.{DOMAIN}",),
            *(f"--service-cluster-ip-range={self.both(SERVICE_CIDR, SERVICE_CIDR_IPV6)}",),
            *("--kubelet-preferred-address-types=InternalIP",),
            *(f"--kubelet-client-certificate={pki}/admin.crt", f"--kubelet-client-key={pki}/admin.key"),
            *(f"--kubelet-certificate-authority={pki}/ca.crt", "--enable-admission-plugins=NodeRestriction"),
            *(f"--requestheader-client-ca-file={pki}/ca.crt", "--requestheader-allowed-names=front-proxy"),
            *("--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group"),
            *("--requestheader-extra-headers-prefix=X-Remote-Extra-", "--shutdown-delay-duration=0s"),
            *(f"--proxy-client-cert-file={pki}/front-proxy.crt", f"--proxy-client-key-file={pki}/front-proxy.key"),
        ]

    def controller_manager(self):
        pki = self.pki
        masks = "--node-cidr-mask-size=20"
        if len(self.node_ips) > 1:
            masks = "--node-cidr-mask-size-ipv4=20 --node-cidr-mask-size-ipv6=64"
        return [
            *(kube_binary(), "kube-controller-manager", f"--kubeconfig={self.kubeconfig('controller-manager')}"),
            *(f"--root-ca-file={pki}/ca.crt", f"--service-account-private-key-file={pki}/service-accounts.key"),
            *(f"--cluster-signing-cert-file={pki}/ca.crt", f"--cluster-signing-key-file={pki}/ca.key"),
            *("--use-service-account-credentials=true", "--leader-elect=false", "--bind-address=127.0.0.1"),
            *(f"--cluster-cidr={self.both(POD_CIDR, POD_CIDR_IPV6)}", "--allocate-node-cidrs=true", *masks.split()),
            *(f"--service-cluster-ip-range={self.both(SERVICE_CIDR, SERVICE_CIDR_IPV6)}",),
            *("--kube-api-qps=200", "--kube-api-burst=400"),
        ]

    def scheduler(self):
        return [
            *(kube_binary(), "kube-scheduler", f"--kubeconfig={self.kubeconfig('scheduler')}", "--leader-elect=false"),
            *("--bind-address=127.0.0.1", "--kube-api-qps=200", "--kube-api-burst=400"),
        ]

    def containerd(self):
        return ["containerd", "--config", self.directory / "config" / "containerd.toml", "--log-level", "warn"]

    def kubelet(self):
        return [
            *(kube_binary(), "kubelet", f"--kubeconfig={self.kubeconfig('kubelet')}", f"--node-ip={','.join(self.node_ips)}"),
            *(f"--config={self.directory / 'config' / 'kubelet.json'}", f"--hostname-override={NODE}"),
        ]

    def kube_proxy(self):
        return [
            *(kube_binary(), "kube-proxy", f"--kubeconfig={self.kubeconfig('proxy')}", "--proxy-mode=iptables"),
            *(f"--cluster-cidr={self.both(POD_CIDR, POD_CIDR_IPV6)}", f"--hostname-override={NODE}"),
            *("--iptables-min-sync-period=100ms",),
            # The connection table is the whole machine's: left as it is.
            *("--conntrack-max-per-core=0", "--conntrack-min=0", "--conntrack-tcp-timeout-established=0"),
            *("--conntrack-tcp-timeout-close-wait=0", "--conntrack-udp-timeout=0", "--conntrack-udp-timeout-stream=0"),
        ]

    def coredns(self):
        return [cached_program("coredns", "coredns"), "-conf", self.directory / "config" / "Corefile", "-dns.port=53"]

    def load_balancer(self):
        limits = [*LOAD_BALANCERS, *(LOAD_BALANCERS_IPV6 if len(self.node_ips) > 1 else ())]
        return [sys.executable, "-I", LAB / "load_balancer.py", self.kubeconfig("load-balancer"), *limits]
