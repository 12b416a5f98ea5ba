"""What breaks in a cluster: nothing is lost, nobody gets in, and the control plane catches up."""

import signal

import pytest
import yaml

import story
import workloads as onap
from harness.apiserver import READER_RULES
from harness.lab import CRDS, Traffic
from harness.network import POD_PREFIX
from harness.rules import VIO
from harness.xds import DeltaClient, addresses
from processes import request, wait_for

IAG = "outbound|80||msb-iag.onap.svc.cluster.local"


def apply_steps(lab, count):
    for step in story.STEPS[:count]:
        lab.api.apply(onap.step_text(step.file, POD_PREFIX))


def feed(lab, kind):
    [found] = [f for f in lab.control_plane.debug("feeds") if f["kind"] == kind]
    return found


def crd_file(kind):
    for path in sorted(CRDS.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if document and document["spec"]["names"]["kind"] == kind and "v1alpha3" in path.read_text(encoding="utf-8"):
                return path
    raise AssertionError(f"no CRD of kind {kind} in {CRDS}")


def test_api_server_killed_and_restarted(lab):
    lab.api_server()
    lab.apply_base()
    lab.kubernetes_control_plane()
    lab.start_mesh()
    apply_steps(lab, 4)
    lab.wait_probe(story.SWAGGER_200)
    with Traffic(lab.world, story.SWAGGER_200) as traffic:
        traffic.wait_more(50)
        print("  kill -9 of the API server")
        lab.api.kill()
        wait_for(lambda: feed(lab, "Service")["problem"], 60, "the control plane to notice")
        traffic.wait_more(200)
        assert lab.control_plane.ready(), "a control plane that has synced stays ready while the API server is away"
        print("  the API server is back")
        lab.api.start()
        wait_for(lambda: not feed(lab, "Service")["problem"], 90, lambda: f"a healthy feed: {feed(lab, 'Service')}")
        traffic.wait_more(50)
    traffic.require_none_lost()

    print("  changes count again")
    lab.api.kubectl("delete", "-n", "onap", "servicerolebinding.rbac.istio.io", "msb-uses-multicloud")
    lab.wait_probe(story.SWAGGER_403_SECOND, 90)


def test_control_plane_restarted_while_the_api_server_is_away(lab):
    """It serves from its snapshot; the real lists then take its place, and nothing is ever empty in between."""
    lab.api_server()
    lab.apply_base()
    lab.kubernetes_control_plane(insecure=True)
    lab.start_mesh()
    apply_steps(lab, 4)
    lab.wait_probe(story.SWAGGER_200)
    snapshot = lab.control_plane.state / "store.snapshot"
    wait_for(lambda: snapshot.exists() and b"msb-uses-multicloud" in snapshot.read_bytes(), 60, "a snapshot of step 4")
    assert snapshot.stat().st_mode & 0o777 == 0o600
    assert b"BEGIN" not in snapshot.read_bytes(), "a snapshot holds no keys"
    catalog = "outbound|8806||vfc-catalog.onap.svc.cluster.local"
    client = None
    try:
        with Traffic(lab.world, story.SWAGGER_200) as traffic:
            traffic.wait_more(50)
            print("  kill -9 of the API server and of the control plane, which comes back alone")
            lab.api.kill()
            lab.control_plane.kill()
            lab.control_plane.start(wait_ready=False)
            lab.control_plane.wait_ready()
            told = "serves from a snapshot of "
            assert told in request(lab.control_plane.admin, "/ready").body
            assert told in request(lab.control_plane.admin, "/debug").body
            assert told.removeprefix("serves ") in lab.control_plane.tail(500)
            assert lab.control_plane.metrics()["fairway_serving_snapshot"] == 1
            lab.wait_connected()
            client = DeltaClient(lab.control_plane.insecure, lab.workloads["multicloud-ocata"]).subscribe_all()
            client.wait_for("endpoint", VIO, addresses)
            client.wait_for("endpoint", catalog, addresses)
            traffic.wait_more(100)

            print("  the API server comes back, and something is deleted before the control plane sees it")
            lab.control_plane.signal(signal.SIGSTOP)
            lab.api.start()
            lab.api.kubectl("delete", "-n", "onap", "service", "vfc-catalog")
            lab.control_plane.signal(signal.SIGCONT)
            wait_for(lambda: lab.control_plane.metrics()["fairway_serving_snapshot"] == 0, 90, "the real lists")
            wait_for(lambda: catalog not in client.names("cluster"), 60, f"{catalog} to be removed")
            assert told not in request(lab.control_plane.admin, "/ready").body
            traffic.wait_more(50)
        traffic.require_none_lost()
        for type_, _, removed, _ in client.responses:
            assert VIO not in removed, f"{type_}: removed for a moment"
        assert addresses(client.get("endpoint", VIO))
    finally:
        if client:
            client.close()

    print("  changes count again")
    lab.wait_connected()
    lab.api.kubectl("delete", "-n", "onap", "servicerolebinding.rbac.istio.io", "msb-uses-multicloud")
    lab.wait_probe(story.SWAGGER_403_SECOND, 90)


def test_control_plane_killed_and_restarted(lab):
    """istio#25100: after a restart, clusters were sent with empty endpoints."""
    lab.api_server()
    lab.apply_base()
    lab.kubernetes_control_plane(insecure=True)
    lab.start_mesh()
    apply_steps(lab, 4)
    lab.wait_probe(story.SWAGGER_200)

    workload = lab.workloads["multicloud-ocata"]
    before = DeltaClient(lab.control_plane.insecure, workload).subscribe_all()
    before.wait_for("endpoint", VIO, addresses)
    before.wait_for("endpoint", IAG, addresses)
    before.wait_for("route", "9004")
    after = None
    try:
        with Traffic(lab.world, story.SWAGGER_200) as traffic:
            traffic.wait_more(50)
            print("  kill -9 of the control plane")
            lab.control_plane.kill()
            traffic.wait_more(200)
            lab.control_plane.start(wait_ready=False)
            print("  the control plane is back")
            after = DeltaClient(lab.control_plane.insecure, workload).subscribe_all(before)
            lab.control_plane.wait_ready()
            lab.wait_connected()
            traffic.wait_more(200)
        traffic.require_none_lost()
        # The versions are hashes of the content: of what the client has, nothing is sent again or taken away.
        wait_for(lambda: {"cluster", "listener", "endpoint"} <= {r[0] for r in after.responses}, 60, "answers")
        for type_, added, removed, _ in after.responses:
            if type_ in ("cluster", "endpoint", "listener"):
                assert (added, removed) == ([], []), f"{type_}: sent again: {added}, removed: {removed}"
        assert addresses(after.get("endpoint", VIO)) == addresses(before.get("endpoint", VIO))
    finally:
        for client in (before, after):
            if client:
                client.close()

    print("  changes count again")
    lab.api.kubectl("delete", "-n", "onap", "servicerolebinding.rbac.istio.io", "msb-uses-multicloud")
    lab.wait_probe(story.SWAGGER_403_SECOND)


def listed_by(lab):
    """How the control plane listed the kinds. Those of the Gateway API are not there, and it is ready without them."""
    return {f["listedBy"] for f in lab.control_plane.debug("feeds") if not f["absent"]}


def test_etcd_that_cannot_tell_its_progress(lab):
    """The API server accepts a streaming list and then says in the stream that it cannot: pages it is."""
    lab.api_server(etcd_progress=False)
    lab.apply_base()
    lab.kubernetes_control_plane(insecure=True)
    assert listed_by(lab) == {"pages"}
    assert not [f for f in lab.control_plane.debug("feeds") if f["problem"] and not f["absent"]]
    client = DeltaClient(lab.control_plane.insecure, lab.workloads["msb-iag"]).subscribe_all()
    try:
        client.wait_for("endpoint", VIO, addresses)
        lab.api.kubectl("delete", "-n", "onap", "endpointslice", "multicloud-vio-1")
        client.wait_for("endpoint", VIO, lambda e: not addresses(e))
    finally:
        client.close()


@pytest.mark.parametrize("lists", ["stream", "pages"])
def test_watch_too_old(lab, lists):
    """410 Gone: what happened meanwhile is found by a new list, removals included; the server streams lists or refuses to."""
    lab.api_server(watch_cache=False, watch_list=lists == "stream")
    lab.apply_base()
    lab.kubernetes_control_plane(insecure=True)
    client = DeltaClient(lab.control_plane.insecure, lab.workloads["msb-iag"]).subscribe_all()
    try:
        catalog = "outbound|8806||vfc-catalog.onap.svc.cluster.local"
        client.wait_for("endpoint", VIO, addresses)
        client.wait_for("endpoint", catalog, addresses)
        relists = feed(lab, "EndpointSlice")["relists"]
        assert listed_by(lab) == {lists}

        print("  the control plane stands still; its watches break, objects change, etcd forgets")
        lab.control_plane.signal(signal.SIGSTOP)
        lab.api.kill()
        lab.api.start()
        lab.api.kubectl("delete", "-n", "onap", "endpointslice", "multicloud-vio-1")
        lab.api.kubectl("delete", "-n", "onap", "service", "vfc-catalog")
        path = "/apis/discovery.k8s.io/v1/namespaces/onap/endpointslices/msb-iag-1"
        second = {"addresses": [POD_PREFIX + "2.9"], "conditions": {"ready": True}}
        first = lab.api.do("GET", path)["endpoints"][0]
        lab.api.do("PATCH", path, {"endpoints": [first, second]}, "application/merge-patch+json")
        lab.api.etcd.compact()
        lab.control_plane.signal(signal.SIGCONT)

        client.wait_for("endpoint", VIO, lambda e: not addresses(e), 90)
        client.wait_for("endpoint", IAG, lambda e: f"{POD_PREFIX}2.9:80" in addresses(e))
        wait_for(lambda: catalog not in client.names("cluster"), 60, f"{catalog} to be removed")
        assert feed(lab, "EndpointSlice")["relists"] > relists
        assert feed(lab, "EndpointSlice")["listedBy"] == lists
    finally:
        client.close()


def test_crd_installed_later(lab):
    crd = crd_file("VirtualService")
    lab.api_server(without_crds=(crd.name,))
    lab.apply_base()
    lab.kubernetes_control_plane(insecure=True)
    assert feed(lab, "VirtualService")["absent"]
    wait_for(lambda: "VirtualService" in lab.control_plane.tail(500), 30, "the log to name the kind")
    client = DeltaClient(lab.control_plane.insecure, lab.workloads["istio-ingressgateway"]).subscribe_all()
    try:
        lab.api.install_crds(CRDS)
        lab.api.apply(onap.step_text("1-gateway.yaml", POD_PREFIX))
        client.wait_for("route", "http.80", lambda route: IAG in str(route))
    finally:
        client.close()


def test_forbidden_kind(lab):
    """Without the right to read policies the control plane is not ready: it could not deny what must be denied."""
    rules = [dict(rule) for rule in READER_RULES]
    for rule in rules:
        rule["apiGroups"] = [g for g in rule["apiGroups"] if g != "rbac.istio.io"]
    lab.api_server(rules=[rule for rule in rules if rule["apiGroups"]])
    lab.apply_base()
    lab.kubernetes_control_plane(wait_ready=False)

    def told():
        answer = request(lab.control_plane.admin, "/ready")
        return answer.status == 503 and "ServiceRole" in answer.body and "forbidden" in answer.body.lower()

    wait_for(told, 60, lambda: f"/ready to tell what is forbidden: {request(lab.control_plane.admin, '/ready').body}")
    print("  the right is given")
    lab.api.allow_reader()
    lab.control_plane.wait_ready(90)
