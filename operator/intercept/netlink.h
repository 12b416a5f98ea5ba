#pragma once

#include <string>

#include "base/result.h"

namespace fairway::intercept {

// Adds (or removes) an IPv6 address of /128 to the loopback device of this network namespace, as `ip -6 address add`
// does. That it is there (or is not) already counts as done. Needs CAP_NET_ADMIN.
Result<void> addLoopbackAddress(const std::string& ipv6);
Result<void> removeLoopbackAddress(const std::string& ipv6);

}  // namespace fairway::intercept
