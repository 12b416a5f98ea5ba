#include "normalize/checks.h"

#include <catch2/catch.hpp>

#include "fixtures.h"

using namespace fairway;
using namespace fairway::test;
using Severity = model::Note::Severity;

namespace {

void portal(Mesh& mesh, std::vector<std::string> gateways) {
  mesh.add<api::VirtualService>("onap", "portal", [&](auto& o) {
    o.spec.hosts = {"*"};
    o.spec.gateways = std::move(gateways);
  });
}

}  // namespace

TEST_CASE("a VirtualService that names a missing Gateway is told about, whoever is connected") {
  Mesh mesh;
  portal(mesh, {"mesh", "edge", "istio-system/edge"});
  mesh.ask(normalize::ReferenceChecks{});
  CHECK(mesh.noted("VirtualService/onap/portal", "no Gateway onap/edge", Severity::warning));
  CHECK(mesh.noted("VirtualService/onap/portal", "no Gateway istio-system/edge", Severity::warning));
  CHECK(mesh.notes().size() == 2);

  mesh.add<api::Gateway>("istio-system", "edge", [](auto&) {});
  mesh.ask(normalize::ReferenceChecks{});
  CHECK(mesh.notes().size() == 1);
  mesh.add<api::Gateway>("onap", "edge", [](auto&) {});
  mesh.ask(normalize::ReferenceChecks{});
  CHECK(mesh.notes().empty());
}

TEST_CASE("a binding to a missing role is told about, whoever is connected") {
  Mesh mesh;
  mesh.add<api::ServiceRoleBinding>("onap", "bind", [](auto& o) {
    o.spec.roleKind = "ServiceRole";
    o.spec.roleName = "reader";
    o.spec.subjects.emplace_back().user = "*";
  });
  mesh.ask(normalize::ReferenceChecks{});
  CHECK(mesh.notes().size() == 1);
  CHECK(mesh.notes().front().object.toString() == "ServiceRoleBinding/onap/bind");
  mesh.add<api::ServiceRole>("onap", "reader", [](auto&) {});
  mesh.ask(normalize::ReferenceChecks{});
  CHECK(mesh.notes().empty());
}
