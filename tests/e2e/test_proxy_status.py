"""`fairway proxy-status` and `fairway proxy-config`: a control plane, real Envoys, and every source that the commands read."""

import contextlib
import json
import os
import socket
import subprocess

import yaml

from harness import ROOT
from harness.network import POD_PREFIX
from harness.rules import VIO
from processes import Agent, binary, request, wait_for
from workloads import Workload

TABLES = {
    "clusters": "SERVICE FQDN PORT SUBSET DIRECTION TYPE DESTINATION RULE",
    "endpoints": "ENDPOINT STATUS OUTLIER CHECK CLUSTER",
    "listeners": "ADDRESSES PORT MATCH DESTINATION",
    "routes": "NAME VHOST NAME DOMAINS MATCH VIRTUAL SERVICE",
    "secrets": "RESOURCE NAME TYPE STATUS VALID CERT SERIAL NUMBER NOT AFTER NOT BEFORE",
}
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: late, namespace: onap}
spec:
  clusterIP: 10.96.77.7
  selector: {app: late}
  ports: [{name: http, port: %d}]
"""


def fairway(*arguments, text=None):
    return subprocess.run(
        [binary(), *map(str, arguments)], input=text, capture_output=True, text=True, check=False, timeout=60
    )


def good(*arguments, text=None):
    """Standard output of a call that succeeds."""
    done = fairway(*arguments, text=text)
    assert done.returncode == 0, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout


def values(*arguments, text=None):
    return json.loads(good(*arguments, "-o", "json", text=text))


def rows(table):
    return [line.split() for line in table.splitlines()[1:]]


def admin_of(agent):
    return (agent.directory / "envoy-admin-address").read_text(encoding="ascii").strip()


def envoy_dump(agent):
    answer = request(admin_of(agent), "/config_dump?include_eds", timeout=30)
    assert answer.status == 200
    return answer.body


class Proxy:
    """One of the lab's proxies, with the flags that lead to it."""

    def __init__(self, lab, name):
        self.lab, self.agent = lab, lab.agents[name]
        self.id = self.agent.workload.id
        self.plane, self.envoy = lab.control_plane.admin, admin_of(self.agent)

    def entry(self):
        [entry] = [e for e in values("proxy-status", "--admin", self.plane) if e["name"] == self.id]
        return entry

    def compare(self, *flags):
        """The exit code and the report of a comparison with Envoy."""
        done = fairway("ps", self.id, "--admin", self.plane, *(flags or ("--envoy-admin", self.envoy)), "-o", "json")
        assert done.returncode in (0, 79), done.stderr
        return done.returncode, json.loads(done.stdout)

    def wait_equal(self):
        seen = {}

        def equal():
            seen["code"], seen["report"] = self.compare()
            return seen["code"] == 0

        wait_for(equal, 60, lambda: f"nothing to differ at {self.id}: {json.dumps(seen, indent=1)}", pause=0.2)


def differences(report):
    """{type: {name: kind}}, types without a difference left out."""
    found = {name: {d["name"]: d["kind"] for d in entry["differences"]} for name, entry in report["types"].items()}
    return {name: entries for name, entries in found.items() if entries}


