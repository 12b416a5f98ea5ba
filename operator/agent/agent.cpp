#include "agent/agent.h"

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <random>
#include <thread>

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "agent/bootstrap.h"
#include "agent/certificate_manager.h"
#include "agent/http.h"
#include "agent/sds_server.h"
#include "agent/supervisor.h"
#include "base/strings.h"
#include "identity/files.h"

namespace fairway::agent {
namespace {

constexpr std::chrono::milliseconds kAdminTimeout{2000};

// Numbers in [0, 1) for one thread.
std::function<double()> randomNumbers() {
  auto engine = std::make_shared<std::mt19937_64>(std::random_device{}());
  return [engine] { return std::uniform_real_distribution<double>(0, 1)(*engine); };
}

}  // namespace

class Agent::Implementation {
 public:
  explicit Implementation(AgentOptions options) : options_(std::move(options)) {}

  int run() {
    const auto failed = [](const Error& error) {
      spdlog::error("agent: {}", error.message);
      return static_cast<int>(agentFailed);
    };
    if (auto made = identity::makePrivateDirectory(options_.workDir); !made) return failed(made.error());
    auto sds = SdsServer::start(file("sds.sock"));
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
    for (const auto* name : {"bootstrap.json", "envoy-admin-address", "status-address"}) ::unlink(file(name).c_str());
    if (!code) return failed(code.error());
    return *code;
  }

  void stop() {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
    changed_.notify_all();
    if (supervisor_ != nullptr) supervisor_->stop();
  }

 private:
  [[nodiscard]] std::string file(const std::string& name) const { return options_.workDir + "/" + name; }

  Result<int> runWith(SdsServer& sds, Supervisor& supervisor) {
    std::unique_ptr<HttpServer> status;
    if (!options_.statusAddress.empty()) {
      auto started = HttpServer::start(*parseAddress(options_.statusAddress),
                                       [this](const std::string& path) { return probe(path); });
      if (!started) return tl::unexpected(started.error().within("--status-address"));
      status = std::move(*started);
      const auto written =
          identity::writeFileAtomically(file("status-address"), status->address().toString() + "\n", 0600);
      if (!written) return tl::unexpected(written.error());
      spdlog::info("health is served at http://{}/healthz/ready", status->address().toString());
    }
    const auto client = certificateClient({options_.discoveryAddress, serverNameOf(options_), options_.rootFile});
    CertificateManagerOptions wanted;
    wanted.id = {options_.trustDomain, {options_.podNamespace, options_.serviceAccount}};
    wanted.tokenFile = options_.tokenFile;
    wanted.validity = options_.certificateTtl;
    CertificateManager manager(
        wanted, *client,
        [this, &sds](const Secrets& secrets) {
          sds.update(secrets);
          const std::lock_guard guard(mutex_);
          hasSecrets_ = true;
          changed_.notify_all();
        },
        randomNumbers());
    manager.start();
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return hasSecrets_ || stopping_; });
      if (stopping_) return static_cast<int>(agentStopped);
    }
    const auto written =
        identity::writeFileAtomically(file("bootstrap.json"), bootstrap(options_, file("sds.sock")), 0600);
    if (!written) return tl::unexpected(written.error());
    switch (supervisor.run()) {
      case Supervisor::End::crashed: return static_cast<int>(agentCrashed);
      case Supervisor::End::stopped:
      case Supervisor::End::exited: break;
    }
    return static_cast<int>(agentStopped);
  }

  SupervisorOptions supervisorOptions() {
    SupervisorOptions options;
    const auto drainSeconds = std::max<std::int64_t>(1, options_.drainTime.count());
    options.command = {options_.envoy,
                       "--config-path",
                       file("bootstrap.json"),
                       "--admin-address-path",
                       file("envoy-admin-address"),
                       "--disable-hot-restart",
                       "--drain-strategy",
                       "immediate",
                       "--drain-time-s",
                       std::to_string(drainSeconds),
                       "--log-level",
                       options_.logLevel};
    if (options_.concurrency > 0) {
      options.command.insert(options.command.end(), {"--concurrency", std::to_string(options_.concurrency)});
    }
    options.drainTime = options_.drainTime;
    options.beforeStart = [this] { ::unlink(file("envoy-admin-address").c_str()); };
    options.drain = [this] {
      const auto reply = askEnvoy("POST", "/drain_listeners?graceful");
      if (!reply || reply->status != 200) {
        spdlog::warn("Envoy could not be told to drain: {}",
                     reply ? "status " + std::to_string(reply->status) : reply.error().message);
      }
    };
    return options;
  }

  Result<HttpReply> askEnvoy(const std::string& method, const std::string& target) const {
    const auto text = identity::readFile(file("envoy-admin-address"), 256);
    if (!text) return failure("Envoy does not listen yet");
    const auto address = parseAddress(trim(*text));
    if (!address) return tl::unexpected(address.error());
    return httpRequest(*address, method, target, kAdminTimeout);
  }

  // Envoy is LIVE once it has its first clusters and listeners: the bootstrap sets no limit on waiting for them.
  HttpReply probe(const std::string& path) {
    if (path != "/healthz/ready") return {404, "only /healthz/ready is served here\n"};
    {
      const std::lock_guard guard(mutex_);
      if (stopping_) return {503, "the proxy is shutting down\n"};
      if (!hasSecrets_) return {503, "the proxy has no certificate yet\n"};
    }
    const auto reply = askEnvoy("GET", "/ready");
    if (!reply) return {503, reply.error().message + "\n"};
    if (reply->status != 200) return {503, "Envoy is not ready: " + std::string(trim(reply->body)) + "\n"};
    return {200, "ready\n"};
  }

  const AgentOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool hasSecrets_ = false, stopping_ = false;  // guarded by mutex_
  Supervisor* supervisor_ = nullptr;            // guarded by mutex_; set while run() has one
};

Agent::Agent(AgentOptions options) : implementation_(std::make_unique<Implementation>(std::move(options))) {}
Agent::~Agent() = default;
int Agent::run() { return implementation_->run(); }
void Agent::stop() { implementation_->stop(); }

int runAgent(AgentOptions options) {
  if (auto completed = complete(options); !completed) {
    spdlog::error("agent: {}", completed.error().message);
    return agentFailed;
  }
  sigset_t signals, before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, &before);
  std::signal(SIGPIPE, SIG_IGN);

  Agent agent(std::move(options));
  std::atomic<bool> over{false};
  std::thread listener([&] {
    int signal = 0;
    while (sigwait(&signals, &signal) == 0 && !over) {
      spdlog::info("signal {}: stopping", signal == SIGTERM ? "SIGTERM" : "SIGINT");
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
