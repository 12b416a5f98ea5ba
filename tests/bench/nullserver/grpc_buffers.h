#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <string>

#include "recordings.h"

namespace nullserver {

// Copies of it share the bytes.
inline grpc::ByteBuffer bufferOf(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

inline void readInto(Outbox<grpc::ByteBuffer>& outbox, grpc::ByteBuffer& request) {
  grpc::Slice slice;
  if (request.DumpToSingleSlice(&slice).ok()) {
    outbox.asked({reinterpret_cast<const char*>(slice.begin()), slice.size()});
  }
  request.Clear();
}

}  // namespace nullserver
