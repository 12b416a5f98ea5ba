#pragma once

#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

#include "base/result.h"

namespace fairway::evaluate {

// Messages of types that are not linked in become google.protobuf.Empty: what needs them cannot be told then, the rest can.
// Fields that are not known are a failure.
Result<void> parseMessage(const nlohmann::json& value, google::protobuf::Message& out);

}  // namespace fairway::evaluate
