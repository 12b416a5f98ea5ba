"""Protocols with real servers and clients, each in a pod with real interception, under STRICT mutual TLS: Redis, MongoDB, servers that
speak first (SMTP, MySQL), WebSocket, gRPC streams, UDP, over IPv4 and IPv6."""

import json
import pathlib
import shutil
import sys

import pytest
import yaml

from harness.pod import Pod, run
from processes import ControlPlane, Process, binary, wait_for

HERE = pathlib.Path(__file__).resolve().parent / "protocols"
NAMESPACE = "apps"
# Name, port of the service, port of the pod.
PORTS = {
    "redis": ("redis", 6379, 6379),
    "mongo": ("mongo-db", 27017, 27017),
    "smtp": ("tcp-smtp", 25, 2525),
    "mysql": ("mysql", 3306, 3306),
    "http1": ("http", 80, 8080),
    "websocket": ("http", 80, 8080),
    "streams": ("grpc", 9095, 9095),
}
VIP, VIP6 = "10.96.0.30", "fd00:96::30"


def pod_object(name, ips):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": name, "security.istio.io/tlsMode": "istio"}},
        "spec": {"serviceAccountName": name, "containers": [{"name": "app", "image": "example/app"}]},
        "status": {"phase": "Running", "podIP": ips[0], "podIPs": [{"ip": ip} for ip in ips]},
    }


def manifests(client, server):
    """All objects of the mesh; `client` and `server` are the pods' addresses."""
    ports = sorted(set(PORTS.values()))
    families = ["IPv6" if ":" in ip else "IPv4" for ip in server]
    vips = [VIP6 if family == "IPv6" else VIP for family in families]
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    for name, ips in (("client", client), ("server", server)):
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": NAMESPACE}}
        yield pod_object(name, ips)
    spec = {"clusterIP": vips[0], "clusterIPs": vips, "ipFamilies": families, "selector": {"app": "server"}}
    spec["ports"] = [{"name": name, "port": port, "targetPort": target} for name, port, target in ports]
    spec["ports"].append({"name": "dns", "port": 53, "targetPort": 9053, "protocol": "UDP"})
    yield {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "apps", "namespace": NAMESPACE}, "spec": spec}
    for family, ip in zip(families, server):
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": f"apps-{family.lower()}", "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": "apps"}},
            "addressType": family,
            "ports": [{"name": name, "port": target, "protocol": "TCP"} for name, _, target in ports],
            "endpoints": [
                {
                    "addresses": [ip],
                    "conditions": {"ready": True, "serving": True, "terminating": False},
                    "targetRef": {"kind": "Pod", "namespace": NAMESPACE, "name": "server"},
                }
            ],
        }
    headless = {"clusterIP": "None", "clusterIPs": ["None"], "selector": {"app": "server"}}
    headless["ports"] = [{"name": "http", "port": 8080, "targetPort": 8080}]
    yield {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "set", "namespace": NAMESPACE}, "spec": headless}
    yield {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "set-1", "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": "set"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [
            {
                "addresses": [server[0]],
                "hostname": "set-0",
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "targetRef": {"kind": "Pod", "namespace": NAMESPACE, "name": "server"},
            }
        ],
    }
    strict = {"mtls": {"mode": "STRICT"}}
    yield {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": NAMESPACE},
        "spec": strict,
    }


class Peers:
    """The client's pod, the server's, and what they say to each other. `first`: the client's pod's number."""

    def __init__(self, lab, ipv6, first):
        for program in ("iptables-nft-save", "nsenter", "setpriv", "redis-server"):
            if run(["sh", "-c", f"command -v {program}"]).returncode != 0:
                pytest.skip(f"{program} is not installed")
        for name, wanted in (("ipv4.ip_forward", True), ("ipv6.conf.all.forwarding", ipv6)):
            if wanted:
                pathlib.Path(f"/proc/sys/net/{name.replace('.', '/')}").write_text("1", encoding="ascii")
        self.lab, self.client, self.server = lab, Pod(lab, first, ipv6), Pod(lab, first + 1, ipv6)

    def start(self):
        lab = self.lab
        lab.config.mkdir()
        lab.write("apps.yaml", yaml.safe_dump_all(manifests(self.client.ips, self.server.ips)))
        plane = ControlPlane(lab.directory / "control-plane", ["--config", lab.config], host=self.client.host)
        plane.admin = "127.0.0.1:0"  # its pages are served on loopback only
        lab.control_plane = lab.add(plane)
        apps = lab.add(Process("applications", self.server.inside(sys.executable, HERE / "server.py"), lab.directory / "apps.log"))
        anywhere = ["0.0.0.0", "::"] if self.server.ip6 else ["0.0.0.0"]
        argv = ["redis-server", "--port", "6379", "--bind", *anywhere, "--save", "", "--protected-mode", "no", "--dir", lab.directory]
        redis = lab.add(Process("redis", self.server.inside(*argv), lab.directory / "redis.log"))
        wait_for(lambda: apps.check() or apps.tail(1) == "ready", 30, lambda: f"the applications: {apps.tail()}")
        wait_for(lambda: redis.check() or "Ready to accept" in redis.tail(), 30, lambda: f"Redis: {redis.tail()}")
        for pod, name in ((self.client, "client"), (self.server, "server")):
            done = run([binary(), "intercept", "--netns", pod.netns])
            assert done.returncode == 0, done.stderr
            env = {"POD_NAME": name, "FAIRWAY_LABELS": f"app={name}", "FAIRWAY_LOG_FORMAT": "json",
                   "FAIRWAY_STATS_SUFFIXES": "ssl.handshake"}
            agent = pod.agent(plane, (NAMESPACE, name), env)
            done = pod.fairway("agent", "wait", "--timeout", "120")
            assert done.returncode == 0, done.stderr + agent.tail()

        def settled():
            proxies = plane.debug("proxies")
            return len(proxies) == 2 and all(proxy.get("settled") for proxy in proxies)

        wait_for(settled, 60, lambda: f"both proxies to have everything: {plane.debug('proxies')}")
        return self

    def close(self):
        self.client.close()
        self.server.close()

    def ask(self, protocol, address=VIP, port=None, inside=True, host="apps"):
        """What client.py tells, from the client's pod, or from outside the mesh."""
        argv = [sys.executable, HERE / "client.py", protocol, address, port or PORTS[protocol][1], host]
        done = run(self.client.inside(*argv) if inside else argv)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def handshakes(self):
        """TLS connections that the server's proxy accepted so far."""
        text = self.server.get("127.0.0.1:15000", "/stats?filter=ssl.handshake$")
        return sum(int(line.rsplit(" ", 1)[1]) for line in text.splitlines() if "0.0.0.0_15006" in line or "[__]_15006" in line)


