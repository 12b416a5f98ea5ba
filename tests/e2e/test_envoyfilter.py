"""EnvoyFilters at real Envoys: what each kind of patch does to requests, and what bad ones do not."""

import json

import workloads as onap
from processes import request, wait_for

VIO, CLIENT = "multicloud-vio", "msb-iag"
MANAGER = "envoy.filters.network.http_connection_manager"
TYPES = "type.googleapis.com/envoy.extensions."
NEVER = "this is no program ("


def lua(name, script):
    return {"name": name, "typed_config": {"@type": TYPES + "filters.http.lua.v3.Lua", "default_source_code": {"inline_string": script}}}


def adds_header(header, value):
    return lua(header, f'function envoy_on_response(handle) handle:headers():add("{header}", "{value}") end')


def patch(apply_to, operation, value=None, context="SIDECAR_INBOUND", **match):
    change = {"operation": operation, **({} if value is None else {"value": value})}
    return {"applyTo": apply_to, "match": {"context": context, **match}, "patch": change}


def http_filter(operation, value=None, sub="envoy.filters.http.router", context="SIDECAR_INBOUND"):
    return patch("HTTP_FILTER", operation, value, context,
                 listener={"filterChain": {"filter": {"name": MANAGER, "subFilter": {"name": sub}}}})


