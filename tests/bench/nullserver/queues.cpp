#include <grpcpp/alarm.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <stdexcept>
#include <thread>
#include <unordered_set>

#include "grpc_buffers.h"
#include "transport.h"

namespace nullserver {
namespace {

// What a completion queue gives back when the work it stands for is done.
class Step {
 public:
  virtual ~Step() = default;
  virtual void done(bool good) = 0;
};

template <typename Owner, void (Owner::*kDone)(bool)>
class StepOf final : public Step {
 public:
  explicit StepOf(Owner& owner) : owner_(owner) {}
  void done(bool good) override { (owner_.*kDone)(good); }

 private:
  Owner& owner_;
};

class Worker;

// A call from the moment it is waited for. Deletes itself when it is over and the queue holds none of its steps.
class Call {
 public:
  Call(Worker& worker, const Recordings<grpc::ByteBuffer>& recordings) : worker_(worker), outbox_(recordings) {}

  void await();

  void push(const grpc::ByteBuffer& message) {
    if (outbox_.push(message)) {
      next();
    } else {
      context_.TryCancel();  // the read under way fails
    }
  }

 private:
  void accepted(bool good);

  void read(bool good) {
    reading_ = good;
    if (good) {
      readInto(outbox_, request_);
      stream_.Read(&request_, &onRead_);
    } else {
      ending_ = true;
    }
    next();
  }

  void written(bool good) {
    writing_ = false;
    if (!good) ending_ = true;
    next();
  }

  void finished(bool /*good*/) {
    finished_ = true;
    next();
  }

  // One write at a time, and Finish() after it: the asynchronous API has no queue for either.
  void next();

  Worker& worker_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
  StepOf<Call, &Call::accepted> onAccepted_{*this};
  StepOf<Call, &Call::read> onRead_{*this};
  StepOf<Call, &Call::written> onWritten_{*this};
  StepOf<Call, &Call::finished> onFinished_{*this};
  Outbox<grpc::ByteBuffer> outbox_;
  grpc::ByteBuffer request_;
  bool reading_ = false, writing_ = false, ending_ = false, finishing_ = false, finished_ = false;
};

// A completion queue, its thread and its calls.
class Worker {
 public:
  Worker(std::unique_ptr<grpc::ServerCompletionQueue> queue, grpc::AsyncGenericService& service,
         const Recordings<grpc::ByteBuffer>& recordings)
      : queue_(std::move(queue)), service_(service), recordings_(recordings) {}

  void start() {
    awaitCall();
    std::thread([this] { run(); }).detach();
  }

  // From another thread: the queue's own thread does it.
  void fanOut(const grpc::ByteBuffer& message) { new FanOut(*this, message); }

  void awaitCall() { (new Call(*this, recordings_))->await(); }
  grpc::ServerCompletionQueue& queue() { return *queue_; }
  grpc::AsyncGenericService& service() { return service_; }
  void add(Call* call) { calls_.insert(call); }
  void remove(Call* call) { calls_.erase(call); }

 private:
  class FanOut final : public Step {
   public:
    FanOut(Worker& worker, const grpc::ByteBuffer& message) : worker_(worker), message_(message) {
      alarm_.Set(worker.queue_.get(), gpr_time_0(GPR_CLOCK_MONOTONIC), this);
    }
    void done(bool /*good*/) override {
      // No call is deleted meanwhile: that takes an event of this queue.
      for (auto* call : worker_.calls_) call->push(message_);
      delete this;
    }

   private:
    Worker& worker_;
    const grpc::ByteBuffer message_;
    grpc::Alarm alarm_;
  };

  void run() {
    void* step = nullptr;
    for (bool good = false; queue_->Next(&step, &good);) static_cast<Step*>(step)->done(good);
  }

  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  grpc::AsyncGenericService& service_;
  const Recordings<grpc::ByteBuffer>& recordings_;
  std::unordered_set<Call*> calls_;
};

void Call::await() {
  worker_.service().RequestCall(&context_, &stream_, &worker_.queue(), &worker_.queue(), &onAccepted_);
}

void Call::accepted(bool good) {
  if (!good) {  // the server ends
    delete this;
    return;
  }
  worker_.awaitCall();
  worker_.add(this);
  reading_ = true;
  stream_.Read(&request_, &onRead_);
}

void Call::next() {
  if (writing_) return;
  if (!ending_) {
    if (const auto message = outbox_.take()) {
      writing_ = true;
      stream_.Write(*message, &onWritten_);
    }
  } else if (!finishing_) {
    finishing_ = true;
    stream_.Finish(grpc::Status::OK, &onFinished_);
  } else if (finished_ && !reading_) {
    worker_.remove(this);
    delete this;
  }
}

class QueuesTransport final : public Transport {
 public:
  explicit QueuesTransport(const Recordings<std::string>& recordings)
      : recordings_(prepared<grpc::ByteBuffer>(recordings, bufferOf)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterAsyncGenericService(&service_);
    const auto cores = std::max(1U, std::thread::hardware_concurrency());
    for (auto i = cores; i > 0; --i) {
      workers_.push_back(std::make_unique<Worker>(builder.AddCompletionQueue(), service_, recordings_));
    }
    server_ = builder.BuildAndStart();
    if (!server_) throw std::runtime_error("cannot listen on 127.0.0.1");
    for (auto& worker : workers_) worker->start();
  }

  [[nodiscard]] int port() const override { return port_; }

  void fanOut(std::string message) override {
    const auto response = bufferOf(message);
    for (auto& worker : workers_) worker->fanOut(response);
  }

 private:
  const Recordings<grpc::ByteBuffer> recordings_;
  grpc::AsyncGenericService service_;
  std::vector<std::unique_ptr<Worker>> workers_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

std::unique_ptr<Transport> serveOnQueues(const Recordings<std::string>& recordings) {
  return std::make_unique<QueuesTransport>(recordings);
}

}  // namespace nullserver
