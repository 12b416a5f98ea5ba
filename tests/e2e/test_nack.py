"""A proxy that refuses a resource: the rest goes on, the refused version is not sent again, a changed one is."""

import workloads as onap
from harness.network import POD_PREFIX
from harness.rules import OCATA, VIO, timeout_rule
from harness.xds import DeltaClient, addresses
from processes import wait_for


def nacks(lab, workload, type_):
    [proxy] = [p for p in lab.control_plane.debug("proxies") if p["id"] == workload.id]
    return proxy["types"][type_]["nacks"]


def test_refused_cluster(lab):
    lab.folder_control_plane(insecure=True)
    lab.write("ocata.yaml", timeout_rule("ocata", 3))
    workload = lab.workloads["msb-iag"]
    refused = []

    def refuse(type_, name, message):
        if type_ == "cluster" and name == OCATA and message.connect_timeout.seconds == 3:
            refused.append(message.connect_timeout.seconds)
            return f"the test refuses {name}"
        return None

    client = DeltaClient(lab.control_plane.insecure, workload, refuse=refuse).subscribe_all()
    try:
        client.wait_for("endpoint", VIO, addresses)
        client.wait_for("listener", "0.0.0.0_9004")
        wait_for(lambda: nacks(lab, workload, "CDS"), 30, "the refusal to be counted")
        others = {f"outbound|{onap.http_port(s)}||{n}.{s['metadata']['namespace']}.svc.cluster.local" for n, s in lab.services.items()}
        wait_for(lambda: others - {OCATA} <= client.names("cluster"), 30, "every other cluster")
        print("  and the refused one comes without what the object said")
        client.wait_for("cluster", OCATA, lambda c: c.connect_timeout.seconds not in (3, 5))

        print("  another change arrives; the refused cluster is not sent again")
        wait_for(lambda: settled(lab, workload), 30, "all to be settled")
        times = len(refused)
        text = onap.manifests("base", POD_PREFIX)["vfc.yaml"].replace(f"{POD_PREFIX}12.1", f"{POD_PREFIX}12.77")
        lab.write("vfc.yaml", text)
        vnflcm = "outbound|8801||vfc-vnflcm.onap.svc.cluster.local"
        client.wait_for("endpoint", vnflcm, lambda e: f"{POD_PREFIX}12.77:8801" in addresses(e))
        assert len(refused) == times

        print("  the object is mended")
        lab.write("ocata.yaml", timeout_rule("ocata", 5))
        client.wait_for("cluster", OCATA, lambda c: c.connect_timeout.seconds == 5)
        client.wait_for("endpoint", OCATA, addresses)
    finally:
        client.close()


def settled(lab, workload):
    [proxy] = [p for p in lab.control_plane.debug("proxies") if p["id"] == workload.id]
    return proxy["settled"]
