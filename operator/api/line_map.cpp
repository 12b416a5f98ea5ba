#include "api/line_map.h"

#include <algorithm>

#include "api/field_path.h"
#include "base/strings.h"

namespace fairway::api {

std::size_t LineMap::lineOf(std::string_view field) const { return nodes_ ? (*nodes_)[find(field)].line : 0; }

LineMap LineMap::at(std::string_view field) const { return nodes_ ? LineMap(nodes_, find(field)) : LineMap(); }

std::uint32_t LineMap::find(std::string_view field) const {
  auto current = root_;
  while (!field.empty()) {
    const auto step = firstStep(field);
    const auto& node = (*nodes_)[current];
    if (node.list) {
      const auto index = toNumber(step);
      if (!index || *index >= node.children.size()) return current;
      current = node.children[*index].node;
    } else {
      const auto child =
          std::find_if(node.children.begin(), node.children.end(), [&](const auto& c) { return c.key == step; });
      if (child == node.children.end()) return current;
      current = child->node;
    }
  }
  return current;
}

}  // namespace fairway::api
