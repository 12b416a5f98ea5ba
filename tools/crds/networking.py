"""networking.istio.io: Gateway, VirtualService, DestinationRule, ServiceEntry, Sidecar, WorkloadEntry, WorkloadGroup."""

from schema import (boolean, choice, duration, integer, items, labels_selector, map_of, nullable, number,
                    obj, port, string_match, text, text_map, texts, with_required)

EXPORT_TO = texts("Namespaces that see the object: \".\" is its own, \"*\" all.")
GATEWAYS = texts("Gateways it applies to, as name or namespace/name; \"mesh\" stands for all sidecars.")
SOURCE_LABELS = text_map("Labels of the client's pod; not looked at in gateways.")
SOURCE_NAMESPACE = text("Namespace of the client's pod.")


def port_number(description):
    return obj(description, number=port("The number of the service's port."))


SERVER_TLS = obj(
    "TLS towards the clients.",
    httpsRedirect=boolean("On a port with protocol HTTP: answer every request with a redirect to HTTPS."),
    mode=choice("How TLS is terminated. PASSTHROUGH when unset.", "PASSTHROUGH", "SIMPLE", "MUTUAL",
                "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"),
    credentialName=text("The secret with certificate and key, in the gateway pod's namespace."),
    serverCertificate=text("Path of the certificate in the gateway pod."),
    privateKey=text("Path of the private key in the gateway pod."),
    caCertificates=text("Path of the CA certificates that client certificates are checked with."),
    subjectAltNames=texts("Identities of which a client certificate must have one."),
    minProtocolVersion=choice("The oldest version that is spoken.",
                              "TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"),
    maxProtocolVersion=choice("The newest version that is spoken.",
                              "TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"),
    cipherSuites=texts("Cipher suites for TLS 1.2 and older, by their OpenSSL names."))

GATEWAY = obj(
    "Ports that a gateway opens, with their hosts and TLS settings.",
    selector=text_map("Labels of the gateway pods; without any, every gateway pod is meant."),
    servers=items("The ports.", with_required(obj(
        "One port.",
        name=text("A name for people."),
        bind=text("The address to listen on; all addresses when unset."),
        port=with_required(obj(
            "Where clients connect to.",
            number=port("The port."),
            name=text("A name that no other server of this Gateway has."),
            protocol=text("What clients speak: HTTP, HTTP2, GRPC, GRPC-WEB, HTTP_PROXY, HTTPS, TLS, TCP, MONGO, REDIS, "
                          "MYSQL.",
                          pattern="^(?i:HTTP|HTTP2|GRPC|GRPC-WEB|HTTP_PROXY|HTTPS|TLS|TCP|MONGO|REDIS|MYSQL)$")),
            "number", "protocol"),
        hosts=items("Hosts that are served, as [namespace/]name; the name may be \"*\" or begin with \"*.\".",
                    {"type": "string", "minLength": 1}, minItems=1),
        tls=SERVER_TLS),
        "port", "hosts"), minItems=1))

DESTINATION = with_required(obj(
    "Where requests go.",
    host=text("A service: its short name in this namespace, or its full name.", minLength=1),
    subset=text("A subset of a DestinationRule for that host."),
    port=port_number("The port; needed if the service has several.")), "host")

HEADER_VALUES = {
    "set": text_map("Headers that are replaced or added."),
    "add": text_map("Headers whose value is appended."),
    "remove": texts("Headers that are removed."),
}
HEADERS = obj("Changes of headers.", request=obj("In the request to the destination.", **HEADER_VALUES),
              response=obj("In the response to the client.", **HEADER_VALUES))

PERCENTAGE = obj("A share of the requests.", value=number("Percent; fractions are allowed.", 0, 100))


def http_match(description):
    return string_match(description, "exact", "prefix", "regex")


# An empty condition ({} or null) asks whether the header or parameter is there.
HEADER_MATCHES = nullable(http_match("A condition on the value."))

