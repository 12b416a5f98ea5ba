"""What becomes of an object: live on how many proxies, refused by which, in quarantine; its status and `fairway wait`."""

import json
import subprocess

from harness.rules import OCATA, VIO, timeout_rule
from harness.xds import DeltaClient, addresses
from processes import binary, request, wait_for


POLICY = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: paths, namespace: onap}
spec:
  selector: {matchLabels: {app: multicloud-vio}}
  action: ALLOW
  rules: [{to: [{operation: {paths: [%s]}}]}]
"""

RULE = "/apis/networking.istio.io/v1/namespaces/onap/destinationrules/%s"


def entry(plane, kind, name):
    found = [o for o in plane.debug("objects") if (o["kind"], o["name"]) == (kind, name)]
    return found[0] if found else None


def client(lab, name, refuse=None, plane=None):
    return DeltaClient((plane or lab.control_plane).insecure, lab.workloads[name], refuse=refuse).subscribe_all()


def refuse_timeout(seconds):
    def refuse(type_, name, message):
        bad = type_ == "cluster" and name == OCATA and message.connect_timeout.seconds == seconds
        return f"the test refuses {seconds} s" if bad else None

    return refuse


def test_refused_object_goes_into_quarantine_alone(lab):
    plane = lab.folder_control_plane(insecure=True)
    lab.write("vio.yaml", timeout_rule("vio", 4))
    proxies = [client(lab, name, refuse_timeout(3)) for name in ("msb-iag", "msb-eag")]
    try:
        for proxy in proxies:
            proxy.wait_for("cluster", VIO, lambda c: c.connect_timeout.seconds == 4)
            proxy.wait_for("cluster", OCATA)
        # Before it is known whom an object concerns, it concerns nobody.
        live = {"settled": True, "proxies": 2}
        wait_for(lambda: live.items() <= (entry(plane, "DestinationRule", "vio") or {}).items(), 30, "the rule to be live at both")

        print("  a rule that both refuse")
        lab.write("ocata.yaml", timeout_rule("ocata", 3))
        wait_for(lambda: (entry(plane, "DestinationRule", "ocata") or {}).get("quarantine"), 30, "the quarantine")
        told = entry(plane, "DestinationRule", "ocata")["quarantine"]
        assert OCATA in told and "the test refuses 3 s" in told, told
        assert any("the test refuses 3 s" in note["message"] for note in plane.debug("notes"))
        assert plane.metrics()["fairway_objects_in_quarantine"] == 1
        wait_for(lambda: entry(plane, "DestinationRule", "ocata")["settled"], 30, "what stands in its place to be live")
        for proxy in proxies:
            assert proxy.get("cluster", OCATA).connect_timeout.seconds != 3
            assert proxy.get("cluster", VIO).connect_timeout.seconds == 4
            proxy.wait_for("endpoint", OCATA, addresses)

        print("  it stays there for new proxies, and when other things change")
        late = client(lab, "vfc-vnflcm", refuse_timeout(3))
        proxies.append(late)
        late.wait_for("cluster", OCATA, lambda c: c.connect_timeout.seconds != 3)
        lab.write("vio.yaml", timeout_rule("vio", 6))
        late.wait_for("cluster", VIO, lambda c: c.connect_timeout.seconds == 6)
        assert entry(plane, "DestinationRule", "ocata")["quarantine"]
        assert not [r for r in late.responses if r[3]], "a new proxy was sent what others refused"

        print("  it is mended")
        lab.write("ocata.yaml", timeout_rule("ocata", 5))
        for proxy in proxies:
            proxy.wait_for("cluster", OCATA, lambda c: c.connect_timeout.seconds == 5)
        wait_for(lambda: "quarantine" not in entry(plane, "DestinationRule", "ocata"), 30, "the end of the quarantine")
        wait_for(lambda: entry(plane, "DestinationRule", "ocata")["settled"], 30, "the rule to be live")
    finally:
        for proxy in proxies:
            proxy.close()


def test_one_proxy_alone_cannot_have_an_object_withdrawn(lab):
    plane = lab.folder_control_plane(insecure=True)
    good, bad = client(lab, "msb-iag"), client(lab, "multicloud-vio", refuse_timeout(3))
    try:
        bad.wait_for("cluster", OCATA)
        lab.write("ocata.yaml", timeout_rule("ocata", 3))
        good.wait_for("cluster", OCATA, lambda c: c.connect_timeout.seconds == 3)
        wait_for(lambda: (entry(plane, "DestinationRule", "ocata") or {}).get("refusing"), 30, "the refusal")
        lab.write("vio.yaml", timeout_rule("vio", 4))
        bad.wait_for("cluster", VIO, lambda c: c.connect_timeout.seconds == 4)
        seen = entry(plane, "DestinationRule", "ocata")
        assert (seen["live"], seen["refusing"], seen["settled"]) == (1, 1, False), seen
        assert "quarantine" not in seen
        assert good.get("cluster", OCATA).connect_timeout.seconds == 3
    finally:
        good.close()
        bad.close()


def test_refused_policy_denies(lab):
    """What stands in the place of a policy that the proxy refuses lets nobody in."""
    plane = lab.folder_control_plane(insecure=True)
    lab.write("paths.yaml", POLICY % "/good")
    seen = []

    def refuse(type_, name, message):
        if type_ == "listener" and b"/bad" in message.SerializeToString():
            seen.append(name)
            return "the test refuses the path"
        return None

    proxy = client(lab, "multicloud-vio", refuse)
    try:

        def inbound(needle, there=True):
            with proxy.lock:
                texts = [m.SerializeToString() for _, m in proxy.resources["listener"].values()]
            return any(needle in text for text in texts) is there

        wait_for(lambda: inbound(b"/good"), 30, "the policy to arrive")
        lab.write("paths.yaml", POLICY % "/bad")
        wait_for(lambda: (entry(plane, "AuthorizationPolicy", "paths") or {}).get("quarantine"), 30, "the quarantine")
        wait_for(lambda: inbound(b"/good", False), 30, "the last good policy to be replaced")
        assert seen
        dump = request(plane.admin, "/debug/config_dump?proxy=" + lab.workloads["multicloud-vio"].id, timeout=30)
        listeners = json.dumps(json.loads(dump.body)["resources"]["LDS"])
        assert "envoy.filters.http.rbac" in listeners and "/bad" not in listeners
        rbac = [f for f in walk(json.loads(dump.body)["resources"]["LDS"]) if f.get("name") == "envoy.filters.http.rbac"]
        rules = [f["typed_config"]["rules"] for f in rbac]
        assert rules and all(allows_nobody(r) for r in rules), rules
    finally:
        proxy.close()


def walk(value):
    if isinstance(value, dict):
        yield value
        value = value.values()
    if isinstance(value, (list, type({}.values()))):
        for each in value:
            yield from walk(each)


def allows_nobody(rules):
    if rules.get("action", "ALLOW") == "DENY":
        return bool(rules.get("policies"))
    return all("not_id" in json.dumps(p) or "not_rule" in json.dumps(p) for p in rules.get("policies", {}).values())


# --- with an API server ----------------------------------------------------------------------------


def condition(lab, path, type_):
    found = lab.api.do("GET", path).get("status", {}).get("conditions", [])
    return next((c for c in found if c["type"] == type_), {})


def wait_live(lab, *arguments):
    argv = [binary(), "wait", *arguments, "--kubeconfig", str(lab.api.admin)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)


def test_statuses(lab):
    lab.api_server()
    lab.apply_base()
    planes = [lab.replica(name) for name in ("a", "b")]
    proxies = [client(lab, n, refuse_timeout(3), plane=p) for n, p in (("msb-iag", planes[0]), ("msb-eag", planes[1]))]
    try:
        for proxy in proxies:
            proxy.wait_for("cluster", OCATA)
        lab.api.apply(timeout_rule("vio", 4))
        done = wait_live(lab, "dr/vio", "-n", "onap")
        assert done.returncode == 0, done.stderr
        assert "DestinationRule onap/vio: live on 2 of 2 proxies" in done.stdout
        for proxy in proxies:
            assert proxy.get("cluster", VIO).connect_timeout.seconds == 4
        rule = lab.api.do("GET", RULE % "vio")
        assert rule["status"]["observedGeneration"] == rule["metadata"]["generation"] == 1
        assert condition(lab, RULE % "vio", "Accepted")["status"] == "True"
        table = lab.api.kubectl("get", "destinationrules", "-n", "onap")
        assert table.split("\n")[0].split() == ["NAME", "HOST", "ACCEPTED", "PROGRAMMED", "AGE"]

        print("  a change of it; its own status is no change")
        lab.api.apply(timeout_rule("vio", 5))
        assert wait_live(lab, "dr/vio.onap").returncode == 0
        for proxy in proxies:
            assert proxy.get("cluster", VIO).connect_timeout.seconds == 5
        runs = [plane.metrics()["fairway_changed_objects_total"] for plane in planes]
        version = lab.api.do("GET", RULE % "vio")["metadata"]["resourceVersion"]
        lab.api.apply(timeout_rule("ocata", 5))
        assert wait_live(lab, "destinationrule/ocata", "-n", "onap").returncode == 0
        assert lab.api.do("GET", RULE % "vio")["metadata"]["resourceVersion"] == version, "written without a change"
        assert [plane.metrics()["fairway_changed_objects_total"] for plane in planes] == [r + 1 for r in runs]

        print("  refused by the proxies of both replicas")
        lab.api.apply(timeout_rule("ocata", 3))
        done = wait_live(lab, "dr/ocata", "-n", "onap")
        assert done.returncode == 79, (done.stdout, done.stderr)
        wait_for(lambda: condition(lab, RULE % "ocata", "Accepted").get("reason") == "Refused", 30, "Accepted=False")
        assert "the test refuses 3 s" in condition(lab, RULE % "ocata", "Accepted")["message"]
        lab.api.apply(timeout_rule("ocata", 6))
        assert wait_live(lab, "dr/ocata", "-n", "onap").returncode == 0
        assert condition(lab, RULE % "ocata", "Accepted")["status"] == "True"

        print("  the leader goes; the next one has nothing to write")
        [leader] = [p for p in planes if p.metrics().get("fairway_leader") == 1]
        version = lab.api.do("GET", RULE % "vio")["metadata"]["resourceVersion"]
        since = condition(lab, RULE % "vio", "Programmed")["lastTransitionTime"]
        leader.stop()
        [other] = [p for p in planes if p is not leader]
        wait_for(lambda: other.metrics().get("fairway_leader") == 1, 60, "another leader")
        lab.api.apply(timeout_rule("ocata", 6, "late"))
        assert wait_live(lab, "dr/late", "-n", "onap", "--timeout", "60s").returncode == 0
        assert lab.api.do("GET", RULE % "vio")["metadata"]["resourceVersion"] == version
        assert condition(lab, RULE % "vio", "Programmed")["lastTransitionTime"] == since
    finally:
        for proxy in proxies:
            proxy.close()


def test_wait_says_what_is_missing(lab):
    lab.api_server()
    done = wait_live(lab, "dr/none", "--timeout", "1s")
    assert done.returncode == 1 and "does not exist" in done.stderr, done.stderr
    lab.api.do("POST", "/api/v1/namespaces", {"metadata": {"name": "onap"}})
    lab.api.apply(timeout_rule("vio", 4))
    done = wait_live(lab, "dr/vio", "-n", "onap", "--timeout", "1s")
    assert done.returncode == 1 and "has not said anything" in done.stderr, done.stderr
    lab.replica("a")
    done = wait_live(lab, "dr/vio", "-n", "onap")
    assert done.returncode == 0 and "no connected proxy needs it" in done.stdout, done.stderr
    done = wait_live(lab, "vio")
    assert done.returncode == 64 and "KIND/NAME" in done.stderr
