#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/config/route/v3/route.pb.h>

#include "store/view.h"
#include "translate/patches.h"

// Applying patches to the messages of one unit.
namespace fairway::translate {

using ApplyTo = model::ConfigPatch::ApplyTo;
using Operation = model::ConfigPatch::Operation;

// The patches of one context while they are applied, and which of them changed the resource at hand.
class Patcher {
 public:
  Patcher(store::View& view, PatchList::Context context, const std::vector<Patch>& patches)
      : view_(view), context_(context), patches_(patches) {}

  [[nodiscard]] PatchList::Context context() const { return context_; }
  [[nodiscard]] std::vector<const Patch*> all(ApplyTo applyTo) const;
  [[nodiscard]] bool any(std::initializer_list<ApplyTo> kinds) const;

  // The patch has changed the resource.
  void applied(const Patch& patch) { objects_.push_back(patch.object); }
  // It could have, but for this reason it has not.
  void failed(const Patch& patch, const std::string& why, const std::string& field = ".patch.value");
  // Merges the patch's value, or a part of it, into a message of its type.
  static void mergeInto(google::protobuf::Message& message, const Patch& patch);
  static void mergeInto(google::protobuf::Message& message, const google::protobuf::Message& value, const Patch& patch);
  // Merges the typed_config of the patch's value into that of the generated object, both packed with names.
  template <class Named>
  bool mergeConfig(Named& into, const Named& from, const Patch& patch);
  // The message that a patch's value is.
  template <class Message>
  static Message valueOf(const Patch& patch) {
    Message message;
    message.ParseFromString(patch.bytes);
    return message;
  }

  [[nodiscard]] bool changed() const { return !objects_.empty(); }
  // The objects behind what was applied since the last call, and those of the resource.
  std::vector<model::Provenance> takeProvenance(const Resource& resource);

  // The services behind a port of the sidecar's app: hosts by workload port.
  std::map<std::uint32_t, std::vector<std::string>> inboundHosts;

 private:
  bool mergeAny(google::protobuf::Any& into, const google::protobuf::Any& from, const Patch& patch);

  store::View& view_;
  PatchList::Context context_;
  const std::vector<Patch>& patches_;
  std::vector<model::Provenance> objects_;
};

// Whether a name that a match gives means this filter: also by the names that filters had before Envoy 1.14.
bool namesFilter(const std::string& wanted, const std::string& name);

// Null: the patches remove it. What no patch changes is returned as it is.
ResourcePtr patchCluster(Patcher& patcher, const ResourcePtr& resource);
ResourcePtr patchListener(Patcher& patcher, const ResourcePtr& resource);
ResourcePtr patchVirtualHost(Patcher& patcher, const ResourcePtr& resource);
// The virtual hosts that patches add to a route configuration which gets them by VHDS follow it; `taken` are the names of those
// that it has.
std::vector<ResourcePtr> patchRoutes(Patcher& patcher, const ResourcePtr& resource,
                                     const std::vector<std::string>& taken);

// The chains, filters and inline routes of a listener.
void patchChains(Patcher& patcher, envoy::config::listener::v3::Listener& listener);
// A whole route configuration.
void patchRouteConfiguration(Patcher& patcher, envoy::config::route::v3::RouteConfiguration& routes);
bool listenerMatches(const Patch& patch, const envoy::config::listener::v3::Listener& listener);

template <class Named>
bool Patcher::mergeConfig(Named& into, const Named& from, const Patch& patch) {
  if (from.has_typed_config()) {
    if (!into.has_typed_config()) {
      failed(patch, "the generated " + into.name() + " has no typed_config to merge with");
      return false;
    }
    if (!mergeAny(*into.mutable_typed_config(), from.typed_config(), patch)) return false;
  }
  if (!from.name().empty()) into.set_name(from.name());
  return true;
}

// Puts `value` where an insertion says. `matches` tells the element that the patch names; `named`: it names one.
// `end` is where an addition goes. False if the named element is not there.
template <class List, class Value, class Matches>
bool insertInto(List& list, const Value& value, Operation operation, bool named, int end, const Matches& matches) {
  int place = end;
  if (operation == Operation::insert_first || (operation == Operation::insert_before && !named)) {
    place = 0;
  } else if (named && (operation == Operation::insert_before || operation == Operation::insert_after)) {
    for (place = 0; place < list.size() && !matches(list.Get(place)); ++place) {
    }
    if (place == list.size()) return false;
    if (operation == Operation::insert_after) ++place;
  }
  *list.Add() = value;
  for (int i = list.size() - 1; i > place; --i) list.SwapElements(i, i - 1);
  return true;
}

// Removes what matches; whether anything did.
template <class List, class Matches>
bool removeFrom(List& list, const Matches& matches) {
  bool removed = false;
  for (int i = list.size() - 1; i >= 0; --i) {
    if (!matches(list.Get(i))) continue;
    list.DeleteSubrange(i, 1);
    removed = true;
  }
  return removed;
}

}  // namespace fairway::translate
