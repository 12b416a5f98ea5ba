"""Mutants of how connections come in."""

from mutants.walking import RBAC_NETWORK, chains, managers


def _contexts(listener):
    return [c["transport_socket"]["typed_config"] for c in chains(listener) if "transport_socket" in c]


def _validations(listener):
    """(TLS context, how it verifies clients) of the contexts that do."""
    for context in _contexts(listener):
        common = context["common_tls_context"]
        if "combined_validation_context" in common:
            yield context, common["combined_validation_context"].setdefault("default_validation_context", {})


def _is_gateway(listener):
    return listener.get("traffic_direction") == "OUTBOUND"


def _of_validations(change, gateways=False):
    """A mutant of how clients are verified, by workloads or by gateways."""

    def mutate(listener):
        found = list(_validations(listener)) if _is_gateway(listener) == gateways else []
        return any([change(context, validation) for context, validation in found])  # all of them

    return mutate


def _do_not_ask(context, _):
    """To make it optional alone changes nothing where the name is checked: that goes on asking for it."""
    context["require_client_certificate"] = False
    return bool(context["common_tls_context"].pop("combined_validation_context"))


def _any_trust_domain(_, validation):
    return bool(validation.pop("match_typed_subject_alt_names"))


def _any_authority(_, validation):
    validation["trust_chain_verification"] = "ACCEPT_UNTRUSTED"
    return True


def _required(value):
    def change(context, _):
        before = context.get("require_client_certificate", False)
        context["require_client_certificate"] = value
        return before != value

    return change


def _plaintext_too(listener):
    """STRICT lets plaintext in."""
    found = chains(listener)
    if len(found) != 1 or "transport_socket" not in found[0]:
        return False
    plain = {key: value for key, value in found[0].items() if key not in ("transport_socket", "filter_chain_match")}
    found.append({**plain, "name": "plain"})
    return True


def _strict(listener):
    """PERMISSIVE takes mutual TLS only."""
    found = chains(listener)
    if len(found) != 3:
        return False
    found[0]["filter_chain_match"].pop("application_protocols")
    del found[1:]
    return True


def _lose_foreign_rules(listener):
    """Foreign TLS passes without authorization."""
    filters = [c["filters"] for c in chains(listener) if c.get("name", "").endswith("-tls")]
    before = sum(map(len, filters))
    for each in filters:
        each[:] = [f for f in each if f["name"] != RBAC_NETWORK]
    return before != sum(map(len, filters))


def _believe_forwarded(listener):
    """A gateway takes the client's address from X-Forwarded-For."""
    found = [manager for manager in managers(listener) if manager.get("use_remote_address")]
    for manager in found:
        manager["use_remote_address"] = False
    return bool(found)


MUTANTS = {
    "client certificates are not asked for": _of_validations(_do_not_ask),
    "any trust domain is let in": _of_validations(_any_trust_domain),
    "any certificate authority is believed": _of_validations(_any_authority),
    "STRICT lets plaintext in": _plaintext_too,
    "PERMISSIVE is STRICT": _strict,
    "foreign TLS is not authorized": _lose_foreign_rules,
    "a gateway does not ask for client certificates": _of_validations(_do_not_ask, gateways=True),
    "a gateway believes any certificate authority": _of_validations(_any_authority, gateways=True),
    "a gateway asks for client certificates and takes none for an answer": _of_validations(_required(False), gateways=True),
    "a gateway's optional client certificates are required": _of_validations(_required(True), gateways=True),
    "a gateway believes X-Forwarded-For": _believe_forwarded,
}
