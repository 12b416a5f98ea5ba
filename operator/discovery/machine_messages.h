#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <grpcpp/support/byte_buffer.h>

#include "base/machines.h"
#include "base/result.h"

// What agents of machines and the control plane say on /fairway.machines.v1.MachineService/Connect, each message a
// google.protobuf.Struct. An agent says first
//   group, address  the WorkloadGroup that it belongs to, where it is reached
//   health          if it knows it already
// and then each change of its health,
//   health          {healthy: bool, message: text}
// The control plane answers with what became of it, and again whenever that changes:
//   problem         why it is not registered; empty: it is
//   entry           "namespace/name" of its WorkloadEntry
//   probe           JSON text: how health is found out; empty: it is not
// Fields that are not known are passed over. Pure.
namespace fairway::discovery {

inline constexpr std::string_view kMachineMethod = "/fairway.machines.v1.MachineService/Connect";
inline constexpr std::size_t kMaxMachineBytes = 16 << 10;  // of an agent's message

struct MachineMessage {
  std::string group, address;  // of the first one
  std::optional<MachineHealth> health;
};

// Failure: too long, no Struct, or a field of another type.
Result<MachineMessage> decodeMachineMessage(const grpc::ByteBuffer& bytes);
grpc::ByteBuffer encodeMachineAnswer(const MachineAnswer& answer);

}  // namespace fairway::discovery
