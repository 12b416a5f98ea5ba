"""Several replicas of the control plane on one API server: one root, one leader, its writes, the balance of streams."""

import base64
import json
import random
import signal
import socket
import ssl

import grpc

from harness.xds import DeltaClient
from processes import Failed, Process, binary, request, wait_for

ROOT_MAP = "/api/v1/namespaces/{}/configmaps/istio-ca-root-cert"
SECRET = "/api/v1/namespaces/istio-system/secrets/istio-ca-secret"
INJECTOR = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/istio-sidecar-injector"
VALIDATOR = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/istio-validator"
MERGE = "application/merge-patch+json"


def leads(plane):
    return plane.alive() and plane.metrics().get("fairway_leader") == 1


def wait_leader(planes, seconds=60):
    wait_for(lambda: any(leads(p) for p in planes), seconds, "a leader", pause=0.05)
    [leader] = [p for p in planes if leads(p)]
    print(f"  {leader.name} leads", flush=True)
    return leader


def root_in(lab, namespace):
    status, answer = lab.api.call("GET", ROOT_MAP.format(namespace))
    return answer["data"].get("root-cert.pem") if status == 200 else None


def make_namespace(lab, name):
    lab.api.do("POST", "/api/v1/namespaces", {"metadata": {"name": name}})


def webhook(kind, name, path):
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["bindings"]}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": "one.fairway.test",
                "clientConfig": {"service": {"name": "istiod", "namespace": "istio-system", "path": path}},
                "rules": [rule],
                "failurePolicy": "Ignore",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }


def bundle(lab, path):
    return lab.api.do("GET", path)["webhooks"][0]["clientConfig"].get("caBundle", "")