HTTP_MATCH = obj(
    "Conditions that must all hold.",
    name=text("A name for people."),
    uri=http_match("The path."),
    scheme=http_match("The scheme."),
    method=http_match("The method."),
    authority=http_match("The host as the client sent it."),
    headers=map_of("Headers by name.", HEADER_MATCHES),
    withoutHeaders=map_of("Headers that must not match.", HEADER_MATCHES),
    queryParams=map_of("Query parameters by name.", HEADER_MATCHES),
    port=port("The port that the client connected to."),
    sourceLabels=SOURCE_LABELS,
    sourceNamespace=SOURCE_NAMESPACE,
    gateways=GATEWAYS,
    ignoreUriCase=boolean("Whether `uri` is compared without regard to case."),
    statPrefix=text("A name under which Envoy counts the requests of this match."))

WEIGHT = integer("This destination's share, relative to the others'.", 0, 1000000)

HTTP_ROUTE = obj(
    "One route: the first whose match holds is taken.",
    name=text("A name for people."),
    match=items("Matches of which one must hold; without any, every request is taken.", HTTP_MATCH),
    route=items("Destinations with weights.", with_required(obj(
        "One destination.", destination=DESTINATION, weight=WEIGHT, headers=HEADERS), "destination")),
    redirect=obj(
        "Answers with a redirect.",
        uri=text("The new path."),
        authority=text("The new host."),
        scheme=choice("The new scheme.", "http", "https"),
        port=port("The new port."),
        derivePort=choice("Where the new port comes from.", "FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"),
        prefixRewrite=text("What replaces the prefix that was matched."),
        redirectCode={"description": "The status. 301 when unset.",
                      "type": "integer", "enum": [301, 302, 303, 307, 308]}),
    directResponse=with_required(obj(
        "Answers at once.",
        status=integer("The status.", 200, 599),
        body=obj("The body.", string=text("As text."), bytes=text("In base64.", format="byte"))), "status"),
    delegate=with_required(obj(
        "Another VirtualService, without hosts, whose routes stand in place of this one.",
        name=text("Its name.", minLength=1),
        namespace=text("Its namespace; this one when unset.")), "name"),
    rewrite=obj(
        "Changes the request before it is sent on.",
        uri=text("What replaces the path, or the prefix that was matched."),
        authority=text("What replaces the host."),
        uriRegexRewrite=obj("Replaces by a pattern.", match=text("An RE2 pattern."),
                            rewrite=text("The new text, with \\1 to \\9 for the groups."))),
    timeout=duration("How long the whole request may take; 0s, as when unset, is no limit."),
    retries=obj(
        "Tries again.",
        attempts=integer("How often; 0 switches retries off.", 0, 1000),
        perTryTimeout=duration("How long each try may take."),
        retryOn=text("Conditions, separated by commas."),
        backoff=duration("The time before the first retry."),
        retryRemoteLocalities=boolean("Whether endpoints of other localities are tried."),
        retryIgnorePreviousHosts=boolean("Whether endpoints that were tried are avoided. True when unset.")),
    fault=obj(
        "Faults for tests.",
        delay=obj("Delays requests.", fixedDelay=duration("By how much."), percentage=PERCENTAGE,
                  percent=integer("Old form of percentage.", 0, 100)),
        abort=obj("Answers with an error.", httpStatus=integer("The status.", 200, 599),
                  grpcStatus=text("The name of a gRPC status."), percentage=PERCENTAGE,
                  percent=integer("Old form of percentage.", 0, 100))),
    mirror=DESTINATION,
    mirrors=items("Copies of requests whose answers nobody waits for.", with_required(obj(
        "One copy.", destination=DESTINATION, percentage=PERCENTAGE), "destination")),
    mirrorPercent=integer("Old form of mirrorPercentage.", 0, 100),
    mirrorPercentage=PERCENTAGE,
    corsPolicy=obj(
        "Cross-origin requests.",
        allowOrigins=items("Origins that are allowed.", http_match("One origin.")),
        allowOrigin=texts("Old form of allowOrigins: exact origins."),
        allowMethods=texts("Methods that are allowed."),
        allowHeaders=texts("Request headers that are allowed."),
        exposeHeaders=texts("Response headers that scripts may read."),
        maxAge=duration("How long a browser may keep the answer."),
        allowCredentials=boolean("Whether credentials may be sent."),
        unmatchedPreflights=choice("What becomes of preflights of other origins. FORWARD, as when unset: sent on.",
                                   "UNSPECIFIED", "FORWARD", "IGNORE")),
    headers=HEADERS)

