#include "intercept/options.h"

#include <catch2/catch.hpp>
#include <set>

using namespace fairway;
using namespace fairway::intercept;

namespace {

const InterceptFlag& flag(const std::string& name) {
  for (const auto& each : interceptFlags()) {
    if (each.name == name) return each;
  }
  FAIL("no flag " << name);
  throw std::logic_error("unreachable");
}

std::string refusal(const std::string& name, const std::string& value) {
  InterceptOptions options;
  const auto done = flag(name).set(options, value);
  REQUIRE_FALSE(done);
  CHECK(options == InterceptOptions());
  return done.error().message;
}

InterceptOptions with(const std::string& name, const std::string& value) {
  InterceptOptions options;
  REQUIRE(flag(name).set(options, value));
  return options;
}

}  // namespace

TEST_CASE("every interception flag is there once, with help") {
  std::set<std::string> names;
  for (const auto& each : interceptFlags()) {
    CHECK(names.insert(each.name).second);
    CHECK(each.name.starts_with("--"));
    CHECK_FALSE(each.help.empty());
    CHECK_FALSE(each.placeholder.empty());
  }
}

TEST_CASE("the defaults that are shown are the defaults") {
  for (const auto& each : interceptFlags()) {
    if (each.name == "--dns-servers") continue;
    CAPTURE(each.name);
    InterceptOptions options;
    REQUIRE(each.set(options, each.standard));
    CHECK(options == InterceptOptions());
  }
}

TEST_CASE("ports of the rules") {
  CHECK(with("--inbound-port", "15106").inboundPort == 15106);
  CHECK(with("--outbound-port", " 65535 ").outboundPort == 65535);
  CHECK(with("--exclude-outbound-ports", "3306, 5432,3306").excludeOutboundPorts ==
        std::vector<std::uint16_t>{3306, 5432});
  CHECK(with("--include-inbound-ports", "*").includeInboundPorts == Selection<std::uint16_t>{true, {}});
  CHECK(with("--include-inbound-ports", "").includeInboundPorts == Selection<std::uint16_t>{false, {}});
  CHECK(with("--include-inbound-ports", "80").includeInboundPorts == Selection<std::uint16_t>{false, {80}});
  CHECK(with("--exclude-inbound-ports", "").excludeInboundPorts.empty());

  CHECK(refusal("--inbound-port", "0") == "\"0\": expected a port, 1 to 65535");
  CHECK(refusal("--inbound-port", "") == "\"\": expected a port, 1 to 65535");
  for (const auto* bad :
       {"65536", "-1", "http", "80-90", "80 90", "*", "80,", ",", "8080;id", "18446744073709551617"}) {
    CAPTURE(bad);
    refusal("--exclude-outbound-ports", bad);
  }
  refusal("--include-inbound-ports", "80,*");
  std::string many = "1";
  for (int i = 2; i <= 513; ++i) many += "," + std::to_string(i);
  CHECK(refusal("--include-outbound-ports", many) == "more than 512 entries");
}

TEST_CASE("users and groups of the proxy") {
  CHECK(with("--proxy-uid", "1337,0").proxyUids == std::vector<std::uint32_t>{1337, 0});
  CHECK(with("--proxy-gid", "4294967294").proxyGids == std::vector<std::uint32_t>{4294967294});
  CHECK(refusal("--proxy-uid", "") == "empty: expected UID,...");
  refusal("--proxy-uid", "root");
  refusal("--proxy-gid", "4294967295");
}

TEST_CASE("networks") {
  CHECK(parseCidr("10.0.0.0/8").value() == Cidr{Family::v4, "10.0.0.0/8"});
  CHECK(parseCidr("10.1.2.3").value() == Cidr{Family::v4, "10.1.2.3/32"});
  CHECK(parseCidr("0.0.0.0/0").value() == Cidr{Family::v4, "0.0.0.0/0"});
  CHECK(parseCidr("FD00:0:0::/8").value() == Cidr{Family::v6, "fd00::/8"});
  CHECK(parseCidr("::1").value() == Cidr{Family::v6, "::1/128"});
  CHECK(parseCidr("10.1.2.3/8").error().message ==
        "\"10.1.2.3/8\": bits after the prefix are set: expected 10.0.0.0/8");
  CHECK(parseCidr("fd00::1/127").error().message.find("fd00::/127") != std::string::npos);
  for (const auto* bad : {"", "/", "10.0.0.0/33", "fd00::/129", "10.0.0/8", "example.com", "10.0.0.0/8/8",
                          "10.0.0.0/-1", "10.0.0.0/", "*", "10.0.0.0/8 -j ACCEPT", "10.0.0.0\n-A OUTPUT"}) {
    CAPTURE(bad);
    CHECK_FALSE(parseCidr(bad));
  }
  const auto options = with("--include-outbound-cidrs", "10.96.0.0/12, fd00::/8");
  CHECK_FALSE(options.includeOutboundCidrs.all);
  CHECK(options.includeOutboundCidrs.list == std::vector<Cidr>{{Family::v4, "10.96.0.0/12"}, {Family::v6, "fd00::/8"}});
  CHECK(with("--include-outbound-cidrs", "*").includeOutboundCidrs.all);
}

TEST_CASE("interfaces") {
  CHECK(with("--exclude-interfaces", "eth1,net+").excludeInterfaces == std::vector<std::string>{"eth1", "net+"});
  for (const auto* bad : {"eth 1", "a/b", "sixteencharacters", "-j", "!eth0", "eth0\n-A OUTPUT", "\"", "é"}) {
    CAPTURE(bad);
    CHECK(refusal("--exclude-interfaces", bad).find("network interface") != std::string::npos);
  }
}

TEST_CASE("resolvers of a resolv.conf") {
  CHECK(nameservers("search a.b\n# nameserver 1.2.3.4\n nameserver 10.96.0.10\nnameserver\tfd00::a # the other\n"
                    "nameserver 127.0.0.53\nnameserver ::1\nnameserver 10.96.0.10\nnameserver fe80::1%eth0\n"
                    "nameserver x\nnameserver") ==
        std::vector<Cidr>{{Family::v4, "10.96.0.10/32"}, {Family::v6, "fd00::a/128"}, {Family::v6, "fe80::1/128"}});
  CHECK(nameservers("").empty());
}
