"""The mesh of the bench: objects in a real API server, made by many connections at once, and a bare watch that tells
when the API server has a change out."""

import concurrent.futures
import http.client
import json
import re
import socket
import ssl
import threading
import time

from processes import Failed, wait_for

NAMESPACES = 10
ENDPOINTS = 10  # of each service
HUGE = 1000  # endpoints of the one big service
SLICE = 100  # endpoints of a slice, as Kubernetes' controller cuts them
RULES = 50  # VirtualServices, DestinationRules and AuthorizationPolicies each
MARK = re.compile(rb"10\.200\.1\d\d\.1\d\d|bench-mark-\d{6}")


def marker_address(number):
    """An endpoint that tells one change from all others; of one length, so that none begins another."""
    return f"10.200.{100 + number // 100 % 100}.{100 + number % 100}"


def marker_name(number):
    return f"bench-mark-{number:06}"


def namespace(service):
    return f"bench-{service % NAMESPACES}"


def pod_ip(service, replica):
    number = service * ENDPOINTS + replica
    return f"10.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def cluster(name, ns):
    return f"outbound|80||{name}.{ns}.svc.cluster.local"


def node(number, services):
    """The proxy of a service's pod: ten to a service, as replicas of one Deployment."""
    service = number // ENDPOINTS % services
    ns, pod, ip = namespace(service), f"svc-{service}-{number}", pod_ip(service, number % ENDPOINTS)
    return {
        "id": f"sidecar~{ip}~{pod}.{ns}~{ns}.svc.cluster.local",
        "ip": ip,
        "pod": pod,
        "ns": ns,
        "account": "default",
        "labels": {"app": f"svc-{service}", "version": "v1"},
    }


def service_object(name, ns, ip):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": ns},
        "spec": {
            **({"clusterIP": ip} if ip else {}),
            "selector": {"app": name},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        },
    }


def slice_object(name, ns, addresses, part=0):
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-{part}", "namespace": ns, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": endpoints(addresses),
    }


def endpoints(addresses):
    return [{"addresses": [a], "conditions": {"ready": True}} for a in addresses]


def rule(version, kind, service, spec):
    """An object of Istio's for one service, named as it is."""
    meta = {"name": f"svc-{service}", "namespace": namespace(service)}
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec}


def host_of(service):
    return f"svc-{service}.{namespace(service)}.svc.cluster.local"


def virtual_service(service, path="/old"):
    host = host_of(service)
    routes = [
        {"match": [{"uri": {"prefix": path}}], "route": [{"destination": {"host": host, "subset": "v1"}}]},
        {"route": [{"destination": {"host": host}}]},
    ]
    return rule("networking.istio.io/v1", "VirtualService", service, {"hosts": [host], "http": routes})


def destination_rule(service):
    spec = {
        "host": host_of(service),
        "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 1000}}},
        "subsets": [{"name": "v1", "labels": {"version": "v1"}}],
    }
    return rule("networking.istio.io/v1", "DestinationRule", service, spec)


def authorization_policy(service):
    source, operation = {"namespaces": [namespace(service)]}, {"methods": ["GET"]}
    spec = {
        "selector": {"matchLabels": {"app": f"svc-{service}"}},
        "rules": [{"from": [{"source": source}], "to": [{"operation": operation}]}],
    }
    return rule("security.istio.io/v1", "AuthorizationPolicy", service, spec)


PLURALS = {
    "Namespace": "namespaces",
    "Service": "services",
    "EndpointSlice": "endpointslices",
    "VirtualService": "virtualservices",
    "DestinationRule": "destinationrules",
    "AuthorizationPolicy": "authorizationpolicies",
}


def path_of(item, named=True):
    version, meta = item["apiVersion"], item["metadata"]
    root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    if "namespace" in meta:
        root += f"/namespaces/{meta['namespace']}"
    return f"{root}/{PLURALS[item['kind']]}" + (f"/{meta['name']}" if named else "")


