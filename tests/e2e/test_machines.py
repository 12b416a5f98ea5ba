"""Machines outside the cluster that register themselves: a WorkloadGroup, agents with real Envoys, a real API server."""

import json
import subprocess

from harness.network import POD_PREFIX
from processes import Agent, Apps, Failed, binary, request, wait_for
from workloads import Workload

ENTRIES = "/apis/networking.istio.io/v1/namespaces/shop/workloadentries"
GROUPS = "/apis/networking.istio.io/v1/namespaces/shop/workloadgroups"
MERGE = "application/merge-patch+json"
HOST = "ledger.shop.internal"
PROXIED = {"security.istio.io/tlsMode": "istio"}  # and not the labels that the service and the policies ask for
MACHINE = Workload("ledger", "vm-1", "shop", "ledger", PROXIED, POD_PREFIX + "200.1", [8080])
CLIENT = Workload("client", "client", "shop", "client", PROXIED, POD_PREFIX + "201.1", [])
NAME = f"ledger-{MACHINE.ip}"
WORLD = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: ledger, namespace: shop}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: client, namespace: shop}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ledger, namespace: shop}
spec:
  hosts: [ledger.shop.internal]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  workloadSelector: {labels: {app: ledger}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: ledger, namespace: shop}
spec:
  selector: {matchLabels: {app: ledger}}
  mtls: {mode: STRICT}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ledger, namespace: shop}
spec:
  selector: {matchLabels: {app: ledger}}
  rules:
    - from: [{source: {principals: [cluster.local/ns/shop/sa/client]}}]
      to: [{operation: {notPaths: [/secret]}}]
"""
GROUP = """
apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: {name: ledger, namespace: shop}
spec:
  metadata: {labels: {app: ledger}, annotations: {owner: books}}
  template: {serviceAccount: ledger, ports: {http: 8080}, locality: r/z/s}
  probe: {httpGet: {path: /healthz, port: 8081}, periodSeconds: 1, failureThreshold: 1}
