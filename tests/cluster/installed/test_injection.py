"""A label on a namespace puts its pods in the mesh; what each kind of pod needs then works."""

import json

import pytest

from mesh import TAG, echo_app
from processes import Failed, wait_for

STRICT = """
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: %s}
spec: {mtls: {mode: STRICT}}
"""


def names(pod, what):
    return [c["name"] for c in pod["spec"].get(what, [])]


def restarts(pod):
    status = pod["status"]
    return sum(s["restartCount"] for s in status["containerStatuses"] + status.get("initContainerStatuses", []))


def test_labelled_namespaces_and_no_others(mesh):
    with mesh.namespace("in") as inside, mesh.namespace("out", labels={"team": "x"}) as outside:
        mesh.run(echo_app("web", inside), echo_app("client", inside), echo_app("client", outside))
        pod = mesh.pod("web", inside)
        assert names(pod, "initContainers") == ["istio-init", "istio-proxy"]
        assert pod["spec"]["initContainers"][1]["restartPolicy"] == "Always"
        assert names(mesh.pod("client", outside), "initContainers") == []

        # What kubectl shows: both containers ready.
        row = mesh.cluster.kubectl("get", "pods", "-n", inside, "-l", "app=web", "--no-headers").split()
        assert row[1:3] == ["2/2", "Running"]

        # Between mesh pods the request is mutual TLS, with the client's identity; outside it is plain, and STRICT ends that.
        answer = mesh.fetch("client", inside, f"http://web.{inside}:8080/")
        seen = json.loads(answer["body"])["headers"]
        assert f"URI=spiffe://cluster.local/ns/{inside}/sa/client" in seen["x-forwarded-client-cert"]
        mesh.wait_status("client", outside, f"http://web.{inside}:8080/", 200)
        mesh.apply(STRICT % inside)
        mesh.wait_status("client", outside, f"http://web.{inside}:8080/", "error")
        mesh.wait_status("client", inside, f"http://web.{inside}:8080/", 200)


def probes(liveness):
    # A machine that is busy with other tests answers late; a probe that STRICT breaks is never answered.
    quick = {"periodSeconds": 1, "timeoutSeconds": 10, "failureThreshold": 3}
    kinds = {"startupProbe": {"failureThreshold": 60}, "livenessProbe": {}, "readinessProbe": {}}
    return {kind: {**liveness, **quick, **own} for kind, own in kinds.items()}


def test_probes_stay_enabled_under_strict(mesh):
    with mesh.namespace("probes") as ns:
        mesh.apply(STRICT % ns)
        hooks = {"lifecycle": {"preStop": {"httpGet": {"path": "/goodbye", "port": "http"}}}}
        apps = {
            "by-http": {**probes({"httpGet": {"path": "/alive", "port": "http"}}), **hooks},
            "by-tcp": probes({"tcpSocket": {"port": 8080}}),
            "by-command": probes({"exec": {"command": ["true"]}}),
        }
        mesh.run(*(echo_app(name, ns, probe=probe) for name, probe in apps.items()))
        # A probe that the application refuses still counts: the proxy passes the verdict on.
        sick = {"readinessProbe": {"httpGet": {"path": "/x?status=500", "port": "http"}, "periodSeconds": 1}}
        mesh.apply(*echo_app("sick", ns, probe=sick))

        def told():
            events = mesh.cluster.kubectl("get", "events", "-n", ns, "--field-selector", "reason=Unhealthy")
            return "statuscode: 500" in events

        wait_for(told, 90, "the kubelet to see the application's own 500")
        assert [restarts(mesh.pod(name, ns)) for name in apps] == [0, 0, 0]

        leaving = mesh.pod("by-http", ns)["metadata"]["name"]
        mesh.cluster.kubectl("delete", "pod", "-n", ns, leaving, "--timeout=120s")
        failed = mesh.cluster.kubectl("get", "events", "-n", ns, "--field-selector", f"reason=FailedPreStopHook,involvedObject.name={leaving}")
        assert not failed.strip(), failed


JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: %(ns)s}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: app
        image: localhost/fairway-echo:%(tag)s
        imagePullPolicy: Never
        command: [python3, /usr/local/lib/fairway/echo_pod.py, get, "http://web:8080/"]
"""


def test_a_job_reaches_the_mesh_and_finishes(mesh):
    with mesh.namespace("jobs") as ns:
        mesh.run(echo_app("web", ns))
        mesh.apply(STRICT % ns, JOB % {"ns": ns, "tag": TAG})
        mesh.cluster.kubectl("wait", "-n", ns, "--for=condition=Complete", "job/once", "--timeout=120s")
        pod = mesh.cluster.kubectl("get", "pods", "-n", ns, "-l", "job-name=once", "-o", "name").strip()
        assert json.loads(mesh.cluster.logs(pod, "-c", "app", namespace=ns))["status"] == 200


def test_the_old_walkthroughs_policy_disabled(mesh, restore_settings):
    mesh.install("injection.policy=disabled")
    with mesh.namespace("asking") as ns:
        asks = echo_app("asks", ns, annotations={"sidecar.istio.io/inject": "true"})
        mesh.run(asks, echo_app("silent", ns))
        assert names(mesh.pod("asks", ns), "initContainers") == ["istio-init", "istio-proxy"]
        assert names(mesh.pod("silent", ns), "initContainers") == []


@pytest.mark.parametrize(
    ("annotations", "told"),
    [
        ({"traffic.sidecar.istio.io/excludeInboundPorts": "80a"}, "traffic.sidecar.istio.io/excludeInboundPorts"),
        ({"inject.istio.io/templates": "nothing-of-that-name"}, "nothing-of-that-name"),
    ],
)
def test_a_mistake_on_a_pod_is_told_where_its_author_looks(mesh, annotations, told):
    with mesh.namespace("mistakes") as ns:
        mesh.apply(*echo_app("wrong", ns, annotations=annotations))

        def event():
            return told in mesh.cluster.kubectl("get", "events", "-n", ns, "-o", "jsonpath={.items[*].message}")

        wait_for(event, 60, lambda: f"an event that names {told}; there is {mesh.cluster.describe(ns)}")
        mesh.run(echo_app("right", ns))  # nobody else suffers


def test_offline_gives_what_the_webhook_gives(mesh):
    """The same containers come from `fairway inject -f` and from the API server."""
    with mesh.namespace("online") as ns, mesh.namespace("offline", labels={}) as plain:
        mesh.run(echo_app("web", ns))
        settings = mesh.cluster.kubectl(
            "get", "configmap", "-n", "istio-system", "istio-sidecar-injector", "-o", r"jsonpath={.data.config\.yaml}"
        )
        manifest = mesh.fairway("inject", "-f", "-", text=mesh.dump(echo_app("web", plain)), settings=settings)
        mesh.apply(manifest)
        mesh.cluster.wait_ready("deployment/web", plain)
        online, offline = mesh.pod("web", ns), mesh.pod("web", plain)
        for pod in (online, offline):
            for container in pod["spec"]["initContainers"] + pod["spec"]["containers"]:
                container["volumeMounts"] = [m for m in container["volumeMounts"] if "kube-api-access" not in m["name"]]
        replaced = json.loads(json.dumps(offline["spec"]["initContainers"]).replace(plain, ns))
        assert replaced == online["spec"]["initContainers"]


def test_a_pod_with_host_network_is_left_alone(mesh):
    with mesh.namespace("host") as ns:
        objects = echo_app("agent", ns, port=18080)
        objects[-1]["spec"]["template"]["spec"]["hostNetwork"] = True
        mesh.run(objects)
        assert names(mesh.pod("agent", ns), "initContainers") == []
        with pytest.raises(Failed):
            mesh.cluster.exec_in_pod(mesh.pod("agent", ns)["metadata"]["name"], "true", namespace=ns, container="istio-proxy")
