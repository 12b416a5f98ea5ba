#include "agent/agent.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <mutex>

#include "agent/commands.h"
#include "agent/supervisor.h"
#include "base/strings.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "support.h"

using namespace fairway;
using namespace fairway::agent;
using namespace fairway::agent::test;
namespace discovery = envoy::service::discovery::v3;

namespace {

// Delta ADS with nothing in it: every first request of a type is answered by an empty response.
class EmptyDiscovery final : public grpc::CallbackGenericService {
 public:
  bool answering = true;  // set before the first stream
  std::atomic<int> streams{0};

  [[nodiscard]] std::string node() const {
    const std::lock_guard guard(mutex_);
    return node_;
  }
  [[nodiscard]] std::string peer() const {
    const std::lock_guard guard(mutex_);
    return peer_;
  }

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    ++streams;
    const auto names = context->auth_context()->FindPropertyValues("peer_uri");
    const std::lock_guard guard(mutex_);
    peer_ = names.empty() ? "" : std::string(names[0].data(), names[0].size());
    return new Stream(*this);
  }

 private:
  class Stream final : public grpc::ServerGenericBidiReactor {
   public:
    explicit Stream(EmptyDiscovery& service) : service_(service) { StartRead(&incoming_); }
    void OnReadDone(bool ok) override {
      const std::lock_guard guard(mutex_);
      if (!ok) {
        reading_ = false;
        return maybeFinish();
      }
      grpc::Slice slice;
      discovery::DeltaDiscoveryRequest request;
      if (incoming_.DumpToSingleSlice(&slice).ok())
        request.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
      if (!request.node().id().empty()) {
        const std::lock_guard outer(service_.mutex_);
        service_.node_ = request.node().id();
      }
      if (request.response_nonce().empty()) due_.push_back(request.type_url());
      write();
      StartRead(&incoming_);
    }
    void OnWriteDone(bool) override {
      const std::lock_guard guard(mutex_);
      writing_ = false;
      write();
      maybeFinish();
    }
    void OnDone() override { delete this; }

   private:
    void write() {
      if (writing_ || due_.empty() || !reading_ || !service_.answering) return;
      discovery::DeltaDiscoveryResponse response;
      response.set_type_url(due_.back());
      response.set_nonce(std::to_string(++nonce_));
      due_.pop_back();
      const grpc::Slice slice(response.SerializeAsString());
      outgoing_ = grpc::ByteBuffer(&slice, 1);
      writing_ = true;
      StartWrite(&outgoing_);
    }
    void maybeFinish() {
      if (reading_ || writing_ || finished_) return;
      finished_ = true;
      Finish(grpc::Status::OK);
    }
    EmptyDiscovery& service_;
    std::mutex mutex_;
    grpc::ByteBuffer incoming_, outgoing_;
    std::vector<std::string> due_;
    bool reading_ = true, writing_ = false, finished_ = false;
    int nonce_ = 0;
  };

  mutable std::mutex mutex_;
  std::string node_, peer_;
};

struct RunningAgent {
  explicit RunningAgent(const AgentOptions& options) : workDir(options.workDir), agent(options) {
    thread = std::thread([this] { code = agent.run(); });
  }
  ~RunningAgent() {
    agent.stop();
    agent.stop();
    if (thread.joinable()) thread.join();
  }
  int wait() {
    thread.join();
    return code;
  }
  // Status and text of the readiness probe; 0 while nothing listens.
  [[nodiscard]] HttpReply ready() const {
    const auto address = parseAddress(trim(read(workDir + "/status-address")));
    const auto reply = address ? httpRequest(*address, "GET", "/healthz/ready", 5s) : Result<HttpReply>(failure(""));
    return reply ? *reply : HttpReply{0, ""};
  }
  // Of Envoy's admin interface; empty while it does not answer.
  [[nodiscard]] std::string admin(const std::string& method, const std::string& target) const {
    const auto address = parseAddress(trim(read(workDir + "/envoy-admin-address")));
    const auto reply = address ? httpRequest(*address, method, target, 5s) : Result<HttpReply>(failure(""));
    return reply ? reply->body : "";
  }
  std::string workDir;
  Agent agent;
  std::thread thread;
  int code = -1;
};

// Processes that were started with the work directory's bootstrap.
std::vector<pid_t> envoysOf(const std::string& workDir) {
  std::vector<pid_t> result;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto pid = toNumber(entry.path().filename().string());
    if (!pid) continue;
    const auto command = read(entry.path().string() + "/cmdline");
    if (command.starts_with(FAIRWAY_ENVOY) && command.find(workDir + "/bootstrap.json") != std::string::npos) {
      result.push_back(static_cast<pid_t>(*pid));
    }
  }
  return result;
}

