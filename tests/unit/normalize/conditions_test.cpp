#include <re2/re2.h>
#include <catch2/catch.hpp>

#include "normalize/conditions.h"
#include "support/evaluate_condition.h"

using namespace fairway;
using namespace fairway::normalize;
using fairway::test::holds;
using fairway::test::Request;
using Type = model::StringMatcher::Type;

TEST_CASE("patterns: exact, prefix, suffix, presence") {
  CHECK(patternMatcher("a") == model::StringMatcher{Type::exact, "a", false});
  CHECK(patternMatcher("a*") == model::StringMatcher{Type::prefix, "a", false});
  CHECK(patternMatcher("*a") == model::StringMatcher{Type::suffix, "a", false});
  CHECK(patternMatcher("*") == model::StringMatcher{});
  // A star on both sides is a suffix test for the literal rest.
  CHECK(patternMatcher("*a*") == model::StringMatcher{Type::suffix, "a*", false});
  CHECK(matchesPattern("*", ""));
  CHECK(matchesPattern("a*", "ab"));
  CHECK(matchesPattern("*b", "ab"));
  CHECK_FALSE(matchesPattern("a", "A"));
  CHECK_FALSE(matchesPattern("", "a"));
}

TEST_CASE("quoted text is a regular expression for itself alone") {
  for (const std::string text : {"a.b", "a+b*c?", "^$|()[]{}\\", "\n\t\x01", "ü/ä-_", "a\"b'"}) {
    const RE2 expression(quoteRegex(text));
    REQUIRE(expression.ok());
    CHECK(RE2::FullMatch(text, expression));
    CHECK_FALSE(RE2::FullMatch(text + "x", expression));
  }
  CHECK_FALSE(RE2::FullMatch("axb", quoteRegex("a.b")));
}

TEST_CASE("addresses and ranges") {
  CHECK(parseCidr("10.0.0.1") == "10.0.0.1/32");
  CHECK(parseCidr("10.0.0.0/8") == "10.0.0.0/8");
  CHECK(parseCidr("::1") == "::1/128");
  CHECK(parseCidr("fd00::/8") == "fd00::/8");
  for (const auto* bad :
       {"", "x", "10.0.0", "10.0.0.1/33", "::1/129", "10.0.0.1/", "10.0.0.1/-1", "10.0.0.1/8x", "*"}) {
    CHECK_FALSE(parseCidr(bad));
  }
  CHECK(parsePort("0") == 0U);
  CHECK(parsePort("65535") == 65535U);
  for (const auto* bad : {"", "65536", "-1", "80x", " 80"}) CHECK_FALSE(parsePort(bad));
}

TEST_CASE("hosts are compared in any case, with and without port (CVE-2021-39155)") {
  const auto check = [](const std::string& pattern, const std::string& host) {
    return holds(hostCondition(pattern), Request{.host = host});
  };
  for (const auto* host : {"a.example.com", "A.EXAMPLE.com", "a.example.com:8080"}) {
    CHECK(check("a.Example.com", host));
    CHECK(check("*.example.COM", host));
    CHECK(check("a.exam*", host));
    CHECK(check("*", host));
    CHECK_FALSE(check("b.example.com", host));
    CHECK_FALSE(check("*.example.org", host));
  }
  CHECK_FALSE(check("*.example.com", "a.exampleXcom:80"));
  CHECK_FALSE(check("a.example.com", "a.example.com.evil.org"));
}

TEST_CASE("paths: patterns, and templates where they are known") {
  const auto check = [](const std::string& pattern, const std::string& path, bool templates = true) {
    return holds(pathCondition(pattern, templates), Request{.path = path});
  };
  CHECK(check("/a", "/a"));
  CHECK_FALSE(check("/a", "/A"));
  CHECK(check("/a/*", "/a/b/c"));
  CHECK(check("*.html", "/x.html"));
  CHECK(check("/a/{*}/c", "/a/b/c"));
  CHECK_FALSE(check("/a/{*}/c", "/a/b/x/c"));
  CHECK_FALSE(check("/a/{*}/c", "/a//c"));
  CHECK(check("/a/{**}", "/a/b/c"));
  CHECK(check("/a.b/{**}/z", "/a.b/x/y/z"));
  CHECK_FALSE(check("/a.b/{*}", "/aXb/c"));
  CHECK(check("/a/{*}", "/a/{*}", false));
  CHECK_FALSE(check("/a/{*}", "/a/b", false));
}

TEST_CASE("aliases of the trust domain stand for it in principals") {
  store::MeshConfig mesh;
  mesh.trustDomain = "corp";
  const std::vector<std::string> aliases{"old.example", "older.example"};
  const auto check = [&](const std::string& pattern, const std::string& principal) {
    return holds(principalCondition(pattern, mesh, true, aliases), Request{.principal = principal});
  };
  const std::vector<std::string> ours{"corp", "old.example", "older.example"};
  for (const auto& written : ours) {
    for (const auto& peer : ours) CHECK(check(written + "/ns/a/sa/b", peer + "/ns/a/sa/b"));
    CHECK_FALSE(check(written + "/ns/a/sa/b", "foreign/ns/a/sa/b"));
    CHECK_FALSE(check(written + "/ns/a/sa/b", "corp/ns/a/sa/c"));
    CHECK(check("cluster.local/ns/a/sa/*", written + "/ns/a/sa/c"));
    CHECK_FALSE(check("foreign/ns/a/sa/b", written + "/ns/a/sa/b"));
    CHECK(check("*.example/ns/a/sa/b", written + "/ns/a/sa/b"));  // it fits one of them, so it means all
  }
  CHECK(check("foreign/ns/a/sa/b", "foreign/ns/a/sa/b"));
}

