#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "messages.h"

namespace loadgen {

using Number = std::uint32_t;
constexpr Number kNone = 0;

// Texts as numbers, from 1 on.
class Numbers {
 public:
  Number of(std::string_view text);
  [[nodiscard]] const std::string& text(Number number) const { return texts_[number - 1]; }
  [[nodiscard]] std::size_t size() const { return texts_.size(); }

 private:
  std::deque<std::string> texts_;  // addresses stay
  std::unordered_map<std::string_view, Number> numbers_;
};

// What all proxies have in common: the names and versions seen, and what each resource means to a proxy. So a resource
// is decoded once, however many proxies receive it, and a proxy's state is a few numbers a resource.
class Registry {
 public:
  struct Known {
    Number endpoints = kNone;  // see Facts
    std::vector<Number> routes;
    bool virtualHosts = false;
    std::size_t hash = 0;  // of the body
  };

  Numbers& names(Type type) { return names_[static_cast<std::size_t>(type)]; }
  Numbers& versions() { return versions_; }

  // Decodes the resource if it is new. `compare`: looks whether the bytes are those that came first by this name and
  // version.
  const Known& know(Type type, Number name, Number version, const Resource& resource, bool compare);
  // Null if it never came.
  [[nodiscard]] const Known* find(Type type, Number name, Number version) const;

  void fault(std::string text);
  [[nodiscard]] const std::vector<std::string>& faults() const { return faults_; }
  [[nodiscard]] std::size_t faultCount() const { return faultCount_; }

 private:
  std::array<Numbers, kTypes> names_;
  Numbers versions_;
  std::array<std::unordered_map<std::uint64_t, Known>, kTypes> known_;
  std::vector<std::string> faults_;  // the first ones
  std::size_t faultCount_ = 0;
};

}  // namespace loadgen
