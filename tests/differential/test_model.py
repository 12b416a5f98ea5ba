"""The model against examples that are plain to read: what the documents say, one by one."""

import model
import pytest
from model import paths, patterns
from world import ALLOW, CLOSED, DENY, Certificate, Connection, Mesh, Port, Request, Service, Workload

WEB = "spiffe://cluster.local/ns/shop/sa/web"
SERVICE = Service("api", "shop", (Port("http", 80, 8080), Port("tcp", 90, 9000)))
WORKLOAD = Workload("shop", "api", {"app": "api"}, "10.30.1.1", (SERVICE,))


def policy(spec, kind="AuthorizationPolicy", name="p", namespace="shop"):
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def verdict(objects, identity=WEB, port=8080, **fields):
    certificate = Certificate(identity) if identity else None
    connection = Connection(port, "10.30.200.1", bool(identity), bool(identity), certificate, fields.pop("sni", ""))
    mesh = Mesh("cluster.local", [WORKLOAD], objects)
    return model.Port(mesh, WORKLOAD, port).verdict(Request(connection, **fields))


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
