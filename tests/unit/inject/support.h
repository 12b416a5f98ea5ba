#pragma once

#include <string>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "api/yaml.h"
#include "inject/inject.h"

namespace fairway::inject::test {

using Json = nlohmann::json;

inline Json yaml(const std::string& text) {
  auto documents = api::parseYaml(text);
  if (!documents) FAIL(documents.error().message);
  REQUIRE(documents->size() == 1);
  return documents->front().value;
}

// A pod of one container `web` with port http 8080, with these fields of metadata merged in.
inline Json pod(const std::string& metadata = "{}") {
  Json result = yaml(R"(
metadata: {name: web-0, namespace: shop}
spec:
  containers:
  - name: web
    image: example.org/web:1
    ports: [{name: http, containerPort: 8080}]
)");
  result["metadata"].update(yaml(metadata));
  return result;
}

inline Context inNamespace(const std::string& ns, std::optional<api::Labels> labels = std::nullopt) {
  Context context;
  context.selection.ns = ns;
  context.selection.namespaceLabels = std::move(labels);
  return context;
}

inline Outcome injected(const Json& original, const Settings& settings = {}, Context context = inNamespace("shop")) {
  auto outcome = inject(original, settings, context);
  if (!outcome) FAIL(outcome.error().message);
  INFO(outcome->reason);
  REQUIRE(outcome->injected);
  return *outcome;
}

inline std::string refused(const Json& original, const Settings& settings = {}, Context context = inNamespace("shop")) {
  const auto outcome = inject(original, settings, context);
  REQUIRE_FALSE(outcome.has_value());
  return outcome.error().message;
}

inline Json container(const Json& pod, const char* list, const std::string& name) {
  const auto* found = named(member(pod["spec"], list), name);
  INFO(name << " in " << list << " of " << pod.dump(2));
  REQUIRE(found != nullptr);
  return *found;
}

// The value of an environment variable; empty if the container has none of this name.
inline std::string variable(const Json& container, const std::string& name) {
  const auto* found = named(member(container, "env"), name);
  return found == nullptr ? std::string{} : textAt(*found, "value");
}

inline std::vector<std::string> names(const Json& pod, const char* list) {
  std::vector<std::string> result;
  if (const auto* items = member(pod["spec"], list)) {
    for (const auto& item : *items) result.push_back(textAt(item, "name"));
  }
  return result;
}

inline bool mentions(const std::string& text, std::initializer_list<const char*> words) {
  for (const char* word : words) {
    if (text.find(word) == std::string::npos) {
      UNSCOPED_INFO("\"" << word << "\" is missing in: " << text);
      return false;
    }
  }
  return true;
}

}  // namespace fairway::inject::test
