"""`fairway check` in a real cluster: silent when all is well, and naming what was broken."""

import json

from mesh import SYSTEM, echo_app
from processes import wait_for


def findings(mesh, *arguments):
    """{code: finding} and the exit code."""
    done = mesh.run_fairway("check", "-o", "json", *arguments)
    assert done.returncode in (0, 79), done.stderr
    return {f["code"]: f for f in json.loads(done.stdout)["findings"]}, done.returncode


def test_an_installation_in_order(mesh):
    with mesh.namespace("fine") as ns:
        mesh.run(echo_app("web", ns))
        wait_for(lambda: findings(mesh)[1] == 0, 60, lambda: f"no findings; there are {findings(mesh)}")
        assert "No findings" in mesh.run_fairway("check", "-n", ns).stdout


def test_a_pod_older_than_the_label(mesh):
    with mesh.namespace("late", labels={}) as ns:
        mesh.run(echo_app("web", ns))
        mesh.cluster.kubectl("label", "namespace", ns, "istio-injection=enabled")
        found, code = findings(mesh, "-n", ns)
        assert code == 79
        assert found["FW0108"]["fix"] == f"kubectl -n {ns} rollout restart deployment web"
        mesh.cluster.kubectl("-n", ns, "rollout", "restart", "deployment", "web")
        mesh.cluster.wait_ready("deployment/web", ns)
        wait_for(lambda: "FW0108" not in findings(mesh, "-n", ns)[0], 60, "the finding to be gone")


def test_a_control_plane_that_is_not_there(mesh):
    found, code = findings(mesh, "--revision", "nothing")
    assert code == 79
    assert found["FW0101"]["object"] == f"Deployment {SYSTEM}/fairway-nothing"


def test_a_namespace_whose_pod_security_forbids_the_sidecar(mesh):
    labels = {"istio-injection": "enabled", "pod-security.kubernetes.io/enforce": "restricted"}
    with mesh.namespace("restricted", labels=labels) as ns:
        found, _ = findings(mesh)
        assert found["FW0006"]["object"] == f"Namespace {ns}"


def test_before_an_installation(mesh):
    found, _ = findings(mesh, "--pre")
    assert not [f for f in found.values() if f["severity"] == "error"], found
