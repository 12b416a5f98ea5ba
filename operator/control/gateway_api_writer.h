#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "control/writes.h"
#include "kube/mirror.h"
#include "model/gateway_status.h"

namespace fairway::control {

// The Gateway API's part of what the leader writes: statuses, what is made for Gateways, the GatewayClass. The kinds are
// looked for until the API server serves them. Of the writers' thread, but for the mirrors, which have one each.
class GatewayApiWriter {
 public:
  // The server outlives it. `changed` is called from the mirrors' threads.
  GatewayApiWriter(kube::ApiServer& server, std::string revision, std::function<void()> changed);

  // Looks for kinds that were not served so far, now and then.
  void look(const std::stop_token& stop);
  [[nodiscard]] std::vector<Write> plan(const model::GatewayApi& wanted) const;
  // The answer to a write of plan().
  void taken(const Write& write, std::string_view answer);
  void requestStop();

 private:
  using Clock = std::chrono::steady_clock;
  struct Served {
    std::string version;
    std::unique_ptr<kube::Mirror> objects;
  };
  kube::Mirror& start(std::unique_ptr<kube::Mirror>& mirror, kube::Resource resource,
                      std::function<nlohmann::json(const nlohmann::json&)> keep);

  kube::ApiServer& server_;
  const std::string revision_;
  const std::function<void()> changed_;
  Clock::time_point next_{};
  std::map<std::string, Served> kinds_;  // by name
  // Of what is made; once Gateways are served.
  std::unique_ptr<kube::Mirror> deployments_, services_, accounts_;
};

}  // namespace fairway::control
