"""Lists of values for each attribute that policies can ask for."""

import ipaddress

from generate import tokens, values
from generate.values import block, pattern, patterns


def identity_text(rng, mesh):
    namespace, account = rng.choice(mesh.identities)
    domain = rng.choice((mesh.trust_domain, mesh.trust_domain, "cluster.local", "other.example"))
    return f"{domain}/ns/{namespace}/sa/{account}"


def principal(rng, mesh):
    text = identity_text(rng, mesh)
    return rng.choice((text, text, pattern(rng, text), "*/sa/" + text.rsplit("/", 1)[1], text.rsplit("/", 1)[0] + "/*"))


def principals(rng, mesh):
    return [principal(rng, mesh) for _ in range(rng.randint(1, 3))]


def namespace(rng, mesh):
    text = rng.choice(mesh.identities)[0]
    if rng.random() < 0.1 and len(text) > 2:
        return text[0] + "*" + text[-1]
    return pattern(rng, text)


def namespaces(rng, mesh):
    return [namespace(rng, mesh) for _ in range(rng.randint(1, 2))]


def accounts(rng, mesh):
    result = []
    for _ in range(rng.randint(1, 2)):
        space, name = rng.choice(mesh.identities)
        name = name.lower()  # a service account's name, not a pattern
        result.append(f"{space}/{name}" if rng.random() < 0.7 else name)
    return result


def blocks(rng, _):
    return [block(rng, rng.choice(values.SOURCES)) for _ in range(rng.randint(1, 2))]


def remote_blocks(rng, _):
    return [block(rng, rng.choice(values.REMOTES)) for _ in range(rng.randint(1, 2))]


def destination_blocks(rng, mesh):
    own = ipaddress.ip_address(mesh.aim.ip)
    near = [own + rng.choice((0, 1, -1)) for _ in range(rng.randint(1, 2))]
    return [str(address) if rng.random() < 0.4 else block(rng, address) for address in near]


def methods(rng, _):
    return patterns(rng, values.METHODS, 3)


def paths(rng, _):
    return patterns(rng, values.PATHS, 2)


def template_paths(rng, _):
    if rng.random() < 0.25:
        return [rng.choice(values.TEMPLATES)]
    return patterns(rng, values.PATHS, 2)


def hosts(rng, _):
    def one(rng, host):
        return pattern(rng, host + rng.choice(("", "", "", ":8080")))

    return patterns(rng, values.HOSTS, 2, one)


def ports(rng, mesh):
    return sorted({rng.choice(mesh.aim.targets + [1, 8090]) for _ in range(rng.randint(1, 2))})


def port_texts(rng, mesh):
    return [str(port) for port in ports(rng, mesh)]


def header_values(rng, _):
    return patterns(rng, values.HEADER_VALUES, 2)


def header_key(rng):
    return f"request.headers[{rng.choice(values.HEADER_NAMES)}]"


def snis(rng, _):
    return patterns(rng, values.SNIS, 2)


def token(rng, _):
    return patterns(rng, [f"{issuer}/{subject}" for issuer in tokens.ISSUERS for subject in tokens.SUBJECTS], 2)


def audiences(rng, _):
    return patterns(rng, tokens.AUDIENCES, 2)


def groups(rng, _):
    return patterns(rng, tokens.GROUPS, 2)
