#include "agent/machine_client.h"

#include <atomic>
#include <mutex>
#include <vector>

#include <google/protobuf/struct.pb.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <catch2/catch.hpp>

#include "agent/http_server.h"
#include "support.h"

using namespace fairway;
using namespace fairway::agent;
using namespace fairway::agent::test;
using google::protobuf::Struct;

namespace {

// What a control plane tells machines, and what they said, a line a message.
class Machines final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    if (context->method() != "/fairway.machines.v1.MachineService/Connect")
      return grpc::CallbackGenericService::CreateReactor(context);
    return new Call(*this);
  }
  void answer(const std::string& problem, const std::string& entry, const std::string& probe) {
    const std::lock_guard guard(mutex_);
    (*answer_.mutable_fields())["problem"].set_string_value(problem);
    (*answer_.mutable_fields())["entry"].set_string_value(entry);
    (*answer_.mutable_fields())["probe"].set_string_value(probe);
  }
  void endAfterEach(bool ends) { ends_ = ends; }
  std::vector<std::string> said() {
    const std::lock_guard guard(mutex_);
    return said_;
  }
  bool heard(const std::string& line) {
    const auto lines = said();
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  }

 private:
  class Call final : public grpc::ServerGenericBidiReactor {
   public:
    explicit Call(Machines& of) : of_(of) { StartRead(&incoming_); }
    void OnReadDone(bool ok) override {
      if (!ok) return Finish(grpc::Status::OK);
      of_.heardFrom(incoming_);
      const std::lock_guard guard(of_.mutex_);
      outgoing_.Clear();
      bool own = false;
      static_cast<void>(grpc::SerializationTraits<Struct>::Serialize(of_.answer_, &outgoing_, &own));
      StartWrite(&outgoing_);
    }
    void OnWriteDone(bool ok) override {
      if (!ok || of_.ends_) return Finish({grpc::StatusCode::UNAVAILABLE, "the control plane ends"});
      StartRead(&incoming_);
    }
    void OnDone() override { delete this; }

   private:
    Machines& of_;
    grpc::ByteBuffer incoming_, outgoing_;
  };

  void heardFrom(grpc::ByteBuffer& bytes) {
    Struct message;
    grpc::ProtoBufferReader reader(&bytes);
    if (!message.ParseFromZeroCopyStream(&reader)) return;
    const auto& fields = message.fields();
    std::string line;
    for (const auto* name : {"group", "address"}) {
      if (fields.contains(name)) line += fields.at(name).string_value() + " ";
    }
    if (fields.contains("health")) {
      const auto& health = fields.at("health").struct_value().fields();
      line += health.at("healthy").bool_value() ? "healthy" : "not healthy: " + health.at("message").string_value();
    }
    const std::lock_guard guard(mutex_);
    said_.push_back(line);
  }

  std::mutex mutex_;
  Struct answer_;
  std::vector<std::string> said_;
  std::atomic<bool> ends_{false};
};

struct World {
  Machines machines;
  ControlPlane plane{&machines};

  std::unique_ptr<MachineClient> machine(bool commands = false) {
    MachineOptions options{
        {plane.address, "localhost", plane.authority->rootsFile()}, "vms", "127.0.0.1", {"127.0.0.1", {}}, commands};
    return std::make_unique<MachineClient>(std::move(options), [] { return Secrets{}; });
  }
};

}  // namespace

TEST_CASE("a machine says who it is, and again after its stream has ended") {
  World world;
  world.machines.answer("there is no WorkloadGroup n/vms", "n/vms-127.0.0.1", "");
  const auto machine = world.machine();
  CHECK(eventually([&] { return machine->status().problem == "there is no WorkloadGroup n/vms"; }));
  world.machines.answer("", "n/vms-127.0.0.1", "");
  world.machines.endAfterEach(true);
  world.plane.shutdown();  // the next control plane is not at this address
  CHECK(eventually([&] { return machine->status().problem.find("control plane") == 0; }));
  CHECK(world.machines.said().front() == "vms 127.0.0.1 ");
}

TEST_CASE("the probe that comes is done, and its outcome told on each stream") {
  World world;
  std::atomic<bool> good{true};
  const auto app = HttpServer::start({{"127.0.0.1", 0, ""}, 2}, [&](const HttpCall&) -> HttpReply {
                     return good ? HttpReply{200, "well\n"} : HttpReply{503, "ill\n"};
                   }).value();
  const auto port = std::to_string(app->address().port);
  world.machines.answer(
      "", "n/vms-127.0.0.1",
      R"({"httpGet":{"path":"/x","port":)" + port + R"(},"periodSeconds":1,"failureThreshold":1,"timeoutSeconds":30})");
  const auto machine = world.machine();
  CHECK(eventually([&] { return world.machines.heard("healthy"); }));
  CHECK(machine->status().entry == "n/vms-127.0.0.1");
  good = false;
  CHECK(eventually([&] { return world.machines.heard("not healthy: 127.0.0.1:" + port + "/x: 503 ill"); }));
  // The answer to the last message ends the stream; what is known is said first on the next.
  world.machines.endAfterEach(true);
  good = true;
  CHECK(eventually([&] { return world.machines.heard("vms 127.0.0.1 healthy"); }));
}

TEST_CASE("a command is run where the agent was told that it may") {
  World world;
  world.machines.answer("", "n/vms-127.0.0.1", R"({"exec":{"command":["sh","-c","exit 0"]},"timeoutSeconds":30})");
  {
    const auto machine = world.machine();
    CHECK(eventually([&] { return machine->status().health && !machine->status().health->healthy; }));
    CHECK(machine->status().health->message.find("--probe-commands") != std::string::npos);
  }
  const auto machine = world.machine(true);
  CHECK(eventually([&] { return world.machines.heard("healthy"); }));
}

TEST_CASE("a probe that this agent cannot do makes the machine unhealthy, with the reason") {
  World world;
  world.machines.answer("", "n/vms-127.0.0.1", R"({"httpGet":{}})");
  const auto machine = world.machine();
  CHECK(eventually([&] { return machine->status().health.has_value(); }));
  CHECK(machine->status().health->message.find("cannot be done: port") != std::string::npos);
}

TEST_CASE("a control plane that knows of no machines is named as the problem") {
  ControlPlane plane;
  MachineOptions options{
      {plane.address, "localhost", plane.authority->rootsFile()}, "vms", "127.0.0.1", {"127.0.0.1", {}}, false};
  MachineClient machine(std::move(options), [] { return Secrets{}; });
  CHECK(eventually([&] { return machine.status().problem.find("it knows of no machines") != std::string::npos; }));
}
