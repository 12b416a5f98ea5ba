#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/object.h"

namespace fairway::api {

// What the API server calls a kind.
struct KindInfo {
  Kind kind;
  std::string_view name;    // "VirtualService"
  std::string_view group;   // "networking.istio.io", empty for core
  std::string_view plural;  // "virtualservices"
  bool namespaced = true;
  bool custom = true;                          // a CRD: may be absent from a cluster
  std::span<const std::string_view> versions;  // served versions that are understood, preferred first
  bool optional = false;                       // a CRD of another project, which a cluster may do without
};

const KindInfo& kindInfo(Kind kind);
std::span<const KindInfo> allKinds();  // those that are watched
// Its name; with the group where a kind of another group before it has the same: "Gateway.gateway.networking.k8s.io".
std::string uniqueName(const KindInfo& info);
// The kind of an apiVersion ("networking.istio.io/v1beta1") and kind name; nullptr if it is not ours.
const KindInfo* findKind(std::string_view apiVersion, std::string_view kindName);

struct Decoded {
  ObjectPtr object;   // null when it is not one of our kinds or has no usable name
  Problems problems;  // same as object->problems when there is an object
};

// Decodes and validates one object (apiVersion, kind, metadata, spec, for Pod status). Never throws.
// Unknown fields are warnings; a wrong type or value is an error that names the field, what was
// found and what is expected, and leaves that field at its default. Kubernetes' own kinds are read
// without unknown-field warnings. Fields of v1alpha1 policies are accepted in lowerCamelCase and
// snake_case (v1alpha1.md section 0).
Decoded decode(const nlohmann::json& object);

}  // namespace fairway::api
