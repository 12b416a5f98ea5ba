#include <algorithm>
#include <utility>

#include "discovery/stream_state.h"

// What a stream tells about its client: what it has taken up, what it refuses, what it holds.
namespace fairway::discovery {

// A client that refuses everything must not cost much: of that many, some are enough to tell.
void StreamState::noteRefusal(const translate::Resource& resource, const std::string& error) {
  if (errors_.size() >= kMaxRefusals) {
    std::erase_if(errors_, [this](const auto& each) {
      const auto entry = of(each.first.first).entries.find(each.first.second);
      return !entry || !entry->refused;
    });
  }
  if (errors_.size() < kMaxRefusals) errors_[{resource.type, resource.name}] = error;
}

std::vector<Refusal> StreamState::refusals() const {
  std::vector<Refusal> result;
  for (const auto& [key, error] : errors_) {
    auto resource = findIn(latest_, key.first, key.second);
    if (!resource) continue;
    const auto entry = of(key.first).entries.find(key.second);
    if (entry && entry->refused == Version(resource->version)) result.push_back({std::move(resource), error});
  }
  return result;
}

// The pass has nothing more to send.
void StreamState::markPass() {
  if (!pass_ || applied_ == pass_->generation) return;
  if (!marks_.empty() && marks_.back().generation == pass_->generation) return;
  for (std::size_t i = 0; i < translate::kTypeCount; ++i) {
    if (pending(static_cast<Type>(i))) return;  // what waits for an acknowledgement
  }
  marks_.push_back({pass_->generation, serial_});
  takeMarks();
}

void StreamState::takeMarks() {
  if (marks_.empty()) return;
  auto oldest = serial_ + 1;  // of what is not acknowledged
  for (const auto& subscription : subscriptions_) {
    for (const auto& each : subscription.inFlight) oldest = std::min(oldest, each.serial);
  }
  while (!marks_.empty() && marks_.front().serial < oldest) {
    applied_ = marks_.front().generation;
    marks_.pop_front();
  }
}

std::vector<TypeInfo> StreamState::describe(bool withResources) const {
  std::vector<TypeInfo> result;
  for (std::size_t i = 0; i < translate::kTypeCount; ++i) {
    const auto type = static_cast<Type>(i);
    const auto& each = of(type);
    if (!each.asked) continue;
    TypeInfo info{.type = type,
                  .wildcard = each.wildcard,
                  .names = each.names.size(),
                  .pending = each.dirty.size(),
                  .inFlight = each.inFlight.size(),
                  .held = 0,
                  .acknowledged = 0,
                  .refused = 0,
                  .sentResponses = each.sentResponses,
                  .sentResources = each.sentResources,
                  .acks = each.acks,
                  .nacks = each.nacks,
                  .lastNack = each.lastNack,
                  .resources = {}};
    each.entries.forEach([&](const std::string& name, const Held& entry) {
      if (entry.held()) ++info.held;
      if (entry.known && entry.known == entry.acked) ++info.acknowledged;
      if (entry.refused) ++info.refused;
      if (!withResources) return;
      info.resources.push_back({name, entry.known.toString(), entry.acked.toString(), entry.refused.toString()});
    });
    std::sort(info.resources.begin(), info.resources.end(),
              [](const HeldInfo& a, const HeldInfo& b) { return a.name < b.name; });
    result.push_back(std::move(info));
  }
  return result;
}

}  // namespace fairway::discovery