class World:
    """What is in the API server. `patch_` and `add_` methods make one change and return when it is accepted."""

    def __init__(self, api):
        self.api, self.services, self.rules, self.marks = api, 0, 0, 0
        folder = api.certificates.directory
        self.tls = ssl.create_default_context(cafile=str(api.certificates.ca))
        self.tls.load_cert_chain(folder / "admin.crt", folder / "admin.key")
        self._local = threading.local()
        self.create([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"bench-{n}"}} for n in range(NAMESPACES)])

    def call(self, method, path, body=None, content_type="application/json"):
        """One request on this thread's connection, which is kept; anything but success raises."""
        text = None if body is None else json.dumps(body)
        kept = getattr(self._local, "connection", None)
        try:
            status, answer = self._exchange(kept or self._connect(), method, path, text, content_type)
        except (http.client.RemoteDisconnected, ConnectionError):
            if not kept:
                raise
            # The API server closes connections that were idle for a while.
            status, answer = self._exchange(self._connect(), method, path, text, content_type)
        if status >= 300:
            raise Failed(f"{method} {path}: {status} {answer[:300]!r}")
        return json.loads(answer)

    def _connect(self):
        connection = http.client.HTTPSConnection("127.0.0.1", self.api.port, context=self.tls, timeout=60)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._local.connection = connection
        return connection

    @staticmethod
    def _exchange(connection, method, path, text, content_type):
        connection.request(method, path, text, {"content-type": content_type})
        response = connection.getresponse()
        return response.status, response.read()

    def create(self, objects, threads=8):
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda o: self.call("POST", path_of(o, named=False), o), objects))

    def delete(self, item):
        self.call("DELETE", path_of(item))

    def grow(self, services, rules=RULES, huge=HUGE):
        """Adds services, with endpoints, up to a number, and the rules and the huge service if they are not there."""
        objects = []
        if not self.services:
            objects.append(service_object("huge", "bench-0", "10.96.200.1"))
            addresses = [f"10.80.{n // 250}.{1 + n % 250}" for n in range(huge)]
            for part in range(0, huge, SLICE):
                objects.append(slice_object("huge", "bench-0", addresses[part : part + SLICE], part // SLICE))
        for n in range(self.services, services):
            objects.append(service_object(f"svc-{n}", namespace(n), f"10.96.{1 + n // 250}.{1 + n % 250}"))
            objects.append(slice_object(f"svc-{n}", namespace(n), [pod_ip(n, r) for r in range(ENDPOINTS)]))
        self.services = max(self.services, services)
        for n in range(self.rules, min(rules, self.services)):
            objects += [virtual_service(n), destination_rule(n), authorization_policy(n)]
            self.rules = n + 1
        self.create(objects)
        return self

    def next_mark(self):
        self.marks += 1
        return self.marks

    def patch_endpoint(self, mark):
        """One of a service's ten endpoints gets another address; each time another service, so that no change hides
        another."""
        service = mark % self.services
        addresses = [pod_ip(service, r) for r in range(ENDPOINTS - 1)] + [marker_address(mark)]
        item = slice_object(f"svc-{service}", namespace(service), addresses)
        patch = {"endpoints": item["endpoints"]}
        self.call("PATCH", path_of(item), patch, "application/merge-patch+json")

    def patch_virtual_service(self, mark):
        item = virtual_service(mark % self.rules, "/" + marker_name(mark))
        self.call("PATCH", path_of(item), {"spec": item["spec"]}, "application/merge-patch+json")

    def add_service(self, mark):
        name = marker_name(mark)
        self.call("POST", path_of(service_object(name, "bench-0", ""), named=False), service_object(name, "bench-0", ""))
        item = slice_object(name, "bench-0", [marker_address(mark)])
        self.call("POST", path_of(item, named=False), item)

    def remove_service(self, mark):
        name = marker_name(mark)
        self.delete(slice_object(name, "bench-0", []))
        self.delete(service_object(name, "bench-0", ""))


class Watch(threading.Thread):
    """A client that does nothing but watch a kind and note when a marker came. What it sees is what the control
    plane's own watch can see at that moment: the time before belongs to the API server, the time after to Fairway."""

    def __init__(self, world, path):
        super().__init__(daemon=True)
        self.seen, self._socket = {}, None
        version = world.call("GET", f"{path}?limit=1")["metadata"]["resourceVersion"]
        raw = socket.create_connection(("127.0.0.1", world.api.port))
        self._socket = world.tls.wrap_socket(raw, server_hostname="127.0.0.1")
        query = f"{path}?watch=1&resourceVersion={version}&timeoutSeconds=3600"
        self._socket.sendall(f"GET {query} HTTP/1.1\r\nhost: bench\r\naccept: application/json\r\n\r\n".encode())
        self.start()

    def run(self):
        rest = b""
        try:
            while data := self._socket.recv(1 << 16):
                now = time.monotonic_ns()
                rest += data
                for found in MARK.finditer(rest):
                    self.seen.setdefault(found.group().decode(), now)
                rest = rest[-16:]
        except OSError:
            pass

    def time_of(self, mark):
        """When the first object with this mark came."""

        def seen():
            times = [self.seen[text] for text in (marker_address(mark), marker_name(mark)) if text in self.seen]
            return min(times, default=None)

        return wait_for(seen, 30, f"the watch to tell of change {mark}", pause=0.001)

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.join(5)
        self._socket.close()
