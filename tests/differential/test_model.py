"""The model against examples that are plain to read: what the documents say, one by one."""

import model
import pytest
from model import paths, patterns
from world import ALLOW, AUTHORIZER, CLOSED, DENY, FAIL, NOBODY, REFUSE
from world import Certificate, Connection, Mesh, Port, Request, Server, Service, Token, Workload

WEB = "spiffe://cluster.local/ns/shop/sa/web"
SERVICE = Service("api", "shop", (Port("http", 80, 8080), Port("tcp", 90, 9000)))
WORKLOAD = Workload("shop", "api", {"app": "api"}, "10.30.1.1", (SERVICE,))


def policy(spec, kind="AuthorizationPolicy", name="p", namespace="shop"):
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def verdict(objects, identity=WEB, port=8080, source="10.30.200.1", workload=WORKLOAD, providers=(), **fields):
    certificate = Certificate(identity) if identity else None
    connection = Connection(port, source, bool(identity), bool(identity), certificate, fields.pop("sni", ""))
    mesh = Mesh("cluster.local", [workload], objects, providers=list(providers))
    return model.Port(mesh, workload, port).verdict(Request(connection, **fields))


def allow(rule, **spec):
    return [policy({"rules": [rule], **spec})]


def source(**fields):
    return {"from": [{"source": fields}]}


def operation(**fields):
    return {"to": [{"operation": fields}]}


def test_without_policies_everything_passes():
    assert verdict([]) == verdict([], identity=None) == verdict([], port=9000) == ALLOW


def test_an_allow_policy_without_rules_denies():
    assert verdict([policy({})]) == DENY
    assert verdict([policy({})], port=9000) == CLOSED
    assert verdict(allow({})) == ALLOW


def test_deny_beats_allow():
    objects = allow({}) + [policy({"action": "DENY", "rules": [operation(methods=["DELETE"])]})]
    assert verdict(objects, method="GET") == ALLOW
    assert verdict(objects, method="DELETE") == DENY
    assert verdict(objects, port=9000) == CLOSED  # there the method is left out


def test_a_negative_match_on_an_identity_needs_one_to_allow():
    assert verdict(allow(source(notNamespaces=["pay"]))) == ALLOW
    assert verdict(allow(source(notNamespaces=["pay"])), identity=None) == DENY
    assert verdict(allow(source(notNamespaces=["pay"]), action="DENY"), identity=None) == DENY


def test_cluster_local_stands_for_the_trust_domain():
    mesh = Mesh("mesh.example", [WORKLOAD], allow(source(principals=["cluster.local/ns/shop/sa/web"])))
    certificate = Certificate("spiffe://mesh.example/ns/shop/sa/web")
    request = Request(Connection(8080, "10.30.200.1", True, True, certificate))
    assert model.Port(mesh, WORKLOAD, 8080).verdict(request) == ALLOW


@pytest.mark.parametrize("written,text,matches", [
    ("shop", "shop", True), ("shop", "shop2", False), ("sh*", "shop", True), ("*op", "shop", True), ("*", "shop", True),
    ("s*p", "shop", True), ("s*p", "shops", False), ("*", None, False), ("sho.", "shop", False),
])  # fmt: skip
def test_namespaces(written, text, matches):
    assert patterns.namespace(written)(text) == matches


@pytest.mark.parametrize("written,text,matches", [
    ("a.example", "A.example", True), ("a.example", "a.example:80", True), ("a.example", "a.examples", False),
    ("*.example", "a.example:80", True), ("a.example:80", "a.example", False), ("*", "", False), ("a.*", "A.b", True),
])  # fmt: skip
def test_hosts(written, text, matches):
    assert patterns.host(written)(text) == matches


@pytest.mark.parametrize("target,plain,strict", [
    ("/a/../b", "/b", "/b"), ("/a/%2e%2E/b", "/b", "/b"), ("//a//b", "//a//b", "/a/b"), ("/a?x=/b", "/a", "/a"),
    ("/%61", "/a", "/a"), ("/a%2fb", "/a%2fb", None), ("/a#b", None, None), ("/a\\b", "/a/b", "/a/b"),
    ("/a/..", "/", "/"),
])  # fmt: skip
def test_paths(target, plain, strict):
    assert (paths.normalise(target, False), paths.normalise(target, True)) == (plain, strict)


def test_path_templates():
    assert paths.template("/a/{*}/c")("/a/b/c")
    assert not paths.template("/a/{*}/c")("/a//c")
    assert paths.template("/a/{**}")("/a/b/c")
    assert paths.template("/a/*") is None


ON = policy({"mode": "ON"}, "ClusterRbacConfig", "default")


def roles(rule, subject, **binding):
    role = policy({"rules": [rule]}, "ServiceRole", "role")
    spec = {"subjects": [subject], "roleRef": {"kind": "ServiceRole", "name": "role"}, **binding}
    return [ON, role, policy(spec, "ServiceRoleBinding", "binding")]


