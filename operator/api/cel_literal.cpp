#include "api/cel_literal.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace fairway::api {

namespace {

// Of whole numbers that fit 64 bits whatever their digits, and their sign.
constexpr std::size_t kMaxDigits = 18, kMaxHexDigits = 15, kMaxExponentDigits = 2;

bool isDigit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool isHex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }
bool inName(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

template <class Is>
std::size_t pass(std::string_view text, std::size_t at, Is is) {
  while (at < text.size() && is(text[at])) ++at;
  return at;
}

bool isOneOf(std::string_view characters, char c) { return characters.find(c) != std::string_view::npos; }

// What stands behind a backslash: its length, and the character that it is; nothing of a number.
struct Escape {
  std::size_t length = 0;  // 0: there is no such escape
  std::optional<char> character;
};

Escape readEscape(std::string_view rest) {
  if (rest.empty()) return {};
  const char c = rest.front();
  if (isOneOf("\\?\"'`", c)) return {1, c};
  constexpr std::string_view kLetters = "abfnrtv", kMeanings = "\a\b\f\n\r\t\v";
  if (const auto found = kLetters.find(c); found != std::string_view::npos) return {1, kMeanings[found]};
  const auto digits = [&](std::size_t count) {
    return rest.size() > count &&
                   std::all_of(rest.begin() + 1, rest.begin() + 1 + static_cast<std::ptrdiff_t>(count), isHex)
               ? Escape{count + 1, std::nullopt}
               : Escape{};
  };
  if (c == 'x' || c == 'X') return digits(2);
  // From D800 on there are halves of characters.
  if (c == 'u' && rest.size() > 1 && isDigit(rest[1])) return digits(4);
  return {};
}

}  // namespace

CelLiteral readCelNumber(std::string_view text) {
  const auto wrong = [](const char* what) { return CelLiteral{0, what, std::nullopt}; };
  std::size_t at = 0;
  bool floating = false, large = false;
  if (text.starts_with("0x")) {
    at = pass(text, 2, isHex);
    if (at == 2) return wrong("it is no number");
    large = at - 2 > kMaxHexDigits;
  } else {
    at = pass(text, 0, isDigit);
    large = at > kMaxDigits;
    if (at + 1 < text.size() && text[at] == '.' && isDigit(text[at + 1])) {
      floating = true;
      at = pass(text, at + 1, isDigit);
    }
    if (at < text.size() && isOneOf("eE", text[at])) {
      floating = true;
      ++at;
      if (at < text.size() && isOneOf("+-", text[at])) ++at;
      const auto exponent = std::exchange(at, pass(text, at, isDigit));
      if (at == exponent) return wrong("it is no number");
      large = large || at - exponent > kMaxExponentDigits;
    }
  }
  if (!floating && at < text.size() && isOneOf("uU", text[at])) ++at;
  if (at < text.size() && (inName(text[at]) || text[at] == '.')) return wrong("it is no number");
  if (large) return wrong("the number is too large");
  return {at, {}, std::nullopt};
}

bool startsCelText(std::string_view text) {
  const std::size_t quote = !text.empty() && isOneOf("rRbB", text.front()) ? 1 : 0;
  return quote < text.size() && isOneOf("'\"", text[quote]);
}

CelLiteral readCelText(std::string_view text) {
  const auto wrong = [](const char* what) { return CelLiteral{0, what, std::nullopt}; };
  const bool raw = isOneOf("rR", text.front()), bytes = isOneOf("bB", text.front());
  std::size_t at = raw || bytes ? 1 : 0;
  const std::string three(3, text[at]);
  const bool lines = text.substr(at).starts_with(three);
  const auto end = lines ? std::string_view(three) : text.substr(at, 1);
  at += end.size();
  std::string result;
  bool known = !bytes;
  while (at < text.size()) {
    const char c = text[at];
    if (text.substr(at).starts_with(end)) {
      return {at + end.size(), {}, known ? std::optional(std::move(result)) : std::nullopt};
    }
    if (!lines && isOneOf("\n\r", c)) break;
    if (c == '\\' && !raw) {
      const auto escape = readEscape(text.substr(at + 1));
      if (escape.length == 0)
        return wrong("the text has a backslash with nothing known behind it: write \\\\, or r'...'");
      known = known && escape.character;
      if (known) result += *escape.character;
      at += escape.length + 1;
      continue;
    }
    // Envoy's parser is of two minds about it.
    if (c == '\\' && at + 1 < text.size() && isOneOf("'\"", text[at + 1]))
      return wrong("r'...' has a quote behind a backslash");
    result += c;
    ++at;
  }
  return wrong("the text has no end");
}

}  // namespace fairway::api
