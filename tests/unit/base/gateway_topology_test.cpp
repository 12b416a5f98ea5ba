#include "model/gateway_topology.h"

#include <catch2/catch.hpp>

using namespace fairway::model;
using ClientCertificate = GatewayTopology::ClientCertificate;

TEST_CASE("a gateway's topology survives being text") {
  const auto topology = GENERATE(GatewayTopology{}, GatewayTopology{.trustedProxies = 2},
                                 GatewayTopology{.clientCertificate = ClientCertificate::sanitize},
                                 GatewayTopology{100, ClientCertificate::always_forward_only, true},
                                 GatewayTopology{.proxyProtocol = true});
  CAPTURE(toText(topology));
  CHECK(parseGatewayTopology(toText(topology)) == topology);
}

TEST_CASE("the default topology is no text") { CHECK(toText({}).empty()); }

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
