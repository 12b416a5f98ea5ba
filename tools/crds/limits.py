"""networking.fairway.io: RateLimit."""

from policies import TARGET_REFS
from schema import boolean, choice, duration, integer, items, labels_selector, map_of, obj, string_match, text, text_map, with_required


def condition(description):
    return string_match(description, "exact", "prefix", "suffix", "regex")


RATE_LIMIT = with_required(obj(
    "How many HTTP requests workloads take.",
    selector=labels_selector("The pods it is for; all of the namespace when unset."),
    targetRefs=TARGET_REFS,
    targetRef=obj("One object of targetRefs."),
    context=choice("Where requests are counted: at the sidecars of these pods (the default), or at gateways (the default where "
                   "targetRefs names one).", "INBOUND", "GATEWAY"),
    rules=items("The limits. A request is refused if one of the rules that are for it has nothing left.", with_required(obj(
        "One limit.",
        name=text("A name, once in the object; the rule's place in the list when unset.", maxLength=63),
        match=items("Which requests are counted: one of these must hold. Every request when empty.", obj(
            "Conditions that must hold together.",
            path=condition("On the path without query."),
            method=condition("On the method."),
            headers=map_of("On headers, by name.", condition("On one header."))), maxItems=16),
        descriptors=items("Requests that differ in one of these are counted apart; those that lack one are not counted. All "
                          "together when empty.", with_required(obj(
                              "What requests differ in.",
                              type=choice("Where the value is: in the request, in the caller's certificate, in its validated token.",
                                          "PATH", "METHOD", "HEADER", "SOURCE_PRINCIPAL", "SOURCE_NAMESPACE", "CLAIM",
                                          "REMOTE_ADDRESS", "CONSTANT"),
                              name=text("HEADER: its name. CLAIM: its name, nested ones with dots."),
                              value=text("Only requests with this value are counted. CONSTANT: the value.")), "type"), maxItems=8),
        limit=with_required(obj(
            "How many.",
            requests=integer("Requests in one unit of time.", minimum=1, maximum=4294967295),
            unit=choice("The unit of time.", "SECOND", "MINUTE", "HOUR", "DAY"),
            burst=integer("Local limits: how many may come at once; `requests` when unset.", minimum=1, maximum=4294967295)),
            "requests", "unit")), "limit"), minItems=1, maxItems=64),
    local=obj("Each proxy counts for itself.",
              maxCounters=integer("How many values of descriptors a proxy remembers, those used last; 1000 when unset.",
                                  minimum=1, maximum=100000)),
    **{"global": obj("The rate limit service counts for all proxies together.",
                     timeout=duration("How long to wait for its answer; 100ms when unset."),
                     failureMode=choice("What becomes of requests while it cannot be asked: they pass (the default), or are refused "
                                        "with 500.", "OPEN", "CLOSED"))},
    response=obj("The answer to a request too many.",
                 status=integer("Its status; 429 when unset.", minimum=400, maximum=599),
                 headers=text_map("Headers it has."),
                 quotaHeaders=boolean("Whether responses tell what is left, in X-RateLimit-Limit, -Remaining and -Reset.")),
    shadow=boolean("Whether requests are only counted, and none is refused.")), "rules")