L4_MATCH = {
    "destinationSubnets": texts("Addresses or ranges that the client connected to."),
    "port": port("The port that the client connected to."),
    "sourceLabels": SOURCE_LABELS,
    "sourceNamespace": SOURCE_NAMESPACE,
    "gateways": GATEWAYS,
}
L4_ROUTE = items("Destinations with weights.", with_required(obj(
    "One destination.", destination=DESTINATION, weight=WEIGHT), "destination"), minItems=1)

VIRTUAL_SERVICE = obj(
    "How requests for some hosts are routed.",
    hosts=items("Hosts that clients ask for; a name may be \"*\" or begin with \"*.\".",
                {"type": "string", "minLength": 1}),
    gateways=GATEWAYS,
    http=items("Routes for HTTP, in order.", HTTP_ROUTE),
    tls=items("Routes for TLS connections that are not terminated, in order.", with_required(obj(
        "One route.",
        match=items("Matches of which one must hold.", with_required(obj(
            "Conditions that must all hold.",
            sniHosts=items("Server names of the TLS handshake.", {"type": "string", "minLength": 1}, minItems=1),
            **L4_MATCH), "sniHosts"), minItems=1),
        route=L4_ROUTE), "match", "route")),
    tcp=items("Routes for other connections, in order.", with_required(obj(
        "One route.",
        match=items("Matches of which one must hold; without any, every connection is taken.",
                    obj("Conditions that must all hold.", **L4_MATCH)),
        route=L4_ROUTE), "route")),
    exportTo=EXPORT_TO)

CONNECTION_POOL = obj(
    "Limits of connections and requests.",
    tcp=obj(
        "For all protocols.",
        maxConnections=integer("Connections to the service."),
        connectTimeout=duration("How long a connection may take to be made."),
        maxConnectionDuration=duration("How old a connection may become."),
        idleTimeout=duration("How long a connection may be idle."),
        tcpKeepalive=obj("TCP's own probes.", probes=integer("How many are lost before the connection is."),
                         time=duration("Idle time before the first."), interval=duration("Time between two."))),
    http=obj(
        "For HTTP.",
        http1MaxPendingRequests=integer("Requests that wait for a connection."),
        http2MaxRequests=integer("Requests under way."),
        maxRequestsPerConnection=integer("Requests of one connection; 1 switches keep-alive off."),
        maxRetries=integer("Retries under way."),
        maxConcurrentStreams=integer("Requests under way on one HTTP/2 connection.", 1),
        idleTimeout=duration("How long a connection without requests is kept."),
        h2UpgradePolicy=choice("Whether HTTP/1.1 is sent on as HTTP/2.", "DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"),
        useClientProtocol=boolean("Whether the protocol of the client is used."),
        http2KeepAlive=obj("HTTP/2 pings on idle connections.", interval=duration("Time between two."),
                           timeout=duration("How long an answer may take. 20 seconds when unset."))))

