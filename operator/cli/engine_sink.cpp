#include "cli/engine_sink.h"

#include <spdlog/spdlog.h>

#include "api/codec.h"
#include "api/core.h"

namespace fairway::cli {

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
    announceAccounts(before);
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
    announceAccounts(before);
  }
  if (object->kind == api::Kind::config_map) object = withGoodSettings(std::move(object));
  engine_.upsert(std::move(object));
}

void EngineSink::remove(api::Kind kind, api::NamespacedName name) {
  {
    const std::lock_guard lock(mutex_);
    reported_.erase({kind, name});
    if (kind == api::Kind::config_map) goodSettings_.erase(name);
  }
  if (kind == api::Kind::pod) {
    const auto before = accounts();
    {
      const std::lock_guard lock(mutex_);
      trackPod(name, nullptr);
    }
    announceAccounts(before);
  }
  engine_.remove(kind, std::move(name));
}

std::set<identity::ServiceAccount> EngineSink::accounts() const {
  const std::lock_guard lock(mutex_);
  std::set<identity::ServiceAccount> result;
  for (const auto& [name, account] : pods_) result.insert(account);
  return result;
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

void EngineSink::trackPod(const api::NamespacedName& name, const api::Object* pod) {
  if (pod == nullptr) {
    pods_.erase(name);
    return;
  }
  pods_[name] = {name.ns, static_cast<const api::Pod*>(pod)->spec.serviceAccountName};
}

void EngineSink::announceAccounts(const std::set<identity::ServiceAccount>& before) {
  if (!options_.onAccounts) return;
  const auto after = accounts();
  if (after != before) options_.onAccounts(after);
}

}  // namespace fairway::cli
