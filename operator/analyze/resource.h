#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/line_map.h"
#include "api/meta.h"
#include "api/object.h"

// Objects as they were written, those that the control plane does not read included.
namespace fairway::analyze {

// Where an object is written down.
struct Origin {
  std::string file;      // empty: it is in the cluster
  std::size_t line = 0;  // where its document begins
  api::LineMap lines;

  [[nodiscard]] bool inCluster() const { return file.empty(); }
  // "bookinfo.yaml:12"; empty for an object of the cluster.
  [[nodiscard]] std::string at(const std::string& field) const;
};

// A pod, or the template of pods in a Deployment and its like.
struct PodTemplate {
  std::string at;  // where it is in its object: "spec.template", empty for a Pod
  api::Labels labels, annotations;
  nlohmann::json pod;       // metadata and spec
  std::string ownerKind;    // of a pod: the kind of its controller
  bool finished = false;    // the pod has ended
  api::ObjectPtr stand_in;  // an api::Pod that stands for the pods of a template, or is the pod
};

struct Resource {
  std::string group, version, kind, ns, name;
  api::Labels annotations;
  api::ObjectPtr object;   // null if it is of no kind that the control plane reads, or has no usable name
  api::Problems problems;  // of reading it
  std::optional<PodTemplate> pod;
  Origin origin;

  [[nodiscard]] std::string text() const;  // "VirtualService onap/portal"
};
using Resources = std::vector<Resource>;

// One document. An object that names no namespace, of a kind that has them, is in `defaultNs`. Never fails: what cannot be
// read is told in `problems`. Nothing for what is no object at all (no kind).
std::optional<Resource> readResource(nlohmann::json document, Origin origin, const std::string& defaultNs);

// Where a document is no object: the reason, for a finding.
std::string whyNoObject(const nlohmann::json& document);

}  // namespace fairway::analyze
