#include "migrate/mixer_match.h"

#include <algorithm>

#include "base/strings.h"

namespace fairway::migrate {

namespace {

// The parts between `separator`, where it stands outside of quotes and brackets.
std::vector<std::string> splitOutside(const std::string& text, std::string_view separator) {
  std::vector<std::string> parts{""};
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == '(' || c == '[')) ++depth;
    if (!quoted && (c == ')' || c == ']')) --depth;
    if (!quoted && depth == 0 && text.compare(i, separator.size(), separator) == 0) {
      parts.emplace_back();
      i += separator.size() - 1;
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::optional<std::string> literal(std::string_view text) {
  text = trim(text);
  if (text.size() < 2 || !text.starts_with('"') || !text.ends_with('"')) return std::nullopt;
  text = text.substr(1, text.size() - 2);
  if (text.find_first_of("\"\\") != std::string_view::npos) return std::nullopt;
  return std::string(text);
}

std::optional<MixerTerm> term(const std::string& written) {
  std::string text(trim(written));
  while (text.starts_with('(') && text.ends_with(')') &&
         splitOutside(text.substr(1, text.size() - 2), ")").size() == 1) {
    text = trim(text.substr(1, text.size() - 2));
  }
  const auto make = [](const std::string& attribute, MixerTerm::Op op,
                       const std::optional<std::string>& value) -> std::optional<MixerTerm> {
    auto name = parseMixerAttribute(attribute);
    if (!name || !value) return std::nullopt;
    return MixerTerm{std::move(*name), op, *value};
  };
  for (const auto& [sign, op] : {std::pair{"==", MixerTerm::Op::equal}, std::pair{"!=", MixerTerm::Op::not_equal}}) {
    const auto parts = splitOutside(text, sign);
    if (parts.size() == 2) return make(parts[0], op, literal(parts[1]));
  }
  for (const auto& [call, op] :
       {std::pair{".startsWith(", MixerTerm::Op::starts_with}, std::pair{".endsWith(", MixerTerm::Op::ends_with}}) {
    const auto at = text.find(call);
    if (at == std::string::npos || !text.ends_with(')')) continue;
    const auto from = at + std::string_view(call).size();
    return make(text.substr(0, at), op, literal(text.substr(from, text.size() - from - 1)));
  }
  static constexpr std::string_view kMatch = "match(";
  if (!text.starts_with(kMatch) || !text.ends_with(')')) return std::nullopt;
  const auto arguments = splitOutside(text.substr(kMatch.size(), text.size() - kMatch.size() - 1), ",");
  if (arguments.size() != 2) return std::nullopt;
  auto value = literal(arguments[1]);
  if (!value) return std::nullopt;
  auto op = MixerTerm::Op::equal;
  if (value->ends_with('*')) {
    op = MixerTerm::Op::starts_with;
    value->pop_back();
  } else if (value->starts_with('*')) {
    op = MixerTerm::Op::ends_with;
    value->erase(0, 1);
  }
  return make(arguments[0], op, value);
}

}  // namespace

std::optional<std::string> parseMixerAttribute(const std::string& expression) {
  const auto alternatives = splitOutside(expression, "|");
  if (alternatives.size() > 2) return std::nullopt;
  const std::string text(trim(alternatives.front()));
  const auto bracket = text.find('[');
  const auto name = text.substr(0, bracket);
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || c == '.' || c == '_';
  });
  if (!plain) return std::nullopt;
  if (bracket == std::string::npos) return name;
  const auto key = literal(text.substr(bracket + 1, text.size() - bracket - 2));
  if (!text.ends_with(']') || !key || key->empty()) return std::nullopt;
  return name + "[" + *key + "]";
}

Result<std::vector<MixerTerm>> parseMixerMatch(const std::string& expression) {
  std::vector<MixerTerm> terms;
  if (trim(expression).empty() || trim(expression) == "true") return terms;
  for (const auto& part : splitOutside(expression, "&&")) {
    auto parsed = term(part);
    if (!parsed) return failure("`" + std::string(trim(part)) + "` is no single comparison with a text");
    terms.push_back(std::move(*parsed));
  }
  return terms;
}

}  // namespace fairway::migrate
