"""Two control planes side by side, a tag that moves, and pods that go over by a restart, without a lost request."""

import json
import re

from mesh import ROOT, SYSTEM, echo_app
from processes import wait_for

CHART = ROOT / "charts" / "fairway"
NEVER = ("--set", "global.imagePullPolicy=Never", "--set", "replicas=1", "-n", SYSTEM, "--wait", "--timeout", "180s")


def served_by(mesh, app, namespace):
    """The control plane that a pod's sidecar was injected to talk to."""
    pod = mesh.pod(app, namespace)
    [proxy] = [c for c in pod["spec"]["initContainers"] if c["name"] == "istio-proxy"]
    return re.search(r"([a-z-]+)\.istio-system\.svc:15012", json.dumps(proxy)).group(1)


def test_a_canary_revision_takes_over_by_its_tag(mesh):
    mesh.cluster.helm("install", "fairway-canary", CHART, "--set", "revision=canary", *NEVER)
    try:
        with mesh.namespace("old") as stays, mesh.namespace("tagged", labels={"istio.io/rev": "prod"}) as ns:
            mesh.cluster.helm("upgrade", "fairway", CHART, "--reuse-values", "--set", "revisionTags={prod}", *NEVER)
            mesh.run(echo_app("web", ns), echo_app("client", stays))
            assert served_by(mesh, "web", ns) == "istiod"
            # A request from one revision's pods to the other's is mutual TLS: both have one root.
            mesh.apply(STRICT % ns)
            mesh.wait_status("client", stays, f"http://web.{ns}:8080/", 200)
            with mesh.load("client", stays, f"http://web.{ns}:8080/") as load:
                load.wait_sent(200)
                mesh.cluster.helm("upgrade", "fairway-canary", CHART, "--reuse-values", "--set", "revisionTags={prod}", *NEVER)
                mesh.cluster.helm("upgrade", "fairway", CHART, "--reuse-values", "--set-json", "revisionTags=[]", *NEVER)
                mesh.cluster.kubectl("rollout", "restart", "-n", ns, "deployment/web")
                mesh.cluster.wait_ready("deployment/web", ns)
                load.wait_sent(200)
                load.require_none_lost()
            wait_for(lambda: served_by(mesh, "web", ns) == "istiod-canary", 60, "the pod to be of the canary revision")
            mesh.wait_status("client", stays, f"http://web.{ns}:8080/", 200)
    finally:
        mesh.cluster.helm("uninstall", "fairway-canary", "-n", SYSTEM, "--wait")
        mesh.install()


STRICT = """
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: %s}
spec: {mtls: {mode: STRICT}}
"""


def test_the_charts_own_test(mesh):
    """`helm test`, with the images that users get."""
    answer = mesh.cluster.helm("test", "fairway", "-n", SYSTEM, "--timeout", "120s")
    assert "Phase:          Succeeded" in answer, answer