TEST_CASE("principals are written without spiffe://, trust domains stand for each other") {
  store::MeshConfig mesh;
  const auto check = [&](const std::string& pattern, const std::string& principal, bool expand = true) {
    return holds(principalCondition(pattern, mesh, expand), Request{.principal = principal});
  };
  CHECK(check("cluster.local/ns/a/sa/b", "cluster.local/ns/a/sa/b"));
  CHECK(check("*", "cluster.local/ns/a/sa/b"));
  CHECK_FALSE(check("*", ""));
  CHECK(check("*/sa/b", "cluster.local/ns/a/sa/b"));  // CVE-2020-16844
  CHECK(check("cluster.local/ns/a/*", "cluster.local/ns/a/sa/b"));
  CHECK_FALSE(check("cluster.local/ns/a/sa/b", "cluster.local/ns/a/sa/bb"));
  mesh.trustDomain = "corp";
  CHECK(check("cluster.local/ns/a/sa/b", "corp/ns/a/sa/b"));
  CHECK(check("corp/ns/a/sa/b", "cluster.local/ns/a/sa/b"));
  CHECK(check("cluster.local/ns/a/sa/*", "corp/ns/a/sa/b"));
  CHECK_FALSE(check("cluster.local/ns/a/sa/b", "corp/ns/a/sa/b", false));
  CHECK_FALSE(check("cluster.local/ns/a*", "corp/ns/a/sa/b"));  // not five parts
  CHECK_FALSE(check("other/ns/a/sa/b", "corp/ns/a/sa/b"));
}

TEST_CASE("namespaces may have stars anywhere, and no regular expression gets in") {
  const auto check = [](const std::string& pattern, const std::string& ns) {
    return holds(namespaceCondition(pattern), Request{.principal = "td/ns/" + ns + "/sa/x"});
  };
  CHECK(check("a", "a"));
  CHECK_FALSE(check("a", "ab"));
  CHECK(check("a*", "ab"));
  CHECK(check("*b", "ab"));
  CHECK(check("a*c", "abc"));
  CHECK(check("*b*", "abc"));
  CHECK(check("*", "abc"));
  CHECK(check("a*c*e", "abcde"));
  CHECK_FALSE(check("a*c", "abd"));
  CHECK_FALSE(check("a.c", "abc"));
  CHECK_FALSE(check("a.*c", "abc"));
  CHECK_FALSE(holds(namespaceCondition("*"), Request{}));
}

TEST_CASE("service accounts are of the policy's namespace unless they name one") {
  const Request request{.principal = "td/ns/a/sa/b"};
  CHECK(holds(serviceAccountCondition("b", "a"), request));
  CHECK(holds(serviceAccountCondition("a/b", "z"), request));
  CHECK_FALSE(holds(serviceAccountCondition("b", "z"), request));
}

TEST_CASE("tokens: principals are issuer and subject, claims texts or lists") {
  Request request;
  request.claims = {{"iss", {"https://i/x"}}, {"sub", {"s"}}, {"groups", {"g1", "g2"}}};
  CHECK(holds(requestPrincipalCondition("https://i/x/s"), request));
  CHECK(holds(requestPrincipalCondition("https://i/*"), request));
  CHECK(holds(requestPrincipalCondition("https://i/x/*"), request));
  CHECK(holds(requestPrincipalCondition("*/s"), request));
  CHECK(holds(requestPrincipalCondition("*/x/s"), request));
  CHECK(holds(requestPrincipalCondition("*"), request));
  CHECK_FALSE(holds(requestPrincipalCondition("https://i/x/t"), request));
  CHECK_FALSE(holds(requestPrincipalCondition("https://other/*"), request));
  CHECK_FALSE(holds(requestPrincipalCondition("*"), Request{}));
  request.claims["sub"] = {"s/t"};
  CHECK(holds(requestPrincipalCondition("https://i/x/s/t"), request));
  CHECK(holds(claimCondition({"groups"}, "g2"), request));
  CHECK_FALSE(holds(claimCondition({"groups"}, "g3"), request));
}

TEST_CASE("keys with brackets") {
  using Names = std::vector<std::string>;
  CHECK(bracketed("request.headers[X]", "request.headers") == Names{"X"});
  CHECK(bracketed("c[a][b]", "c") == Names{"a", "b"});
  for (const auto* bad : {"request.headers", "request.headers[]", "request.headers[x", "request.headersx[y]", "x[y]"}) {
    CHECK_FALSE(bracketed(bad, "request.headers"));
  }
}
