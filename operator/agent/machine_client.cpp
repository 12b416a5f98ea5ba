#include "agent/machine_client.h"

#include <algorithm>
#include <random>
#include <utility>

#include <google/protobuf/struct.pb.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/sync_stream.h>

#include "agent/log.h"
#include "agent/machine_probe.h"
#include "identity/files.h"

namespace fairway::agent {
namespace {

using google::protobuf::Struct;

constexpr const char* kMethod = "/fairway.machines.v1.MachineService/Connect";
constexpr std::chrono::milliseconds kFirstPause{250}, kLongestPause{10'000};
constexpr int kMaxAnswerBytes = 64 << 10;

std::string textOf(const Struct& message, const std::string& name) {
  const auto found = message.fields().find(name);
  return found == message.fields().end() ? "" : found->second.string_value();
}

void addHealth(Struct& message, const MachineHealth& health) {
  auto& fields = *(*message.mutable_fields())["health"].mutable_struct_value()->mutable_fields();
  fields["healthy"].set_bool_value(health.healthy);
  fields["message"].set_string_value(health.message);
}

}  // namespace

class MachineClient::Stream {
 public:
  Stream(const ControlPlaneAddress& address, const std::string& roots, const Secrets& secrets,
         grpc::ClientContext& context) {
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride(address.serverName);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // never a connection with earlier credentials
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    // A control plane that died without a word is found out before an entry would be removed for it.
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
    arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
    channel_ = grpc::CreateCustomChannel(
        address.target, grpc::SslCredentials({roots, secrets.privateKey, secrets.certificateChain}), arguments);
    stream_.reset(grpc::internal::ClientReaderWriterFactory<Struct, Struct>::Create(
        channel_.get(), grpc::internal::RpcMethod(kMethod, grpc::internal::RpcMethod::BIDI_STREAMING), &context));
  }
  bool write(const Struct& message) { return stream_->Write(message); }
  bool read(Struct& message) { return stream_->Read(&message); }
  grpc::Status finish() { return stream_->Finish(); }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<grpc::ClientReaderWriter<Struct, Struct>> stream_;
};

MachineClient::MachineClient(MachineOptions options, std::function<Secrets()> secrets)
    : options_(std::move(options)),
      secrets_(std::move(secrets)),
      talker_([this] { run(); }),
      prober_([this] { probe(); }) {}

MachineClient::~MachineClient() {
  stop();
  talker_.join();
  prober_.join();
}

void MachineClient::stop() {
  const std::lock_guard guard(mutex_);
  stopping_ = true;
  if (underway_ != nullptr) underway_->TryCancel();
  changed_.notify_all();
}

bool MachineClient::stopping() const {
  const std::lock_guard guard(mutex_);
  return stopping_;
}

MachineClient::Status MachineClient::status() const {
  const std::lock_guard guard(mutex_);
  return status_;
}

// Each problem is told once.
void MachineClient::failed(const std::string& why) {
  const std::lock_guard guard(mutex_);
  if (stopping_) return;
  if (status_.problem != why)
    log().warn("the machine is not registered as one of WorkloadGroup {}: {}", options_.group, why);
  status_.problem = why;
}

void MachineClient::run() {
  std::minstd_rand random{std::random_device{}()};
  auto pause = kFirstPause;
  while (!stopping()) {
    if (talk()) pause = kFirstPause;
    // When a control plane ends, all its machines look for another.
    const auto wait = std::chrono::milliseconds(
        std::uniform_int_distribution<std::int64_t>(pause.count() / 2, pause.count())(random));
    pause = std::min(pause * 2, kLongestPause);
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, wait, [this] { return stopping_; })) return;
  }
}

