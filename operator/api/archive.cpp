#include "api/archive.h"

#include <chrono>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <type_traits>
#include <utility>

#include "api/fields_of.h"
#include "base/hash.h"

namespace fairway::api {

namespace {

// Numbers are LEB128 (signed ones zigzag), texts and lists begin with their length, optional values with a 0 or 1.
class Writer {
 public:
  std::string out;

  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) out += static_cast<char>(value | 0x80U);
    out += static_cast<char>(value);
  }
  void value(bool flag) { out += flag ? '\1' : '\0'; }
  void value(double v) { out.append(reinterpret_cast<const char*>(&v), sizeof v); }
  void value(const std::string& text) {
    number(text.size());
    out += text;
  }
  void value(Duration time) { value(static_cast<std::int64_t>(time.count())); }
  template <class T>
  void value(const std::vector<T>& list) {
    number(list.size());
    for (const auto& item : list) value(item);
  }
  template <class K, class V>
  void value(const std::map<K, V>& map) {
    number(map.size());
    for (const auto& [key, item] : map) {
      value(key);
      value(item);
    }
  }
  template <class T>
  void value(const std::optional<T>& item) {
    value(item.has_value());
    if (item) value(*item);
  }
  template <class T>
  void value(const T& item) {
    if constexpr (std::is_enum_v<T>) {
      number(static_cast<std::uint64_t>(item));
    } else if constexpr (std::is_signed_v<T>) {
      const auto wide = static_cast<std::uint64_t>(static_cast<std::int64_t>(item));
      number((wide << 1U) ^ (item < 0 ? ~0ULL : 0ULL));
    } else if constexpr (std::is_unsigned_v<T>) {
      number(item);
    } else {
      std::apply([this](const auto&... field) { (value(field), ...); }, fieldsOf(item));
    }
  }
};

// Stops at the first thing that cannot be: `sound` is false then, and what was read is not to be used.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool sound = true;

  [[nodiscard]] bool atEnd() const { return rest_.empty(); }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if (byte < 0x80) return value;
    }
    sound = false;
    return 0;
  }
  void value(bool& flag) { flag = take(1)[0] != '\0'; }
  void value(double& v) { std::memcpy(&v, take(sizeof v).data(), sizeof v); }
  void value(std::string& text) { text = take(length()); }
  void value(Duration& time) {
    std::int64_t count = 0;
    value(count);
    time = Duration(count);
  }
  template <class T>
  void value(std::vector<T>& list) {
    const auto count = length();
    list.reserve(count);
    for (std::size_t i = 0; i < count && sound; ++i) value(list.emplace_back());
  }
  template <class K, class V>
  void value(std::map<K, V>& map) {
    const auto count = length();
    for (std::size_t i = 0; i < count && sound; ++i) {
      K key{};
      value(key);
      value(map.try_emplace(map.end(), std::move(key))->second);
    }
  }
  template <class T>
  void value(std::optional<T>& item) {
    bool there = false;
    value(there);
    if (there) value(item.emplace());
  }
  template <class T>
  void value(T& item) {
    if constexpr (std::is_enum_v<T>) {
      item = static_cast<T>(number());
    } else if constexpr (std::is_signed_v<T>) {
      const auto wide = number();
      item = static_cast<T>((wide >> 1U) ^ (~(wide & 1U) + 1));
    } else if constexpr (std::is_unsigned_v<T>) {
      item = static_cast<T>(number());
    } else {
      std::apply([this](auto&... field) { (value(field), ...); }, fieldsOf(item));
    }
  }

 private:
  // An element takes a byte at least, so that a broken length cannot ask for memory without end.
  std::size_t length() {
    const auto count = number();
    if (count <= rest_.size()) return static_cast<std::size_t>(count);
    sound = false;
    return 0;
  }
  std::string_view take(std::size_t count) {
    static constexpr char kZeros[8] = {};
    if (count > rest_.size()) {
      sound = false;
      return {kZeros, sizeof kZeros};
    }
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::string_view rest_;
};

}  // namespace

bool archivable(Kind kind) { return kind != Kind::secret && static_cast<std::size_t>(kind) < kKindCount; }

std::string archive(const std::vector<ObjectPtr>& objects) {
  Writer writer;
  for (const auto& object : objects) {
    if (!archivable(object->kind)) continue;
    writer.value(object->kind);
    writer.value(object->meta);
    writer.value(object->problems);
    withType(object->kind, [&]<class T>() {
      writer.value(static_cast<const T&>(*object).spec);
      return true;
    });
  }
  return std::move(writer.out);
}

Result<std::vector<ObjectPtr>> unarchive(std::string_view bytes) {
  std::vector<ObjectPtr> objects;
  Reader reader(bytes);
  while (!reader.atEnd()) {
    const auto kind = reader.number();
    if (kind >= kKindCount || !archivable(static_cast<Kind>(kind))) return failure("it holds what is no object");
    auto object = withType(static_cast<Kind>(kind), [&]<class T>() -> ObjectPtr {
      auto read = std::make_shared<T>();
      reader.value(read->meta);
      reader.value(read->problems);
      reader.value(read->spec);
      return read;
    });
    if (!reader.sound) return failure("it ends in the middle of an object");
    objects.push_back(std::move(object));
  }
  return objects;
}

std::string archiveLayout() {
  std::string sizes;
  for (std::size_t kind = 0; kind < kKindCount; ++kind) {
    if (!archivable(static_cast<Kind>(kind))) continue;
    withType(static_cast<Kind>(kind), [&]<class T>() {
      sizes += std::to_string(sizeof(T)) + "/" + std::to_string(kFields<decltype(T::spec)>) + " ";
      return true;
    });
  }
  return contentHash(sizes);
}

}  // namespace fairway::api
