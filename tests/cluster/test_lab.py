"""The lab itself: what a cluster must do, and that nothing of it stays."""

import contextlib
import ipaddress
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest

import space
from cluster import Cluster
from processes import Failed, wait_for
from space import CGROUPS, LABS, Space, all_spaces, alive, identity, members, sweep

ECHO = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: echo}
spec:
  replicas: 2
  selector: {matchLabels: {app: echo}}
  template:
    metadata: {labels: {app: echo}}
    spec:
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      terminationGracePeriodSeconds: 30
      containers:
        - name: echo
          image: localhost/fairway-echo:0.1.0
          env: [{name: NAME, value: echo}]
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
          readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: echo}
spec:
  type: NodePort
  selector: {app: echo}
  ports: [{port: 80, targetPort: 8080, nodePort: 30080}]
"""
SERVICE = {"apiVersion": "v1", "kind": "Service"}
CLIENT = "/usr/local/lib/fairway/echo_pod.py"


def left_of(name, directory, processes):
    """What a lab that was ended has left on the machine."""
    left = [f"process {p['pid']}" for p in processes if alive(p)]
    mounts = pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    left += [f"mount {line}" for line in mounts if str(directory) in line or f"fairway-lab/{name}" in line]
    left += [str(p) for p in (directory, LABS / name, LABS / f".{name}.lock") if p.exists()]
    return left + [str(p) for p in CGROUPS.glob(f"**/fairway-lab-{name}")]


def test_pods_and_services(cluster, namespace):
    cluster.kubectl("apply", "-n", namespace, "-f", "-", text=ECHO)
    cluster.wait_ready("deployment/echo", namespace)
    pods = cluster.pods("app=echo", namespace)
    assert len(pods) == 2

    print("  a pod resolves and reaches a service, by its short and its full name")
    urls = [f"http://echo{rest}/" for rest in ("", f".{namespace}", f".{namespace}.svc.cluster.local")]


    def statuses():
        lines = cluster.exec_in_pod(pods[0], "python3", CLIENT, "get", *urls, namespace=namespace).splitlines()
        return [json.loads(line).get("status") for line in lines]

    wait_for(lambda: statuses() == [200] * 3, 30, statuses, pause=0.2)
    unknown = cluster.exec_in_pod(pods[0], "python3", CLIENT, "get", "http://nobody/", namespace=namespace)
    assert "gaierror" in json.loads(unknown)["error"]

    print("  the service balances, on the node port, its own address and through a port-forward")
    address = cluster.get(f"/api/v1/namespaces/{namespace}/services/echo")["spec"]["clusterIP"]
    for target in (f"{cluster.node_ip}:30080", f"{address}:80"):
        wait_for(lambda t=target: both_answer(cluster, t, pods), 30, f"both pods to answer at {target}")
    assert forwarded(cluster, namespace) == 200

    print("  logs, and the exit status of a command")
    assert "ready" in cluster.logs(pods[0], namespace=namespace)
    assert cluster.exec_in_pod(pods[0], "sh", "-c", "id -u", namespace=namespace).strip() == "65532"
    with pytest.raises(Failed, match="exit code 3"):
        cluster.exec_in_pod(pods[0], "sh", "-c", "exit 3", namespace=namespace)


def both_answer(cluster, address, pods):
    answers = [cluster.http(address) for _ in range(20)]
    return {json.loads(a.body)["pod"] for a in answers if a.status == 200} == set(pods)


def forwarded(cluster, namespace):
    """The status of a request through kubectl port-forward."""
    argv = [*cluster.space.prefix(), "kubectl", "port-forward", "-n", namespace, "service/echo", "18080:80"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=cluster.environment()) as forward:
        try:
            assert "Forwarding from" in forward.stdout.readline()
            return cluster.http("127.0.0.1:18080").status
        finally:
            forward.terminate()


def test_echo_ends_gracefully(cluster, namespace):
    """A request under way when its pod is deleted is answered."""
    drain = "env: [{name: DRAIN_SECONDS, value: '2'}, "
    text = ECHO.replace("  type: NodePort\n", "").replace(", nodePort: 30080", "").replace("env: [", drain)
    cluster.kubectl("apply", "-n", namespace, "-f", "-", text=text)
    cluster.wait_ready("deployment/echo", namespace)
    [pod, _] = cluster.pods("app=echo", namespace)
    address = cluster.get(f"/api/v1/namespaces/{namespace}/pods/{pod}")["status"]["podIP"] + ":8080"
    answers = []
    client = threading.Thread(target=lambda: answers.append(cluster.http(address, "/?delay=4", timeout=30)))
    client.start()
    cluster.kubectl("delete", "pod", pod, "-n", namespace, "--wait=false")
    client.join()
    # It stopped to accept after 2 seconds of those 4.
    assert [answer.status for answer in answers] == [200], answers[0].error
    wait_for(lambda: cluster.http(address).status is None, 30, "the pod to be gone")


def test_load_balancers(cluster, namespace):
    """A service of type LoadBalancer has the lowest free address, or the one it asks for; the node and pods reach it."""
    cluster.kubectl("apply", "-n", namespace, "-f", "-", text=ECHO.replace("NodePort", "LoadBalancer").replace(", nodePort: 30080", ""))
    cluster.wait_ready("deployment/echo", namespace)
    pods = cluster.pods("app=echo", namespace)
    address = balanced(cluster, namespace, "echo")
    assert ipaddress.ip_address(address) in ipaddress.ip_network("10.77.1.0/24")
    wait_for(lambda: both_answer(cluster, f"{address}:80", pods), 30, f"both pods to answer at {address}")
    seen = cluster.exec_in_pod(pods[0], "python3", CLIENT, "get", f"http://{address}/", namespace=namespace)
    assert json.loads(seen).get("status") == 200, seen

    print("  an address that is asked for, one that another has, one of nobody's")
    asks = {"wish": "10.77.1.99", "taken": "10.77.1.99", "far": "10.78.0.1"}
    for name, wish in asks.items():
        service = {"type": "LoadBalancer", "loadBalancerIP": wish, "selector": {"app": "echo"}, "ports": [{"port": 80, "targetPort": 8080}]}
        cluster.apply(json.dumps({**SERVICE, "metadata": {"name": name, "namespace": namespace}, "spec": service}))
        if name == "wish":
            assert balanced(cluster, namespace, name) == wish
    service = {"type": "LoadBalancer", "selector": {"app": "echo"}, "ports": [{"port": 80, "targetPort": 8080}]}
    cluster.apply(json.dumps({**SERVICE, "metadata": {"name": "later", "namespace": namespace}, "spec": service}))
    assert balanced(cluster, namespace, "later") not in (address, "10.77.1.99")
    assert [ingress(cluster, namespace, name) for name in ("taken", "far")] == [[], []]

    print("  what is free again is given to who waits for it, and a service that is none any more has none")
    cluster.kubectl("delete", "service", "wish", "-n", namespace)
    assert balanced(cluster, namespace, "taken") == "10.77.1.99"
    cluster.kubectl("patch", "service", "echo", "-n", namespace, "-p", '{"spec": {"type": "ClusterIP"}}')
    wait_for(lambda: not ingress(cluster, namespace, "echo"), 30, "the address to be taken back")


def ingress(cluster, namespace, name):
    service = cluster.get(f"/api/v1/namespaces/{namespace}/services/{name}")
    return [entry["ip"] for entry in service["status"]["loadBalancer"].get("ingress", [])]


def balanced(cluster, namespace, name):
    """The address of a service of type LoadBalancer, as soon as it has one."""
    [address] = wait_for(lambda: ingress(cluster, namespace, name), 30, f"an address for {name}")
    return address


def test_both_address_families(archives):
    """A dual-stack lab: pods have both addresses, and a service is reached by both."""
    with Cluster(f"both-{os.getpid()}", load=False, ipv6=True) as lab:
        lab.load_image(archives["fairway-echo"])
        service = "  type: LoadBalancer\n  ipFamilyPolicy: RequireDualStack\n"
        lab.apply(ECHO.replace("  type: NodePort\n", service).replace(", nodePort: 30080", ""))
        lab.wait_ready("deployment/echo")
        [pod, _] = lab.pods("app=echo")
        assert [":" in ip["ip"] for ip in lab.get(f"/api/v1/namespaces/default/pods/{pod}")["status"]["podIPs"]] == [False, True]
        given = wait_for(lambda: ingress(lab, "default", "echo"), 30, "addresses for the service")
        assert [":" in ip for ip in given] == [False, True]
        for address in lab.get("/api/v1/namespaces/default/services/echo")["spec"]["clusterIPs"] + given:
            url = f"http://[{address}]/" if ":" in address else f"http://{address}/"
            # The first requests may come before kube-proxy has heard of the endpoints.
            answer = wait_for(lambda u=url: answered(lab, pod, u), 30, f"an answer from {url}", pause=0.2)
            assert (":" in answer["client"]) == (":" in address), answer


def answered(cluster, pod, url):
    """What echo saw of a request from a pod, None if there was no answer."""
    answer = json.loads(cluster.exec_in_pod(pod, "python3", CLIENT, "get", url))
    return json.loads(answer["body"]) if answer.get("status") == 200 else None


def test_a_program_that_crashed_comes_back(cluster):
    for name in ("kubelet", "api-server"):
        program = cluster.program(name)
        program.kill()
        assert not program.alive()
        with pytest.raises(Failed, match=f"{name} ended"):
            program.check()
        program.start()
    wait_for(lambda: cluster.call("GET", "/readyz")[0] == 200, 120, lambda: program.tail())


def test_twice_and_side_by_side(cluster):
    """The same name twice in a row, beside another lab with the same addresses."""
    cluster.kubectl("create", "configmap", "only-here", "-n", "default")
    name = f"again-{os.getpid()}"
    for _ in range(2):
        with Cluster(name, load=False) as other:
            directory = other.directory
            processes = [identity(pid) for pid in members(other.space.pid)] + list(other.space.state["processes"].values())
            assert len(processes) > 18  # its first process, nine programs and who started each
            with pytest.raises(Failed, match="not found"):
                other.kubectl("get", "configmap", "only-here", "-n", "default")
        assert not left_of(name, directory, processes)
        assert not other.running
        other.stop()  # nothing to end: no mistake
    assert cluster.call("GET", "/readyz")[0] == 200
    cluster.kubectl("delete", "configmap", "only-here", "-n", "default")


@pytest.mark.parametrize("moment", ["made", "api-server"])
def test_nothing_stays_when_the_owner_is_killed(moment):
    """kill -9 of who starts a lab, at once and when programs run: the next start of any lab cleans up."""
    name = f"lost-{moment}-{os.getpid()}"
    path = str(pathlib.Path(space.__file__).parent)
    code = f"import sys; sys.path.insert(0, {path!r}); from cluster import Cluster; Cluster({name!r}).__enter__()"
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as owner:
        lab = Space(name)

        def reached():
            assert owner.poll() is None
            with contextlib.suppress(OSError, ValueError):
                state = json.loads(lab.record.read_text(encoding="utf-8"))
                return state if moment == "made" or moment in state["processes"] else None

        state = wait_for(reached, 60, f"the lab to have come to: {moment}")
        processes = [identity(pid) for pid in members(state["init"]["pid"])] + list(state["processes"].values())
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
    assert alive(state["init"]), "it outlives its owner, or there would be nothing to test"
    assert name in sweep()
    assert not left_of(name, pathlib.Path(state["directory"]), processes)
    assert name not in [s.name for s in all_spaces()]


def test_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(space.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(space.shutil, "which", lambda name: None if name == "containerd" else f"/usr/bin/{name}")
    with pytest.raises(Failed, match="(?s)needs root.*no containerd: run `make setup`"):
        space.require_possible()
    with pytest.raises(Failed, match="small letters"):
        Space("../etc")
    with pytest.raises(Failed, match="does not run: `make lab-up` starts it"):
        Cluster(f"never-{os.getpid()}").kubectl("version")
