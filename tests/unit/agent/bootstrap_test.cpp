#include "agent/bootstrap.h"

#include <algorithm>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "support.h"

using namespace fairway::agent;
using namespace fairway::agent::test;
using nlohmann::json;

namespace {

json parsed(const AgentOptions& options) { return json::parse(bootstrap(options, options.workDir + "/sds.sock")); }

const json& cluster(const json& bootstrap, const std::string& name) {
  for (const auto& each : bootstrap.at("static_resources").at("clusters")) {
    if (each.at("name") == name) return each;
  }
  throw std::runtime_error("no cluster " + name);
}

}  // namespace

TEST_CASE("the node says what the control plane wants to know") {
  TemporaryDirectory directory;
  auto options = optionsIn(directory);
  options.ips = {"10.0.0.7", "fd00::7"};
  options.labels = {{"app", "portal"}, {"version", "v1"}};
  auto node = parsed(options).at("node");
  CHECK(node.at("id") == "sidecar~10.0.0.7~portal-1.onap~onap.svc.cluster.local");
  CHECK(node.at("cluster") == "portal.onap");
  CHECK(node.at("metadata") == json{{"NAME", "portal-1"},
                                    {"NAMESPACE", "onap"},
                                    {"SERVICE_ACCOUNT", "portal"},
                                    {"LABELS", {{"app", "portal"}, {"version", "v1"}}},
                                    {"INSTANCE_IPS", "10.0.0.7,fd00::7"},
                                    {"INTERCEPTION_MODE", "REDIRECT"}});
  options.proxyType = ProxyType::router;
  options.interception = Interception::none;
  options.unprivileged = true;
  options.outboundAddress = "127.0.0.2";
  options.appAddress = "127.0.0.3";
  options.gatewayTopology = "numTrustedProxies=2";
  node = parsed(options).at("node");
  CHECK(node.at("id") == "router~10.0.0.7~portal-1.onap~onap.svc.cluster.local");
  CHECK(node.at("metadata").at("INTERCEPTION_MODE") == "NONE");
  CHECK(node.at("metadata").at("UNPRIVILEGED_POD") == "true");
  CHECK(node.at("metadata").at("FAIRWAY_OUTBOUND_ADDRESS") == "127.0.0.2");
  CHECK(node.at("metadata").at("FAIRWAY_APP_ADDRESS") == "127.0.0.3");
  CHECK(node.at("metadata").at("FAIRWAY_GATEWAY_TOPOLOGY") == "numTrustedProxies=2");
}

TEST_CASE("a Fluentd logger finds its cluster, which leads to a listener that the control plane sends") {
  TemporaryDirectory directory;
  const auto whole = parsed(optionsIn(directory));
  CHECK(whole.at("bootstrap_extensions").at(0).at("name") == "envoy.bootstrap.internal_listener");
  for (const auto* name : {"fluentd-1", "fluentd-4"}) {
    const auto& found = cluster(whole, name);
    CHECK(found.at("type") == "STATIC");
    const auto& address =
        found.at("load_assignment").at("endpoints").at(0).at("lb_endpoints").at(0).at("endpoint").at("address");
    CHECK(address == json{{"envoy_internal_address", {{"server_listener_name", name}}}});
  }
}

TEST_CASE("xDS is delta, or the state of the world if so told") {
  TemporaryDirectory directory;
  auto options = optionsIn(directory);
  CHECK(parsed(options).at("dynamic_resources").at("ads_config").at("api_type") == "DELTA_GRPC");
  REQUIRE(applyEnvironment(options, [](const std::string& name) -> std::optional<std::string> {
    if (name == "ISTIO_DELTA_XDS") return "false";
    return std::nullopt;
  }));
  CHECK(parsed(options).at("dynamic_resources").at("ads_config").at("api_type") == "GRPC");
}

