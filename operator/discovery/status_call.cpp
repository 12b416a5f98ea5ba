#include "discovery/status_call.h"

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include "discovery/stream.h"
#include "envoy/service/status/v3/csds.pb.h"

namespace fairway::discovery {
namespace {

namespace pb = envoy::service::status::v3;

constexpr std::string_view kFetch = "FetchClientStatus";
constexpr std::string_view kStream = "StreamClientStatus";

}  // namespace

grpc::ServerGenericBidiReactor* StatusCall::start(Core& core, grpc::GenericCallbackServerContext& context, bool secure,
                                                  std::string_view method) {
  if (method != kFetch && method != kStream) return nullptr;
  auto* call = new StatusCall(core, context, secure, method == kStream);
  auto& turns = secure && mayBlock(core.options, call->credentials_) ? core.admission : core.turns;
  turns.add([call] { call->admit(); });
  return call;
}

StatusCall::StatusCall(Core& core, grpc::GenericCallbackServerContext& context, bool secure, bool streaming)
    : core_(core), context_(context), secure_(secure), streaming_(streaming) {
  if (secure_) credentials_ = credentialsOf(context);
}

void StatusCall::admit() {
  if (!core_.addCall(context_)) {
    return Finish({grpc::RESOURCE_EXHAUSTED, "too many calls of ClientStatusDiscoveryService are under way"});
  }
  if (secure_) {
    auto identity = identify(core_.options, std::exchange(credentials_, {}));
    if (!identity) {
      ++core_.counters.unauthenticated;
      return Finish({grpc::UNAUTHENTICATED, identity.error().message});
    }
    caller_ = std::move(*identity);
    core_.trust(context_.peer(), true);
    reader_ = core_.options.statusReaders.contains(caller_.ns + "/" + caller_.serviceAccount);
  } else {
    reader_ = true;
  }
  StartRead(&incoming_);
}

void StatusCall::OnReadDone(bool ok) {
  if (!ok) return Finish(grpc::Status::OK);
  core_.turns.add([this] { answer(); });
}

void StatusCall::OnWriteDone(bool ok) {
  if (!ok) return Finish(grpc::Status::CANCELLED);
  outgoing_.Clear();
  if (streaming_) {
    StartRead(&incoming_);
  } else {
    Finish(grpc::Status::OK);
  }
}

void StatusCall::OnDone() {
  core_.removeCall(context_);
  delete this;
}

std::vector<ClientView> StatusCall::visible() const {
  std::vector<ClientView> views;
  for (const auto& stream : core_.all()) {
    if (!stream->isProxy()) continue;
    auto view = stream->view();
    if (!reader_ && view.info.identity != caller_.toString()) continue;
    views.push_back(std::move(view));
  }
  return views;
}

void StatusCall::answer() {
  if (secure_ && caller_.expires <= std::chrono::system_clock::now()) {
    return Finish({grpc::UNAUTHENTICATED, "the credentials of this call have expired"});
  }
  pb::ClientStatusRequest request;
  grpc::ProtoBufferReader reader(&incoming_);
  if (!reader.status().ok() || !request.ParseFromZeroCopyStream(&reader)) {
    return Finish({grpc::INVALID_ARGUMENT, "the message is no envoy.service.status.v3.ClientStatusRequest"});
  }
  incoming_.Clear();
  const auto response = clientStatus(request, visible());
  if (!response) return Finish({grpc::INVALID_ARGUMENT, response.error().message});
  bool own = false;
  const auto status = grpc::SerializationTraits<pb::ClientStatusResponse>::Serialize(*response, &outgoing_, &own);
  if (!status.ok()) return Finish(status);
  StartWrite(&outgoing_);
}

}  // namespace fairway::discovery
