#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/mesh_config.h"
#include "api/proxy_config.h"
#include "engine/engine.h"
#include "identity/tokens.h"
#include "kube/source.h"

namespace fairway::cli {

// Between a source's threads and the engine: hands objects on, tells the log about faulty ones once per
// content, and keeps the list of service accounts that pods run as. Settings of the mesh that have errors are
// replaced by the last ones that had none: what is computed from objects depends on these alone.
class EngineSink final : public kube::Sink {
 public:
  struct Options {
    // False where the source itself reports faults, with file and line.
    bool logProblems = true;
    // Called, on a source's thread, when a pod with another service account has come or the last one has gone.
    std::function<void(const std::set<identity::ServiceAccount>&)> onAccounts;
    // A caller that shows no pod has the labels of its account's pods, where they all have the same.
    bool labelsByAccount = false;
    std::string clusterId{};  // in the labels of workloads
    // Called, on a source's thread, when objects need the keys of other issuers: where they are, and how long to wait.
    std::function<void(const std::map<std::string, std::chrono::milliseconds>&)> onKeySets{};
  };
  EngineSink(engine::Engine& engine, Options options) : engine_(engine), options_(std::move(options)) {}

  void replace(api::Kind kind, std::vector<api::ObjectPtr> objects) override;
  void upsert(api::ObjectPtr object) override;
  void remove(api::Kind kind, api::NamespacedName name) override;
  void together(const std::function<void()>& hand) override { engine_.together(hand); }

  [[nodiscard]] std::set<identity::ServiceAccount> accounts() const;
  // What the CA says of a caller: workloadDescription() of its pod. Nothing: there is no such pod, or it runs as another account,
  // and none has come in this time, either.
  [[nodiscard]] std::optional<std::string> describe(
      const identity::Caller& caller, std::chrono::milliseconds wait = std::chrono::milliseconds::zero()) const;
  // For the injection of pods, which asks at any time.
  [[nodiscard]] std::vector<std::shared_ptr<const api::ProxyConfig>> proxyConfigs() const;
  // Of the settings of the mesh in this ConfigMap, the last ones without errors.
  [[nodiscard]] api::MeshConfigSpec::ProxyDefaults proxyDefaults(const api::NamespacedName& mesh) const;

 private:
  void report(const api::Object& object);
  api::ObjectPtr withGoodSettings(api::ObjectPtr object);
  void trackProxyConfig(const api::NamespacedName& name, api::ObjectPtr object);
  void trackPod(const api::NamespacedName& name, const api::Object* pod);
  [[nodiscard]] std::optional<std::string> described(const identity::Caller& caller) const;
  void announceAccounts(const std::set<identity::ServiceAccount>& before);
  void trackKeySets(api::Kind kind, const api::NamespacedName& name, const api::Object* object);
  void announceKeySets();

  engine::Engine& engine_;
  const Options options_;
  mutable std::mutex mutex_;
  mutable std::condition_variable podsChanged_;
  std::map<std::pair<api::Kind, api::NamespacedName>, api::Problems> reported_;
  struct PodOwner {
    identity::ServiceAccount account;
    std::string description;
  };
  std::map<api::NamespacedName, PodOwner> pods_;
  std::map<api::NamespacedName, api::ConfigMapSpec> goodSettings_;
  std::map<api::NamespacedName, std::shared_ptr<const api::ProxyConfig>> proxyConfigs_;
  std::map<std::pair<api::Kind, api::NamespacedName>, std::map<std::string, api::Duration>> keySets_;
  std::mutex announcing_;  // one at a time, so that the last one told is the last one known
};

}  // namespace fairway::cli
