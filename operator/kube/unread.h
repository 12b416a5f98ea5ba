#pragma once

#include <span>

#include "api/object.h"
#include "kube/json_scan.h"

namespace fairway::kube {

// The big parts of an object of a kind, as the API server sends it, that the codec does not look at.
std::span<const Unread> unreadOf(api::Kind kind);

}  // namespace fairway::kube
