"""The control plane's own metrics: each name is documented and there, counts move with what happens, and the debug pages."""

import json
import re

import workloads as onap
from harness import ROOT
from harness.network import POD_PREFIX
from harness.rules import OCATA, VIO, timeout_rule
from harness.xds import DeltaClient, addresses
from processes import request, wait_for

ROW = re.compile(r"^\| `([a-z0-9_]+)` \| (counter|gauge|histogram) \|([^|]*)\|", re.MULTILINE)
SECTIONS = ("Istio's names", "Our own", "In a cluster only")


def documented():
    """{section: {name: (type, labels)}} of the reference page."""
    text = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    parts = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    found = {}
    for section in SECTIONS:
        rows = ROW.findall(parts[section])
        found[section] = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
        assert len(found[section]) == len(rows), "a name is documented twice"
    return found


def exported(plane):
    """{name: (type, labels)} of /metrics; no labels where there is no sample."""
    text = request(plane.admin, "/metrics", timeout=30).body
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    assert set(types) == set(re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE)), "each has a text"
    samples = re.findall(r"^([a-z0-9_]+)(?:\{(.*)\})? \S+$", text, re.MULTILINE)
    assert len(samples) == len(set(samples)), "no series is there twice"
    result = {}
    for name, kind in types.items():
        names = {name + end for end in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
        labels = [set(re.findall(r'(\w+)="', text)) - {"le"} for sample, text in samples if sample in names]
        assert all(each == labels[0] for each in labels), name
        result[name] = (kind, labels[0] if labels else None)
    return result


def require_same(expected, found):
    assert set(found) == set(expected), (
        f"not documented: {sorted(set(found) - set(expected))}; not exported: {sorted(set(expected) - set(found))}"
    )
    for name, (kind, labels) in found.items():
        assert kind == expected[name][0], name
        assert labels is None or labels == expected[name][1], (name, labels)


def settled(plane, workload):
    return [p["settled"] for p in plane.debug("proxies") if p["id"] == workload.id] == [True]


def test_of_a_folder(lab):
    plane = lab.folder_control_plane(insecure=True)
    workload = lab.workloads["msb-iag"]

    def refuse(type_, name, message):
        return "the test refuses it" if type_ == "cluster" and name == OCATA and message.connect_timeout.seconds == 3 else None

    client = DeltaClient(plane.insecure, workload, refuse=refuse).subscribe_all()
    try:
        client.wait_for("endpoint", VIO, addresses)
        wait_for(lambda: settled(plane, workload), 30, "the first configuration")
        names = documented()
        require_same({**names["Istio's names"], **names["Our own"]}, exported(plane))
        before = plane.metrics()
        assert before["pilot_services"] == len(lab.services)
        assert sum(v for k, v in before.items() if k.startswith("pilot_xds{")) == 1
        assert before["pilot_proxy_convergence_time_count"] == 0, "what a proxy gets as it comes is no change"
        assert before['pilot_k8s_reg_events{type="Services",event="add"}'] == len(lab.services)

        print("  a changed endpoint is measured from its arrival to the proxy's answer")
        text = onap.manifests("base", POD_PREFIX)["vfc.yaml"].replace(f"{POD_PREFIX}12.1", f"{POD_PREFIX}12.77")
        lab.write("vfc.yaml", text)
        client.wait_for("endpoint", "outbound|8801||vfc-vnflcm.onap.svc.cluster.local", lambda e: f"{POD_PREFIX}12.77:8801" in addresses(e))
        wait_for(lambda: plane.metrics()["pilot_proxy_convergence_time_count"] > 0, 30, "the change to be acknowledged")
        after = plane.metrics()
        assert after["pilot_proxy_convergence_time_sum"] > 0
        assert after['pilot_proxy_convergence_time_bucket{le="+Inf"}'] == after["pilot_proxy_convergence_time_count"]
        assert after["pilot_proxy_queue_time_count"] > before["pilot_proxy_queue_time_count"]
        assert after['pilot_push_triggers{type="endpoint"}'] == before['pilot_push_triggers{type="endpoint"}'] + 1
        assert after['pilot_push_triggers{type="config"}'] == before['pilot_push_triggers{type="config"}']
        assert after['pilot_k8s_reg_events{type="EndpointSlice",event="update"}'] > 0
        assert after['pilot_xds_pushes{type="eds"}'] > before['pilot_xds_pushes{type="eds"}']
        assert after['pilot_xds_push_time_count{type="eds"}'] == after['pilot_xds_pushes{type="eds"}']
        assert after['pilot_xds_config_size_bytes_count{type="eds"}'] == after['pilot_xds_pushes{type="eds"}']

        print("  a refusal is counted by type and by object")
        lab.write("ocata.yaml", timeout_rule("ocata", 3))
        wait_for(lambda: refusals(plane), 30, "the object to be known by name")
        metrics = plane.metrics()
        assert metrics["pilot_xds_cds_reject"] > 0
        assert metrics['pilot_total_xds_rejects{type="cds"}'] == metrics["pilot_xds_cds_reject"]
        assert metrics["pilot_xds_lds_reject"] == 0
        [label] = refusals(plane)
        assert 'kind="DestinationRule"' in label and 'name="ocata"' in label
        require_same({**names["Istio's names"], **names["Our own"]}, exported(plane))
    finally:
        client.close()


def refusals(plane):
    """The objects that have a series of their own for refusals or quarantine."""
    return {name[name.index("{") :] for name in plane.metrics() if re.match(r"fairway_object_(refusing_proxies|quarantined)\{", name)}


def test_of_a_cluster(lab):
    api = lab.api_server()
    lab.apply_base()
    plane = lab.kubernetes_control_plane(insecure=True)
    names = documented()
    require_same({name: each for section in SECTIONS for name, each in names[section].items()}, exported(plane))
    metrics = plane.metrics()
    assert metrics['pilot_k8s_reg_events{type="Services",event="add"}'] >= len(lab.services)
    for kind in ("Service", "VirtualService", "Gateway"):
        assert metrics[f'fairway_feed_healthy{{kind="{kind}"}}'] == 1, kind
    assert metrics['fairway_feed_last_sign_timestamp_seconds{kind="Service"}'] > 0

    print("  watches tell what changed, by kind")
    rule = {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "VirtualService",
        "metadata": {"name": "counted", "namespace": "onap"},
        "spec": {"hosts": ["counted.example"], "http": [{"route": [{"destination": {"host": "msb-iag"}}]}]},
    }
    where = "/apis/networking.istio.io/v1beta1/namespaces/onap/virtualservices"
    api.do("POST", where, rule)

    def events(event):
        return plane.metrics()[f'pilot_k8s_cfg_events{{type="VirtualService",event="{event}"}}']

    added, deleted = metrics['pilot_k8s_cfg_events{type="VirtualService",event="add"}'], events("delete")
    wait_for(lambda: events("add") == added + 1, 30, "the addition")
    api.do("DELETE", f"{where}/counted")
    wait_for(lambda: events("delete") == deleted + 1, 30, "the removal")
    [feed] = [f for f in plane.debug("feeds") if f["kind"] == "VirtualService"]
    assert feed["lastChange"] and feed["lastSign"] and not feed["problem"]
    kinds = [f["kind"] for f in plane.debug("feeds")]
    assert "Gateway" in kinds and "Gateway.gateway.networking.k8s.io" in kinds and len(kinds) == len(set(kinds))


def test_debug_pages(lab):
    """Each page for a person and for a program; nothing from elsewhere, and nothing that runs."""
    plane = lab.folder_control_plane(insecure=True)
    lab.write(
        "bad.yaml",
        "apiVersion: networking.istio.io/v1beta1\nkind: VirtualService\nmetadata: {name: bad, namespace: onap}\n"
        "spec: {hosts: ['<script>alert(1)</script>'], http: [{route: [{destination: {host: x}}]}]}\n",
    )
    client = DeltaClient(plane.insecure, lab.workloads["msb-iag"]).subscribe_all()
    try:
        client.wait_for("endpoint", VIO, addresses)
        wait_for(lambda: any(n["object"].endswith("bad") or "bad" in n["object"] for n in plane.debug("notes")), 30, "the note")
        index = request(plane.admin, "/debug", timeout=30, headers={"accept": "text/html"})
        pages = re.findall(r'<a href="(/debug/[a-z]+)"', index.body)
        assert {"/debug/" + name for name in ("proxies", "push", "objects", "quarantine", "notes", "feeds")} <= set(pages)
        assert {"/debug/" + name for name in ("certificates", "sizes", "engine", "units")} <= set(pages)
        for page in pages:
            assert json.loads(request(plane.admin, page, timeout=30).body) is not None, page
            shown = request(plane.admin, page, timeout=30, headers={"accept": "text/html,*/*;q=0.8"})
            assert shown.status == 200, page
            if page in ("/debug/units", "/debug/logs"):  # for programs
                continue
            assert shown.headers["content-type"].startswith("text/html"), page
            assert "default-src 'none'" in shown.headers["content-security-policy"], page
            assert "<script" not in shown.body and "http://" not in shown.body and "https://" not in shown.body, page
        shown = request(plane.admin, "/debug/notes?filter=onap%2Fbad", timeout=30, headers={"accept": "text/html"}).body
        assert "&lt;script&gt;" in shown
        assert request(plane.admin, "/debug/proxies", host="evil.example", timeout=30).status == 403
        assert request(plane.admin, "/debug/style.css", timeout=30).headers["content-type"].startswith("text/css")
        [row] = [r for r in plane.debug("push") if r["type"] == "CDS"]
        assert row["proxies"] == 1 and row["held"] > 0 and row["refused"] == 0
        assert all(size["bytes"] >= 0 and size["proxies"] > 0 for size in plane.debug("sizes"))
        assert plane.debug("engine")["batches"]["worked"] > 0
    finally:
        client.close()
