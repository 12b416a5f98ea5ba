#include "identity/spiffe.h"

#include <catch2/catch.hpp>

using namespace fairway::identity;

TEST_CASE("a SPIFFE ID is parsed and printed") {
  const auto id = SpiffeId::parse("spiffe://cluster.local/ns/onap/sa/msb.iag-1");
  REQUIRE(id);
  CHECK(*id == SpiffeId{"cluster.local", {"onap", "msb.iag-1"}});
  CHECK(id->toString() == "spiffe://cluster.local/ns/onap/sa/msb.iag-1");
}

TEST_CASE("anything but the exact form of a SPIFFE ID is refused") {
  const std::string longName(254, 'a');
  const std::string text = GENERATE_COPY(
      as<std::string>{}, "", "spiffe://", "cluster.local/ns/a/sa/b", "https://cluster.local/ns/a/sa/b",
      "SPIFFE://cluster.local/ns/a/sa/b", "spiffe://Cluster.local/ns/a/sa/b", "spiffe://cluster.local/ns/A/sa/b",
      "spiffe://cluster.local/ns/a/sa/B", "spiffe://cluster.local/NS/a/sa/b", "spiffe://cluster.local/ns/a/sa/b/",
      "spiffe://cluster.local/ns/a/sa/b/c", "spiffe://cluster.local/ns/a/sa/", "spiffe://cluster.local/ns//sa/b",
      "spiffe:///ns/a/sa/b", "spiffe://cluster.local//ns/a/sa/b", "spiffe://cluster.local/ns/a/sa/b?x=1",
      "spiffe://cluster.local/ns/a/sa/b#x", "spiffe://cluster.local:80/ns/a/sa/b",
      "spiffe://user@cluster.local/ns/a/sa/b", "spiffe://cluster.local/ns/a%2f/sa/b",
      "spiffe://cluster.local/ns/../sa/b", "spiffe://cluster.local/ns/a/sa/.", "spiffe://cluster.local/ns/a/sa/b..c",
      "spiffe://cluster.local/ns/-a/sa/b", "spiffe://cluster.local/ns/a.b/sa/c", "spiffe://cluster.local/ns/a/sa/b ",
      " spiffe://cluster.local/ns/a/sa/b", "spiffe://cluster.local/ns/a/sa/b\n", "spiffe://cluster.local/sa/b/ns/a",
      "spiffe://cluster.local/ns/a/sa/" + longName, "spiffe://" + std::string(256, 'a') + "/ns/a/sa/b",
      "spiffe://cluster.local/ns/a/sa/b" + std::string("\0", 1), "spiffe://x/ns/a/sa/" + std::string(5000, 'b'));
  CAPTURE(text);
  CHECK_FALSE(SpiffeId::parse(text));
}

TEST_CASE("a message about a bad SPIFFE ID is bounded and printable") {
  const auto id = SpiffeId::parse("spiffe://a/\n\x1b[31m" + std::string(1000, 'x'));
  REQUIRE_FALSE(id);
  CHECK(id.error().message.size() < 400);
  CHECK(id.error().message.find('\x1b') == std::string::npos);
  CHECK(id.error().message.find('\n') == std::string::npos);
}

TEST_CASE("a SPIFFE ID is made of checked parts only") {
  CHECK(SpiffeId::make("mesh.example_1", {"a", "b"}));
  CHECK_FALSE(SpiffeId::make("mesh/ns/x", {"a", "b"}));
  CHECK_FALSE(SpiffeId::make("mesh", {"a/sa/b", "b"}));
  CHECK_FALSE(SpiffeId::make("mesh", {"a", "b/c"}));
}

TEST_CASE("service account user names") {
  CHECK(parseServiceAccountUsername("system:serviceaccount:onap:msb").value() == ServiceAccount{"onap", "msb"});
  CHECK(serviceAccountUsername({"onap", "msb"}) == "system:serviceaccount:onap:msb");
  for (const auto* text : {"", "system:serviceaccount:", "system:serviceaccount:a", "system:serviceaccount:a:b:c",
                           "system:node:a", "system:serviceaccount::b", "system:serviceaccount:a:",
                           "system:serviceaccounts:a:b", "system:serviceaccount:A:b", "x:system:serviceaccount:a:b"}) {
    CAPTURE(text);
    CHECK_FALSE(parseServiceAccountUsername(text));
  }
}
