#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evaluate/verdict.h"

namespace fairway::evaluate {

// The headers of a request as filters see them, pseudo headers included.
class Headers {
 public:
  // The name in any case; "host" is ":authority". Headers that Envoy keeps as one value are joined with commas.
  void add(std::string_view name, std::string value);
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);
  // Envoy writes something there that cannot be foreseen; `present`: whether there is such a header.
  void setUnknown(std::string_view name, Truth present);

  // Empty: there is none (or its value is not known).
  [[nodiscard]] std::vector<std::string_view> get(std::string_view name) const;
  [[nodiscard]] std::optional<std::string_view> first(std::string_view name) const;
  [[nodiscard]] std::string_view path() const { return first(":path").value_or(std::string_view()); }
  // `yes` and a name that is known: `get` is not empty.
  [[nodiscard]] Truth present(std::string_view name) const;
  [[nodiscard]] bool known(std::string_view name) const;

 private:
  struct Entry {
    std::string name, value;
  };
  struct Unknown {
    std::string name;
    Truth present;
  };
  std::vector<Entry> entries_;
  std::vector<Unknown> unknown_;
};

}  // namespace fairway::evaluate
