#pragma once

#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/object.h"
#include "migrate/workloads.h"
#include "normalize/world.h"

namespace fairway::migrate {

using Json = nlohmann::ordered_json;

// Something to tell about an old object.
struct Finding {
  bool exact = false;  // the migration means the same all the same: good to know, no more
  std::string object;  // "ServiceRole/onap/viewer"
  std::string field;   // "spec.rules[0].constraints[1]"; empty: the whole object
  std::string message;
  auto operator<=>(const Finding&) const = default;
};

// What a conversion adds to: new manifests, and what there is to say. Keeps names of one kind and namespace apart,
// also from those that are there already.
class Output {
 public:
  explicit Output(const std::vector<api::ObjectPtr>& existing);

  // `spec` of security.istio.io/v1, or of our RateLimit; `comment` says what it stands for.
  void add(const std::string& kind, const std::string& ns, const std::string& name, Json spec,
           const std::string& comment, bool dryRun = false);
  // The migration is not exact, or nobody can tell.
  void inexact(const api::Object& object, std::string field, std::string message);
  void remark(const api::Object& object, std::string field, std::string message);
  void tell(Finding finding) { findings_.insert(std::move(finding)); }

  struct Manifest {
    Json object;
    std::string comment;
  };
  [[nodiscard]] const std::vector<Manifest>& manifests() const { return manifests_; }
  [[nodiscard]] const std::set<Finding>& findings() const { return findings_; }
  // The manifests as the control plane reads them.
  [[nodiscard]] std::vector<api::ObjectPtr> objects() const;

 private:
  std::string unusedName(const std::string& kind, const std::string& ns, const std::string& wanted);

  std::vector<Manifest> manifests_;
  std::set<Finding> findings_;
  std::set<std::tuple<std::string, std::string, std::string>> names_;
};

// What a conversion looks at.
struct Context {
  normalize::World& before;
  const std::vector<WorkloadClass>& workloads;
  const std::vector<std::string>& namespaces;  // those that are migrated
  bool wholeMesh = false;                      // all namespaces are, and what speaks for the mesh

  [[nodiscard]] std::vector<const WorkloadClass*> workloadsOf(const std::string& ns) const;
};

// {"matchLabels": ...}
Json selectorJson(const model::Labels& labels);
// A name that Kubernetes takes: lower case, digits, '-' and '.', at most 253 characters.
std::string toName(const std::string& text);

}  // namespace fairway::migrate
