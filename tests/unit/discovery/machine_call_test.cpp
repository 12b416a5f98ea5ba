#include "discovery/machine_call.h"

#include <google/protobuf/struct.pb.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/sync_stream.h>
#include <catch2/catch.hpp>

#include <fstream>
#include <map>

#include "discovery/machine_messages.h"
#include "unit/discovery/certificates.h"
#include "unit/discovery/server_support.h"

// Streams of machines: who may register, what they may say, and what they are told.
namespace fairway::discovery {
namespace {

using google::protobuf::Struct;
using namespace std::chrono_literals;
using test::eventually;

constexpr auto kVm = "spiffe://cluster.local/ns/shop/sa/vm";

class Registry final : public MachineRegistry {
 public:
  struct Machine {
    MachineClaim claim;
    std::optional<MachineHealth> health;
    std::function<void()> changed;
    std::optional<MachineAnswer> answer;
  };

  Result<Id> connect(const MachineClaim& claim, std::optional<MachineHealth> health,
                     std::function<void()> changed) override {
    if (claim.address == "nowhere") return failure("address \"nowhere\": expected an IP address");
    const std::lock_guard lock(mutex_);
    machines_[++last_] = {claim, std::move(health), std::move(changed), std::nullopt};
    return last_;
  }
  std::optional<MachineAnswer> answer(Id id) const override {
    const std::lock_guard lock(mutex_);
    return machines_.at(id).answer;
  }
  void report(Id id, MachineHealth health) override {
    const std::lock_guard lock(mutex_);
    machines_.at(id).health = std::move(health);
  }
  void disconnect(Id id) override {
    const std::lock_guard lock(mutex_);
    machines_.erase(id);
  }
  void tell(MachineAnswer answer) {
    std::function<void()> changed;
    {
      const std::lock_guard lock(mutex_);
      machines_.at(last_).answer = std::move(answer);
      changed = machines_.at(last_).changed;
    }
    changed();
  }
  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return machines_.size();
  }
  Machine last() const {
    const std::lock_guard lock(mutex_);
    return machines_.at(last_);
  }

 private:
  mutable std::mutex mutex_;
  Id last_ = 0;
  std::map<Id, Machine> machines_;
};

struct Lab {
  test::Folder folder;
  test::Certificate ca = test::certificate(nullptr, {});
  test::FakeSource source;
  Registry registry;
  std::unique_ptr<Server> server;

  explicit Lab(bool registers = true, ServerOptions options = {}) {
    options.secureAddress = options.insecureAddress = "127.0.0.1:0";
    const auto own = test::certificate(&ca, {"IP:127.0.0.1"});
    options.tls = {folder / "cert.pem", folder / "key.pem", folder / "roots.pem"};
    std::ofstream(options.tls.certificateFile) << own.pem;
    std::ofstream(options.tls.keyFile) << own.keyPem;
    std::ofstream(options.tls.rootFile) << ca.pem;
    options.limits.sweep = 5ms;
    if (registers) options.machines = &registry;
    server = Server::start(std::move(options), source).value();
  }
  ~Lab() { server.reset(); }

