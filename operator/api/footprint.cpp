#include "api/footprint.h"

#include <algorithm>

#include "api/fields_of.h"

namespace fairway::api {

namespace {

// A chunk of glibc's malloc: 8 bytes of its own, a multiple of 16, 32 at least.
std::size_t chunk(std::size_t bytes) { return bytes == 0 ? 0 : std::max<std::size_t>(32, (bytes + 8 + 15) / 16 * 16); }

// What a value has on the heap.
class Heap {
 public:
  std::size_t bytes = 0;

  void add(const std::string& text) {
    static const std::size_t kInline = std::string().capacity();
    if (text.capacity() > kInline) bytes += chunk(text.capacity() + 1);
  }
  template <class T>
  void add(const std::vector<T>& list) {
    bytes += chunk(list.capacity() * sizeof(T));
    for (const auto& item : list) add(item);
  }
  template <class K, class V>
  void add(const std::map<K, V>& map) {
    constexpr std::size_t kNode = 32;  // colour and three pointers
    for (const auto& [key, item] : map) {
      bytes += chunk(kNode + sizeof(std::pair<const K, V>));
      add(key);
      add(item);
    }
  }
  template <class T>
  void add(const std::optional<T>& item) {
    if (item) add(*item);
  }
  template <class T>
  void add(const T& item) {
    if constexpr (kFields < T >> 0) {
      std::apply([this](const auto&... field) { (add(field), ...); }, fieldsOf(item));
    }
  }
};

}  // namespace

std::size_t footprint(const Object& object) {
  constexpr std::size_t kControlBlock = 16;
  Heap heap;
  heap.add(object.meta);
  heap.add(object.problems);
  const auto own = withType(object.kind, [&]<class T>() {
    heap.add(static_cast<const T&>(object).spec);
    return sizeof(T);
  });
  return heap.bytes + chunk(own + kControlBlock);
}

}  // namespace fairway::api
