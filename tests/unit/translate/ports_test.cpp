#include "translate/ports.h"

#include <envoy/config/route/v3/route.pb.h>
#include <catch2/catch.hpp>

#include "envoy.h"
#include "world.h"

using namespace fairway;
using namespace fairway::translate;
using namespace fairway::translate::test;
using envoy::config::route::v3::VirtualHost;

namespace {

std::vector<std::string> domains(const Resources& resources, const std::string& name) {
  const auto host = resources.get<VirtualHost>(Type::virtual_host, name);
  return {host.domains().begin(), host.domains().end()};
}

}  // namespace

TEST_CASE("a virtual host answers to the names and addresses of its service") {
  World world;
  world.addService("default", "reviews", {port("http", 80, model::Protocol::http)}).addresses = {"10.96.0.7",
                                                                                                 "fd00::7"};
  const std::string name = "80/reviews.default.svc.cluster.local:80";
  CHECK(domains(resourcesOf(world, sidecar("default")), name) ==
        std::vector<std::string>{"reviews.default.svc.cluster.local", "reviews.default.svc", "reviews.default",
                                 "10.96.0.7", "[fd00::7]", "reviews"});
  // The bare name means the client's own namespace.
  CHECK(domains(resourcesOf(world, sidecar("other")), name) ==
        std::vector<std::string>{"reviews.default.svc.cluster.local", "reviews.default.svc", "reviews.default",
                                 "10.96.0.7", "[fd00::7]"});
}

TEST_CASE("one bad object does not empty a route table: addresses and names are claimed once") {
  World world;
  world.addService("default", "a", {port("http", 80, model::Protocol::http)}).addresses = {"10.96.0.7"};
  world.addService("default", "b", {port("http", 80, model::Protocol::http)}).addresses = {"10.96.0.7"};
  auto& odd = world.addService("default", "odd", {port("http", 80, model::Protocol::http)});
  world.services.erase(odd.host);
  model::Service external;
  external.host = "a.default";  // what an alias of the first would be
  external.ns = "default";
  external.name = "external";
  external.ports = {port("http", 80, model::Protocol::http)};
  world.services[external.host] = external;

  const auto resources = resourcesOf(world, sidecar());
  CHECK(domains(resources, "80/a.default.svc.cluster.local:80") ==
        std::vector<std::string>{"a.default.svc.cluster.local", "a.default.svc", "10.96.0.7", "a"});
  CHECK(domains(resources, "80/b.default.svc.cluster.local:80") ==
        std::vector<std::string>{"b.default.svc.cluster.local", "b.default.svc", "b.default", "b"});
  CHECK(domains(resources, "80/a.default:80") == std::vector<std::string>{"a.default"});
  CHECK(envoyRefuses(resources) == "");
}

TEST_CASE("two TCP services at one address: the first keeps it") {
  World world;
  world.addService("default", "a", {port("tcp", 9000, model::Protocol::tcp)}).addresses = {"10.96.0.7"};
  world.addService("default", "b", {port("tcp", 9000, model::Protocol::tcp)}).addresses = {"10.96.0.7"};
  const auto resources = resourcesOf(world, sidecar());
  CHECK(resources.duplicates.empty());
  CHECK(resources.has(Type::listener, "10.96.0.7_9000"));
  CHECK(envoyRefuses(resources) == "");
}

TEST_CASE("headless services that share pods share no listener") {
  World world;
  for (const char* name : {"a", "b"}) {
    auto& service = world.addService("default", name, {port("tcp", 9000, model::Protocol::tcp)});
    service.headless = true;
    service.resolution = model::Service::Resolution::original_dst;
    service.addresses.clear();
    world.addEndpoint(service.host, 9000, "10.244.0.5", 9000);
  }
  const auto resources = resourcesOf(world, sidecar());
  CHECK(resources.duplicates.empty());
  CHECK(resources.has(Type::listener, "10.244.0.5_9000"));
  CHECK(envoyRefuses(resources) == "");
}

TEST_CASE("a pod of a headless HTTP service is reached by its own name, whatever the service's rules say") {
  World world;
  auto& service = world.addService("default", "db", {port("http", 80, model::Protocol::http)});
  service.headless = true;
  service.addresses.clear();
  world.addEndpoint(service.host, 80, "10.244.0.5", 8080);
  auto resources = resourcesOf(world, sidecar());
  const std::string pods = "*.db.default.svc.cluster.local";
  CHECK(domains(resources, "80/" + pods + ":80") == std::vector<std::string>{pods, "*.db.default.svc", "*.db.default"});
  const auto route = resources.get<VirtualHost>(Type::virtual_host, "80/" + pods + ":80").routes(0).route();
  CHECK(route.cluster() == "outbound|80||" + pods);
  CHECK(resources.has(Type::cluster, route.cluster()));
  CHECK(resources.has(Type::virtual_host, "80/db.default.svc.cluster.local:80"));
  CHECK(envoyRefuses(resources) == "");
  // Without interception nothing tells where the client went.
  CHECK_FALSE(resourcesOf(world, bareSidecar()).has(Type::cluster, route.cluster()));

  // A host that somebody else declared stays his.
  auto& entry = world.addService("default", "entry", {port("http", 80, model::Protocol::http)});
  world.services[pods] = entry;
  world.services[pods].host = pods;
  world.services[pods].kind = "ServiceEntry";
  resources = resourcesOf(world, sidecar());
  CHECK(resources.duplicates.empty());
  CHECK(envoyRefuses(resources) == "");
}
