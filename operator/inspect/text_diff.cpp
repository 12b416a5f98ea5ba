#include "inspect/text_diff.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace fairway::inspect {

namespace {

constexpr std::size_t kContext = 3;
constexpr std::size_t kMaxCells = 4'000'000;  // of the table of longest common subsequences

using Lines = std::vector<std::string_view>;

Lines linesOf(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

// One line of the result: in both texts (' '), in the first ('-'), in the second ('+').
struct Edit {
  char kind;
  std::string_view line;
};

// The middle parts, which begin and end differently, by their longest common subsequence.
void addMiddle(const Lines& before, const Lines& after, std::size_t first, std::size_t beforeEnd, std::size_t afterEnd,
               std::vector<Edit>& edits) {
  const std::size_t rows = beforeEnd - first, columns = afterEnd - first;
  std::size_t i = 0, j = 0;
  if ((rows + 1) * (columns + 1) <= kMaxCells) {
    // lengths[i][j]: of the longest common subsequence of the rest from i and from j.
    std::vector<std::uint32_t> lengths((rows + 1) * (columns + 1), 0);
    const auto at = [&](std::size_t row, std::size_t column) -> std::uint32_t& {
      return lengths[row * (columns + 1) + column];
    };
    for (std::size_t row = rows; row-- > 0;) {
      for (std::size_t column = columns; column-- > 0;) {
        at(row, column) = before[first + row] == after[first + column]
                              ? at(row + 1, column + 1) + 1
                              : std::max(at(row + 1, column), at(row, column + 1));
      }
    }
    while (i < rows && j < columns) {
      if (before[first + i] == after[first + j]) {
        edits.push_back({' ', before[first + i]});
        ++i, ++j;
      } else if (at(i + 1, j) >= at(i, j + 1)) {
        edits.push_back({'-', before[first + i++]});
      } else {
        edits.push_back({'+', after[first + j++]});
      }
    }
  }
  while (i < rows) edits.push_back({'-', before[first + i++]});
  while (j < columns) edits.push_back({'+', after[first + j++]});
}

std::vector<Edit> editsOf(const Lines& before, const Lines& after) {
  std::size_t first = 0, beforeEnd = before.size(), afterEnd = after.size();
  while (first < beforeEnd && first < afterEnd && before[first] == after[first]) ++first;
  while (beforeEnd > first && afterEnd > first && before[beforeEnd - 1] == after[afterEnd - 1]) --beforeEnd, --afterEnd;
  std::vector<Edit> edits;
  for (std::size_t i = 0; i < first; ++i) edits.push_back({' ', before[i]});
  addMiddle(before, after, first, beforeEnd, afterEnd, edits);
  for (std::size_t i = beforeEnd; i < before.size(); ++i) edits.push_back({' ', before[i]});
  return edits;
}

// "12,7"; a range without lines names the line before it.
std::string range(std::size_t start, std::size_t count) {
  return std::to_string(count == 0 ? start : start + 1) + (count == 1 ? "" : "," + std::to_string(count));
}

}  // namespace

std::string unifiedDiff(std::string_view before, std::string_view after) {
  const auto edits = editsOf(linesOf(before), linesOf(after));
  std::string text;
  std::size_t at = 0, beforeLine = 0, afterLine = 0;  // where the edit `at` stands in both texts
  const auto changed = [&](std::size_t i) { return edits[i].kind != ' '; };
  while (true) {
    std::size_t start = at;
    while (start < edits.size() && !changed(start)) ++start;
    if (start == edits.size()) return text;
    const std::size_t from = start - std::min(start - at, kContext);
    beforeLine += from - at;
    afterLine += from - at;
    // The hunk goes on while the next change is near enough for the surroundings to meet.
    std::size_t last = start;
    for (std::size_t i = start; i < edits.size() && i <= last + 2 * kContext + 1; ++i) {
      if (changed(i)) last = i;
    }
    const std::size_t to = std::min(last + 1 + kContext, edits.size());
    std::size_t beforeCount = 0, afterCount = 0;
    std::string body;
    for (std::size_t i = from; i < to; ++i) {
      if (edits[i].kind != '+') ++beforeCount;
      if (edits[i].kind != '-') ++afterCount;
      body += edits[i].kind;
      body += edits[i].line;
      body += '\n';
    }
    text += "@@ -" + range(beforeLine, beforeCount) + " +" + range(afterLine, afterCount) + " @@\n" + body;
    beforeLine += beforeCount;
    afterLine += afterCount;
    at = to;
  }
}

}  // namespace fairway::inspect
