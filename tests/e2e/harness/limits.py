"""The rate limit service for tests: Debian's redis, the service itself, and the proxy through which the mesh reaches it."""

import json

from processes import CACHE, Agent, Process, accepts, versions, wait_for
from workloads import Workload

from harness.network import POD_PREFIX

NAMESPACE = "istio-system"
PORT = 8081
ADDRESS = POD_PREFIX + "90.1"


def workload():
    return Workload("ratelimit", "ratelimit-1", NAMESPACE, "ratelimit",
                    {"app": "ratelimit", "security.istio.io/tlsMode": "istio"}, ADDRESS, [PORT])


def manifests():
    """The Service and the Pod, as JSON documents by file name."""
    pod = workload()
    objects = {
        "service": {"kind": "Service", "spec": {
            "clusterIP": "10.96.90.1", "selector": {"app": "ratelimit"},
            "ports": [{"name": "grpc", "port": PORT, "targetPort": PORT}]}},
        "pod": {"kind": "Pod", "spec": {
            "serviceAccountName": pod.account, "containers": [
                {"name": "ratelimit", "image": "ratelimit", "ports": [{"containerPort": PORT}]}]},
                "status": {"phase": "Running", "podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}],
                           "conditions": [{"type": "Ready", "status": "True"}]}},
        "endpoints": {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                      "ports": [{"name": "grpc", "port": PORT, "protocol": "TCP"}],
                      "endpoints": [{"addresses": [ADDRESS], "conditions": {"ready": True},
                                     "targetRef": {"kind": "Pod", "name": pod.pod, "namespace": NAMESPACE}}]},
    }
    texts = {}
    for name, body in objects.items():
        meta = {"name": pod.pod if name == "pod" else "ratelimit", "namespace": NAMESPACE}
        if name == "pod":
            meta["labels"] = pod.labels
        if name == "endpoints":
            meta["labels"] = {"kubernetes.io/service-name": "ratelimit"}
        texts[f"ratelimit-{name}.json"] = json.dumps({"apiVersion": "v1", "metadata": meta, **body})
    return texts


class Redis(Process):
    def __init__(self, directory, address):
        self.address = address
        host, port = address.rsplit(":", 1)
        super().__init__("redis", ["redis-server", "--bind", host, "--port", port, "--save", "", "--dir", directory],
                         directory / "redis.log")

    def start(self):
        super().start()
        wait_for(lambda: accepts(self.address), 30, "redis to listen")
        return self


class RateLimitService(Process):
    """Listens where an application does, beside its proxy, and gets its configuration through that proxy's relay."""

    def __init__(self, directory, redis, relay):
        pod = workload()
        self.address = f"{pod.app}:{PORT}"
        self.page = f"{pod.app}:6070"
        program = CACHE / f"ratelimit-{versions()['RATELIMIT_VERSION']}" / "ratelimit"
        super().__init__("rate limit service", [program], directory / "ratelimit.log", env={
            "BACKEND_TYPE": "redis", "REDIS_SOCKET_TYPE": "tcp", "REDIS_URL": redis.address, "USE_STATSD": "false",
            "HOST": pod.app, "DEBUG_HOST": pod.app, "GRPC_HOST": pod.app, "GRPC_PORT": str(PORT), "LOG_LEVEL": "warn",
            "CONFIG_TYPE": "GRPC_XDS_SOTW", "CONFIG_GRPC_XDS_SERVER_URL": relay,
            "CONFIG_GRPC_XDS_NODE_ID": f"ratelimit~{pod.ip}~{pod.pod}-limits.{NAMESPACE}~{NAMESPACE}.svc.cluster.local",
            "XDS_CLIENT_BACKOFF_INITIAL_INTERVAL": "100ms", "XDS_CLIENT_BACKOFF_MAX_INTERVAL": "1s",
            "FORCE_START_WITHOUT_INITIAL_CONFIG": "true"})

    def start(self):
        super().start()
        wait_for(lambda: accepts(self.address), 30, "the rate limit service to listen")
        return self


def start(lab):
    """Redis and the service with its proxy, of a lab with a control plane over a folder; returns both."""
    for name, text in manifests().items():
        lab.write(name, text)
    pod = workload()
    relay = f"127.0.0.1:{15099}"
    lab.agents["ratelimit"] = lab.add(
        Agent(lab.directory / "agents" / "ratelimit", pod, lab.control_plane.xds, lab.control_plane.root_file,
              lab.token_of(pod), ["--xds-relay-address", relay]))
    lab.wait_connected()
    wait_for(lambda: accepts(f"{pod.ip}:{PORT}"), 60, "the proxy of the rate limit service to listen")
    redis = lab.add(Redis(lab.directory, "127.0.0.1:16379"))
    service = lab.add(RateLimitService(lab.directory, redis, relay))
    wait_for(lambda: f"{pod.pod}-limits.{NAMESPACE}" in lab.control_plane.connected(), 60,
             "the rate limit service to ask for its configuration")
    return redis, service
