#include "inject/options.h"

#include "support.h"

using namespace fairway;
using namespace fairway::inject;
using namespace fairway::inject::test;

namespace {

PodOptions read(const api::Labels& annotations, const Settings& settings = {}) {
  const auto options = readOptions(annotations, settings, true);
  if (!options) FAIL(options.error().message);
  return *options;
}

std::string refusalOf(const api::Labels& annotations) {
  const auto options = readOptions(annotations, {}, true);
  REQUIRE_FALSE(options.has_value());
  return options.error().message;
}

}  // namespace

TEST_CASE("annotations change what the settings say") {
  const auto options = read({{"traffic.sidecar.istio.io/includeInboundPorts", "8080"},
                             {"traffic.sidecar.istio.io/excludeInboundPorts", "22"},
                             {"traffic.sidecar.istio.io/includeOutboundPorts", "5432"},
                             {"traffic.sidecar.istio.io/excludeOutboundPorts", "3306, 6379"},
                             {"traffic.sidecar.istio.io/includeOutboundIPRanges", "10.0.0.0/8"},
                             {"traffic.sidecar.istio.io/excludeOutboundIPRanges", "10.1.0.0/16"},
                             {"traffic.sidecar.istio.io/excludeInterfaces", "net1"},
                             {"sidecar.istio.io/interceptionMode", "NONE"},
                             {"sidecar.istio.io/proxyImage", "proxy-debug"},
                             {"sidecar.istio.io/logLevel", "debug"},
                             {"sidecar.istio.io/agentLogLevel", "trace"},
                             {"sidecar.istio.io/rewriteAppHTTPProbers", "false"},
                             {"sidecar.istio.io/nativeSidecar", "false"},
                             {"prometheus.istio.io/merge-metrics", "false"}});
  CHECK(options.warnings.empty());
  CHECK(options.traffic.includeInboundPorts == "8080");
  CHECK(options.traffic.excludeInboundPorts == "22");
  CHECK(options.traffic.includeOutboundPorts == "5432");
  CHECK(options.traffic.excludeOutboundPorts == "3306,6379");
  CHECK(options.traffic.includeOutboundCidrs == "10.0.0.0/8");
  CHECK(options.traffic.excludeOutboundCidrs == "10.1.0.0/16");
  CHECK(options.traffic.excludeInterfaces == "net1");
  CHECK(options.traffic.mode == InterceptionMode::none);
  CHECK(options.image == "localhost/proxy-debug:0.1.0");
  CHECK(options.logLevel == "debug");
  CHECK(options.agentLogLevel == "trace");
  CHECK_FALSE(options.rewriteProbes);
  CHECK_FALSE(options.native);
  CHECK_FALSE(options.mergePrometheus);
}

TEST_CASE("a resource annotation replaces the settings' resources whole: their limits might be below its requests") {
  CHECK(read({}).resources["limits"]["cpu"] == "2");
  const auto options = read({{"sidecar.istio.io/proxyCPU", "3"}, {"sidecar.istio.io/proxyMemoryLimit", "2Gi"}});
  CHECK(options.resources == Json{{"requests", {{"cpu", "3"}}}, {"limits", {{"memory", "2Gi"}}}});
}

TEST_CASE("proxy.istio.io/config, in YAML or JSON; a single annotation wins over it") {
  const auto options = read({{"proxy.istio.io/config",
                              "holdApplicationUntilProxyStarts: false\nconcurrency: 4\ndrainDuration: 60s\n"
                              "terminationDrainDuration: 10s\nproxyMetadata: {A: b}\ninterceptionMode: NONE\n"
                              "tracing: {sampling: 1}\n"},
                             {"sidecar.istio.io/interceptionMode", "REDIRECT"}});
  CHECK_FALSE(options.holdApplication);
  CHECK(options.concurrency == 4);
  CHECK(options.drain == std::chrono::seconds(60));
  CHECK(options.minimumDrain == std::chrono::seconds(10));
  CHECK(options.env.at("A") == "b");
  CHECK(options.traffic.mode == InterceptionMode::redirect);
  REQUIRE(options.warnings.size() == 1);
  CHECK(mentions(options.warnings[0], {"annotation proxy.istio.io/config", "tracing"}));
  CHECK(read({{"proxy.istio.io/config", R"({"concurrency": 1})"}}).concurrency == 1);
}

