#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "base/result.h"
#include "discovery/frames.h"
#include "discovery/messages.h"

// The protobuf encoding of messages.h in the delta variant. Resources are not serialized here: they carry their bytes.
namespace fairway::discovery {

// A DeltaDiscoveryRequest; initialVersions refer to a copy of its bytes. Failure: no such message, or beyond the limits below; end the stream.
Result<Request> decodeRequest(const grpc::ByteBuffer& bytes);

inline constexpr std::size_t kMaxNameBytes = 8192;       // of a resource name, a version, a nonce, a type URL
inline constexpr std::size_t kMaxMetadataFields = 1000;  // of a node; as many labels
inline constexpr std::size_t kMaxErrorBytes = 16384;     // a longer error of the client is cut

// The fields `resources` of a response, one after the other.
std::string deltaFrameOf(const engine::ResourceSet::Chunk& chunk);

// A DeltaDiscoveryResponse: a header and, between short pieces of framing, the resources' own bytes, shared with every
// other message that carries them. The buffer keeps the resources alive. Whole sets come from `frames`, which
// must have been made with deltaFrameOf.
grpc::ByteBuffer encodeResponse(const Response& response, Frames& frames);

// Bodies shorter than this are copied into the framing: cheaper than a reference of their own.
inline constexpr std::size_t kShareFrom = 512;

}  // namespace fairway::discovery
