#pragma once

#include <string>

#include <grpcpp/support/byte_buffer.h>

#include "base/result.h"
#include "discovery/frames.h"
#include "discovery/messages.h"

// The protobuf encoding of messages.h in the state-of-the-world variant. The limits are those of wire.h.
namespace fairway::discovery {

// A DiscoveryRequest, its names in `subscribe`. Failure: no such message, or beyond the limits; end the stream.
Result<Request> decodeSotwRequest(const grpc::ByteBuffer& bytes);

// A DiscoveryResponse: a header and the resources' own bytes, shared as encodeResponse() does. Whole sets come from
// `frames`, which must have been made with sotwFrameOf.
grpc::ByteBuffer encodeSotwResponse(const SotwResponse& response, Frames& frames);

// The fields `resources` of a response, one after the other.
std::string sotwFrameOf(const engine::ResourceSet::Chunk& chunk);

}  // namespace fairway::discovery
