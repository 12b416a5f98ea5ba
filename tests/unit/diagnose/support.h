#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "diagnose/support.h"

namespace fairway::diagnose {

// A cluster of given answers. Objects are kept by path; a collection is every object kept below its path, or a list that
// was set for it. Reviews are allowed unless `denied` names the verb and resource ("watch secrets").
class FakeCluster final : public Cluster {
 public:
  std::map<std::string, nlohmann::json> objects;
  std::map<std::string, std::vector<nlohmann::json>> lists;  // by path without its query
  std::vector<std::string> forbidden;                        // paths that may not be read
  std::vector<std::string> denied;
  std::string serverTime = "2026-01-01T00:00:00Z";
  std::vector<nlohmann::json> created;

  Result<std::optional<nlohmann::json>> get(const std::string& path) override {
    if (has(forbidden, path)) return failure("forbidden: get " + path);
    const auto found = objects.find(path);
    if (found == objects.end()) return std::nullopt;
    return std::optional<nlohmann::json>(found->second);
  }

  Result<std::vector<nlohmann::json>> list(const std::string& path) override {
    if (has(forbidden, path)) return failure("forbidden: list " + path);
    const auto found = lists.find(path.substr(0, path.find('?')));
    return found == lists.end() ? std::vector<nlohmann::json>() : found->second;
  }

  Result<nlohmann::json> create(const std::string& path, const nlohmann::json& object) override {
    if (has(forbidden, path)) return failure("forbidden: create " + path);
    created.push_back(object);
    auto answer = object;
    if (object.value("kind", "").ends_with("AccessReview")) {
      const auto wanted = objectAt(object, "/spec/resourceAttributes");
      answer["status"]["allowed"] = !has(denied, wanted.value("verb", "") + " " + wanted.value("resource", ""));
    } else {
      answer["metadata"]["creationTimestamp"] = serverTime;
    }
    return answer;
  }

 private:
  static bool has(const std::vector<std::string>& texts, const std::string& text) {
    return std::find(texts.begin(), texts.end(), text) != texts.end();
  }
};

inline Options optionsAt(const std::string& time = "2026-01-01T00:00:00Z") {
  Options options;
  options.version = "0.1.0";
  options.now = *parseTime(time);
  return options;
}

inline std::vector<std::string> codes(const Findings& findings) {
  std::vector<std::string> all;
  for (const auto& finding : findings) all.push_back(finding.code);
  return all;
}

inline nlohmann::json named(const std::string& ns, const std::string& name) {
  nlohmann::json object{{"metadata", {{"name", name}}}};
  if (!ns.empty()) object["metadata"]["namespace"] = ns;
  return object;
}

}  // namespace fairway::diagnose
