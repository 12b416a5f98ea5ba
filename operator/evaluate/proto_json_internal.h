#pragma once

#include <string>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

#include "base/result.h"

namespace fairway::evaluate {

// Messages of types that are not linked in are kept as nothing but the name of their type: what needs them cannot be told then,
// the rest can. Fields that are not known are a failure.
Result<void> parseMessage(const nlohmann::json& value, google::protobuf::Message& out);

// The full name of the type, also of one that is not linked in.
std::string typeOf(const google::protobuf::Any& any);

}  // namespace fairway::evaluate
