#include "store/indexes.h"

#include <catch2/catch.hpp>

#include "api/core.h"
#include "api/networking.h"
#include "api/security.h"

using namespace fairway;
using namespace fairway::store;
using Keys = std::vector<std::string>;

TEST_CASE("short host names are those of services in the object's namespace") {
  const MeshConfig mesh;
  CHECK(resolveHost("reviews", "a", mesh) == "reviews.a.svc.cluster.local");
  CHECK(resolveHost("Reviews", "a", mesh) == "reviews.a.svc.cluster.local");
  CHECK(resolveHost("reviews.b", "a", mesh) == "reviews.b");
  CHECK(resolveHost("API.Example.com", "a", mesh) == "api.example.com");
  CHECK(resolveHost("*", "a", mesh) == "*");
  CHECK(resolveHost("*.Example.com", "a", mesh) == "*.example.com");
  CHECK(resolveHost("", "a", mesh).empty());
  MeshConfig other;
  other.clusterDomain = "Corp.local";
  CHECK(resolveHost("x", "a", other) == "x.a.svc.corp.local");
}

TEST_CASE("every form of a gateway's name") {
  CHECK(resolveGateway("mesh", "a") == "mesh");
  CHECK(resolveGateway("g", "a") == "a/g");
  CHECK(resolveGateway("./g", "a") == "a/g");
  CHECK(resolveGateway("b/g", "a") == "b/g");
  CHECK(resolveGateway("g.b", "a") == "b/g");
  CHECK(resolveGateway("g.b.svc.cluster.local", "a") == "b/g");
  // A gateway of that name in a namespace is not the mesh.
  CHECK(resolveGateway("a/mesh", "a") == "a/mesh");
}

TEST_CASE("VirtualServices are found by host and by gateway") {
  api::VirtualService object;
  object.meta.ns = "a";
  object.spec.hosts = {"x", "X.a.svc.cluster.local", "*.Example.com", ""};
  const MeshConfig mesh;
  CHECK(indexKeys(Index::virtual_service_by_host, object, mesh) == Keys{"*.example.com", "x.a.svc.cluster.local"});
  CHECK(indexKeys(Index::virtual_service_by_gateway, object, mesh) == Keys{"mesh"});
  object.spec.hosts = {"*-v1.example.com", "*"};
  CHECK(indexKeys(Index::virtual_service_by_host, object, mesh) == Keys{"*", "*-v1.example.com", "*?.example.com"});
  CHECK(partialWildcardsKey("cat-v1.example.com") == "*?.example.com");
  object.spec.gateways = {"g", "b/h", "a/g"};
  CHECK(indexKeys(Index::virtual_service_by_gateway, object, mesh) == Keys{"a/g", "b/h"});
  CHECK(indexKeys(Index::destination_rule_by_host, object, mesh).empty());
}

TEST_CASE("the other kinds have one key each") {
  const MeshConfig mesh;
  api::DestinationRule rule;
  rule.meta.ns = "a";
  CHECK(indexKeys(Index::destination_rule_by_host, rule, mesh).empty());
  rule.spec.host = "x";
  CHECK(indexKeys(Index::destination_rule_by_host, rule, mesh) == Keys{"x.a.svc.cluster.local"});

  api::EndpointSlice slice;
  slice.meta.ns = "a";
  CHECK(indexKeys(Index::endpoint_slice_by_service, slice, mesh).empty());
  slice.spec.service = "x";
  CHECK(indexKeys(Index::endpoint_slice_by_service, slice, mesh) == Keys{"a/x"});

  api::ServiceRoleBinding binding;
  binding.meta.ns = "a";
  CHECK(indexKeys(Index::role_binding_by_role, binding, mesh).empty());
  binding.spec.roleName = "r";
  CHECK(indexKeys(Index::role_binding_by_role, binding, mesh) == Keys{"a/r"});

  api::Service service;
  service.meta.ns = "a";
  service.meta.name = "x";
  CHECK(indexKeys(Index::service_by_host, service, mesh) == Keys{"x.a.svc.cluster.local"});
  CHECK(indexedKind(Index::service_by_host) == api::Kind::service);
}
