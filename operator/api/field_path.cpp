#include "api/field_path.h"

#include <algorithm>
#include <cctype>

namespace fairway::api {
namespace {

bool plainWord(std::string_view key) {
  if (key.empty() || (std::isalpha(static_cast<unsigned char>(key[0])) == 0 && key[0] != '_')) return false;
  return std::all_of(key.begin(), key.end(),
                     [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; });
}

}  // namespace

std::string fieldPath(std::string_view parent, std::string_view key) {
  std::string result(parent);
  if (plainWord(key)) {
    if (!result.empty()) result += '.';
    return result.append(key);
  }
  return result.append("[").append(key).append("]");
}

std::string fieldPath(std::string_view parent, std::size_t index) {
  return std::string(parent).append("[").append(std::to_string(index)).append("]");
}

std::string_view firstStep(std::string_view& path) {
  if (!path.empty() && path[0] == '.') path.remove_prefix(1);
  if (path.empty()) return {};
  if (path[0] != '[') {
    const auto end = std::min(path.find_first_of(".["), path.size());
    const auto step = path.substr(0, end);
    path.remove_prefix(end);
    return step;
  }
  // Keys may hold brackets themselves: "properties[request.headers[x-token]]".
  std::size_t depth = 0;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '[') ++depth;
    if (path[i] == ']' && --depth == 0) {
      const auto step = path.substr(1, i - 1);
      path.remove_prefix(i + 1);
      return step;
    }
  }
  const auto step = path.substr(1);
  path = {};
  return step;
}

}  // namespace fairway::api
