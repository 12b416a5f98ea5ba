#include "control/writers.h"

#include <catch2/catch.hpp>

#include "api/base64.h"
#include "fake_api_server.h"

using namespace fairway;
using namespace fairway::control;
using fairway::control::test::FakeApiServer;
using fairway::control::test::Json;

namespace {

const std::string kRoots = "-----BEGIN CERTIFICATE-----\nroots\n-----END CERTIFICATE-----\n";
const std::string kInjector =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/istio-sidecar-injector";

std::string rootMap(const std::string& ns) { return "/api/v1/namespaces/" + ns + "/configmaps/istio-ca-root-cert"; }

struct World {
  FakeApiServer server;
  StatusTable statuses;
  std::atomic<bool> leading{true};
  std::unique_ptr<Writers> writers;

  void addNamespace(const std::string& name, const std::string& phase = "Active") {
    server.put("/api/v1/namespaces/" + name, Json{{"status", {{"phase", phase}}}});
  }
  void start(const std::string& revision = "default") {
    WritersOptions options;
    options.revision = revision;
    options.trust = [] { return TrustTexts{kRoots, ""}; };
    options.leading = [this] { return leading.load(); };
    options.pace.perSecond = options.pace.burst = 10'000;
    options.pace.retryBase = options.pace.retryMost = std::chrono::milliseconds(10);
    writers = std::make_unique<Writers>(server, statuses, options);
  }
  bool hasRoots(const std::string& ns) {
    const auto map = server.get(rootMap(ns));
    return map.is_object() && map["data"]["root-cert.pem"] == kRoots;
  }
};

}  // namespace

TEST_CASE("every namespace has the roots: those that come later and those that somebody edits too") {
  World world;
  world.addNamespace("onap");
  world.addNamespace("kube-system");
  world.addNamespace("leaving", "Terminating");
  world.server.put(rootMap("old"), Json{{"data", {{"root-cert.pem", "old roots"}, {"mine", "kept"}}}});
  world.addNamespace("old");
  world.start();
  CHECK(world.server.waitUntil([&] { return world.hasRoots("onap") && world.hasRoots("old"); }));
  CHECK(world.server.get(rootMap("onap"))["metadata"]["labels"]["istio.io/config"] == "true");
  CHECK(world.server.get(rootMap("old"))["data"]["mine"] == "kept");

  world.addNamespace("new");
  CHECK(world.server.waitUntil([&] { return world.hasRoots("new"); }));
  world.server.put(rootMap("onap"), Json{{"data", {{"root-cert.pem", "forged"}}}});
  CHECK(world.server.waitUntil([&] { return world.hasRoots("onap"); }));
  world.server.erase(rootMap("onap"));
  CHECK(world.server.waitUntil([&] { return world.hasRoots("onap"); }));
  CHECK(world.server.get(rootMap("kube-system")).is_null());
  CHECK(world.server.get(rootMap("leaving")).is_null());
}

TEST_CASE("a namespace that refuses holds up no other") {
  World world;
  std::atomic<bool> refuses{true};
  world.server.before = [&](const kube::Call& call) -> std::optional<kube::ApiError> {
    if (!refuses || call.path.find("/closed/") == std::string::npos) return std::nullopt;
    return kube::ApiError{kube::ApiError::Kind::forbidden, 403, "RBAC says no"};
  };
  world.addNamespace("closed");
  world.addNamespace("open");
  world.start();
  CHECK(world.server.waitUntil([&] { return world.hasRoots("open"); }));
  CHECK_FALSE(world.hasRoots("closed"));
  refuses = false;
  CHECK(world.server.waitUntil([&] { return world.hasRoots("closed"); }));
}