"""


def start_agent(lab, plane, workload, token, *extra):
    return lab.add(Agent(lab.directory / "agents" / workload.pod, workload, plane.xds, plane.root_file, token, extra))


def entry(lab, name=NAME):
    status, answer = lab.api.call("GET", f"{ENTRIES}/{name}")
    return answer if status == 200 else None


def annotations(lab):
    found = entry(lab)
    return found["metadata"]["annotations"] if found else {}


def healthy(lab):
    conditions = ((entry(lab) or {}).get("status") or {}).get("conditions", [])
    return next(((c["status"], c.get("message", "")) for c in conditions if c["type"] == "Healthy"), (None, ""))


def configure(lab):
    """What `fairway workload entry configure` writes for a machine of the group."""
    group, folder = lab.directory / "group.yaml", lab.directory / "vm"
    group.write_text(GROUP, encoding="utf-8")
    argv = [binary(), "workload", "entry", "configure", "-f", group, "-o", folder, "--kubeconfig", lab.api.admin, "--ingressIP", "127.0.0.1"]

    def configured():
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:  # the leader may not have written the roots yet
            assert "istio-ca-root-cert" in done.stderr, done.stderr
        return done.returncode == 0

    wait_for(configured, 60, "the files of a machine", pause=0.5)
    assert (folder / "hosts").read_text(encoding="utf-8") == "127.0.0.1 istiod.istio-system.svc\n"
    environment = dict(line.split("=", 1) for line in (folder / "cluster.env").read_text(encoding="utf-8").splitlines())
    assert environment["ISTIO_META_AUTO_REGISTER_GROUP"] == "'ledger'"
    assert environment["POD_NAMESPACE"] == "'shop'" and environment["SERVICE_ACCOUNT"] == "'ledger'"
    assert (folder / "istio-token").stat().st_mode & 0o777 == 0o600
    return folder


def says(process, text, seconds=30):
    wait_for(lambda: process.check() or text in process.log.read_text(encoding="utf-8"), seconds, f"{process.name} to say: {text}", pause=0.05)


def wait_answer(path, status, seconds=30):
    def ask():
        return request(f"{CLIENT.outbound}:80", path, host=HOST)

    wait_for(lambda: ask().status == status, seconds, lambda: f"{path} to answer {status}, not {ask()}", pause=0.05)


def test_a_machine_joins_and_leaves(lab):
    lab.api_server()
    lab.api.apply(WORLD)
    plane = lab.control_plane = lab.replica("a")
    lab.add(Apps(lab.directory / "app", [{"service": "ledger", "listen": [f"{MACHINE.app}:8080"]}]))
    health = lab.add(Apps(lab.directory / "health", [{"service": "health", "listen": [f"{MACHINE.app}:8081"]}]))
    folder = configure(lab)
    assert (folder / "root-cert.pem").read_text(encoding="ascii") == plane.root_file.read_text(encoding="ascii")
    start_agent(lab, plane, CLIENT, lab.token_of(CLIENT))

    print("  the agent is there before its group")
    agent = start_agent(lab, plane, MACHINE, folder / "istio-token", "--auto-register-group", "ledger")
    says(agent, "there is no WorkloadGroup shop/ledger")
    lab.api.apply(GROUP)
    made = wait_for(lambda: entry(lab), 30, "the WorkloadEntry", pause=0.05)
    group = lab.api.do("GET", f"{GROUPS}/ledger")
    assert made["spec"] == {
        **{"address": MACHINE.ip, "labels": {"app": "ledger"}, "locality": "r/z/s"},
        **{"ports": {"http": 8080}, "serviceAccount": "ledger"},
    }
    assert made["metadata"]["labels"] == {"app": "ledger"}
    told = made["metadata"]["annotations"]
    assert {key: told[key] for key in told if key != "istio.io/connectedAt"} == {
        "istio.io/autoRegistrationGroup": "ledger",
        "istio.io/workloadController": "a",
        "owner": "books",
        "proxy.istio.io/health-checks-enabled": "true",
    }
    assert [owner["uid"] for owner in made["metadata"]["ownerReferences"]] == [group["metadata"]["uid"]]

    print("  it is healthy: requests reach it, by mutual TLS, and the policies for its labels count")
    wait_for(lambda: healthy(lab)[0] == "True", 30, lambda: f"it to be healthy: {entry(lab)}", pause=0.05)
    wait_answer("/", 200)
    wait_answer("/secret", 403)

    print("  its probe fails, then passes again")
    health.stop()
    wait_for(lambda: healthy(lab)[0] == "False", 30, "it not to be healthy", pause=0.05)
    assert "connection refused" in healthy(lab)[1].lower(), healthy(lab)
    wait_answer("/", 503)
    health.start()
    wait_answer("/", 200)
    assert healthy(lab)[0] == "True"

    print("  somebody deletes the entry; the group changes")
    lab.api.do("DELETE", f"{ENTRIES}/{NAME}")
    wait_for(lambda: (entry(lab) or made)["metadata"]["uid"] != made["metadata"]["uid"], 30, "the entry to be back", pause=0.05)
    change = {"spec": {"metadata": {"labels": {"version": "v2"}}, "template": {"ports": None}}}
    lab.api.do("PATCH", f"{GROUPS}/ledger", change, MERGE)
    wait_for(lambda: entry(lab)["metadata"]["labels"].get("version") == "v2", 30, "the entry to follow its group", pause=0.05)
    assert "ports" not in entry(lab)["spec"]
    wait_for(lambda: healthy(lab)[0] == "True", 30, "it to be healthy still", pause=0.05)

    print("  the control plane is started anew: the machine comes back, and its entry stays")
    before = entry(lab)
    plane.stop()
    plane.start()
    wait_for(lambda: annotations(lab)["istio.io/connectedAt"] != told["istio.io/connectedAt"], 30, "the machine to be back", pause=0.05)
    wait_for(lambda: "istio.io/disconnectedAt" not in annotations(lab), 30, "the machine to be connected", pause=0.05)
    assert entry(lab)["metadata"]["uid"] == before["metadata"]["uid"]
    assert healthy(lab)[0] == "True"

    print("  the agent ends")
    agent.ask_to_stop()
    wait_for(lambda: "istio.io/disconnectedAt" in annotations(lab), 30, "the entry to say that the machine has gone", pause=0.05)
    wait_for(lambda: entry(lab) is None, 60, lambda: f"the entry to go: {json.dumps(entry(lab))}", pause=0.1)


def test_who_may_not(lab):
    lab.api_server()
    lab.api.apply(WORLD)
    lab.api.apply(GROUP)
    hand = {"metadata": {"name": NAME}, "spec": {"address": "10.30.200.9"}}
    lab.api.do("POST", ENTRIES, {"apiVersion": "networking.istio.io/v1", "kind": "WorkloadEntry", **hand})
    plane = lab.control_plane = lab.replica("a")

    print("  another service account")
    other = Workload("other", "vm-2", "shop", "client", PROXIED, POD_PREFIX + "202.1", [])
    agent = start_agent(lab, plane, other, lab.token_of(other), "--auto-register-group", "ledger")
    says(agent, "proved to be service account shop/client, but WorkloadGroup shop/ledger is for shop/ledger")

    print("  an entry that somebody wrote by hand is left alone; when it goes, the machine gets its own")
    agent = start_agent(lab, plane, MACHINE, lab.token_of(MACHINE), "--auto-register-group", "ledger")
    says(agent, f"WorkloadEntry shop/{NAME} is there already")
    assert entry(lab)["spec"]["address"] == "10.30.200.9"
    if entry(lab, f"ledger-{other.ip}") is not None:
        raise Failed("a machine with another service account was registered")
    lab.api.do("DELETE", f"{ENTRIES}/{NAME}")
    wait_for(lambda: (entry(lab) or hand)["spec"]["address"] == MACHINE.ip, 30, "the machine's own entry", pause=0.05)