TEST_CASE("where statistics are sent: the settings' server, the pod's own, or none") {
  Settings settings;
  settings.statsdAddress = "statsd.monitoring:9125";
  CHECK(read({}, settings).statsdAddress == "statsd.monitoring:9125");
  CHECK(read({{"proxy.istio.io/config", "statsdUdpAddress: 10.0.0.7:8125"}}, settings).statsdAddress ==
        "10.0.0.7:8125");
  CHECK(read({{"proxy.istio.io/config", "statsdUdpAddress: ''"}}, settings).statsdAddress.empty());
  CHECK(
      mentions(refusalOf({{"proxy.istio.io/config", "statsdUdpAddress: statsd"}}), {"statsdUdpAddress", "host:port"}));
}

TEST_CASE("statistics that Envoy is to keep, by annotation or by proxyStatsMatcher") {
  const std::string config =
      "proxyStatsMatcher: {inclusionPrefixes: [cluster.outbound, http], inclusionRegexps: ['a.*b']}\n";
  const auto options = read({{"proxy.istio.io/config", config},
                             {"sidecar.istio.io/statsInclusionPrefixes", "listener"},
                             {"sidecar.istio.io/statsInclusionSuffixes", "handshake,active"}});
  CHECK(options.env.at("FAIRWAY_STATS_PREFIXES") == "listener");
  CHECK(options.env.at("FAIRWAY_STATS_SUFFIXES") == "handshake,active");
  CHECK(options.env.at("FAIRWAY_STATS_REGEXES") == "a.*b");
  CHECK(options.warnings.empty());
  CHECK(read({{"proxy.istio.io/config", config}}).env.at("FAIRWAY_STATS_PREFIXES") == "cluster.outbound,http");
  CHECK(mentions(refusalOf({{"proxy.istio.io/config", "proxyStatsMatcher: {inclusionPrefixes: ['a,b']}"}}),
                 {"inclusionPrefixes", "\"a,b\"", "commas"}));
}

TEST_CASE("what stands in front of a gateway goes to its proxy") {
  const auto options = read({{"proxy.istio.io/config",
                              "gatewayTopology: {numTrustedProxies: 2, forwardClientCertDetails: APPEND_FORWARD, "
                              "proxyProtocol: {}}\n"}});
  CHECK(options.env.at("FAIRWAY_GATEWAY_TOPOLOGY") ==
        "numTrustedProxies=2,forwardClientCertDetails=APPEND_FORWARD,proxyProtocol=true");
  // An empty one is one, too: the mesh's does not count then.
  CHECK(read({{"proxy.istio.io/config", "gatewayTopology: {}"}}).env.at("FAIRWAY_GATEWAY_TOPOLOGY") ==
        "numTrustedProxies=0");
  CHECK(options.warnings.empty());
  CHECK(mentions(refusalOf({{"proxy.istio.io/config", "gatewayTopology: {numTrustedProxies: -1}"}}),
                 {"gatewayTopology.numTrustedProxies", "-1"}));
  CHECK(mentions(refusalOf({{"proxy.istio.io/config", "gatewayTopology: {forwardClientCertDetails: ALL}"}}),
                 {"forwardClientCertDetails", "ALL", "SANITIZE_SET"}));
}

