// What the leader writes for the Gateway API.
#include <catch2/catch.hpp>

#include "control/gateway_api_status.h"
#include "control/gateway_infrastructure.h"

using namespace fairway;
using namespace fairway::control;
using model::GatewayApiStatus;
using model::GatewayDeployment;
using Verb = kube::Call::Verb;
using Json = nlohmann::json;

namespace {

constexpr const char* kBefore = "2026-01-01T00:00:00Z";
constexpr const char* kNow = "2026-02-02T00:00:00Z";
const kube::Mirror::Objects kNone;

GatewayApiStatus routeStatus(bool accepted = true) {
  GatewayApiStatus status;
  status.kind = "HTTPRoute";
  status.ns = "shop";
  status.name = "r";
  status.generation = 3;
  GatewayApiStatus::Parent parent{"gateway.networking.k8s.io",   "Gateway", "infra", "gw", "http", 0,
                                  "istio.io/gateway-controller", {}};
  parent.conditions = {{"Accepted", accepted, accepted ? "Accepted" : "NoMatchingParent", ""}};
  status.parents.push_back(parent);
  return status;
}

std::map<std::string, GatewayApiObjects> routes(const Json& status, int generation = 3) {
  const Json object{{"metadata", {{"resourceVersion", "42"}, {"generation", generation}}}, {"status", status}};
  return {{"HTTPRoute", {"v1beta1", {{{"shop", "r"}, keepGatewayApi(object)}}}}};
}

GatewayDeployment gateway() {
  GatewayDeployment made;
  made.ns = "infra";
  made.gateway = "gw";
  made.uid = "u-1";
  made.name = "gw-istio";
  made.labels = {{"team", "a"}, {"sidecar.istio.io/inject", "false"}};
  made.annotations = {{"note", "x"}, {"sidecar.istio.io/proxyImage", "evil"}};
  made.ports = {{"status-port", 15021}, {"http-80", 80}};
  return made;
}

// What the API server has after these creations: with defaults that nobody asked for.
GatewayInfrastructure created(const std::vector<Write>& writes) {
  GatewayInfrastructure known;
  for (const auto& write : writes) {
    auto object = Json::parse(write.call.body);
    object["metadata"]["resourceVersion"] = "7";
    object["metadata"]["labels"]["added"] = "by others";
    const api::NamespacedName key{object["metadata"]["namespace"], object["metadata"]["name"]};
    if (object["kind"] == "Deployment") object["spec"]["replicas"] = 1;
    auto& objects = object["kind"] == "Deployment" ? known.deployments
                    : object["kind"] == "Service"  ? known.services
                                                   : known.accounts;
    objects[key] = object;
  }
  return known;
}

}  // namespace

TEST_CASE("a route's status: ours is written, what other controllers say stays") {
  const Json other{
      {"parentRef", {{"name", "x"}}}, {"controllerName", "example.com/other"}, {"conditions", Json::array()}};
  const auto writes = gatewayApiStatusWrites({routeStatus()}, routes({{"parents", Json::array({other})}}), kNow);
  REQUIRE(writes.size() == 1);
  CHECK(writes[0].object == "HTTPRoute.gateway.networking.k8s.io shop/r");
  CHECK(writes[0].call.path == "/apis/gateway.networking.k8s.io/v1beta1/namespaces/shop/httproutes/r/status");
  const auto body = Json::parse(writes[0].call.body);
  CHECK(body["metadata"]["resourceVersion"] == "42");  // written over nobody's head
  const auto& parents = body["status"]["parents"];
  REQUIRE(parents.size() == 2);
  CHECK(parents[0] == other);
  CHECK(parents[1]["parentRef"] == Json{{"group", "gateway.networking.k8s.io"},
                                        {"kind", "Gateway"},
                                        {"namespace", "infra"},
                                        {"name", "gw"},
                                        {"sectionName", "http"}});
  const auto& condition = parents[1]["conditions"][0];
  CHECK(condition["status"] == "True");
  CHECK(condition["observedGeneration"] == 3);
  CHECK(condition["lastTransitionTime"] == kNow);
}

