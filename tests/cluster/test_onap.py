"""`make onap`'s walk-through on a real cluster, from helm install to uninstall. `make test-long` (FAIRWAY_LONG) plays it with
all of ONAP too, whose pods ask for their sidecars, as in the documents."""

import os
import re
import subprocess
import sys

import pytest

from conftest import ROOT

TOOL = ROOT / "tools" / "onap" / "onap.py"


def play(cluster, *arguments):
    """Runs the walk-through in the cluster's network; what it printed, which is shown too."""
    argv = [sys.executable, TOOL, "--once", *arguments]
    done = cluster.run(*argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1700)
    print(done.stdout, flush=True)
    return done.returncode, done.stdout


WALKS = [("--small", "--policy", "enabled")]
if os.environ.get("FAIRWAY_LONG"):
    WALKS.append(("--policy", "disabled"))


@pytest.mark.parametrize("arguments", WALKS)
def test_walk_through(cluster, arguments):
    status, text = play(cluster, *arguments)
    assert status == 0
    assert re.search(r"all \d+ checks held", text)
    assert "NO: " not in text
    for document in ("helm serve &", "helm install local/msb -n msb --namespace onap", "kubectl apply -f msb-rbac.yaml"):
        assert f"document  {document}" in text
    for seen in ("RBAC: access denied", "connection closed", "ok: 2/2", "ready, none restarted"):
        assert seen in text
    names = cluster.kubectl("get", "namespaces", "-o", "name").split()
    assert not {"namespace/onap", "namespace/legacy", "namespace/istio-system"} & set(names)
    assert cluster.helm("list", "--all-namespaces", "--short").split() == []


def test_says_what_went_wrong(cluster):
    done = cluster.run(sys.executable, TOOL, "--once", env={"KUBECONFIG": "/dev/null"}, capture_output=True, text=True)
    assert done.returncode == 2
    assert "[onap] kubectl get nodes" in done.stdout, done.stdout + done.stderr