def test_rbac_denies_by_default():
    assert verdict([ON]) == DENY
    assert verdict([policy({"mode": "OFF"}, "ClusterRbacConfig", "default")]) == ALLOW
    assert verdict(roles({"services": ["*"]}, {"user": "*"}), identity=None) == ALLOW
    assert verdict(roles({"services": ["other.*"]}, {"user": "*"})) == DENY


def test_user_and_names():
    assert verdict(roles({}, {"properties": {"source.principal": "*"}}), identity=None) == DENY
    assert verdict(roles({}, {"names": ["allAuthenticatedUsers"]}), identity=None) == DENY
    assert verdict(roles({}, {"names": ["allUsers"]}), identity=None) == ALLOW
    assert verdict(roles({}, {"user": "cluster.local/ns/shop/sa/web"})) == ALLOW


def test_http_rules_never_open_tcp():
    assert verdict(roles({"methods": ["*"]}, {"user": "*"}), port=9000) == CLOSED
    assert verdict(roles({}, {"user": "*"}), port=9000) == ALLOW


def test_bindings_on_trial_give_nothing():
    assert verdict(roles({}, {"user": "*"}, mode="PERMISSIVE")) == DENY


def test_a_new_policy_switches_the_old_ones_off():
    assert verdict([ON] + allow({})) == ALLOW
    assert verdict([ON, policy({"action": "AUDIT", "rules": [{}]})]) == DENY


def test_the_narrowest_old_policy_wins_whole():
    mesh_policy = {"kind": "MeshPolicy", "metadata": {"name": "default"}, "spec": {"peers": [{"mtls": None}]}}
    off = policy({"targets": [{"name": "api", "ports": [{"number": 80}]}]}, "Policy", "off")
    assert verdict([mesh_policy], identity=None) == CLOSED
    assert verdict([mesh_policy, off], identity=None) == ALLOW
    assert verdict([mesh_policy, off], identity=None, port=9000) == CLOSED


def test_peer_authentication_replaces_the_old_policies():
    old = policy({"peers": [{"mtls": {}}]}, "Policy", "default")
    new = policy({"mtls": {"mode": "DISABLE"}}, "PeerAuthentication")
    assert verdict([old], identity=None) == CLOSED
    assert verdict([old, new], identity=None) == ALLOW


def test_other_trust_domains_and_authorities_are_not_let_in():
    strict = [policy({"mtls": {"mode": "STRICT"}}, "PeerAuthentication")]
    assert verdict(strict) == ALLOW
    assert verdict(strict, identity="spiffe://other.example/ns/shop/sa/web") == CLOSED
    assert verdict(strict, identity="spiffe://cluster.localx/ns/shop/sa/web") == CLOSED


# --- tokens --------------------------------------------------------------------------------------------------

ONE, TWO = "https://one.example", "two@example.org"
ALICE = Token(ONE, "alice", "shop", ())
BOB = Token(TWO, "bob", "", ())


def jwt_rule(issuer, **fields):
    return {"issuer": issuer, "jwks": f'{{"keys": [{{"kid": "{issuer}"}}]}}', **fields}


def tokens_of(*rules):
    return [policy({"jwtRules": list(rules)}, "RequestAuthentication")]


def origins_of(*rules, **spec):
    return [policy({"origins": [{"jwt": rule} for rule in rules], **spec}, "Policy", "default")]


def asked(objects, *tokens):
    return verdict(objects, identity=None, tokens=tokens)


def test_each_token_that_is_there_must_be_valid():
    both = tokens_of(jwt_rule(ONE), jwt_rule(TWO, fromHeaders=[{"name": "x-bare"}]))
    bob = BOB._replace(place="x-bare")
    assert asked(both) == asked(both, ALICE) == asked(both, bob) == asked(both, ALICE, bob) == ALLOW
    assert asked(both, ALICE, bob._replace(signed=False)) == REFUSE
    assert asked(both, ALICE._replace(expired=True), bob) == REFUSE
    assert asked(both, BOB) == REFUSE  # not where its rule looks, but where another does
    assert asked(both, ALICE, BOB._replace(place="session", signed=False)) == ALLOW  # nobody looks there


def test_who_is_meant_is_open_with_several_tokens():
    need = allow(source(requestPrincipals=[f"{ONE}/alice"]))
    both = tokens_of(jwt_rule(ONE), jwt_rule(TWO)) + need
    bob = BOB._replace(place="access_token")
    assert asked(both, ALICE) == ALLOW
    assert asked(both, bob) == DENY
    assert asked(both, ALICE, bob) == {ALLOW, DENY}
    assert asked(both, ALICE, ALICE._replace(place="access_token")) == ALLOW


def test_the_first_origin_with_a_valid_token_counts():
    both = origins_of(jwt_rule(ONE), jwt_rule(TWO, jwtParams=["token"]))
    bob = BOB._replace(place="token")
    assert asked(both) == REFUSE
    assert asked(both, ALICE._replace(signed=False), bob) == asked(both, ALICE, bob._replace(signed=False)) == ALLOW
    assert asked(both, ALICE, ALICE._replace(place="access_token", signed=False)) == REFUSE
    optional = origins_of(jwt_rule(ONE), originIsOptional=True)
    assert asked(optional) == asked(optional, ALICE._replace(signed=False)) == ALLOW
    mixed = (ALICE, ALICE._replace(place="access_token", signed=False))
    need = roles({}, {"properties": {"request.auth.claims[groups]": "dev"}})
    assert asked(optional + need, mixed[0]._replace(groups=("dev",)), mixed[1]) == {ALLOW, DENY}