  std::shared_ptr<grpc::Channel> as(const std::string& uri) {
    const auto certificate = test::certificate(&ca, {"URI:" + uri});
    return test::channel(server->secureAddress(), grpc::SslCredentials({ca.pem, certificate.keyPem, certificate.pem}));
  }
};

class Machine {
 public:
  explicit Machine(std::shared_ptr<grpc::Channel> via) : channel_(std::move(via)) {
    context_.set_deadline(std::chrono::system_clock::now() + 120s);
    stream_.reset(grpc::internal::ClientReaderWriterFactory<Struct, Struct>::Create(
        channel_.get(),
        grpc::internal::RpcMethod(std::string(kMachineMethod).c_str(), grpc::internal::RpcMethod::BIDI_STREAMING),
        &context_));
  }
  ~Machine() {
    context_.TryCancel();
    if (stream_) stream_->Finish();
  }
  void hello(const std::string& address = "10.0.0.1") {
    Struct message;
    (*message.mutable_fields())["group"].set_string_value("vms");
    (*message.mutable_fields())["address"].set_string_value(address);
    stream_->Write(message);
  }
  void health(bool healthy, const std::string& words) {
    Struct message;
    auto& fields = *(*message.mutable_fields())["health"].mutable_struct_value()->mutable_fields();
    fields["healthy"].set_bool_value(healthy);
    fields["message"].set_string_value(words);
    stream_->Write(message);
  }
  void write(const Struct& message) { stream_->Write(message); }
  std::map<std::string, std::string> read() {
    Struct message;
    std::map<std::string, std::string> texts;
    if (!stream_->Read(&message)) return texts;
    for (const auto& [name, value] : message.fields()) texts[name] = value.string_value();
    return texts;
  }
  grpc::Status finish() {
    while (!read().empty()) {
    }
    const auto status = stream_->Finish();
    stream_.reset();
    return status;
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<Struct, Struct>> stream_;
};

grpc::ByteBuffer bytesOf(const std::string& text) {
  const grpc::Slice slice(text);
  return {&slice, 1};
}

}  // namespace

TEST_CASE("a machine is connected as long as its stream lasts, by the identity that it proved", "[grpc]") {
  Lab lab;
  {
    Machine machine(lab.as(kVm));
    machine.hello();
    REQUIRE(eventually([&] { return lab.registry.count() == 1; }));
    CHECK(lab.registry.last().claim == MachineClaim{"shop", "vm", "vms", "10.0.0.1"});
    CHECK_FALSE(lab.registry.last().health);
    lab.registry.tell({"there is no such group", "shop/vms-10.0.0.1", "", false});
    CHECK(machine.read()["problem"] == "there is no such group");
    lab.registry.tell({"", "shop/vms-10.0.0.1", "{\"tcpSocket\":{\"port\":1}}", false});
    const auto told = machine.read();
    CHECK(told.at("problem").empty());
    CHECK(told.at("entry") == "shop/vms-10.0.0.1");
    CHECK(told.at("probe") == "{\"tcpSocket\":{\"port\":1}}");
    machine.health(false, "connection refused");
    CHECK(eventually([&] { return lab.registry.last().health == MachineHealth{false, "connection refused"}; }));
    machine.health(true, "");
    CHECK(eventually([&] { return lab.registry.last().health == MachineHealth{true, ""}; }));
  }
  CHECK(eventually([&] { return lab.registry.count() == 0; }));
}

TEST_CASE("the same machine on a newer stream ends the older one", "[grpc]") {
  Lab lab;
  Machine machine(lab.as(kVm));
  machine.hello();
  REQUIRE(eventually([&] { return lab.registry.count() == 1; }));
  lab.registry.tell({"", "", "", true});
  CHECK(machine.finish().error_code() == grpc::ABORTED);
}

TEST_CASE("who proves no identity of this mesh registers no machine", "[grpc]") {
  Lab lab;
  Machine nobody(test::channel(lab.server->secureAddress(), grpc::SslCredentials({lab.ca.pem, "", ""})));
  nobody.hello();
  CHECK(nobody.finish().error_code() == grpc::UNAUTHENTICATED);
  Machine stranger(lab.as("spiffe://elsewhere/ns/shop/sa/vm"));
  stranger.hello();
  CHECK(stranger.finish().error_code() == grpc::UNAUTHENTICATED);
  Machine local(test::channel(lab.server->insecureAddress()));
  local.hello();
  CHECK(local.finish().error_code() == grpc::UNAUTHENTICATED);
  CHECK(lab.registry.count() == 0);
}

TEST_CASE("what is no message of an agent ends the stream", "[grpc]") {
  Lab lab;
  const auto refused = [&](const std::function<void(Machine&)>& say) {
    Machine machine(lab.as(kVm));
    say(machine);
    return machine.finish();
  };
  CHECK(refused([](Machine& machine) { machine.hello("nowhere"); }).error_code() == grpc::INVALID_ARGUMENT);
  CHECK(refused([](Machine& machine) {
          Struct message;
          (*message.mutable_fields())["group"].set_bool_value(true);
          machine.write(message);
        }).error_message() == "group: expected a string");
  CHECK(refused([](Machine& machine) {
          Struct message;
          (*message.mutable_fields())["padding"].set_string_value(std::string(20'000, 'x'));
          machine.write(message);
        }).error_message() == "the message is too long");
  CHECK(refused([](Machine& machine) {
          for (std::size_t i = 0; i <= MachineCall::kMostMessages; ++i) machine.hello();
        }).error_code() == grpc::RESOURCE_EXHAUSTED);
  CHECK(eventually([&] { return lab.registry.count() == 0; }));
}

TEST_CASE("a machine that says nothing is sent away; so are all where nobody registers them", "[grpc]") {
  ServerOptions options;
  options.limits.firstRequest = 50ms;
  Lab lab(true, std::move(options));
  Machine silent(lab.as(kVm));
  CHECK(silent.finish().error_code() == grpc::DEADLINE_EXCEEDED);
  Lab other(false);
  Machine machine(other.as(kVm));
  machine.hello();
  const auto status = machine.finish();
  CHECK(status.error_code() == grpc::FAILED_PRECONDITION);
  CHECK(status.error_message().find("needs a cluster") != std::string::npos);
}

TEST_CASE("the server ends with machines connected", "[grpc]") {
  Lab lab;
  Machine machine(lab.as(kVm));
  machine.hello();
  REQUIRE(eventually([&] { return lab.registry.count() == 1; }));
  lab.server->shutdown(2s);
  CHECK_FALSE(machine.finish().ok());
  CHECK(lab.registry.count() == 0);
}

TEST_CASE("messages of machines are read within bounds") {
  Struct message;
  (*message.mutable_fields())["group"].set_string_value("vms");
  (*message.mutable_fields())["other"].set_number_value(1);
  auto& health = (*message.mutable_fields())["health"];
  health.mutable_struct_value();
  CHECK(decodeMachineMessage(bytesOf(message.SerializeAsString())).error().message ==
        "health.healthy: expected true or false");
  (*health.mutable_struct_value()->mutable_fields())["healthy"].set_bool_value(true);
  const auto read = decodeMachineMessage(bytesOf(message.SerializeAsString()));
  REQUIRE(read);
  CHECK(read->group == "vms");
  CHECK(read->health == MachineHealth{true, ""});
  (*health.mutable_struct_value()->mutable_fields())["message"].set_string_value(std::string(513, 'x'));
  CHECK(decodeMachineMessage(bytesOf(message.SerializeAsString())).error().message ==
        "health: message: more than 512 bytes");
  health.set_string_value("well");
  CHECK(decodeMachineMessage(bytesOf(message.SerializeAsString())).error().message == "health: expected an object");
  CHECK_FALSE(decodeMachineMessage(bytesOf("no message")));
  CHECK(decodeMachineMessage(bytesOf(""))->group.empty());
}

}  // namespace fairway::discovery
