"""Traces at real Envoys: the real Zipkin, and a peer that decodes OTLP. The chain is the example's: a browser asks the gateway,
which asks msb-iag, which asks multicloud-vio."""

import itertools
import json
import secrets

import pytest
import story
import yaml
from harness import collectors
from processes import request, wait_for

GATEWAY, MSB, VIO = "istio-ingressgateway", "msb-iag", "multicloud-vio"
ZIPKIN = {"name": "zipkin", "zipkin": {"service": collectors.host("zipkin"), "port": collectors.Zipkin.PORT}}
NUMBERS = itertools.count(1)


def otel(name, **http):
    port = collectors.Otlp.HTTP if http else collectors.Otlp.GRPC
    return {"name": name, "opentelemetry": {"service": collectors.host("otel"), "port": port, **({"http": http} if http else {})}}


PROVIDERS = [
    ZIPKIN,
    {"name": "both", "zipkin": {**ZIPKIN["zipkin"], "traceContextOption": "USE_B3_WITH_W3C_PROPAGATION"}},
    otel("otel"),
    otel("otel-http", path="/v1/traces", timeout="3s", headers=[{"name": "x-tenant", "value": "onap"}]),
]


def telemetry(name, namespace="istio-system", selector=None, **tracing):
    spec = {"tracing": [tracing], **({"selector": {"matchLabels": selector}} if selector else {})}
    return json.dumps({"apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry",
                       "metadata": {"name": name, "namespace": namespace}, "spec": spec})


def by(provider, sampling=100, **more):
    return {"providers": [{"name": provider}], "randomSamplingPercentage": sampling, **more}


def b3(sampled=None):
    """The headers of a client's own context, and its ids."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    headers = {"x-b3-traceid": trace, "x-b3-spanid": span, **({} if sampled is None else {"x-b3-sampled": sampled})}
    return headers, trace, span


class Mesh:
    def __init__(self, lab):
        self.lab = lab
        self.zipkin = collectors.Zipkin(lab.directory)
        self.otel = collectors.Otlp()
        lab.config.mkdir()
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": collectors.NAMESPACE}}
        lab.write("collectors.yaml", yaml.safe_dump_all([namespace, *self.zipkin.objects, *self.otel.objects]))
        mesh = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"},
                "data": {"mesh": json.dumps({"extensionProviders": PROVIDERS})}}
        lab.write("mesh.json", json.dumps(mesh))
        lab.write("gateway.yaml", story.step_text("1-gateway.yaml"))
        self.set("default", **by("zipkin"))
        lab.add(self.zipkin)
        lab.folder_control_plane()
        lab.start_mesh((GATEWAY, MSB, VIO))
        self.vio = lab.world.vio
        for agent in lab.agents.values():
            # Each span is sent at once, not with others after five seconds.
            self.envoy(agent, "POST", "/runtime_modify?tracing.zipkin.min_flush_spans=1&tracing.opentelemetry.min_flush_spans=1")
        self.settle()

    def set(self, name, namespace="istio-system", selector=None, **tracing):
        """Writes the one Telemetry of the mesh, a namespace or a workload."""
        self.lab.write(f"telemetry-{namespace}-{name}.json", telemetry(name, namespace, selector, **tracing))

    @staticmethod
    def envoy(agent, method, path):
        answer = request((agent.directory / "envoy-admin-address").read_text(encoding="ascii").strip(), path, method=method)
        assert answer.status == 200, answer
        return answer.body

    def managers(self, name):
        """The tracing of each HTTP connection manager that a proxy has."""
        dump = json.loads(self.envoy(self.lab.agents[name], "GET", "/config_dump?resource=dynamic_listeners"))
        found = []

        def walk(value):
            if isinstance(value, dict):
                if "http_filters" in value and "stat_prefix" in value:
                    found.append(value.get("tracing"))
                for part in value.values():
                    walk(part)
            elif isinstance(value, list):
                for part in value:
                    walk(part)

        walk([listener.get("active_state") for listener in dump.get("configs", [])])
        return found

    def sampling(self, name):
        """The percentages of its managers."""
        return {manager["random_sampling"].get("value", 0) for manager in self.managers(name)}

    def settle(self):
        """Until every proxy has what was last written; it is told by a tag that the mesh's Telemetry alone has."""
        mark = f"mark-{next(NUMBERS)}"
        file = self.lab.config / "telemetry-istio-system-default.json"
        written = json.loads(file.read_text(encoding="utf-8"))
        written["spec"]["tracing"][0].setdefault("customTags", {})["mark"] = {"literal": {"value": mark}}
        self.lab.write(file.name, json.dumps(written))

        def has():
            return all(mark in json.dumps(self.managers(name)) for name in self.lab.agents)

        wait_for(has, 60, lambda: f"{mark} at all proxies: {self.managers(VIO)}", pause=0.05)
        return mark

    def through(self, **more):
        """A request through the whole chain."""
        answer = request(self.lab.world.gateway, story.SWAGGER, **more)
        assert answer.status == 200 and answer.headers.get("x-forwarded-by") == MSB, answer
        return answer

    def trace(self, trace, count):
        """The spans of a trace that Zipkin has, once there are that many, the outermost first."""
        def spans():
            answer = request(self.zipkin.address, f"/api/v2/trace/{trace}")
            found = json.loads(answer.body) if answer.status == 200 else []
            return found if len(found) >= count else None

        found = wait_for(spans, 30, lambda: f"{count} spans of {trace}: {request(self.zipkin.address, f'/api/v2/trace/{trace}').body}")
        return ordered(found)

    def close(self):
        self.otel.close()


