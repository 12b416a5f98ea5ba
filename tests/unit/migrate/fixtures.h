#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "api/yaml.h"
#include "migrate/migrate.h"

namespace fairway::test {

inline std::vector<api::ObjectPtr> objectsOf(const std::string& yaml) {
  const auto documents = api::parseYaml(yaml);
  if (!documents) FAIL(documents.error().message);
  std::vector<api::ObjectPtr> result;
  for (const auto& document : *documents) {
    auto decoded = api::decode(document.value);
    REQUIRE(decoded.object);
    result.push_back(decoded.object);
  }
  return result;
}

// A Service `name` on port 80 (http) and 9000 (tcp) in namespace ns, with a pod behind it: container ports 8080, 9090.
inline std::string workload(const std::string& name, const std::string& account = "default",
                            const std::string& moreLabels = {}) {
  return "---\napiVersion: v1\nkind: Service\nmetadata: {name: " + name +
         ", namespace: ns}\nspec:\n  clusterIP: 10.0.0.1\n  selector: {app: " + name +
         "}\n  ports:\n  - {name: http, port: 80, targetPort: 8080}\n  - {name: tcp-raw, port: 9000, targetPort: "
         "9090}\n"
         "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: " +
         name + account + "-1\n  namespace: ns\n  labels: {app: " + name + moreLabels +
         "}\nspec: {serviceAccountName: " + account + "}\n";
}

inline migrate::Migration migrated(const std::string& yaml, const std::string& ns = {}) {
  migrate::Request request;
  request.objects = objectsOf(yaml);
  request.ns = ns;
  return migrate::migrate(request);
}

inline const nlohmann::ordered_json* manifest(const migrate::Migration& result, const std::string& kind,
                                              const std::string& name) {
  for (const auto& each : result.manifests) {
    if (each.object["kind"] == kind && each.object["metadata"]["name"] == name) return &each.object;
  }
  return nullptr;
}

inline std::string listing(const migrate::Migration& result) {
  std::string text;
  for (const auto& each : result.manifests) text += each.object.dump() + "\n";
  for (const auto& each : result.findings) {
    text += (each.exact ? "note " : "finding ") + each.object + " " + each.field + ": " + each.message + "\n";
  }
  for (const auto& each : result.equivalence.differences) {
    text += "difference " + each.workload + ":" + std::to_string(each.port) + " ";
    for (const auto& [name, value] : each.request) text += name + "=" + value + " ";
    text += "| " + each.before + " | " + each.after + "\n";
  }
  return text;
}

inline bool told(const migrate::Migration& result, const std::string& object, const std::string& text) {
  return std::any_of(result.findings.begin(), result.findings.end(), [&](const auto& finding) {
    return finding.object == object && finding.message.find(text) != std::string::npos;
  });
}

inline const std::string kRbacOn =
    "---\napiVersion: rbac.istio.io/v1alpha1\nkind: ClusterRbacConfig\nmetadata: {name: default}\nspec: {mode: "
    "\"ON\"}\n";

inline std::string role(const std::string& name, const std::string& rules) {
  return "---\napiVersion: rbac.istio.io/v1alpha1\nkind: ServiceRole\nmetadata: {name: " + name +
         ", namespace: ns}\nspec:\n  rules: " + rules + "\n";
}

inline std::string binding(const std::string& name, const std::string& roleName, const std::string& subjects,
                           const std::string& more = {}) {
  return "---\napiVersion: rbac.istio.io/v1alpha1\nkind: ServiceRoleBinding\nmetadata: {name: " + name +
         ", namespace: ns}\nspec:\n  roleRef: {kind: ServiceRole, name: " + roleName + "}\n  subjects: " + subjects +
         "\n" + more;
}

inline std::string policy(const std::string& name, const std::string& spec) {
  return "---\napiVersion: authentication.istio.io/v1alpha1\nkind: Policy\nmetadata: {name: " + name +
         ", namespace: ns}\nspec: " + spec + "\n";
}

}  // namespace fairway::test
