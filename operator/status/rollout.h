#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "status/influence.h"

namespace fairway::status {

// How far the present content of one object has come.
struct Rollout {
  std::size_t proxies = 0;               // that have, had or are to have what was made from it
  std::size_t live = 0;                  // of these: have taken it up, and refuse nothing of it
  std::size_t refusing = 0;              // of these: refuse something of it
  std::set<std::string> accept, refuse;  // identities of the live ones, and of the refusing ones
  std::string refusal;  // what one of those says: "web-1.onap refuses CDS outbound|80||vio: no such thing"

  [[nodiscard]] bool everywhere() const { return live == proxies; }
  [[nodiscard]] bool answered() const { return live + refusing == proxies; }
};

// A proxy has taken the content up when it has taken up a snapshot that knows it, or all that it is to have now.
[[nodiscard]] Rollout rolloutOf(const Key& key, const engine::ConfigObject& object, const std::vector<Proxy>& proxies,
                                const Influence& influence);

// Objects of which a proxy refuses something.
[[nodiscard]] std::set<Key> refusedOf(const std::vector<Proxy>& proxies);

}  // namespace fairway::status
