// The pure parts of what the leader writes.
#include <catch2/catch.hpp>

#include "api/base64.h"
#include "control/ingress_status.h"
#include "control/root_config_maps.h"
#include "control/status_writer.h"
#include "control/webhook_bundles.h"

using namespace fairway;
using namespace fairway::control;
using namespace std::chrono_literals;
using kube::ApiError;
using Json = nlohmann::json;

TEST_CASE("base64 both ways") {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar", "\xff\x00\x7f"}) {
    CHECK(api::decodeBase64(api::encodeBase64(text)) == text);
  }
  CHECK(api::encodeBase64("foob") == "Zm9vYg==");
}

TEST_CASE("root ConfigMaps: what is missing comes before what differs") {
  const kube::Mirror::Objects namespaces{{{"", "a"}, {{"terminating", false}}},
                                         {{"", "b"}, {{"terminating", false}}},
                                         {{"", "c"}, {{"terminating", true}}},
                                         {{"", "d"}, {{"terminating", false}}},
                                         {{"", "kube-node-lease"}, {{"terminating", false}}}};
  const auto map = [](const std::string& roots, const Json& labels) {
    return keepRootConfigMap({{"metadata", {{"labels", labels}}}, {"data", {{"root-cert.pem", roots}}}});
  };
  const kube::Mirror::Objects maps{{{"a", kRootConfigMap}, map("other", {{"istio.io/config", "true"}})},
                                   {{"d", kRootConfigMap}, map("roots", {{"istio.io/config", "true"}})}};
  const auto writes = rootConfigMapWrites(namespaces, maps, {"roots", ""});
  REQUIRE(writes.size() == 2);
  CHECK(writes[0].object == "ConfigMap b/istio-ca-root-cert");
  CHECK(writes[0].call.verb == kube::Call::Verb::create);
  CHECK(writes[0].call.path == "/api/v1/namespaces/b/configmaps");
  CHECK(writes[1].object == "ConfigMap a/istio-ca-root-cert");
  CHECK(writes[1].call.path == "/api/v1/namespaces/a/configmaps/istio-ca-root-cert");
  // A changed root: all of them.
  CHECK(rootConfigMapWrites(namespaces, maps, {"new roots", ""}).size() == 3);
  // What the roots do not say goes beside them, and away again.
  const auto more = rootConfigMapWrites(namespaces, maps, {"roots", "bundle"});
  REQUIRE(more.size() == 3);
  CHECK(Json::parse(more[0].call.body)["data"] == Json{{"root-cert.pem", "roots"}, {"trust.json", "bundle"}});
  const Json labels{{"istio.io/config", "true"}};
  const auto bundled = [&] {
    return keepRootConfigMap(
        {{"metadata", {{"labels", labels}}}, {"data", {{"root-cert.pem", "roots"}, {"trust.json", "bundle"}}}});
  };
  const kube::Mirror::Objects with{{{"a", kRootConfigMap}, bundled()}};
  const kube::Mirror::Objects only{{{"", "a"}, {{"terminating", false}}}};
  CHECK(rootConfigMapWrites(only, with, {"roots", "bundle"}).empty());
  const auto removal = rootConfigMapWrites(only, with, {"roots", ""});
  REQUIRE(removal.size() == 1);
  CHECK(Json::parse(removal[0].call.body)["data"]["trust.json"].is_null());
  CHECK(keepNamespace({{"metadata", {{"deletionTimestamp", "2026-01-01T00:00:00Z"}}}})["terminating"] == true);
}

