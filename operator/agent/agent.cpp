#include "agent/agent.h"

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <random>
#include <thread>

#include <unistd.h>
#include <nlohmann/json.hpp>

#include "agent/bootstrap.h"
#include "agent/certificate_manager.h"
#include "agent/connections.h"
#include "agent/drain.h"
#include "agent/endpoints.h"
#include "agent/envoy_admin.h"
#include "agent/envoy_command.h"
#include "agent/http_server.h"
#include "agent/log.h"
#include "agent/machine_client.h"
#include "agent/process_usage.h"
#include "agent/sds_server.h"
#include "agent/span_environment.h"
#include "agent/statsd.h"
#include "agent/supervisor.h"
#include "agent/validate.h"
#include "agent/work_dir.h"
#include "base/strings.h"
#include "identity/files.h"

namespace fairway::agent {
namespace {

constexpr std::chrono::milliseconds kDrainPoll{100};
constexpr std::chrono::milliseconds kStatsdLookup{3000};
// Envoy starts this much later at worst, when the control plane does not tell whether there are patches of its bootstrap.
constexpr std::chrono::milliseconds kPatchesLimit{5000};
constexpr std::chrono::milliseconds kValidation{10'000};
constexpr std::chrono::hours kUnlimited{24 * 365};
// Answers at once. Health has its own: neither slow probes of the app nor scrapes may hold it up.
constexpr unsigned kControlThreads = 4, kHealthThreads = 2, kAgentThreads = 8;

// Numbers in [0, 1) for one thread.
std::function<double()> randomNumbers() {
  auto engine = std::make_shared<std::mt19937_64>(std::random_device{}());
  return [engine] { return std::uniform_real_distribution<double>(0, 1)(*engine); };
}

}  // namespace

class Agent::Implementation {
 public:
  Implementation(AgentOptions options, PatchBootstrap patch)
      : options_(std::move(options)),
        patch_(std::move(patch)),
        envoy_(file("envoy-admin-address")),
        drain_(options_, [this](const auto& method, const auto& path) { return envoy_.ask(method, path); }),
        mesh_(ownLabels(options_), options_.metricSeries),
        connections_(mesh_),
        endpoints_(options_, envoy_, mesh_, connections_,
                   {[this] { return readiness(); }, [this] { return facts(); }, [this] { stop(); }}) {}

  int run() {
    const auto failed = [](const Error& error) {
      log().error("agent: {}", error.message);
      return static_cast<int>(agentFailed);
    };
    const auto workDir = WorkDir::open(options_.workDir);
    if (!workDir) return failed(workDir.error());
    auto sds =
        SdsServer::start(file("sds.sock"), [this](const std::string& message) { return connections_.take(message); });
    if (!sds) return failed(sds.error());
    auto supervisor = Supervisor::make(supervisorOptions());
    if (!supervisor) return failed(supervisor.error());
    {
      const std::lock_guard guard(mutex_);
      supervisor_ = supervisor->get();
    }
    const auto code = runWith(**sds, **supervisor);
    {
      const std::lock_guard guard(mutex_);
      supervisor_ = nullptr;
    }
    for (const auto* name : {"bootstrap.json", "envoy-admin-address", "status-address", "agent-address"}) {
      ::unlink(file(name).c_str());
    }
    if (!code) return failed(code.error());
    return *code;
  }

  void stop() {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
    changed_.notify_all();
    if (patches_ != nullptr) patches_->stop();
    if (machine_ != nullptr) machine_->stop();
    if (supervisor_ != nullptr) supervisor_->stop();
  }

 private:
  [[nodiscard]] std::string file(const std::string& name) const { return options_.workDir + "/" + name; }

  // Listens, if there is an address, and writes down where.
  Result<std::unique_ptr<HttpServer>> serve(const std::string& flag, const std::string& address, const char* name,
                                            unsigned threads, HttpServer::Handler handler) {
    if (address.empty()) return nullptr;
    auto started = HttpServer::start({*parseAddress(address), threads}, std::move(handler));
    if (!started) return tl::unexpected(started.error().within(flag));
    const auto where = (*started)->address().toString();
    const auto written = identity::writeFileAtomically(file(name), where + "\n", 0600);
    if (!written) return tl::unexpected(written.error());
    log().info("{}: http://{}", flag.substr(2), where);
    return started;
  }

