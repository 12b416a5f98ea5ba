#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "api/meta.h"
#include "base/result.h"
#include "inject/proxy_config.h"
#include "inject/settings.h"

namespace fairway::inject {

// The labels of a namespace as they are now; nothing if they are not known for certain. A cache that may lag behind
// the API server must say nothing: the webhook's own selectors have decided about the namespace already, and a pod
// made right after its namespace was labelled would be left out for good.
using NamespaceLookup = std::function<std::optional<api::Labels>(const std::string& name)>;

struct InjectionAnswer {
  std::string body;  // the AdmissionReview to send back
  enum class Result { injected, skipped, refused } result = Result::skipped;
  std::string summary;  // for the log: "pod onap/vio-7d9c*: injected: the policy is enabled"
};

// Answers a mutating admission review for a pod: allowed with a JSON patch (RFC 6902), allowed as it is, or, where its
// annotations or the templates are at fault, refused with what to do; the owner of the pod then shows it as an event.
// Without side effects, so right for dry runs too. Fails only if `review` is no AdmissionReview, which is a 400.
Result<InjectionAnswer> injectAdmission(std::string_view review, const Settings& settings, bool nativeSupported,
                                        const NamespaceLookup& lookup = {}, ProxyConfigs proxyConfigs = {});

}  // namespace fairway::inject
