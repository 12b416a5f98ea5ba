#include "discovery/machine_messages.h"

#include <google/protobuf/struct.pb.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/proto_buffer_reader.h>

namespace fairway::discovery {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxMessage = 512;

const Value* find(const Struct& message, const std::string& name) {
  const auto found = message.fields().find(name);
  return found == message.fields().end() || found->second.kind_case() == Value::kNullValue ? nullptr : &found->second;
}

Result<std::string> textOf(const Struct& message, const std::string& name, std::size_t most) {
  const auto* value = find(message, name);
  if (value == nullptr) return std::string();
  if (value->kind_case() != Value::kStringValue) return failure(name + ": expected a string");
  if (value->string_value().size() > most) return failure(name + ": more than " + std::to_string(most) + " bytes");
  return value->string_value();
}

}  // namespace

Result<MachineMessage> decodeMachineMessage(const grpc::ByteBuffer& bytes) {
  if (bytes.Length() > kMaxMachineBytes) return failure("the message is too long");
  Struct message;
  grpc::ByteBuffer copy(bytes);
  grpc::ProtoBufferReader reader(&copy);
  if (!reader.status().ok() || !message.ParseFromZeroCopyStream(&reader))
    return failure("the message is no google.protobuf.Struct");
  MachineMessage result;
  for (const auto& [name, target] : {std::pair{"group", &result.group}, {"address", &result.address}}) {
    auto text = textOf(message, name, kMaxName);
    if (!text) return tl::unexpected(text.error());
    *target = std::move(*text);
  }
  const auto* health = find(message, "health");
  if (health == nullptr) return result;
  if (health->kind_case() != Value::kStructValue) return failure("health: expected an object");
  const auto* healthy = find(health->struct_value(), "healthy");
  if (healthy == nullptr || healthy->kind_case() != Value::kBoolValue)
    return failure("health.healthy: expected true or false");
  auto words = textOf(health->struct_value(), "message", kMaxMessage);
  if (!words) return tl::unexpected(words.error().within("health"));
  result.health = MachineHealth{healthy->bool_value(), std::move(*words)};
  return result;
}

grpc::ByteBuffer encodeMachineAnswer(const MachineAnswer& answer) {
  Struct message;
  auto& fields = *message.mutable_fields();
  fields["problem"].set_string_value(answer.problem);
  fields["entry"].set_string_value(answer.entry);
  fields["probe"].set_string_value(answer.probe);
  grpc::ByteBuffer bytes;
  bool own = false;
  static_cast<void>(grpc::SerializationTraits<Struct>::Serialize(message, &bytes, &own));
  return bytes;
}

}  // namespace fairway::discovery
