"""What the policies of a mesh mean, told without any proxy: may this request pass?

Written from the documents of the policy language alone (Istio's references of AuthorizationPolicy, its conditions and
PeerAuthentication; those of the v1alpha1 kinds), never from the translator: two tellings that agree are worth
something only if neither was copied from the other. Where the documents leave something open, a comment that begins
with "Open:" says what is taken, and it is the side that lets in less unless users rely on the other."""

import dataclasses

from model import authorization_policy, mutual_tls, rbac_v1alpha1
from model.tokens import Tokens
from model.facts import facts_of
from world import ALLOW, CLOSED, REFUSE, REJECT


class Port:
    """The policies of one workload port."""

    def __init__(self, mesh, workload, target, objects=None):
        objects = mesh.objects_for(workload) if objects is None else objects
        self.mesh, self.workload = mesh, workload
        self.http = workload.http(target)
        self.arrive = mutual_tls.arrival(objects, mesh.trust_domain, workload, target)
        self.checks, self.strict_paths = {}, False
        # Requests inside of foreign TLS cannot be seen: an HTTP port needs the rules of bytes as well.
        for as_http in {self.http, False}:
            checks, looks_at_path = _checks(objects, mesh, workload, target, as_http)
            self.checks[as_http] = checks
            self.strict_paths |= as_http and looks_at_path
        self.tokens = Tokens(objects, workload, target) if self.http else None
        self.strict_paths |= bool(self.tokens and self.tokens.looks_at_path)

    def verdict(self, request):
        arrived = self.arrive(request.connection)
        if arrived is None:
            return CLOSED
        facts = facts_of(self.workload.ip, self.workload.gateway, request, arrived, self.strict_paths)
        if facts is None:
            return REJECT
        if self.tokens and not arrived.http and self.tokens.needed:
            return CLOSED  # requests inside cannot be seen, nor their tokens
        if arrived.http:
            verdict = self.tokens.verdict(request, self.strict_paths)
            if not verdict.passes:
                return REFUSE
            said = {self._checked(_with(facts, token)) for token in verdict.tokens} or {self._checked(facts)}
            return said.pop() if len(said) == 1 else frozenset(said)
        return ALLOW if self._checked(facts) == ALLOW else CLOSED

    def _checked(self, facts):
        """What the rules say, in their order: the first that refuses."""
        verdicts = (check(facts) for check in self.checks[facts.headers is not None])
        return next((verdict for verdict in verdicts if verdict != ALLOW), ALLOW)


def _with(facts, token):
    if token is None:
        return facts
    return dataclasses.replace(facts, token=token, request_principal=f"{token.issuer}/{token.subject}")


def _checks(objects, mesh, workload, target, http):
    """Functions that must all let a request's facts through, and whether a rule among them looks at the path."""
    policies = authorization_policy.select(objects, workload)
    checks = authorization_policy.checks(policies, mesh, http)
    looks_at_path = authorization_policy.looks_at_path(policies, mesh)
    # A policy of the new kind switches the old ones off for its workload. Open: AUDIT came later, and decides
    # nothing: what the old kinds close stays closed.
    if not any(authorization_policy.decides(policy) for policy in policies):
        use_origin = http and Tokens(objects, workload, target).use_origin
        role_check, roles_look_at_path = rbac_v1alpha1.check(objects, mesh, workload, target, http, use_origin)
        looks_at_path |= roles_look_at_path
        checks += [role_check] if role_check else []
    return checks, looks_at_path
