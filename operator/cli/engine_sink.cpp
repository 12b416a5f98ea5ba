#include "cli/engine_sink.h"

#include <spdlog/spdlog.h>

#include "api/codec.h"
#include "api/core.h"
#include "api/key_set_url.h"
#include "base/workload_labels.h"

namespace fairway::cli {

namespace {

bool mayNeedKeys(api::Kind kind) {
  return kind == api::Kind::request_authentication || kind == api::Kind::policy || kind == api::Kind::mesh_policy;
}

}  // namespace

void EngineSink::replace(api::Kind kind, std::vector<api::ObjectPtr> objects) {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& object : objects) report(*object);
  }
  if (kind == api::Kind::pod) {
    const auto before = accounts();
    {
      const std::lock_guard lock(mutex_);
      pods_.clear();
      for (const auto& object : objects) trackPod(object->meta.key(), object.get());
    }
    podsChanged_.notify_all();
    announceAccounts(before);
  }
  if (kind == api::Kind::proxy_config) {
    const std::lock_guard lock(mutex_);
    proxyConfigs_.clear();
    for (const auto& object : objects) trackProxyConfig(object->meta.key(), object);
  }
  if (kind == api::Kind::config_map) {
    std::set<api::NamespacedName> names;
    for (auto& object : objects) {
      names.insert(object->meta.key());
      object = withGoodSettings(std::move(object));
    }
    const std::lock_guard lock(mutex_);
    std::erase_if(goodSettings_, [&](const auto& entry) { return !names.contains(entry.first); });
  }
  if (mayNeedKeys(kind)) {
    {
      const std::lock_guard lock(mutex_);
      std::erase_if(keySets_, [&](const auto& entry) { return entry.first.first == kind; });
    }
    for (const auto& object : objects) trackKeySets(kind, object->meta.key(), object.get());
    announceKeySets();
  }
  engine_.replace(kind, std::move(objects));
}

void EngineSink::upsert(api::ObjectPtr object) {
  {
    const std::lock_guard lock(mutex_);
    report(*object);
  }
  if (object->kind == api::Kind::pod) {
    const auto before = accounts();
    {
      const std::lock_guard lock(mutex_);
      trackPod(object->meta.key(), object.get());
    }
    podsChanged_.notify_all();
    announceAccounts(before);
  }
  if (object->kind == api::Kind::proxy_config) {
    const std::lock_guard lock(mutex_);
    trackProxyConfig(object->meta.key(), object);
  }
  if (object->kind == api::Kind::config_map) object = withGoodSettings(std::move(object));
  if (mayNeedKeys(object->kind)) {
    trackKeySets(object->kind, object->meta.key(), object.get());
    announceKeySets();
  }
  engine_.upsert(std::move(object));
}

void EngineSink::remove(api::Kind kind, api::NamespacedName name) {
  {
    const std::lock_guard lock(mutex_);
    reported_.erase({kind, name});
    if (kind == api::Kind::config_map) goodSettings_.erase(name);
    if (kind == api::Kind::proxy_config) trackProxyConfig(name, nullptr);
  }
  if (kind == api::Kind::pod) {
    const auto before = accounts();
    {
      const std::lock_guard lock(mutex_);
      trackPod(name, nullptr);
    }
    announceAccounts(before);
  }
  if (mayNeedKeys(kind)) {
    trackKeySets(kind, name, nullptr);
    announceKeySets();
  }
  engine_.remove(kind, std::move(name));
}

std::set<identity::ServiceAccount> EngineSink::accounts() const {
  const std::lock_guard lock(mutex_);
  std::set<identity::ServiceAccount> result;
  for (const auto& [name, pod] : pods_) result.insert(pod.account);
  return result;
}

std::optional<std::string> EngineSink::describe(const identity::Caller& caller, std::chrono::milliseconds wait) const {
  std::unique_lock lock(mutex_);
  std::optional<std::string> result;
  podsChanged_.wait_for(lock, wait, [&] { return (result = described(caller)).has_value(); });
  return result;
}