# --- external authorizers ------------------------------------------------------------------------------------


def provider(name, kind="Http", host=AUTHORIZER, **settings):
    seen = {"includeRequestHeadersInCheck": ["x-ext"]} if kind == "Http" else {}
    return {"name": name, f"envoyExtAuthz{kind}": {"service": host, "port": 8000, **seen, **settings}}


def custom(name="house", **rule):
    return policy({"action": "CUSTOM", "provider": {"name": name}, "rules": [rule]})


def with_answer(objects, answer, providers, **more):
    return verdict(objects, headers=(("X-Ext", answer),), providers=providers, **more)


def test_custom_asks_before_deny_and_allow():
    house = [provider("house", statusOnError="402")]
    objects = [custom(), policy({"action": "DENY", "rules": [operation(methods=["DELETE"])]})] + allow(operation(methods=["GET"]))
    assert with_answer(objects, "allow", house) == ALLOW
    assert with_answer(objects, "deny", house) == DENY
    assert with_answer(objects, "error", house) == with_answer(objects, "error", house, method="DELETE") == FAIL
    assert with_answer(objects, "allow", house, method="DELETE") == with_answer(objects, "allow", house, method="PUT") == DENY


def test_who_cannot_be_asked():
    assert with_answer([custom()], "allow", [provider("house", host=NOBODY)]) == DENY
    assert with_answer([custom()], "deny", [provider("house", host=NOBODY, failOpen=True)]) == ALLOW
    assert with_answer([custom()], "error", [provider("house", failOpen=True)]) == ALLOW
    assert with_answer([custom()], "allow", [provider("other")]) == DENY  # there is no such provider
    only = [custom(**operation(methods=["DELETE"]))]
    assert with_answer(only, "deny", [provider("house")]) == ALLOW  # who is not asked
    assert with_answer(only, "allow", [provider("other")]) == DENY


def test_what_authorizers_see():
    assert with_answer([custom()], "deny", [provider("house", includeRequestHeadersInCheck=["x-other"])]) == ALLOW
    assert with_answer([custom()], "deny", [provider("house", includeRequestHeadersInCheck=["x-e*"])]) == DENY
    assert with_answer([custom()], "deny", [provider("house", "Grpc")]) == DENY
    assert verdict([custom()], port=9000, providers=[provider("house")]) == CLOSED  # it knows requests alone
    assert verdict([custom()], port=9000, providers=[provider("house", "Grpc")]) == ALLOW
    assert verdict([custom()], port=9000, source="10.30.200.2", providers=[provider("house", "Grpc")]) == CLOSED


# --- gateways ------------------------------------------------------------------------------------------------

EDGE_PORTS = (Port("http", 80, 8080), Port("https", 443, 8443), Port("tls", 444, 8444))
EDGE_LABELS = {"app": "api", "gateway.networking.k8s.io/gateway-name": "edge"}


def gateway(mode="MUTUAL"):
    servers = (Server(80, "HTTP"), Server(443, "HTTPS", mode), Server(444, "TLS", mode))
    return Workload("shop", "edge", EDGE_LABELS, "10.30.1.1", (Service("api", "shop", EDGE_PORTS),), servers)


def test_gateways_ask_for_certificates_as_their_servers_say():
    web = allow(source(principals=["cluster.local/ns/shop/sa/web"]))
    assert verdict(web, port=8443, workload=gateway()) == ALLOW
    assert verdict(web, port=8443, workload=gateway(), identity=None) == CLOSED
    assert verdict(web, port=8443, workload=gateway("SIMPLE")) == DENY
    assert verdict(web, port=8444, workload=gateway("SIMPLE")) == CLOSED
    assert verdict(web, port=8080, workload=gateway(), identity=None) == DENY
    strict = [policy({"mtls": {"mode": "STRICT"}}, "PeerAuthentication")]
    assert verdict(strict, port=8080, workload=gateway(), identity=None) == ALLOW


def test_gateways_do_not_believe_what_clients_say_of_themselves():
    near = allow(source(remoteIpBlocks=["10.30.200.0/24"]))
    forwarded = (("x-forwarded-for", "203.0.113.9"),)
    assert verdict(near, port=8080, workload=gateway(), identity=None, headers=forwarded) == ALLOW
    assert verdict(near, headers=forwarded) == DENY


def test_references():
    def refers(**target):
        return [policy({"rules": [], "targetRefs": [target]})]

    edge = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge"}
    assert verdict(refers(**edge), workload=gateway(), identity=None) == DENY
    assert verdict(refers(**edge)) == verdict(refers(**{**edge, "name": "x"}), workload=gateway(), identity=None) == ALLOW
    assert verdict(refers(kind="Service", name="api")) == DENY
    assert verdict(refers(kind="Service", name="apx")) == ALLOW
