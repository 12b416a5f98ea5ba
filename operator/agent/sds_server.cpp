#include "agent/sds_server.h"

#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/sds_session.h"

namespace fairway::agent {
namespace {

constexpr std::string_view kStreamMethod = "/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets";
constexpr std::string_view kDeltaMethod = "/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets";
constexpr std::string_view kLogMethod = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
constexpr int kMaxRequestBytes = 1 << 20;  // the node in the first request holds the pod's labels
constexpr std::size_t kMaxSocketPath = 107;

std::string text(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string result;
  if (!buffer.Dump(&slices).ok()) return result;
  for (const auto& slice : slices) result.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return result;
}

class Stream;

// What the streams share.
struct Shared {
  std::mutex mutex;
  std::set<Stream*> streams;
  SecretSnapshotPtr snapshot;
  std::uint64_t accepted = 0, refused = 0;
};

// One stream. gRPC calls On...() from its threads, update() comes from others; the stream deletes itself in OnDone().
// Everything is guarded by mutex_; Shared's mutex is taken before it or alone, never after it.
class Stream final : public grpc::ServerGenericBidiReactor {
 public:
  Stream(Shared& shared, std::unique_ptr<SdsSession> session) : shared_(shared), session_(std::move(session)) {
    {
      const std::lock_guard guard(shared_.mutex);
      shared_.streams.insert(this);
      snapshot_ = shared_.snapshot;
    }
    StartRead(&incoming_);
  }

  void update(const SecretSnapshotPtr& snapshot) {
    const std::lock_guard guard(mutex_);
    snapshot_ = snapshot;
    writeNext();
  }

  void OnReadDone(bool ok) override {
    std::optional<SdsSession::Report> report;
    {
      const std::lock_guard guard(mutex_);
      if (!ok) return end(grpc::Status::OK);
      if (!session_->receive(text(incoming_), report)) {
        return end({grpc::StatusCode::INVALID_ARGUMENT, "the request cannot be read or asks for too much"});
      }
      writeNext();
      if (!ending_) StartRead(&incoming_);
    }
    if (report) count(*report);
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard guard(mutex_);
    writing_ = false;
    if (ending_) return finish();
    if (!ok) return end(grpc::Status::OK);
    writeNext();
  }

  void OnCancel() override {
    const std::lock_guard guard(mutex_);
    end(grpc::Status::CANCELLED);
  }

  void OnDone() override {
    {
      const std::lock_guard guard(shared_.mutex);
      shared_.streams.erase(this);
    }
    delete this;
  }

 private:
  // These require mutex_.
  void writeNext() {
    if (writing_ || ending_) return;
    const auto response = session_->next(snapshot_);
    if (!response) return;
    const grpc::Slice slice(*response);
    outgoing_ = grpc::ByteBuffer(&slice, 1);
    writing_ = true;
    StartWrite(&outgoing_);
  }
  void end(const grpc::Status& status) {
    if (ending_) return;
    ending_ = true;
    status_ = status;
    if (!writing_) finish();
  }
  void finish() {
    if (finished_) return;
    finished_ = true;
    Finish(status_);
  }

  void count(const SdsSession::Report& report) {
    if (!report.accepted) log().warn("Envoy refused a certificate or roots: {}", report.error);
    const std::lock_guard guard(shared_.mutex);
    ++(report.accepted ? shared_.accepted : shared_.refused);
  }

  Shared& shared_;
  std::mutex mutex_;
  std::unique_ptr<SdsSession> session_;
  SecretSnapshotPtr snapshot_;
  grpc::ByteBuffer incoming_, outgoing_;
  bool writing_ = false, ending_ = false, finished_ = false;
  grpc::Status status_;
};

// Access logs: messages come one after the other until Envoy ends the stream; there is nothing to answer.
class LogStream final : public grpc::ServerGenericBidiReactor {
 public:
  explicit LogStream(const SdsServer::AccessLogs& take) : take_(take) { StartRead(&incoming_); }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    if (!take_(text(incoming_))) return Finish({grpc::StatusCode::INVALID_ARGUMENT, "this is no access log"});
    StartRead(&incoming_);
  }
  void OnDone() override { delete this; }

 private:
  const SdsServer::AccessLogs& take_;
  grpc::ByteBuffer incoming_;
};

class Refusal final : public grpc::ServerGenericBidiReactor {
 public:
  Refusal() { Finish({grpc::StatusCode::UNIMPLEMENTED, "only secrets and access logs are served here"}); }
  void OnDone() override { delete this; }
};

class Service final : public grpc::CallbackGenericService {
 public:
  Service(Shared& shared, SdsServer::AccessLogs accessLogs) : shared_(shared), accessLogs_(std::move(accessLogs)) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    if (context->method() == kStreamMethod) return new Stream(shared_, SdsSession::stateOfTheWorld());
    if (context->method() == kDeltaMethod) return new Stream(shared_, SdsSession::delta());
    if (context->method() == kLogMethod && accessLogs_) return new LogStream(accessLogs_);
    return new Refusal;
  }

 private:
  Shared& shared_;
  const SdsServer::AccessLogs accessLogs_;
};

}  // namespace

class SdsServer::Implementation {
 public:
  Implementation(std::string socketPath, AccessLogs accessLogs)
      : socketPath_(std::move(socketPath)), service_(shared_, std::move(accessLogs)) {}
  ~Implementation() {
    if (server_) {
      server_->Shutdown(std::chrono::system_clock::now());
      server_->Wait();
    }
    ::unlink(socketPath_.c_str());
  }

  Result<void> listen() {
    ::unlink(socketPath_.c_str());
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socketPath_, grpc::InsecureServerCredentials());
    builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
    if (!server_) return failure("SDS socket " + socketPath_ + ": cannot listen");
    if (::chmod(socketPath_.c_str(), 0600) != 0) {
      return failure("SDS socket " + socketPath_ + ": cannot set mode 0600: " + std::strerror(errno));
    }
    return {};
  }

  void update(const Secrets& secrets) {
    auto snapshot = makeSnapshot(secrets);
    const std::lock_guard guard(shared_.mutex);
    shared_.snapshot = snapshot;
    for (auto* stream : shared_.streams) stream->update(snapshot);
  }

  Stats stats() {
    const std::lock_guard guard(shared_.mutex);
    return {shared_.streams.size(), shared_.accepted, shared_.refused};
  }

 private:
  const std::string socketPath_;
  Shared shared_;
  Service service_;
  std::unique_ptr<grpc::Server> server_;
};

SdsServer::SdsServer(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
SdsServer::~SdsServer() = default;
void SdsServer::update(const Secrets& secrets) { implementation_->update(secrets); }
SdsServer::Stats SdsServer::stats() const { return implementation_->stats(); }

Result<std::unique_ptr<SdsServer>> SdsServer::start(const std::string& socketPath, AccessLogs accessLogs) {
  if (socketPath.size() > kMaxSocketPath) {
    return failure("SDS socket " + socketPath + ": the path is longer than 107 bytes: use a shorter work directory");
  }
  auto implementation = std::make_unique<Implementation>(socketPath, std::move(accessLogs));
  if (auto listening = implementation->listen(); !listening) return tl::unexpected(listening.error());
  return std::unique_ptr<SdsServer>(new SdsServer(std::move(implementation)));
}

}  // namespace fairway::agent
