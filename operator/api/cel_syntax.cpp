#include "api/cel_syntax.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>

#include "api/validate.h"
#include "base/strings.h"

namespace fairway::api {

namespace {

constexpr std::size_t kMaxSize = 4096;
constexpr int kMaxDepth = 32;

constexpr std::array<std::string_view, 21> kReserved{
    "as",  "break", "const", "continue",  "else",    "false",  "for",  "function", "if",   "import", "in",
    "let", "loop",  "null",  "namespace", "package", "return", "true", "var",      "void", "while"};
// Of the reserved words those that are no names of fields either.
constexpr std::array<std::string_view, 4> kValues{"false", "in", "null", "true"};

// What Envoy's evaluator knows, with how many arguments (the one in front of the dot is one); it refuses a whole
// listener for any other.
struct Function {
  std::string_view name;
  std::size_t least, most;
};
constexpr std::array<Function, 24> kFunctions{{
    {"bool", 1, 1},          {"bytes", 1, 1},
    {"contains", 2, 2},      {"double", 1, 1},
    {"duration", 1, 1},      {"dyn", 1, 1},
    {"endsWith", 2, 2},      {"getDate", 1, 2},
    {"getDayOfMonth", 1, 2}, {"getDayOfWeek", 1, 2},
    {"getDayOfYear", 1, 2},  {"getFullYear", 1, 2},
    {"getHours", 1, 2},      {"getMilliseconds", 1, 2},
    {"getMinutes", 1, 2},    {"getMonth", 1, 2},
    {"getSeconds", 1, 2},    {"int", 1, 1},
    {"matches", 2, 2},       {"size", 1, 1},
    {"startsWith", 2, 2},    {"timestamp", 1, 1},
    {"type", 1, 1},          {"uint", 1, 1},
}};

bool isLetter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool isDigit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool isHex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

template <std::size_t N>
bool among(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

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
  // What a part of the expression is, as far as it matters to what is around it.
  enum class Shape { other, field, text };

  void fail(std::string_view expected) { failAt(at_, expected); }
  void failAt(std::size_t at, std::string_view expected) {
    if (failed_) return;
    failed_ = true;
    const auto rest = text_.substr(std::min(at, text_.size()), 20);
    problem_ = "at its character " + std::to_string(at + 1) +
               (rest.empty() ? " found the end" : " found " + quote(rest)) + ", expected " + std::string(expected);
  }
  void space() {
    for (;;) {
      while (at_ < text_.size() && std::string_view(" \t\n\r\f").find(text_[at_]) != std::string_view::npos) ++at_;
      if (!rest().starts_with("//")) return;
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    }
  }
  [[nodiscard]] std::string_view rest() const { return text_.substr(std::min(at_, text_.size())); }
  bool take(std::string_view token) {
    if (failed_) return false;
    space();
    if (!rest().starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  void need(std::string_view token) {
    if (!take(token)) fail("'" + std::string(token) + "'");
  }
  // A word that is not a part of a longer one.
  bool takeWord(std::string_view word) {
    if (failed_) return false;
    space();
    const auto ahead = rest();
    if (!ahead.starts_with(word)) return false;
    if (ahead.size() > word.size() && (isLetter(ahead[word.size()]) || isDigit(ahead[word.size()]))) return false;
    at_ += word.size();
    return true;
  }

  Shape expression() {
    if (failed_) return Shape::other;
    if (++depth_ > kMaxDepth) {
      fail("at most 32 levels");
      return Shape::other;
    }
    auto shape = conjunctions();
    if (take("?")) {
      shape = Shape::other;
      conjunctions();
      need(":");
      expression();
    }
    --depth_;
    return shape;
  }
  Shape conjunctions() {
    auto shape = relation();
    while (take("||") || take("&&")) {
      relation();
      shape = Shape::other;
    }
    return shape;
  }
  Shape relation() {
    auto shape = sum();
    while (take("<=") || take(">=") || take("==") || take("!=") || take("<") || take(">") || takeWord("in")) {
      sum();
      shape = Shape::other;
    }
    return shape;
  }
  Shape sum() {
    auto shape = unary();
    while (take("+") || take("-") || take("*") || take("/") || take("%")) {
      unary();
      shape = Shape::other;
    }
    return shape;
  }
  Shape unary() {
    bool any = false, minus = false;
    while (take("!")) any = true;
    while (!any && take("-")) minus = true;
    while (minus && take("-")) continue;
    const auto shape = member(minus);
    return any || minus ? Shape::other : shape;
  }
  Shape member(bool negative) {
    auto shape = primary(negative);
    while (!failed_) {
      if (take(".")) {
        space();
        const auto start = at_;
        const auto name = identifier(true);
        if (!failed_ && take("(")) {
          call(name, start, true);
          shape = Shape::other;
        } else {
          shape = Shape::field;
        }
      } else if (take("[")) {
        expression();
        need("]");
        shape = Shape::other;
      } else {
        break;
      }
    }
    return shape;
  }
  // Behind the opening bracket of a call.
  void call(std::string_view name, std::size_t start, bool member) {
    std::size_t count = member ? 1 : 0;
    auto last = Shape::other;
    space();
    const auto first = at_;
    if (!take(")")) {
      do {
        last = expression();
        ++count;
      } while (take(","));
      need(")");
    }
    if (failed_) return;
    if (!member && name == "has") {
      if (count != 1 || last != Shape::field)
        failAt(first, "the field that is asked for, as in has(request.headers.a)");
      return;
    }
    const auto known =
        std::find_if(kFunctions.begin(), kFunctions.end(), [&](const auto& one) { return one.name == name; });
    if (known == kFunctions.end())
      return failAt(start, "a function that Envoy has, such as startsWith, matches or size");
    if (count < known->least || count > known->most) return failAt(first, "another number of arguments");
    if (name != "matches" || last != Shape::text || !literal_) return;
    if (const auto problem = regexProblem(*literal_)) {
      failed_ = true;
      problem_ = *problem;
    }
  }
  void list() {
    do {
      if (take("]")) return;  // behind a last comma
      expression();
    } while (take(","));
    need("]");
  }
  void map() {
    do {
      if (take("}")) return;
      expression();
      need(":");
      expression();
    } while (take(","));
    need("}");
  }
  Shape primary(bool negative) {
    if (failed_) return Shape::other;
    space();
    if (take("(")) {
      expression();
      need(")");
      return Shape::other;
    }
    if (take("[")) {
      list();
      return Shape::other;
    }
    if (take("{")) {
      map();
      return Shape::other;
    }
    const auto ahead = rest();
    if (!ahead.empty() && (isDigit(ahead[0]) || (ahead[0] == '.' && ahead.size() > 1 && isDigit(ahead[1])))) {
      number(negative);
      return Shape::other;
    }
    if (startsText()) {
      quoted();
      return Shape::text;
    }
    if (takeWord("true") || takeWord("false") || takeWord("null")) return Shape::other;
    take(".");
    space();
    const auto start = at_;
    const auto name = identifier(false);
    if (!failed_ && take("(")) call(name, start, false);
    return Shape::other;
  }
  std::string_view identifier(bool member) {
    space();
    const auto start = at_;
    if (member && rest().starts_with('`')) {
      ++at_;
      while (at_ < text_.size() && (isLetter(text_[at_]) || isDigit(text_[at_]) ||
                                    std::string_view("-./ ").find(text_[at_]) != std::string_view::npos))
        ++at_;
      if (at_ == start + 1 || !rest().starts_with('`')) fail("the name of a field between ``");
      ++at_;
      return {};
    }
    if (at_ < text_.size() && isLetter(text_[at_])) {
      while (at_ < text_.size() && (isLetter(text_[at_]) || isDigit(text_[at_]))) ++at_;
    }
    const auto name = text_.substr(start, at_ - start);
    if (!name.empty() && !(member ? among(kValues, name) : among(kReserved, name))) return name;
    at_ = start;
    fail(member ? "the name of a field" : "a value, such as request.method, 'text' or 5");
    return {};
  }
  std::size_t digits() {
    const auto start = at_;
    while (at_ < text_.size() && isDigit(text_[at_])) ++at_;
    return at_ - start;
  }
  void number(bool negative) {
    const auto start = at_;
    bool whole = true;
    if (rest().starts_with("0x") || rest().starts_with("0X")) {
      at_ += 2;
      while (at_ < text_.size() && isHex(text_[at_])) ++at_;
      if (at_ == start + 2) return fail("hexadecimal digits");
      if (at_ - start > 17) return failAt(start, "a number of 64 bits");
    } else {
      digits();
      if (rest().size() > 1 && rest()[0] == '.' && isDigit(rest()[1])) {
        whole = false;
        ++at_;
        digits();
      }
      if (rest().starts_with('e') || rest().starts_with('E')) {
        whole = false;
        ++at_;
        if (rest().starts_with('+') || rest().starts_with('-')) ++at_;
        if (digits() == 0) return fail("the digits of an exponent");
      }
      const auto value = whole ? toNumber(text_.substr(start, at_ - start)) : std::optional<std::uint64_t>(0);
      const std::uint64_t most = rest().starts_with('u') || rest().starts_with('U') ? UINT64_MAX
                                 : negative                                         ? std::uint64_t(INT64_MAX) + 1
                                                                                    : std::uint64_t(INT64_MAX);
      if (!value || *value > most) return failAt(start, "a number of 64 bits");
    }
    if (whole && (rest().starts_with('u') || rest().starts_with('U'))) ++at_;
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
    bool raw = false, plain = true;
    for (; text_[at_] != '\'' && text_[at_] != '"'; ++at_) raw = raw || text_[at_] == 'r' || text_[at_] == 'R';
    const auto ahead = rest();
    const std::string one(1, ahead[0]);
    const std::string mark = ahead.starts_with(one + one + one) ? one + one + one : one;
    const auto start = at_;
    for (at_ += mark.size(); at_ < text_.size(); ++at_) {
      if (text_.substr(at_).starts_with(mark)) {
        literal_.reset();
        const auto begin = start + mark.size();
        if (raw || plain) literal_ = std::string(text_.substr(begin, at_ - begin));
        at_ += mark.size();
        return;
      }
      if (mark.size() == 1 && (text_[at_] == '\n' || text_[at_] == '\r')) break;
      if (raw || text_[at_] != '\\') continue;
      plain = false;
      if (!escape()) return;
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
  std::optional<std::string> literal_;  // the text that was read last, if it has no escapes
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
