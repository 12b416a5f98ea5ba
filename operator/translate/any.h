#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "translate/resource.h"

namespace google::protobuf {
class Any;
class Message;
}  // namespace google::protobuf

namespace fairway::translate {

// Bytes that depend on the content alone: map entries are written in the order of their keys. Holds for
// messages inside `Any` as long as these were packed by packAny(). `moreFields` are some that are serialized already and that
// the message does not have itself.
std::string serialize(const google::protobuf::Message& message, std::string_view moreFields = {});

// What Any::PackFrom does, deterministically.
void packAny(const google::protobuf::Message& message, google::protobuf::Any& any, std::string_view moreFields = {});

// Serializes `message` once and names it by its content. `provenance` may hold duplicates, in any order.
ResourcePtr makeResource(Type type, std::string name, const google::protobuf::Message& message,
                         std::vector<model::Provenance> provenance = {});
// The same for a message of the type's that is serialized already.
ResourcePtr makeResource(Type type, std::string name, std::string_view bytes,
                         std::vector<model::Provenance> provenance = {});
// The serialized message inside the resource's Any.
std::string messageBytes(const Resource& resource);

}  // namespace fairway::translate
