#include <algorithm>

#include <catch2/catch.hpp>

#include "fixtures.h"
#include "normalize/hosts.h"

using namespace fairway;
using namespace fairway::normalize;
using fairway::test::Mesh;

TEST_CASE("wildcards stand for the beginning of a host") {
  CHECK(matchesHost("*", "a.b"));
  CHECK(matchesHost("*.b", "a.b"));
  CHECK(matchesHost("*.b", "x.a.b"));
  CHECK(matchesHost("*-v1.b", "a-v1.b"));
  CHECK(matchesHost("*.b", "*.a.b"));
  CHECK_FALSE(matchesHost("*.b", "b"));
  CHECK_FALSE(matchesHost("*.b", ".b"));
  CHECK_FALSE(matchesHost("*.a.b", "*.b"));
  CHECK(matchesHost("a.b", "a.b"));
  CHECK_FALSE(matchesHost("a.b", "x.a.b"));
}

TEST_CASE("two hosts have in common the more specific one, or nothing") {
  CHECK(intersectHosts("*", "a.b") == "a.b");
  CHECK(intersectHosts("a.b", "*.b") == "a.b");
  CHECK(intersectHosts("*.a.b", "*.b") == "*.a.b");
  CHECK(intersectHosts("*", "*") == "*");
  CHECK_FALSE(intersectHosts("a.b", "c.b"));
  CHECK_FALSE(intersectHosts("*.a", "*.b"));
}

TEST_CASE("the patterns over a host are exactly the wildcards for whole labels that match it, most specific first") {
  CHECK(patternsOver("ab-1.c.d") == std::vector<std::string>{"ab-1.c.d", "*.c.d", "*.d", "*"});
  CHECK(patternsOver("*.c.d") == std::vector<std::string>{"*.c.d", "*.d", "*"});
  CHECK(patternsOver("*") == std::vector<std::string>{"*"});
  CHECK(patternsOver("").empty());
}

TEST_CASE("the rules of a host are those of every pattern that matches it, most specific first") {
  Mesh mesh;
  const std::vector<std::string> patterns = {"*",        "*.d",      "*.c.d",      "*1.c.d",   "*-1.c.d",
                                             "*b-1.c.d", "ab-1.c.d", "*ab-1.c.d",  "*-1.d",    "*1.x.d",
                                             "*1.c.d",   "*c.d",     "*xab-1.c.d", "xab-1.c.d"};
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    auto rule = std::make_shared<api::DestinationRule>();
    rule->meta.ns = "ns";
    rule->meta.name = "r" + std::to_string(10 + i);
    rule->spec.host = patterns[i];
    mesh.put(rule);
  }
  const auto found = [&](const std::string& host) {
    std::string names;
    for (const auto& rule : mesh.ask(HostDestinationRules{host})) names += rule.pattern + "=" + rule.name + " ";
    return names;
  };
  CHECK(found("ab-1.c.d") == "ab-1.c.d=r16 *b-1.c.d=r15 *-1.c.d=r14 *1.c.d=r13 *1.c.d=r20 *.c.d=r12 *.d=r11 *=r10 ");
  CHECK(found("*b-1.c.d") == "*b-1.c.d=r15 *-1.c.d=r14 *1.c.d=r13 *1.c.d=r20 *.c.d=r12 *.d=r11 *=r10 ");
  CHECK(found("*.c.d") == "*.c.d=r12 *.d=r11 *=r10 ");
  CHECK(found("*") == "*=r10 ");
  CHECK(found("other") == "*=r10 ");
}

TEST_CASE("exportTo says who sees an object") {
  CHECK(isVisible({}, "a", "b"));
  CHECK(isVisible({"*"}, "a", "b"));
  CHECK_FALSE(isVisible({"."}, "a", "b"));
  CHECK(isVisible({"."}, "a", "a"));
  CHECK(isVisible({"b", "c"}, "a", "c"));
  CHECK_FALSE(isVisible({"b"}, "a", "a"));
  CHECK_FALSE(isVisible({"~"}, "a", "a"));
}

TEST_CASE("hosts are listed sorted") {
  Mesh mesh;
  for (const auto* name : {"z", "a", "m"}) mesh.service("ns", name, {{"http", 80, ""}});
  CHECK(mesh.ask(AllHosts{}) ==
        std::vector<std::string>{"a.ns.svc.cluster.local", "m.ns.svc.cluster.local", "z.ns.svc.cluster.local"});
}

TEST_CASE("keys of queries name them whole, whatever text they hold") {
  const model::Labels odd{{"a|b", "c\\d"}, {"e,f", "g=h"}, {"", ""}};
  const auto gateway = GatewayRoutes::parse(GatewayRoutes{"n|s", odd, 443, "Gateway/n/x servers[0]"}.key());
  CHECK(gateway.ns == "n|s");
  CHECK(gateway.labels == odd);
  CHECK(gateway.port == 443);
  CHECK(gateway.server == "Gateway/n/x servers[0]");
  const auto authorization = AuthorizationOf::parse(AuthorizationOf{"ns", odd, "s|a", 8080}.key());
  CHECK(authorization.ns == "ns");
  CHECK(authorization.labels == odd);
  CHECK(authorization.serviceAccount == "s|a");
  CHECK(authorization.port == 8080);
  const auto policy = TrafficPolicyOf::parse(TrafficPolicyOf{"c", "h", 80}.key());
  CHECK((policy.client.ns == "c" && policy.host == "h" && policy.port == 80));
  const auto routes = RoutesOf::parse(RoutesOf{"c", "h", 80}.key());
  CHECK((routes.client.ns == "c" && routes.host == "h" && routes.port == 80));
  const auto endpoints = EndpointsOf::parse(EndpointsOf{"h", 80}.key());
  CHECK((endpoints.host == "h" && endpoints.port == 80));
  const auto workload = WorkloadOf::parse(WorkloadOf{"a", "b"}.key());
  CHECK((workload.ns == "a" && workload.name == "b"));
  const auto credential = CredentialOf::parse(CredentialOf{"a", "b"}.key());
  CHECK((credential.ns == "a" && credential.name == "b"));
  CHECK(PeerAuthenticationOf::parse(PeerAuthenticationOf{"a", odd}.key()).labels == odd);
  CHECK(GatewayOf::parse(GatewayOf{"a", odd}.key()).labels == odd);
  CHECK(WorkloadServices::parse(WorkloadServices{"a", odd}.key()).labels == odd);
  CHECK(InboundPortsOf::parse(InboundPortsOf{"a", odd}.key()).labels == odd);
  CHECK(NamedPortsOf::parse(NamedPortsOf{"a", odd}.key()).labels == odd);
  CHECK(GatewayOf{"a", {{"x", "y"}}}.key() != GatewayOf{"a", {{"x", ""}, {"y", ""}}}.key());
}
