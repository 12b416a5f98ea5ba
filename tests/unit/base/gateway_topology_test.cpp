#include "base/gateway_topology.h"

#include <catch2/catch.hpp>

using namespace fairway;
using ClientCertificate = GatewayTopology::ClientCertificate;

TEST_CASE("a gateway's topology survives being text") {
  const std::optional<GatewayTopology> topology = GENERATE(
      GatewayTopology{}, GatewayTopology{.trustedProxies = 2},
      GatewayTopology{.clientCertificate = ClientCertificate::sanitize},
      GatewayTopology{100, ClientCertificate::always_forward_only, true}, GatewayTopology{.proxyProtocol = true});
  CAPTURE(toText(topology));
  CHECK(parseGatewayTopology(toText(topology)).value() == topology);
}

TEST_CASE("no topology is no text; the default one is one that somebody chose") {
  CHECK(toText(std::nullopt).empty());
  CHECK_FALSE(parseGatewayTopology("").value().has_value());
  CHECK(toText(GatewayTopology{}) == "numTrustedProxies=0");
}

TEST_CASE("a topology that cannot be read says why") {
  const auto [text, why] = GENERATE(table<std::string, std::string>({
      {"numTrustedProxies=101", "from 0 to 100"},
      {"numTrustedProxies=-1", "from 0 to 100"},
      {"numTrustedProxies=", "from 0 to 100"},
      {"forwardClientCertDetails=forward_only", "expected SANITIZE"},
      {"proxyProtocol=false", "expected numTrustedProxies="},
      {"numTrustedProxies=1,", "found \"\""},
  }));
  const auto read = parseGatewayTopology(text);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().message.find(why) != std::string::npos);
}
