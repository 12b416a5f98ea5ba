"""Which connections are let in, and what is known of who made them: PeerAuthentication, and Policy and MeshPolicy of
v1alpha1."""

import typing

STRICT, PERMISSIVE, DISABLE = "STRICT", "PERMISSIVE", "DISABLE"
ROOT = "istio-system"


class Arrived(typing.NamedTuple):
    http: bool  # requests can be seen; else it is bytes that are passed on
    identity: typing.Optional[str]
    sni_seen: bool


def arrival(objects, trust_domain, workload, target):
    """A function that tells how a connection comes in; None: it does not."""
    http = workload.http(target)
    if workload.gateway:  # no policy of peers is for it: its servers say what they want of clients
        server = workload.server(target)
        return lambda connection: _arrive_at_gateway(server.mode, connection, http)
    port_mode = mode(objects, workload, target)
    return lambda connection: _arrive(port_mode, connection, http, trust_domain)


def _arrive_at_gateway(server_mode, connection, http):
    if not server_mode:
        # Nobody looks into TLS, which is no request.
        return None if connection.tls and http else Arrived(http, None, False)
    if not connection.tls:
        return None
    certificate = connection.certificate if server_mode != "SIMPLE" else None
    if certificate is None:
        return Arrived(http, None, True) if server_mode != "MUTUAL" else None
    # One that is there must be signed by the server's caCertificates. Its URI is the client's identity.
    if certificate.authority != "mesh":
        return None
    return Arrived(http, certificate.uri.removeprefix("spiffe://"), True)


def _arrive(mode, connection, http, trust_domain):
    if not connection.tls:
        return Arrived(http, None, False) if mode != STRICT else None
    if mode == DISABLE:
        # Nobody looks into it: on an HTTP port TLS is no request at all.
        return None if http else Arrived(False, None, False)
    if mode == PERMISSIVE and not connection.mesh_alpn:
        return Arrived(False, None, True)  # the application's own TLS passes untouched
    certificate = connection.certificate
    prefix = f"spiffe://{trust_domain}/"
    if certificate is None or certificate.authority != "mesh" or not certificate.uri.startswith(prefix):
        return None
    return Arrived(http, certificate.uri.removeprefix("spiffe://"), True)


def mode(objects, workload, target):
    """The mode of one workload port. A PeerAuthentication of any level replaces the old policies."""
    peers = _peer_authentication_levels(objects, workload)
    if any(peers):
        result = PERMISSIVE
        for policy in filter(None, peers):
            result = _declared(policy["spec"].get("mtls"), result)
        narrowest = peers[-1]
        if narrowest:
            # Ports have a meaning together with a selector only.
            result = _declared(narrowest["spec"].get("portLevelMtls", {}).get(target), result)
        return result
    policy = alpha_policy(objects, workload, target)
    # Open: without any policy Istio before 1.5 took plaintext only; 1.5 and its successors, and so this, PERMISSIVE.
    return _alpha_mode(policy) if policy else PERMISSIVE


def _declared(mtls, inherited):
    given = (mtls or {}).get("mode", "UNSET")
    return inherited if given == "UNSET" else given


def _age(obj):
    meta = obj["metadata"]
    return (meta.get("creationTimestamp", ""), meta["name"], meta.get("namespace", ""))


def _oldest(policies):
    return min(policies, key=_age, default=None)


def _peer_authentication_levels(objects, workload):
    """The policies of the mesh, the namespace and the workload; of several that speak for the same, the oldest."""
    peers = [o for o in objects if o["kind"] == "PeerAuthentication"]

    def selector(policy):
        return (policy["spec"].get("selector") or {}).get("matchLabels", {})

    def wide(namespace):
        return _oldest([p for p in peers if p["metadata"]["namespace"] == namespace and not selector(p)])

    own = [p for p in peers if p["metadata"]["namespace"] == workload.namespace]
    selecting = [p for p in own if selector(p) and selector(p).items() <= workload.labels.items()]
    return wide(ROOT), wide(workload.namespace), _oldest(selecting)


# --- v1alpha1 ------------------------------------------------------------------------------------------------


def alpha_policy(objects, workload, target):
    """The one policy of a port; the narrowest wins whole, and of several for one service port the oldest.
    Open: several services may lead to one workload port. Then the narrowest level counts, and of equals the oldest."""
    policies = [o for o in objects if o["kind"] == "Policy" and o["metadata"]["namespace"] == workload.namespace]
    targeted = [p for p in policies if p["spec"].get("targets")]
    chosen = []
    for service, port in workload.backing(target):
        first = _oldest([p for p in targeted if any(_targets(t, service, port) for t in p["spec"]["targets"])])
        if first:
            chosen.append(first)
    if chosen:
        return _oldest(chosen)
    own = [p for p in policies if p["metadata"]["name"] == "default" and not p["spec"].get("targets")]
    mesh = [o for o in objects if o["kind"] == "MeshPolicy" and o["metadata"]["name"] == "default"]
    return next(iter(own + mesh), None)


def _targets(wanted, service, port):
    ports = wanted.get("ports", [])
    return wanted["name"] == service.name and (
        not ports or any(p.get("number") == port.number or p.get("name") == port.name for p in ports)
    )


def _alpha_mode(policy):
    """The first mtls counts. `mtls: {}` and `mtls: null` are STRICT; allowTls has no effect since 1.1, and
    peerIsOptional never relaxes the handshake. No peers, no TLS."""
    for peer in policy["spec"].get("peers", []):
        if "mtls" in peer:
            return PERMISSIVE if (peer["mtls"] or {}).get("mode") == "PERMISSIVE" else STRICT
    return DISABLE
