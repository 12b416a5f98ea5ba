"""`fairway proxy-status` and `proxy-config` in a real cluster: everything is reached by the API server's port-forward."""

import json

from mesh import SYSTEM, echo_app
from processes import wait_for


def proxies(mesh):
    done = mesh.run_fairway("proxy-status", "-o", "json")
    assert done.returncode == 0, done.stderr
    return {entry["name"]: entry for entry in json.loads(done.stdout)}


def test_a_pod_and_its_replica(mesh):
    with mesh.namespace("shown") as ns:
        mesh.run(echo_app("web", ns))
        name = mesh.pod("web", ns)["metadata"]["name"]
        proxy = f"{name}.{ns}"
        wait_for(lambda: proxy in proxies(mesh), 60, lambda: f"{proxy} among {sorted(proxies(mesh))}")
        entry = proxies(mesh)[proxy]
        assert entry["istiod"] in mesh.cluster.pods("app=istiod", SYSTEM)
        assert entry["version"] == mesh.fairway("version").split()[1]
        assert entry["cluster"] == "Kubernetes"

        def equal():
            return mesh.run_fairway("proxy-status", proxy).returncode == 0

        wait_for(equal, 60, lambda: f"nothing to differ: {mesh.run_fairway('proxy-status', proxy).stdout}")

        host = f"web.{ns}.svc.cluster.local"
        for flags in ((proxy,), (name, "-n", ns), (proxy, "--sent")):
            clusters = json.loads(mesh.fairway("proxy-config", "clusters", *flags, "--fqdn", host, "-o", "json"))
            assert [c["name"] for c in clusters] == [f"outbound|8080||{host}"], flags
        [row] = mesh.fairway("pc", "endpoints", proxy, "--cluster", f"outbound|8080||{host}").splitlines()[1:]
        assert row.split()[:3] == [f"{mesh.pod('web', ns)['status']['podIP']}:8080", "HEALTHY", "OK"]
        secrets = mesh.fairway("pc", "secrets", proxy)
        assert "default" in secrets and "ROOTCA" in secrets
        assert "virtualInbound" in mesh.fairway("pc", "all", proxy, "-o", "yaml")


def test_what_is_not_there(mesh):
    missing = mesh.run_fairway("proxy-config", "clusters", "nobody.default")
    assert missing.returncode == 1 and "404" in missing.stderr
    unknown = mesh.run_fairway("proxy-status", "nobody.default")
    assert unknown.returncode == 1 and "is not connected" in unknown.stderr
    other = mesh.run_fairway("proxy-status", "-i", "default")
    assert other.returncode == 1 and "no control plane" in other.stderr
