#include <optional>
#include <set>

#include <re2/re2.h>

#include "evaluate/matchers_internal.h"
#include "evaluate/regex.h"

namespace fairway::evaluate {

namespace {

// What one segment may hold: RFC 3986's pchar.
constexpr const char* kSegment = "[a-zA-Z0-9\\-._~%!$&'()*+,;=:@]+";
constexpr const char* kSegments = "[a-zA-Z0-9\\-._~%!$&'()*+,;=:@/]*";

// The next piece of `rest`, which it takes off: "*", "**" or literal text up to one of `stops`, as an expression.
std::string piece(std::string_view& rest, std::string_view stops) {
  if (rest.starts_with("**")) {
    rest.remove_prefix(2);
    return kSegments;
  }
  if (rest.starts_with("*")) {
    rest.remove_prefix(1);
    return kSegment;
  }
  const auto length = std::min(rest.find_first_of(stops), rest.size());
  const auto literal = rest.substr(0, length);
  rest.remove_prefix(length);
  return RE2::QuoteMeta(re2::StringPiece(literal.data(), literal.size()));
}

// "{name}" or "{name=pattern}" without its braces; nothing if it is neither.
std::optional<std::string> variable(std::string_view text) {
  const auto equals = text.find('=');
  const auto name = text.substr(0, equals);
  if (fullMatch("[a-zA-Z][a-zA-Z0-9_]{0,15}", name) != Truth::yes) return std::nullopt;
  if (equals == std::string_view::npos) return kSegment;
  auto rest = text.substr(equals + 1);
  if (rest.empty()) return std::nullopt;
  std::string expression;
  while (!rest.empty()) expression += piece(rest, "*");
  return expression;
}

// The template as an expression for the whole path; nothing for what is none.
std::optional<std::string> expressionOf(std::string_view pattern) {
  if (!pattern.starts_with('/')) return std::nullopt;
  std::string expression;
  while (!pattern.empty()) {
    if (pattern.front() != '{') {
      if (pattern.front() == '}') return std::nullopt;
      expression += piece(pattern, "*{}");
      continue;
    }
    const auto end = pattern.find('}');
    if (end == std::string_view::npos) return std::nullopt;
    const auto part = variable(pattern.substr(1, end - 1));
    if (!part) return std::nullopt;
    expression += *part;
    pattern.remove_prefix(end + 1);
  }
  return expression;
}

}  // namespace

Truth matchTemplate(const std::string& pattern, std::string_view path) {
  const auto expression = expressionOf(pattern);
  return expression ? fullMatch(*expression, withoutQuery(path)) : Truth::unknown;
}

}  // namespace fairway::evaluate