TEST_CASE("which webhook configurations are ours") {
  const auto ours = [](WebhookKind kind, const std::string& revision, const Json& meta) {
    return !keepWebhooks(kind, revision, {{"metadata", meta}, {"webhooks", Json::array()}}).is_null();
  };
  using enum WebhookKind;
  CHECK(ours(mutating, "default", {{"name", "istio-sidecar-injector"}}));
  CHECK(ours(mutating, "canary", {{"name", "istio-sidecar-injector-canary"}}));
  CHECK_FALSE(ours(mutating, "canary", {{"name", "istio-sidecar-injector"}}));
  const Json tag{{"app", "sidecar-injector"}, {"istio.io/rev", "canary"}, {"istio.io/tag", "prod"}};
  CHECK(ours(mutating, "canary", {{"name", "istio-revision-tag-prod"}, {"labels", tag}}));
  CHECK_FALSE(ours(mutating, "default", {{"name", "istio-revision-tag-prod"}, {"labels", tag}}));
  CHECK(ours(validating, "default", {{"name", "istio-validator"}}));
  CHECK_FALSE(ours(validating, "canary", {{"name", "istio-validator"}, {"labels", tag}}));
}

TEST_CASE("a caBundle patch names the webhooks that need it, and the version it was made for") {
  const Json object{{"metadata", {{"name", "istio-validator"}, {"resourceVersion", "7"}}},
                    {"webhooks",
                     {{{"name", "a"}, {"clientConfig", {{"caBundle", api::encodeBase64("roots")}}}},
                      {{"name", "b"}, {"clientConfig", {{"service", Json::object()}}}}}}};
  const kube::Mirror::Objects held{{{"", "istio-validator"}, keepWebhooks(WebhookKind::validating, "default", object)}};
  const auto writes = webhookWrites(WebhookKind::validating, held, "roots");
  REQUIRE(writes.size() == 1);
  const Json patch = Json::parse(writes[0].call.body);
  CHECK(patch["metadata"]["resourceVersion"] == "7");
  REQUIRE(patch["webhooks"].size() == 1);
  CHECK(patch["webhooks"][0]["name"] == "b");
  CHECK(patch["webhooks"][0]["clientConfig"]["caBundle"] == api::encodeBase64("roots"));
  CHECK(writes[0].call.contentType == "application/strategic-merge-patch+json");
}

TEST_CASE("which Ingresses are ours") {
  const kube::Mirror::Objects classes{{{"", "mesh"}, {{"controller", "istio.io/ingress-controller"}}},
                                      {{"", "nginx"}, {{"controller", "k8s.io/ingress-nginx"}}}};
  const auto ours = [&](const std::string& annotation, const std::string& name) {
    Json object{{"metadata", {{"name", "x"}}}, {"spec", {{"ingressClassName", name}}}};
    if (!annotation.empty()) object["metadata"]["annotations"]["kubernetes.io/ingress.class"] = annotation;
    return isOurIngress(keepIngress(object), classes);
  };
  CHECK(ours("istio", ""));
  CHECK(ours("", "mesh"));
  CHECK_FALSE(ours("", "nginx"));
  CHECK_FALSE(ours("", "unknown"));
  CHECK_FALSE(ours("nginx", "mesh"));  // the annotation counts, as in Istio
  CHECK_FALSE(ours("", ""));
}

TEST_CASE("addresses of a gateway's Service") {
  const auto addresses = [](const Json& spec, const Json& entries = Json()) {
    return keepGatewayService({{"spec", spec}, {"status", {{"loadBalancer", {{"ingress", entries}}}}}});
  };
  const Json selector{{"istio", "ingressgateway"}, {"app", "x"}};
  CHECK(addresses({{"type", "LoadBalancer"}, {"selector", {{"istio", "egressgateway"}}}}).is_null());
  CHECK(addresses({{"selector", nullptr}}).is_null());
  CHECK(addresses({{"type", "NodePort"}, {"selector", selector}})["addresses"].empty());
  const Json both = addresses({{"type", "LoadBalancer"}, {"selector", selector}, {"externalIPs", {"198.51.100.1"}}},
                              {{{"ip", "192.0.2.1"}}, {{"hostname", "lb.example"}}});
  CHECK(both["addresses"] == Json({"192.0.2.1", "lb.example", "198.51.100.1"}));
}

