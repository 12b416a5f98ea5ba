#include "inspect/table.h"

#include <algorithm>

namespace fairway::inspect {

namespace {

constexpr std::size_t kGap = 3;

const std::string& shown(const std::string& cell) {
  static const std::string none = "-";
  return cell.empty() ? none : cell;
}

// Characters of UTF-8: bytes that do not go on with another's.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

void Table::sort() {
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
}

std::string tableText(const Table& table) {
  std::vector<std::size_t> widths;
  for (const auto& header : table.headers) widths.push_back(width(header));
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(shown(row[i])));
  }
  std::string text;
  const auto line = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      text += shown(cells[i]);
      if (i + 1 < cells.size()) text.append(widths[i] - width(shown(cells[i])) + kGap, ' ');
    }
    text += '\n';
  };
  line(table.headers);
  for (const auto& row : table.rows) line(row);
  return text;
}

}  // namespace fairway::inspect