AgentOptions optionsFor(const TemporaryDirectory& directory, ControlPlane& plane) {
  auto options = optionsIn(directory);
  options.discoveryAddress = plane.address;
  options.tokenFile = plane.tokenFile({"onap", "portal"});
  options.rootFile = plane.authority->rootsFile();
  options.logLevel = "warning";
  if (!complete(options)) throw std::runtime_error("options");
  return options;
}

}  // namespace

TEST_CASE("an agent brings a real Envoy up to readiness, and down without a trace") {
  EmptyDiscovery service;
  service.answering = false;
  ControlPlane plane(&service);
  TemporaryDirectory directory;
  RunningAgent running(optionsFor(directory, plane));

  // Envoy is connected with the workload's certificate, but has no configuration yet.
  REQUIRE(eventually([&] { return service.streams > 0; }));
  CHECK(eventually([&] { return service.node() == "sidecar~127.0.0.1~portal-1.onap~onap.svc.cluster.local"; }));
  CHECK(service.peer() == "spiffe://cluster.local/ns/onap/sa/portal");
  CHECK(running.ready().status == 503);
  CHECK(running.admin("GET", "/server_info").find("INITIALIZING") != std::string::npos);
  running.agent.stop();
  CHECK(running.wait() == agentStopped);
  CHECK(std::filesystem::is_empty(running.workDir));
}

TEST_CASE("a ready agent: health, restart after a crash, drain") {
  EmptyDiscovery service;
  ControlPlane plane(&service);
  TemporaryDirectory directory;
  auto options = optionsFor(directory, plane);
  options.drainTime = 1s;
  RunningAgent running(options);
  REQUIRE(eventually([&] { return running.ready().status == 200; }));
  CHECK(plane.certificates.stats().issued == 1);
  const auto certificates = running.admin("GET", "/certs");
  CHECK(certificates.find("spiffe://cluster.local/ns/onap/sa/portal") != std::string::npos);
  CHECK(running.admin("GET", "/config_dump?resource=dynamic_active_secrets").find("BEGIN PRIVATE KEY") ==
        std::string::npos);
  CHECK(identity::test::modeOf(running.workDir) == 0700);
  CHECK(identity::test::modeOf(running.workDir + "/bootstrap.json") == 0600);
  CHECK(run("grep -rl 'PRIVATE KEY' " + running.workDir).output.empty());

  // The path and nothing else.
  const auto status = parseAddress(trim(read(running.workDir + "/status-address"))).value();
  CHECK(httpRequest(status, "GET", "/config_dump", 5s).value().status == 404);

  // A crash: it comes back with the same certificate, without the control plane being asked.
  const auto pids = envoysOf(running.workDir);
  REQUIRE(pids.size() == 1);
  REQUIRE(::kill(pids[0], SIGKILL) == 0);
  REQUIRE(eventually([&] { return running.ready().status != 200 || service.streams > 1; }));
  REQUIRE(eventually([&] { return running.ready().status == 200 && service.streams > 1; }));
  CHECK(plane.certificates.stats().issued == 1);

  running.agent.stop();
  CHECK(eventually([&] { return running.ready().status != 200; }));
  CHECK(running.wait() == agentStopped);
  CHECK(std::filesystem::is_empty(running.workDir));
  CHECK(envoysOf(running.workDir).empty());
}

TEST_CASE("a ready agent: metrics, a second agent, drain for a preStop hook") {
  EmptyDiscovery service;
  ControlPlane plane(&service);
  TemporaryDirectory directory;
  auto options = optionsFor(directory, plane);
  options.drainTime = 60s;
  options.minimumDrainTime = 0s;
  options.logFormat = "json";
  RunningAgent running(options);
  REQUIRE(waitReady(running.workDir, 60s));
  CHECK(identity::test::modeOf(running.workDir + "/agent.sock") == 0600);

  const auto address = parseAddress(trim(read(running.workDir + "/agent-address"))).value();
  const auto page = httpRequest(address, "GET", "/stats/prometheus", 60s).value().body;
  CHECK(page.find("\nistio_agent_cert_expiry_seconds") != std::string::npos);
  CHECK(page.find("\nenvoy_server_live") != std::string::npos);
  // What ends or drains the proxy is not to be had over the network.
  CHECK(httpRequest(address, "POST", "/drain", 60s).value().status == 405);
  CHECK(httpRequest(address, "GET", "/drain", 60s).value().status == 404);

  CHECK(Agent(options).run() == agentFailed);  // the work directory is taken
  CHECK(running.ready().status == 200);

  REQUIRE(drainProxy(running.workDir));
  CHECK(running.ready().body == "the proxy is draining\n");
  CHECK(running.admin("GET", "/stats?filter=listener_manager.*draining").find("draining") != std::string::npos);
  CHECK(envoysOf(running.workDir).size() == 1);  // it goes on for the app
  REQUIRE(drainProxy(running.workDir));
  running.agent.stop();
  CHECK(running.wait() == agentStopped);
  CHECK(std::filesystem::is_empty(running.workDir));
  CHECK(drainProxy(running.workDir));  // nobody there
}

