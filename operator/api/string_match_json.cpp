#include "api/string_match_json.h"

#include "api/validate.h"

namespace fairway::api {

std::optional<StringMatch> readStringMatch(const Value& value, bool suffixes) {
  if (value.json().is_null()) return StringMatch{};
  const std::string forms = suffixes ? "exact, prefix, suffix, regex" : "exact, prefix, regex";
  if (!value.json().is_object()) {
    value.expected("a mapping with one of " + forms);
    return std::nullopt;
  }
  if (value.json().empty()) return StringMatch{};

  struct Form {
    std::string_view name;
    StringMatch::Type type;
  };
  static constexpr Form kForms[] = {{"exact", StringMatch::Type::exact},
                                    {"prefix", StringMatch::Type::prefix},
                                    {"regex", StringMatch::Type::regex},
                                    {"suffix", StringMatch::Type::suffix}};
  Fields fields(value);
  std::optional<StringMatch> result;
  bool given = false;
  for (const auto& form : kForms) {
    if (form.type == StringMatch::Type::suffix && !suffixes) continue;
    const auto field = fields.get(form.name);
    if (!field) continue;
    if (given) {
      value.error("several of " + forms + " are given, expected one");
      return std::nullopt;
    }
    given = true;
    auto text = field->text();
    if (!text) continue;
    if (form.type == StringMatch::Type::regex) {
      if (const auto problem = regexProblem(*text)) {
        field->error(*problem);
        continue;
      }
    }
    result = StringMatch{form.type, std::move(*text)};
  }
  if (!given) value.error("expected one of " + forms);
  return result;
}

}  // namespace fairway::api
