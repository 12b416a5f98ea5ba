#pragma once

#include <chrono>
#include <string>

#include "base/address.h"
#include "base/result.h"

namespace fairway::agent {

// Checks "host:port" of a statsd server; the host is a name or an IP address.
Result<void> checkStatsdAddress(const std::string& address);

// The IP address and port that Envoy sends to: its sink takes no names, and none that changes later. Waits no longer than
// `timeout`, for a pod's start must not hang on it. Requires an address that checkStatsdAddress() accepted.
Result<Address> resolveStatsd(const std::string& address, std::chrono::milliseconds timeout);

}  // namespace fairway::agent
