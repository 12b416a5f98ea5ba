"""The policies of both dialects: authentication/rbac.istio.io v1alpha1 and security.istio.io."""

from schema import (boolean, choice, duration, items, labels_selector, map_of, name_or_number, nullable, obj, port, string_match,
                    text, text_map, texts, with_required)

PATHS = items("Conditions on the path, without query.",
              string_match("One condition.", "exact", "prefix", "suffix", "regex"))

AUTHENTICATION = obj(
    "How clients of services prove who they are.",
    targets=items("Services it is for, in its own namespace. None: the policy named default is for all of the "
                  "namespace.",
                  with_required(obj(
                      "One service.",
                      name=text("Its short name.", pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", maxLength=63),
                      labels=text_map("Labels of its pods."),
                      ports=items("Its ports; all when empty.", obj(
                          "One port, by number or by name.", number=port("The service port."),
                          name=text("The port's name.")))),
                      "name")),
    peers=items("How the calling workload is authenticated. Empty: not at all.", obj(
        "One method.",
        # kubectl apply removes a field without a value, so that `- mtls:` arrives as an empty peer: the default
        # puts it back. The API server itself keeps null where it is nullable.
        mtls={**nullable(obj(
            "Mutual TLS. With nothing in it, or null: STRICT.",
            mode=name_or_number("Whether plain text is taken, too.", "STRICT", "PERMISSIVE"),
            allowTls=boolean("Has no effect; use mode PERMISSIVE."))), "default": {}})),
    peerIsOptional=boolean("Whether HTTP requests of unknown peers pass without identity."),
    origins=items("Tokens of end users: one must be valid.", with_required(obj(
        "One method.",
        jwt=with_required(obj(
            "A JSON Web Token.",
            issuer=text("The token's iss claim.", minLength=1),
            audiences=texts("Audiences of which the token must have one."),
            jwksUri=text("Where the issuer's keys are.", pattern="^https?://."),
            jwks=text("The issuer's keys themselves."),
            jwtHeaders=texts("Headers that may hold the token."),
            jwtParams=texts("Query parameters that may hold the token."),
            triggerRules=items("When a token is asked for; always when empty.", obj(
                "A rule: it holds if no excluded path matches and, where there are included ones, one of them does.",
                excludedPaths=PATHS, includedPaths=PATHS))), "issuer")), "jwt")),
    originIsOptional=boolean("Whether requests pass without a valid token."),
    principalBinding=name_or_number("Whose identity becomes request.auth.principal.", "USE_PEER", "USE_ORIGIN"))

SERVICE_ROLE = obj(
    "What may be done to services of this namespace.",
    rules=items("Permissions: one must hold.", obj(
        "One permission: all of its parts must hold.",
        services=texts("Full names of services; \"a*\" and \"*a\" are patterns, \"*\" is all."),
        hosts=texts("Hosts as the client sent them."),
        notHosts=texts("Hosts that are not covered."),
        paths=texts("Paths, or methods of gRPC services as /package.Service/Method."),
        notPaths=texts("Paths that are not covered."),
        methods=texts("HTTP methods."),
        notMethods=texts("HTTP methods that are not covered."),
        ports=items("Workload ports.", {"type": "integer", "minimum": 0, "maximum": 65535}),
        notPorts=items("Workload ports that are not covered.", {"type": "integer", "minimum": 0, "maximum": 65535}),
        constraints=items("Further conditions.", with_required(obj(
            "One condition.",
            key=text("What is looked at, such as destination.labels[version].", minLength=1),
            values=items("Values of which one must match.", {"type": "string", "minLength": 1}, minItems=1)),
            "key", "values"))), minItems=1))

SERVICE_ROLE_BINDING = obj(
    "Who may do what a ServiceRole says.",
    roleRef=with_required(obj("The role.", kind=choice("Its kind.", "ServiceRole"),
                              name=text("Its name; it is in this namespace.", minLength=1)), "kind", "name"),
    mode=name_or_number("PERMISSIVE counts what would be allowed and allows nothing.", "ENFORCED", "PERMISSIVE"),
    subjects=items("Who: one must match.", {**obj(
        "One kind of client: all of its parts must match.",
        user=text("Its identity, such as cluster.local/ns/x/sa/y; \"*\" is anyone, also without identity."),
        group=text("Old form of groups."),
        names=texts("Identities; allUsers is anyone, allAuthenticatedUsers anyone with a certificate."),
        notNames=texts("Identities that are not meant."),
        groups=texts("Groups in the token's groups claim."),
        notGroups=texts("Groups that are not meant."),
        namespaces=texts("Namespaces of clients."),
        notNamespaces=texts("Namespaces that are not meant."),
        ips=texts("Addresses or ranges of clients."),
        notIps=texts("Addresses or ranges that are not meant."),
        properties=text_map("Further conditions, such as request.auth.claims[iss].")), "minProperties": 1}, minItems=1))

RBAC_TARGET = dict(
    services=texts("Full names of services."),
    namespaces=texts("Namespaces."))

RBAC_CONFIG = obj(
    "Whether requests need a ServiceRole to be allowed. Only the object named default is used.",
    mode={
        "description": "For which services. Written without quotes YAML makes booleans of ON and OFF; they are taken "
                       "too.",
        "x-kubernetes-preserve-unknown-fields": True,
        "enum": ["OFF", "ON", "ON_WITH_INCLUSION", "ON_WITH_EXCLUSION", False, True, 0, 1, 2, 3],
    },
    inclusion=nullable(obj("With mode ON_WITH_INCLUSION: what is checked.", **RBAC_TARGET)),
    exclusion=nullable(obj("With mode ON_WITH_EXCLUSION: what is not checked.", **RBAC_TARGET)),
    enforcementMode=name_or_number("PERMISSIVE counts what would be denied and denies nothing.",
                                   "ENFORCED", "PERMISSIVE"))

MTLS = obj("Mutual TLS.", mode=choice("What is taken. UNSET inherits from the namespace or the mesh.",
                                      "UNSET", "DISABLE", "PERMISSIVE", "STRICT"))

PEER_AUTHENTICATION = obj(
    "Whether workloads take mutual TLS, plain text, or both.",
    selector=labels_selector("The pods it is for; all of the namespace when unset."),
    mtls=MTLS,
    portLevelMtls=map_of("Other settings for single workload ports.", MTLS))

TARGET_REFS = items("Objects it is for, in place of a selector: a Gateway of the Gateway API, or a Service.", obj(
    "One object.", group=text("Its API group."), kind=text("Its kind."), name=text("Its name."),
    namespace=text("Its namespace, which must be this one.")))

REQUEST_AUTHENTICATION = obj(
    "Which end-user tokens (JSON web tokens) of requests to workloads are valid. A request with one that is not is refused; one "
    "without is left to an AuthorizationPolicy.",
    selector=labels_selector("The pods it is for; all of the namespace when unset."),
    targetRefs=TARGET_REFS,
    targetRef=obj("One object of targetRefs."),
    jwtRules=items("Issuers whose tokens are taken.", with_required(obj(
        "One issuer.",
        issuer=text("The token's iss claim.", minLength=1),
        audiences=texts("Of which the token's aud claim has one; any when unset."),
        jwksUri=text("Where the issuer's keys are; without it and jwks, where its OpenID discovery document says."),
        jwks=text("The issuer's keys, as a JSON web key set."),
        fromHeaders=items("Headers that hold a token.", with_required(obj(
            "One header.", name=text("Its name.", minLength=1), prefix=text("What stands before the token.")), "name")),
        fromParams=texts("Query parameters that hold a token."),
        fromCookies=texts("Cookies that hold a token."),
        outputPayloadToHeader=text("A header that gets the token's claims, in base64url."),
        forwardOriginalToken=boolean("Whether the app gets the token."),
        outputClaimToHeaders=items("Headers that get single claims.", with_required(obj(
            "One header.", header=text("Its name.", minLength=1), claim=text("The claim.", minLength=1)),
            "header", "claim")),
        timeout=duration("How long to wait for keys."),
        spaceDelimitedClaims=texts("Claims whose text is read as a list of words.")), "issuer")))

AUTHORIZATION_POLICY = obj(
    "Which requests to workloads are allowed or denied.",
    selector=labels_selector("The pods it is for; all of the namespace when unset."),
    targetRefs=TARGET_REFS,
    targetRef=obj("One object of targetRefs."),
    action=choice("What happens to a request that a rule matches. ALLOW when unset.",
                  "ALLOW", "DENY", "AUDIT", "CUSTOM"),
    provider=obj("Who decides, with action CUSTOM.", name=text("The provider's name.")),
    rules=items("Rules of which one must match. None matches nothing; an empty rule matches everything.", obj(
        "One rule: each of its parts must match.",
        **{"from": items("Who: one must match.", with_required(obj("One source.", source={**obj(
            "Conditions that must all hold.",
            principals=texts("Identities of peers; \"a*\" and \"*a\" are patterns, \"*\" is any identity."),
            notPrincipals=texts("Identities that are not meant."),
            requestPrincipals=texts("Identities of tokens, as issuer/subject."),
            notRequestPrincipals=texts("Identities of tokens that are not meant."),
            namespaces=texts("Namespaces of peers."),
            notNamespaces=texts("Namespaces that are not meant."),
            serviceAccounts=texts("Service accounts of peers, as name or namespace/name."),
            notServiceAccounts=texts("Service accounts that are not meant."),
            ipBlocks=texts("Addresses or ranges of the connection's other end."),
            notIpBlocks=texts("Addresses or ranges that are not meant."),
            remoteIpBlocks=texts("Addresses or ranges of the original client."),
            notRemoteIpBlocks=texts("Addresses or ranges of the original client that are not meant.")),
            "minProperties": 1}), "source"), minItems=1)},
        to=items("What: one must match.", with_required(obj("One operation.", operation={**obj(
            "Conditions that must all hold.",
            hosts=texts("Hosts as the client sent them."),
            notHosts=texts("Hosts that are not meant."),
            ports=texts("Workload ports."),
            notPorts=texts("Workload ports that are not meant."),
            methods=texts("HTTP methods."),
            notMethods=texts("HTTP methods that are not meant."),
            paths=texts("Paths."),
            notPaths=texts("Paths that are not meant.")), "minProperties": 1}), "operation"), minItems=1),
        when=items("Further conditions: all must hold.", with_required(obj(
            "One condition.",
            key=text("What is looked at, such as request.headers[name].", minLength=1),
            values=texts("Values of which one must match."),
            notValues=texts("Values that must not match.")), "key")))))
