#include <catch2/catch.hpp>

#include "model/common.h"

using namespace fairway::model;

TEST_CASE("provenance prints as kind, name and rule") {
  CHECK(Provenance{"VirtualService", "onap", "portal", "http[0]"}.toString() == "VirtualService/onap/portal http[0]");
  CHECK(Provenance{"MeshPolicy", "", "default", ""}.toString() == "MeshPolicy/default");
}

TEST_CASE("protocols say how they are routed") {
  struct Case {
    Protocol protocol;
    const char* text;
    bool http, http2, tls;
  };
  const Case cases[] = {
      {Protocol::tcp, "TCP", false, false, false},          {Protocol::http, "HTTP", true, false, false},
      {Protocol::http2, "HTTP2", true, true, false},        {Protocol::grpc, "GRPC", true, true, false},
      {Protocol::grpc_web, "GRPC-Web", true, false, false}, {Protocol::https, "HTTPS", false, false, true},
      {Protocol::tls, "TLS", false, false, true},           {Protocol::udp, "UDP", false, false, false},
      {Protocol::mongo, "Mongo", false, false, false},      {Protocol::redis, "Redis", false, false, false},
      {Protocol::mysql, "MySQL", false, false, false},
  };
  for (const auto& c : cases) {
    CHECK(toString(c.protocol) == c.text);
    CHECK(isHttp(c.protocol) == c.http);
    CHECK(isHttp2(c.protocol) == c.http2);
    CHECK(isTls(c.protocol) == c.tls);
  }
}
