#include "kube/json_scan.h"

#include <algorithm>
#include <cstring>

namespace fairway::kube {

namespace {

constexpr auto npos = std::string_view::npos;

std::size_t skipSpace(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r')) ++at;
  return at;
}

// Behind the closing quote of the text that opens at `at`.
std::size_t skipText(std::string_view text, std::size_t at) {
  for (auto from = at + 1;;) {
    const auto quote = text.find('"', from);
    if (quote == npos) return npos;
    std::size_t escapes = 0;
    while (text[quote - 1 - escapes] == '\\') ++escapes;
    from = quote + 1;
    if (escapes % 2 == 0) return from;
  }
}

// Behind the value that begins at `at`.
std::size_t skipValue(std::string_view text, std::size_t at) {
  if (at >= text.size()) return npos;
  if (text[at] == '"') return skipText(text, at);
  if (text[at] != '{' && text[at] != '[') {
    const auto end = std::min(text.find_first_of(",]} \n\t\r", at), text.size());
    return end == at ? npos : end;
  }
  for (std::size_t depth = 0; at < text.size();) {
    switch (text[at]) {
      case '"':
        at = skipText(text, at);
        if (at == npos) return npos;
        continue;
      case '{':
      case '[': ++depth; break;
      case '}':
      case ']':
        if (--depth == 0) return at + 1;
        break;
      default: break;
    }
    ++at;
  }
  return npos;
}

// The elements between `open` and its counterpart; `element` takes one at a position and returns the end of it.
template <class Element>
bool scan(std::string_view text, char open, char close, const Element& element) {
  auto at = skipSpace(text, 0);
  if (at >= text.size() || text[at] != open) return false;
  at = skipSpace(text, at + 1);
  if (at < text.size() && text[at] == close) return skipSpace(text, at + 1) == text.size();
  for (;;) {
    at = element(at);
    if (at == npos) return false;
    at = skipSpace(text, at);
    if (at >= text.size()) return false;
    if (text[at] == close) return skipSpace(text, at + 1) == text.size();
    if (text[at] != ',') return false;
    at = skipSpace(text, at + 1);
  }
}

}  // namespace

bool scanMembers(std::string_view object,
                 const std::function<void(std::string_view key, std::string_view value)>& visit) {
  return scan(object, '{', '}', [&](std::size_t at) {
    if (at >= object.size() || object[at] != '"') return npos;
    const auto keyEnd = skipText(object, at);
    if (keyEnd == npos) return npos;
    const auto colon = skipSpace(object, keyEnd);
    if (colon >= object.size() || object[colon] != ':') return npos;
    const auto begin = skipSpace(object, colon + 1);
    const auto end = skipValue(object, begin);
    if (end != npos) visit(object.substr(at + 1, keyEnd - at - 2), object.substr(begin, end - begin));
    return end;
  });
}

bool scanItems(std::string_view array, const std::function<void(std::string_view item)>& visit) {
  return scan(array, '[', ']', [&](std::size_t at) {
    const auto end = skipValue(array, at);
    if (end != npos) visit(array.substr(at, end - at));
    return end;
  });
}

bool copyWithout(std::string_view value, std::span<const Unread> unread, std::string& out) {
  bool first = true, sound = true;
  const auto separate = [&] {
    if (!first) out += ',';
    first = false;
  };
  if (value.starts_with('{')) {
    out += '{';
    sound &= scanMembers(value, [&](std::string_view key, std::string_view member) {
      const auto rule = std::find_if(unread.begin(), unread.end(), [&](const Unread& u) { return u.key == key; });
      if (rule != unread.end() && rule->within.empty()) return;
      separate();
      out.append(1, '"').append(key).append("\":");
      if (rule == unread.end()) {
        out += member;
      } else {
        sound &= copyWithout(member, rule->within, out);
      }
    });
    out += '}';
    return sound;
  }
  if (value.starts_with('[')) {
    out += '[';
    sound &= scanItems(value, [&](std::string_view item) {
      separate();
      sound &= copyWithout(item, unread, out);
    });
    out += ']';
    return sound;
  }
  out += value;
  return true;
}

}  // namespace fairway::kube
