"""Proxies that ask for the state of the world (api_type GRPC in the bootstrap) instead of what changed."""

import story
import workloads as onap
from harness.lab import Traffic
from harness.network import POD_PREFIX

SOTW = ("--delta-xds", "false")


MORE = """
apiVersion: v1
kind: Service
metadata: {name: more-%(number)d, namespace: onap}
spec:
  clusterIP: 10.96.77.%(number)d
  ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp, port: 70%(number)d, targetPort: 8080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: more-%(number)d, namespace: onap, labels: {kubernetes.io/service-name: more-%(number)d}}
addressType: IPv4
ports: [{name: http, port: 8080}, {name: tcp, port: 8080}]
endpoints: [{addresses: [127.0.0.1], conditions: {ready: true}}]
"""


def variants(lab):
    return {proxy["variant"] for proxy in lab.control_plane.debug("proxies")}


def refusals(lab):
    return [t["lastNack"] for p in lab.control_plane.debug("proxies") for t in p["types"].values() if "lastNack" in t]


def test_story(lab):
    lab.folder_control_plane()
    lab.start_mesh(extra=SOTW)
    assert variants(lab) == {"sotw"}
    lab.play(lambda step: lab.write(step.target, onap.step_text(step.file, POD_PREFIX)))
    assert not refusals(lab)
    types = lab.control_plane.debug("proxies")[0]["types"]
    assert "VHDS" not in types and types["RDS"]["acked"] > 0


def test_changes_and_a_restart_lose_no_request(lab):
    lab.folder_control_plane()
    lab.start_mesh(extra=SOTW)
    for step in story.STEPS[:4]:
        lab.write(step.target, onap.step_text(step.file, POD_PREFIX))
    lab.wait_probe(story.SWAGGER_200)
    with Traffic(lab.world, story.SWAGGER_200) as traffic:
        traffic.wait_more(50)
        print("  services come and go")
        for number in range(5):
            lab.write("more.yaml", MORE % {"number": number})
            traffic.wait_more(20)
        (lab.config / "more.yaml").unlink()
        traffic.wait_more(50)
        print("  kill -9 of the control plane")
        lab.control_plane.kill()
        traffic.wait_more(50)
        lab.control_plane.start()
        lab.wait_connected()
        traffic.wait_more(200)
    traffic.require_none_lost()
    assert variants(lab) == {"sotw"}
    assert not refusals(lab)
    print("  changes count again")
    lab.write(story.STEPS[3].target, "")
    lab.wait_probe(story.SWAGGER_403_SECOND)
