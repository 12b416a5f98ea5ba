"""Queries that several boards share. The metrics are Istio's standard ones; `where` is the inside of a selector's braces."""

WINDOW = "$__rate_interval"
TRAFFIC = "istio_requests_total|istio_tcp_connections_opened_total"


def rate(metric, where, by=""):
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{where}}}[{WINDOW}]))"


def requests(where, by=""):
    return rate("istio_requests_total", where, by)


def share(where, part, by=""):
    """The part of the requests that a further selector matches. Nothing where there are no requests; 0 where none matches."""
    whole = requests(where, by)
    return f"({requests(where + ',' + part, by)} or {whole} * 0) / ({whole} > 0)"


def success(where, by=""):
    return share(where, 'response_code!~"5..|0"', by)


def mutual_tls(where, by=""):
    return share(where, 'connection_security_policy="mutual_tls"', by)


def errors(where, by=""):
    """Answers 5xx and requests without an answer; 0 where all is well."""
    failed = requests(where + ',response_code=~"5..|0"', by)
    return f"{failed} or {requests(where, by)} * 0" if by else or_zero(failed)


def quantile(q, metric, where, by=""):
    return f"histogram_quantile({q}, {rate(metric + '_bucket', where, ', '.join(filter(None, ['le', by])))})"


def duration(q, where, by=""):
    """Milliseconds; nothing where nobody asks."""
    return quantile(q, "istio_request_duration_milliseconds", where, by) + " >= 0"


def or_zero(expr):
    return f"{expr} or vector(0)"