def open_peers(lab, ipv6, first):
    peers = Peers(lab, ipv6, first)
    try:
        yield peers.start()
    finally:
        peers.close()


@pytest.fixture(scope="module", name="peers")
def fixture_peers(module_lab):
    yield from open_peers(module_lab, False, 0)


def test_redis(peers):
    before = peers.handshakes()
    said = peers.ask("redis")
    assert said.pop("version").split(":")[1].count(".") == 2
    assert said == {"ping": "PONG", "counter": 1000, "big": [True, True], "published": 1, "heard": "it happened"}
    assert peers.handshakes() >= before + 2, "both connections are mutual TLS"
    if shutil.which("redis-cli"):
        done = run(peers.client.inside("redis-cli", "-h", VIP, "get", "counter"))
        assert done.stdout.strip() == "1000", done.stderr


def test_mongo(peers):
    before, said = peers.handshakes(), peers.ask("mongo")
    assert said["hello"] == [True, {"isWritablePrimary": 1, "maxWireVersion": 21, "connectionId": 7, "ok": 1.0}]
    assert said["ping"] == [True, {"ok": 1.0}]
    assert said["insert"] == [True, {"n": 1, "bytes": 1_000_000, "ok": 1.0}]
    assert said["eval"] == [True, {"ok": 0.0, "code": 59, "codeName": "CommandNotFound"}]
    assert peers.handshakes() == before + 1


def test_servers_that_speak_first(peers):
    before = peers.handshakes()
    assert peers.ask("smtp") == {"ehlo": 250, "extension": True, "noop": 250}
    assert peers.ask("mysql") == {"version": "8.0.36-peer", "accepted": [2, 0], "ping": 0}
    assert peers.handshakes() == before + 2


def test_websocket(peers):
    assert peers.ask("websocket") == {"status": 101, "first": "HELLO", "long": True, "pushed": True}


def test_grpc_streams(peers):
    said = peers.ask("streams")
    assert said == {
        "say": "hello",
        "count": True,
        "add": 4950,
        "chat": ["ONE", "TWO", "THREE"],
        "rest": [],
        "first": "first",
        "then": "DEADLINE_EXCEEDED",
        "none": "UNIMPLEMENTED",
    }


@pytest.mark.parametrize("name", ["set.apps", "set-0.set.apps.svc.cluster.local", "set-0.set.apps", "set-0.set.apps.svc"])
def test_a_pod_of_a_statefulset_by_its_name(peers, name):
    said = peers.ask("http1", peers.server.ip, 8080, host=f"{name}:8080")
    assert said["status"] == 200 and f"spiffe://cluster.local/ns/{NAMESPACE}/sa/client" in said["body"], said


def test_udp_goes_past_the_proxies(peers):
    """Not to the service, since nobody is kube-proxy here: to the pod, which answers with its own address."""
    assert peers.ask("udp", peers.server.ip, 9053) == {"answer": "udp question", "sender": peers.server.ip}


@pytest.mark.parametrize("protocol", ["redis", "mongo", "smtp", "mysql", "http1"])
def test_nobody_without_a_certificate(peers, protocol):
    """STRICT: a client without a proxy is refused at the pod's own ports, also by protocols that are only bytes."""
    said = peers.ask(protocol, peers.server.ip, PORTS[protocol][2], inside=False)
    assert "error" in said and "ready" not in said, said


def test_both_families(lab):
    """Pods and a service with addresses of both, and each way is mutual TLS."""
    if not pathlib.Path("/proc/net/if_inet6").exists():
        pytest.skip("this kernel has no IPv6")
    for peers in open_peers(lab, True, 2):
        for address in (VIP, VIP6):
            before = peers.handshakes()
            assert peers.ask("redis", address)["ping"] == "PONG"
            assert peers.ask("smtp", address)["noop"] == 250
            assert peers.ask("streams", address)["chat"] == ["ONE", "TWO", "THREE"]
            said = peers.ask("http1", address)
            assert said["status"] == 200 and f"spiffe://cluster.local/ns/{NAMESPACE}/sa/client" in said["body"], said
            assert peers.handshakes() > before
        assert peers.ask("udp", peers.server.ip6, 9053)["answer"] == "udp question"
        assert "error" in peers.ask("redis", peers.server.ip6, 6379, inside=False)
