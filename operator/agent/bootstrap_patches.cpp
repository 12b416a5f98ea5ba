#include "agent/bootstrap_patches.h"

#include <algorithm>
#include <utility>

#include <google/protobuf/util/json_util.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/sync_stream.h>

#include "agent/log.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "identity/files.h"

namespace fairway::agent {
namespace {

namespace xds = envoy::service::discovery::v3;

constexpr const char* kMethod = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
constexpr const char* kType = "type.googleapis.com/envoy.config.bootstrap.v3.Bootstrap";
constexpr std::chrono::milliseconds kFirstPause{250}, kLongestPause{30'000};
constexpr int kInvalidArgument = 3;  // google.rpc.Code
constexpr int kMaxAnswerBytes = 4 << 20;

}  // namespace

BootstrapConversation::Request BootstrapConversation::begin() {
  Request request;
  request.set_type_url(kType);
  // It is our own text.
  static_cast<void>(google::protobuf::util::JsonStringToMessage(node_, request.mutable_node()));
  (*request.mutable_node()->mutable_metadata()->mutable_fields())["FAIRWAY_BOOTSTRAP"].set_string_value("true");
  for (const auto& [name, version] : versions_) (*request.mutable_initial_resource_versions())[name] = version;
  refused_.clear();
  undecided_.clear();
  answered_ = false;
  return request;
}

BootstrapConversation::Request BootstrapConversation::answer(const Response& response) {
  answered_ = true;
  Request reply;
  reply.set_type_url(kType);
  reply.set_response_nonce(response.nonce());
  for (const auto& name : response.removed_resources()) {
    accepted_.erase(name);
    versions_.erase(name);
    refused_.erase(name);
    undecided_.erase(name);
  }
  auto candidate = accepted_;
  for (const auto& resource : response.resources()) candidate[resource.name()] = resource.resource().value();
  const auto verdict = candidate == accepted_ ? Result<void>() : judge_(candidate);
  for (const auto& resource : response.resources()) {
    undecided_.erase(resource.name());
    refused_.erase(resource.name());
    if (verdict) {
      versions_[resource.name()] = resource.version();
    } else if (response.resources_size() > 1) {
      undecided_.insert(resource.name());
    } else {
      refused_[resource.name()] = verdict.error().message;
    }
  }
  if (verdict) {
    accepted_ = std::move(candidate);
  } else {
    reply.mutable_error_detail()->set_code(kInvalidArgument);
    reply.mutable_error_detail()->set_message(verdict.error().message);
  }
  return reply;
}

BootstrapPatches::BootstrapPatches(ControlPlaneAddress address, std::string node, std::function<Secrets()> secrets,
                                   BootstrapJudge judge)
    : address_(std::move(address)),
      secrets_(std::move(secrets)),
      conversation_(std::move(node), std::move(judge)),
      thread_([this] { run(); }) {}

BootstrapPatches::~BootstrapPatches() {
  stop();
  thread_.join();
}

void BootstrapPatches::stop() {
  const std::lock_guard guard(mutex_);
  stopping_ = true;
  if (underway_ != nullptr) underway_->TryCancel();
  changed_.notify_all();
}

bool BootstrapPatches::stopping() const {
  const std::lock_guard guard(mutex_);
  return stopping_;
}

BootstrapPatches::Answer BootstrapPatches::wait(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [this] { return decided_ || stopping_; });
  auto answer = answer_;
  if (decided_) {
    answer.problem.clear();
  } else if (answer.problem.empty()) {
    answer.problem = "the control plane has not answered";
  }
  return answer;
}

void BootstrapPatches::publish() {
  const std::lock_guard guard(mutex_);
  answer_.parts = conversation_.accepted();
  answer_.refused = conversation_.refused();
  if (!conversation_.decided()) return;
  decided_ = true;
  changed_.notify_all();
}

void BootstrapPatches::run() {
  auto pause = kFirstPause;
  while (talk() == Talk::again) {
    std::unique_lock lock(mutex_);
    if (decided_) pause = std::max(pause, kFirstPause * 8);  // nobody waits any more
    if (changed_.wait_for(lock, pause, [this] { return stopping_; })) return;
    pause = std::min(pause * 2, kLongestPause);
  }
}

// One stream, to its end.
BootstrapPatches::Talk BootstrapPatches::talk() {
  const auto failed = [this](const std::string& why) {
    const std::lock_guard guard(mutex_);
    answer_.problem = why;
    return stopping_ ? Talk::over : Talk::again;
  };
  const auto roots = identity::readFile(address_.rootFile);
  if (!roots) return failed(roots.error().message);
  const auto secrets = secrets_();
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(address_.serverName);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // never a connection with earlier credentials
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  const auto channel = grpc::CreateCustomChannel(
      address_.target, grpc::SslCredentials({*roots, secrets.privateKey, secrets.certificateChain}), arguments);
  grpc::ClientContext context;
  {
    const std::lock_guard guard(mutex_);
    if (stopping_) return Talk::over;
    underway_ = &context;
  }
  const std::unique_ptr<grpc::ClientReaderWriter<xds::DeltaDiscoveryRequest, xds::DeltaDiscoveryResponse>> stream(
      grpc::internal::ClientReaderWriterFactory<xds::DeltaDiscoveryRequest, xds::DeltaDiscoveryResponse>::Create(
          channel.get(), grpc::internal::RpcMethod(kMethod, grpc::internal::RpcMethod::BIDI_STREAMING), &context));
  bool over = false;
  if (stream->Write(conversation_.begin())) {
    xds::DeltaDiscoveryResponse response;
    while (!over && stream->Read(&response)) {
      const auto reply = conversation_.answer(response);
      publish();
      if (!stream->Write(reply)) break;
      // Most proxies never have any, and need no second stream.
      concerned_ = concerned_ || response.resources_size() > 0;
      over = conversation_.decided() && !concerned_;
    }
    if (over) {
      stream->WritesDone();
      while (stream->Read(&response)) {
      }
    }
  }
  const auto status = stream->Finish();
  {
    const std::lock_guard guard(mutex_);
    underway_ = nullptr;
    if (over || stopping_) return Talk::over;
    // One without a discovery service has no patches either.
    if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
      decided_ = true;
      changed_.notify_all();
      return Talk::over;
    }
  }
  log().debug("the stream for the bootstrap's patches ended: {}", status.error_message());
  return failed("control plane " + address_.target + ": " + status.error_message());
}

}  // namespace fairway::agent
