#include "intercept/rules.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/strings.h"

using namespace fairway;
using namespace fairway::intercept;

namespace {

std::vector<std::string> chain(const std::string& rules, const std::string& name) {
  std::vector<std::string> result;
  for (const auto& line : split(rules, '\n')) {
    const auto prefix = "-A " + name + " ";
    if (line.starts_with(prefix)) result.push_back(line.substr(prefix.size()));
  }
  return result;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::size_t position(const std::vector<std::string>& rules, const std::string& rule) {
  const auto found = std::find(rules.begin(), rules.end(), rule);
  INFO(rule);
  REQUIRE(found != rules.end());
  return static_cast<std::size_t>(found - rules.begin());
}

}  // namespace

TEST_CASE("the rules of an injected pod") {
  CHECK(addRules({}, Family::v4, "") ==
        "*nat\n"
        ":ISTIO_INBOUND - [0:0]\n"
        ":ISTIO_IN_REDIRECT - [0:0]\n"
        ":ISTIO_OUTPUT - [0:0]\n"
        ":ISTIO_REDIRECT - [0:0]\n"
        "-A PREROUTING -p tcp -j ISTIO_INBOUND\n"
        "-A OUTPUT -p tcp -j ISTIO_OUTPUT\n"
        "-A ISTIO_INBOUND -p tcp --dport 15020 -j RETURN\n"
        "-A ISTIO_INBOUND -p tcp --dport 15021 -j RETURN\n"
        "-A ISTIO_INBOUND -p tcp --dport 15090 -j RETURN\n"
        "-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT\n"
        "-A ISTIO_OUTPUT -s 127.0.0.6/32 -o lo -j RETURN\n"
        "-A ISTIO_OUTPUT ! -d 127.0.0.0/8 -o lo -p tcp -m owner --uid-owner 1337 -j ISTIO_INBOUND\n"
        "-A ISTIO_OUTPUT ! -d 127.0.0.0/8 -o lo -p tcp -m owner --gid-owner 1337 -j ISTIO_INBOUND\n"
        "-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN\n"
        "-A ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN\n"
        "-A ISTIO_OUTPUT -o lo -j RETURN\n"
        "-A ISTIO_OUTPUT -d 127.0.0.0/8 -j RETURN\n"
        "-A ISTIO_OUTPUT -j ISTIO_REDIRECT\n"
        "-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001\n"
        "-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006\n"
        "COMMIT\n");
  const auto v6 = addRules({}, Family::v6, "");
  CHECK(has(v6, "-A ISTIO_OUTPUT -s ::6/128 -o lo -j RETURN\n"));
  CHECK(has(v6, "-A ISTIO_OUTPUT ! -d ::1/128 -o lo -p tcp -m owner --uid-owner 1337 -j ISTIO_INBOUND\n"));
  CHECK_FALSE(has(v6, "127.0.0"));
}

TEST_CASE("excludes come before includes, and after what concerns the proxy itself") {
  InterceptOptions options;
  options.includeOutboundCidrs = {false, {{Family::v4, "10.96.0.0/12"}, {Family::v6, "fd00::/8"}}};
  options.includeOutboundPorts = {8080};
  options.excludeOutboundCidrs = {{Family::v4, "10.100.0.0/16"}};
  options.excludeOutboundPorts = {8080, 3306};
  options.dnsServers = {{Family::v4, "10.96.0.10/32"}, {Family::v6, "fd00::a/128"}};
  options.excludeInterfaces = {"eth1"};
  const auto rules = chain(addRules(options, Family::v4, ""), "ISTIO_OUTPUT");
  const auto proxy = position(rules, "-m owner --uid-owner 1337 -j RETURN");
  const auto port = position(rules, "-p tcp --dport 8080 -j RETURN");
  const auto cidr = position(rules, "-d 10.100.0.0/16 -j RETURN");
  CHECK(proxy < port);
  CHECK(port < position(rules, "-p tcp --dport 8080 -j ISTIO_REDIRECT"));
  CHECK(cidr < position(rules, "-p tcp --dport 8080 -j ISTIO_REDIRECT"));
  CHECK(cidr < position(rules, "-d 10.96.0.0/12 -j ISTIO_REDIRECT"));
  CHECK(position(rules, "-o eth1 -j RETURN") < port);
  CHECK(position(rules, "-d 10.96.0.10/32 -p tcp --dport 53 -j RETURN") < port);
  CHECK(std::find(rules.begin(), rules.end(), "-j ISTIO_REDIRECT") == rules.end());

  const auto v6 = addRules(options, Family::v6, "");
  CHECK(has(v6, "-A ISTIO_OUTPUT -d fd00::/8 -j ISTIO_REDIRECT\n"));
  CHECK(has(v6, "-A ISTIO_OUTPUT -d fd00::a/128 -p tcp --dport 53 -j RETURN\n"));
  CHECK_FALSE(has(v6, "10."));
}

TEST_CASE("inbound: all but some, some, or none") {
  InterceptOptions options;
  options.excludeInboundPorts = {22};
  options.excludeInterfaces = {"net1"};
  CHECK(chain(addRules(options, Family::v4, ""), "ISTIO_INBOUND") ==
        std::vector<std::string>{"-i net1 -j RETURN", "-p tcp --dport 22 -j RETURN", "-p tcp --dport 15020 -j RETURN",
                                 "-p tcp --dport 15021 -j RETURN", "-p tcp --dport 15090 -j RETURN",
                                 "-p tcp -j ISTIO_IN_REDIRECT"});
  options = {};
  options.includeInboundPorts = {false, {80, 443, 15020}};
  options.excludeInboundPorts = {443};
  const auto some = chain(addRules(options, Family::v4, ""), "ISTIO_INBOUND");
  CHECK(std::count_if(some.begin(), some.end(), [](const auto& rule) { return rule.ends_with("ISTIO_IN_REDIRECT"); }) ==
        1);
  CHECK(some.back() == "-p tcp --dport 80 -j ISTIO_IN_REDIRECT");
  options.includeInboundPorts = {false, {}};
  CHECK_FALSE(has(addRules(options, Family::v4, ""), "-j ISTIO_IN_REDIRECT\n"));
}

TEST_CASE("other ports and several owners") {
  InterceptOptions options;
  options.inboundPort = 16006;
  options.outboundPort = 16001;
  options.proxyUids = {0, 2000};
  const auto rules = addRules(options, Family::v4, "");
  CHECK(has(rules, "--to-ports 16006\n"));
  CHECK(has(rules, "--to-ports 16001\n"));
  for (const auto* uid : {"0", "2000"}) {
    CHECK(has(rules, std::string("-A ISTIO_OUTPUT -m owner --uid-owner ") + uid + " -j RETURN\n"));
  }
  CHECK_FALSE(has(rules, "--uid-owner 1337"));
}

namespace {

const std::string kOwn =
    "# Generated by iptables-save\n*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j ISTIO_INBOUND\nCOMMIT\n"
    "*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:MINE - [0:0]\n"
    "-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080\n-A OUTPUT -j MINE\n"
    "-A MINE -d 192.0.2.1/32 -j RETURN\n";

}  // namespace

TEST_CASE("rules of others are kept and named") {
  CHECK(foreignRules(kOwn + "COMMIT\n") ==
        std::vector<std::string>{"-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080",
                                 "-A OUTPUT -j MINE", "-A MINE -d 192.0.2.1/32 -j RETURN"});
  CHECK(addRules({}, Family::v4, kOwn + "COMMIT\n") == addRules({}, Family::v4, ""));
  CHECK(removeRules(kOwn + "COMMIT\n").empty());
  CHECK(foreignRules("").empty());
  CHECK(foreignRules("*filter\n-A INPUT -j DROP\nCOMMIT\n").empty());
}

TEST_CASE("what an earlier run left is not doubled, and stray jumps go") {
  const auto earlier = kOwn + ":ISTIO_INBOUND - [0:0]\n:ISTIO_OUTPUT - [0:0]\n";
  const auto once = earlier + "-A PREROUTING -p tcp -j ISTIO_INBOUND\n-A OUTPUT -p tcp -j ISTIO_OUTPUT\nCOMMIT\n";
  const auto again = addRules({}, Family::v4, once);
  CHECK_FALSE(has(again, "-A PREROUTING"));
  CHECK_FALSE(has(again, "-A OUTPUT "));
  CHECK_FALSE(has(again, "-D "));
  CHECK(foreignRules(once).size() == 3);

  const auto twice = earlier +
                     "-A PREROUTING -p tcp -j ISTIO_INBOUND\n-A PREROUTING -p tcp -j ISTIO_INBOUND\n"
                     "-A OUTPUT -j ISTIO_OUTPUT\nCOMMIT\n";
  const auto repaired = addRules({}, Family::v4, twice);
  CHECK(has(repaired, "-D PREROUTING -p tcp -j ISTIO_INBOUND\n"));
  CHECK_FALSE(has(repaired, "-A PREROUTING"));
  CHECK(has(repaired, "-D OUTPUT -j ISTIO_OUTPUT\n"));
  CHECK(has(repaired, "-A OUTPUT -p tcp -j ISTIO_OUTPUT\n"));

  CHECK(removeRules(once) ==
        "*nat\n-D PREROUTING -p tcp -j ISTIO_INBOUND\n-D OUTPUT -p tcp -j ISTIO_OUTPUT\n"
        "-F ISTIO_INBOUND\n-F ISTIO_OUTPUT\n-X ISTIO_INBOUND\n-X ISTIO_OUTPUT\nCOMMIT\n");
}