TEST_CASE("the caBundle of our webhooks is set, and set again") {
  World world;
  const Json webhook{{"name", "rev.namespace.sidecar-injector.istio.io"},
                     {"clientConfig", {{"service", {{"name", "istiod"}}}}},
                     {"failurePolicy", "Fail"}};
  const Json other{{"name", "elsewhere"}, {"clientConfig", {{"url", "https://elsewhere"}}}};
  world.server.put(kInjector, Json{{"webhooks", {webhook, other}}});
  world.server.put("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/foreign",
                   Json{{"webhooks", {webhook}}});
  world.server.put("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/istio-validator",
                   Json{{"webhooks", {webhook}}});
  world.start();
  const auto bundleOf = [&](const std::string& path) {
    return world.server.get(path)["webhooks"][0]["clientConfig"].value("caBundle", "");
  };
  const auto expected = api::encodeBase64(kRoots);
  CHECK(world.server.waitUntil([&] {
    return bundleOf(kInjector) == expected &&
           bundleOf("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/istio-validator") ==
               expected;
  }));
  CHECK(world.server.get(kInjector)["webhooks"][0]["failurePolicy"] == "Fail");
  CHECK_FALSE(world.server.get(kInjector)["webhooks"][1]["clientConfig"].contains("caBundle"));
  CHECK(bundleOf("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/foreign").empty());

  auto edited = world.server.get(kInjector);
  edited["webhooks"][0]["clientConfig"]["caBundle"] = "Zm9yZ2Vk";
  world.server.put(kInjector, edited);
  CHECK(world.server.waitUntil([&] { return bundleOf(kInjector) == expected; }));
}

TEST_CASE("who does not lead writes nothing") {
  World world;
  world.leading = false;
  world.addNamespace("onap");
  world.start();
  world.statuses.set({"x.io", "v1", "things", "Thing", {"onap", "a"}}, Json{{"a", 1}});
  world.leading = true;
  CHECK(world.server.waitUntil([&] { return world.hasRoots("onap"); }));
  world.leading = false;
  world.addNamespace("late");
  world.addNamespace("later");
  world.writers.reset();
  CHECK_FALSE(world.hasRoots("late"));
}

TEST_CASE("the status of a WorkloadEntry keeps the conditions that others have put there") {
  World world;
  const std::string entry = "/apis/networking.istio.io/v1/namespaces/shop/workloadentries/vm";
  const Json healthy{{"type", "Healthy"}, {"status", "True"}, {"reason", "ProbeSucceeded"}};
  world.server.put(entry, Json{{"status", {{"conditions", {healthy, {{"type", "Accepted"}, {"status", "False"}}}}}}});
  world.start();
  const Json accepted{{"type", "Accepted"}, {"status", "True"}};
  world.statuses.set({"networking.istio.io", "v1", "workloadentries", "WorkloadEntry", {"shop", "vm"}},
                     Json{{"conditions", {accepted}}});
  CHECK(world.server.waitUntil([&] {
    return world.server.get(entry).value(Json::json_pointer("/status/conditions"), Json()) ==
           Json::array({accepted, healthy});
  }));
}

TEST_CASE("an Ingress gets the addresses of the gateway, and loses those that are no more") {
  World world;
  const std::string ingress = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web";
  const std::string service = "/api/v1/namespaces/istio-system/services/istio-ingressgateway";
  world.server.put(ingress, Json{{"metadata", {{"annotations", {{"kubernetes.io/ingress.class", "istio"}}}}},
                                 {"spec", Json::object()}});
  Json gateway{{"spec", {{"type", "LoadBalancer"}, {"selector", {{"istio", "ingressgateway"}}}}}};
  gateway["status"]["loadBalancer"]["ingress"] = {{{"ip", "192.0.2.7"}}, {{"hostname", "lb.example.org"}}};
  world.server.put(service, gateway);
  world.start();
  const auto addresses = [&] {
    const auto status = world.server.get(ingress).value("status", Json::object());
    return status.value(Json::json_pointer("/loadBalancer/ingress"), Json());
  };
  CHECK(world.server.waitUntil([&] {
    return addresses() == Json::array({{{"ip", "192.0.2.7"}}, {{"hostname", "lb.example.org"}}});
  }));
  gateway["status"]["loadBalancer"]["ingress"] = {{{"ip", "192.0.2.8"}}};
  world.server.put(service, gateway);
  CHECK(world.server.waitUntil([&] { return addresses() == Json::array({{{"ip", "192.0.2.8"}}}); }));
  const auto writes = world.server.calls(FakeApiServer::Verb::patch).size();
  world.server.erase(service);
  CHECK(world.server.waitUntil([&] { return addresses().is_null(); }));
  CHECK(world.server.calls(FakeApiServer::Verb::patch).size() == writes + 1);
}