TEST_CASE("a status is written on change only, and again by a new leader") {
  StatusTable table;
  const StatusTarget target{"networking.istio.io", "v1", "virtualservices", "VirtualService", {"onap", "a"}};
  CHECK(table.writes().empty());
  table.set(target, {{"live", 1}});
  auto writes = table.writes();
  REQUIRE(writes.size() == 1);
  CHECK(writes[0].call.path == "/apis/networking.istio.io/v1/namespaces/onap/virtualservices/a/status");
  CHECK(Json::parse(writes[0].call.body) == Json({{"status", {{"live", 1}}}}));
  // What changed while it was being written is written again.
  table.set(target, {{"live", 2}});
  table.wrote(writes[0]);
  writes = table.writes();
  REQUIRE(writes.size() == 1);
  table.wrote(writes[0]);
  CHECK(table.writes().empty());
  table.set(target, {{"live", 2}});
  CHECK(table.writes().empty());
  table.seen(target, {{"live", 9}});  // somebody else wrote it
  CHECK(table.writes().size() == 1);
  table.seen(target, {{"live", 2}});
  CHECK(table.writes().empty());
  table.unlearn();
  CHECK(table.writes().size() == 1);
  table.forget(target);
  CHECK(table.writes().empty());
}

TEST_CASE("writes keep to a rate") {
  Pace pace({.perSecond = 10, .burst = 3}, [] { return 0.0; });
  Pace::Time now{100s};
  for (int i = 0; i < 3; ++i) {
    CHECK(pace.nextTurn(now) == now);
    pace.took(now);
  }
  const auto next = pace.nextTurn(now);
  CHECK(next > now + 90ms);
  CHECK(next < now + 110ms);
  CHECK(pace.nextTurn(next) == next);
  now += 1h;  // what was not used is not saved up beyond the burst
  for (int i = 0; i < 3; ++i) pace.took(now);
  CHECK(pace.nextTurn(now) > now);
}

TEST_CASE("a write that failed waits longer each time, and only that one") {
  Pace pace({.retryBase = 1s, .retryMost = 8s}, [] { return 1.0; });
  const Pace::Time now{100s};
  CHECK(pace.due("a") <= now);
  pace.failed("a", now);
  CHECK(pace.due("a") == now + 1s);
  pace.failed("a", now);
  CHECK(pace.due("a") == now + 2s);
  for (int i = 0; i < 9; ++i) pace.failed("a", now);
  CHECK(pace.due("a") == now + 8s);
  CHECK(pace.due("b") <= now);
  pace.succeeded("a");
  CHECK(pace.due("a") <= now);
  pace.failed("a", now);
  pace.keepOnly({});
  CHECK(pace.due("a") <= now);
}

TEST_CASE("a problem is told once, what RBAC forbids once for all") {
  FailureLog log;
  const Write a{"root certificate", "ConfigMap a/x", {}}, b{"root certificate", "ConfigMap b/x", {}};
  const ApiError forbidden{ApiError::Kind::forbidden, 403, "RBAC says no"};
  CHECK(log.failed(a, forbidden).value().find("RBAC says no") != std::string::npos);
  CHECK_FALSE(log.failed(a, forbidden));
  CHECK_FALSE(log.failed(b, forbidden));
  CHECK_FALSE(log.succeeded(b));
  CHECK(log.succeeded(a));
  CHECK(log.failed(b, forbidden));
  const ApiError invalid{ApiError::Kind::invalid, 422, "field is immutable when `immutable` is set"};
  CHECK(log.failed(a, invalid));
  CHECK_FALSE(log.failed(a, invalid));
  CHECK(log.succeeded(a));
  // A namespace on its way out is no news.
  CHECK_FALSE(log.failed(a, {ApiError::Kind::forbidden, 403, "unable to create: it is being terminated"}));
  CHECK_FALSE(log.failed(a, {ApiError::Kind::not_found, 404, "namespaces \"a\" not found"}));
}