bool MachineClient::talk() {
  const auto target = "control plane " + options_.address.target + ": ";
  const auto roots = identity::readFile(options_.address.rootFile);
  if (!roots) {
    failed(roots.error().message);
    return false;
  }
  grpc::ClientContext context;
  Stream stream(options_.address, *roots, secrets_(), context);
  {
    const std::lock_guard guard(mutex_);
    if (stopping_) return false;
    underway_ = &context;
  }
  bool answered = false;
  bool sent = false;
  {
    const std::lock_guard turn(writing_);
    Struct hello;
    (*hello.mutable_fields())["group"].set_string_value(options_.group);
    (*hello.mutable_fields())["address"].set_string_value(options_.ip);
    if (const auto known = status().health) addHealth(hello, *known);
    sent = stream.write(hello);
    stream_ = &stream;
  }
  Struct answer;
  while (sent && stream.read(answer)) {
    answered = true;
    take(textOf(answer, "problem"), textOf(answer, "entry"), textOf(answer, "probe"));
  }
  {
    const std::lock_guard turn(writing_);
    stream_ = nullptr;
  }
  const auto status = stream.finish();
  {
    const std::lock_guard guard(mutex_);
    underway_ = nullptr;
    status_.entry.clear();
  }
  // A stream that was answered ends when the control plane does, or the certificate: the next one tells what is wrong, if anything is.
  if (answered) {
    log().debug("the machine's stream ended: {}", status.error_message());
  } else if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    failed(target + "it knows of no machines that register themselves: expected Fairway of this version or later");
  } else {
    failed(target + status.error_message());
  }
  return answered;
}

void MachineClient::take(const std::string& problem, const std::string& entry, const std::string& probe) {
  if (!problem.empty()) return failed(problem);
  const std::lock_guard guard(mutex_);
  if (status_.entry != entry) log().info("the machine is WorkloadEntry {}", entry);
  status_.problem.clear();
  status_.entry = entry;
  if (probe_ == probe) return;
  probe_ = probe;
  ++probes_;
  changed_.notify_all();
}

// The health is kept for the next stream, if this one is gone.
void MachineClient::say(std::unique_lock<std::mutex>& lock, MachineHealth health) {
  if (health.healthy) {
    log().info("the machine is healthy, says the probe of WorkloadGroup {}", options_.group);
  } else {
    log().warn("the machine is not healthy, says the probe of WorkloadGroup {}: {}", options_.group, health.message);
  }
  Struct message;
  addHealth(message, health);
  status_.health = std::move(health);
  lock.unlock();
  {
    const std::lock_guard turn(writing_);
    if (stream_ != nullptr) stream_->write(message);
  }
  lock.lock();
}

void MachineClient::probe() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto probes = probes_;
    if (probe_.empty()) {
      status_.health.reset();
    } else {
      probeWith(lock);
    }
    changed_.wait(lock, [&] { return stopping_ || probes_ != probes; });
  }
}

// Until the probe is another one.
void MachineClient::probeWith(std::unique_lock<std::mutex>& lock) {
  const auto probes = probes_;
  const auto other = [&] { return stopping_ || probes_ != probes; };
  const auto probe = parseMachineProbe(probe_);
  if (!probe)
    return say(lock,
               {false, "the probe of WorkloadGroup " + options_.group + " cannot be done: " + probe.error().message});
  if (!probe->command.empty() && !options_.commands) {
    return say(lock, {false, "the probe of WorkloadGroup " + options_.group +
                                 " is a command, and this agent runs none: start it with --probe-commands=true "
                                 "(FAIRWAY_PROBE_COMMANDS), or give the group another probe"});
  }
  if (changed_.wait_until(lock, started_ + probe->initialDelay, other)) return;
  ProbeState state(probe->successes, probe->failures, status_.health);
  while (!other()) {
    const auto next = std::chrono::steady_clock::now() + probe->period;
    lock.unlock();
    const auto outcome = runMachineProbe(*probe, options_.app, [this] { return stopping(); });
    lock.lock();
    if (other()) return;
    if (auto health = state.take(outcome)) say(lock, std::move(*health));
    if (changed_.wait_until(lock, next, other)) return;
  }
}

}  // namespace fairway::agent
