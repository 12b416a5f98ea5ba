"""telemetry.istio.io: Telemetry."""

from policies import TARGET_REFS
from schema import boolean, choice, duration, items, labels_selector, map_of, number, obj, text, with_required

MODE = choice("Whether it is about what workloads send, are sent, or both (when unset).", "CLIENT_AND_SERVER", "CLIENT", "SERVER")
MATCH = obj("What it is about.", mode=MODE)


def providers(description, **more):
    return items(description, with_required(obj("One provider.", name=text("Its name.", minLength=1)), "name"), **more)


METRIC = choice("One of the standard metrics; all when unset.", "ALL_METRICS", "REQUEST_COUNT", "REQUEST_DURATION", "REQUEST_SIZE",
                "RESPONSE_SIZE", "TCP_OPENED_CONNECTIONS", "TCP_CLOSED_CONNECTIONS", "TCP_SENT_BYTES", "TCP_RECEIVED_BYTES",
                "GRPC_REQUEST_MESSAGES", "GRPC_RESPONSE_MESSAGES")

SOURCE_DEFAULT = text("The tag's text where there is none; without it the tag is left out.")

TELEMETRY = obj(
    "What workloads tell about their requests and connections, and to whom. One for the mesh (in the root namespace), one a "
    "namespace and one a workload count, each over those before it.",
    selector=labels_selector("The pods it is for; all of the namespace when unset."),
    targetRefs=TARGET_REFS,
    targetRef=obj("One object of targetRefs."),
    tracing=items("Traces.", obj(
        "Settings; fields that are not given stay as they are.",
        match=MATCH,
        providers=providers("Where spans go: one of the mesh's extensionProviders.", maxItems=1),
        randomSamplingPercentage=number("Percent of requests that are traced, of those about which nobody before has decided.", 0, 100),
        disableSpanReporting=boolean("Whether no spans are reported; the headers of a trace are passed on all the same."),
        customTags=map_of("Tags of spans, by name. They replace all that were set before.", {**obj(
            "Where the tag's text comes from.",
            literal=obj("A text.", value=text("The text.", minLength=1)),
            environment=obj("An environment variable of the proxy.", name=text("Its name.", minLength=1), defaultValue=SOURCE_DEFAULT),
            header=obj("A header of the request.", name=text("Its name.", minLength=1), defaultValue=SOURCE_DEFAULT),
            formatter=obj("Envoy's command operators.", value=text("Such as %PROTOCOL%.", minLength=1))), "maxProperties": 1}),
        useRequestIdForTraceSampling=boolean("Whether the header x-request-id takes part in the decision; true when unset."),
        enableIstioTags=boolean("Whether spans have the tags that name mesh, service and workload; true when unset.")), maxItems=32),
    metrics=items("Metrics.", obj(
        "Changes of the standard metrics.",
        providers=providers("Whom it is about: prometheus.", maxItems=32),
        overrides=items("Changes, applied in their order.", obj(
            "One change.",
            match=obj("Of which metrics.", metric=METRIC, customMetric=text("Has no effect."), mode=MODE),
            disabled=boolean("Whether the metrics are left out."),
            tagOverrides=map_of("Labels that are added, changed or left out, by name.", obj(
                "What becomes of the label.",
                operation=choice("UPSERT when unset.", "UPSERT", "REMOVE"),
                value=text("UPSERT: its value, an expression such as request.method.", maxLength=4096)))), maxItems=64),
        reportingInterval=duration("How often connections that stay open are counted; 5s when unset.")), maxItems=32),
    accessLogging=items("Access logs.", obj(
        "Changes of the logs.",
        match=MATCH,
        providers=providers("Where logs go; as before when unset.", maxItems=32),
        disabled=boolean("Whether nothing is logged there."),
        filter=obj("What is logged; everything when unset.",
                   expression=text("An expression that is true of it, such as response.code >= 400.", maxLength=4096))), maxItems=32))
