#include "analyze/spelling.h"

#include <algorithm>
#include <numeric>

namespace fairway::analyze {

namespace {

// Edits (insert, remove, replace) from one text to the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

std::string didYouMean(std::string_view text, const std::vector<std::string>& candidates) {
  const std::size_t allowed = text.size() < 3 ? 0 : text.size() < 6 ? 1 : 2;
  const std::string* best = nullptr;
  std::size_t least = allowed + 1;
  for (const auto& candidate : candidates) {
    const auto difference = std::max(candidate.size(), text.size()) - std::min(candidate.size(), text.size());
    if (candidate == text || difference > allowed) continue;
    const auto edits = distance(text, candidate);
    if (edits < least) {
      least = edits;
      best = &candidate;
    }
  }
  return best == nullptr ? "" : " (did you mean " + *best + "?)";
}

std::string listed(const std::vector<std::string>& names, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
  return text;
}

std::string labelText(const std::map<std::string, std::string>& labels) {
  std::string text;
  for (const auto& [key, value] : labels) text += (text.empty() ? "" : ",") + key + "=" + value;
  return text;
}

}  // namespace fairway::analyze
