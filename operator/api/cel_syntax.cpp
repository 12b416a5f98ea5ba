#include "api/cel_syntax.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>

namespace fairway::api {

namespace {

constexpr std::size_t kMaxSize = 4096;
constexpr int kMaxDepth = 32;

constexpr std::array<std::string_view, 21> kReserved{
    "as",  "break", "const", "continue",  "else",    "false",  "for",  "function", "if",   "import", "in",
    "let", "loop",  "null",  "namespace", "package", "return", "true", "var",      "void", "while"};

bool isLetter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool isDigit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool isHex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

// A recursive descent without a tree: it says whether there is one.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<std::string> problem() {
    expression();
    space();
    if (!failed_ && at_ < text_.size()) fail("an operator or the end");
    return problem_;
  }

 private:
  void fail(std::string_view expected) {
    if (failed_) return;
    failed_ = true;
    const auto rest = text_.substr(std::min(at_, text_.size()), 20);
    problem_ = "at its character " + std::to_string(at_ + 1) +
               (rest.empty() ? " found the end" : " found \"" + std::string(rest) + "\"") + ", expected " +
               std::string(expected);
  }
  void space() {
    for (;;) {
      while (at_ < text_.size() && std::string_view(" \t\n\r\f").find(text_[at_]) != std::string_view::npos) ++at_;
      if (!text_.substr(at_).starts_with("//")) return;
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    }
  }
  bool take(std::string_view token) {
    if (failed_) return false;
    space();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  void need(std::string_view token) {
    if (!take(token)) fail("'" + std::string(token) + "'");
  }
  // A word that is not a part of a longer one.
  bool takeWord(std::string_view word) {
    space();
    const auto rest = text_.substr(std::min(at_, text_.size()));
    if (!rest.starts_with(word) ||
        (rest.size() > word.size() && (isLetter(rest[word.size()]) || isDigit(rest[word.size()]))))
      return false;
    at_ += word.size();
    return true;
  }

  void expression() {
    if (++depth_ > kMaxDepth) return fail("at most 32 levels");
    conjunctions();
    if (!failed_ && take("?")) {
      conjunctions();
      need(":");
      if (!failed_) expression();
    }
    --depth_;
  }
  void conjunctions() {
    do {
      relation();
    } while (!failed_ && (take("||") || take("&&")));
  }
  void relation() {
    do {
      sum();
    } while (!failed_ &&
             (take("<=") || take(">=") || take("==") || take("!=") || take("<") || take(">") || takeWord("in")));
  }
  void sum() {
    do {
      unary();
    } while (!failed_ && (take("+") || take("-") || take("*") || take("/") || take("%")));
  }
  void unary() {
    if (failed_) return;
    while (take("!") || take("-")) continue;
    member();
  }
  void member() {
    primary();
    while (!failed_) {
      if (take(".")) {
        take("?");
        identifier(true);
        if (!failed_ && take("(")) list(")");
      } else if (take("[")) {
        take("?");
        expression();
        need("]");
      } else {
        return;
      }
    }
  }
  // What stands up to `end`, by commas.
  void list(std::string_view end) {
    if (take(end)) return;
    do {
      if (take(end)) return;  // behind a last comma
      expression();
    } while (!failed_ && take(","));
    if (!failed_) need(end);
  }
  void map() {
    if (take("}")) return;
    do {
      if (take("}")) return;
      take("?");
      expression();
      need(":");
      if (!failed_) expression();
    } while (!failed_ && take(","));
    if (!failed_) need("}");
  }
  void primary() {
    if (failed_) return;
    space();
    if (take("(")) {
      expression();
      return need(")");
    }
    if (take("[")) return list("]");
    if (take("{")) return map();
    if (at_ < text_.size() &&
        (isDigit(text_[at_]) || (text_[at_] == '.' && at_ + 1 < text_.size() && isDigit(text_[at_ + 1]))))
      return number();
    if (startsText()) return quoted();
    if (takeWord("true") || takeWord("false") || takeWord("null")) return;
    take(".");
    identifier(false);
    if (!failed_ && take("(")) list(")");
  }
  void identifier(bool member) {
    space();
    const auto start = at_;
    if (at_ < text_.size() && isLetter(text_[at_])) {
      while (at_ < text_.size() && (isLetter(text_[at_]) || isDigit(text_[at_]))) ++at_;
    }
    const auto name = text_.substr(start, at_ - start);
    if (!name.empty() && (member || std::find(kReserved.begin(), kReserved.end(), name) == kReserved.end())) return;
    at_ = start;
    fail(member ? "the name of a field" : "a value, such as request.method, 'text' or 5");
  }
  std::size_t digits() {
    const auto start = at_;
    while (at_ < text_.size() && isDigit(text_[at_])) ++at_;
    return at_ - start;
  }
  void number() {
    const auto rest = text_.substr(at_);
    const bool hex = rest.starts_with("0x") || rest.starts_with("0X");
    if (hex) {
      at_ += 2;
      const auto start = at_;
      while (at_ < text_.size() && isHex(text_[at_])) ++at_;
      if (at_ == start) return fail("hexadecimal digits");
    } else {
      digits();
      if (at_ + 1 < text_.size() && text_[at_] == '.' && isDigit(text_[at_ + 1])) {
        ++at_;
        digits();
      }
      if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
        ++at_;
        if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
        if (digits() == 0) return fail("the digits of an exponent");
      }
    }
    if (at_ < text_.size() && (text_[at_] == 'u' || text_[at_] == 'U')) ++at_;
    if (at_ < text_.size() && isLetter(text_[at_])) fail("an operator behind the number");
  }
  // r"..", b'..' and the like.
  [[nodiscard]] bool startsText() const {
    for (std::size_t i = at_; i < text_.size() && i < at_ + 3; ++i) {
      if (text_[i] == '\'' || text_[i] == '"') return true;
      if (std::string_view("rRbB").find(text_[i]) == std::string_view::npos) return false;
    }
    return false;
  }
  void quoted() {
    bool raw = false;
    for (; text_[at_] != '\'' && text_[at_] != '"'; ++at_) raw = raw || text_[at_] == 'r' || text_[at_] == 'R';
    const auto rest = text_.substr(at_);
    const std::string one(1, rest[0]);
    const std::string quote = rest.starts_with(one + one + one) ? one + one + one : one;
    const auto start = at_;
    for (at_ += quote.size(); at_ < text_.size(); ++at_) {
      if (text_.substr(at_).starts_with(quote)) {
        at_ += quote.size();
        return;
      }
      if (quote.size() == 1 && (text_[at_] == '\n' || text_[at_] == '\r')) break;
      if (!raw && text_[at_] == '\\' && !escape()) return;
    }
    at_ = start;
    fail("the end of the text that begins here");
  }
  // At a backslash; behind it, at the last character of the escape.
  bool escape() {
    const auto start = at_++;
    const char kind = at_ < text_.size() ? text_[at_] : '\0';
    const std::size_t digits = kind == 'x' || kind == 'X' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    bool good =
        digits != 0 || (kind != '\0' && std::string_view("abfnrtv\"'`\\?").find(kind) != std::string_view::npos);
    for (std::size_t i = 0; i < digits && good; ++i) good = ++at_ < text_.size() && isHex(text_[at_]);
    if (digits == 0 && kind >= '0' && kind <= '3') {
      good = true;
      for (int i = 0; i < 2 && good; ++i) good = ++at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '7';
    }
    if (good) return true;
    at_ = start;
    fail("an escape such as \\n or \\x41");
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool failed_ = false;
  std::optional<std::string> problem_;
};

}  // namespace

std::optional<std::string> celProblem(std::string_view expression) {
  if (expression.size() > kMaxSize)
    return "it has " + std::to_string(expression.size()) + " bytes, expected at most 4096";
  for (const char c : expression) {
    if (static_cast<unsigned char>(c) < 0x20 && std::string_view("\t\n\r").find(c) == std::string_view::npos)
      return "it has a control character";
  }
  return Parser(expression).problem();
}

}  // namespace fairway::api
