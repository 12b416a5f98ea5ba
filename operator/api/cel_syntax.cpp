#include "api/cel_syntax.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "api/cel_literal.h"
#include "api/validate.h"
#include "base/strings.h"

namespace fairway::api {

namespace {

constexpr std::size_t kMaxLength = 4096;
constexpr int kMaxDepth = 32;

struct Function {
  std::string_view name;
  std::size_t least, most;  // arguments, without the one before the dot
};

constexpr std::array kFunctions{
    Function{"size", 1, 1},      Function{"int", 1, 1},      Function{"uint", 1, 1},    Function{"double", 1, 1},
    Function{"bytes", 1, 1},     Function{"bool", 1, 1},     Function{"type", 1, 1},    Function{"dyn", 1, 1},
    Function{"timestamp", 1, 1}, Function{"duration", 1, 1}, Function{"matches", 2, 2}, Function{"startsWith", 2, 2},
    Function{"endsWith", 2, 2},  Function{"contains", 2, 2}, Function{"has", 1, 1},
};
constexpr std::array kMethods{
    Function{"size", 0, 0},         Function{"matches", 1, 1},      Function{"startsWith", 1, 1},
    Function{"endsWith", 1, 1},     Function{"contains", 1, 1},     Function{"getFullYear", 0, 1},
    Function{"getMonth", 0, 1},     Function{"getDate", 0, 1},      Function{"getDayOfMonth", 0, 1},
    Function{"getDayOfWeek", 0, 1}, Function{"getDayOfYear", 0, 1}, Function{"getHours", 0, 1},
    Function{"getMinutes", 0, 1},   Function{"getSeconds", 0, 1},   Function{"getMilliseconds", 0, 1},
};
// Functions of the name space `re`.
constexpr std::array kRegexFunctions{Function{"extract", 3, 3}, Function{"capture", 2, 2}, Function{"captureN", 2, 2}};

constexpr std::array<std::string_view, 10> kAttributes{
    "request",  "response", "source",       "destination",           "connection",
    "upstream", "metadata", "filter_state", "upstream_filter_state", "xds"};
constexpr const char* kAttributeNames =
    "request, response, source, destination, connection, upstream, metadata, filter_state, upstream_filter_state, xds";
constexpr std::array<std::string_view, 9> kTypes{"int",   "uint", "double", "bool",     "string",
                                                 "bytes", "list", "map",    "null_type"};
constexpr std::array<std::string_view, 18> kReserved{"as",        "break",  "const",  "continue", "else",  "for",
                                                     "function",  "if",     "import", "let",      "loop",  "package",
                                                     "namespace", "return", "var",    "void",     "while", "in"};

template <class List>
bool isIn(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

template <class List>
const Function* functionOf(const List& list, std::string_view name) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const Function& one) { return one.name == name; });
  return found == list.end() ? nullptr : &*found;
}

