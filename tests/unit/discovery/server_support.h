#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/sync_stream.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/snapshot.h"
#include "envoy/service/discovery/v3/discovery.pb.h"

// An engine by hand and a real gRPC client, for the tests of the server.
namespace fairway::discovery::test {

using DeltaRequest = envoy::service::discovery::v3::DeltaDiscoveryRequest;
using DeltaResponse = envoy::service::discovery::v3::DeltaDiscoveryResponse;

inline constexpr const char* kDeltaMethod =
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

// Gives every proxy the same snapshot.
class FakeSource final : public engine::SnapshotSource {
 public:
  Id connect(translate::Proxy proxy, Changed changed) override {
    const std::lock_guard lock(mutex_);
    proxies_.emplace(++last_, std::pair{std::move(proxy), std::move(changed)});
    return last_;
  }
  void disconnect(Id id) override {
    // As the engine promises: no callback is under way when it returns.
    const std::scoped_lock lock(calling_, mutex_);
    proxies_.erase(id);
  }
  engine::SnapshotPtr current(Id) const override {
    const std::lock_guard lock(mutex_);
    return snapshot_;
  }
  void publish(engine::SnapshotPtr snapshot) {
    const std::lock_guard calling(calling_);
    std::vector<Changed> callbacks;
    {
      const std::lock_guard lock(mutex_);
      snapshot_ = snapshot;
      for (const auto& [id, proxy] : proxies_) callbacks.push_back(proxy.second);
    }
    for (const auto& each : callbacks) each(snapshot);
  }
  std::vector<translate::Proxy> proxies() const {
    const std::lock_guard lock(mutex_);
    std::vector<translate::Proxy> result;
    for (const auto& [id, proxy] : proxies_) result.push_back(proxy.first);
    return result;
  }

 private:
  std::mutex calling_;
  mutable std::mutex mutex_;
  Id last_ = 0;
  std::map<Id, std::pair<translate::Proxy, Changed>> proxies_;
  engine::SnapshotPtr snapshot_;
};

// True as soon as `condition` is; false if it never is within a generous time.
inline bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

inline std::shared_ptr<grpc::Channel> channel(
    const std::string& address,
    const std::shared_ptr<grpc::ChannelCredentials>& credentials = grpc::InsecureChannelCredentials()) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

// One delta ADS stream of a client.
class Client {
 public:
  explicit Client(std::shared_ptr<grpc::Channel> via, const std::string& token = "", const char* method = kDeltaMethod)
      : channel_(std::move(via)) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(120));
    if (!token.empty()) context_.AddMetadata("authorization", "Bearer " + token);
    stream_.reset(grpc::internal::ClientReaderWriterFactory<DeltaRequest, DeltaResponse>::Create(
        channel_.get(), grpc::internal::RpcMethod(method, grpc::internal::RpcMethod::BIDI_STREAMING), &context_));
  }
  ~Client() {
    if (stream_) context_.TryCancel();
    if (stream_) finish();
  }

  static DeltaRequest request(translate::Type type, const std::vector<std::string>& names = {}) {
    DeltaRequest message;
    message.set_type_url(std::string(translate::typeUrl(type)));
    for (const auto& name : names) message.add_resource_names_subscribe(name);
    return message;
  }
  // The first request: with the node of pod "web" in "onap", service account "web".
  static DeltaRequest first(translate::Type type, const std::vector<std::string>& names = {},
                            const std::string& pod = "web") {
    auto message = request(type, names);
    message.mutable_node()->set_id("sidecar~127.0.0.1~" + pod + ".onap~onap.svc.cluster.local");
    auto& fields = *message.mutable_node()->mutable_metadata()->mutable_fields();
    fields["NAMESPACE"].set_string_value("onap");
    fields["SERVICE_ACCOUNT"].set_string_value("web");
    return message;
  }
  bool send(const DeltaRequest& message) { return stream_->Write(message); }
  bool ack(const DeltaResponse& response, const std::string& error = "") {
    DeltaRequest message;
    message.set_type_url(response.type_url());
    message.set_response_nonce(response.nonce());
    if (!error.empty()) message.mutable_error_detail()->set_message(error);
    return send(message);
  }
  std::optional<DeltaResponse> read() {
    DeltaResponse message;
    if (!stream_->Read(&message)) return std::nullopt;
    return message;
  }
  // Reads to the end; the stream's status.
  grpc::Status finish() {
    while (read()) {
    }
    const auto status = stream_->Finish();
    stream_.reset();
    return status;
  }
  void half() { stream_->WritesDone(); }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<DeltaRequest, DeltaResponse>> stream_;
};

// A folder that goes with its object.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "fairway-discovery-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp: " + pattern);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace fairway::discovery::test
