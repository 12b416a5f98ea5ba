#pragma once

#include <mutex>
#include <set>
#include <vector>

#include "kube/source.h"

namespace fairway::cli {

// Between a source and its sink: lets objects from elsewhere stand in for those of kinds that the source has not listed
// yet. What the source then lists takes their place, a whole kind in one step. Thread-safe.
class StandIn final : public kube::Sink {
 public:
  explicit StandIn(kube::Sink& sink) : sink_(sink) {}

  void replace(api::Kind kind, std::vector<api::ObjectPtr> objects) override;
  void upsert(api::ObjectPtr object) override { sink_.upsert(std::move(object)); }
  void remove(api::Kind kind, api::NamespacedName name) override { sink_.remove(kind, std::move(name)); }
  void together(const std::function<void()>& hand) override { sink_.together(hand); }

  // Hands on the objects of the kinds that the source has not listed; the others are dropped.
  void fill(const std::vector<api::ObjectPtr>& objects);

 private:
  kube::Sink& sink_;
  std::mutex mutex_;  // held over replacements: what stands in must not overtake a list
  std::set<api::Kind> listed_;
};

}  // namespace fairway::cli
