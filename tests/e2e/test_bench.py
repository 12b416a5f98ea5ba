"""The bench of the serving core on a small mesh: that it runs, and that what its proxies hold is right. No times."""

import json
import queue
import subprocess
import sys

import grpc
import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2

from harness import ROOT
from processes import Failed

sys.path.append(str(ROOT / "tests" / "bench"))

# pylint: disable=wrong-import-position
from programs import LoadGenerator, NullServer  # noqa: E402
from transports import TRANSPORTS  # noqa: E402
from world import node  # noqa: E402

SERVICES, RULES, PROXIES = 20, 5, 10


def test_parts_of_a_small_mesh(lab):
    output = lab.directory / "core.json"
    argv = [sys.executable, ROOT / "tests" / "bench" / "core.py", "--scale", "small", "--output", output, "a", "c", "e", "transports"]
    # core.py asserts on its own that no response was wrong and that every proxy was told of every change.
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(output.read_text(encoding="utf-8"))
    figures = {part: by_count[str(PROXIES)] for part, by_count in result["figures"].items()}
    assert set(figures) == {"a", "c", "e", "transports"}

    endpoint = figures["a"]
    assert endpoint["changes"] == 3
    assert {"p50_ms", "p99_ms", "ratio_p50", "ratio_p99", "cpu_ms_per_change", "peak_mb"} <= endpoint.keys()
    assert endpoint["null"]["bytes_per_proxy"] == endpoint["bytes_per_proxy"], "the null server sends as much"
    assert endpoint["counted_per_change"]["changed_resources"] == 1
    assert endpoint["counted_per_change"]["responses"] == PROXIES

    assert figures["c"]["virtual_service"]["counted_per_change"]["changed_resources"] == 1
    assert {"virtual_service_to_a", "service_added_to_a"} <= figures["c"].keys()

    cold = figures["e"]
    assert {"connect_s", "cpu_ms_per_proxy", "mb_per_proxy", "null"} <= cold.keys()
    # Each service, the huge one, the API server's own, and a subset of each with a DestinationRule; clusters that are not
    # of EDS come on top.
    assert cold["held"]["endpoint"] == SERVICES + 2 + RULES
    assert cold["held"]["cluster"] > cold["held"]["endpoint"]
    assert cold["held"]["virtual_host"] > SERVICES
    assert cold["held"]["listener"] > 1
    # After a restart each type is answered, and nothing is sent again.
    assert cold["restart_most_bytes"] < 1000

    for transport in TRANSPORTS:
        assert {"fan_out_p50_ms", "fan_out_cpu_ms", "connect_s", "idle_kb_per_stream"} <= figures["transports"][transport].keys()


def state_of_the_world():
    """A response of each type, as the null server plays them back: two clusters, one with endpoints; a listener and the
    routes it names."""
    cluster = cluster_pb2.Cluster(name="a", type=cluster_pb2.Cluster.EDS)
    manager = http_connection_manager_pb2.HttpConnectionManager()
    manager.rds.route_config_name = "r"
    listener = listener_pb2.Listener(name="l")
    listener.filter_chains.add().filters.add().typed_config.Pack(manager)
    resources = [
        [cluster, cluster_pb2.Cluster(name="b", type=cluster_pb2.Cluster.STATIC)],
        [listener],
        [endpoint_pb2.ClusterLoadAssignment(cluster_name="a")],
        [route_pb2.RouteConfiguration(name="r")],
    ]
    for messages in resources:
        response = discovery_pb2.DiscoveryResponse(version_info="1", nonce="n")
        response.type_url = f"type.googleapis.com/{messages[0].DESCRIPTOR.full_name}"
        for message in messages:
            response.resources.add().Pack(message)
        body = response.SerializeToString()
        yield f"{response.type_url}\n{len(body)}\n".encode() + body


def test_proxies_of_the_state_of_the_world(lab):
    recorded = lab.directory / "recorded"
    recorded.write_bytes(b"".join(state_of_the_world()))
    null = lab.add(NullServer(lab.directory, recorded))
    load = lab.add(LoadGenerator(lab.directory, sotw=True, sample=1))
    load.open(null.port, [node(n, 1) for n in range(3)])
    load.settle(0, timeout_s=60)
    for proxy in load.check_state()["proxies"]:
        held = {kind: entry["count"] for kind, entry in proxy["types"].items()}
        assert held == {"cluster": 2, "endpoint": 1, "listener": 1, "route": 1, "virtual_host": 0}


def test_wrong_resources_are_told(lab):
    recorded = lab.directory / "recorded"
    recorded.write_bytes(b"".join(state_of_the_world()))
    null = lab.add(NullServer(lab.directory, recorded))
    # A client of delta xDS takes an Any of the state of the world for a resource without a name and a type.
    load = lab.add(LoadGenerator(lab.directory, sample=1))
    load.open(null.port, [node(0, 1)])
    load.settle(0, timeout_s=60)
    with pytest.raises(Failed, match="does not decode as envoy.config.cluster.v3.Cluster"):
        load.check_state()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_null_server_and_a_grpc_client(lab, transport):
    """Messages beyond the windows of both sides; the end of a call; a client that does not read."""
    cluster = discovery_pb2.DeltaDiscoveryResponse(type_url="type.googleapis.com/envoy.config.cluster.v3.Cluster")
    cluster.removed_resources.append("x" * 3_000_000)
    body = cluster.SerializeToString()
    recorded = lab.directory / "recorded"
    recorded.write_bytes(f"{cluster.type_url}\n{len(body)}\n".encode() + body)
    null = lab.add(NullServer(lab.directory, recorded, transport))
    request = discovery_pb2.DeltaDiscoveryRequest(type_url=cluster.type_url)
    request.resource_names_subscribe.extend(["y" * 1000] * 1000)

    def call_on(channel):
        requests = queue.SimpleQueue()
        requests.put(request)
        call = ads_pb2_grpc.AggregatedDiscoveryServiceStub(channel).DeltaAggregatedResources(iter(requests.get, None), timeout=60)
        assert next(call) == cluster
        return call, requests

    address, own = f"127.0.0.1:{null.port}", [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(address, own) as channel, grpc.insecure_channel(address, own) as another:
        (call, requests), (lazy, unended) = call_on(channel), call_on(another)
        requests.put(request)  # again: not answered
        for number in range(100):
            null.fan_out(1_000_000, f"marker-{number}-")
            assert next(call).removed_resources[0].startswith(f"marker-{number}-")
        requests.put(None)
        assert not list(call)
        assert call.code() is grpc.StatusCode.OK
        with pytest.raises(grpc.RpcError) as ended:
            list(lazy)
        assert ended.value.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.RESOURCE_EXHAUSTED)
        unended.put(None)
