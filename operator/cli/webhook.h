#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>

#include "api/mesh_config.h"
#include "api/object.h"
#include "base/histogram.h"
#include "base/result.h"
#include "console/http_server.h"
#include "inject/proxy_config.h"
#include "inject/settings.h"

namespace fairway::cli {

struct WebhookOptions {
  std::string injectionConfig;  // the file of --injection-config; empty: none, the defaults
  std::string revision;         // "default" or a name; of the defaults
  std::string rootNamespace;    // of the defaults
  // Whether the API server's nodes run native sidecars (1.29 and newer). Asked until it has an answer, then no more.
  std::function<Result<bool>()> nativeSidecars;
  // The ProxyConfigs as they are known. A cache: one that is made in the same moment as a pod may come too late for it.
  std::function<inject::ProxyConfigs()> proxyConfigs{};
  // What the mesh's settings say of all proxies; weaker than the settings of injection.
  std::function<api::MeshConfigSpec::ProxyDefaults()> proxyDefaults{};
};

// Since the start.
struct WebhookStats {
  std::uint64_t injected = 0, skipped = 0;
  std::uint64_t refused = 0;  // pods that were not admitted, and requests that could not be answered
  Histogram::Values injectionSeconds;
  // Of our kinds, by version and kind; dry runs do not count.
  struct Validated {
    std::uint64_t passed = 0, failed = 0;
  };
  std::map<std::pair<api::Kind, std::string>, Validated> validated;
  std::uint64_t unreadableReviews = 0;
};

// The answers to admission reviews: POST /inject and /validate. The settings' file is read again when it has changed;
// one with errors is told to the log, and what was in effect stays. Thread-safe.
class Webhook {
 public:
  explicit Webhook(WebhookOptions options);

  [[nodiscard]] console::Response answer(const console::Request& request);
  // Why no pod can be injected now; empty if pods can be. A replica that starts with such settings is not to be ready:
  // so a rollout of broken settings stops at its first pod.
  [[nodiscard]] std::string problem();
  [[nodiscard]] WebhookStats stats() const;

 private:
  Result<void> refresh();  // with mutex_ held
  console::Response inject(const console::Request& request);
  console::Response validate(const console::Request& request);

  using Stamp = std::tuple<dev_t, ino_t, off_t, time_t, long>;  // which content of a file
  const WebhookOptions options_;
  std::mutex mutex_;
  std::optional<Stamp> stamp_;                        // of the content that was looked at last
  std::shared_ptr<const inject::Settings> settings_;  // in effect
  std::string problem_;                               // why there are none
  std::optional<bool> nativeSidecars_;
  std::atomic<std::uint64_t> injected_{0}, skipped_{0}, refused_{0};
  Histogram injectionTimes_{.0005, .001, .002, .005, .01, .05, .1, .5, 1, 5};
  mutable std::mutex validatedMutex_;
  std::map<std::pair<api::Kind, std::string>, WebhookStats::Validated> validated_;
  std::uint64_t unreadableReviews_ = 0;  // guarded by validatedMutex_
};

// Whether the answer to GET /version is of Kubernetes 1.29 or newer.
Result<bool> runsNativeSidecars(std::string_view version);

}  // namespace fairway::cli
