#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "base/result.h"

namespace google::protobuf {
class Message;
}

// Envoy's API as descriptors: reading and merging messages whose types only users know. All of version 3 is there, also what no
// other file of ours names.
namespace fairway::translate {

bool isEnvoyType(const std::string& fullName);

struct JsonProblem {
  std::string field;  // in the JSON: ".typed_config.@type"; empty: the whole of it
  std::string message;
};
struct FromJson {
  std::string bytes;    // the serialized message
  std::string ignored;  // what was passed over because the type does not have it, in words; empty: nothing
};
// A message of this type, which there must be, in protobuf's JSON form.
tl::expected<FromJson, JsonProblem> fromJson(const std::string& fullName, const std::string& json);

// The message as protobuf's JSON, with the fields' names as they are in the API. Failure: there is no such type, the message is not of it,
// or what is in one of its Any's is of a type that nobody knows.
Result<std::string> toJson(const std::string& fullName, const std::string& bytes);

enum class Lists { append, replace };

// As protobuf merges: what `from` sets is set in `into`, messages are merged, entries of maps replaced by key. But durations and
// wrapped numbers are values (0 counts), and so is what is packed into an Any.
void merge(google::protobuf::Message& into, const google::protobuf::Message& from, Lists lists);

// The same for two serialized messages of one type; nothing if there is no such type or one is not of it.
bool mergeBytes(const std::string& fullName, std::string& into, const std::string& from, Lists lists);

}  // namespace fairway::translate
