"""examples/hyperledger on a real cluster: pods injected offline, the Ingress of class istio, a look into a sidecar."""

import json
import subprocess

import pytest
import yaml

from conftest import ROOT
from processes import binary, wait_for

EXAMPLE = ROOT / "examples" / "hyperledger"
GATEWAY = "replicas=1,service.type=NodePort,service.nodePorts.http2=31380"


@pytest.fixture(scope="module")
def mesh(cluster):
    """The control plane and the ingress gateway."""
    wanted = ["--namespace", "istio-system", "--wait"]
    cluster.helm("install", "fairway-base", ROOT / "charts" / "fairway-base", *wanted, "--create-namespace")
    cluster.helm("install", "fairway", ROOT / "charts" / "fairway", *wanted)
    cluster.helm("install", "istio-ingressgateway", ROOT / "charts" / "gateway", *wanted, "--set", GATEWAY)
    yield cluster
    cluster.helm("uninstall", "istio-ingressgateway", "fairway", "fairway-base", *wanted)


def inject(name):
    """`fairway inject -f` of a file of the example: its objects."""
    argv = [binary(), "inject", "-f", str(EXAMPLE / name)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [o for o in yaml.safe_load_all(done.stdout) if o]


def workload(objects, kind):
    (found,) = [o for o in objects if o["kind"] == kind]
    return found


def test_a_deploymentconfig_gets_what_a_deployment_gets():
    config = workload(inject("composer-deploymentconfig.yaml"), "DeploymentConfig")
    deployment = workload(inject("composer.yaml"), "Deployment")
    original = yaml.safe_load((EXAMPLE / "composer-deploymentconfig.yaml").read_text(encoding="utf-8"))
    assert config["spec"]["triggers"] == original["spec"]["triggers"], "what it does not know stays as it is"
    pod = config["spec"]["template"]["spec"]
    names = [c["name"] for c in (*pod.get("initContainers", []), *pod["containers"])]
    assert {"istio-init", "istio-proxy", "composer"} == set(names)
    # The name of the workload's kind may be told apart in the metadata; the pods' containers may not.
    ours = deployment["spec"]["template"]["spec"]
    assert [c["image"] for c in pod["containers"]] == [c["image"] for c in ours["containers"]]


def test_the_document_s_example(mesh):
    mesh.apply((EXAMPLE / "namespace.yaml").read_text(encoding="utf-8"))
    try:
        for name in ("composer", "vp0", "membersrvc"):
            mesh.apply(yaml.safe_dump_all(inject(f"{name}.yaml")))
        for name in ("composer", "vp0", "membersrvc"):
            mesh.wait_ready(f"deployment/{name}", "hyperledger")
        mesh.apply((EXAMPLE / "ingress.yaml").read_text(encoding="utf-8"))

        def answer(path, status, text=""):
            seen = []

            def asked():
                seen[:] = [mesh.http(f"{mesh.node_ip}:31380", path)]
                return seen[0].status == status and text in seen[0].body

            wait_for(asked, 60, lambda: f"{path} to answer {status}; seen: {seen[0]} {seen[0].body[:300]}", pause=0.2)

        answer("/login", 200, "Hyperledger Composer")
        answer("/chain/blocks/0", 200, "stateHash")
        answer("/chain", 404)  # only what the Ingress names
        answer("/chain/blocks/0/x", 404)

        routes = sidecar_routes(mesh)
        assert any("composer.hyperledger" in domain for domain in routes), routes
        assert any("vp0.hyperledger" in domain for domain in routes), routes
    finally:
        mesh.kubectl("delete", "namespace", "hyperledger")


def sidecar_routes(mesh):
    """All domains in the routes of composer's sidecar, through kubectl port-forward as README.md says."""
    argv = [*mesh.space.prefix(), "kubectl", "port-forward", "-n", "hyperledger", "deployment/composer", "15000:15000"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=mesh.environment()) as forward:
        try:
            assert "Forwarding from" in forward.stdout.readline()
            dump = json.loads(mesh.http("127.0.0.1:15000", "/config_dump?resource=dynamic_route_configs").body)
        finally:
            forward.terminate()
    tables = [c["route_config"] for c in dump["configs"]]
    return {domain for table in tables for host in table.get("virtual_hosts", ()) for domain in host["domains"]}