TRAFFIC = dict(
    loadBalancer=obj(
        "How an endpoint is chosen.",
        simple=choice("By a rule without state.",
                      "UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"),
        consistentHash=obj(
            "By a hash of one part of the request, so that equal parts meet the same endpoint.",
            httpHeaderName=text("A header."),
            httpCookie=with_required(obj("A cookie, which is set if it is not there.", name=text("Its name."),
                                         path=text("Its path."),
                                         ttl=duration("How long it lives; 0s is for the session."),
                                         attributes=items("Further attributes.", with_required(obj(
                                             "One attribute.", name=text("Its name, such as SameSite."),
                                             value=text("Its value.")), "name"))), "name"),
            httpQueryParameterName=text("A query parameter."),
            useSourceIp=boolean("The client's address."),
            minimumRingSize=integer("Old form of ringHash.minimumRingSize.", 0, 8388608),
            ringHash=obj("Uses a ring.", minimumRingSize=integer("Its smallest size.", 0, 8388608)),
            maglev=obj("Uses Maglev.", tableSize=integer("The size of its table, a prime.", 0, 5000011))),
        warmupDurationSecs=duration("Old form of warmup.duration."),
        warmup=with_required(obj("Gives new endpoints less traffic at first.", duration=duration("For how long."),
                                 minimumPercent=number("Share of its traffic that an endpoint begins with. 10 when unset.",
                                                       0, 100),
                                 aggression=number("How it grows: 1, as when unset, evenly; above 1 slowly at first.", 0, 1000000)),
                             "duration"),
        localityLbSetting=obj(
            "Prefers endpoints near the client.",
            enabled=boolean("Whether it is done; as the mesh has it when unset."),
            distribute=items("Shares of the traffic by locality.", obj(
                "Clients of one locality.",
                **{"from": text("The clients' locality, as region/zone/subzone; its end may be \"*\".")},
                to=map_of("Localities of the endpoints, and their percentages.", integer("Percent.", 1, 100)))),
            failover=items("Regions that take over.", obj(
                "Clients of one region.",
                **{"from": text("Their region.")},
                to=text("The region that is used when theirs has no healthy endpoints."))),
            failoverPriority=texts("Labels, as name or name=value: the more of them, from the first on, an endpoint has "
                                   "in common with the client (or has at all), the sooner it is used."))),
    connectionPool=CONNECTION_POOL,
    outlierDetection=obj(
        "Takes failing endpoints out.",
        consecutive5xxErrors=integer("Answers 5xx in a row; 0 switches it off."),
        consecutiveGatewayErrors=integer("Answers 502, 503, 504 in a row; 0 switches it off."),
        consecutiveErrors=integer("Old form of consecutiveGatewayErrors."),
        consecutiveLocalOriginFailures=integer("Connections that failed in a row."),
        splitExternalLocalOriginErrors=boolean("Whether failed connections are counted apart from bad answers."),
        interval=duration("Time between two checks."),
        baseEjectionTime=duration("How long an endpoint stays out, times how often it was out."),
        maxEjectionPercent=integer("Share of the endpoints that may be out.", 0, 100),
        minHealthPercent=integer("Share of healthy endpoints below which nothing is taken out.", 0, 100),
        outlierDetectionHttpErrorCodes=items("Statuses that count as errors in place of 5xx.",
                                             integer("A status.", 100, 599))),
    tls=obj(
        "TLS towards the service.",
        mode=choice("How connections are encrypted. DISABLE when unset.",
                    "DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"),
        clientCertificate=text("Path of the client's certificate in the proxy."),
        privateKey=text("Path of the client's key in the proxy."),
        caCertificates=text("Path of the CA certificates that the server is checked with."),
        credentialName=text("The secret with these, for gateways."),
        sni=text("The server name in the handshake."),
        subjectAltNames=texts("Identities of which the server must have one."),
        insecureSkipVerify=boolean("Whether the server's certificate goes unchecked."),
        caCrl=text("Path of the list of revoked certificates in the proxy.")))


def traffic_policy(description):
    return obj(description, portLevelSettings=items(
        "Settings of single ports: such an entry replaces all of the above for its port.",
        with_required(obj("One port.", port=with_required(port_number("Which one."), "number"), **TRAFFIC), "port")),
        tunnel=with_required(obj(
            "Carries connections of TCP and TLS routes through an HTTP proxy.",
            protocol=choice("How the proxy is asked. CONNECT when unset.", "CONNECT", "POST"),
            targetHost=text("The host that the tunnel leads to.", minLength=1),
            targetPort=port("The port that it leads to.")), "targetHost", "targetPort"),
        proxyProtocol=obj("Tells the endpoint the client's address by the PROXY protocol.",
                          version=choice("Its version. V1 when unset.", "V1", "V2")),
        retryBudget=obj("Limits retries to a share of the requests.",
                        percent=number("Percent of the requests under way. 20 when unset.", 0, 100),
                        minRetryConcurrency=integer("Retries that are always allowed. 3 when unset."),
                        budgetInterval=duration("Counts new requests of this long in place of those under way.")),
        **TRAFFIC)