def test_one_root_one_leader(lab):
    lab.api_server()
    make_namespace(lab, "before")
    planes = [lab.replica(name, wait_ready=False) for name in ("a", "b")]
    for plane in planes:
        plane.wait_ready()
    root = planes[0].root_file.read_text(encoding="ascii")
    assert planes[1].root_file.read_text(encoding="ascii") == root, "the replicas have different roots"
    assert base64.b64decode(lab.api.do("GET", SECRET)["data"]["ca-cert.pem"]).decode() == root
    leader = wait_leader(planes)

    print("  root ConfigMaps: of a namespace that was there, of a new one, after an edit, after a removal")
    wait_for(lambda: root_in(lab, "before") == root, 30, "the root in a namespace that was there")
    make_namespace(lab, "after")
    wait_for(lambda: root_in(lab, "after") == root, 30, "the root in a new namespace")
    lab.api.do("PATCH", ROOT_MAP.format("after"), {"data": {"root-cert.pem": "forged"}}, MERGE)
    wait_for(lambda: root_in(lab, "after") == root, 30, "the edit to be undone")
    lab.api.do("DELETE", ROOT_MAP.format("after"))
    wait_for(lambda: root_in(lab, "after") == root, 30, "the ConfigMap to be there again")
    assert root_in(lab, "kube-system") is None

    print("  caBundles")
    wanted = base64.b64encode(root.encode()).decode()
    for path, kind, name in (
        (INJECTOR, "MutatingWebhookConfiguration", "istio-sidecar-injector"),
        (VALIDATOR, "ValidatingWebhookConfiguration", "istio-validator"),
    ):
        lab.api.do("POST", path.rpartition("/")[0], webhook(kind, name, "/x"))
        wait_for(lambda p=path: bundle(lab, p) == wanted, 30, f"the caBundle of {name}")
        edit = [{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": ""}]
        lab.api.do("PATCH", path, edit, "application/json-patch+json")
        wait_for(lambda p=path: bundle(lab, p) == wanted, 30, f"the caBundle of {name} again")
        assert lab.api.do("GET", path)["webhooks"][0]["failurePolicy"] == "Ignore"

    print(f"  kill -9 of {leader.name}")
    leader.kill()
    [other] = [p for p in planes if p is not leader]
    wait_leader([other])
    make_namespace(lab, "under-the-second")
    wait_for(lambda: root_in(lab, "under-the-second") == root, 30, "the second leader to write")

    print("  the first is back, the second ends in an orderly way")
    leader.start()
    assert leader.root_file.read_text(encoding="ascii") == root
    assert leads(other) and not leads(leader)
    assert other.stop() == 0
    lease = lab.api.do("GET", "/apis/coordination.k8s.io/v1/namespaces/istio-system/leases/fairway-leader")
    assert lease["spec"].get("holderIdentity", "") != "b", "the lease was not given back"
    wait_leader([leader], seconds=15)


def test_a_revision_has_names_of_its_own(lab):
    """Its Lease, and the names by which the API server and agents reach it."""
    lab.api_server()
    # Its settings have a name of their own too; the chart's role names that one.
    role = "/apis/rbac.authorization.k8s.io/v1/namespaces/istio-system/roles/fairway"
    rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["istio-canary"], "verbs": ["list", "watch"]}
    lab.api.do("PATCH", role, [{"op": "add", "path": "/rules/-", "value": rule}], "application/json-patch+json")
    plane = lab.replica("a", extra=["--revision", "canary", "--webhook-address", "127.0.0.1:0"])
    wait_leader([plane])
    lease = lab.api.do("GET", "/apis/coordination.k8s.io/v1/namespaces/istio-system/leases/fairway-leader-canary")
    assert lease["spec"]["holderIdentity"] == "a"
    address = json.loads((plane.state / "addresses.json").read_text(encoding="utf-8"))["webhook"]
    host, port = address.rsplit(":", 1)
    context = ssl.create_default_context(cafile=str(plane.root_file))
    body = json.dumps({"request": {"uid": "7", "operation": "DELETE"}}).encode()
    head = f"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    for name in ("istiod-canary.istio-system.svc", "fairway-canary.istio-system.svc", "istiod.istio-system.svc"):
        with socket.create_connection((host, int(port)), 10) as plain:
            with context.wrap_socket(plain, server_hostname=name) as connection:
                connection.sendall(head + body)
                answer = b"".join(iter(lambda c=connection: c.recv(65536), b""))
        assert b'"allowed":true' in answer, answer


def test_ingress_addresses(lab):
    lab.api_server()
    make_namespace(lab, "shop")
    service = {
        "metadata": {"name": "istio-ingressgateway"},
        "spec": {"type": "LoadBalancer", "selector": {"istio": "ingressgateway"}, "ports": [{"port": 80}]},
    }
    services = "/api/v1/namespaces/istio-system/services"
    lab.api.do("POST", services, service)
    address = {"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}}
    lab.api.do("PATCH", f"{services}/istio-ingressgateway/status", {"status": address}, MERGE)
    classes = "/apis/networking.k8s.io/v1/ingressclasses"
    for name, controller in (("mesh", "istio.io/ingress-controller"), ("other", "example.org/other")):
        lab.api.do("POST", classes, {"metadata": {"name": name}, "spec": {"controller": controller}})
    ingresses = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses"
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    for name in ("mesh", "other"):
        spec = {"ingressClassName": name, "defaultBackend": backend}
        lab.api.do("POST", ingresses, {"metadata": {"name": name}, "spec": spec})
    lab.replica("a")

    def status(name):
        return lab.api.do("GET", f"{ingresses}/{name}")["status"]["loadBalancer"]

    wait_for(lambda: status("mesh") == {"ingress": [{"ip": "192.0.2.10"}]}, 30, lambda: f"an address: {status('mesh')}")
    assert status("other") == {}, "an Ingress of another class was written"
    print("  the gateway moves; somebody edits the status")
    moved = {"loadBalancer": {"ingress": [{"hostname": "lb.example.org"}]}}
    lab.api.do("PATCH", f"{services}/istio-ingressgateway/status", {"status": moved}, MERGE)
    wait_for(lambda: status("mesh") == moved["loadBalancer"], 30, lambda: f"the new address: {status('mesh')}")
    lab.api.do("PATCH", f"{ingresses}/mesh/status", {"status": address}, MERGE)
    wait_for(lambda: status("mesh") == moved["loadBalancer"], 30, "the edit to be undone")
    version = lab.api.do("GET", f"{ingresses}/mesh")["metadata"]["resourceVersion"]
    make_namespace(lab, "pause")
    wait_for(lambda: root_in(lab, "pause"), 30, "a further write")
    assert lab.api.do("GET", f"{ingresses}/mesh")["metadata"]["resourceVersion"] == version, "written without a change"


def test_secret_that_cannot_be_used(lab):
    lab.api_server()
    data = {"ca-cert.pem": base64.b64encode(b"garbage").decode(), "ca-key.pem": base64.b64encode(b"x").decode()}
    lab.api.do("POST", SECRET.rpartition("/")[0], {"metadata": {"name": "istio-ca-secret"}, "data": data})
    try:
        lab.replica("a", wait_ready=False)
    except Failed as ended:
        assert "Secret istio-system/istio-ca-secret: ca-cert.pem" in str(ended), ended
        assert "it is not replaced" in str(ended), ended
    else:
        raise AssertionError("a control plane started with a broken root")
    assert lab.api.do("GET", SECRET)["data"] == data


class Fleet:
    """Clients that come back on a replica of chance when their stream ends, as proxies behind a Service do."""

    def __init__(self, planes, workload, count, seed):
        self.planes, self.workload = planes, workload
        self.random = random.Random(seed)
        self.moves, self.codes = 0, set()
        self.clients = [self._connect(planes[0]) for _ in range(count)]

    def _connect(self, plane):
        client = DeltaClient(plane.insecure, self.workload)
        client.subscribe("cluster")
        return client

    def tend(self):
        for i, client in enumerate(self.clients):
            if client.error is None:
                continue
            self.codes.add(client.error.code())
            client.close()
            self.moves += 1
            self.clients[i] = self._connect(self.random.choice([p for p in self.planes if p.alive()]))

    def close(self):
        for client in self.clients:
            client.close()


def streams(plane):
    return int(plane.metrics()["fairway_xds_streams"])


def test_streams_spread_and_move_on(lab):
    lab.api_server()
    lab.apply_base()
    planes = [lab.replica(name, extra=["--drain-duration", "3s"]) for name in ("a", "b")]
    count = 40
    fleet = Fleet(planes, lab.workloads["msb-iag"], count, seed=7)
    try:

        def spread():
            fleet.tend()
            now = [streams(p) for p in planes]
            return sum(now) == count and max(now) <= 1.2 * count / 2

        wait_for(spread, 180, lambda: f"an even spread: {[streams(p) for p in planes]}, {fleet.moves} moves", pause=0.1)
        print(f"  {[streams(p) for p in planes]} after {fleet.moves} moves")
        assert fleet.codes == {grpc.StatusCode.UNAVAILABLE}
        assert streams(planes[0]) > 0

        print("  one replica ends: its proxies are sent to the other one, over a time")
        planes[0].ask_to_stop()
        wait_for(lambda: request(planes[0].admin, "/ready").status != 200, 10, "the replica not to be ready any more")
        survivors = [planes[1]]
        fleet.planes = survivors

        def moved():
            fleet.tend()
            return not planes[0].alive() and streams(planes[1]) == count

        wait_for(moved, 60, lambda: f"all {count} streams on the other replica: {streams(planes[1])}", pause=0.05)
        assert planes[0].stop() == 0
        leases = lab.api.do("GET", "/apis/coordination.k8s.io/v1/namespaces/istio-system/leases")["items"]
        assert "fairway-replica-a" not in {lease["metadata"]["name"] for lease in leases}
    finally:
        fleet.close()


def test_tokens_that_prove_nothing(lab):
    """A foreign audience, a text that is no token, and the token of a service account that is gone."""
    lab.api_server()
    lab.apply_base()
    plane = lab.replica("a")
    workload = lab.workloads["msb-iag"]

    def refused(token, words):
        client = DeltaClient(plane.xds, workload, root=plane.root_file, token=token)
        try:
            client.subscribe("cluster")
            wait_for(lambda: client.error, 30, "the stream to be refused")
            assert client.error.code() == grpc.StatusCode.UNAUTHENTICATED, client.error
            assert words in client.error.details(), client.error.details()
            print(f"  {client.error.details()}")
        finally:
            client.close()

    good = lab.token_of(workload)
    client = DeltaClient(plane.xds, workload, root=plane.root_file, token=good).subscribe_all()
    try:
        wait_for(lambda: client.names("cluster"), 30, "clusters with a good token")
    finally:
        client.close()
    folder = lab.directory / "tokens"
    foreign = lab.api.token(workload.namespace, workload.account, folder / "foreign", audience="vault")
    refused(foreign, "does not accept the token")
    text = folder / "text"
    text.write_text("no.token.atall", encoding="ascii")
    refused(text, "does not accept the token")
    lab.api.kubectl("delete", "-n", workload.namespace, "serviceaccount", workload.account)

    def revoked():
        try:
            refused(good, "does not accept the token")
        except (AssertionError, Failed):
            return False
        return True

    # The API server remembers a token that was good for some seconds.
    wait_for(revoked, 60, "the token of a service account that is gone to be refused", pause=0.5)


def test_signal_while_the_api_server_is_away(lab):
    """A control plane that waits for its root ends when it is told to."""
    lab.api_server()
    lab.api.kill()
    argv = [binary(), "serve", "--kubeconfig", lab.api.reader, "--state-dir", lab.directory / "state"]
    plane = lab.add(Process("replica", argv, lab.directory / "serve.log"))
    wait_for(lambda: "trying again" in plane.tail(), 60, lambda: f"it to wait: {plane.tail()}")
    plane.check()
    plane.signal(signal.SIGTERM)
    assert plane.popen.wait(30) == 0


def test_a_real_envoy_comes_back_on_a_new_connection(lab):
    """What spreads streams behind a Service: Envoy keeps its stream when it is told to open no further ones on its
    connection, and opens a new connection when the stream ends."""
    lab.folder_control_plane(extra=["--max-stream-age", "1m"])
    lab.start_mesh(names=("msb-iag",))
    plane = lab.control_plane

    def proxy():
        found = [p for p in plane.debug("proxies") if p["id"] == lab.workloads["msb-iag"].id]
        return found[0] if found else None

    before, opened = proxy(), "fairway_xds_streams_opened_total"
    streams = plane.metrics()[opened]  # its own, and its agent's that asked for patches of the bootstrap
    aged = 'fairway_xds_refused_streams_total{reason="aged"}'
    wait_for(lambda: plane.metrics()[aged] == 1, 120, "the stream to reach its age", pause=0.2)
    after = wait_for(proxy, 30, "the proxy to be back")
    assert plane.metrics()[opened] == streams + 1, "it reconnected before"
    assert after["peer"] != before["peer"], f"the same connection: {before['peer']}"
    wait_for(lambda: proxy()["settled"], 30, "it to be served")