TEST_CASE("the control plane's certificate is checked for its name") {
  TemporaryDirectory directory;
  auto options = optionsIn(directory);
  options.discoveryAddress = "127.0.0.1:15012";
  const auto byAddress = parsed(options);
  const auto& tls = cluster(byAddress, "xds-grpc").at("transport_socket").at("typed_config");
  CHECK(tls.at("sni") == "istiod.istio-system.svc");
  const auto& validation = tls.at("common_tls_context").at("combined_validation_context");
  CHECK(validation.at("default_validation_context").at("match_typed_subject_alt_names") ==
        json::array({{{"san_type", "DNS"}, {"matcher", {{"exact", "istiod.istio-system.svc"}}}}}));
  CHECK(validation.at("validation_context_sds_secret_config").at("name") == "discovery-roots");
  CHECK(cluster(byAddress, "xds-grpc").at("type") == "STATIC");
  options.discoveryAddress = "control.example:15012";
  CHECK(cluster(parsed(options), "xds-grpc").at("type") == "STRICT_DNS");
}

TEST_CASE("the bootstrap holds no secret and is the same each time") {
  TemporaryDirectory directory;
  const auto options = optionsIn(directory);
  const auto text = bootstrap(options, "/x/sds.sock");
  CHECK(text == bootstrap(options, "/x/sds.sock"));
  CHECK(text.find("PRIVATE KEY") == std::string::npos);
  CHECK(text.find("/x/sds.sock") != std::string::npos);
}

TEST_CASE("a real Envoy accepts every form of the bootstrap") {
  TemporaryDirectory directory;
  auto options = optionsIn(directory);
  SECTION("a sidecar") { options.labels = {{"app", "po\"rt\\al\n"}}; }
  SECTION("a gateway, by IPv6") {
    options.proxyType = ProxyType::router;
    options.discoveryAddress = "[::1]:15012";
    options.ips = {"fd00::1"};
  }
  SECTION("without interception, with Prometheus") {
    options.interception = Interception::none;
    options.outboundAddress = "127.0.0.2";
    options.envoyAdminAddress = "127.0.0.1:15000";
    options.prometheusAddress = ":15090";
    options.xdsRelayAddress = "127.0.0.1:15008";
  }
  REQUIRE(complete(options));
  write(directory.path("bootstrap.json"), bootstrap(options, directory.path("sds.sock")));
  const auto validated = run(options.envoy + " --mode validate -c " + directory.path("bootstrap.json"));
  CAPTURE(validated.output);
  CHECK(validated.status == 0);
  CHECK(validated.output.find("deprecated") == std::string::npos);
}

TEST_CASE("metadata of the pod's environment does not replace what the agent says") {
  TemporaryDirectory directory;
  auto options = optionsIn(directory);
  options.metadata = {{"CLUSTER_ID", "Kubernetes"}, {"NAME", "other"}};
  options.annotations = {{"istio.io/rev", "canary"}};
  const auto metadata = parsed(options).at("node").at("metadata");
  CHECK(metadata.at("CLUSTER_ID") == "Kubernetes");
  CHECK(metadata.at("NAME") == "portal-1");
  CHECK(metadata.at("ANNOTATIONS") == json{{"istio.io/rev", "canary"}});
}

TEST_CASE("programs of the pod reach the control plane's xDS, and nothing else of it, by the proxy's identity") {
  TemporaryDirectory directory;
  auto options = optionsIn(directory);
  CHECK_FALSE(parsed(options).at("static_resources").contains("listeners"));
  options.xdsRelayAddress = "127.0.0.1:15008";
  const auto listener = parsed(options).at("static_resources").at("listeners").at(0);
  CHECK(listener.at("address").at("socket_address") == json{{"address", "127.0.0.1"}, {"port_value", 15008}});
  const auto manager = listener.at("filter_chains").at(0).at("filters").at(0).at("typed_config");
  const auto route = manager.at("route_config").at("virtual_hosts").at(0).at("routes").at(0);
  CHECK(route.at("match").at("prefix") == "/envoy.service.discovery.v3.AggregatedDiscoveryService/");
  CHECK(route.at("route").at("cluster") == "xds-grpc");
  CHECK(route.at("route").at("timeout") == "0s");
  for (const auto* wrong : {"10.0.0.1:15008", ":15008", "127.0.0.1:0", "localhost:15008", "unix:/x"}) {
    options.xdsRelayAddress = wrong;
    CAPTURE(wrong);
    const auto checked = complete(options);
    REQUIRE(!checked);
    CHECK(checked.error().message.find("--xds-relay-address") == 0);
  }
}

