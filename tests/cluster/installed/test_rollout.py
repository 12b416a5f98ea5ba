"""Nothing is lost while things change: the control plane rolls, its leader dies, an application rolls or shrinks."""

from mesh import SYSTEM, echo_app
from processes import wait_for

MANY = 1500  # requests during each change; `make bench-cluster` sends 20,000


def test_the_control_plane_rolls(mesh, restore_settings):
    mesh.install(replicas=2)
    with mesh.namespace("steady") as ns:
        mesh.run(echo_app("web", ns, replicas=2), echo_app("client", ns))
        with mesh.load("client", ns, f"http://web.{ns}:8080/") as load:
            load.wait_sent(200)
            mesh.cluster.kubectl("rollout", "restart", "-n", SYSTEM, "deployment/fairway")
            mesh.cluster.wait_ready("deployment/fairway", SYSTEM)
            load.wait_sent(MANY)
            load.require_none_lost()
        # The new replicas serve: a change still arrives.
        mesh.apply(DENY % ns)
        mesh.wait_status("client", ns, f"http://web.{ns}:8080/", 403)


DENY = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: nobody, namespace: %s}
spec: {}
"""


def test_the_leader_dies(mesh, restore_settings):
    mesh.install(replicas=2)

    def leader():
        lease = mesh.cluster.get(f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/fairway-leader")
        return lease["spec"].get("holderIdentity", "")

    # Not one that has gone in the roll before.
    wait_for(lambda: leader() in mesh.cluster.pods("app=istiod", SYSTEM), 60, lambda: f"a leader that lives, not {leader()}")
    first = leader()
    mesh.cluster.kubectl("delete", "pod", "-n", SYSTEM, first, "--grace-period=0", "--force")
    wait_for(lambda: leader() not in ("", first), 90, lambda: f"another leader than {first}; it is {leader()}")
    with mesh.namespace("after") as ns:  # written by the new one

        def published():
            return mesh.cluster.call("GET", f"/api/v1/namespaces/{ns}/configmaps/istio-ca-root-cert")[0] == 200

        wait_for(published, 60, "the root certificate in a new namespace")


def test_an_application_rolls_and_shrinks(mesh):
    with mesh.namespace("rolling") as ns:
        mesh.run(echo_app("web", ns, replicas=3), echo_app("client", ns))
        with mesh.load("client", ns, f"http://web.{ns}:8080/") as load:
            load.wait_sent(200)
            mesh.cluster.kubectl("rollout", "restart", "-n", ns, "deployment/web")
            mesh.cluster.wait_ready("deployment/web", ns)
            load.wait_sent(MANY)
            mesh.cluster.kubectl("scale", "-n", ns, "deployment/web", "--replicas=1")
            wait_for(lambda: len(mesh.cluster.pods("app=web", ns)) == 1, 90, "one pod to be left")
            load.wait_sent(MANY)
            load.require_none_lost()


def test_a_long_request_outlives_its_pods_deletion(mesh):
    with mesh.namespace("long") as ns:
        mesh.run(echo_app("web", ns, env={"DRAIN_SECONDS": "0"}), echo_app("client", ns))
        pod = mesh.pod("web", ns)["metadata"]["name"]
        with mesh.background(mesh.fetch, "client", ns, f"http://web.{ns}:8080/?delay=8") as answer:
            wait_for(lambda: mesh.requests_under_way(pod, ns) > 0, 30, "the request to be under way")
            mesh.cluster.kubectl("delete", "pod", "-n", ns, pod, "--wait=false")
            assert answer()["status"] == 200
