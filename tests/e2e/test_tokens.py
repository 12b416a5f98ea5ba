"""End-user tokens at real Envoys, in both dialects; keys that the control plane fetches; external authorizers."""

import http.server
import json
import threading

import pytest
import workloads as onap
from harness.network import POD_PREFIX
from harness.tokens import Issuer, Key
from processes import request, wait_for

VIO = "multicloud-vio"


def manifest(api, kind, name, spec, namespace="onap", **meta):
    return json.dumps({"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace, **meta},
                       "spec": spec})


def request_authentication(rule, name="jwt", **spec):
    return manifest("security.istio.io/v1", "RequestAuthentication", name, {"jwtRules": [rule], **spec})


def policy(name, action, *rules, **spec):
    return manifest("security.istio.io/v1", "AuthorizationPolicy", name, {"action": action, "rules": list(rules), **spec})


@pytest.fixture
def issuer(tmp_path):
    made = Issuer(tmp_path)
    yield made
    made.close()


class Mesh:
    def __init__(self, lab, names=(VIO,), **options):
        self.lab = lab
        lab.folder_control_plane(**options)
        lab.start_mesh(names)
        workload = lab.workloads[VIO]
        self.address = f"{workload.ip}:{onap.http_port(lab.services[workload.service])}"

    def ask(self, token=None, path="/", headers=None, address=None, **more):
        headers = dict(headers or {})
        if token:
            headers["authorization"] = f"Bearer {token}"
        return request(address or self.address, path, headers=headers, **more)

    def wait(self, status, *args, body="", **kwargs):
        """Until the answer is so, STABLE times in a row: listeners are replaced while connections go on."""
        def steady():
            return all(self._is(self.ask(*args, **kwargs), status, body) for _ in range(3))

        wait_for(steady, 60, lambda: f"{status} for {args} {kwargs}: {self.ask(*args, **kwargs)}")

    @staticmethod
    def _is(answer, status, body):
        return answer.status == status and body in answer.body


def test_request_authentication(lab, issuer):
    """As in Istio's task: a bad token is refused, none passes until an AuthorizationPolicy asks for one."""
    issuer.publish()
    mesh = Mesh(lab)
    mesh.wait(200)
    lab.write("jwt.yaml", request_authentication({"issuer": issuer.url, "audiences": ["onap"],
                                                  "outputClaimToHeaders": [{"header": "x-sub", "claim": "sub"}],
                                                  "outputPayloadToHeader": "x-claims"}))
    good = issuer.token(aud="onap", groups=["admin", "dev"], scope="read write", realm={"role": "ops"})
    mesh.wait(401, "no.token.atall")
    mesh.wait(200, good)
    assert mesh.ask().status == 200
    for bad in (issuer.token(seconds=-600, aud="onap"), issuer.token(aud="onap", iss="http://else"), good[:-4] + "AAAA"):
        assert mesh.ask(bad).status == 401
    for audience in ("other", None):  # Envoy's own word for this
        assert mesh.ask(issuer.token(aud=audience)).status == 403
    stranger = Key(lab.directory, "first")  # the same name, another key
    assert mesh.ask(issuer.token(key=stranger, aud="onap")).status == 401

    cases = [  # what is asked for, whether the token has it
        ({"from": [{"source": {"requestPrincipals": [issuer.url + "/alice"]}}]}, True),
        ({"from": [{"source": {"requestPrincipals": ["*"]}}]}, True),
        ({"from": [{"source": {"requestPrincipals": [issuer.url + "/bob"]}}]}, False),
        ({"when": [{"key": "request.auth.claims[groups]", "values": ["dev"]}]}, True),
        ({"when": [{"key": "request.auth.claims[groups]", "values": ["de"]}]}, False),
        ({"when": [{"key": "request.auth.claims[scope]", "values": ["write"]}]}, True),
        ({"when": [{"key": "request.auth.claims[realm][role]", "values": ["ops"]}]}, True),
        ({"when": [{"key": "request.auth.audiences", "values": ["onap"]}]}, True),
        ({"when": [{"key": "request.auth.claims[groups]", "notValues": ["admin"]}]}, False),
    ]
    lab.write("policy.yaml", policy("need-token", "ALLOW", {"to": [{"operation": {"paths": ["/nowhere"]}}]}))
    mesh.wait(403)
    for number, (rule, allowed) in enumerate(cases):
        # The second rule tells that this policy is the one in force.
        probe = {"to": [{"operation": {"paths": [f"/case-{number}"]}}]}
        lab.write("policy.yaml", policy("need-token", "ALLOW", rule, probe))
        mesh.wait(200, path=f"/case-{number}")
        assert mesh.ask().status == 403, rule
        assert mesh.ask(good).status == (200 if allowed else 403), rule
        print(f"  {json.dumps(rule)}: {'allowed' if allowed else 'denied'}", flush=True)


