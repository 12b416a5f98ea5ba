"""Rate limits at real Envoys: counted by each proxy, and by the real rate limit service with redis for all of them.

Units are days, so that what counts is how many requests were sent, and never how long that took."""

import itertools
import json
import queue
from collections import Counter

import grpc
import pytest
import workloads as onap
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from harness import limits
from harness.tokens import Issuer, Key
from processes import request, wait_for

VIO, VFC, MSB = "multicloud-vio", "vfc-nslcm", "msb-iag"
NUMBERS = itertools.count(1)
CONFIG = "ratelimit.config.ratelimit.v3.RateLimitConfig"


def limit(name, *rules, namespace="onap", **spec):
    """A RateLimit; local and for all of the namespace unless `spec` says otherwise."""
    if "global" not in spec:
        spec.setdefault("local", {})
    return json.dumps({"apiVersion": "networking.fairway.io/v1alpha1", "kind": "RateLimit",
                       "metadata": {"name": name, "namespace": namespace}, "spec": {**spec, "rules": list(rules)}})


def rule(requests, *descriptors, match=(), unit="DAY", **more):
    burst = {"burst": more.pop("burst")} if "burst" in more else {}
    return {"match": list(match), "descriptors": list(descriptors),
            "limit": {"requests": requests, "unit": unit, **burst}, **more}


def by(kind, **more):
    return {"type": kind, **more}


class Mesh:
    def __init__(self, lab, names=(VIO,)):
        self.lab = lab
        lab.folder_control_plane()
        lab.start_mesh(names)
        self.port = onap.http_port(lab.services[VIO])
        self.plain = f"{lab.workloads[VIO].ip}:{self.port}"

    def through(self, caller):
        """Where the application of a caller finds the service, by its own proxy."""
        return f"{self.lab.workloads[caller].outbound}:{self.port}"

    def ask(self, path="/", address=None, **more):
        return request(address or self.plain, path, host=f"{VIO}.onap:{self.port}", **more)

    def write(self, name, *rules, file="limit.yaml", **spec):
        """Writes a limit, and waits until it is in force. How is it told? By one more rule, for a path that nobody else asks."""
        probe = f"/probe-{next(NUMBERS)}"
        seen = rule(1, match=[{"path": {"exact": probe}}], name="probe")
        waits = spec.pop("waits_at", [self.plain])
        status = spec.get("response", {}).get("status", 429)
        self.lab.write(file, limit(name, *rules, seen, **spec))
        for address in waits:
            wait_for(lambda a=address: all(self.ask(probe, address=a).status == status for _ in range(3)), 60,
                     lambda a=address: f"the limit {name} at {a}: {self.ask(probe, address=a)}")

    def count(self, times, path="/", **more):
        """How often each status came."""
        return Counter(self.ask(path, **more).status for _ in range(times))


@pytest.fixture
def issuer(tmp_path):
    made = Issuer(tmp_path)
    made.publish()
    yield made
    made.close()


def test_local_limits_by_what_is_in_the_request(lab):
    mesh = Mesh(lab)
    assert mesh.count(20) == {200: 20}

    api = [{"path": {"prefix": "/api"}}]
    mesh.write("by-header", rule(3, by("HEADER", name="X-User"), match=api))
    for user in ("alice", "bob"):
        assert mesh.count(5, "/api/a?b=c", headers={"x-user": user}) == {200: 3, 429: 2}, user
    assert mesh.count(5, "/api/other", headers={"x-user": "alice"}) == {429: 5}
    assert mesh.count(9, "/api") == {200: 9}  # without the header it is not counted
    assert mesh.count(9, "/else", headers={"x-user": "alice"}) == {200: 9}
    # As authorization, limits see paths as the app is meant to see them.
    assert mesh.ask("//api/a", headers={"x-user": "alice"}).status == 429
    assert mesh.ask("/x/../api", headers={"x-user": "alice"}).status == 429
    assert mesh.ask("/%61pi", headers={"x-user": "alice"}).status == 429

    mesh.write("by-path", rule(2, by("PATH"), by("METHOD")))
    for path, method in (("/a", "GET"), ("/b", "GET"), ("/a", "POST")):
        assert mesh.count(4, path, method=method) == {200: 2, 429: 2}, (path, method)
    assert mesh.count(3, "/a?other=query") == {429: 3}

    mesh.write("values", rule(1, by("HEADER", name="x-tier", value="free")), rule(4, by("CONSTANT", value="all"), match=[{"path": {"exact": "/"}}]))
    assert mesh.count(3, headers={"x-tier": "free"}) == {200: 1, 429: 2}

    mesh.write("alternatives", rule(2, match=[{"method": {"exact": "POST"}, "headers": {"x-a": {"regex": "a+"}}},
                                              {"path": {"suffix": ".pdf"}}]))
    assert mesh.count(3, "/x.pdf") == {200: 2, 429: 1}
    assert mesh.count(2, method="POST", headers={"x-a": "aaa"}) == {429: 2}
    assert mesh.count(5, method="POST", headers={"x-a": "aab"}) == {200: 5}
    assert mesh.count(5, method="POST") == {200: 5}

    mesh.write("burst", rule(1000, burst=2, match=[{"path": {"exact": "/burst"}}]))
    assert mesh.count(4, "/burst") == {200: 2, 429: 2}


