#include <algorithm>
#include <set>

#include "base/strings.h"
#include "migrate/domain.h"

namespace fairway::migrate {

namespace {

using model::StringMatcher;
using Type = StringMatcher::Type;

// A character that is in none of the texts, in either case.
char unusedCharacter(const std::vector<StringMatcher>& matchers) {
  static constexpr std::string_view kCandidates = "xzqjkwvybdfghmpucltnrsioae0987654321~_-!$";
  std::set<char> used;
  for (const auto& matcher : matchers) {
    for (const char c : toLower(matcher.value)) used.insert(c);
  }
  const auto found = std::find_if(kCandidates.begin(), kCandidates.end(), [&](char c) { return !used.contains(c); });
  return found == kCandidates.end() ? '\x7e' : *found;
}

// The text after one part of an expression, and a text that the part matches.
struct Part {
  std::string text;
  std::size_t next = 0;
};

// The end of the group or class that opens at `from`.
std::size_t closing(const std::string& expression, std::size_t from, char open, char close) {
  int depth = 0;
  for (auto i = from; i < expression.size(); ++i) {
    if (expression[i] == '\\') {
      ++i;
    } else if (expression[i] == open && open != '[') {
      ++depth;
    } else if (expression[i] == close && (open == '[' ? i > from + 1 : --depth == 0)) {
      return i;
    }
  }
  return std::string::npos;
}

Part partAt(const std::string& expression, std::size_t at) {
  const char c = expression[at];
  if (c == '(') {
    const auto end = closing(expression, at, '(', ')');
    if (end == std::string::npos) return {"", expression.size()};
    auto inner = expression.substr(at + 1, end - at - 1);
    if (inner.starts_with("?:")) inner = inner.substr(2);
    if (inner.starts_with("?")) inner.clear();
    return {sampleOf(inner), end + 1};
  }
  if (c == '[') {
    const auto end = closing(expression, at, '[', ']');
    if (end == std::string::npos) return {"", expression.size()};
    const auto inner = expression.substr(at + 1, end - at - 1);
    return {inner.starts_with('^') ? "x" : inner.substr(inner.starts_with('\\') ? 1 : 0, 1), end + 1};
  }
  if (c == '\\' && at + 1 < expression.size()) {
    const char escaped = expression[at + 1];
    const std::string text = escaped == 'd'   ? "1"
                             : escaped == 'w' ? "x"
                             : escaped == 's' ? " "
                                              : std::string(1, escaped);
    return {text, at + 2};
  }
  if (c == '.') return {"x", at + 1};
  if (c == '^' || c == '$') return {"", at + 1};
  return {std::string(1, c), at + 1};
}

}  // namespace

// Takes the first alternative and each repeated part once: enough for the expressions that people write for paths.
std::string sampleOf(const std::string& expression) {
  std::string result;
  for (std::size_t i = expression.starts_with("(?") && !expression.starts_with("(?:") ? expression.find(')') + 1 : 0;
       i < expression.size();) {
    if (expression[i] == '|') break;
    const auto part = partAt(expression, i);
    result += part.text;
    i = part.next;
    if (i < expression.size() && (expression[i] == '*' || expression[i] == '+' || expression[i] == '?')) ++i;
    if (i < expression.size() && expression[i] == '{') i = expression.find('}', i) + 1;
    if (i == 0) break;
  }
  return result;
}

std::vector<std::string> boundaryTexts(const std::vector<StringMatcher>& matchers, const std::string& start) {
  std::vector<std::string> prefixes{start}, suffixes{""}, result;
  for (const auto& matcher : matchers) {
    switch (matcher.type) {
      case Type::prefix: prefixes.push_back(matcher.value); break;
      case Type::suffix: suffixes.push_back(matcher.value); break;
      case Type::exact: result.push_back(matcher.value); break;
      case Type::regex: result.push_back(sampleOf(matcher.value)); break;
      case Type::present: break;
    }
  }
  // Of a text that no matcher names whole, its longest known prefix and its longest known suffix tell all: one that
  // puts them together with a character between that is in no matcher is of the same kind.
  const char between = unusedCharacter(matchers);
  for (const auto& prefix : prefixes) {
    for (const auto& suffix : suffixes) {
      auto text = prefix;
      text += between;
      text += suffix;
      result.push_back(std::move(text));
    }
  }
  // Other case, and one character less or more, for matchers with and without case side by side and for expressions.
  const auto known = result;
  for (const auto& text : known) {
    result.push_back(toUpper(text));
    result.push_back(text + between);
    if (text.size() > 1) result.push_back(text.substr(0, text.size() - 1));
  }
  std::erase_if(result, [&](const std::string& text) { return !text.starts_with(start); });
  // The plainest example comes first.
  const std::string plain = start + between;
  std::stable_partition(result.begin(), result.end(), [&](const std::string& text) { return text == plain; });
  return result;
}

}  // namespace fairway::migrate
