#pragma once

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/object.h"
#include "migrate/equivalence.h"
#include "migrate/manifest.h"
#include "store/view.h"

// Old policies (authentication.istio.io and rbac.istio.io v1alpha1) as today's (security.istio.io/v1), and the proof that
// they decide the same.
namespace fairway::migrate {

struct Request {
  std::vector<api::ObjectPtr> objects;  // old and new policies, Services, Pods, the mesh's ConfigMap
  std::vector<nlohmann::json> mixer;    // objects of config.istio.io/v1alpha2 as written
  std::string ns;                       // the namespace to migrate; empty: the whole mesh
  store::MeshConfig mesh;
};

struct Migration {
  std::vector<Output::Manifest> manifests;
  std::set<Finding> findings;
  Equivalence equivalence;
  std::vector<std::string> replaced;  // the old objects that the manifests stand for: "Policy/onap/default"

  // Every request gets the answer that it got, and all was said that had to be.
  [[nodiscard]] bool exact() const;
};

Migration migrate(const Request& request);

// Compares two sets of objects as migrate() does its input and its output.
Equivalence compareObjects(const std::vector<api::ObjectPtr>& before, const std::vector<api::ObjectPtr>& after,
                           const store::MeshConfig& mesh);

}  // namespace fairway::migrate
