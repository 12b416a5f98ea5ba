#pragma once

#include <map>
#include <optional>
#include <string_view>

#include "api/security.h"
#include "model/security.h"
#include "store/view.h"

// authentication.istio.io/v1alpha1 Policy and MeshPolicy: which one applies to a workload's ports.
namespace fairway::normalize {

// Of a Service, in Istio 0.8; before the number of a port.
inline constexpr std::string_view kPortAnnotation = "auth.istio.io/";

// The effect of the one policy that applies to a port.
struct AlphaEffect {
  enum class Level { none, annotation, mesh, ns, service };
  Level level = Level::none;
  const api::Object* object = nullptr;  // null at level none; of an annotation the Service
  model::MtlsMode mode = model::MtlsMode::permissive;
  bool refuseHttp = false;                              // nobody knows which end-user tokens it asks for
  bool useOrigin = false;                               // principalBinding: USE_ORIGIN
  const api::AuthenticationPolicySpec* spec = nullptr;  // of `object`, null where that is no policy
};

struct AlphaPolicies {
  AlphaEffect base;                            // ports that no service names, and all without an entry
  std::map<std::uint32_t, AlphaEffect> ports;  // by workload port, for every port that a service names

  [[nodiscard]] const AlphaEffect& at(std::uint32_t port) const;
};

// v1alpha1.md 1.1 and 1.2: the narrowest policy applies whole, nothing is merged; service ports are translated
// to workload ports through every service that selects the workload. Of several for one port the oldest counts, and
// the others' authors are told. A policy with errors means STRICT for its target. Where no policy applies, a Service's
// annotation `auth.istio.io/<service port>: NONE|MUTUAL_TLS` does, and without one the mesh's `authPolicy`.
AlphaPolicies alphaPolicies(store::View& view, const std::string& ns, const model::Labels& labels);

}  // namespace fairway::normalize
