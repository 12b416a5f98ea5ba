#include "analyze/covering.h"

#include <catch2/catch.hpp>

using namespace fairway;
using analyze::covers;
using api::HttpMatchRequest;
using Type = api::StringMatch::Type;

namespace {

HttpMatchRequest path(Type type, const std::string& value) {
  HttpMatchRequest match;
  match.uri = api::StringMatch{type, value};
  return match;
}

HttpMatchRequest header(HttpMatchRequest match, const std::string& name, const std::string& value) {
  match.headers.emplace(name, api::StringMatch{Type::exact, value});
  return match;
}

}  // namespace

TEST_CASE("a path covers what begins with it") {
  CHECK(covers(path(Type::prefix, "/a"), path(Type::prefix, "/a")));
  CHECK(covers(path(Type::prefix, "/a"), path(Type::exact, "/ab")));
  CHECK(covers(path(Type::prefix, "/a"), path(Type::prefix, "/a/b")));
  CHECK_FALSE(covers(path(Type::prefix, "/a/b"), path(Type::prefix, "/a")));
  CHECK_FALSE(covers(path(Type::exact, "/a"), path(Type::prefix, "/a")));
  CHECK(covers(path(Type::prefix, "/"), HttpMatchRequest{}));
  CHECK_FALSE(covers(path(Type::prefix, "/a"), HttpMatchRequest{}));
  CHECK_FALSE(covers(path(Type::regex, "/a.*"), path(Type::exact, "/ab")));  // it cannot be told
  CHECK(covers(path(Type::regex, "/a.*"), path(Type::regex, "/a.*")));
}

TEST_CASE("case counts unless the wider match ignores it") {
  auto wide = path(Type::prefix, "/A");
  CHECK_FALSE(covers(wide, path(Type::prefix, "/a/b")));
  wide.ignoreUriCase = true;
  CHECK(covers(wide, path(Type::prefix, "/a/b")));
  auto narrow = path(Type::prefix, "/a/b");
  narrow.ignoreUriCase = true;
  CHECK_FALSE(covers(path(Type::prefix, "/a"), narrow));
}

TEST_CASE("more conditions make a match narrower") {
  const auto plain = path(Type::prefix, "/a");
  CHECK(covers(plain, header(plain, "user", "x")));
  CHECK_FALSE(covers(header(plain, "user", "x"), plain));
  CHECK_FALSE(covers(header(plain, "user", "x"), header(plain, "user", "y")));
  auto present = plain;
  present.headers.emplace("user", api::StringMatch{});
  CHECK(covers(present, header(plain, "user", "x")));
  auto without = plain;
  without.withoutHeaders.emplace("user", api::StringMatch{});
  CHECK_FALSE(covers(without, plain));
  CHECK(covers(plain, without));
  auto notX = plain;
  notX.withoutHeaders.emplace("user", api::StringMatch{Type::exact, "x"});
  CHECK(covers(notX, without));
  CHECK_FALSE(covers(without, notX));
}

TEST_CASE("where a request comes from") {
  HttpMatchRequest anywhere, port, labels, ns, gateway;
  port.port = 80;
  labels.sourceLabels = {{"app", "a"}};
  ns.sourceNamespace = "n";
  gateway.gateways = {"mesh"};
  for (const auto& narrow : {port, labels, ns, gateway}) {
    CHECK(covers(anywhere, narrow));
    CHECK_FALSE(covers(narrow, anywhere));
    CHECK(covers(narrow, narrow));
    CHECK_FALSE(analyze::isEverything(narrow));
  }
  CHECK(analyze::isEverything(anywhere));
  auto both = gateway;
  both.gateways.emplace_back("front");
  CHECK(covers(both, gateway));
  CHECK_FALSE(covers(gateway, both));
}

TEST_CASE("server names of connections") {
  api::L4Match wide, narrow, any;
  wide.sniHosts = {"*.example.com"};
  narrow.sniHosts = {"a.example.com"};
  CHECK(covers(wide, narrow));
  CHECK_FALSE(covers(narrow, wide));
  CHECK(covers(any, wide));
  CHECK_FALSE(covers(wide, any));
}