def test_old_policy_origins(lab, issuer):
    """authentication.istio.io/v1alpha1, with trigger rules; its refusals have their old text."""
    issuer.publish()
    mesh = Mesh(lab)
    origin = {"jwt": {"issuer": issuer.url, "jwksUri": issuer.url + "/keys", "triggerRules": [
        {"excludedPaths": [{"exact": "/health"}, {"prefix": "/public/"}], "includedPaths": [{"prefix": "/"}]}]}}
    target = {"targets": [{"name": lab.workloads[VIO].service}]}

    def write(**more):
        lab.write("old.yaml", manifest("authentication.istio.io/v1alpha1", "Policy", "tokens",
                                       {**target, "origins": [origin], "principalBinding": "USE_ORIGIN", **more}))

    write()
    mesh.wait(401, body="Origin authentication failed.")
    good = issuer.token()
    mesh.wait(200, good)
    for path, token, status in (
        ("/", good, 200), ("/", "a.b.c", 401), ("/health", None, 200), ("/public/a", None, 200), ("/publicity", None, 401),
        ("/health/x", None, 401), ("/health?a=b", None, 200), ("/?x=/health", None, 401), ("/x?/public/", None, 401),
        ("/public/../secret", None, 401), ("//public/../secret", None, 401), ("/public/%2e%2e/secret", None, 401),
        ("/public%2f..%2fsecret", None, 400), ("/secret#/health", None, 400), ("/health", "a.b.c", 200),
    ):
        answer = mesh.ask(token, path)
        assert answer.status == status, f"{path} {token}: {answer}"
    # What a preflight asks has no token.
    preflight = {"origin": "http://a", "access-control-request-method": "GET"}
    assert mesh.ask(path="/", method="OPTIONS", headers=preflight).status != 401
    assert mesh.ask(path="/", method="OPTIONS").status == 401
    # The token may be a query parameter, too.
    assert mesh.ask(path=f"/?access_token={good}").status == 200

    origin["jwt"]["audiences"] = ["onap"]
    write()
    mesh.wait(401, good, body="Origin authentication failed.")
    assert mesh.ask(issuer.token(aud="onap")).status == 200

    write(originIsOptional=True)
    mesh.wait(200, "a.b.c")
    mesh.wait(200)


def test_keys_that_cannot_be_had_refuse_tokens(lab, issuer):
    """No built-in key stands in; keys come as soon as their server answers; addresses that must not be asked are not."""
    lab.config.mkdir()
    lab.write("jwt.yaml", request_authentication({"issuer": issuer.url}))
    lab.write("meta.yaml", request_authentication({"issuer": "http://elsewhere", "jwksUri": "http://169.254.169.254/keys"},
                                                  "metadata"))
    mesh = Mesh(lab)
    good = issuer.token()
    mesh.wait(401, good)
    mesh.wait(200)

    def notes(words):
        return any(words in json.dumps(note) for note in lab.control_plane.debug("notes"))

    wait_for(lambda: notes("status 404"), 30, "a note about the keys that cannot be had")
    wait_for(lambda: notes("link-local"), 30, "a note about the address that is not asked")
    # A redirect is no way around.
    issuer.answers["/.well-known/openid-configuration"] = "http://169.254.169.254/latest/meta-data"
    seen = len(issuer.asked)
    wait_for(lambda: len(issuer.asked) > seen + 1, 60, "the issuer to be asked again")
    assert mesh.ask(good).status == 401
    issuer.publish()
    mesh.wait(200, good)
    assert mesh.ask(issuer.token(seconds=-600)).status == 401


def test_routes_by_claims(lab, issuer):
    """A gateway chooses routes by the claims of verified tokens, and by those alone."""
    issuer.publish()
    gateway = onap.GATEWAY
    mesh = Mesh(lab, (gateway, "msb-iag", VIO))
    address = f"{lab.workloads[gateway].ip}:80"
    labels = {"selector": {"matchLabels": {"istio": "ingressgateway"}}}
    lab.write("gateway.yaml", "\n---\n".join([
        manifest("networking.istio.io/v1", "Gateway", "claims", {"selector": {"istio": "ingressgateway"}, "servers": [
            {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["claims.example.com"]}]}),
        manifest("networking.istio.io/v1", "VirtualService", "claims", {
            "hosts": ["claims.example.com"], "gateways": ["claims"],
            "http": [
                {"match": [{"headers": {"@request.auth.claims.groups": {"exact": "admin"}}}],
                 "directResponse": {"status": 200, "body": {"string": "admin"}}},
                {"match": [{"headers": {"@request.auth.claims[realm][name]": {"prefix": "onap"}}}],
                 "directResponse": {"status": 200, "body": {"string": "onap"}}},
                {"match": [{"withoutHeaders": {"@request.auth.claims.sub": {}}}],
                 "directResponse": {"status": 200, "body": {"string": "nobody"}}},
                {"directResponse": {"status": 200, "body": {"string": "other"}}}]}),
        json.dumps({**json.loads(request_authentication({"issuer": issuer.url}, **labels)),
                    "metadata": {"name": "jwt", "namespace": "istio-system"}})]))

    def ask(token=None, **headers):
        return mesh.ask(token, headers=headers, address=address, host="claims.example.com").body

    wait_for(lambda: ask() == "nobody", 60, lambda: f"the route of nobody: {ask()!r}")
    admin = issuer.token(groups=["dev", "admin"])
    wait_for(lambda: ask(admin) == "admin", 60, lambda: f"the route of an admin: {ask(admin)!r}")
    assert ask(issuer.token(groups="admin")) == "admin"
    assert ask(issuer.token(groups="administrators", realm={"name": "onap-lab"})) == "onap"
    assert ask(issuer.token(groups=["x"])) == "other"
    assert ask(**{"@request.auth.claims.groups": "admin"}) in ("nobody", "Bad Request")  # no token says it


