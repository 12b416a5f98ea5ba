"""The example's story against a real API server: objects applied, changed and deleted with kubectl, real Envoys."""

import yaml

import story
import workloads as onap
from harness import ROOT
from harness.network import POD_PREFIX
from processes import Failed, request, wait_for


def apply_step(lab, step):
    """kubectl apply; a step that takes the place of an earlier one also deletes what only that one had."""
    gone = story.superseded(step)
    if gone:
        lab.api.delete(yaml.safe_dump_all(gone))
    lab.api.apply(onap.step_text(step.file, POD_PREFIX))


def start(lab):
    lab.api_server()
    lab.apply_base()
    lab.kubernetes_control_plane()
    lab.start_mesh()


def test_story_with_kubectl(lab):
    start(lab)
    lab.play(lambda step: apply_step(lab, step))

    print("  deleting the role's binding closes the second hop again")
    binding = ("-n", "onap", "servicerolebinding.rbac.istio.io", "msb-uses-multicloud")
    lab.api.kubectl("delete", *binding)
    lab.wait_probe(story.SWAGGER_403_SECOND)
    lab.api.apply(onap.step_text("4-msb-role.yaml", POD_PREFIX))
    lab.wait_probe(story.SWAGGER_200)

    print("  a changed object: the portal moves")
    moved = onap.step_text("1-gateway.yaml", POD_PREFIX).replace("exact: /msb}", "exact: /portal}")
    lab.api.apply(moved)
    lab.wait_probe(story.Probe("browser: /msb", "gateway", "/msb", "404", 404))

    print("  deleting the Gateway closes its port")
    lab.api.kubectl("delete", "-n", "onap", "gateways.networking.istio.io", "msb-gateway")
    lab.wait_probe(story.Probe("browser: /msb", "gateway", "/msb", "connection refused", None))


def test_endpoints_follow_the_api_server(lab):
    start(lab)
    for step in story.STEPS[:1]:
        apply_step(lab, step)
    lab.wait_probe(story.SWAGGER_200)

    path = "/apis/discovery.k8s.io/v1/namespaces/onap/endpointslices/multicloud-vio-1"
    merge = "application/merge-patch+json"
    slice_ = lab.api.do("GET", path)
    for ready, expected in ((False, 503), (True, 200)):
        print(f"  endpoint ready: {ready}")
        endpoint = dict(slice_["endpoints"][0], conditions={"ready": ready, "serving": ready, "terminating": False})
        lab.api.do("PATCH", path, {"endpoints": [endpoint]}, merge)
        lab.wait_probe(story.Probe("API", "gateway", story.SWAGGER, str(expected), expected))

    print("  EndpointSlice deleted, then there again")
    lab.api.kubectl("delete", "-n", "onap", "endpointslice", "multicloud-vio-1")
    lab.wait_probe(story.Probe("API", "gateway", story.SWAGGER, "503", 503))
    lab.api.apply(onap.manifests("base", POD_PREFIX)["multicloud.yaml"])
    lab.wait_probe(story.SWAGGER_200)


def test_objects_the_schema_refuses(lab):
    """A wrong type never reaches the control plane: the CRDs' schemas refuse it, and name the field."""
    lab.api_server()
    bad = yaml.safe_load(onap.step_text("2-rbac-on.yaml"))
    bad["spec"]["inclusion"]["namespaces"] = "onap"
    bad["metadata"]["namespace"] = "default"
    try:
        lab.api.apply(yaml.safe_dump(bad))
    except Failed as refused:
        assert "spec.inclusion.namespaces" in str(refused)
    else:
        raise AssertionError("the API server took a text where a list must be")
    assert (ROOT / "crds").is_dir()
    listed = lab.api.kubectl("api-resources", "--api-group=rbac.istio.io", "-o", "name").split()
    assert {"serviceroles.rbac.istio.io", "servicerolebindings.rbac.istio.io"} <= set(listed)


def test_two_instances_side_by_side(lab):
    """Two control planes on one API server serve the same, at the same versions."""
    from harness.xds import DeltaClient
    from processes import ControlPlane

    lab.api_server()
    lab.apply_base()
    lab.api.apply(onap.step_text("1-gateway.yaml", POD_PREFIX))
    source = ["--kubeconfig", str(lab.api.reader)]
    clients = []
    for name in ("first", "second"):
        plane = lab.add(ControlPlane(lab.directory / name, source, name=f"{name} control plane", insecure=True))
        assert request(plane.admin, "/ready").status == 200
        clients.append(DeltaClient(plane.insecure, lab.workloads["msb-iag"]).subscribe_all())
    try:
        types = ("cluster", "endpoint", "listener", "route")
        clusters = {f"outbound|{onap.http_port(s)}||{n}.{s['metadata']['namespace']}.svc.cluster.local" for n, s in lab.services.items()}

        def equal():
            return all(clusters <= c.names("cluster") and clusters <= c.names("endpoint") for c in clients) and all(
                clients[0].versions(t) == clients[1].versions(t) for t in types
            )

        wait_for(equal, 60, lambda: f"equal versions: {[{t: len(c.versions(t)) for t in types} for c in clients]}")
    finally:
        for client in clients:
            client.close()
