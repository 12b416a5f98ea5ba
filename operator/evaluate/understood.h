#pragma once

#include <optional>
#include <string>

namespace google::protobuf {
class Message;
}

namespace fairway::evaluate {

// A field of this message (not of those below it) that is set and might change verdicts in a way that is not known here:
// "field x of Y". Nothing: all that is set is either looked at by the evaluator or has no part in verdicts.
// Messages for which there is no list are all right as they are.
std::optional<std::string> notUnderstood(const google::protobuf::Message& message);

}  // namespace fairway::evaluate