TEST_CASE("user volumes: a mapping or a list") {
  const auto options =
      read({{"sidecar.istio.io/userVolume", R"({"certs": {"secret": {"secretName": "s"}}})"},
            {"sidecar.istio.io/userVolumeMount", R"([{"name": "certs", "mountPath": "/etc/certs"}])"}});
  CHECK(options.volumes == yaml("[{name: certs, secret: {secretName: s}}]"));
  CHECK(options.volumeMounts == yaml("[{name: certs, mountPath: /etc/certs}]"));
}

TEST_CASE("each wrong annotation is named, with what was found and what is expected") {
  CHECK(mentions(refusalOf({{"traffic.sidecar.istio.io/excludeOutboundPorts", "80,https"}}),
                 {"annotation traffic.sidecar.istio.io/excludeOutboundPorts", "\"https\"", "1 to 65535"}));
  CHECK(mentions(refusalOf({{"traffic.sidecar.istio.io/includeOutboundIPRanges", "10.0.0.5/8"}}),
                 {"includeOutboundIPRanges", "10.0.0.5/8", "10.0.0.0/8"}));
  CHECK(mentions(refusalOf({{"sidecar.istio.io/proxyCPU", "lots"}}), {"proxyCPU", "\"lots\"", "100m"}));
  CHECK(mentions(refusalOf({{"sidecar.istio.io/logLevel", "loud"}}), {"logLevel", "\"loud\"", "debug"}));
  CHECK(mentions(refusalOf({{"sidecar.istio.io/interceptionMode", "TPROXY"}}), {"TPROXY", "REDIRECT or NONE"}));
  CHECK(mentions(refusalOf({{"sidecar.istio.io/nativeSidecar", "maybe"}}), {"nativeSidecar", "\"maybe\"", "\"true\""}));
  CHECK(mentions(refusalOf({{"sidecar.istio.io/proxyImage", "a b"}}), {"proxyImage", "\"a b\""}));
  CHECK(mentions(refusalOf({{"sidecar.istio.io/userVolume", "{"}}), {"userVolume", "emptyDir"}));
  CHECK(mentions(refusalOf({{"sidecar.istio.io/userVolumeMount", R"({"a":{"mountPath":"x"}})"}}), {"absolute"}));
  CHECK(mentions(refusalOf({{"proxy.istio.io/config", "concurrency: many"}}), {"concurrency", "\"many\""}));
  CHECK(mentions(refusalOf({{"proxy.istio.io/config", "{"}}), {"proxy.istio.io/config", "line 1"}));
  CHECK(mentions(refusalOf({{"inject.istio.io/templates", "sidecar,mine"}}), {"\"mine\"", "gateway, sidecar"}));
  CHECK(mentions(refusalOf({{"inject.istio.io/templates", " , "}}), {"inject.istio.io/templates"}));
  const auto both = refusalOf({{"sidecar.istio.io/proxyCPU", "x"}, {"sidecar.istio.io/logLevel", "y"}});
  CHECK(mentions(both, {"proxyCPU", "logLevel"}));
}

TEST_CASE("annotations of the mesh that have no effect are told, others are nobody's business") {
  const auto options = read({{"sidecar.istio.io/bootstrapOverride", "x"},
                             {"status.sidecar.istio.io/port", "15020"},
                             {"sidecar.istio.io/inject", "true"},
                             {"example.org/anything", "y"}});
  REQUIRE(options.warnings.size() == 1);
  CHECK(mentions(options.warnings[0], {"sidecar.istio.io/bootstrapOverride", "not supported"}));
}

TEST_CASE("native sidecars: by the API server's version, unless the settings or the pod say otherwise") {
  Settings settings;
  CHECK(readOptions({}, settings, true)->native);
  CHECK_FALSE(readOptions({}, settings, false)->native);
  CHECK(readOptions({{"sidecar.istio.io/nativeSidecar", "true"}}, settings, false)->native);
  settings.nativeSidecars = NativeSidecars::never;
  CHECK_FALSE(readOptions({}, settings, true)->native);
}
