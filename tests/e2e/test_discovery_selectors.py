"""The mesh's discoverySelectors: namespaces that none of them selects are as if they had no services, at once."""

from harness.rules import VIO
from harness.xds import DeltaClient, addresses
from processes import wait_for

OTHER = """
apiVersion: v1
kind: Namespace
metadata: {name: other, labels: {%s}}
---
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: other}
spec:
  clusterIP: 10.96.200.1
  selector: {app: shop}
  ports: [{name: http, port: 80}]
"""
MESH = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    discoverySelectors:
    - matchLabels: {mesh: member}
    - matchLabels: {kubernetes.io/metadata.name: onap}
"""
SHOP = "outbound|80||shop.other.svc.cluster.local"


def test_namespaces_that_no_selector_selects(lab):
    plane = lab.folder_control_plane(insecure=True)
    lab.write("other.yaml", OTHER % "")
    client = DeltaClient(plane.insecure, lab.workloads["msb-iag"]).subscribe_all()
    try:
        client.wait_for("endpoint", VIO, addresses)
        client.wait_for("cluster", SHOP)

        print("  with selectors its services go, others stay")
        lab.write("mesh.yaml", MESH)
        wait_for(lambda: SHOP not in client.names("cluster"), 30, "the cluster to go")
        assert VIO in client.names("cluster")
        assert plane.metrics()["fairway_objects_withheld"] >= 1

        print("  a label lets it in")
        lab.write("other.yaml", OTHER % "mesh: member")
        client.wait_for("cluster", SHOP)
        assert plane.metrics()["fairway_objects_withheld"] == 0

        print("  selectors with a mistake leave those before in effect")
        lab.write("other.yaml", OTHER % "")
        wait_for(lambda: SHOP not in client.names("cluster"), 30, "the cluster to go")
        lab.write("mesh.yaml", MESH.replace("matchLabels: {mesh", "matchLabels: [mesh").replace("member}", "member]"))
        wait_for(lambda: any("discoverySelectors" in n["field"] + n["message"] for n in plane.debug("notes")), 30, "the note")
        assert SHOP not in client.names("cluster")

        print("  and without selectors all are there")
        lab.write("mesh.yaml", "")
        (lab.config / "mesh.yaml").unlink()
        client.wait_for("cluster", SHOP)
    finally:
        client.close()
