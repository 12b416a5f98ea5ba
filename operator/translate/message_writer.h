#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fairway::translate {

// Appends fields to a serialized protobuf message (protobuf.dev/programming-guides/encoding), for what a mesh has thousands of:
// clusters, endpoints, virtual hosts. Building their messages only to serialize them takes ten times as long. Field
// numbers come from the generated classes. Readers take fields in any order, so a message may be put together from
// parts; what is written in the same order has the same bytes, and with them the same version. The values of a repeated field
// stand together, and another field is written once: protobuf's converter to JSON does not join what is apart.
class MessageWriter {
 public:
  explicit MessageWriter(std::string& out) : out_(out) {}

  // A string, bytes, or a message that is serialized already.
  void text(int field, std::string_view value) {
    begin(field, value.size());
    out_.append(value);
  }
  // An integer, an enum or a bool; none of them negative.
  void number(int field, std::uint64_t value) {
    char head[2 * kLongestVarint];
    char* end = varint(varint(head, tag(field, 0)), value);
    out_.append(head, static_cast<std::size_t>(end - head));
  }
  // Fields that are serialized already.
  void append(std::string_view fields) { out_.append(fields); }
  // A message whose fields `fill` appends, to this same writer.
  template <class Fill>
  void message(int field, Fill&& fill) {
    begin(field, 0);
    const auto start = out_.size() - 1;  // of its length; most are below 128
    fill();
    const auto length = out_.size() - start - 1;
    if (length < 0x80) {
      out_[start] = static_cast<char>(length);
    } else {
      setLongLength(start, length);
    }
  }
  // Begins a text, or a message of known length, whose contents are written next: what is long need not be moved to make room.
  void begin(int field, std::size_t length) { begin({{field, length}}); }
  // Several of them, each in the one before.
  struct Begin {
    int field;
    std::size_t length;
  };
  template <std::size_t N>
  void begin(const Begin (&nested)[N]) {
    char head[N * 2 * kLongestVarint];
    out_.append(head, static_cast<std::size_t>(heads(head, nested) - head));
  }
  // The same with a short text in between, such as the key of an entry.
  template <std::size_t N, std::size_t M>
  void begin(const Begin (&outer)[N], std::string_view text, const Begin (&inner)[M]) {
    constexpr std::size_t kShort = 32;
    if (text.size() > kShort) {
      begin(outer);
      append(text);
      return begin(inner);
    }
    char head[(N + M) * 2 * kLongestVarint + kShort];
    char* end = std::copy(text.begin(), text.end(), heads(head, outer));
    out_.append(head, static_cast<std::size_t>(heads(end, inner) - head));
  }
  // Begins an entry of a map from texts to messages, whose value of this length is written next.
  void beginEntry(int field, std::string_view key, std::size_t value) {
    begin({{field, entrySize(key, value)}, {kKey, key.size()}}, key, {{kValue, value}});
  }
  // The same, and the first text or message in that value.
  void beginEntry(int field, std::string_view key, std::size_t value, Begin inside) {
    begin({{field, entrySize(key, value)}, {kKey, key.size()}}, key, {{kValue, value}, inside});
  }
  // The length of a text() or message() with such contents.
  static constexpr std::size_t sizeOf(int field, std::size_t length) {
    return varintSize(static_cast<std::uint64_t>(field) << 3U) + varintSize(length) + length;
  }
  // The length of a number().
  static constexpr std::size_t sizeOfNumber(int field, std::uint64_t value) {
    return varintSize(static_cast<std::uint64_t>(field) << 3U) + varintSize(value);
  }
  // The length of an entry that beginEntry() begins.
  static constexpr std::size_t sizeOfEntry(int field, std::string_view key, std::size_t value) {
    return sizeOf(field, entrySize(key, value));
  }

 private:
  static constexpr std::size_t kLongestVarint = 10;
  static constexpr int kKey = 1, kValue = 2;  // of an entry of a map
  static constexpr std::uint64_t tag(int field, unsigned wireType) {
    return static_cast<std::uint64_t>(field) << 3U | wireType;
  }
  // Returns what is behind it.
  static char* varint(char* out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) *out++ = static_cast<char>(value | 0x80U);
    *out++ = static_cast<char>(value);
    return out;
  }
  template <std::size_t N>
  static char* heads(char* out, const Begin (&nested)[N]) {
    for (const auto& each : nested) out = varint(varint(out, tag(each.field, 2)), each.length);
    return out;
  }
  static constexpr std::size_t entrySize(std::string_view key, std::size_t value) {
    return sizeOf(kKey, key.size()) + sizeOf(kValue, value);
  }
  void setLongLength(std::size_t at, std::uint64_t length);
  static constexpr std::size_t varintSize(std::uint64_t value) {
    std::size_t size = 1;
    for (; value >= 0x80; value >>= 7U) ++size;
    return size;
  }

  std::string& out_;
};

// An entry of a google.protobuf.Struct: `name` with a text.
void addText(MessageWriter& out, std::string_view name, std::string_view value);
// The length of such an entry.
std::size_t sizeOfText(std::string_view name, std::string_view value);

}  // namespace fairway::translate