  Result<int> runWith(SdsServer& sds, Supervisor& supervisor) {
    const auto client = certificateClient({options_.discoveryAddress, serverNameOf(options_), options_.rootFile});
    CertificateManager manager(
        certificateOptions(), *client,
        [this, &sds](const Secrets& secrets) {
          sds.update(secrets);
          const std::lock_guard guard(mutex_);
          secrets_ = secrets;
          hasSecrets_ = true;
          changed_.notify_all();
        },
        randomNumbers());
    {
      const std::lock_guard guard(mutex_);
      manager_ = &manager;
    }
    const auto control = HttpServer::start({{"", 0, file("agent.sock")}, kControlThreads},
                                           [this](const HttpCall& call) { return command(call); });
    if (!control) return tl::unexpected(control.error());
    const auto status = serve("--status-address", options_.statusAddress, "status-address", kHealthThreads,
                              [this](const HttpCall& call) { return endpoints_.health(call); });
    if (!status) return tl::unexpected(status.error());
    const auto agent = serve("--agent-address", options_.agentAddress, "agent-address", kAgentThreads,
                             [this](const HttpCall& call) { return endpoints_.agent(call); });
    if (!agent) return tl::unexpected(agent.error());
    manager.start();
    const auto code = runEnvoy(supervisor);
    const std::lock_guard guard(mutex_);
    stopping_ = true;  // whoever waits for a drain need not any more
    manager_ = nullptr;
    changed_.notify_all();
    return code;
  }

