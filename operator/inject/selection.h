#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/meta.h"
#include "inject/settings.h"

namespace fairway::inject {

struct Decision {
  bool inject = false;
  std::string reason;                 // why, in words: "the namespace has istio-injection=disabled"
  std::vector<std::string> warnings;  // what was asked for and is not done, or has a meaning unlike the one hoped for
};

// Who decides besides the pod itself.
struct Selection {
  std::string ns;  // the pod's namespace
  // Labels of the namespace as they are now. Nothing: the webhook's selectors have looked at them already. (A cache of
  // namespaces may lag behind what the API server selected by; then it is better to give nothing.)
  std::optional<api::Labels> namespaceLabels;
  bool byHand = false;  // the user named this very pod: only what the pod says counts
};

// Whether a pod is injected. The first of these that applies decides; it is Istio's order.
//
//  1. injected already, hostNetwork, Windows: no
//  2. an ignored namespace: no; the root namespace: only a gateway that asks
//  3. pod label sidecar.istio.io/inject (without it the annotation of that name) "false": no
//  4. namespace label istio-injection=disabled: no
//  5. istio.io/rev of the namespace (or, if that has neither this label nor istio-injection, of the pod) is served by
//     another control plane: no. istio-injection=enabled, and a pod that asks without naming one, mean revision default
//  6. a namespace with neither label and a pod that neither asks nor names a revision: no
//  7. the label or annotation of 3 is "true": yes
//  8. neverInjectSelector matches: no; alwaysInjectSelector matches: yes
//  9. the policy
//
// Steps 2, 4, 5, 6, 8 and 9 are left out for `byHand`, 4 to 6 without namespace labels. Requires checkPod().
Decision decide(const nlohmann::json& pod, const Settings& settings, const Selection& selection);

}  // namespace fairway::inject