def ordered(spans, parent="parentId"):
    """From the outermost span on, each the parent of the next."""
    ids = {span["id"] for span in spans}
    chain = [span for span in spans if span.get(parent) not in ids]
    while len(chain) < len(spans):
        inner = [span for span in spans if span.get(parent) == chain[-1]["id"]]
        assert len(inner) == 1, spans
        chain += inner
    return chain


@pytest.fixture(scope="module", name="mesh")
def mesh_of_the_file(module_lab):
    made = Mesh(module_lab)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def usual(mesh):
    """Each test begins with the mesh's Telemetry alone, and all requests sampled."""
    for file in mesh.lab.config.glob("telemetry-*.json"):
        file.unlink()
    mesh.set("default", **by("zipkin"))


def names(spans):
    return [(span["localEndpoint"]["serviceName"], span["kind"], span["name"]) for span in spans]


CHAIN = [
    ("istio-ingressgateway.istio-system", "SERVER", "msb-iag.onap.svc.cluster.local:80/*"),
    ("istio-ingressgateway.istio-system", "CLIENT", "router outbound|80||msb-iag.onap.svc.cluster.local egress"),
    ("msb-iag.onap", "SERVER", "msb-iag.onap.svc.cluster.local:80/*"),
    ("msb-iag.onap", "CLIENT", "multicloud-vio.onap.svc.cluster.local:9004/*"),
    ("multicloud-vio.onap", "SERVER", "multicloud-vio.onap.svc.cluster.local:9004/*"),
]


def test_a_chain_is_one_trace(mesh):
    mesh.set("default", **by("zipkin", customTags={
        "team": {"literal": {"value": "vims"}}, "tenant": {"header": {"name": "x-tenant", "defaultValue": "nobody"}},
        "absent": {"header": {"name": "x-absent"}}, "home": {"environment": {"name": "FAIRWAY_NO_SUCH", "defaultValue": "none"}}}))
    mark = mesh.settle()
    headers, trace, client = b3("1")
    mesh.through(headers={**headers, "x-tenant": "telco"})
    spans = mesh.trace(trace, len(CHAIN))
    assert names(spans) == CHAIN
    assert spans[0]["parentId"] == client
    for span, service in zip(spans, (GATEWAY, GATEWAY, MSB, MSB, VIO)):
        if "http.method" not in span["tags"]:
            assert span is spans[1]  # Envoy says less in the span of a gateway's upstream call
            continue
        namespace = "istio-system" if service == GATEWAY else "onap"
        wanted = {"istio.canonical_service": service, "istio.canonical_revision": "latest", "istio.mesh_id": "cluster.local",
                  "istio.namespace": namespace, "team": "vims", "home": "none", "mark": mark, "http.method": "GET",
                  "http.status_code": "200", "component": "proxy",
                  # As far as the first application, which passes on the context alone.
                  "tenant": "telco" if span in spans[:3] else "nobody"}
        assert wanted.items() <= span["tags"].items(), span
        assert "absent" not in span["tags"]
        assert span["tags"]["http.url"].endswith(story.SWAGGER)
    assert len({span["tags"]["guid:x-request-id"] for span in spans if "guid:x-request-id" in span["tags"]}) == 1
    assert spans[3]["tags"]["upstream_cluster.name"] == "outbound|9004||multicloud-vio.onap.svc.cluster.local"
    assert spans[4]["tags"]["upstream_cluster.name"] == "inbound|9004||"

    # Without a context of the client's the gateway begins one, of 128 bits.
    mesh.through(headers={"x-tenant": "first"})

    def begun():
        return [t for t, s in mesh.zipkin.spans().items()
                if len(s) == len(CHAIN) and any(span["tags"].get("tenant") == "first" for span in s)]

    [own] = wait_for(begun, 30, "the trace of a client without a context")
    first = ordered(mesh.zipkin.spans()[own])
    assert names(first) == CHAIN and "parentId" not in first[0] and len(own) == 32


