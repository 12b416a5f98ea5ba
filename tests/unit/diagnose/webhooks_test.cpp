#include <catch2/catch.hpp>

#include "unit/diagnose/support.h"

namespace fairway::diagnose {

namespace {

using nlohmann::json;

const std::string kBase = "/apis/admissionregistration.k8s.io/v1/";
const std::string kInjector = kBase + "mutatingwebhookconfigurations/istio-sidecar-injector";
const std::string kValidator = kBase + "validatingwebhookconfigurations/istio-validator";
constexpr const char* kRoots = "cm9vdHM=";  // "roots"

json configuration(const std::string& bundle) {
  json client{{"service", {{"namespace", "istio-system"}, {"name", "istiod"}}}};
  if (!bundle.empty()) client["caBundle"] = bundle;
  auto object = named("", "x");
  object["webhooks"] = {{{"name", "namespace.sidecar-injector.istio.io"}, {"clientConfig", client}}};
  return object;
}

FakeCluster whole() {
  FakeCluster cluster;
  cluster.objects["/api/v1/namespaces/istio-system/configmaps/istio-ca-root-cert"] = {
      {"data", {{"root-cert.pem", "roots"}}}};
  cluster.objects[kInjector] = cluster.objects[kValidator] = configuration(kRoots);
  auto slice = named("istio-system", "istiod-1");
  slice["endpoints"] = {{{"conditions", {{"ready", true}}}}};
  cluster.lists["/apis/discovery.k8s.io/v1/namespaces/istio-system/endpointslices"] = {slice};
  return cluster;
}

Findings run(FakeCluster& cluster) {
  Findings out;
  checkWebhooks(cluster, optionsAt(), out);
  return out;
}

}  // namespace

TEST_CASE("webhooks that are installed, trusted and served are in order") {
  auto cluster = whole();
  CHECK(run(cluster).empty());
}

TEST_CASE("a webhook that is missing, without a bundle, or with another mesh's is found") {
  auto cluster = whole();
  cluster.objects.erase(kInjector);
  auto found = run(cluster);
  REQUIRE(codes(found) == std::vector<std::string>{"FW0104"});
  CHECK(found[0].object == "MutatingWebhookConfiguration istio-sidecar-injector");

  cluster.objects[kInjector] = configuration("");
  found = run(cluster);
  REQUIRE(codes(found) == std::vector<std::string>{"FW0104"});
  CHECK(found[0].message.find("has no caBundle") != std::string::npos);

  cluster.objects[kInjector] = configuration("b3RoZXJz");
  found = run(cluster);
  REQUIRE(codes(found) == std::vector<std::string>{"FW0104"});
  CHECK(found[0].message.find("trusts other roots") != std::string::npos);
}

TEST_CASE("a webhook whose Service has no ready endpoint is found") {
  auto cluster = whole();
  auto& slices = cluster.lists["/apis/discovery.k8s.io/v1/namespaces/istio-system/endpointslices"];
  slices[0]["endpoints"][0]["conditions"]["ready"] = false;
  CHECK(codes(run(cluster)) == std::vector<std::string>{"FW0105", "FW0105"});
  slices.clear();
  CHECK(codes(run(cluster)) == std::vector<std::string>{"FW0105", "FW0105"});
}

}  // namespace fairway::diagnose
