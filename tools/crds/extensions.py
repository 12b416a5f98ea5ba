"""What changes proxies themselves: EnvoyFilter and ProxyConfig (networking.istio.io), WasmPlugin (extensions.istio.io)."""

from policies import TARGET_REFS
from schema import choice, integer, items, labels_selector, obj, port, text, text_map, with_required

INT32 = (-2147483648, 2147483647)

FILTER_CHAIN_MATCH = obj(
    "One of the listener's filter chains.",
    name=text("Its name."),
    sni=text("A server name that it is for."),
    transportProtocol=text("The transport protocol that it is for: raw_buffer or tls."),
    applicationProtocols=text("Application protocols that it is for, by commas."),
    destinationPort=integer("The port that it is for.", 0, 65535),
    filter=obj("A network filter of the chain.",
               name=text("Its name, such as envoy.filters.network.http_connection_manager."),
               subFilter=obj("A filter within that filter.",
                             name=text("Its name, such as envoy.filters.http.router."))))

MATCH = obj(
    "Where the patch is applied; everywhere when unset.",
    context=choice("Whose configuration. ANY when unset.", "ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY",
                   "WAYPOINT"),
    proxy=obj("Which proxies.",
              proxyVersion=text("An RE2 pattern that is looked for in the proxy's metadata ISTIO_VERSION."),
              metadata=text_map("Texts that the proxy's metadata must have, all of them.")),
    listener=obj("Which listeners, and what of them.",
                 name=text("The listener's name, such as virtualInbound or 0.0.0.0_80."),
                 portNumber=integer("The port that the listener, or its filter chain, is for.", 0, 65535),
                 portName=text("Has no effect."),
                 listenerFilter=text("The name of a listener filter."),
                 filterChain=FILTER_CHAIN_MATCH),
    routeConfiguration=obj("Which route configurations, and what of them.",
                           name=text("Its name, such as 80, inbound|8080|| or http.80."),
                           portNumber=integer("The port that it is for.", 0, 65535),
                           portName=text("In gateways: the name of the server's port."),
                           gateway=text("In gateways: the Gateway, as namespace/name."),
                           vhost=obj("A virtual host.",
                                     name=text("Its name, host:port."),
                                     domainName=text("One of its domains."),
                                     route=obj("A route of it.", name=text("Its name."),
                                               action=choice("What it does. ANY when unset.", "ANY", "ROUTE", "REDIRECT",
                                                             "DIRECT_RESPONSE")))),
    cluster=obj("Which clusters.",
                name=text("The cluster's name; then nothing else counts."),
                service=text("The host of the service."),
                subset=text("The subset of the service."),
                portNumber=integer("The port of the service.", 0, 65535)))

ENVOY_FILTER = obj(
    "Changes of the Envoy configuration that is generated. Powerful and fragile: names and shapes of what it changes may "
    "differ between versions.",
    workloadSelector=obj("The pods it is for; all of the namespace when unset, in the root namespace all of the mesh.",
                         labels=text_map("Labels that a pod must have, all of them.")),
    targetRefs=TARGET_REFS,
    priority=integer("Smaller ones are applied first, 0 when unset.", *INT32),
    configPatches=items("The changes, in their order.", with_required(obj(
        "One change.",
        applyTo=choice("What is changed.", "LISTENER", "FILTER_CHAIN", "NETWORK_FILTER", "HTTP_FILTER",
                       "ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE", "CLUSTER", "EXTENSION_CONFIG", "BOOTSTRAP",
                       "LISTENER_FILTER"),
        match=MATCH,
        patch=with_required(obj(
            "The change.",
            operation=choice("How it is applied.", "MERGE", "ADD", "REMOVE", "INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST",
                             "REPLACE", "MERGE_AND_REPLACE_LIST"),
            filterClass=choice("With HTTP_FILTER and ADD: behind which filters.", "UNSPECIFIED", "AUTHN", "AUTHZ", "STATS"),
            value=obj("A part of Envoy's configuration, as JSON.")), "operation")), "applyTo", "patch")))

PROXY_CONFIG = obj(
    "Settings of the proxies of pods. They count when a pod is made.",
    selector=labels_selector("The pods it is for; all of the namespace when unset, in the root namespace all of the mesh."),
    concurrency=integer("Worker threads of Envoy; 0 is one for each CPU that the proxy may use.", 0, 256),
    environmentVariables=text_map("Environment variables of the proxy."),
    image=obj("The proxy's image.", imageType=text("Its type, which is appended to its tag: debug, distroless.")))

WASM_PLUGIN = obj(
    "A WebAssembly module. Not supported: the status says what to use instead.",
    url=text("Where the module is."))
