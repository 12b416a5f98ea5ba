#include <catch2/catch.hpp>

#include "base/address.h"
#include "base/hash.h"
#include "base/strings.h"

using namespace fairway;

TEST_CASE("addresses are read and written") {
  for (const std::string text : {"127.0.0.1:15012", ":0", "[::1]:80", "istiod.istio-system.svc:15012", "unix:/run/x"}) {
    const auto address = parseAddress(text);
    REQUIRE(address.has_value());
    CHECK(address->toString() == text);
  }
  for (const std::string text : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", "::1:80", "unix:"}) {
    const auto address = parseAddress(text);
    CAPTURE(text);
    REQUIRE_FALSE(address.has_value());
    CHECK(address.error().message.find("'" + text + "'") != std::string::npos);
  }
}

TEST_CASE("only loopback addresses are loopback") {
  for (const std::string text : {"127.0.0.1:1", "127.9.8.7:1", "[::1]:1", "localhost:1", "unix:/x"}) {
    CAPTURE(text);
    CHECK(parseAddress(text)->isLoopback());
  }
  for (const std::string text : {":1", "0.0.0.0:1", "10.0.0.1:1", "[::]:1", "128.0.0.1:1", "127.example.com:1"}) {
    CAPTURE(text);
    CHECK_FALSE(parseAddress(text)->isLoopback());
  }
}

TEST_CASE("strings") {
  CHECK(split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
  CHECK(split("", ',') == std::vector<std::string>{""});
  CHECK(join({"a", "b"}, "; ") == "a; b");
  CHECK(join({"a", "a"}, "-") == "a-a");
  CHECK(trim(" \t x y\n") == "x y");
  CHECK(trim(" ").empty());
  CHECK(toLower("AbC-1") == "abc-1");
  CHECK(toNumber("65535") == 65535u);
  CHECK_FALSE(toNumber("").has_value());
  CHECK_FALSE(toNumber("-1").has_value());
  CHECK_FALSE(toNumber("12x").has_value());
  CHECK_FALSE(toNumber("99999999999999999999999").has_value());
}

TEST_CASE("content hashes tell contents apart and are stable") {
  CHECK(contentHash("a") == contentHash("a"));
  CHECK(contentHash("a") != contentHash("b"));
  CHECK(contentHash("").size() == 32);
  CHECK(contentHash("") == "99aa06d3014798d86001c324468d497f");
  CHECK(contentVersion("a") != contentVersion("b"));
  CHECK(contentVersion("").size() == kVersionDigits);
}