TEST_CASE("a status is written only where it differs, and a time changes only with its condition") {
  const auto first = gatewayApiStatus(routeStatus(), Json(), kBefore);
  CHECK(gatewayApiStatusWrites({routeStatus()}, routes(first), kNow).empty());
  const auto changed = gatewayApiStatusWrites({routeStatus(false)}, routes(first), kNow);
  REQUIRE(changed.size() == 1);
  CHECK(Json::parse(changed[0].call.body)["status"]["parents"][0]["conditions"][0]["lastTransitionTime"] == kNow);
  auto next = routeStatus();
  next.generation = 4;
  const auto bumped = gatewayApiStatus(next, first, kNow);
  CHECK(bumped["parents"][0]["conditions"][0]["lastTransitionTime"] == kBefore);
  CHECK(bumped["parents"][0]["conditions"][0]["observedGeneration"] == 4);
}

TEST_CASE("nothing is written about an object that is not the one that was looked at, or not there") {
  CHECK(gatewayApiStatusWrites({routeStatus()}, routes(Json(), 4), kNow).empty());
  CHECK(gatewayApiStatusWrites({routeStatus()}, {}, kNow).empty());
  CHECK(gatewayApiStatusWrites({routeStatus()}, {{"HTTPRoute", {"v1", {}}}}, kNow).empty());
  // A route of others that nobody has spoken of yet.
  auto foreign = routeStatus();
  foreign.parents.clear();
  CHECK(gatewayApiStatusWrites({foreign}, routes(Json()), kNow).empty());
  // One that was ours.
  const auto writes = gatewayApiStatusWrites({foreign}, routes(gatewayApiStatus(routeStatus(), Json(), kBefore)), kNow);
  REQUIRE(writes.size() == 1);
  CHECK(Json::parse(writes[0].call.body)["status"]["parents"].empty());
}

TEST_CASE("a Gateway's status has its listeners and addresses, and keeps conditions of other types") {
  GatewayApiStatus status;
  status.kind = "Gateway";
  status.ns = "infra";
  status.name = "gw";
  status.generation = 2;
  status.conditions = {{"Accepted", true, "Accepted", ""}, {"Programmed", false, "AddressNotAssigned", "none yet"}};
  status.addresses = {{"IPAddress", "192.0.2.1"}};
  status.listeners.push_back({"http", {"HTTPRoute"}, 2, {{"Accepted", true, "Accepted", ""}}});
  const Json known{{"conditions",
                    {{{"type", "Accepted"}, {"status", "Unknown"}, {"lastTransitionTime", "1970-01-01T00:00:00Z"}},
                     {{"type", "example.com/Mine"}, {"status", "True"}},
                     {{"type", "PartiallyInvalid"}, {"status", "True"}}}}};
  const auto json = gatewayApiStatus(status, known, kNow);
  REQUIRE(json["conditions"].size() == 3);
  CHECK(json["conditions"][0]["lastTransitionTime"] == kNow);
  CHECK(json["conditions"][2]["type"] == "example.com/Mine");
  CHECK(json["addresses"] == Json::array({{{"type", "IPAddress"}, {"value", "192.0.2.1"}}}));
  CHECK(json["listeners"][0]["attachedRoutes"] == 2);
  CHECK(json["listeners"][0]["supportedKinds"] ==
        Json::array({{{"group", "gateway.networking.k8s.io"}, {"kind", "HTTPRoute"}}}));
  CHECK(gatewayApiStatus(status, json, "later") == json);
}

TEST_CASE("a GatewayClass lists its features, a policy its ancestors") {
  GatewayApiStatus status;
  status.kind = "GatewayClass";
  status.features = {"Gateway", "HTTPRoute"};
  CHECK(gatewayApiStatus(status, Json(), kNow)["supportedFeatures"] ==
        Json::array({{{"name", "Gateway"}}, {{"name", "HTTPRoute"}}}));
  auto policy = routeStatus();
  policy.kind = "BackendTLSPolicy";
  const auto json = gatewayApiStatus(policy, Json(), kNow);
  CHECK(json["ancestors"][0]["ancestorRef"]["name"] == "gw");
  CHECK_FALSE(json.contains("parents"));
}

