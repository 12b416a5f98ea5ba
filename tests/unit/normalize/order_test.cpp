#include <algorithm>
#include <random>
#include <sstream>

#include <catch2/catch.hpp>

#include "fixtures.h"

using namespace fairway;
using namespace fairway::test;

namespace {

// Objects of every kind, several of each where they can conflict.
std::vector<api::ObjectPtr> world() {
  Mesh mesh;
  const api::Labels labels{{"app", "x"}};
  for (const auto* ns : {"a", "b"}) {
    mesh.service(ns, "x", {{"http", 80, "web"}, {"tcp", 81, "9000"}}, labels);
    mesh.service(ns, "y", {{"http", 80, "8080"}}, labels);
    mesh.pod(ns, "p", labels, "one");
    mesh.pod(ns, "q", labels, "two");
    for (const auto* name : {"s1", "s2"}) {
      mesh.add<api::EndpointSlice>(ns, name, [&](auto& o) {
        o.spec.service = "x";
        o.spec.addressType = "IPv4";
        o.spec.ports = {{"http", "TCP", "", 8080}};
        for (const auto* pod : {"p", "q"}) {
          auto& endpoint = o.spec.endpoints.emplace_back();
          endpoint.addresses = {pod == std::string("p") ? "10.0.0.1" : "10.0.0.2"};
          endpoint.targetKind = "Pod";
          endpoint.targetName = pod;
          endpoint.ready = name == std::string("s1");
          endpoint.serving = endpoint.terminating = true;
        }
      });
    }
    for (const auto* name : {"r1", "r2"}) {
      mesh.add<api::DestinationRule>(ns, name, [&](auto& o) {
        o.spec.host = "x";
        o.spec.trafficPolicy.tls.emplace().sni = name;
        o.spec.subsets = {{"v", {{"from", name}}, {}}, {name, {}, {}}};
      });
      mesh.add<api::VirtualService>(ns, name, [&](auto& o) {
        o.spec.hosts = {"x", "*.example.com"};
        o.spec.gateways = {"mesh", "g"};
        auto& first = o.spec.http.emplace_back();
        first.match.emplace_back().uri = api::StringMatch{api::StringMatch::Type::prefix, std::string("/") + name};
        first.route.push_back({{"y", "", 80}, 0, {}});
        o.spec.http.emplace_back().route.push_back({{"x", name, 80}, 0, {}});
      });
      mesh.add<api::Policy>(ns, name, [&](auto& o) {
        o.spec.targets.push_back({"x", {}, {}});
        if (name == std::string("r1")) o.spec.peers.emplace_back().mtls.emplace();
      });
      mesh.add<api::ServiceRole>(ns, name, [&](auto& o) { o.spec.rules.emplace_back().methods = {name}; });
      for (const auto* binding : {"b1", "b2"}) {
        mesh.add<api::ServiceRoleBinding>(ns, std::string(name) + binding, [&](auto& o) {
          o.spec.roleKind = "ServiceRole";
          o.spec.roleName = name;
          o.spec.subjects.emplace_back().user = binding;
        });
      }
    }
    mesh.add<api::Gateway>(ns, "g", [](auto& o) {
      auto& server = o.spec.servers.emplace_back();
      server.port = 80;
      server.protocol = "HTTP";
      server.hosts = {"*"};
      auto& tls = o.spec.servers.emplace_back();
      tls.port = 443;
      tls.protocol = "HTTPS";
      tls.hosts = {"*.example.com"};
      tls.tls.emplace().credentialName = "c";
    });
    mesh.add<api::RbacConfig>(ns, "default", [&](auto& o) {
      o.spec.mode = ns == std::string("a") ? api::RbacConfigSpec::Mode::on : api::RbacConfigSpec::Mode::off;
    });
  }
  for (const auto* name : {"n1", "n2"}) {
    mesh.add<api::PeerAuthentication>("b", name, [&](auto& o) {
      o.spec.mode = name == std::string("n1") ? api::PeerAuthenticationSpec::Mode::strict
                                              : api::PeerAuthenticationSpec::Mode::disable;
    });
    mesh.add<api::AuthorizationPolicy>("b", name, [&](auto& o) { o.spec.rules.emplace_back(); });
  }
  return mesh.objects();
}

struct Answers {
  std::vector<std::string> hosts;
  std::vector<model::Endpoints> endpoints;
  std::vector<model::PortTrafficPolicy> policies;
  std::vector<model::Routes> routes;
  model::GatewayConfig gateway;
  normalize::GatewayRoutes::Value gatewayRoutes;
  std::vector<model::PeerAuthentication> peers;
  std::vector<model::Authorization> authorizations;
  model::Notes notes;
  bool operator==(const Answers&) const = default;
};

Answers ask(const std::vector<api::ObjectPtr>& objects, bool backwards) {
  Mesh mesh;
  for (const auto& object : objects) mesh.put(object);
  Answers answers;
  std::vector<std::string> namespaces{"a", "b"};
  // What is asked first must not matter either.
  if (backwards) std::reverse(namespaces.begin(), namespaces.end());
  const model::Labels labels{{"app", "x"}};
  for (const auto& ns : namespaces) {
    answers.authorizations.push_back(mesh.ask(normalize::AuthorizationOf{ns, labels, "one", 8080}));
    answers.peers.push_back(mesh.ask(normalize::PeerAuthenticationOf{ns, labels}));
    answers.routes.push_back(mesh.ask(normalize::RoutesOf{ns, fqdn("x", "a"), 80}));
    answers.policies.push_back(mesh.ask(normalize::TrafficPolicyOf{ns, fqdn("x", "a"), 80}));
    answers.endpoints.push_back(mesh.ask(normalize::EndpointsOf{fqdn("x", ns), 80}));
  }
  if (backwards) {
    std::reverse(answers.authorizations.begin(), answers.authorizations.end());
    std::reverse(answers.peers.begin(), answers.peers.end());
    std::reverse(answers.routes.begin(), answers.routes.end());
    std::reverse(answers.policies.begin(), answers.policies.end());
    std::reverse(answers.endpoints.begin(), answers.endpoints.end());
  }
  answers.hosts = mesh.ask(normalize::AllHosts{});
  answers.gateway = mesh.ask(normalize::GatewayOf{"a", labels});
  answers.gatewayRoutes = mesh.ask(normalize::GatewayRoutes{"a", labels, 80, ""});
  answers.notes = mesh.notes();
  return answers;
}

}  // namespace

TEST_CASE("neither the order of arrival nor the order of questions changes an answer") {
  auto objects = world();
  const auto expected = ask(objects, false);
  // The scenario is not empty.
  CHECK(expected.endpoints[0].endpoints.size() == 2);
  CHECK(expected.routes[0].http.size() == 3);
  CHECK(expected.gateway.servers.size() == 3);
  CHECK(expected.gatewayRoutes.hosts.size() == 3);
  CHECK(expected.authorizations[0].filters.at(0).rules.size() == 2);
  CHECK_FALSE(expected.notes.empty());

  std::reverse(objects.begin(), objects.end());
  CHECK(ask(objects, true) == expected);
  std::mt19937 random(20240501);
  for (int i = 0; i < 10; ++i) {
    std::shuffle(objects.begin(), objects.end(), random);
    CHECK(ask(objects, i % 2 == 0) == expected);
  }
}