bool startsName(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool isDigit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool inName(char c) { return startsName(c) || isDigit(c); }

// What the last thing read was, where that matters to what is around it.
struct Read {
  bool selection = false;           // "a.b"
  std::optional<std::string> text;  // a literal
};

// By recursive descent. After the first problem every step does nothing.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<std::string> run() {
    expression();
    if (!problem_ && !atEnd()) unexpected("an operator");
    return problem_;
  }

 private:
  // Passes over blanks and comments.
  bool atEnd() {
    for (;;) {
      while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
      if (!text_.substr(at_).starts_with("//")) return at_ == text_.size();
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    }
  }
  // Whether this comes next; passes over it.
  bool take(std::string_view token) {
    if (problem_ || atEnd() || !text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  bool takeWord(std::string_view word) {
    if (problem_ || atEnd() || !text_.substr(at_).starts_with(word)) return false;
    if (at_ + word.size() < text_.size() && inName(text_[at_ + word.size()])) return false;
    at_ += word.size();
    return true;
  }
  void need(std::string_view token) {
    if (!problem_ && !take(token)) unexpected("'" + std::string(token) + "'");
  }
  void fail(std::size_t at, const std::string& message) {
    if (!problem_) problem_ = "at character " + std::to_string(at + 1) + ": " + message;
  }
  void unexpected(const std::string& wanted) {
    if (problem_) return;
    const auto found = atEnd() ? std::string("the end") : "'" + std::string(text_.substr(at_, 10)) + "'";
    fail(at_, "found " + found + ", expected " + wanted);
  }

  void expression() {
    if (problem_) return;
    if (++depth_ > kMaxDepth) return fail(at_, "it is nested too deeply");
    binary(0);
    if (take("?")) {
      binary(0);
      need(":");
      expression();
    }
    --depth_;
  }

  // Operators by how tightly they bind.
  void binary(int level) {
    constexpr int kLevels = 5;
    if (level == kLevels) return unary();
    binary(level + 1);
    while (!problem_ && takeOperator(level)) binary(level + 1);
  }
  bool takeOperator(int level) {
    switch (level) {
      case 0: return take("||");
      case 1: return take("&&");
      case 2: return take("==") || take("!=") || take("<=") || take(">=") || take("<") || take(">") || takeWord("in");
      case 3: return take("+") || take("-");
      default: return take("*") || take("/") || take("%");
    }
  }

  void unary() {
    if (take("!")) {
      while (take("!")) {
      }
    } else {
      while (take("-")) {
      }
    }
    member();
  }

  Read member() {
    auto last = primary();
    while (!problem_) {
      if (take(".")) {
        last = select();
      } else if (take("[")) {
        expression();
        need("]");
        last = {};
      } else {
        break;
      }
    }
    last_ = last;
    return last;
  }

  std::string_view name(const char* wanted) {
    if (problem_) return {};
    if (atEnd() || !startsName(text_[at_])) {
      unexpected(wanted);
      return {};
    }
    const auto start = at_;
    while (at_ < text_.size() && inName(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  // Behind a dot.
  Read select() {
    atEnd();
    const auto start = at_;
    const auto field = name("the name of a field");
    if (problem_) return {};
    if (field == "in" || field == "true" || field == "false" || field == "null") {
      fail(start, "'" + std::string(field) + "' is no name of a field: write ['" + std::string(field) + "']");
      return {};
    }
    if (!take("(")) return {.selection = true, .text = {}};
    call(functionOf(kMethods, field), field, start, field == "matches" ? 0 : kNone);
    return {};
  }

  // Behind the opening bracket. `regex`: which argument is one.
  void call(const Function* function, std::string_view name, std::size_t start, std::size_t regex) {
    if (function == nullptr) return fail(start, "there is no function " + std::string(name) + "() here");
    std::size_t count = 0;
    if (!take(")")) {
      do {
        atEnd();
        const auto from = at_;
        last_ = {};
        expression();
        if (problem_) return;
        // The last thing read is the argument itself only if nothing stood before it.
        const auto written = trim(text_.substr(from, at_ - from));
        if (name == "has" && (!last_.selection || !plainSelection(written))) {
          return fail(from, "has() wants a field, such as request.useragent");
        }
        if (count == regex && last_.text && isQuoted(written)) {
          if (const auto problem = regexProblem(*last_.text)) return fail(from, *problem);
        }
        ++count;
      } while (take(","));
      need(")");
    }
    if (!problem_ && (count < function->least || count > function->most)) {
      fail(start, std::string(name) + "() has " + std::to_string(count) + " arguments, expected " +
                      std::to_string(function->least) +
                      (function->most == function->least ? std::string() : " or " + std::to_string(function->most)));
    }
  }

  static bool isQuoted(std::string_view written) {
    const auto quote = written.find_first_of("'\"");
    return quote != std::string_view::npos &&
           written.substr(0, quote).find_first_not_of("rRbB") == std::string_view::npos &&
           written.back() == written[quote];
  }
  // No operators: members alone.
  static bool plainSelection(std::string_view written) {
    char quote = 0;
    for (const char c : written) {
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '\'' || c == '"') {
        quote = c;
      } else if (!inName(c) && c != '.' && c != '[' && c != ']') {
        return false;
      }
    }
    return true;
  }

  Read primary() {
    if (problem_) return {};
    if (atEnd()) {
      unexpected("a value");
      return {};
    }
    const auto start = at_;
    const char c = text_[at_];
    const auto rest = text_.substr(at_);
    if (isDigit(c) || (c == '.' && rest.size() > 1 && isDigit(rest[1]))) {
      literal(readCelNumber(rest));
      return {};
    }
    if (startsCelText(rest)) return {.selection = false, .text = literal(readCelText(rest))};
    if (take("(")) {
      expression();
      need(")");
      return {};
    }
    if (take("[")) {
      items("]", [&] { expression(); });
      return {};
    }
    if (take("{")) {
      items("}", [&] {
        expression();
        need(":");
        expression();
      });
      return {};
    }
    const auto word = name("a value");
    if (problem_ || word == "true" || word == "false" || word == "null") return {};
    if (isIn(kReserved, word)) {
      fail(start, "'" + std::string(word) + "' is a reserved word");
    } else if (word == "re" && take(".")) {
      const auto function = name("a function");
      need("(");
      if (!problem_) call(functionOf(kRegexFunctions, function), function, start, 1);
    } else if (take("(")) {
      call(functionOf(kFunctions, word), word, start, word == "matches" ? 1 : kNone);
    } else if (!isIn(kAttributes, word) && !isIn(kTypes, word)) {
      fail(start, "there is no attribute " + std::string(word) + ", expected one of " + kAttributeNames);
    }
    return {};
  }

  // Up to the end, with a comma between two, and maybe one behind the last.
  template <class Item>
  void items(std::string_view end, Item item) {
    while (!problem_ && !take(end)) {
      item();
      if (take(",")) continue;
      need(end);
      return;
    }
  }

  // One that stands here; its text, if it is a text without escapes that stand for bytes.
  std::optional<std::string> literal(const CelLiteral& read) {
    if (!read.problem.empty()) fail(at_, read.problem);
    at_ += read.length;
    return read.text;
  }

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  const std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  Read last_;
  std::optional<std::string> problem_;
};

}  // namespace

std::optional<std::string> celProblem(std::string_view expression) {
  if (expression.size() > kMaxLength) {
    return "it has " + std::to_string(expression.size()) + " bytes, expected at most " + std::to_string(kMaxLength);
  }
  if (expression.find('\0') != std::string_view::npos) return "it holds a character with the code 0";
  return Parser(expression).run();
}

}  // namespace fairway::api
