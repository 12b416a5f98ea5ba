#include "store/view.h"

#include <stdexcept>

namespace fairway::store {

namespace {
constexpr char kSeparator = '|';
constexpr char kEscape = '\\';
}  // namespace

std::string joinKey(std::initializer_list<std::string_view> fields) {
  std::string key;
  bool first = true;
  for (const auto field : fields) {
    if (!first) key += kSeparator;
    first = false;
    for (const char c : field) {
      if (c == kSeparator || c == kEscape) key += kEscape;
      key += c;
    }
  }
  return key;
}

std::vector<std::string> splitKey(std::string_view key) {
  std::vector<std::string> fields(1);
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (key[i] == kSeparator) {
      fields.emplace_back();
      continue;
    }
    if (key[i] == kEscape && i + 1 < key.size()) ++i;
    fields.back() += key[i];
  }
  return fields;
}

std::string UnitKey::toString() const {
  std::string text(type);
  if (!key.empty()) text += "(" + key + ")";
  return text;
}

const Catalogue::Entry& Catalogue::at(std::string_view type) const {
  const auto found = entries_.find(type);
  if (found == entries_.end()) {
    throw std::logic_error("no function is registered for derived values of type '" + std::string(type) + "'");
  }
  return found->second;
}

}  // namespace fairway::store