TEST_CASE("what a Gateway gets: an account, a proxy and a Service, and nothing more once they are there") {
  const auto writes = gatewayInfrastructureWrites({gateway()}, {}, "default");
  REQUIRE(writes.size() == 3);
  CHECK(writes[0].object == "ServiceAccount infra/gw-istio");
  CHECK(writes[1].object == "Deployment infra/gw-istio");
  CHECK(writes[2].object == "Service infra/gw-istio");
  for (const auto& write : writes) {
    CHECK(write.call.verb == Verb::create);
    const auto meta = Json::parse(write.call.body)["metadata"];
    CHECK(meta["ownerReferences"][0]["uid"] == "u-1");
    CHECK(meta["labels"]["gateway.networking.k8s.io/gateway-name"] == "gw");
    CHECK(meta["labels"]["team"] == "a");
    CHECK(meta["annotations"]["note"] == "x");
  }
  const auto service = Json::parse(writes[2].call.body)["spec"];
  CHECK(service["type"] == "LoadBalancer");
  CHECK(service["ports"].size() == 2);
  CHECK(gatewayInfrastructureWrites({gateway()}, created(writes), "default").empty());
}

TEST_CASE("CVE-2022-21701: who writes a Gateway does not thereby write pods") {
  const auto writes = gatewayInfrastructureWrites({gateway()}, {}, "canary");
  const auto pod = Json::parse(writes.at(1).call.body)["spec"]["template"];
  CHECK(pod["metadata"]["labels"]["sidecar.istio.io/inject"] == "true");
  CHECK(pod["metadata"]["labels"]["istio.io/rev"] == "canary");
  CHECK(pod["metadata"]["labels"]["team"] == "a");
  CHECK(pod["metadata"]["annotations"]["inject.istio.io/templates"] == "gateway");
  CHECK_FALSE(pod["metadata"]["annotations"].contains("sidecar.istio.io/proxyImage"));
  CHECK(pod["spec"]["containers"].size() == 1);
  CHECK(pod["spec"]["containers"][0]["image"] == "auto");
  CHECK(pod["spec"]["automountServiceAccountToken"] == false);
}

TEST_CASE("a change of a Gateway, or of what was made by somebody else, is put right") {
  auto known = created(gatewayInfrastructureWrites({gateway()}, {}, "default"));
  auto more = gateway();
  more.ports.push_back({"https-443", 443});
  more.labels.erase("team");
  const auto writes = gatewayInfrastructureWrites({more}, known, "default");
  REQUIRE(writes.size() == 3);
  for (const auto& write : writes) {
    CHECK(write.call.verb == Verb::patch);
    CHECK(Json::parse(write.call.body)["metadata"]["labels"]["team"].is_null());
  }
  CHECK(Json::parse(writes[1].call.body)["spec"]["template"]["metadata"]["labels"]["team"].is_null());
  CHECK(Json::parse(writes[2].call.body)["spec"]["ports"].size() == 3);

  known.deployments.begin()->second["spec"]["template"]["spec"]["containers"][0]["image"] = "mine";
  const auto back = gatewayInfrastructureWrites({gateway()}, known, "default");
  REQUIRE(back.size() == 1);
  CHECK(back[0].object == "Deployment infra/gw-istio");
}

TEST_CASE("what belongs to no Gateway any more is removed, but not another revision's") {
  const auto known = created(gatewayInfrastructureWrites({gateway()}, {}, "default"));
  const auto writes = gatewayInfrastructureWrites({}, known, "default");
  REQUIRE(writes.size() == 3);
  for (const auto& write : writes) CHECK(write.call.verb == Verb::remove);
  CHECK(gatewayInfrastructureWrites({}, known, "canary").empty());
  auto theirs = gateway();
  theirs.revision = "canary";
  CHECK(gatewayInfrastructureWrites({theirs}, {}, "default").empty());
  CHECK(gatewayInfrastructureWrites({theirs}, {}, "canary").size() == 3);
}

TEST_CASE("the GatewayClass is made once and then left to its users") {
  const auto writes = gatewayClassWrites(kNone, "v1");
  REQUIRE(writes.size() == 1);
  CHECK(writes[0].call.path == "/apis/gateway.networking.k8s.io/v1/gatewayclasses");
  CHECK(Json::parse(writes[0].call.body)["spec"]["controllerName"] == "istio.io/gateway-controller");
  CHECK(gatewayClassWrites({{{"", "istio"}, Json::object()}}, "v1").empty());
}