def test_sampling(mesh):
    """By mesh, namespace and workload; whoever is asked first decides for all that follow."""
    headers, refused, _ = b3("0")
    mesh.settle()
    mesh.through(headers=headers)

    def send(count):
        """Requests of which each has an id of its own in its path."""
        marks = [f"?{secrets.token_hex(6)}" for _ in range(count)]
        for mark in marks:
            answer = request(mesh.lab.world.gateway, story.SWAGGER + mark)
            assert answer.status == 200, answer
        return marks

    def sampled(marks):
        urls = [span["tags"].get("http.url", "") for trace in mesh.zipkin.spans().values() for span in trace]
        return {mark for mark in marks if any(url.endswith(mark) for url in urls)}

    all_of_them = send(10)
    wait_for(lambda: sampled(all_of_them) == set(all_of_them), 30, lambda: f"all of {all_of_them}: {sampled(all_of_them)}")

    mesh.set("default", **by("zipkin", 0))
    mesh.settle()
    none = send(10)
    # The gateway alone decides; for what comes to it, that is.
    mesh.set("gateway", "istio-system", {"istio": "ingressgateway"}, randomSamplingPercentage=100)
    mesh.set("all", "onap", randomSamplingPercentage=0)
    wait_for(lambda: mesh.sampling(GATEWAY) == {100} and mesh.sampling(VIO) == {0}, 30, lambda: f"{mesh.managers(GATEWAY)}")
    again = send(5)
    wait_for(lambda: sampled(again) == set(again), 30, lambda: f"all of {again}: {sampled(again)}")
    # A namespace's setting, and a workload's in it.
    direct = f"?{secrets.token_hex(6)}"
    assert request(mesh.vio, "/" + direct).status == 200
    mesh.set("vio", "onap", {"app": VIO}, randomSamplingPercentage=100)
    wait_for(lambda: mesh.sampling(VIO) == {100}, 30, lambda: f"{mesh.managers(VIO)}")
    assert mesh.sampling(MSB) == {0}
    chosen = f"?{secrets.token_hex(6)}"
    assert request(mesh.vio, "/" + chosen).status == 200
    wait_for(lambda: sampled([chosen]), 30, "the span of a workload that is sampled")
    # What was not sampled had time enough to come.
    assert sampled(none) == sampled([direct]) == set()
    assert request(mesh.zipkin.address, f"/api/v2/trace/{refused}").status == 404


def test_headers_of_both_kinds(mesh):
    """An application that passes on W3C's headers alone is part of the trace, where the provider asks for it."""
    mesh.set("default", **by("both"))
    mesh.settle()
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    mesh.through(headers={"traceparent": f"00-{trace}-{span}-01"})
    spans = mesh.trace(trace, len(CHAIN))
    assert names(spans) == CHAIN and spans[0]["parentId"] == span
    seen = json.loads(request(mesh.vio, "/", host=f"{VIO}.onap:9004").body)["headers"]
    assert seen["traceparent"].split("-")[1] == seen["x-b3-traceid"]