def test_every_type_from_every_source(lab):
    lab.folder_control_plane()
    lab.start_mesh(("msb-iag", "multicloud-vio"))
    proxy = Proxy(lab, "msb-iag")
    proxy.wait_equal()

    print("  the list of proxies")
    table = good("proxy-status", "--admin", proxy.plane)
    assert table.splitlines()[0].split() == "NAME CLUSTER CDS LDS EDS RDS VHDS ISTIOD VERSION".split()
    shown = {row[0]: row for row in rows(table)}
    assert set(shown) == {a.workload.id for a in lab.agents.values()}
    assert shown[proxy.id][2:7] == ["SYNCED"] * 5
    assert shown[proxy.id][8] == good("version").split()[1]
    assert proxy.entry()["types"]["CDS"]["resources"] > 10

    text = good("ps", proxy.id, "--admin", proxy.plane, "--envoy-admin", proxy.envoy)
    assert text.splitlines()[:4] == ["Clusters Match", "Endpoints Match", "Listeners Match", "Routes Match"]

    print("  every type from Envoy, from a file, from the control plane")
    saved = lab.directory / "dump.json"
    saved.write_text(envoy_dump(proxy.agent), encoding="utf-8")
    sent = lab.directory / "sent.json"
    sent.write_text(request(proxy.plane, f"/debug/config_dump?proxy={proxy.id}", timeout=30).body, encoding="utf-8")
    sources = {
        "envoy": ("--admin", proxy.envoy),
        "file": ("-f", saved),
        "control plane": (proxy.id, "--sent", "--admin", proxy.plane),
        "control plane's file": ("-f", sent),
    }
    for name, flags in sources.items():
        for view, header in TABLES.items():
            table = good("proxy-config", view, *flags)
            assert " ".join(table.splitlines()[0].split()) == header, (name, view)
            listed = values("pc", view, *flags)
            assert isinstance(listed, list)
            again = yaml.safe_load(good("pc", view, *flags, "-o", "yaml"))
            if (name, view) == ("envoy", "endpoints"):  # with counters, which go on
                assert [entry["name"] for entry in again] == [entry["name"] for entry in listed]
            else:
                assert again == listed
            if view != "secrets":
                assert rows(table) and listed, (name, view)
        everything = values("pc", "all", *flags)
        assert set(TABLES) <= set(everything)
        assert [line for line in good("pc", "all", *flags).splitlines() if line.startswith("SERVICE FQDN")]
    assert values("pc", "clusters", "-f", "-", text=saved.read_text(encoding="utf-8"))

    print("  filters")
    for flags in (sources["envoy"], sources["control plane"]):
        one = ("--fqdn", "multicloud-vio.onap.svc.cluster.local", "--port", 9004, "--direction", "outbound")
        [row] = rows(good("pc", "clusters", *flags, *one))
        assert row[:2] == ["multicloud-vio.onap.svc.cluster.local", "9004"] and row[3:5] == ["outbound", "EDS"]
        [cluster] = values("pc", "cluster", *flags, *one)
        assert cluster["name"] == VIO
        assert not values("pc", "clusters", *flags, "--subset", "none")
        vio = f"{POD_PREFIX}7.1:9004"
        assert [row[0] for row in rows(good("pc", "endpoints", *flags, "--cluster", VIO))] == [vio]
        assert {r[0] for r in rows(good("pc", "endpoints", *flags, "--address", f"{POD_PREFIX}7.1", "--port", 9004))} == {vio}
        assert not values("pc", "endpoints", *flags, "--status", "UNHEALTHY")
        assert {row[1] for row in rows(good("pc", "listeners", *flags, "--port", 9004))} == {"9004"}
        assert {row[1] for row in rows(good("pc", "listeners", *flags, "--type", "http"))} > {"9004"}
        assert {row[0] for row in rows(good("pc", "routes", *flags, "--name", 9004))} == {"9004"}
        [table] = values("pc", "route", *flags, "--name", 9004)
        assert any(host["name"].startswith("9004/multicloud-vio") for host in table["virtual_hosts"])
    [live] = values("pc", "endpoints", "--admin", proxy.envoy, "--cluster", VIO)
    assert live["host_statuses"][0]["health_status"]["eds_health_status"] == "HEALTHY"
    [row] = rows(good("pc", "endpoints", "--admin", proxy.envoy, "--cluster", VIO))
    assert row[1:3] == ["HEALTHY", "OK"]

    print("  secrets and bootstrap")
    certificates = {row[0]: row for row in rows(good("pc", "secrets", "--admin", proxy.envoy))}
    assert certificates["default"][1:5] == ["Cert", "Chain", "ACTIVE", "true"]
    assert certificates["ROOTCA"][1:4] == ["CA", "ACTIVE", "true"]
    secrets = good("pc", "secrets", "--admin", proxy.envoy, "-o", "json")
    assert "CERTIFICATE" not in secrets and "PRIVATE" not in secrets and '"private_key": "[redacted]"' in secrets
    assert values("pc", "bootstrap", "--admin", proxy.envoy)["node"]["id"].split("~")[2] == proxy.id
    refused = fairway("pc", "bootstrap", proxy.id, "--sent", "--admin", proxy.plane)
    assert refused.returncode == 1 and "only Envoy" in refused.stderr


