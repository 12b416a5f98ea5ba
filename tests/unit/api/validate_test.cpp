#include "api/validate.h"

#include <catch2/catch.hpp>

namespace fairway::api {
namespace {

TEST_CASE("DNS labels and subdomains") {
  for (const auto* text : {"a", "web", "web-1", "1web"}) CHECK(isDnsLabel(text));
  for (const auto* text : {"", "-a", "a-", "A", "a.b", "a_b", "a/b"}) CHECK_FALSE(isDnsLabel(text));
  CHECK(isDnsLabel(std::string(63, 'a')));
  CHECK_FALSE(isDnsLabel(std::string(64, 'a')));
  CHECK(isDnsSubdomain("a.b-c.d1"));
  for (const auto* text : {"", ".", "a.", ".a", "a..b", "a.-b", "a/b", "a b"}) CHECK_FALSE(isDnsSubdomain(text));
  CHECK_FALSE(isDnsSubdomain(std::string(254, 'a')));
}

TEST_CASE("hosts and patterns of hosts") {
  for (const auto* text :
       {"reviews", "Reviews.Default", "a.b.svc.cluster.local", "a.example.", "10.0.0.1", "::1", "my_host"}) {
    INFO(text);
    CHECK(isHost(text));
    CHECK(isHostPattern(text));
  }
  for (const auto* text : {"", "a b", "http://a", "a:80", "a/b", "*a.com", "a.*.com", "-a.com", "..", "*."}) {
    INFO(text);
    CHECK_FALSE(isHostPattern(text));
  }
  CHECK(isHostPattern("*"));
  CHECK(isHostPattern("*.example.com"));
  CHECK_FALSE(isHost("*"));
  CHECK_FALSE(isHost("*.example.com"));
}

TEST_CASE("addresses and ranges") {
  for (const auto* text : {"1.2.3.4", "::1", "1.2.3.4/0", "1.2.3.4/32", "fd00::/8", "::/128"}) CHECK(isIpOrCidr(text));
  for (const auto* text :
       {"", "1.2.3", "1.2.3.4/33", "::/129", "1.2.3.4/", "1.2.3.4/x", "1.2.3.4/-1", "a", "/8", "1.2.3.4 "}) {
    INFO(text);
    CHECK_FALSE(isIpOrCidr(text));
  }
}

TEST_CASE("labels") {
  for (const auto* text : {"app", "app.kubernetes.io/name", "A_b.c-d"}) CHECK(isLabelKey(text));
  for (const auto* text : {"", "/a", "a/", "a/b/c", "-a", "A.io/a", "*"}) CHECK_FALSE(isLabelKey(text));
  CHECK(isLabelValue(""));
  CHECK(isLabelValue("v1.2_x-Y"));
  CHECK_FALSE(isLabelValue("*"));
  CHECK_FALSE(isLabelValue(std::string(64, 'a')));
}

TEST_CASE("patterns are RE2's") {
  int groups = 0;
  CHECK_FALSE(regexProblem("/a/(.*)/(b|c)", &groups));
  CHECK(groups == 2);
  CHECK(regexProblem("(?=a)")->find("refused by RE2: invalid perl operator: (?=") != std::string::npos);
  CHECK(regexProblem("a(")->find("\"a(\"") != std::string::npos);
  CHECK(regexProblem("(a)\\1"));
  CHECK(regexProblem(""));
  CHECK(regexProblem("((a{1000}){1000}){1000}"));
}

TEST_CASE("header values with commands") {
  for (const auto* text :
       {"", "plain", "50%%", "%PROTOCOL%", "a %REQ(:path)% b", "%REQ(x?y):10%", "%START_TIME(%Y)%"}) {
    INFO(text);
    CHECK_FALSE(headerValueProblem(text));
  }
  for (const auto* text : {"50%", "%", "%lower%", "%REQ(x", "%REQ(x)", "%%%", "a\r\nb", "%REQ(x):1"}) {
    INFO(text);
    CHECK(headerValueProblem(text));
  }
  CHECK(headerValueProblem(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace fairway::api
