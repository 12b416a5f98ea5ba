#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fairway::api {

// Where the fields of a YAML document begin. A value: copies share the table.
class LineMap {
 public:
  struct Node {
    std::size_t line = 0;  // from 1
    bool list = false;
    struct Child {
      std::string key;  // empty in a list
      std::uint32_t node;
    };
    std::vector<Child> children;
  };

  LineMap() = default;
  LineMap(std::shared_ptr<const std::vector<Node>> nodes, std::uint32_t root) : nodes_(std::move(nodes)), root_(root) {}

  // The line of a field, written as Problem.field is ("spec.http[0].match[1].uri"); of its nearest
  // existing parent if there is no such field. 0 if the map is empty.
  [[nodiscard]] std::size_t lineOf(std::string_view field) const;
  // The map of one part, whose paths then begin there. Of the nearest parent if there is no such field.
  [[nodiscard]] LineMap at(std::string_view field) const;

 private:
  [[nodiscard]] std::uint32_t find(std::string_view field) const;

  std::shared_ptr<const std::vector<Node>> nodes_;
  std::uint32_t root_ = 0;
};

}  // namespace fairway::api