def test_what_was_changed_behind_envoys_back(lab):
    lab.folder_control_plane()
    lab.start_mesh(("msb-iag",))
    proxy = Proxy(lab, "msb-iag")
    proxy.wait_equal()
    dump = json.loads(envoy_dump(proxy.agent))
    part = {c["@type"].rsplit(".", 1)[1]: c for c in dump["configs"]}
    [vio] = [c for c in part["ClustersConfigDump"]["dynamic_active_clusters"] if c["cluster"]["name"] == VIO]
    vio["cluster"]["connect_timeout"] = "77s"
    [table] = [r for r in part["RoutesConfigDump"]["dynamic_route_configs"] if r["route_config"]["name"] == "9004"]
    lost = table["route_config"]["virtual_hosts"].pop()["name"]
    [endpoints] = [
        e["endpoint_config"]
        for e in part["EndpointsConfigDump"]["dynamic_endpoint_configs"]
        if e["endpoint_config"]["cluster_name"] == VIO
    ]
    endpoints["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]["port_value"] = 9999
    listeners = part["ListenersConfigDump"]["dynamic_listeners"]
    extra = json.loads(json.dumps(listeners[0]))
    extra["name"] = extra["active_state"]["listener"]["name"] = "intruder"
    listeners.append(extra)
    saved = lab.directory / "edited.json"
    saved.write_text(json.dumps(dump), encoding="utf-8")

    code, report = proxy.compare("-f", saved)
    assert code == 79
    assert differences(report) == {
        "CDS": {VIO: "changed"},
        "EDS": {VIO: "changed"},
        "LDS": {"intruder": "extra"},
        "VHDS": {lost: "missing"},
    }
    lines = [line for line in report["types"]["CDS"]["differences"][0]["diff"].splitlines() if line[0] in "+-"]
    assert len(lines) == 2 and lines[0].startswith("-") and lines[1] == '+  "connect_timeout": "77s",'
    text = fairway("ps", proxy.id, "--admin", proxy.plane, "-f", saved)
    assert text.returncode == 79
    for line in (
        "Clusters Don't Match: 1 changed",
        f"--- control plane: cluster {VIO} (SYNCED)",
        "Listeners Don't Match: 1 extra",
        "+ listener intruder: only Envoy has it",
        f"- virtual host {lost}: Envoy does not have it (SYNCED)",
        "Routes Match",
    ):
        assert line in text.stdout.splitlines()
    wrong = fairway("ps", "other.onap", "--admin", proxy.plane, "-f", saved)
    assert wrong.returncode == 1 and "other.onap is not connected" in wrong.stderr


@contextlib.contextmanager
def taken(address):
    """A socket that holds an address, so that no listener can be there."""
    with socket.socket() as holder:
        holder.bind(address)
        holder.listen()
        yield


def test_a_listener_that_envoy_refuses(lab):
    lab.folder_control_plane()
    lab.start_mesh(("msb-iag",))
    proxy = Proxy(lab, "msb-iag")
    proxy.wait_equal()
    outbound = proxy.agent.workload.outbound
    with taken((outbound, 9977)):
        lab.write("late.yaml", SERVICE % 9977)
        wait_for(lambda: proxy.entry()["types"]["LDS"]["status"] == "REJECTED", 60, lambda: f"a refusal: {proxy.entry()}")
        listeners = proxy.entry()["types"]["LDS"]
        [refused] = listeners["rejected"]
        assert "9977" in refused and "cannot bind" in listeners["reason"]
        assert {t: e["status"] for t, e in proxy.entry()["types"].items() if t in ("CDS", "EDS")} == {"CDS": "SYNCED", "EDS": "SYNCED"}
        [row] = [row for row in rows(good("ps", "--admin", proxy.plane)) if row[0] == proxy.id]
        assert row[2:5] == ["SYNCED", "REJECTED", "SYNCED"]

        code, report = proxy.compare()
        assert code == 79 and differences(report) == {"LDS": {refused: "missing"}}
        [difference] = report["types"]["LDS"]["differences"]
        assert difference["status"] == "REJECTED" and "cannot bind" in difference["reason"]
        text = fairway("ps", proxy.id, "--admin", proxy.plane, "--envoy-admin", proxy.envoy).stdout
        assert f"- listener {refused}: Envoy does not have it (REJECTED)" in text and "refused by Envoy:" in text
        shown = fairway("pc", "listeners", proxy.id, "--sent", "--admin", proxy.plane, "--port", 9977)
        assert f"listener {refused}: Envoy refused the newest version" in shown.stderr

    print("  the object is mended")
    lab.write("late.yaml", SERVICE % 9978)
    proxy.wait_equal()
    assert proxy.entry()["types"]["LDS"]["status"] == "SYNCED"


def test_wrong_usage_and_nothing_there(lab):
    assert fairway("proxy-config").returncode == 64
    assert fairway("proxy-config", "clusters").returncode == 64
    assert fairway("proxy-config", "clusters", "--sent", "--admin", "127.0.0.1:1").returncode == 64
    assert fairway("proxy-config", "nothing").returncode == 64
    assert fairway("proxy-status", "-f", "x.json").returncode == 64
    assert fairway("proxy-status", "Bad/Name", "--admin", "127.0.0.1:1").returncode == 64
    away = fairway("proxy-status", "--admin", "127.0.0.1:1")
    assert away.returncode == 1 and "127.0.0.1:1" in away.stderr and not away.stdout
    file = lab.directory / "other.json"
    file.write_text("{}", encoding="utf-8")
    other = fairway("proxy-config", "routes", "-f", file)
    assert other.returncode == 1 and str(file) in other.stderr and "/config_dump" in other.stderr
    assert fairway("proxy-config", "routes", "-f", lab.directory / "none").returncode == 1


# --- the dumps of the unit tests ------------------------------------------------------------------------

SHOP = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: shop}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: web, namespace: shop}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web-1, namespace: shop, labels: {{app: web, security.istio.io/tlsMode: istio}}}}
spec: {{serviceAccountName: web, containers: [{{name: web, ports: [{{containerPort: 8080}}]}}]}}
status: {{phase: Running, podIP: {POD_PREFIX}77.1, podIPs: [{{ip: {POD_PREFIX}77.1}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: shop}}
spec:
  clusterIP: 10.96.0.9
  selector: {{app: web}}
  ports: [{{name: http, port: 8000, targetPort: 8080}}]
---
apiVersion: v1
kind: Service
metadata: {{name: reviews, namespace: shop}}
spec:
  clusterIP: 10.96.0.10
  selector: {{app: reviews}}
  ports: [{{name: http, port: 80, targetPort: 8080}}, {{name: tcp-admin, port: 9000}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: reviews-1, namespace: shop, labels: {{app: reviews, version: v1}}}}
spec: {{serviceAccountName: default, containers: []}}
status: {{phase: Running, podIP: {POD_PREFIX}78.1, podIPs: [{{ip: {POD_PREFIX}78.1}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: reviews-1, namespace: shop, labels: {{kubernetes.io/service-name: reviews}}}}
addressType: IPv4
ports: [{{name: http, port: 8080, protocol: TCP}}, {{name: tcp-admin, port: 9000, protocol: TCP}}]
endpoints:
  - addresses: [{POD_PREFIX}78.1]
    conditions: {{ready: true}}
    targetRef: {{kind: Pod, namespace: shop, name: reviews-1}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: reviews-rule, namespace: shop}}
spec:
  host: reviews
  subsets: [{{name: v1, labels: {{version: v1}}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: reviews-routes, namespace: shop}}
spec:
  hosts: [reviews]
  http:
    - match: [{{uri: {{prefix: /v1}}, headers: {{end-user: {{exact: jason}}}}}}]
      route: [{{destination: {{host: reviews, subset: v1}}}}]
    - route: [{{destination: {{host: reviews}}}}]
"""


UNSTEADY = ("last_updated", "stats", "circuit_breakers", "peer", "connectedSince", "expires")


def pruned(value):
    """Without what differs from run to run, and what the unit tests do not look at."""
    if isinstance(value, dict):
        return {k: pruned(v) for k, v in value.items() if k not in UNSTEADY}
    return [pruned(v) for v in value] if isinstance(value, list) else value


def small(dump):
    """An Envoy's dump without bootstrap (but its node's id) and secrets."""
    kept = []
    for part in pruned(dump)["configs"]:
        name = part["@type"].rsplit(".", 1)[1]
        if name == "BootstrapConfigDump":
            part = {"@type": part["@type"], "bootstrap": {"node": {"id": part["bootstrap"]["node"]["id"]}}}
        if name not in ("SecretsConfigDump", "ScopedRoutesConfigDump"):
            kept.append(part)
        for own in ("static_clusters", "static_endpoint_configs"):  # the agent's, with paths
            part.pop(own, None)
    return {"configs": kept}


def test_recorded_dumps(lab):
    """A small mesh, whose dumps are those of tests/unit/inspect. FAIRWAY_REGENERATE=1 writes them anew."""
    lab.folder_control_plane(base=False)
    lab.write("shop.yaml", SHOP)
    labels = {"app": "web", "security.istio.io/tlsMode": "istio"}
    web = Workload("web", "web-1", "shop", "web", labels, f"{POD_PREFIX}77.1", [8080])
    agent = Agent(lab.directory / "agents" / "web", web, lab.control_plane.xds, lab.control_plane.root_file, lab.token_of(web))
    lab.agents["web"] = lab.add(agent)
    lab.wait_connected()
    wait_for((agent.directory / "envoy-admin-address").exists, 30, "Envoy's admin port")
    proxy = Proxy(lab, "web")
    proxy.wait_equal()
    sent = request(proxy.plane, f"/debug/config_dump?proxy={proxy.id}", timeout=30).body
    live = json.loads(request(proxy.envoy, "/clusters?format=json", timeout=30).body)
    live["cluster_statuses"] = [c for c in live["cluster_statuses"] if c.get("added_via_api")]
    dumps = {
        "envoy.json": small(json.loads(envoy_dump(agent))),
        "clusters.json": pruned(live),
        "control-plane.json": pruned(json.loads(sent)),
        "proxies.json": pruned(lab.control_plane.debug("proxies")),
    }
    folder = ROOT / "tests" / "unit" / "inspect" / "dumps"
    for name, dump in dumps.items():
        assert dump
        if os.environ.get("FAIRWAY_REGENERATE"):
            (folder / name).write_text(json.dumps(dump, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        recorded = json.loads((folder / name).read_text(encoding="utf-8"))
        assert type(recorded) is type(dump), name
