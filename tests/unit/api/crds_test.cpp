#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "api/codec.h"
#include "api/yaml.h"
#include "paths.h"

namespace fairway::api {
namespace {

using Json = nlohmann::json;

std::map<std::string, Json> crds() {
  std::map<std::string, Json> result;
  for (const auto& entry : std::filesystem::directory_iterator(fairway::test::sourceDirectory() / "crds")) {
    if (entry.path().extension() != ".yaml") continue;
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    const auto documents = parseYaml(text.str());
    INFO(entry.path());
    INFO((documents ? std::string() : documents.error().message));
    REQUIRE(documents);
    REQUIRE(documents->size() == 1);
    const auto& crd = documents->front().value;
    result.emplace(crd["spec"]["names"]["kind"].get<std::string>(), crd);
    CHECK(entry.path().filename() ==
          crd["spec"]["names"]["plural"].get<std::string>() + "." + crd["spec"]["group"].get<std::string>() + ".yaml");
  }
  return result;
}

// Rules of structural schemas (Kubernetes, "Specifying a structural schema"): each part has a type, but
// for those that keep unknown fields or are int-or-string; properties and additionalProperties exclude
// each other.
void checkSchema(const Json& schema, const std::string& path) {
  INFO(path);
  const bool free =
      schema.value("x-kubernetes-preserve-unknown-fields", false) || schema.value("x-kubernetes-int-or-string", false);
  CHECK((schema.contains("type") || free));
  CHECK_FALSE((schema.contains("properties") && schema.contains("additionalProperties")));
  if (schema.contains("properties")) {
    for (const auto& [name, part] : schema["properties"].items()) checkSchema(part, path + "." + name);
  }
  if (schema.contains("additionalProperties")) checkSchema(schema["additionalProperties"], path + "{}");
  if (schema.value("type", "") == "array") {
    REQUIRE(schema.contains("items"));
    checkSchema(schema["items"], path + "[]");
  }
}

// Every part that a person writes is explained.
void checkDescriptions(const Json& schema, const std::string& path) {
  if (!schema.contains("properties")) return;
  for (const auto& [name, part] : schema["properties"].items()) {
    INFO(path << "." << name);
    CHECK(part.value("description", "").size() > 5);
    checkDescriptions(part, path + "." + name);
    if (part.contains("items")) checkDescriptions(part["items"], path + "." + name + "[]");
  }
}

TEST_CASE("there is one CRD for each of our kinds, with the versions that are understood") {
  const auto files = crds();
  std::size_t custom = 0;
  for (const auto& info : allKinds()) {
    if (!info.custom || info.optional) continue;  // those of the Gateway API are its own
    ++custom;
    INFO(info.name);
    const auto found = files.find(std::string(info.name));
    REQUIRE(found != files.end());
    const auto& crd = found->second;
    const auto& spec = crd["spec"];
    CHECK(crd["apiVersion"] == "apiextensions.k8s.io/v1");
    CHECK(crd["kind"] == "CustomResourceDefinition");
    CHECK(crd["metadata"]["name"] == std::string(info.plural) + "." + std::string(info.group));
    CHECK(spec["group"] == info.group);
    CHECK(spec["names"]["plural"] == info.plural);
    CHECK(spec["names"]["listKind"] == std::string(info.name) + "List");
    CHECK(spec["scope"] == (info.namespaced ? "Namespaced" : "Cluster"));
    CHECK(spec["names"]["categories"] == Json::array({"istio-io", "fairway-io"}));
    // As with Istio, whose Sidecar has none.
    if (info.name != "Sidecar") CHECK_FALSE(spec["names"]["shortNames"].empty());

    std::set<std::string> served, understood(info.versions.begin(), info.versions.end());
    std::vector<std::string> stored;
    for (const auto& version : spec["versions"]) {
      const auto name = version["name"].get<std::string>();
      INFO(name);
      if (version["served"].get<bool>()) served.insert(name);
      if (version["storage"].get<bool>()) stored.push_back(name);
      CHECK(version["subresources"].contains("status"));
      CHECK(version["additionalPrinterColumns"].back()["name"] == "Age");
      const auto& schema = version["schema"]["openAPIV3Schema"];
      CHECK(schema["properties"]["status"]["properties"].contains("conditions"));
      checkSchema(schema, "");
      checkDescriptions(schema["properties"]["spec"], "spec");
    }
    CHECK(served == understood);
    CHECK(stored == std::vector<std::string>{std::string(info.versions[0])});
  }
  CHECK(files.size() == custom);
}

TEST_CASE("the CRDs take what the decoder takes beyond plain forms") {
  const auto files = crds();
  const auto spec = [&](const char* kind) {
    return files.at(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
  };
  for (const auto* kind : {"Policy", "MeshPolicy"}) {
    // `mtls:` is STRICT. Without these the API server (nullable) and kubectl apply (default) would turn it into
    // a peer without a method.
    const auto mtls = spec(kind)["properties"]["peers"]["items"]["properties"]["mtls"];
    CHECK(mtls["nullable"] == true);
    CHECK(mtls["default"] == Json::object());
  }
  for (const auto* kind : {"RbacConfig", "ClusterRbacConfig"}) {
    const auto mode = spec(kind)["properties"]["mode"];
    for (const auto& value : {Json("ON"), Json("OFF"), Json(true), Json(false), Json(1)}) {
      CHECK(std::find(mode["enum"].begin(), mode["enum"].end(), value) != mode["enum"].end());
    }
    CHECK_FALSE(mode.contains("type"));
  }
}

}  // namespace
}  // namespace fairway::api