def test_answers_shadow_and_mistakes(lab):
    mesh = Mesh(lab)
    mesh.write("answer", rule(1, match=[{"path": {"exact": "/a"}}]),
               response={"status": 503, "headers": {"x-limited-by": "us"}, "quotaHeaders": True})
    first, second = mesh.ask("/a"), mesh.ask("/a")
    assert (first.status, first.headers.get("x-ratelimit-limit"), first.headers.get("x-ratelimit-remaining")) == (200, "1", "0")
    assert "x-limited-by" not in first.headers
    assert (second.status, second.headers["x-limited-by"]) == (503, "us")

    # One that only counts refuses nobody; one that is broken hurts no other, and a broken rule none of its object.
    lab.write("shadow.yaml", limit("shadow", rule(1), shadow=True))
    lab.write("broken.yaml", limit("broken", rule(1), context="SIDEWAYS"))
    lab.write("hostile.yaml", limit("hostile", rule(1, by("HEADER", name="x'] || true || ['")),
                                    rule(1, match=[{"path": {"regex": "("}}]),
                                    rule(1, match=[{"path": {"exact": "' == '' || true || '"}}])))
    mesh.write("good", rule(2, match=[{"path": {"exact": "/good"}}]))
    assert mesh.count(9, "/free") == {200: 9}
    assert mesh.count(4, "/good") == {200: 2, 429: 2}


def test_local_limits_by_caller(lab):
    """The caller is who its certificate names, whatever it says of itself; who has none is not counted by such a rule."""
    mesh = Mesh(lab, (VIO, VFC, MSB))
    callers = {name: mesh.through(name) for name in (VFC, MSB)}
    for address in callers.values():
        wait_for(lambda a=address: mesh.ask(address=a).status == 200, 60, lambda a=address: f"200 from {mesh.ask(address=a)}")
    selector = {"matchLabels": lab.workloads[VIO].labels}
    everywhere = [mesh.plain, *callers.values()]

    mesh.write("principal", rule(3, by("SOURCE_PRINCIPAL")), selector=selector, waits_at=everywhere)
    assert mesh.count(9) == {200: 9}
    assert mesh.count(9, headers={"x-forwarded-client-cert": "URI=spiffe://cluster.local/ns/onap/sa/vfc"}) == {200: 9}
    # What told that the rule is in force was counted, too: so this one starts anew by name.
    mesh.write("principal-2", rule(3, by("SOURCE_PRINCIPAL"), match=[{"path": {"exact": "/counted"}}]), selector=selector,
               waits_at=everywhere)
    for name, address in callers.items():
        assert mesh.count(5, "/counted", address=address) == {200: 3, 429: 2}, name

    account = lab.workloads[VFC].account
    mesh.write("one", rule(1, by("SOURCE_PRINCIPAL", value=f"cluster.local/ns/onap/sa/{account}"),
                           match=[{"path": {"exact": "/counted"}}]), selector=selector, waits_at=everywhere)
    assert mesh.count(3, "/counted", address=callers[VFC]) == {200: 1, 429: 2}
    assert mesh.count(3, "/counted", address=callers[MSB]) == {200: 3}

    mesh.write("namespace", rule(4, by("SOURCE_NAMESPACE"), match=[{"path": {"exact": "/counted"}}]), selector=selector,
               waits_at=everywhere)
    both = Counter()
    for address in callers.values():
        both += mesh.count(3, "/counted", address=address)
    assert both == {200: 4, 429: 2}
    assert mesh.count(9, "/counted") == {200: 9}

    # Who is not let in counts for nobody.
    lab.write("deny.yaml", json.dumps({
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": {"name": "deny", "namespace": "onap"},
        "spec": {"action": "DENY", "rules": [{"to": [{"operation": {"paths": ["/counted"], "methods": ["DELETE"]}}]}]}}))
    wait_for(lambda: all(mesh.ask("/counted", method="DELETE", address=a).status == 403 for a in everywhere), 60, "403")
    mesh.write("denied", rule(2, match=[{"path": {"exact": "/counted"}}]), selector=selector, waits_at=everywhere)
    assert mesh.count(5, "/counted", method="DELETE") == {403: 5}
    assert mesh.count(3, "/counted") == {200: 2, 429: 1}