class Authorizer:
    """An external authorizer over HTTP: it lets in who says x-ext-authz: allow."""

    def __init__(self, address):
        self.asked = []
        authorizer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                authorizer.asked.append((self.path, dict(self.headers)))
                allowed = self.headers.get("x-ext-authz") == "allow"
                self.send_response(200 if allowed else 403)
                self.send_header("x-decided", "yes" if allowed else "no")
                body = b"" if allowed else b"ask somebody else"
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def test_external_authorizer(lab):
    """Action CUSTOM: only what its rules match is asked about; without an answer it is denied, or let in by failOpen."""
    authorizer = Authorizer(POD_PREFIX + "99.1")
    mesh = Mesh(lab)
    lab.write("authorizer.yaml", manifest("networking.istio.io/v1", "ServiceEntry", "authorizer", {
        "hosts": ["authorizer.example.com"], "resolution": "STATIC", "location": "MESH_EXTERNAL",
        "ports": [{"number": 8000, "name": "http", "protocol": "HTTP", "targetPort": authorizer.port}],
        "endpoints": [{"address": POD_PREFIX + "99.1"}]}))

    def settings(**more):
        provider = {"service": "authorizer.example.com", "port": 8000, "timeout": "2s", "pathPrefix": "/check",
                    "includeRequestHeadersInCheck": ["x-ext-authz"], "headersToDownstreamOnDeny": ["x-decided"], **more}
        text = json.dumps({"extensionProviders": [{"name": "house", "envoyExtAuthzHttp": provider}]})
        lab.write("mesh.yaml", json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "data": {"mesh": text},
                                           "metadata": {"name": "istio", "namespace": "istio-system"}}))

    custom = {"provider": {"name": "house"}}
    lab.write("custom.yaml", policy("ask", "CUSTOM", {"to": [{"operation": {"paths": ["/admin*"]}}]}, **custom))
    mesh.wait(403)  # the provider is not known yet: nobody can be asked, about anything
    settings()
    mesh.wait(200)
    assert not authorizer.asked
    mesh.wait(403, path="/admin", body="ask somebody else")
    assert mesh.ask(path="/admin").headers.get("x-decided") == "no"
    assert mesh.ask(path="/admin/x", headers={"x-ext-authz": "allow"}).status == 200
    assert all(path.startswith("/check/admin") for path, _ in authorizer.asked)
    # Who is let in there must still pass the others.
    lab.write("deny.yaml", policy("deny", "DENY", {"to": [{"operation": {"paths": ["/admin/secret"]}}]}))
    mesh.wait(403, path="/admin/secret", headers={"x-ext-authz": "allow"}, body="RBAC")

    authorizer.close()
    mesh.wait(403, path="/admin", headers={"x-ext-authz": "allow"})
    settings(statusOnError="503")
    mesh.wait(503, path="/admin", headers={"x-ext-authz": "allow"})
    settings(failOpen=True)
    mesh.wait(200, path="/admin")


def test_dry_run(lab):
    """A dry run lets everything pass, and is seen in the proxy's statistics."""
    mesh = Mesh(lab)
    rule = {"to": [{"operation": {"paths": ["/admin"]}}]}
    dry = json.loads(policy("dry", "DENY", rule))
    dry["metadata"]["annotations"] = {"istio.io/dry-run": "true"}
    lab.write("dry.yaml", json.dumps(dry))
    admin = (lab.agents[VIO].directory / "envoy-admin-address").read_text(encoding="ascii").strip()

    def count():
        text = request(admin, "/stats?filter=dry_run_deny").body
        return sum(int(line.rsplit(" ", 1)[1]) for line in text.splitlines() if "shadow_denied" in line)

    def counted():
        assert mesh.ask(path="/admin").status == 200
        return count() > 0

    wait_for(counted, 60, "the dry run to be counted")
    lab.write("dry.yaml", policy("dry", "DENY", rule))
    mesh.wait(403, path="/admin")
    assert mesh.ask(path="/").status == 200
