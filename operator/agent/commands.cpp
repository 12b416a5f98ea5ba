#include "agent/commands.h"

#include <thread>

#include "agent/http_client.h"
#include "agent/log.h"
#include "base/strings.h"
#include "identity/files.h"

namespace fairway::agent {
namespace {

constexpr std::chrono::milliseconds kPoll{50};
constexpr std::chrono::seconds kOneAnswer{5};

Address socketOf(const std::string& workDir) { return {"", 0, workDir + "/agent.sock"}; }

}  // namespace

Result<void> waitReady(const std::string& workDir, std::chrono::seconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto reply = httpRequest(socketOf(workDir), "GET", "/healthz/ready", kOneAnswer);
    if (reply && reply->status == 200) return {};
    if (std::chrono::steady_clock::now() >= deadline) {
      return failure("the proxy is not ready after " + std::to_string(timeout.count()) +
                     " s: " + (reply ? std::string(trim(reply->body)) : reply.error().message));
    }
    std::this_thread::sleep_for(kPoll);
  }
}

Result<void> drainProxy(const std::string& workDir) {
  const auto socket = socketOf(workDir);
  if (!identity::fileExists(socket.unixPath)) {
    log().info("no agent runs in {}: there is nothing to drain", workDir);
    return {};
  }
  // The agent knows its limit; Kubernetes' grace period ends it all.
  const auto reply = httpRequest(socket, "POST", "/drain", std::chrono::hours(24 * 365));
  if (!reply) return tl::unexpected(reply.error());
  if (reply->status != 200) return failure(std::string(trim(reply->body)));
  log().info("{}", trim(reply->body));
  return {};
}

}  // namespace fairway::agent
