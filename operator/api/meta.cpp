#include "api/meta.h"

#include <algorithm>

namespace fairway::api {

bool selects(const Labels& selector, const Labels& labels) {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& wanted) {
    const auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
}

std::string labelsToString(const Labels& labels) {
  std::string result;
  for (const auto& [key, value] : labels) {
    if (!result.empty()) result += ',';
    result += key + '=' + value;
  }
  return result;
}

Labels labelsFromString(const std::string& text) {
  Labels labels;
  std::size_t start = 0;
  while (start < text.size()) {
    const auto end = std::min(text.find(',', start), text.size());
    const auto pair = text.substr(start, end - start);
    const auto equals = pair.find('=');
    if (equals != std::string::npos) labels.emplace(pair.substr(0, equals), pair.substr(equals + 1));
    start = end + 1;
  }
  return labels;
}

bool sameContent(const ObjectMeta& a, const ObjectMeta& b) {
  return a.name == b.name && a.ns == b.ns && a.uid == b.uid && a.creationTimestamp == b.creationTimestamp &&
         a.labels == b.labels && a.annotations == b.annotations && a.deleting == b.deleting;
}

bool hasErrors(const Problems& problems) {
  return std::any_of(problems.begin(), problems.end(),
                     [](const Problem& p) { return p.severity == Problem::Severity::error; });
}

bool hasErrorsAt(const Problems& problems, std::string_view path) {
  return std::any_of(problems.begin(), problems.end(), [&](const Problem& p) {
    if (p.severity != Problem::Severity::error) return false;
    if (p.field.empty()) return true;
    if (!p.field.starts_with(path)) return false;
    return p.field.size() == path.size() || p.field[path.size()] == '.' || p.field[path.size()] == '[';
  });
}

}  // namespace fairway::api
