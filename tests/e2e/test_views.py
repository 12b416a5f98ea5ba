"""Reading what proxies are to have and what they accepted: xDS as JSON on the admin port, and CSDS."""

import json

import grpc
from envoy.service.status.v3 import csds_pb2, csds_pb2_grpc

import workloads as onap
from harness.rules import VIO
from harness.xds import DeltaClient, addresses
from processes import request, wait_for


def ask(lab, kind, node, *names):
    body = json.dumps({"node": {"id": node}, "resource_names": names})
    return request(lab.control_plane.admin, f"/v3/discovery:{kind}", method="POST", body=body, timeout=30)


def test_rest(lab):
    lab.folder_control_plane(insecure=True)
    workload = lab.workloads["msb-iag"]
    client = DeltaClient(lab.control_plane.insecure, workload).subscribe_all()
    try:
        client.wait_for("endpoint", VIO, addresses)
        client.wait_for("route", "9004")
        node = client.node.id
        everything = json.loads(ask(lab, "clusters", node).body)
        assert {r["name"] for r in everything["resources"]} == client.names("cluster")
        assert len(everything["version_info"]) == 14
        endpoints = json.loads(ask(lab, "endpoints", node, VIO).body)
        assert [r["cluster_name"] for r in endpoints["resources"]] == [VIO]
        [table] = json.loads(ask(lab, "routes", node, "9004").body)["resources"]
        assert "vhds" not in table
        assert any("multicloud-vio" in domain for host in table["virtual_hosts"] for domain in host["domains"])
        assert ask(lab, "clusters", "sidecar~1.2.3.4~nobody.onap~x").status == 404
        assert "node.id" in ask(lab, "clusters", "me").body
        assert request(lab.control_plane.admin, "/v3/discovery:clusters").status == 405
    finally:
        client.close()


def statuses(stub, wanted):
    match = csds_pb2.ClientStatusRequest()
    match.node_matchers.add().node_id.contains = f"~{wanted}~"
    return {
        (config.type_url.rsplit(".", 1)[1], config.name): csds_pb2.ConfigStatus.Name(config.config_status)
        for client in stub.FetchClientStatus(match).config
        for config in client.generic_xds_configs
    }


def test_client_status(lab):
    """Of a delta proxy and one of the state of the world, both real Envoys."""
    lab.folder_control_plane(insecure=True)
    names = (onap.GATEWAY, "msb-iag")
    lab.start_mesh(names, extra=("--delta-xds", "false"))
    workload = lab.workloads["multicloud-vio"]
    client = DeltaClient(lab.control_plane.insecure, workload).subscribe_all()
    with grpc.insecure_channel(lab.control_plane.insecure) as channel:
        stub = csds_pb2_grpc.ClientStatusDiscoveryServiceStub(channel)
        try:
            client.wait_for("endpoint", VIO, addresses)
            for proxy in (workload, lab.workloads["msb-iag"]):
                wait_for(
                    lambda p=proxy: set(statuses(stub, p.id).values()) == {"SYNCED"},
                    30,
                    lambda p=proxy: f"{p.id} to be in sync: {statuses(stub, p.id)}",
                )
                assert ("Cluster", VIO) in statuses(stub, proxy.id)
                assert ("ClusterLoadAssignment", VIO) in statuses(stub, proxy.id)
        finally:
            client.close()
