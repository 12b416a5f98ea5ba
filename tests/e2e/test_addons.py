"""What the chart of add-ons renders, and the monitoring objects of the control plane's: Prometheus' own tool reads its configuration and
rules, Grafana's is provisioned with the boards as they are."""

import json
import subprocess
import sys

import pytest
import yaml
from harness import ROOT, helm  # pylint: disable=unused-import  # makes tools/charts importable
from harness.prometheus import Prometheus, program
from processes import wait_for

import charts  # pylint: disable=wrong-import-order

sys.path.insert(0, str(ROOT / "tests" / "lab"))
import discovery  # noqa: E402  pylint: disable=wrong-import-position

ALERTS = yaml.safe_load((ROOT / "dashboards" / "alerts" / "fairway.yaml").read_text(encoding="utf-8"))
ADDONS = ("prometheus", "zipkin", "grafana", "servicegraph")
MOST = 1024 * 1024  # bytes of a ConfigMap


def rendered(chart="addons", values=None):
    found = charts.objects(charts.render(chart, "try" if chart == "addons" else chart, values))
    return {f"{o['kind']}/{o['metadata']['name']}": o for o in found}


@pytest.fixture(name="addons", scope="module")
def all_addons():
    return rendered()


def promtool(*arguments):
    done = subprocess.run(
        [program("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def container(addons, name):
    [only] = addons[f"Deployment/{name}"]["spec"]["template"]["spec"]["containers"]
    return only


def test_prometheus_takes_its_configuration(addons, tmp_path):
    for values, rules in (({}, True), ({"prometheus.alerts": False}, False)):
        data = rendered(values=values)["ConfigMap/prometheus"]["data"]
        assert set(data) == {"prometheus.yml", "fairway.yaml"} if rules else {"prometheus.yml"}
        data["prometheus.yml"] = discovery.from_file(data["prometheus.yml"], tmp_path / "targets.json")
        for name, text in data.items():
            (tmp_path / name).write_text(text.replace("/etc/prometheus/", f"{tmp_path}/"), encoding="utf-8")
        said = promtool("check", "config", tmp_path / "prometheus.yml")
        assert "is valid prometheus config file" in said
        assert ("rules found" in said) == rules
    assert yaml.safe_load(addons["ConfigMap/prometheus"]["data"]["fairway.yaml"]) == ALERTS


def pod(name, ip, annotations, ports=(8080, 9090), **status):
    containers = [{"name": "app", "ports": [{"containerPort": port} for port in ports]}]
    return {
        "metadata": {"name": name, "namespace": "shop", "annotations": annotations},
        "spec": {"nodeName": "node-1", "containers": containers},
        "status": {"podIP": ip, "phase": "Running", **status},
    }


def test_pods_are_found_by_their_annotations(lab, addons):
    """Each that wants it once, at the address that its annotations say, with its names as labels."""
    proxy = {"prometheus.io/scrape": "true", "prometheus.io/port": "15020", "prometheus.io/path": "/stats/prometheus"}
    pods = [
        pod("proxied", "10.30.1.1", proxy),
        pod("plain", "10.30.1.2", {"prometheus.io/scrape": "true", "prometheus.io/port": "15014"}, ports=()),
        pod("six", "fd00::7", proxy),
        pod("silent", "10.30.1.3", {}),
        pod("declines", "10.30.1.4", {**proxy, "prometheus.io/scrape": "false"}),
        pod("done", "10.30.1.5", proxy, phase="Succeeded"),
        pod("starting", "10.30.1.6", proxy, podIP=None),
    ]
    prometheus = Prometheus(lab.directory, {})
    data = addons["ConfigMap/prometheus"]["data"]
    (lab.directory / "targets.json").write_text(discovery.file_text(pods), encoding="utf-8")
    (lab.directory / "fairway.yaml").write_text(data["fairway.yaml"], encoding="utf-8")
    text = discovery.from_file(data["prometheus.yml"], lab.directory / "targets.json")
    prometheus.text = text.replace("/etc/prometheus/", f"{lab.directory}/")
    lab.add(prometheus)
    found = wait_for(prometheus.targets_found, 30, "targets")
    urls = {target["labels"]["pod"]: target["scrapeUrl"] for target in found}
    assert len(urls) == len(found)
    assert urls == {
        "proxied": "http://10.30.1.1:15020/stats/prometheus",
        "plain": "http://10.30.1.2:15014/metrics",
        "six": "http://[fd00::7]:15020/stats/prometheus",
    }
    for target in found:
        labels = target["labels"]
        assert (labels["namespace"], labels["node"], labels["job"]) == ("shop", "node-1", "kubernetes-pods")


def test_grafana_has_the_boards(addons):
    boards = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "dashboards").glob("*.json")}
    provisioned = addons["ConfigMap/grafana-dashboards"]["data"]
    assert {name: json.loads(text) for name, text in provisioned.items()} == boards
    data = addons["ConfigMap/grafana"]["data"]
    [prometheus, zipkin] = yaml.safe_load(data["datasources.yaml"])["datasources"]
    assert (prometheus["type"], prometheus["isDefault"]) == ("prometheus", True)
    assert (prometheus["url"], zipkin["url"]) == (
        "http://prometheus.istio-system:9090",
        "http://zipkin.istio-system:9411",
    )
    [provider] = yaml.safe_load(data["dashboards.yaml"])["providers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container(addons, "grafana")["volumeMounts"]}
    assert mounts[provider["options"]["path"]] == "dashboards"
    home = next(line.split("= ")[1] for line in data["grafana.ini"].splitlines() if "home_dashboard" in line)
    assert home.removeprefix(provider["options"]["path"] + "/") in boards
    for name, config in addons.items():
        if name.startswith("ConfigMap/"):
            assert len(json.dumps(config)) < MOST / 2


def test_each_can_be_reached_and_left_out(addons):
    for name, port in zip(ADDONS, (9090, 9411, 3000, 8088)):
        service, template = addons[f"Service/{name}"], addons[f"Deployment/{name}"]["spec"]["template"]
        assert service["spec"]["ports"][0]["port"] == port
        assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
        assert container(addons, name)["ports"] == [{"name": "http", "containerPort": port}]
        assert template["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
        nodes = rendered(values={f"{name}.service.type": "NodePort", f"{name}.service.nodePort": 30300})[
            f"Service/{name}"
        ]
        assert (nodes["spec"]["type"], nodes["spec"]["ports"][0]["nodePort"]) == ("NodePort", 30300)
        others = {"prometheus.url": "https://metrics.example.org"} if name == "prometheus" else {}
        left = rendered(values={f"{name}.enabled": False, **others})
        assert not [key for key in left if key.endswith(f"/{name}")]
    other = rendered(values={"prometheus.enabled": False, "prometheus.url": "https://metrics.example.org"})
    assert "--prometheus-url=https://metrics.example.org" in container(other, "servicegraph")["args"]
    assert "https://metrics.example.org" in other["ConfigMap/grafana"]["data"]["datasources.yaml"]
    with pytest.raises(charts.HelmFailed, match="give prometheus.url"):
        rendered(values={"prometheus.enabled": False})


def test_prometheus_reads_pods_and_nothing_else(addons):
    rules = [o["rules"] for o in addons.values() if o["kind"] in ("ClusterRole", "Role")]
    assert rules == [[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]]
    for name in ADDONS[1:]:
        assert addons[f"Deployment/{name}"]["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


# --- the Prometheus operator's objects, of the control plane's chart -------------------------------------


def test_monitoring_is_off_unless_asked_for():
    assert not [o for o in rendered("fairway").values() if o["apiVersion"].startswith("monitoring.coreos.com")]


def test_alerts_as_a_rule_object(tmp_path):
    values = {
        "monitoring.rules": True,
        "monitoring.labels": {"release": "stack"},
        "monitoring.runbooks": "https://wiki.example.org/runbooks",
    }
    rule = rendered("fairway", values)["PrometheusRule/fairway"]
    assert rule["metadata"]["labels"]["release"] == "stack"
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rule["spec"]), encoding="utf-8")
    promtool("check", "rules", tmp_path / "rules.yaml")
    text = yaml.safe_dump(ALERTS).replace("docs/runbooks.md#", "https://wiki.example.org/runbooks#")
    assert rule["spec"] == yaml.safe_load(text)


@pytest.mark.parametrize("revision, tags", [("", []), ("canary", ["prod"])])
def test_monitors_select_what_there_is(revision, tags):
    values = {"monitoring.enabled": True, "monitoring.namespaces": ["shop"], "revision": revision, "revisionTags": tags}
    found = rendered("fairway", values)
    suffix = f"-{revision}" if revision else ""
    service, pods = (
        found[f"ServiceMonitor/fairway{suffix}"]["spec"],
        found[f"PodMonitor/fairway{suffix}-proxies"]["spec"],
    )

    labels = service["selector"]["matchLabels"].items()
    selected = [o for o in found.values() if o["kind"] == "Service" and labels <= o["metadata"]["labels"].items()]
    [endpoint] = service["endpoints"]
    [keep] = endpoint["relabelings"]
    [one] = [
        o for o in selected if o["metadata"]["name"] == keep["regex"]
    ]  # of the two, so that nothing is scraped twice
    assert endpoint["port"] in {port["name"] for port in one["spec"]["ports"]}

    [revisions, others] = pods["selector"]["matchExpressions"]
    assert revisions == {"key": "istio.io/rev", "operator": "In", "values": [revision or "default", *tags]}
    assert others == {"key": "app", "operator": "NotIn", "values": ["istiod"]}
    assert pods["namespaceSelector"] == {"matchNames": ["shop"]}
    gateway = charts.objects(charts.render("gateway", "istio-ingressgateway"))
    [deployment] = [o for o in gateway if o["kind"] == "Deployment"]
    ports = {port["name"] for port in deployment["spec"]["template"]["spec"]["containers"][0]["ports"]}
    assert pods["podMetricsEndpoints"][0]["port"] in ports


@pytest.mark.parametrize("chart, path", [("fairway", "/metrics"), ("gateway", "/stats/prometheus")])
def test_pods_say_where_their_metrics_are(chart, path):
    [deployment] = [o for o in rendered(chart).values() if o["kind"] == "Deployment"]
    template = deployment["spec"]["template"]
    wanted = {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "15014" if chart == "fairway" else "15020",
        "prometheus.io/path": path,
    }
    assert wanted.items() <= template["metadata"]["annotations"].items()