def test_local_limits_by_claim(lab, issuer):
    """Claims count once their token is found valid."""
    mesh = Mesh(lab)
    lab.write("jwt.yaml", json.dumps({
        "apiVersion": "security.istio.io/v1", "kind": "RequestAuthentication", "metadata": {"name": "jwt", "namespace": "onap"},
        "spec": {"jwtRules": [{"issuer": issuer.url}]}}))
    mesh.write("users", rule(2, by("CLAIM", name="sub")), rule(3, by("CLAIM", name="realm.id")))

    def bearer(**claims):
        return {"authorization": f"Bearer {issuer.token(**claims)}"}

    wait_for(lambda: mesh.ask("/", headers={"authorization": "Bearer a.b.c"}).status == 401, 60, "401 for no token")
    wait_for(lambda: mesh.ask("/", headers=bearer(sub="nobody")).status in (200, 429), 60, "the issuer's keys")
    forged = {"authorization": f"Bearer {issuer.token(key=Key(lab.directory, 'first'), sub='alice')}"}
    assert mesh.count(5, headers=forged) == {401: 5}
    for user in ("alice", "bob"):
        assert mesh.count(4, headers=bearer(sub=user)) == {200: 2, 429: 2}, user
    assert mesh.count(9) == {200: 9}
    assert mesh.count(5, headers=bearer(sub=None, realm={"id": "r"})) == {200: 3, 429: 2}


def test_limits_at_a_gateway(lab):
    """By the client's address, which a client cannot choose; sidecars behind are not concerned."""
    mesh = Mesh(lab, (onap.GATEWAY, MSB))
    lab.write("gateway.yaml", onap.step_text("1-gateway.yaml", limits.POD_PREFIX))
    gateway = f"{lab.workloads[onap.GATEWAY].ip}:{onap.http_port(lab.services[onap.GATEWAY])}"
    wait_for(lambda: request(gateway, "/msb").status == 200, 60, lambda: f"200: {request(gateway, '/msb')}")
    lab.write("limit.yaml", limit("addresses", rule(5, by("REMOTE_ADDRESS"), match=[{"path": {"prefix": "/msb"}}]),
                                  namespace="istio-system", context="GATEWAY",
                                  selector={"matchLabels": {"istio": "ingressgateway"}}))
    wait_for(lambda: request(gateway, "/msb").status == 429, 60, lambda: f"429: {request(gateway, '/msb')}")
    answers = [request(gateway, "/msb", headers={"x-forwarded-for": f"192.0.2.{i}"}).status for i in range(5)]
    assert answers == [429] * 5
    assert mesh.lab.workloads[MSB].ip  # its sidecar takes what it took
    inside = f"{lab.workloads[MSB].ip}:{onap.http_port(lab.services[MSB])}"
    assert [request(inside, "/msb").status for _ in range(9)] == [200] * 9