TEST_CASE("an agent ends when its Envoy ends on purpose") {
  EmptyDiscovery service;
  ControlPlane plane(&service);
  TemporaryDirectory directory;
  RunningAgent running(optionsFor(directory, plane));
  REQUIRE(eventually([&] { return running.ready().status == 200; }));
  CHECK(running.admin("POST", "/quitquitquit") == "OK\n");
  CHECK(running.wait() == agentStopped);
}

TEST_CASE("an agent without a control plane waits, and stops when told") {
  TemporaryDirectory directory;
  ControlPlane plane;
  auto options = optionsFor(directory, plane);
  plane.shutdown();
  RunningAgent running(options);
  REQUIRE(eventually([&] { return running.ready().status == 503; }));
  CHECK(running.ready().body.starts_with("the proxy has no certificate yet"));
  CHECK(eventually([&] { return running.ready().body.find("check that it runs") != std::string::npos; }));
  // Nothing is under way, so nothing has to be waited for; who waits for readiness is told why it is not.
  CHECK(drainProxy(running.workDir));
  CHECK(waitReady(running.workDir, 0s).error().message.find("no certificate yet") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(running.workDir + "/bootstrap.json"));
  running.agent.stop();
  CHECK(running.wait() == agentStopped);
}

TEST_CASE("an agent that cannot start says so") {
  TemporaryDirectory directory;
  ControlPlane plane;
  auto options = optionsFor(directory, plane);
  SECTION("no Envoy") { options.envoy = "/nonexistent/envoy"; }
  SECTION("a work directory that is a file") { write(options.workDir, ""); }
  SECTION("an agent address that is not ours") { options.agentAddress = "192.0.2.1:1"; }
  SECTION("a status address that is not ours") { options.statusAddress = "192.0.2.1:1"; }
  CHECK(Agent(options).run() == agentFailed);
}

// Run by the next test in a process of its own, whose threads are all made by runAgent().
TEST_CASE("the agent as a program", "[.agent-program]") {
  const char* result = std::getenv("FAIRWAY_TEST_RESULT");
  REQUIRE(result != nullptr);
  AgentOptions options;
  REQUIRE(applyEnvironment(options, [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  }));
  write(result, std::to_string(runAgent(options)));
}

TEST_CASE("the agent as a program stops on SIGTERM") {
  EmptyDiscovery service;
  ControlPlane plane(&service);
  TemporaryDirectory directory;
  const auto result = directory.path("result"), workDir = directory.path("work");
  SupervisorOptions options;
  options.command = {"/usr/bin/env",
                     "POD_NAME=portal-1",
                     "POD_NAMESPACE=onap",
                     "SERVICE_ACCOUNT=portal",
                     "INSTANCE_IPS=127.0.0.1",
                     "FAIRWAY_DISCOVERY_ADDRESS=" + plane.address,
                     "FAIRWAY_TOKEN_FILE=" + plane.tokenFile({"onap", "portal"}),
                     "FAIRWAY_ROOT_FILE=" + plane.authority->rootsFile(),
                     "FAIRWAY_ENVOY=" FAIRWAY_ENVOY,
                     "FAIRWAY_ENVOY_ADMIN_ADDRESS=127.0.0.1:0",
                     "FAIRWAY_STATUS_ADDRESS=127.0.0.1:0",
                     "FAIRWAY_AGENT_ADDRESS=none",
                     "FAIRWAY_PROMETHEUS_ADDRESS=none",
                     "FAIRWAY_WORK_DIR=" + workDir,
                     "FAIRWAY_DRAIN_TIME=0",
                     "FAIRWAY_TEST_RESULT=" + result,
                     std::filesystem::read_symlink("/proc/self/exe").string(),
                     "[.agent-program]"};
  options.drainTime = 0ms;
  options.killAfter = 60s;
  const auto supervisor = Supervisor::make(options).value();
  std::thread thread([&] { supervisor->run(); });
  CHECK(eventually([&] {
    const auto address = parseAddress(trim(read(workDir + "/status-address")));
    const auto reply = address ? httpRequest(*address, "GET", "/healthz/ready", 5s) : Result<HttpReply>(failure(""));
    return reply && reply->status == 200;
  }));
  CHECK(read(result).empty());
  supervisor->stop();
  thread.join();
  CHECK(read(result) == std::to_string(agentStopped));
  CHECK(std::filesystem::is_empty(workDir));
}

TEST_CASE("incomplete options are refused before anything is started") {
  CHECK(runAgent(AgentOptions{}) == agentFailed);
}
