#include "control/status_writer.h"

#include <utility>

namespace fairway::control {

using Json = nlohmann::json;

namespace {

std::string objectOf(const StatusTarget& target) { return target.kind + " " + target.name.toString(); }

Write writeOf(const StatusTarget& target, const Json& status) {
  const kube::Resource resource{target.group, target.version, target.plural, "", ""};
  const auto path = kube::objectPath(resource, target.name.ns, target.name.name) + "/status";
  return {"status", objectOf(target),
          kube::patchCall(path, kube::PatchType::merge,
                          Json{{"status", status}}.dump(-1, ' ', false, Json::error_handler_t::replace))};
}

}  // namespace

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