@pytest.mark.parametrize("provider", ["otel", "otel-http"])
def test_opentelemetry(mesh, provider):
    mesh.set("default", **by(provider))
    mesh.settle()
    trace, client = secrets.token_hex(16), secrets.token_hex(8)
    mesh.through(headers={"traceparent": f"00-{trace}-{client}-01", "tracestate": "vendor=1"})

    def arrived():
        found = [span for span in mesh.otel.arrived if span.get("trace") == trace]
        return found if len(found) == len(CHAIN) else None

    spans = ordered(wait_for(arrived, 30, lambda: f"{len(CHAIN)} spans: {mesh.otel.arrived[-5:]}"), "parent")
    kinds = {2: "SERVER", 3: "CLIENT"}  # OTLP's numbers
    assert [(s["resource"]["service.name"], kinds[s["kind"]], s["name"]) for s in spans] == CHAIN
    assert spans[0]["parent"] == client
    last = spans[-1]
    assert {"service.namespace": "onap", "k8s.namespace.name": "onap",
            "k8s.pod.name": mesh.lab.workloads[VIO].pod}.items() <= last["resource"].items()
    assert {"istio.canonical_service": VIO, "istio.namespace": "onap", "http.method": "GET",
            "http.status_code": "200"}.items() <= last["tags"].items()
    if provider == "otel":
        assert last["how"] == "grpc"
    else:
        assert last["how"] == "http /v1/traces" and last["sent"]["x-tenant"] == "onap"
        assert last["sent"]["host"] == f"{collectors.host('otel')}:{collectors.Otlp.HTTP}"


def test_no_reports_and_no_tracing(mesh):
    """A workload that reports no spans passes the context on; without tracing the headers stay as they came."""
    mesh.set("vio", "onap", {"app": VIO}, disableSpanReporting=True)
    mesh.settle()
    headers, trace, _ = b3("1")
    mesh.through(headers=headers)
    assert names(mesh.trace(trace, len(CHAIN) - 1)) == CHAIN[:-1]
    own, _, span = b3("1")
    seen = json.loads(request(mesh.vio, "/", headers=own).body)["headers"]
    assert seen["x-b3-traceid"] == own["x-b3-traceid"] and seen["x-b3-spanid"] != span
    assert len(mesh.trace(trace, len(CHAIN) - 1)) == len(CHAIN) - 1

    for file in mesh.lab.config.glob("telemetry-*.json"):
        file.unlink()
    wait_for(lambda: not any(mesh.managers(VIO)), 30, lambda: f"no tracing: {mesh.managers(VIO)}")
    seen = json.loads(request(mesh.vio, "/", headers=own).body)["headers"]
    assert (seen["x-b3-traceid"], seen["x-b3-spanid"]) == (own["x-b3-traceid"], span)
    assert "x-b3-traceid" not in json.loads(request(mesh.vio, "/").body)["headers"]


def test_a_backend_that_is_away(mesh):
    """Requests go on, and a metric tells; a Service that is gone takes tracing with it, and nothing else."""
    mesh.settle()
    mesh.zipkin.kill()

    def dropped(name):
        text = mesh.envoy(mesh.lab.agents[name], "GET", "/stats/prometheus?filter=tracing")
        values = [float(line.split()[-1]) for line in text.splitlines()
                  if line.startswith(("envoy_tracing_zipkin_reports_dropped", "envoy_tracing_zipkin_reports_failed"))]
        assert values, text
        return sum(values)

    before = {name: dropped(name) for name in mesh.lab.agents}
    for _ in range(20):
        mesh.through()
    for name in mesh.lab.agents:
        wait_for(lambda n=name: dropped(n) > before[n], 30, f"{name} to tell of spans that it lost")

    mesh.lab.write("collectors.yaml", yaml.safe_dump_all(mesh.otel.objects))
    wait_for(lambda: not any(mesh.managers(VIO)), 30, lambda: f"no tracing: {mesh.managers(VIO)}")
    mesh.through()
    notes = [note for note in mesh.lab.control_plane.debug("notes") if "zipkin" in note["message"]]
    assert notes, mesh.lab.control_plane.debug("notes")
    mesh.lab.write("collectors.yaml", yaml.safe_dump_all([*mesh.zipkin.objects, *mesh.otel.objects]))
    for name in mesh.lab.agents:
        wait_for(lambda n=name: all(mesh.managers(n)), 30, f"{name} to trace again")
    refused = [state.get("lastNack") for proxy in mesh.lab.control_plane.debug("proxies") for state in proxy["types"].values()]
    assert not any(refused), refused