DESTINATION_RULE = with_required(obj(
    "How connections to a host are made.",
    host=text("A service: its short name in this namespace, or its full name; it may begin with \"*.\".", minLength=1),
    trafficPolicy=traffic_policy("Settings for the host."),
    subsets=items("Parts of the service that routes can name.", with_required(obj(
        "One subset.",
        name=text("Its name.", pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", maxLength=63),
        labels=text_map("Labels of its endpoints."),
        trafficPolicy=traffic_policy("Settings for the subset; what it leaves out is inherited.")), "name")),
    exportTo=EXPORT_TO,
    workloadSelector=labels_selector("The clients it is for; all when unset.")), "host")

WORKLOAD_TRAITS = dict(
    ports=map_of("Its ports, by the names of the service's ports.", port("The port.")),
    labels=text_map("Its labels; selectors and subsets choose by them."),
    network=text("Its network."),
    locality=text("Its region, zone and subzone, separated by slashes."),
    weight=integer("Its share of the load, relative to the others'.", 0, 1000000),
    serviceAccount=text("The service account that it runs as, in this namespace."))
WORKLOAD = dict(address=text("Its IP address; with DNS also a name.", minLength=1), **WORKLOAD_TRAITS)

SERVICE_ENTRY = with_required(obj(
    "Hosts that Kubernetes has no Service for: outside the cluster, or on machines of its own.",
    hosts=items("DNS names of the hosts; a name may begin with \"*.\".", {"type": "string", "minLength": 1}, minItems=1),
    addresses=texts("IP addresses or ranges at which clients reach the hosts."),
    ports=items("The ports of the hosts.", with_required(obj(
        "One port.",
        number=port("The port that clients connect to."),
        name=text("A name that no other port of the hosts has.", minLength=1),
        protocol=text("What is spoken: HTTP, HTTP2, GRPC, GRPC-WEB, HTTPS, TLS, TCP, MONGO, REDIS, MYSQL.",
                      pattern="^(?i:HTTP|HTTP2|GRPC|GRPC-WEB|HTTPS|TLS|TCP|MONGO|REDIS|MYSQL)$"),
        targetPort=port("The port of the endpoints; the number when unset.")), "number", "name")),
    location=choice("Whether the hosts are part of the mesh. MESH_EXTERNAL when unset.",
                    "MESH_EXTERNAL", "MESH_INTERNAL"),
    resolution=choice("How the endpoints' addresses are found. NONE, as when unset: the address that the client chose.",
                      "NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"),
    endpoints=items("Where the hosts are served; with DNS and none of them, at the hosts' own names.", with_required(
        obj("One endpoint.", **WORKLOAD), "address")),
    workloadSelector=obj("Pods and WorkloadEntries of this namespace in place of endpoints.",
                         labels=text_map("Labels that they must have, all of them.")),
    exportTo=EXPORT_TO,
    subjectAltNames=texts("Identities of which the hosts' certificates must have one.")), "hosts")

WORKLOAD_ENTRY = with_required(obj(
    "A workload outside Kubernetes. Services and ServiceEntries choose it by its labels.", **WORKLOAD), "address")

PROBE_PORT = port("The port.")
WORKLOAD_GROUP = with_required(obj(
    "What the WorkloadEntries of alike machines have in common.",
    metadata=obj("Metadata of the WorkloadEntries.", labels=text_map("Labels."), annotations=text_map("Annotations.")),
    template=obj("Fields of the WorkloadEntries.", address=text("Without effect: each has its own."),
                 **WORKLOAD_TRAITS),
    probe=obj(
        "How the agent of a machine finds out that it is ready; without it the machine counts as soon as it is there.",
        initialDelaySeconds=integer("Seconds before the first probe.", 0),
        timeoutSeconds=integer("Seconds that a probe may take.", 0),
        periodSeconds=integer("Seconds between two probes.", 0),
        successThreshold=integer("Successes in a row that make it ready.", 0),
        failureThreshold=integer("Failures in a row that make it not ready.", 0),
        httpGet=with_required(obj(
            "An HTTP request.", path=text("The path."), port=PROBE_PORT, host=text("The host."),
            scheme=text("HTTP, as when unset, or HTTPS.", pattern="^(|HTTP|HTTPS)$"),
            httpHeaders=items("Headers.", obj("One header.", name=text("Its name."), value=text("Its value.")))), "port"),
        tcpSocket=with_required(obj("A connection.", host=text("The host."), port=PROBE_PORT), "port"),
        exec=with_required(obj("A command.", command=texts("The command and its arguments.")), "command"),
        grpc=obj("gRPC's health service.", port=PROBE_PORT, service=text("The service that is asked about.")))), "template")


def sidecar_port(description, minimum):
    return obj(description,
               number=integer("The port; 0 for a Unix socket.", minimum, 65535),
               protocol=text("What is spoken: HTTP, HTTP2, GRPC, GRPC-WEB, HTTPS, TLS, TCP, MONGO, REDIS, MYSQL, "
                             "HTTP_PROXY.",
                             pattern="^(?i:HTTP|HTTP2|GRPC|GRPC-WEB|HTTPS|TLS|TCP|MONGO|REDIS|MYSQL|HTTP_PROXY)$"),
               name=text("A name for people."))


CAPTURE_MODE = choice("Whether connections are redirected to the listener. DEFAULT: as for the pod.",
                      "DEFAULT", "IPTABLES", "NONE")
SIDECAR = obj(
    "What sidecars of a namespace reach, and how they take connections.",
    workloadSelector=obj("The workloads it is for; all of the namespace when unset, and of all namespaces without one "
                         "of their own in the root namespace.",
                         labels=text_map("Labels that a pod must have, all of them.")),
    ingress=items("Ports at which connections to the app are taken; those of its services when unset.", with_required(obj(
        "One port.",
        port=with_required(sidecar_port("Where clients connect to.", 1), "number", "protocol"),
        bind=text("The IP address to listen on."),
        captureMode=CAPTURE_MODE,
        defaultEndpoint=text("Where the app listens: 127.0.0.1:PORT, [::1]:PORT, 0.0.0.0:PORT, [::]:PORT or "
                             "unix:///path. The port itself when unset."),
        tls=SERVER_TLS,
        connectionPool=CONNECTION_POOL), "port")),
    egress=items("Hosts that the app reaches; those of the namespace's Sidecar without a selector, or else all, "
                 "when unset.", with_required(obj(
                     "Hosts at one port, or at all their ports.",
                     port=with_required(sidecar_port("The port at which the app reaches them; their own when unset.", 0),
                                        "protocol"),
                     bind=text("The IP address or Unix socket (unix:///path) to listen on."),
                     captureMode=CAPTURE_MODE,
                     hosts=items("Hosts as namespace/name. The namespace may be \"*\", \".\" or \"~\" (none), the name "
                                 "\"*\" or begin with \"*.\"; \"~\" before the namespace takes hosts out.",
                                 {"type": "string", "minLength": 1}, minItems=1)), "hosts")),
    outboundTrafficPolicy=obj(
        "What becomes of requests to hosts that are not known; as the mesh has it when unset.",
        mode=choice("REGISTRY_ONLY, as when unset: refused. ALLOW_ANY: sent on.", "REGISTRY_ONLY", "ALLOW_ANY"),
        egressProxy=DESTINATION),
    inboundConnectionPool=CONNECTION_POOL)