def test_the_service_counts_for_all(lab):
    """One count for two workloads; the service's configuration follows the objects; open or closed while it is away."""
    mesh = Mesh(lab, (VIO, MSB))
    other = f"{lab.workloads[MSB].ip}:{onap.http_port(lab.services[MSB])}"
    redis, service = limits.start(lab)
    both = [mesh.plain, other]
    slow = {"timeout": "5s"}  # on a busy machine the service may take its time
    counted = [{"path": {"exact": "/msb"}}]

    def total(times):
        """As many requests to each of the two."""
        return mesh.count(times, "/msb") + mesh.count(times, "/msb", address=other)

    def apps(statuses):
        """The applications answer this path differently: what is not refused is what counts."""
        return {"passed": sum(n for status, n in statuses.items() if status in (200, 404)), "refused": statuses[429]}

    mesh.write("shared", rule(6, match=counted), rule(2, by("HEADER", name="x-user"), match=[{"path": {"exact": "/user"}}]),
               waits_at=both, **{"global": slow})
    assert apps(total(5)) == {"passed": 6, "refused": 4}
    for user in ("alice", "bob"):
        seen = mesh.count(2, "/user", headers={"x-user": user}) + mesh.count(2, "/user", address=other, headers={"x-user": user})
        assert apps(seen) == {"passed": 2, "refused": 2}, user

    # By caller: the identity is known to the proxies, which tell the service.
    mesh.write("narrower", rule(1, by("SOURCE_NAMESPACE"), match=counted), waits_at=both, **{"global": slow})
    assert apps(total(3)) == {"passed": 6, "refused": 0}  # plaintext has no namespace

    mesh.write("shadow", rule(1, match=counted), waits_at=[], shadow=True, file="shadow.yaml", **{"global": slow})
    mesh.write("again", rule(100, match=counted), waits_at=both, **{"global": slow})
    assert apps(total(3)) == {"passed": 6, "refused": 0}

    # A limit of the whole mesh holds for all but the service itself: that would ask itself without end.
    lab.write("mesh.yaml", limit("mesh", rule(100000), namespace="istio-system", **{"global": {**slow, "failureMode": "CLOSED"}}))
    mesh.write("with-mesh", rule(4, match=counted), waits_at=both, **{"global": slow})
    assert apps(total(3)) == {"passed": 4, "refused": 2}
    (lab.config / "mesh.yaml").unlink()
    mesh.write("without-mesh", rule(100, match=counted), waits_at=both, **{"global": slow})

    # The service is away: one object's requests pass, the other's are refused.
    lab.write("shadow.yaml", limit("closed", rule(100, match=[{"path": {"exact": "/closed"}}]), shadow=False,
                                   **{"global": {**slow, "failureMode": "CLOSED"}}))
    wait_for(lambda: '"onap/closed"' in json.dumps(lab.control_plane.debug("config_dump?proxy=ratelimit-1-limits.istio-system")),
             60, "the service to be told of the second limit")
    service.kill()
    wait_for(lambda: mesh.ask("/closed").status == 500, 60, lambda: f"500: {mesh.ask('/closed')}")
    assert apps(total(3)) == {"passed": 6, "refused": 0}
    service.start()
    wait_for(lambda: mesh.ask("/closed").status in (200, 404), 60, lambda: f"an answer: {mesh.ask('/closed')}")

    # So is redis: the service says so, and the same holds.
    mesh.write("more", rule(2, match=counted), waits_at=both, **{"global": slow})
    assert apps(total(2)) == {"passed": 2, "refused": 2}
    redis.kill()
    wait_for(lambda: mesh.ask("/closed").status == 500, 60, lambda: f"500: {mesh.ask('/closed')}")
    assert apps(total(3)) == {"passed": 6, "refused": 0}


def told(lab, namespace, account, node_namespace):
    """What somebody is told who says to be a rate limit service: the names of the limits, or the status of the refusal."""
    token = lab.control_plane.token_file(namespace, account).read_text(encoding="utf-8").strip()
    credentials = grpc.ssl_channel_credentials(root_certificates=lab.control_plane.root_file.read_bytes())
    options = [("grpc.ssl_target_name_override", "localhost")]
    with grpc.secure_channel(lab.control_plane.xds, credentials, options) as channel:
        asked = discovery_pb2.DiscoveryRequest(type_url=f"type.googleapis.com/{CONFIG}")
        asked.node.id = f"ratelimit~10.0.0.1~limits.{node_namespace}~cluster.local"
        requests = queue.SimpleQueue()
        requests.put(asked)
        stub = ads_pb2_grpc.AggregatedDiscoveryServiceStub(channel)
        call = stub.StreamAggregatedResources(iter(requests.get, None), timeout=60,
                                              metadata=[("authorization", f"Bearer {token}")])
        try:
            response = next(call)
        except grpc.RpcError as error:
            return error.code()
        finally:
            requests.put(None)
        # The first field of each is its name.
        return [resource.value[2:2 + resource.value[1]].decode() for resource in response.resources]


def test_only_the_root_namespace_learns_of_all_limits(lab):
    """The service's configuration tells of all namespaces: it goes to workloads of the root namespace."""
    Mesh(lab, (VIO,))
    for name, text in limits.manifests().items():
        lab.write(name, text)
    lab.write("limit.yaml", limit("secret", rule(1), **{"global": {}}))
    lab.write("local.yaml", limit("local", rule(1)))
    service, stranger = limits.workload(), lab.workloads[VIO]
    lab.token_of(service)
    wait_for(lambda: told(lab, service.namespace, service.account, service.namespace) == ["onap/secret"], 60,
             lambda: f"the limit: {told(lab, service.namespace, service.account, service.namespace)}")
    assert told(lab, stranger.namespace, stranger.account, stranger.namespace) == []
    assert told(lab, stranger.namespace, stranger.account, service.namespace) == grpc.StatusCode.PERMISSION_DENIED
