#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "status/rollout.h"

namespace fairway::status {

// What one replica says about the rollout of one object at its own proxies.
struct Report {
  Key key;
  std::string content;  // which content it is about: contentOf()
  std::size_t proxies = 0, live = 0, refusing = 0;
  std::string refusal;     // of one proxy; cut to a few hundred bytes
  std::string quarantine;  // likewise

  bool operator==(const Report&) const = default;
};

// The same on all replicas that have seen the same content of an object, and another one for another content: uid and
// generation, or without a generation the resourceVersion.
[[nodiscard]] std::string contentOf(const api::Object& object);

// As compact text, for an annotation; what does not fit into `limit` bytes is left out, from the end.
[[nodiscard]] std::string encode(const std::vector<Report>& reports, std::size_t limit = 100'000);
// What cannot be read is left out.
[[nodiscard]] std::vector<Report> decode(std::string_view text);

// The sum of the own report and those of the other replicas on the same content. `complete`: false if one of `others`
// (a text each) does not speak of that content.
struct Total {
  Report report;
  bool complete = true;
};
[[nodiscard]] Total sum(const Report& own, const std::vector<std::vector<Report>>& others);

}  // namespace fairway::status
