#include "agent/span_environment.h"

#include <catch2/catch.hpp>

using namespace fairway::agent;

namespace {

AgentOptions pod() {
  AgentOptions options;
  options.podName = "web-1";
  options.podNamespace = "shop";
  return options;
}

std::string valueOf(const std::vector<std::string>& environment, const std::string& name) {
  for (const auto& variable : environment) {
    if (variable.starts_with(name + "=")) return variable.substr(name.size() + 1);
  }
  return "unset";
}

}  // namespace

TEST_CASE("Spans: a workload is known by its labels, else by its name") {
  auto options = pod();
  CHECK(valueOf(spanEnvironment(options, ""), "FAIRWAY_CANONICAL_SERVICE") == "web-1");
  CHECK(valueOf(spanEnvironment(options, ""), "FAIRWAY_CANONICAL_REVISION") == "latest");
  CHECK(valueOf(spanEnvironment(options, ""), "FAIRWAY_CLUSTER_ID") == "unset");

  options.metadata = {{"WORKLOAD_NAME", "web"}, {"CLUSTER_ID", "east"}};
  CHECK(valueOf(spanEnvironment(options, ""), "FAIRWAY_CANONICAL_SERVICE") == "web");
  CHECK(valueOf(spanEnvironment(options, ""), "FAIRWAY_CLUSTER_ID") == "east");

  options.labels = {{"app", "storefront"}, {"version", "v2"}};
  CHECK(valueOf(spanEnvironment(options, ""), "FAIRWAY_CANONICAL_SERVICE") == "storefront");
  CHECK(valueOf(spanEnvironment(options, ""), "FAIRWAY_CANONICAL_REVISION") == "v2");

  options.labels["app.kubernetes.io/name"] = "front";
  options.labels["service.istio.io/canonical-name"] = "canonical";
  options.labels["service.istio.io/canonical-revision"] = "v3";
  CHECK(valueOf(spanEnvironment(options, ""), "FAIRWAY_CANONICAL_SERVICE") == "canonical");
  CHECK(valueOf(spanEnvironment(options, ""), "FAIRWAY_CANONICAL_REVISION") == "v3");
}

TEST_CASE("Spans: attributes of the resource, those of the pod's author first") {
  auto options = pod();
  options.labels = {{"app", "web"}};
  CHECK(valueOf(spanEnvironment(options, ""), "OTEL_RESOURCE_ATTRIBUTES") ==
        "service.name=web.shop,service.namespace=shop,k8s.namespace.name=shop,k8s.pod.name=web-1");
  CHECK(valueOf(spanEnvironment(options, " team=a , service.name=mine,,k8s.pod.name=x"), "OTEL_RESOURCE_ATTRIBUTES") ==
        "team=a,service.name=mine,k8s.pod.name=x,service.namespace=shop,k8s.namespace.name=shop");
}
