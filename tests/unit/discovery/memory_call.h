#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace fairway::discovery::test {

// A call without gRPC's library around it: what a stream reads and writes passes through memory, and its reactions come
// from a thread of the call, as gRPC's do. All of it is code that a thread sanitizer sees, which Debian's gRPC is not.
class MemoryCall final : public grpc::ServerCallbackReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  using Attach = std::function<grpc::ServerGenericBidiReactor*(grpc::CallbackServerContext&)>;
  // What the client says to each message of the server; called on the call's thread. The second is true to end the call.
  using Respond = std::function<std::pair<std::deque<std::string>, bool>(const std::string& message)>;

  MemoryCall(const Attach& attach, std::deque<std::string> first, Respond respond)
      : respond_(std::move(respond)), toServer_(std::move(first)), reactor_(attach(context_)) {
    BindReactor(reactor_);
    thread_ = std::thread([this] { run(); });
  }
  ~MemoryCall() override { thread_.join(); }
  MemoryCall(const MemoryCall&) = delete;
  MemoryCall& operator=(const MemoryCall&) = delete;

  // The client says no more; the call ends when the stream has taken notice.
  void halfClose() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    wake_.notify_all();
  }
  [[nodiscard]] bool ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
  }

  void Finish(grpc::Status /*status*/) override {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    wake_.notify_all();
  }
  void SendInitialMetadata() override {}
  void Read(grpc::ByteBuffer* message) override {
    const std::lock_guard lock(mutex_);
    reading_ = message;
    wake_.notify_all();
  }
  void Write(const grpc::ByteBuffer* message, grpc::WriteOptions /*options*/) override {
    const std::lock_guard lock(mutex_);
    written_ = message;
    wake_.notify_all();
  }
  void WriteAndFinish(const grpc::ByteBuffer* message, grpc::WriteOptions options, grpc::Status status) override {
    Write(message, options);
    Finish(std::move(status));
  }

 private:
  grpc::internal::ServerReactor* reactor() override { return reactor_; }
  void CallOnDone() override {}

  static std::string textOf(const grpc::ByteBuffer& message) {
    std::vector<grpc::Slice> slices;
    message.Dump(&slices);
    std::string text;
    for (const auto& slice : slices) text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    return text;
  }

  void run() {
    std::unique_lock lock(mutex_);
    const auto readable = [this] { return reading_ != nullptr && (!toServer_.empty() || closed_); };
    for (;;) {
      wake_.wait(lock, [&] { return finished_ || written_ != nullptr || readable(); });
      if (written_ != nullptr) {
        const std::string message = textOf(*std::exchange(written_, nullptr));
        lock.unlock();
        reactor_->OnWriteDone(true);
        auto [answers, end] = respond_(message);
        lock.lock();
        for (auto& answer : answers) toServer_.push_back(std::move(answer));
        closed_ = closed_ || end;
      } else if (finished_) {
        // gRPC ends a read that is under way before it says that the call is done.
        const bool reading = std::exchange(reading_, nullptr) != nullptr;
        lock.unlock();
        if (reading) reactor_->OnReadDone(false);
        reactor_->OnDone();
        lock.lock();
        ended_ = true;
        return;
      } else {
        auto* into = std::exchange(reading_, nullptr);
        const bool some = !toServer_.empty();
        if (some) {
          const grpc::Slice slice(toServer_.front());
          *into = grpc::ByteBuffer(&slice, 1);
          toServer_.pop_front();
        }
        lock.unlock();
        reactor_->OnReadDone(some);
        lock.lock();
      }
    }
  }

  const Respond respond_;
  grpc::CallbackServerContext context_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::string> toServer_;
  grpc::ByteBuffer* reading_ = nullptr;
  const grpc::ByteBuffer* written_ = nullptr;
  bool closed_ = false, finished_ = false, ended_ = false;
  grpc::ServerGenericBidiReactor* reactor_;
  std::thread thread_;
};

}  // namespace fairway::discovery::test
