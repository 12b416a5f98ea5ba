#include "store/view.h"

#include <stdexcept>

namespace fairway::store {

namespace {

constexpr char kSeparator = '|';
constexpr char kEscape = '\\';

bool holds(std::string_view text, char c) { return text.find(c) != std::string_view::npos; }

bool isPlain(std::string_view field) { return !holds(field, kSeparator) && !holds(field, kEscape); }

std::string escaped(std::string_view field) {
  std::string result;
  for (const char c : field) {
    if (c == kSeparator || c == kEscape) result += kEscape;
    result += c;
  }
  return result;
}

}  // namespace

// Every question to the world has a key: this and its inverse are on the path of all of them.
std::string joinKey(std::initializer_list<std::string_view> fields) {
  std::size_t size = 0;
  for (const auto field : fields) size += field.size() + 1;
  std::string key;
  key.reserve(size);
  for (const auto* field = fields.begin(); field != fields.end(); ++field) {
    if (field != fields.begin()) key.push_back(kSeparator);
    if (isPlain(*field)) {
      key.append(*field);
    } else {
      key.append(escaped(*field));
    }
  }
  return key;
}

KeyFields::KeyFields(std::string_view key) : rest_(key), plain_(!holds(key, kEscape)) {}

std::string KeyFields::next() {
  if (done_) return {};
  if (plain_) {
    const auto end = rest_.find(kSeparator);
    std::string field(rest_.substr(0, end));
    done_ = end == std::string_view::npos;
    rest_.remove_prefix(done_ ? rest_.size() : end + 1);
    return field;
  }
  std::string field;
  std::size_t i = 0;
  for (; i < rest_.size() && rest_[i] != kSeparator; ++i) {
    if (rest_[i] == kEscape && i + 1 < rest_.size()) ++i;
    field += rest_[i];
  }
  done_ = i == rest_.size();
  rest_.remove_prefix(done_ ? i : i + 1);
  return field;
}

std::vector<std::string> splitKey(std::string_view key) {
  std::vector<std::string> fields;
  for (KeyFields all(key); !all.done();) fields.push_back(all.next());
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
