#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/strings.h"

namespace fairway::diagnose {

// Minor versions of Kubernetes 1: the oldest with every API that is used, and the first whose sidecars are init
// containers with restartPolicy Always.
constexpr std::uint64_t kOldestMinor = 24, kNativeSidecarsMinor = 29;

// Of the field `minor` of GET /version, which some vendors write "29+". Nothing if it begins with no number.
inline std::optional<std::uint64_t> minorVersion(const std::string& text) {
  return toNumber(text.substr(0, text.find_first_not_of("0123456789")));
}

}  // namespace fairway::diagnose
