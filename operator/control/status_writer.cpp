#include "control/status_writer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "kube/fields.h"

namespace fairway::control {

using Json = nlohmann::json;

namespace {

constexpr const char* kTopic = "status";

std::string objectOf(const StatusTarget& target) { return target.kind + " " + target.name.toString(); }

Write writeOf(const StatusTarget& target, const Json& status) {
  const kube::Resource resource{target.group, target.version, target.plural, "", ""};
  const auto path = kube::objectPath(resource, target.name.ns, target.name.name) + "/status";
  return {kTopic, objectOf(target),
          kube::patchCall(path, kube::PatchType::merge,
                          Json{{"status", status}}.dump(-1, ' ', false, Json::error_handler_t::replace))};
}

}  // namespace

bool hasOtherConditions(const Write& write) {
  return write.topic == kTopic && write.object.starts_with("WorkloadEntry ");
}

kube::Call keepingOtherConditions(const kube::Call& write, const Json& object) {
  Json patch = Json::parse(write.body);
  Json& conditions = patch["status"]["conditions"];
  if (!conditions.is_array()) conditions = Json::array();
  const auto ours = [&](const std::string& type) {
    return std::any_of(conditions.begin(), conditions.end(),
                       [&](const Json& each) { return kube::text(each, "type") == type; });
  };
  std::vector<Json> others;
  if (const Json& there = kube::child(kube::child(object, "status"), "conditions"); there.is_array()) {
    std::copy_if(there.begin(), there.end(), std::back_inserter(others),
                 [&](const Json& each) { return !ours(kube::text(each, "type")); });
  }
  for (auto& other : others) conditions.push_back(std::move(other));
  patch["metadata"]["resourceVersion"] = kube::text(kube::child(object, "metadata"), "resourceVersion");
  return kube::patchCall(write.path, kube::PatchType::merge, patch.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void StatusTable::set(const StatusTarget& target, Json status) {
  const std::lock_guard lock(mutex_);
  entries_[target].wanted = std::move(status);
}

void StatusTable::seen(const StatusTarget& target, Json status) {
  const std::lock_guard lock(mutex_);
  entries_[target].known = std::move(status);
}

void StatusTable::forget(const StatusTarget& target) {
  const std::lock_guard lock(mutex_);
  entries_.erase(target);
}

std::vector<Write> StatusTable::writes() const {
  const std::lock_guard lock(mutex_);
  std::vector<Write> writes;
  for (const auto& [target, entry] : entries_) {
    if (entry.wanted && entry.wanted != entry.known) writes.push_back(writeOf(target, *entry.wanted));
  }
  return writes;
}

void StatusTable::wrote(const Write& write) {
  const std::lock_guard lock(mutex_);
  for (auto& [target, entry] : entries_) {
    if (!entry.wanted || objectOf(target) != write.object || writeOf(target, *entry.wanted) != write) continue;
    entry.known = entry.wanted;
    return;
  }
}

void StatusTable::unlearn() {
  const std::lock_guard lock(mutex_);
  for (auto& [target, entry] : entries_) entry.known.reset();
  learned_ = false;
}

void StatusTable::learned() {
  const std::lock_guard lock(mutex_);
  learned_ = true;
}

bool StatusTable::isLearned() const {
  const std::lock_guard lock(mutex_);
  return learned_;
}

Json StatusTable::expected(const StatusTarget& target) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(target);
  if (found == entries_.end()) return {};
  return found->second.wanted ? *found->second.wanted : found->second.known.value_or(Json());
}

}  // namespace fairway::control
