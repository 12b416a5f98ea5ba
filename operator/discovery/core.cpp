#include "discovery/core.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include "discovery/load_call.h"
#include "discovery/machine_call.h"
#include "discovery/sotw_wire.h"
#include "discovery/stream.h"
#include "discovery/wire.h"

namespace fairway::discovery {
namespace {

constexpr std::size_t kMaxCalls = 16;

}  // namespace

Port::Port() = default;
Port::~Port() = default;

Core::Core(ServerOptions given, engine::SnapshotSource& snapshots)
    : options(std::move(given)),
      source(snapshots),
      frames(deltaFrameOf),
      sotwFrames(sotwFrameOf),
      openings(options.limits.openings),
      turns(std::max<std::size_t>(1, options.threads)) {}

Core::~Core() { stopSweep(); }

std::shared_ptr<Stream> Core::open(const std::string& peer, bool isSecure, Variant variant, std::string& reason) {
  const auto host = peerHost(peer);
  const std::lock_guard lock(mutex_);
  if (streams_.size() >= options.limits.maxStreams) {
    reason = "this control plane serves its limit of " + std::to_string(options.limits.maxStreams) + " streams";
    return nullptr;
  }
  const auto count = perPeer_.find(host);
  if (count != perPeer_.end() && count->second >= options.limits.maxStreamsPerPeer) {
    reason = "the limit of " + std::to_string(options.limits.maxStreamsPerPeer) + " streams from one address (" + host +
             ") is reached";
    return nullptr;
  }
  ++perPeer_[host];
  const auto id = ++lastId_;
  auto stream = std::make_shared<Stream>(*this, id, peer, isSecure, variant);
  streams_.emplace(id, stream);
  ++counters.streamsOpened;
  return stream;
}

void Core::close(const Stream& stream) {
  std::shared_ptr<Stream> last;  // ends after the lock
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(stream.id());
  if (found == streams_.end()) return;
  last = std::move(found->second);
  streams_.erase(found);
  const auto count = perPeer_.find(peerHost(stream.peer()));
  if (count != perPeer_.end() && --count->second == 0) perPeer_.erase(count);
  if (streams_.empty()) empty_.notify_all();
}

void Core::trust(const std::string& peer, bool isSecure) {
  const auto& port = isSecure ? secure : insecure;
  if (!port.acceptor) return;
  if (isSecure) {
    port.acceptor->trust(peer);
  } else {
    port.acceptor->call(peer);
  }
}

void Core::introduced(const std::string& peer) {
  if (insecure.acceptor) insecure.acceptor->introduced(peer);
}

void Core::waitForNone(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  empty_.wait_for(lock, time, [this] { return streams_.empty(); });
}

std::vector<std::shared_ptr<Stream>> Core::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Stream>> result;
  result.reserve(streams_.size());
  for (const auto& [id, stream] : streams_) result.push_back(stream);
  return result;
}

bool Core::addCall(grpc::CallbackServerContext& context) {
  const std::lock_guard lock(callsMutex_);
  if (closing || calls_.size() >= kMaxCalls) return false;
  calls_.insert(&context);
  return true;
}

void Core::removeCall(grpc::CallbackServerContext& context) {
  const std::lock_guard lock(callsMutex_);
  calls_.erase(&context);
}

void Core::cancelCalls() {
  const std::lock_guard lock(callsMutex_);
  const auto calls = calls_;
  for (auto* context : calls) {
    if (calls_.contains(context)) context->TryCancel();
  }
  for (const auto& call : loadCalls.all()) call->cancel();
  for (const auto& call : machineCalls.all()) call->cancel();
}

void Core::startSweep() {
  sweeper_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    std::size_t round = 0;
    while (!wake_.wait_for(lock, options.limits.sweep, [this] { return stopSweep_; })) {
      lock.unlock();
      for (const auto& stream : all()) stream->sweep();
      indexes.sweep();
      openings.sweep();
      if (++round % 4 == 0) {
        for (const auto& call : loadCalls.all()) call->wake();
        for (const auto& call : machineCalls.all()) call->wake();
      }
      lock.lock();
    }
  });
}

void Core::stopSweep() {
  {
    const std::lock_guard lock(mutex_);
    stopSweep_ = true;
  }
  wake_.notify_all();
  if (sweeper_.joinable()) sweeper_.join();
}

}  // namespace fairway::discovery
