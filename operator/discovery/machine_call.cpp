#include "discovery/machine_call.h"

#include <utility>

#include <spdlog/spdlog.h>

#include "discovery/machine_messages.h"

namespace fairway::discovery {

grpc::ServerGenericBidiReactor* MachineCall::start(Core& core, grpc::GenericCallbackServerContext& context,
                                                   bool secure) {
  std::shared_ptr<MachineCall> call(new MachineCall(core, context, secure));
  call->self_ = call;
  auto& turns = secure && mayBlock(core.options, call->credentials_) ? core.admission : core.turns;
  turns.add([call] { call->admit(); });
  return call.get();
}

MachineCall::MachineCall(Core& core, grpc::GenericCallbackServerContext& context, bool secure)
    : core_(core), context_(context), secure_(secure), peer_(context.peer()), since_(Clock::now()) {
  if (secure_) credentials_ = credentialsOf(context);
}

void MachineCall::end(grpc::Status status) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(ended_, true)) return;
  }
  Finish(std::move(status));
}

void MachineCall::admit() {
  if (!core_.machineCalls.add(shared_from_this(), core_.options.limits.maxStreams, core_.closing)) {
    ++core_.counters.overLimit;
    return end({grpc::RESOURCE_EXHAUSTED, "too many machines are connected"});
  }
  if (!secure_) return end({grpc::UNAUTHENTICATED, "machines register themselves at the port with TLS"});
  auto identity = identify(core_.options, std::exchange(credentials_, {}));
  if (!identity) {
    ++core_.counters.unauthenticated;
    return end({grpc::UNAUTHENTICATED, identity.error().message});
  }
  caller_ = std::move(*identity);
  core_.trust(peer_, true);
  if (core_.options.machines == nullptr) {
    return end({grpc::FAILED_PRECONDITION,
                "this control plane writes no objects into a cluster, so machines cannot register themselves; it needs "
                "a cluster and "
                "--pod-name"});
  }
  const std::lock_guard lock(mutex_);
  if (!ended_) StartRead(&incoming_);
}

void MachineCall::OnReadDone(bool ok) {
  if (!ok) return end(grpc::Status::OK);
  core_.turns.add([self = shared_from_this()] { self->take(); });
}

bool MachineCall::tooMany() {
  const auto now = Clock::now();
  if (now - window_ > kWindow) {
    window_ = now;
    messages_ = 0;
  }
  return ++messages_ > kMostMessages;
}

void MachineCall::take() {
  if (caller_.expires <= std::chrono::system_clock::now()) {
    return end({grpc::UNAUTHENTICATED, "the credentials of this call have expired"});
  }
  const auto refuse = [this](grpc::StatusCode code, const std::string& why) {
    ++core_.counters.badRequests;
    end({code, why});
  };
  if (tooMany()) return refuse(grpc::RESOURCE_EXHAUSTED, "too many messages");
  auto message = decodeMachineMessage(incoming_);
  incoming_.Clear();
  if (!message) return refuse(grpc::INVALID_ARGUMENT, message.error().message);
  auto& machines = *core_.options.machines;
  std::unique_lock lock(mutex_);
  if (ended_) return;
  if (!id_) {
    const auto id = machines.connect({caller_.ns, caller_.serviceAccount, message->group, message->address},
                                     message->health, [weak = weak_from_this()] {
                                       if (const auto self = weak.lock()) self->wake();
                                     });
    if (!id) {
      lock.unlock();
      return refuse(grpc::INVALID_ARGUMENT, id.error().message);
    }
    id_ = *id;
  } else if (message->health) {
    machines.report(*id_, *message->health);
  }
  StartRead(&incoming_);
  lock.unlock();
  look();
}

void MachineCall::wake() {
  if (looking_.exchange(true)) return;
  core_.turns.add([self = shared_from_this()] {
    self->looking_ = false;
    self->look();
  });
}

void MachineCall::look() {
  if (!secure_) return;
  std::unique_lock lock(mutex_);
  if (ended_) return;
  const auto finish = [&](grpc::StatusCode code, const char* why) {
    lock.unlock();
    end({code, why});
  };
  if (!id_) {
    if (Clock::now() - since_ > core_.options.limits.firstRequest)
      finish(grpc::DEADLINE_EXCEEDED, "the first message did not come");
    return;
  }
  if (caller_.expires <= std::chrono::system_clock::now()) {
    return finish(grpc::UNAUTHENTICATED, "the credentials of this call have expired");
  }
  if (core_.draining) return finish(grpc::UNAVAILABLE, "the control plane is shutting down");
  auto answer = core_.options.machines->answer(*id_);
  if (!answer) return;
  if (answer->replaced) return finish(grpc::ABORTED, "this machine has come anew, on another stream");
  if (writing_ || told_ == answer) return;
  if (!answer->problem.empty()) {
    spdlog::warn("machine at {} ({}), {}, is not registered: {}", peer_, caller_.toString(), answer->entry,
                 answer->problem);
  }
  told_ = std::move(answer);
  outgoing_ = encodeMachineAnswer(*told_);
  writing_ = true;
  StartWrite(&outgoing_);
}

void MachineCall::OnWriteDone(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    outgoing_.Clear();
  }
  if (!ok) return end(grpc::Status::CANCELLED);
  wake();  // there may be news by now
}

void MachineCall::cancel() {
  const std::lock_guard lock(mutex_);
  if (!done_) context_.TryCancel();
}

void MachineCall::OnDone() {
  std::optional<MachineRegistry::Id> id;
  {
    const std::lock_guard lock(mutex_);
    done_ = ended_ = true;
    id = std::exchange(id_, std::nullopt);
  }
  if (id) core_.options.machines->disconnect(*id);
  core_.machineCalls.remove(this);
  self_.reset();  // the last thing
}

}  // namespace fairway::discovery
