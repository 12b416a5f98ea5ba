"""Random meshes: many namespaces, each with one workload and policies of its own, below policies of the mesh."""

from generate import alpha, providers, security, single, tokens, values
from world import ROOT_NAMESPACE, Certificate, Mesh, Port, Server, Service, Workload

TRUST_DOMAINS = ("cluster.local", "mesh.example")
_OWN = 8  # namespaces whose own identities have certificates: to sign them takes time
_SINGLES = 3  # all but one workload in so many have policies with one field
_GATEWAYS = 8  # one workload in so many is a gateway
_RBAC_MODES = ("ON", "ON_WITH_INCLUSION", "ON", "ON_WITH_EXCLUSION")


def own_namespaces():
    return [f"n{index:03}" for index in range(_OWN)]


def identities():
    return values.IDENTITIES + [(ns, account) for ns in own_namespaces() for account in values.OWN_ACCOUNTS]


def certificates(trust_domain):
    """All that clients of a mesh may show: its own identities, those of another trust domain, of another authority."""
    own = [Certificate(f"spiffe://{trust_domain}/ns/{ns}/sa/{account}") for ns, account in identities()]
    other = Certificate("spiffe://other.example/ns/shop/sa/web")
    longer = Certificate(f"spiffe://{trust_domain}x/ns/shop/sa/web")
    return own + [other, longer, Certificate(own[0].uri, "foreign")]


def _workload(rng, index):
    namespace = f"n{index:03}"
    labels = {"app": "api", "version": rng.choice(values.VERSIONS)}
    ip = f"10.30.{1 + index // 200}.{1 + index % 200}"
    account = rng.choice(("api", "default"))
    if index % _GATEWAYS == _GATEWAYS // 2:
        own = {**values.GATEWAY_LABEL, "edge": namespace}  # Gateways select pods of all namespaces
        return Workload(namespace, account, {**labels, **own}, ip, *_gateway(rng, namespace))
    ports = [Port("http-a", 80, 8080), Port("tcp-a", 90, 9000)]
    if rng.random() < 0.3:
        ports.append(Port("http2-b", 81, 8081))
    services = [Service("api", namespace, tuple(ports))]
    if rng.random() < 0.3:
        more = rng.choice((Port("http-alt", 85, 8080), Port("tcp-alt", 91, 9000), Port("tcp-own", 92, 9001)))
        services.append(Service("alt", namespace, (more,)))
    return Workload(namespace, account, labels, ip, tuple(services))


def _gateway(rng, namespace):
    """The service and the servers of a gateway. The names of its ports say nothing of what its servers speak."""
    modes = ("SIMPLE", "MUTUAL", "MUTUAL", "OPTIONAL_MUTUAL")
    servers = [Server(80, "HTTP"), Server(443, "HTTPS", rng.choice(modes))]
    if rng.random() < 0.4:
        servers.append(rng.choice((Server(90, "TCP"), Server(444, "TLS", rng.choice(modes)))))
    names = {80: ("http2-a", "http-a"), 443: ("https-a", "https-a", "http-b"), 90: ("tcp-a",), 444: ("tls-a", "tcp-b")}
    ports = [Port(rng.choice(names[s.number]), s.number, 8000 + s.number) for s in servers]
    return (Service("api", namespace, tuple(ports)),), tuple(servers)


class _Draft:
    """What the makers of policies look at: the mesh so far, and the workload they aim at."""

    def __init__(self, mesh):
        self.trust_domain, self.workloads = mesh.trust_domain, mesh.workloads
        self.identities, self.providers = identities(), mesh.providers
        self.aim = mesh.workloads[0]


def mesh(rng, number, size):
    """The mesh of round `number` with `size` workloads. What speaks for the whole mesh changes from round to round."""
    result = Mesh(TRUST_DOMAINS[number % 2], [_workload(rng, index) for index in range(size)])
    result.providers = providers.some(rng)
    draft = _Draft(result)
    result.wide = _wide(rng, draft, number)
    for index, draft.aim in enumerate(result.workloads):
        namespace = draft.aim.namespace
        if index % _SINGLES:
            policies = single.objects(rng, draft, namespace, number * size + index)
        else:
            policies = _policies(rng, draft)
        taken = {(o["kind"], o["metadata"]["name"]) for o in policies}
        more = [o for o in _mutual_tls(rng, draft) if (o["kind"], o["metadata"]["name"]) not in taken]
        result.local[namespace] = policies + more
    return result


def _wide(rng, draft, number):
    objects = []
    if number % 7 != 6:  # else no config: RBAC is off
        enforcement = {3: "ENFORCED", 5: "PERMISSIVE"}.get(number % 8)
        objects.append(alpha.rbac_config(rng, draft, "ClusterRbacConfig", _RBAC_MODES[number % 4], enforcement))
    if number % 3 == 1 or number % 14 == 6:  # beside the other kind, which counts, and alone
        mode = ("ON_WITH_EXCLUSION", "ON", "OFF")[number // 14 % 3]
        objects.append(alpha.rbac_config(rng, draft, "RbacConfig", mode))
    if number % 4:
        objects.append(alpha.mesh_policy(rng, (None, "STRICT", "PERMISSIVE", None)[number % 4]))
    if number % 5 == 4:  # it replaces all old policies
        objects.append(security.peer_authentication(rng, draft, ROOT_NAMESPACE, "mesh"))
    if number % 3 == 2:
        # With a selector: elsewhere the old kinds would be off.
        policy = security.authorization_policy(rng, draft, ROOT_NAMESPACE, "wide", rng.choice(("ALLOW", "DENY")))
        policy["spec"].pop("targetRefs", None)
        policy["spec"]["selector"] = {"matchLabels": {"version": "v2"}}
        objects.append(policy)
    return objects


def _policies(rng, draft):
    namespace, objects = draft.aim.namespace, []
    dialect = rng.random()
    if dialect < 0.45:
        for i in range(rng.choice((1, 1, 2, 3))):
            objects.append(security.authorization_policy(rng, draft, namespace, f"policy-{i}"))
    if dialect > 0.35:
        objects += alpha.roles(rng, draft, namespace)
    if rng.random() < 0.4:
        objects += _tokens(rng, draft)
    return objects


def _tokens(rng, draft):
    """RequestAuthentications: for a namespace, for the workload, or both."""
    return [
        tokens.request_authentication(rng, draft.aim.namespace, f"tokens-{i}", security.target(rng, draft, share))
        for i, share in enumerate(rng.choice(((0.0,), (1.0,), (0.0, 1.0))))
    ]


def _mutual_tls(rng, draft):
    namespace, objects = draft.aim.namespace, []
    if rng.random() < 0.4:
        objects += alpha.policies(rng, draft, namespace)
    if rng.random() < 0.4:
        levels = ((False,), (True,), (True,), (False, True), (True, True), (False, False))
        for i, selecting in enumerate(rng.choice(levels)):
            objects.append(security.peer_authentication(rng, draft, namespace, f"peers-{i}", selecting))
    return objects
