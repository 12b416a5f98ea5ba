#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "control/gateway_api_writer.h"
#include "control/root_config_maps.h"
#include "control/status_writer.h"
#include "control/writes.h"
#include "kube/mirror.h"

namespace fairway::control {

struct WritersOptions {
  std::string revision;
  std::function<TrustTexts()> trust;  // asked every second or so, from the thread
  std::function<bool()> leading;      // asked before each write
  Pace::Settings pace;
  // Whose statuses are read first, so that those that are right already are not written again. Names are left open.
  std::vector<StatusTarget> statusKinds;
  // What is to be said of Gateway API objects and made for Gateways; asked like `trust`. Null: not known yet.
  std::function<std::shared_ptr<const model::GatewayApi>()> gatewayApi{};
};

// What one replica writes into the cluster for all of them, while it leads: the root ConfigMaps, the caBundles of the
// webhooks, the status of objects, what is made for Gateways. Compares what is there with what has to be, again after every change of either, so
// what somebody edits is put back. Starts on construction; ends, promptly, on destruction. One thread, and one for each
// mirror.
class Writers {
 public:
  // Server and statuses outlive the writers.
  Writers(kube::ApiServer& server, StatusTable& statuses, WritersOptions options);
  ~Writers();
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;

 private:
  void run(const std::stop_token& stop);
  void readStatuses(const std::stop_token& stop);
  // What the mirrors and what is to be trusted call for; anew only if one has changed.
  std::vector<Write> plan();
  // False: the leadership is over.
  bool make(const Write& write, const std::stop_token& stop);
  kube::ApiResult<std::string> send(const Write& write, const std::stop_token& stop);
  void taken(const Write& write, const std::string& answer);
  void wake();

  kube::ApiServer& server_;
  StatusTable& statuses_;
  const WritersOptions options_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool dirty_ = true;  // guarded by mutex_

  // Of the thread.
  Pace pace_;
  FailureLog failures_;
  std::vector<Write> planned_;
  TrustTexts trust_;  // that was planned with
  std::vector<StatusTarget> ingressTargets_;
  std::shared_ptr<const model::GatewayApi> gatewayApiWanted_;  // that was planned with

  kube::Mirror namespaces_, configMaps_, mutating_, validating_, ingresses_, ingressClasses_, services_;
  GatewayApiWriter gatewayApi_;
  std::jthread thread_;  // last: joined before anything else goes
};

}  // namespace fairway::control