// With mutex_ held.
std::optional<std::string> EngineSink::described(const identity::Caller& caller) const {
  if (!caller.pod.empty()) {
    const auto pod = pods_.find({caller.ns, caller.pod});
    if (pod == pods_.end() || pod->second.account != caller) return std::nullopt;
    return pod->second.description;
  }
  if (!options_.labelsByAccount) return std::nullopt;
  std::optional<std::string> result;
  const auto begin = pods_.lower_bound({caller.ns, {}});
  for (auto pod = begin; pod != pods_.end() && pod->first.ns == caller.ns; ++pod) {
    if (pod->second.account != caller) continue;
    if (result && *result != pod->second.description) return std::nullopt;
    result = pod->second.description;
  }
  return result;
}

std::vector<std::shared_ptr<const api::ProxyConfig>> EngineSink::proxyConfigs() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const api::ProxyConfig>> result;
  for (const auto& [name, config] : proxyConfigs_) result.push_back(config);
  return result;
}

api::MeshConfigSpec::ProxyDefaults EngineSink::proxyDefaults(const api::NamespacedName& mesh) const {
  const std::lock_guard lock(mutex_);
  const auto found = goodSettings_.find(mesh);
  return found == goodSettings_.end() || !found->second.mesh ? api::MeshConfigSpec::ProxyDefaults()
                                                             : found->second.mesh->proxyDefaults;
}

void EngineSink::report(const api::Object& object) {
  if (!options_.logProblems) return;
  if (object.problems.empty()) {  // nearly all: they are not kept
    if (!reported_.empty()) reported_.erase({object.kind, object.meta.key()});
    return;
  }
  auto& known = reported_[{object.kind, object.meta.key()}];
  if (known == object.problems) return;
  for (const auto& problem : object.problems) {
    const auto level = problem.severity == api::Problem::Severity::error ? spdlog::level::err : spdlog::level::warn;
    spdlog::log(level, "{} {} {}: {}", api::kindInfo(object.kind).name, object.meta.key().toString(), problem.field,
                problem.message);
  }
  known = object.problems;
}

api::ObjectPtr EngineSink::withGoodSettings(api::ObjectPtr object) {
  const std::lock_guard lock(mutex_);
  const auto& map = static_cast<const api::ConfigMap&>(*object);
  if (map.valid()) {
    goodSettings_[map.meta.key()] = map.spec;
    return object;
  }
  const auto good = goodSettings_.find(map.meta.key());
  if (good == goodSettings_.end()) return object;
  auto copy = std::make_shared<api::ConfigMap>(map);
  copy->spec = good->second;
  return copy;
}

// With mutex_ held.
void EngineSink::trackProxyConfig(const api::NamespacedName& name, api::ObjectPtr object) {
  if (object == nullptr) {
    proxyConfigs_.erase(name);
  } else {
    proxyConfigs_[name] = std::static_pointer_cast<const api::ProxyConfig>(std::move(object));
  }
}

void EngineSink::trackPod(const api::NamespacedName& name, const api::Object* pod) {
  if (pod == nullptr) {
    pods_.erase(name);
    return;
  }
  const auto& spec = static_cast<const api::Pod*>(pod)->spec;
  pods_[name] = {{name.ns, spec.serviceAccountName},
                 workloadDescription(workloadLabels(spec.workload.empty() ? name.name : spec.workload, pod->meta.labels,
                                                    options_.clusterId))};
}

void EngineSink::trackKeySets(api::Kind kind, const api::NamespacedName& name, const api::Object* object) {
  auto urls = object == nullptr ? std::map<std::string, api::Duration>() : api::keySetUrls(*object);
  const std::lock_guard lock(mutex_);
  if (urls.empty()) {
    keySets_.erase({kind, name});
  } else {
    keySets_[{kind, name}] = std::move(urls);
  }
}

void EngineSink::announceKeySets() {
  if (!options_.onKeySets) return;
  const std::lock_guard announcing(announcing_);
  std::map<std::string, std::chrono::milliseconds> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [object, urls] : keySets_) {
      for (const auto& [url, timeout] : urls) {
        auto& longest = all[url];
        longest = std::max(longest, std::chrono::ceil<std::chrono::milliseconds>(timeout));
      }
    }
  }
  options_.onKeySets(all);
}

void EngineSink::announceAccounts(const std::set<identity::ServiceAccount>& before) {
  if (!options_.onAccounts) return;
  const auto after = accounts();
  if (after != before) options_.onAccounts(after);
}

}  // namespace fairway::cli
