#include "discovery/node.h"

#include <catch2/catch.hpp>

namespace fairway::discovery {
namespace {

Node sidecar() {
  return Node{.id = "sidecar~10.0.0.1~web-1.2.onap~onap.svc.cluster.local",
              .cluster = "web.onap",
              .metadata = {{"NAME", "web-1.2"}, {"NAMESPACE", "onap"}, {"SERVICE_ACCOUNT", "web"}},
              .labels = {{"app", "web"}}};
}

std::string refusal(const Node& node) {
  const auto proxy = proxyFromNode(node);
  REQUIRE_FALSE(proxy);
  return proxy.error().message;
}

}  // namespace

TEST_CASE("a sidecar's node") {
  auto node = sidecar();
  const auto proxy = proxyFromNode(node).value();
  CHECK(proxy.type == translate::ProxyType::sidecar);
  CHECK(proxy.pod == "web-1.2");
  CHECK(proxy.ns == "onap");
  CHECK(proxy.serviceAccount == "web");
  CHECK(proxy.labels == model::Labels{{"app", "web"}});
  CHECK(proxy.ips == std::vector<std::string>{"10.0.0.1"});
  CHECK(proxy.interception == translate::Interception::redirect);
  CHECK_FALSE(proxy.unprivileged);
  CHECK(proxyId(proxy) == "web-1.2.onap");
  CHECK(proxy.metadata.empty());
}

TEST_CASE("metadata that EnvoyFilters can match: short texts that nothing else of the proxy says") {
  auto node = sidecar();
  node.metadata["CLUSTER_ID"] = "Kubernetes";
  node.metadata["ISTIO_VERSION"] = "1.27.0";
  node.metadata["EMPTY"] = "";
  node.metadata["LONG"] = std::string(257, 'x');
  const auto proxy = proxyFromNode(node).value();
  CHECK(proxy.metadata ==
        std::map<std::string, std::string>{{"CLUSTER_ID", "Kubernetes"}, {"ISTIO_VERSION", "1.27.0"}});
}

TEST_CASE("a gateway's node with all metadata") {
  auto node = sidecar();
  node.id = "router~127.0.0.2~gw.istio-system~istio-system.svc.cluster.local";
  node.metadata = {
      {"INSTANCE_IPS", "127.0.0.2, fd00::1"}, {"INTERCEPTION_MODE", "NONE"},
      {"UNPRIVILEGED_POD", "true"},           {"FAIRWAY_OUTBOUND_ADDRESS", "127.0.0.3"},
      {"FAIRWAY_APP_ADDRESS", "127.0.0.4"},   {"FAIRWAY_GATEWAY_TOPOLOGY", "numTrustedProxies=2,proxyProtocol=true"}};
  const auto proxy = proxyFromNode(node).value();
  CHECK(proxy.type == translate::ProxyType::gateway);
  CHECK(proxy.ips == std::vector<std::string>{"127.0.0.2", "fd00::1"});
  CHECK(proxy.interception == translate::Interception::none);
  CHECK(proxy.unprivileged);
  CHECK(proxy.outboundAddress == "127.0.0.3");
  CHECK(proxy.appAddress == "127.0.0.4");
  CHECK(proxy.topology == GatewayTopology{.trustedProxies = 2, .proxyProtocol = true});
}

TEST_CASE("malformed nodes are refused with the field") {
  auto node = sidecar();
  SECTION("parts") {
    node.id = "sidecar~10.0.0.1~web.onap";
    CHECK(refusal(node).find("the id has 3 parts; expected <sidecar|router>~") != std::string::npos);
  }
  SECTION("type") {
    node.id = "ztunnel~10.0.0.1~web.onap~x";
    CHECK(refusal(node).find("type \"ztunnel\" is not known") != std::string::npos);
  }
  SECTION("pod") {
    node.id = GENERATE("sidecar~10.0.0.1~web~x", "sidecar~10.0.0.1~.onap~x", "sidecar~10.0.0.1~web.~x");
    CHECK(refusal(node).find("is not <pod>.<namespace>") != std::string::npos);
  }
  SECTION("address in the id") {
    node.id = "sidecar~10.0.0~web-1.2.onap~x";
    CHECK(refusal(node).find("the id has \"10.0.0\", which is no IP address") != std::string::npos);
  }
  SECTION("addresses in metadata") {
    node.metadata["INSTANCE_IPS"] = "10.0.0.1,";
    CHECK(refusal(node).find("metadata INSTANCE_IPS has \"\"") != std::string::npos);
  }
  SECTION("two namespaces") {
    node.metadata["NAMESPACE"] = "other";
    CHECK(refusal(node).find("metadata NAMESPACE is \"other\", but the id says \"onap\"") != std::string::npos);
  }
  SECTION("two pods") {
    node.metadata["NAME"] = "other";
    CHECK(refusal(node).find("metadata NAME is \"other\", but the id says \"web-1.2\"") != std::string::npos);
  }
  SECTION("mode") {
    node.metadata["INTERCEPTION_MODE"] = "MAGIC";
    CHECK(refusal(node).find("expected REDIRECT or NONE") != std::string::npos);
  }
  SECTION("bind address") {
    node.metadata["FAIRWAY_APP_ADDRESS"] = "localhost";
    CHECK(refusal(node).find("metadata FAIRWAY_APP_ADDRESS is \"localhost\"") != std::string::npos);
  }
  SECTION("too many addresses") {
    std::string many = "10.0.0.1";
    for (int i = 0; i < 32; ++i) many += ",10.0.0.1";
    node.metadata["INSTANCE_IPS"] = many;
    CHECK(refusal(node).find("more than 32 IP addresses") != std::string::npos);
  }
}

TEST_CASE("claims must be the caller's") {
  const auto proxy = proxyFromNode(sidecar()).value();
  CHECK(checkClaims(proxy, {.trustDomain = "td", .ns = "onap", .serviceAccount = "web"}));
  const auto wrong = checkClaims(proxy, {.trustDomain = "td", .ns = "onap", .serviceAccount = "db"});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().message ==
        "proxy web-1.2.onap says it runs as service account \"onap/web\", but the caller is spiffe://td/ns/onap/sa/db; "
        "NAMESPACE and SERVICE_ACCOUNT of the node must be those of the caller's identity");
  CHECK_FALSE(checkClaims(proxy, {.trustDomain = "td", .ns = "other", .serviceAccount = "web"}));
}

}  // namespace fairway::discovery