  Result<int> runEnvoy(Supervisor& supervisor) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return hasSecrets_ || stopping_; });
      if (stopping_) return static_cast<int>(agentStopped);
    }
    const auto machine = joinAsMachine();
    const auto forgetMachine = [](Implementation* self) {
      const std::lock_guard guard(self->mutex_);
      self->machine_ = nullptr;
    };
    const std::unique_ptr<Implementation, decltype(forgetMachine)> leaves(this, forgetMachine);
    const auto own = bootstrap(options_, file("sds.sock"), statsdServer());
    const auto patches = askForPatches(own);
    const auto forget = [](Implementation* self) {
      const std::lock_guard guard(self->mutex_);
      self->patches_ = nullptr;
    };
    const std::unique_ptr<Implementation, decltype(forget)> atEnd(this, forget);
    const auto text = patches ? patched(own, *patches) : own;
    {
      const std::lock_guard guard(mutex_);
      if (stopping_) return static_cast<int>(agentStopped);
    }
    const auto written = identity::writeFileAtomically(file("bootstrap.json"), text, 0600);
    if (!written) return tl::unexpected(written.error());
    return static_cast<int>(supervisor.run() == Supervisor::End::crashed ? agentCrashed : agentStopped);
  }

  // Null: it is a pod's.
  std::unique_ptr<MachineClient> joinAsMachine() {
    if (options_.autoRegisterGroup.empty()) return nullptr;
    MachineOptions machine{{options_.discoveryAddress, serverNameOf(options_), options_.rootFile},
                           options_.autoRegisterGroup,
                           options_.ips.front(),
                           appSide(options_),
                           options_.probeCommands};
    auto client = std::make_unique<MachineClient>(std::move(machine), [this] {
      const std::lock_guard guard(mutex_);
      return secrets_;
    });
    const std::lock_guard guard(mutex_);
    machine_ = client.get();
    if (stopping_) client->stop();
    return client;
  }

  // Null: nobody is asked.
  std::unique_ptr<BootstrapPatches> askForPatches(const std::string& own) {
    if (!patch_ || !options_.bootstrapPatches) return nullptr;
    const auto judge = [this, own](const BootstrapParts& parts) -> Result<void> {
      const auto text = patch_(own, parts);
      if (!text) return tl::unexpected(text.error());
      const auto candidate = file("bootstrap-candidate.json");
      const auto written = identity::writeFileAtomically(candidate, *text, 0600);
      if (!written) return tl::unexpected(written.error());
      auto verdict = validateBootstrap(options_.envoy, candidate, kValidation, [this] {
        const std::lock_guard guard(mutex_);
        return stopping_;
      });
      ::unlink(candidate.c_str());
      return verdict;
    };
    auto patches = std::make_unique<BootstrapPatches>(
        ControlPlaneAddress{options_.discoveryAddress, serverNameOf(options_), options_.rootFile},
        nlohmann::json::parse(own).at("node").dump(),
        [this] {
          const std::lock_guard guard(mutex_);
          return secrets_;
        },
        judge);
    const std::lock_guard guard(mutex_);
    patches_ = patches.get();
    if (stopping_) patches->stop();
    return patches;
  }

  // What EnvoyFilters say is for comfort, not for safety: without it the proxy starts nevertheless.
  std::string patched(const std::string& own, BootstrapPatches& patches) {
    const auto answer = patches.wait(kPatchesLimit);
    if (!answer.problem.empty()) {
      log().warn("patches of the bootstrap (EnvoyFilter) are not known: {}; Envoy starts {}", answer.problem,
                 answer.parts.empty() ? "without any" : "with those known");
    }
    for (const auto& [name, why] : answer.refused) log().warn("patch {} of the bootstrap is left out: {}", name, why);
    auto text = answer.parts.empty() ? Result<std::string>(own) : patch_(own, answer.parts);
    if (!text) log().error("patches of the bootstrap are left out: {}", text.error().message);
    const std::lock_guard guard(mutex_);
    bootstrapParts_ = text ? answer.parts.size() : 0;
    bootstrapRefused_ = answer.refused.size();
    return text ? *text : own;
  }

  // Who listens to statistics must not keep a pod from starting.
  std::optional<Address> statsdServer() {
    if (options_.statsdAddress.empty()) return std::nullopt;
    const auto server = resolveStatsd(options_.statsdAddress, kStatsdLookup);
    const std::lock_guard guard(mutex_);
    sendsStatistics_ = server.has_value();
    if (server) return *server;
    spdlog::warn("statsd: {}; Envoy runs without that server until the pod is replaced", server.error().message);
    return std::nullopt;
  }

  [[nodiscard]] CertificateManagerOptions certificateOptions() const {
    CertificateManagerOptions wanted;
    wanted.id = {options_.trustDomain, {options_.podNamespace, options_.serviceAccount}};
    wanted.tokenFile = options_.tokenFile;
    wanted.rootFile = options_.rootFile;
    wanted.validity = options_.certificateTtl;
    return wanted;
  }

  // The longest that a drain takes.
  [[nodiscard]] std::chrono::seconds drainLimit() const {
    return options_.exitOnZeroConnections && options_.drainTime.count() > 0 ? kUnlimited : options_.drainTime;
  }

  SupervisorOptions supervisorOptions() {
    SupervisorOptions options;
    options.command = envoyCommand(options_, file("bootstrap.json"), file("envoy-admin-address"));
    const auto* attributes = std::getenv("OTEL_RESOURCE_ATTRIBUTES");
    options.environment = spanEnvironment(options_, attributes == nullptr ? "" : attributes);
    options.drainTime = drainLimit();
    options.beforeStart = [this] {
      ::unlink(file("envoy-admin-address").c_str());
      connections_.envoyEnded();
      mesh_.envoyEnded();
    };
    options.drain = [this] { drain_.start(); };
    // The app may make calls until its own end: those count, too.
    options.drained = [this] { return drain_.over(Traffic::all); };
    return options;
  }

  // On the socket in the work directory, which only the agent's user can reach.
  HttpReply command(const HttpCall& call) {
    if (call.path == "/healthz/ready" && call.method == "GET") return readiness();
    if (call.path == "/drain" && call.method == "POST") return drain();
    return {404, "served here: GET /healthz/ready, POST /drain\n"};
  }

  HttpReply drain() {
    const auto limit = drainLimit();
    const auto deadline = Drain::Clock::now() + limit;
    std::unique_lock lock(mutex_);
    if (!hasSecrets_ || stopping_ || limit.count() == 0) return {200, "there is nothing to drain\n"};
    log().info("draining, for at most {} s", limit.count());
    draining_ = true;
    for (;;) {
      lock.unlock();
      drain_.start();
      const bool over = drain_.over(Traffic::inbound);
      const bool late = Drain::Clock::now() >= deadline;
      lock.lock();
      if (over || stopping_) break;
      if (late) {
        log().warn("requests are still under way after {} s of draining (--drain-time)", limit.count());
        return {200, "the drain time is over\n"};
      }
      changed_.wait_for(lock, kDrainPoll);
    }
    log().info("drained");
    return {200, "drained\n"};
  }

  // Envoy is LIVE once it has its first clusters and listeners: the bootstrap sets no limit on waiting for them.
  HttpReply readiness() {
    {
      const std::lock_guard guard(mutex_);
      if (stopping_) return {503, "the proxy is shutting down\n"};
      if (draining_) return {503, "the proxy is draining\n"};
      if (!hasSecrets_) {
        const auto problem = manager_ == nullptr ? std::string() : manager_->status().problem;
        return {503, "the proxy has no certificate yet" + (problem.empty() ? "" : ": " + problem) + "\n"};
      }
    }
    const auto reply = envoy_.ask("GET", "/ready");
    if (!reply) return {503, reply.error().message + "\n"};
    if (reply->status != 200) return {503, "Envoy is not ready: " + std::string(trim(reply->body)) + "\n"};
    const std::lock_guard guard(mutex_);
    if (readyAfter_ == 0) {
      readyAfter_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
      log().info("ready {:.2f} s after the start", readyAfter_);
    }
    return {200, "ready\n"};
  }

  AgentFacts facts() {
    const std::lock_guard guard(mutex_);
    AgentFacts facts;
    if (manager_ != nullptr) facts.certificate = manager_->status();
    if (supervisor_ != nullptr) {
      facts.envoyStarts = supervisor_->starts();
      if (const auto pid = supervisor_->child(); pid > 0) facts.envoyUsage = processUsage(std::to_string(pid));
    }
    facts.readyAfterSeconds = readyAfter_;
    facts.sendsStatistics = sendsStatistics_;
    facts.bootstrapPatches = bootstrapParts_;
    facts.bootstrapPatchesRefused = bootstrapRefused_;
    return facts;
  }

  const AgentOptions options_;
  const PatchBootstrap patch_;
  const EnvoyAdmin envoy_;
  Drain drain_;
  MeshMetrics mesh_;
  Connections connections_;
  Endpoints endpoints_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  std::condition_variable changed_;
  bool hasSecrets_ = false, stopping_ = false, draining_ = false;  // guarded by mutex_
  double readyAfter_ = 0;                                          // seconds; guarded by mutex_
  std::optional<bool> sendsStatistics_;                            // guarded by mutex_; see AgentFacts
  std::size_t bootstrapParts_ = 0, bootstrapRefused_ = 0;          // guarded by mutex_; see AgentFacts
  Secrets secrets_;                                                // guarded by mutex_
  Supervisor* supervisor_ = nullptr;                               // guarded by mutex_; set while run() has one
  CertificateManager* manager_ = nullptr;                          // guarded by mutex_; likewise
  MachineClient* machine_ = nullptr;                               // guarded by mutex_; likewise
  BootstrapPatches* patches_ = nullptr;                            // guarded by mutex_; likewise
};

Agent::Agent(AgentOptions options, PatchBootstrap patch)
    : implementation_(std::make_unique<Implementation>(std::move(options), std::move(patch))) {}
Agent::~Agent() = default;
int Agent::run() { return implementation_->run(); }
void Agent::stop() { implementation_->stop(); }

int runAgent(AgentOptions options, Agent::PatchBootstrap patch) {
  if (auto completed = complete(options); !completed) {
    log().error("agent: {}", completed.error().message);
    return agentFailed;
  }
  sigset_t signals, before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, &before);
  std::signal(SIGPIPE, SIG_IGN);

  Agent agent(std::move(options), std::move(patch));
  std::atomic<bool> over{false};
  std::thread listener([&] {
    int signal = 0;
    while (sigwait(&signals, &signal) == 0 && !over) {
      log().info("signal {}: stopping", signal == SIGTERM ? "SIGTERM" : "SIGINT");
      agent.stop();
    }
  });
  const int code = agent.run();
  over = true;
  pthread_kill(listener.native_handle(), SIGTERM);
  listener.join();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return code;
}

}  // namespace fairway::agent
