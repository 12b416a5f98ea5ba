#include "store/view.h"

#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace fairway::store {

namespace {

constexpr char kSeparator = '|';
constexpr char kEscape = '\\';

// Neither separator nor escape, which differ in one bit: eight characters are looked at at once.
bool isPlain(std::string_view field) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kTops = kOnes << 7U, kBit = kOnes * (kSeparator ^ kEscape);
  static_assert((kEscape | (kSeparator ^ kEscape)) == kSeparator);
  const char* at = field.data();
  auto left = field.size();
  const auto found = [](std::uint64_t eight) {
    const auto zeroIfFound = (eight | kBit) ^ (kOnes * kSeparator);
    return ((zeroIfFound - kOnes) & ~zeroIfFound & kTops) != 0;
  };
  for (; left >= sizeof(std::uint64_t); left -= sizeof(std::uint64_t), at += sizeof(std::uint64_t)) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, at, sizeof eight);
    if (found(eight)) return false;
  }
  for (; left > 0; --left, ++at) {
    if (*at == kSeparator || *at == kEscape) return false;
  }
  return true;
}

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

KeyFields::KeyFields(std::string_view key) : rest_(key), plain_(key.find(kEscape) == std::string_view::npos) {}

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
