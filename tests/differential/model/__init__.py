"""What the policies of a mesh mean, told without any proxy: may this request pass?

Written from the documents of the policy language alone (Istio's references of AuthorizationPolicy, its conditions and
PeerAuthentication; those of the v1alpha1 kinds), never from the translator: two tellings that agree are worth
something only if neither was copied from the other. Where the documents leave something open, a comment that begins
with "Open:" says what is taken, and it is the side that lets in less unless users rely on the other."""

import dataclasses

from model import authorization_policy, mutual_tls, rbac_v1alpha1
from model.tokens import Tokens
from model.facts import facts_of
from world import ALLOW, CLOSED, DENY, REFUSE, REJECT


# What Fairway is known to do otherwise than the documents say: name -> what. The model follows the documents unless
# it is made with these names; the test counts, and does not refuse, what only they explain.
KNOWN = {
    "remote-ip-on-tcp": "remoteIpBlocks and remote.ip are of HTTP and TCP in Istio's reference; Fairway takes them "
    "for HTTP attributes: on TCP ALLOW rules with them never match, DENY rules match without them",
    "empty-sni": '"*" in an AuthorizationPolicy asks for a value that is not empty; Fairway\'s connection.sni "*" '
    "takes connections without SNI too, so ALLOW rules let in plaintext",
    "empty-header": 'the same for request.headers[x] "*" and a header without a value (Istio\'s own proxies do so too)',
    "host-suffix-port": "a host in a policy means `host` and `host:*`; Fairway's suffixes take the host with a number "
    "as port alone, so `Host: www.example.com:8x` is not denied by hosts *.example.com",
}


class Port:
    """The policies of one workload port."""

    def __init__(self, mesh, workload, target, objects=None, quirks=()):
        objects = mesh.objects_for(workload) if objects is None else objects
        self.mesh, self.workload = mesh, workload
        self.http = workload.http(target)
        self.mode = mutual_tls.mode(objects, workload, target)
        self.checks, self.strict_paths = {}, False
        # Requests inside of foreign TLS cannot be seen: an HTTP port needs the rules of bytes as well.
        for as_http in {self.http, False}:
            checks, looks_at_path = _checks(objects, mesh, workload, target, as_http, quirks)
            self.checks[as_http] = checks
            self.strict_paths |= as_http and looks_at_path
        self.tokens = Tokens(objects, workload, target) if self.http else None
        self.strict_paths |= bool(self.tokens and self.tokens.looks_at_path)

    def verdict(self, request):
        arrived = mutual_tls.arrive(self.mode, request.connection, self.http, self.mesh.trust_domain)
        if arrived is None:
            return CLOSED
        facts = facts_of(self.workload.ip, request, arrived, self.strict_paths)
        if facts is None:
            return REJECT
        if self.tokens and not arrived.http and self.tokens.needed:
            return CLOSED  # requests inside cannot be seen, nor their tokens
        if arrived.http:
            verdict = self.tokens.verdict(request, self.strict_paths)
            if not verdict.passes:
                return REFUSE
            if verdict.token:
                principal = f"{verdict.token.issuer}/{verdict.token.subject}"
                facts = dataclasses.replace(facts, token=verdict.token, request_principal=principal)
        for check in self.checks[arrived.http]:
            if not check(facts):
                return DENY if arrived.http else CLOSED
        return ALLOW


def _checks(objects, mesh, workload, target, http, quirks):
    """Functions that must all let a request's facts through, and whether a rule among them looks at the path."""
    policies = authorization_policy.select(objects, workload)
    checks = authorization_policy.checks(policies, mesh, http, quirks)
    looks_at_path = authorization_policy.looks_at_path(policies)
    # A policy of the new kind switches the old ones off for its workload. Open: AUDIT came later, and decides
    # nothing: what the old kinds close stays closed.
    if not any(authorization_policy.decides(policy) for policy in policies):
        use_origin = http and Tokens(objects, workload, target).use_origin
        role_check, roles_look_at_path = rbac_v1alpha1.check(objects, mesh, workload, target, http, quirks, use_origin)
        looks_at_path |= roles_look_at_path
        checks += [role_check] if role_check else []
    return checks, looks_at_path