class Mesh:
    """The sidecar of VIO and one whose app asks it. `before` is called before they are started."""

    def __init__(self, lab, before=lambda mesh: None):
        self.lab = lab
        lab.folder_control_plane()
        before(self)
        lab.start_mesh((VIO, CLIENT))
        workload = lab.workloads[VIO]
        self.labels = workload.labels
        self.port = onap.http_port(lab.services[workload.service])
        self.inbound = f"{workload.ip}:{self.port}"
        self.outbound = f"{lab.workloads[CLIENT].outbound}:{self.port}"
        self.host = f"{workload.service}.{workload.namespace}:{self.port}"
        wait_for(lambda: self.ask().status == 200, 60, lambda: f"an answer: {self.ask()}")
        wait_for(lambda: self.ask_through().status == 200, 60, lambda: f"an answer through both: {self.ask_through()}")

    def write(self, name, *patches, namespace="onap", **spec):
        self.lab.write(f"{name}.yaml", json.dumps({
            "apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"configPatches": list(patches), **spec}}))

    def remove(self, name):
        (self.lab.config / f"{name}.yaml").unlink()

    def ask(self, **more):
        return request(self.inbound, **more)

    def ask_through(self, host=None, **more):
        return request(self.outbound, host=host or self.host, **more)

    def wait(self, holds, what):
        """Until it holds some times in a row: listeners are replaced while connections go on."""
        wait_for(lambda: all(holds() for _ in range(3)), 60, what)

    def entry(self, name):
        for each in self.lab.control_plane.debug("objects"):
            if (each["kind"], each["name"]) == ("EnvoyFilter", name):
                return each
        return {}

    def notes(self):
        return json.dumps(self.lab.control_plane.debug("notes"))


def test_patches(lab):
    mesh = Mesh(lab)

    print("  a Lua filter, with a bad patch among good ones")
    mesh.write("lua",
               patch("HTTP_FILTER", "ADD", {"name": "x", "typed_config": {"@type": TYPES + "filters.http.none.v3.None"}}),
               http_filter("INSERT_BEFORE", adds_header("x-lua", "inbound")),
               workloadSelector={"labels": mesh.labels})
    mesh.wait(lambda: mesh.ask().headers.get("x-lua") == "inbound", lambda: f"the header: {mesh.ask().headers}")
    assert "filters.http.none.v3.None" in mesh.notes()
    wait_for(lambda: mesh.entry("lua").get("settled"), 30, lambda: f"the patch to be live: {mesh.entry('lua')}")
    assert mesh.entry("lua")["live"] == 1, "the other proxy is not selected"

    print("  an access log, merged by the root namespace into every connection manager")
    log = lab.directory / "access.log"
    mesh.write("log", patch("NETWORK_FILTER", "MERGE", {"typed_config": {
        "@type": TYPES + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "access_log": [{"name": "mine", "typed_config": {
            "@type": TYPES + "access_loggers.file.v3.FileAccessLog", "path": str(log),
            "log_format": {"text_format_source": {"inline_string": "logged %REQ(:PATH)%\n"}}}}]}},
        listener={"filterChain": {"filter": {"name": MANAGER}}}), namespace="istio-system")
    wait_for(lambda: mesh.ask(path="/seen").status == 200 and log.exists() and "logged /seen" in log.read_text(encoding="utf-8"), 60,
             "the access log")
    assert mesh.ask().headers.get("x-lua") == "inbound"

    print("  a cluster: no request is let through, and again")
    none = {"circuit_breakers": {"thresholds": [{"max_requests": 0, "max_pending_requests": 0, "max_connections": 0}]}}
    mesh.write("breaker", patch("CLUSTER", "MERGE_AND_REPLACE_LIST", none, cluster={"portNumber": mesh.port}))
    mesh.wait(lambda: mesh.ask().status == 503, lambda: f"503: {mesh.ask()}")
    mesh.remove("breaker")
    mesh.wait(lambda: mesh.ask().status == 200, lambda: f"200: {mesh.ask()}")

    print("  a filter of the mesh, removed")
    lab.write("deny.yaml", json.dumps({
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": {"name": "none", "namespace": "onap"},
        "spec": {"selector": {"matchLabels": mesh.labels}}}))
    mesh.wait(lambda: mesh.ask().status == 403, lambda: f"403: {mesh.ask()}")
    mesh.write("open", http_filter("REMOVE", sub="envoy.filters.http.rbac"))
    mesh.wait(lambda: mesh.ask().status == 200, lambda: f"200: {mesh.ask()}")
    mesh.remove("open")
    mesh.wait(lambda: mesh.ask().status == 403, lambda: f"403 again: {mesh.ask()}")


def test_routes_and_additions_of_clients(lab):
    mesh = Mesh(lab)
    vhost = f"{mesh.host.rsplit(':', 1)[0]}.svc.cluster.local:{mesh.port}"

    print("  a route is merged into, a virtual host and a listener are added")
    mesh.write("routes",
               patch("HTTP_ROUTE", "MERGE", {"response_headers_to_add": [{"header": {"key": "x-route", "value": "merged"}}]},
                     "SIDECAR_OUTBOUND", routeConfiguration={"vhost": {"name": vhost, "route": {"action": "ROUTE"}}}),
               patch("VIRTUAL_HOST", "ADD", {"name": "own", "domains": ["own.example.com"], "routes": [
                   {"match": {"prefix": "/"}, "direct_response": {"status": 218}}]},
                   "SIDECAR_OUTBOUND", routeConfiguration={"portNumber": mesh.port}),
               patch("LISTENER", "ADD", {"name": "own", "address": {"socket_address": {
                   "address": lab.workloads[CLIENT].outbound, "port_value": 9399}}, "filter_chains": [{"filters": [
                       {"name": MANAGER, "typed_config": {
                           "@type": TYPES + "filters.network.http_connection_manager.v3.HttpConnectionManager",
                           "stat_prefix": "own",
                           "http_filters": [{"name": "router", "typed_config": {"@type": TYPES + "filters.http.router.v3.Router"}}],
                           "route_config": {"virtual_hosts": [{"name": "own", "domains": ["*"], "routes": [
                               {"match": {"prefix": "/"}, "direct_response": {"status": 219}}]}]}}}]}]},
                     "SIDECAR_OUTBOUND"),
               workloadSelector={"labels": lab.workloads[CLIENT].labels})
    mesh.wait(lambda: mesh.ask_through().headers.get("x-route") == "merged", lambda: f"the header: {mesh.ask_through().headers}")
    mesh.wait(lambda: mesh.ask_through(host="own.example.com").status == 218, "the added virtual host")
    own = mesh.outbound.rsplit(":", 1)[0] + ":9399"
    wait_for(lambda: request(own).status == 219, 60, lambda: f"the added listener: {request(own)}")

    print("  and all is as before without it")
    mesh.remove("routes")
    mesh.wait(lambda: mesh.ask_through(host="own.example.com").status != 218, "the virtual host to go")
    mesh.wait(lambda: "x-route" not in (mesh.ask_through().headers or {}), "the header to go")
    assert mesh.ask_through().status == 200


def bootstrap(value, operation="MERGE"):
    return {"applyTo": "BOOTSTRAP", "patch": {"operation": operation, "value": value}}


def flush_interval(lab, name):
    """What Envoy says that it was started with."""
    admin = (lab.agents[name].directory / "envoy-admin-address").read_text(encoding="utf-8").strip()
    dump = json.loads(request(admin, "/config_dump", timeout=20).body)
    return next(each for each in dump["configs"] if "bootstrap" in each)["bootstrap"].get("stats_flush_interval", "")


def test_the_bootstrap(lab):
    labels = {"labels": lab.workloads[VIO].labels}

    def before(mesh):
        mesh.write("interval", bootstrap({"stats_flush_interval": "7s"}), workloadSelector=labels)
        mesh.write("bad", bootstrap({"overload_manager": {"resource_monitors": [{"name": "none.such"}]}}), workloadSelector=labels)
        mesh.write("forbidden", bootstrap({"dynamic_resources": {}}))
        wait_for(lambda: mesh.entry("forbidden"), 30, "the objects to be read")

    mesh = Mesh(lab, before)

    print("  one proxy has the good patch, and starts without the bad one")
    assert flush_interval(lab, VIO) == "7s"
    assert flush_interval(lab, CLIENT) != "7s", "it is not selected"
    wait_for(lambda: mesh.entry("bad").get("quarantine"), 60, lambda: f"the quarantine: {mesh.entry('bad')}")
    told = mesh.entry("bad")["quarantine"]
    assert "BOOTSTRAP" in told and "none.such" in told, told
    assert "dynamic_resources" in mesh.notes()
    assert len(lab.control_plane.debug("proxies")) == 2, "agents are no proxies"

    print("  a change is tried at once: a mistake is known before any proxy starts with it")
    mesh.write("interval", bootstrap({"stats_flush_interval": "7s", "stats_sinks": [{"name": "no.such.sink"}]}), workloadSelector=labels)
    wait_for(lambda: "no.such.sink" in str(mesh.entry("interval").get("quarantine")), 60, lambda: f"the quarantine: {mesh.entry('interval')}")
    assert mesh.ask().status == 200 and flush_interval(lab, VIO) == "7s"
    mesh.write("interval", bootstrap({"stats_flush_interval": "9s"}), workloadSelector=labels)
    wait_for(lambda: mesh.entry("interval").get("settled") and not mesh.entry("interval").get("quarantine"), 60,
             lambda: f"the mended patch to be accepted: {mesh.entry('interval')}")
    assert (mesh.entry("interval")["live"], mesh.entry("interval")["proxies"]) == (1, 1), mesh.entry("interval")
    assert flush_interval(lab, VIO) == "7s", "it counts from the next start on"

    print("  the proxy's next start")
    lab.agents[VIO].stop()
    lab.agents[VIO].start()
    lab.wait_connected()
    mesh.wait(lambda: mesh.ask().status == 200, lambda: f"an answer: {mesh.ask()}")
    assert flush_interval(lab, VIO) == "9s"


def test_refused_patch_goes_into_quarantine_alone(lab):
    mesh = Mesh(lab)
    mesh.write("good", http_filter("INSERT_BEFORE", adds_header("x-good", "yes")))
    mesh.wait(lambda: mesh.ask().headers.get("x-good") == "yes", "the good filter")
    mesh.write("bad", http_filter("INSERT_BEFORE", lua("bad", NEVER)))
    wait_for(lambda: mesh.entry("bad").get("quarantine"), 60, lambda: f"the quarantine: {mesh.entry('bad')}")
    told = mesh.entry("bad")["quarantine"]
    assert "Envoy refuses what is made from it, LDS" in told and "script load error" in told, told
    assert not mesh.entry("good").get("quarantine")
    wait_for(lambda: mesh.entry("good").get("settled"), 60, lambda: f"the good one to be live: {mesh.entry('good')}")

    print("  others go on changing the same listener; mended, it counts")
    mesh.write("good", http_filter("INSERT_BEFORE", adds_header("x-good", "again")))
    mesh.wait(lambda: mesh.ask().headers.get("x-good") == "again", "the good filter's change")
    mesh.write("bad", http_filter("INSERT_BEFORE", adds_header("x-bad", "mended")))
    mesh.wait(lambda: mesh.ask().headers.get("x-bad") == "mended", "the mended filter")
    assert mesh.ask().headers.get("x-good") == "again"
