"""Mistakes in manifests: each is told with object and field, everything else goes on, and what was denied stays
denied."""

import json

import pytest
import yaml

import workloads as onap
from harness.network import POD_PREFIX
from harness.rules import VIO
from harness.xds import DeltaClient, addresses
from processes import wait_for

INBOUND = f"inbound_{POD_PREFIX}7.1_9004"  # the listener of multicloud-vio's own port


def manifest(api, kind, name, spec, namespace="onap"):
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def virtual_service(name, **http):
    route = {"route": [{"destination": {"host": "multicloud-vio"}}], **http}
    return manifest(
        "networking.istio.io/v1alpha3", "VirtualService", name, {"hosts": ["multicloud-vio"], "http": [route]}
    )


WRONG_TYPE = virtual_service("wrong-type", timeout="soon")
WRONG_TYPE_LIST = manifest(
    "rbac.istio.io/v1alpha1", "ServiceRole", "wrong-list", {"rules": [{"services": "multicloud*", "methods": ["*"]}]}
)
UNKNOWN_FIELD = virtual_service("unknown-field", timeot="3s")
NOWHERE = virtual_service("to-nowhere", route=[{"destination": {"host": "nowhere"}}])
UNKNOWN_HOST = manifest(
    "networking.istio.io/v1alpha3", "VirtualService", "unknown-gateway",
    {"hosts": ["*"], "gateways": ["no-such-gateway"], "http": [{"route": [{"destination": {"host": "msb-iag"}}]}]},
)
MISSING_ROLE = manifest(
    "rbac.istio.io/v1alpha1", "ServiceRoleBinding", "to-missing-role",
    {"subjects": [{"user": "*"}], "roleRef": {"kind": "ServiceRole", "name": "no-such-role"}},
)
BAD_REGEX = virtual_service("bad-regex", match=[{"uri": {"regex": "(("}}])

CASES = {
    # name: (what is written, words that one message must hold)
    "wrong type": (WRONG_TYPE, ["wrong-type", "timeout"]),
    "text instead of list": (WRONG_TYPE_LIST, ["wrong-list", "services"]),
    "unknown field": (UNKNOWN_FIELD, ["unknown-field", "timeot"]),
    "destination that does not exist": (NOWHERE, ["to-nowhere", "nowhere"]),
    "gateway that does not exist": (UNKNOWN_HOST, ["unknown-gateway", "no-such-gateway"]),
    "binding to a missing role": (MISSING_ROLE, ["to-missing-role", "no-such-role"]),
    "regular expression that does not compile": (BAD_REGEX, ["bad-regex", "regex"]),
    "no YAML": (b"\x00\xff\xfe{{{: [", ["bad.yaml"]),
    "text that breaks off": (b"apiVersion: v1\nkind: [Service\n", ["bad.yaml", "line"]),
    "no object": (b"- just\n- a list\n", ["bad.yaml"]),
    "10 MB": (b"# " + b"x" * 10_000_000 + b"\n", ["bad.yaml"]),
}


def start(lab, steps=("2-rbac-on.yaml",)):
    lab.config.mkdir()
    for step in steps:
        (lab.config / step).write_text(onap.step_text(step, POD_PREFIX), encoding="utf-8")
    lab.folder_control_plane(insecure=True)
    return DeltaClient(lab.control_plane.insecure, lab.workloads["multicloud-vio"]).subscribe_all()


def reported(lab, words):
    """A line of the log, or a note of the debug page, that holds all the words."""
    def found():
        lines = lab.control_plane.log.read_text(encoding="utf-8", errors="replace").splitlines()
        lines += [json.dumps(note) for note in lab.control_plane.debug("notes")]
        return next((line for line in lines if all(word in line for word in words)), None)

    line = wait_for(found, 30, f"a message with: {', '.join(words)}")
    print(f"  told: {line[:300]}", flush=True)


def denies(listener):
    """Whether the listener has an RBAC filter that allows nothing."""
    return "envoy.extensions.filters.http.rbac.v3.RBAC" in str(listener)


def require_life(lab, client):
    """Another object's change still arrives."""
    text = onap.manifests("base", POD_PREFIX)["vfc.yaml"].replace(f"{POD_PREFIX}12.1", f"{POD_PREFIX}12.77")
    lab.write("vfc.yaml", text)
    name = "outbound|8801||vfc-vnflcm.onap.svc.cluster.local"
    client.wait_for("endpoint", name, lambda e: f"{POD_PREFIX}12.77:8801" in addresses(e))


@pytest.mark.parametrize("case", CASES)
def test_mistake(lab, case):
    content, words = CASES[case]
    client = start(lab)
    try:
        listener = client.wait_for("listener", INBOUND, denies)
        if isinstance(content, bytes):
            (lab.config / "bad.yaml").write_bytes(content)
        else:
            lab.write("bad.yaml", yaml.safe_dump(content))
        reported(lab, words)
        require_life(lab, client)
        assert client.get("listener", INBOUND) == listener, "what was denied is denied as before"
        assert lab.control_plane.ready()
    finally:
        client.close()


def test_broken_file_keeps_its_last_good_content(lab):
    client = start(lab)
    try:
        client.wait_for("listener", INBOUND, denies)
        (lab.config / "2-rbac-on.yaml").write_bytes(b"apiVersion: rbac.istio.io/v1alpha1\nkind: RbacConfig\n  x: [")
        reported(lab, ["2-rbac-on.yaml"])
        require_life(lab, client)
        assert denies(client.get("listener", INBOUND)), "a broken file must not open what its last good content closed"
    finally:
        client.close()


def test_object_made_wrong_keeps_its_last_good_version(lab):
    client = start(lab)
    try:
        listener = client.wait_for("listener", INBOUND, denies)
        text = onap.step_text("2-rbac-on.yaml", POD_PREFIX).replace("ON_WITH_INCLUSION", "SOMETIMES")
        lab.write("2-rbac-on.yaml", text)
        reported(lab, ["RbacConfig", "mode", "SOMETIMES"])
        require_life(lab, client)
        assert client.get("listener", INBOUND) == listener
    finally:
        client.close()


def test_one_object_in_two_files(lab):
    """The first file in order counts, the second is reported."""
    client = start(lab)
    try:
        listener = client.wait_for("listener", INBOUND, denies)
        off = onap.step_text("2-rbac-on.yaml", POD_PREFIX).replace("ON_WITH_INCLUSION", "'OFF'")
        lab.write("9-off.yaml", off)
        reported(lab, ["RbacConfig", "9-off.yaml", "2-rbac-on.yaml"])
        require_life(lab, client)
        assert client.get("listener", INBOUND) == listener
    finally:
        client.close()


def test_port_without_a_name_is_tcp(lab):
    """Documented for the port names: without a known prefix a port is plain TCP."""
    client = start(lab, steps=())
    try:
        client.wait_for("cluster", VIO)
        text = onap.manifests("base", POD_PREFIX)["vfc.yaml"].replace("name: http-vfc-vnflcm, ", "", 1)
        lab.write("vfc.yaml", text.replace("name: http-vfc-vnflcm, ", "", 1))
        name = "outbound|8801||vfc-vnflcm.onap.svc.cluster.local"
        client.wait_for("cluster", name)
        wait_for(lambda: "8801" not in client.names("route"), 30, "the HTTP routes of port 8801 to go")
    finally:
        client.close()