TEST_CASE("a pod with an IPv6 address serves metrics on both families") {
  TemporaryDirectory directory;
  auto options = optionsIn(directory);
  options.envoyAdminAddress = "127.0.0.1:15000";
  options.prometheusAddress = ":15090";
  const auto address = [&] {
    return parsed(options).at("static_resources").at("listeners").at(0).at("address").at("socket_address");
  };
  CHECK(address().at("address") == "0.0.0.0");
  options.ips = {"10.0.0.7", "fd00::7"};
  CHECK(address().at("address") == "::");
  CHECK(address().at("ipv4_compat") == true);
}

TEST_CASE("statistics are sent to a statsd server, if there is one, with the tags in the names or beside them") {
  TemporaryDirectory directory;
  auto options = optionsIn(directory);
  CHECK_FALSE(parsed(options).contains("stats_sinks"));
  options.statsdPrefix = "mesh";
  const auto sink = [&] {
    return json::parse(bootstrap(options, "/sds.sock", fairway::Address{"10.0.0.7", 9125, {}})).at("stats_sinks").at(0);
  };
  const json address = {{"socket_address", {{"protocol", "UDP"}, {"address", "10.0.0.7"}, {"port_value", 9125}}}};
  CHECK(sink().at("name") == "envoy.stat_sinks.statsd");
  CHECK(sink().at("typed_config").at("address") == address);
  CHECK(sink().at("typed_config").at("prefix") == "mesh");
  options.statsdTags = true;
  CHECK(sink().at("name") == "envoy.stat_sinks.dog_statsd");
  CHECK(sink().at("typed_config").at("address") == address);
}

TEST_CASE("Envoy keeps few statistics of its own, and those that the pod asks for") {
  TemporaryDirectory directory;
  auto options = optionsIn(directory);
  const auto patterns = [&] {
    return parsed(options).at("stats_config").at("stats_matcher").at("inclusion_list").at("patterns");
  };
  const auto has = [&](const json& pattern) {
    const auto all = patterns();
    return std::find(all.begin(), all.end(), pattern) != all.end();
  };
  // Ours, and what draining and the tools look at.
  for (const json& pattern :
       {json{{"prefix", "istio."}}, json{{"prefix", "server."}}, json{{"suffix", "downstream_cx_active"}},
        json{{"suffix", "downstream_rq_active"}}, json{{"suffix", "shadow_denied"}}}) {
    CAPTURE(pattern.dump());
    CHECK(has(pattern));
  }
  const auto before = patterns().size();
  options.statsPrefixes = {"cluster.outbound", "http.inbound", "listener."};
  options.statsSuffixes = {"ssl.handshake"};
  options.statsRegexes = {"^a.*b$"};
  CHECK(patterns().size() == before + 5);
  CHECK(has({{"prefix", "cluster.outbound"}}));
  CHECK(has({{"prefix", "http.inbound"}}));
  CHECK(has({{"prefix", "listener."}}));
  CHECK(has({{"suffix", "ssl.handshake"}}));
  CHECK(has({{"safe_regex", {{"regex", "^a.*b$"}}}}));
  CHECK(complete(options));
  options.statsSuffixes = {std::string(257, 'a')};
  CHECK(complete(options).error().message.find("--stats-suffixes") != std::string::npos);
  options.statsSuffixes.clear();
  options.statsRegexes = {"a["};
  CHECK(complete(options).error().message.find("--stats-regexes: \"a[\": missing ]") != std::string::npos);
  options.statsRegexes.assign(65, "a");
  CHECK(complete(options).error().message.find("--stats-regexes: 65 names") != std::string::npos);
}
