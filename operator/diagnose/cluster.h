#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace fairway::diagnose {

// What the checks ask of a cluster. Calls may block; one thread uses an instance.
class Cluster {
 public:
  virtual ~Cluster() = default;

  // The object at a path such as "/api/v1/namespaces/x"; nothing if there is none (404). Fails if it may not be read.
  virtual Result<std::optional<nlohmann::json>> get(const std::string& path) = 0;
  // All items of a collection such as "/api/v1/pods", page by page; none if the kind is not served.
  virtual Result<std::vector<nlohmann::json>> list(const std::string& path) = 0;
  // Sends an object and returns the answer: reviews, and objects with "?dryRun=All".
  virtual Result<nlohmann::json> create(const std::string& path, const nlohmann::json& object) = 0;
};

}  // namespace fairway::diagnose
