#include "store/view.h"

#include <algorithm>
#include <stdexcept>

namespace fairway::store {

namespace {
constexpr char kSeparator = '|';
constexpr char kEscape = '\\';
constexpr bool isSpecial(char c) { return c == kSeparator || c == kEscape; }
}  // namespace

// Every question to the world has a key: these two are on the path of all of them.
std::string joinKey(std::initializer_list<std::string_view> fields) {
  const auto escapes = [](std::string_view field) { return std::count_if(field.begin(), field.end(), isSpecial); };
  std::size_t size = fields.size() == 0 ? 0 : fields.size() - 1;
  for (const auto field : fields) size += field.size() + static_cast<std::size_t>(escapes(field));
  std::string key(size, kSeparator);
  auto out = key.begin();
  for (const auto* field = fields.begin(); field != fields.end(); ++field) {
    if (field != fields.begin()) ++out;  // a separator is there
    for (const char c : *field) {
      if (isSpecial(c)) *out++ = kEscape;
      *out++ = c;
    }
  }
  return key;
}

std::vector<std::string> splitKey(std::string_view key) {
  std::vector<std::string> fields;
  fields.reserve(static_cast<std::size_t>(std::count(key.begin(), key.end(), kSeparator)) + 1);
  fields.emplace_back();
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (key[i] == kSeparator) {
      fields.emplace_back();
      continue;
    }
    if (key[i] == kEscape && i + 1 < key.size()) ++i;
    auto end = i + 1;  // of what is taken as it is
    while (end < key.size() && !isSpecial(key[end])) ++end;
    fields.back().append(key.substr(i, end - i));
    i = end - 1;
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
