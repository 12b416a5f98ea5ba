#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "grpc_buffers.h"
#include "transport.h"

namespace nullserver {
namespace {

constexpr std::size_t kThreads = 2;  // of fairway serve, for fanning out

class Call;

class Calls {
 public:
  void add(std::shared_ptr<Call> call) {
    const std::lock_guard lock(mutex_);
    calls_.insert(std::move(call));
  }
  void remove(const std::shared_ptr<Call>& call) {
    const std::lock_guard lock(mutex_);
    calls_.erase(call);
  }
  std::vector<std::shared_ptr<Call>> all() {
    const std::lock_guard lock(mutex_);
    return {calls_.begin(), calls_.end()};
  }

 private:
  std::mutex mutex_;
  std::set<std::shared_ptr<Call>> calls_;
};

// Lives until gRPC and the fan-outs under way have let it go.
class Call final : public grpc::ServerGenericBidiReactor, public std::enable_shared_from_this<Call> {
 public:
  Call(Calls& calls, const Recordings<grpc::ByteBuffer>& recordings, grpc::CallbackServerContext& context)
      : calls_(calls), context_(context), outbox_(recordings) {}

  void begin() {
    self_ = shared_from_this();
    StartRead(&request_);
  }

  void push(const grpc::ByteBuffer& message) {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    if (outbox_.push(message)) {
      next();
    } else {
      context_.TryCancel();  // the read under way fails
    }
  }

  void OnReadDone(bool good) override {
    const std::lock_guard lock(mutex_);
    if (!good) {
      finish();
      return;
    }
    readInto(outbox_, request_);
    next();
    StartRead(&request_);
  }

  void OnWriteDone(bool good) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (!good) {
      finish();
    } else {
      next();
    }
  }

  void OnDone() override {
    const auto keep = std::move(self_);
    calls_.remove(keep);
  }

 private:
  void finish() {
    if (finished_) return;
    finished_ = true;
    Finish(grpc::Status::OK);
  }

  void next() {
    if (writing_ || finished_) return;
    auto message = outbox_.take();
    if (!message) return;
    writing_ = true;
    response_ = std::move(*message);
    StartWrite(&response_);
  }

  Calls& calls_;
  grpc::CallbackServerContext& context_;
  std::shared_ptr<Call> self_;
  std::mutex mutex_;
  Outbox<grpc::ByteBuffer> outbox_;
  bool writing_ = false, finished_ = false;
  grpc::ByteBuffer request_, response_;
};

class CallbackTransport final : public Transport, private grpc::CallbackGenericService {
 public:
  explicit CallbackTransport(const Recordings<std::string>& recordings)
      : recordings_(prepared<grpc::ByteBuffer>(recordings, bufferOf)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
    if (!server_) throw std::runtime_error("cannot listen on 127.0.0.1");
  }

  [[nodiscard]] int port() const override { return port_; }

  void fanOut(std::string message) override {
    const auto response = bufferOf(message);
    const auto all = calls_.all();
    std::vector<std::thread> threads;
    for (std::size_t part = 0; part < kThreads; ++part) {
      threads.emplace_back([&all, &response, part] {
        for (auto i = part; i < all.size(); i += kThreads) all[i]->push(response);
      });
    }
    for (auto& thread : threads) thread.join();
  }

 private:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    auto call = std::make_shared<Call>(calls_, recordings_, *context);
    calls_.add(call);
    call->begin();
    return call.get();
  }

  const Recordings<grpc::ByteBuffer> recordings_;
  Calls calls_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

std::unique_ptr<Transport> serveOnCallbacks(const Recordings<std::string>& recordings) {
  return std::make_unique<CallbackTransport>(recordings);
}

}  // namespace nullserver
