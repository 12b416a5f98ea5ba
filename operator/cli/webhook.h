#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>

#include "api/mesh_config.h"
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

// The answers to admission reviews: POST /inject and /validate. The settings' file is read again when it has changed;
// one with errors is told to the log, and what was in effect stays. Thread-safe.
class Webhook {
 public:
  explicit Webhook(WebhookOptions options);

  [[nodiscard]] console::Response answer(const console::Request& request);
  // Why no pod can be injected now; empty if pods can be. A replica that starts with such settings is not to be ready:
  // so a rollout of broken settings stops at its first pod.
  [[nodiscard]] std::string problem();

 private:
  Result<void> refresh();  // with mutex_ held
  console::Response inject(const console::Request& request);

  using Stamp = std::tuple<dev_t, ino_t, off_t, time_t, long>;  // which content of a file
  const WebhookOptions options_;
  std::mutex mutex_;
  std::optional<Stamp> stamp_;                        // of the content that was looked at last
  std::shared_ptr<const inject::Settings> settings_;  // in effect
  std::string problem_;                               // why there are none
  std::optional<bool> nativeSidecars_;
};

// Whether the answer to GET /version is of Kubernetes 1.29 or newer.
Result<bool> runsNativeSidecars(std::string_view version);

}  // namespace fairway::cli
