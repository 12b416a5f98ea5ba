#include "registry.h"

#include <functional>

namespace loadgen {
namespace {

std::uint64_t key(Number name, Number version) { return static_cast<std::uint64_t>(name) << 32 | version; }

}  // namespace

Number Numbers::of(std::string_view text) {
  const auto found = numbers_.find(text);
  if (found != numbers_.end()) return found->second;
  texts_.emplace_back(text);
  const auto number = static_cast<Number>(texts_.size());
  numbers_.emplace(texts_.back(), number);
  return number;
}

const Registry::Known& Registry::know(Type type, Number name, Number version, const Resource& resource, bool compare) {
  auto& table = known_[static_cast<std::size_t>(type)];
  const auto found = table.find(key(name, version));
  if (found != table.end()) {
    if (compare && std::hash<std::string_view>{}(resource.body) != found->second.hash) {
      fault(std::string(kTypeNames[static_cast<std::size_t>(type)]) + " " + std::string(resource.name) + ": version " +
            std::string(resource.version) + " has come with two contents");
    }
    return found->second;
  }
  const auto facts = examine(type, resource);
  if (!facts.fault.empty()) {
    fault(std::string(kTypeNames[static_cast<std::size_t>(type)]) + " " + std::string(resource.name) + " " +
          facts.fault);
  }
  Known known;
  if (!facts.endpoints.empty()) known.endpoints = names(Type::endpoint).of(facts.endpoints);
  for (const auto& route : facts.routes) known.routes.push_back(names(Type::route).of(route));
  known.virtualHosts = facts.virtualHosts;
  known.hash = std::hash<std::string_view>{}(resource.body);
  return table.emplace(key(name, version), std::move(known)).first->second;
}

const Registry::Known* Registry::find(Type type, Number name, Number version) const {
  const auto& table = known_[static_cast<std::size_t>(type)];
  const auto found = table.find(key(name, version));
  return found == table.end() ? nullptr : &found->second;
}

void Registry::fault(std::string text) {
  ++faultCount_;
  if (faults_.size() < 10) faults_.push_back(std::move(text));
}

}  // namespace loadgen
