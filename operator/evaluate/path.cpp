#include "evaluate/path.h"

#include <cctype>
#include <vector>

#include "base/strings.h"

namespace fairway::evaluate {

namespace {

using EscapedSlashes = PathSettings::EscapedSlashes;

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte behind the percent sign at `at`; -1: that is no escape.
int escaped(std::string_view text, std::size_t at) {
  if (text[at] != '%' || at + 2 >= text.size()) return -1;
  const int high = hexDigit(text[at + 1]), low = hexDigit(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool unreserved(int c) { return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~'; }

// "%2F" and "%5C" as what they stand for; nothing if there is none.
std::optional<std::string> withoutEscapedSlashes(std::string_view path) {
  std::string out;
  bool found = false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const int c = escaped(path, i);
    if (c == '/' || c == '\\') {
      out += static_cast<char>(c);
      found = true;
      i += 2;
    } else {
      out += path[i];
    }
  }
  if (!found) return std::nullopt;
  return out;
}

// A dot segment may have parameters, but then no escapes.
std::string withoutDotParameters(std::string_view path) {
  std::vector<std::string> segments = split(path, '/');
  for (auto& segment : segments) {
    const auto name = segment.substr(0, segment.find(';'));
    if (name == "." || name == "..") segment = name;
  }
  return join(segments, "/");
}

// Escapes as they are kept: letters, digits and -._~ plain, what a path may not hold escaped; backslashes are slashes.
// Nothing: there is an escaped zero byte.
std::optional<std::string> canonicalCharacters(std::string_view path) {
  static constexpr std::string_view kEscape = " \"<>^`{|}";
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto c = static_cast<unsigned char>(path[i]);
    if (const int value = escaped(path, i); value >= 0) {
      if (value == 0) return std::nullopt;
      if (unreserved(value)) {
        out += static_cast<char>(value);
      } else {
        out += path.substr(i, 3);
      }
      i += 2;
    } else if (c == '\\') {
      out += '/';
    } else if (c < 0x20 || c >= 0x7F || kEscape.find(path[i]) != std::string_view::npos) {
      out += '%';
      out += kHex[c / 16];
      out += kHex[c % 16];
    } else {
      out += path[i];
    }
  }
  return out;
}

std::string withoutDotSegments(const std::string& path) {
  const auto segments = split(path, '/');
  std::vector<std::string> kept{""};
  for (std::size_t i = 1; i < segments.size(); ++i) {
    const bool last = i + 1 == segments.size();
    const bool up = segments[i] == "..";
    if (up && kept.size() > 1) kept.pop_back();
    if (!up && segments[i] != ".") kept.push_back(segments[i]);
    // "/a/.." and "/a/." name folders.
    if (last && (up || segments[i] == ".")) kept.emplace_back();
  }
  return kept.size() == 1 ? "/" : join(kept, "/");
}

std::string withMergedSlashes(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (c != '/' || !out.ends_with('/')) out += c;
  }
  return out;
}

}  // namespace

PathResult normalizePath(std::string_view target, const PathSettings& settings) {
  if (target.find('#') != std::string_view::npos) return {PathResult::Action::reject, {}};
  auto action = PathResult::Action::forward;
  const auto query = target.substr(std::min(target.find('?'), target.size()));
  std::string path(target.substr(0, target.size() - query.size()));
  if (settings.escapedSlashes != EscapedSlashes::keep) {
    if (auto unescaped = withoutEscapedSlashes(path)) {
      if (settings.escapedSlashes == EscapedSlashes::reject) return {PathResult::Action::reject, {}};
      if (settings.escapedSlashes == EscapedSlashes::redirect) action = PathResult::Action::redirect;
      path = std::move(*unescaped);
    }
  }
  if (settings.normalize) {
    // How these two act together is not documented.
    if (path.find('\\') != std::string::npos && path.find(';') != std::string::npos) {
      return {PathResult::Action::unknown, {}};
    }
    auto canonical = canonicalCharacters(withoutDotParameters(path));
    if (!canonical) return {PathResult::Action::reject, {}};
    path = withoutDotSegments(*canonical);
  }
  if (settings.mergeSlashes) path = withMergedSlashes(path);
  return {action, path + std::string(query)};
}

}  // namespace fairway::evaluate
