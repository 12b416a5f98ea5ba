#include <cstdlib>

#include "base/strings.h"
#include "evaluate/matchers_internal.h"
#include "evaluate/regex.h"

// Envoy still takes the fields that newer ones stand in for.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace fairway::evaluate {

using envoy::config::core::v3::CidrRange;
using envoy::config::route::v3::HeaderMatcher;
using envoy::type::matcher::v3::DoubleMatcher;
using envoy::type::matcher::v3::MetadataMatcher;
using envoy::type::matcher::v3::StringMatcher;
using envoy::type::matcher::v3::ValueMatcher;
using nlohmann::json;

namespace {

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

// The value at the path; null pointer: there is none.
const json* at(const MetadataMatcher& matcher, const Metadata& metadata) {
  const auto space = metadata.find(matcher.filter());
  if (space == metadata.end()) return nullptr;
  const json* value = &space->second;
  for (const auto& segment : matcher.path()) {
    if (!value->is_object()) return nullptr;
    const auto next = value->find(segment.key());
    if (next == value->end()) return nullptr;
    value = &*next;
  }
  return value;
}

bool matchNumber(const DoubleMatcher& matcher, double value) {
  if (matcher.has_range()) return matcher.range().start() <= value && value < matcher.range().end();
  return matcher.exact() == value;
}

Truth matchValue(const ValueMatcher& matcher, const json* value) {
  switch (matcher.match_pattern_case()) {
    case ValueMatcher::kNullMatch: return truth(value && value->is_null());
    case ValueMatcher::kDoubleMatch:
      return truth(value && value->is_number() && matchNumber(matcher.double_match(), value->get<double>()));
    case ValueMatcher::kStringMatch:
      return value && value->is_string() ? matchText(matcher.string_match(), value->get_ref<const std::string&>())
                                         : Truth::no;
    case ValueMatcher::kBoolMatch:
      return truth(value && value->is_boolean() && value->get<bool>() == matcher.bool_match());
    case ValueMatcher::kPresentMatch: return truth(matcher.present_match() && value != nullptr);
    case ValueMatcher::kListMatch: {
      if (!matcher.list_match().has_one_of()) return Truth::unknown;
      if (!value || !value->is_array()) return Truth::no;
      Truth result = Truth::no;
      for (const auto& each : *value) {
        const auto one = matchValue(matcher.list_match().one_of(), &each);
        if (one == Truth::yes) return one;
        if (one == Truth::unknown) result = one;
      }
      return result;
    }
    case ValueMatcher::kOrMatch: {
      Truth result = Truth::no;
      for (const auto& each : matcher.or_match().value_matchers()) {
        const auto one = matchValue(each, value);
        if (one == Truth::yes) return one;
        if (one == Truth::unknown) result = one;
      }
      return result;
    }
    default: return Truth::unknown;
  }
}

std::string describeValue(const ValueMatcher& matcher) {
  switch (matcher.match_pattern_case()) {
    case ValueMatcher::kNullMatch: return "null";
    case ValueMatcher::kDoubleMatch:
      return matcher.double_match().has_range()
                 ? "a number from " + std::to_string(matcher.double_match().range().start()) + " to below " +
                       std::to_string(matcher.double_match().range().end())
                 : std::to_string(matcher.double_match().exact());
    case ValueMatcher::kStringMatch: return describe(matcher.string_match());
    case ValueMatcher::kBoolMatch: return matcher.bool_match() ? "true" : "false";
    case ValueMatcher::kPresentMatch: return matcher.present_match() ? "any value" : "nothing";
    case ValueMatcher::kListMatch: return "a list with " + describeValue(matcher.list_match().one_of());
    case ValueMatcher::kOrMatch: {
      std::vector<std::string> parts;
      for (const auto& each : matcher.or_match().value_matchers()) parts.push_back(describeValue(each));
      return join(parts, " or ");
    }
    default: return "something that is not understood";
  }
}

// One value of a header; present_match is not for here.
Truth matchHeaderValue(const HeaderMatcher& matcher, std::string_view value) {
  switch (matcher.header_match_specifier_case()) {
    case HeaderMatcher::kExactMatch: return truth(value == matcher.exact_match());
    case HeaderMatcher::kSafeRegexMatch: return fullMatch(matcher.safe_regex_match().regex(), value);
    case HeaderMatcher::kPrefixMatch: return truth(value.starts_with(matcher.prefix_match()));
    case HeaderMatcher::kSuffixMatch: return truth(value.ends_with(matcher.suffix_match()));
    case HeaderMatcher::kContainsMatch: return truth(value.find(matcher.contains_match()) != std::string_view::npos);
    case HeaderMatcher::kStringMatch: return matchText(matcher.string_match(), value);
    case HeaderMatcher::kRangeMatch: {
      const std::string text(value);
      char* end = nullptr;
      const auto number = std::strtoll(text.c_str(), &end, 10);
      const bool whole = !text.empty() && *end == '\0';
      return truth(whole && number >= matcher.range_match().start() && number < matcher.range_match().end());
    }
    default: return Truth::unknown;
  }
}

}  // namespace

Truth matchText(const StringMatcher& matcher, std::string_view text) {
  const auto with = [&](const std::string& wanted, const auto& compare) {
    return truth(matcher.ignore_case() ? compare(toLower(text), toLower(wanted)) : compare(std::string(text), wanted));
  };
  switch (matcher.match_pattern_case()) {
    case StringMatcher::kExact:
      return with(matcher.exact(), [](const std::string& a, const std::string& b) { return a == b; });
    case StringMatcher::kPrefix:
      return with(matcher.prefix(), [](const std::string& a, const std::string& b) { return a.starts_with(b); });
    case StringMatcher::kSuffix:
      return with(matcher.suffix(), [](const std::string& a, const std::string& b) { return a.ends_with(b); });
    case StringMatcher::kContains:
      return with(matcher.contains(),
                  [](const std::string& a, const std::string& b) { return a.find(b) != std::string::npos; });
    // Envoy refuses ignore_case together with a regular expression's own flags; the flag has no effect on it.
    case StringMatcher::kSafeRegex: return fullMatch(matcher.safe_regex().regex(), text);
    default: return Truth::unknown;
  }
}

std::string describe(const StringMatcher& matcher) {
  const std::string fold = matcher.ignore_case() ? " in any case" : "";
  switch (matcher.match_pattern_case()) {
    case StringMatcher::kExact: return quoted(matcher.exact()) + fold;
    case StringMatcher::kPrefix: return quoted(matcher.prefix() + "*") + fold;
    case StringMatcher::kSuffix: return quoted("*" + matcher.suffix()) + fold;
    case StringMatcher::kContains: return quoted("*" + matcher.contains() + "*") + fold;
    case StringMatcher::kSafeRegex: return "a match of " + quoted(matcher.safe_regex().regex());
    default: return "something that is not understood";
  }
}

Truth matchHeader(const HeaderMatcher& matcher, const Headers& headers) {
  const auto present = headers.present(matcher.name());
  const auto inverted = [&](Truth value) { return matcher.invert_match() ? negate(value) : value; };
  switch (matcher.header_match_specifier_case()) {
    case HeaderMatcher::HEADER_MATCH_SPECIFIER_NOT_SET: return inverted(present);
    case HeaderMatcher::kPresentMatch: return inverted(matcher.present_match() ? present : negate(present));
    default: break;
  }
  if (present == Truth::no) {
    // An inverted match of a header that is missing does not match either.
    return matcher.treat_missing_header_as_empty() ? inverted(matchHeaderValue(matcher, {})) : Truth::no;
  }
  if (!headers.known(matcher.name())) return Truth::unknown;
  Truth any = Truth::no;
  for (const auto value : headers.get(matcher.name())) {
    const auto one = matchHeaderValue(matcher, value);
    if (one != Truth::no) any = one;
    if (one == Truth::yes) break;
  }
  return inverted(any);
}

std::string describe(const HeaderMatcher& matcher) {
  const std::string no = matcher.invert_match() ? "not " : "";
  switch (matcher.header_match_specifier_case()) {
    case HeaderMatcher::kExactMatch: return no + quoted(matcher.exact_match());
    case HeaderMatcher::kSafeRegexMatch: return no + "a match of " + quoted(matcher.safe_regex_match().regex());
    case HeaderMatcher::kPrefixMatch: return no + quoted(matcher.prefix_match() + "*");
    case HeaderMatcher::kSuffixMatch: return no + quoted("*" + matcher.suffix_match());
    case HeaderMatcher::kContainsMatch: return no + quoted("*" + matcher.contains_match() + "*");
    case HeaderMatcher::kStringMatch: return no + describe(matcher.string_match());
    case HeaderMatcher::kRangeMatch:
      return no + "a number from " + std::to_string(matcher.range_match().start()) + " to below " +
             std::to_string(matcher.range_match().end());
    case HeaderMatcher::kPresentMatch: return matcher.present_match() != matcher.invert_match() ? "present" : "absent";
    default: return matcher.invert_match() ? "absent" : "present";
  }
}

Truth matchMetadata(const MetadataMatcher& matcher, const Metadata& metadata) {
  const auto result = matchValue(matcher.value(), at(matcher, metadata));
  return matcher.invert() ? negate(result) : result;
}

std::string describe(const MetadataMatcher& matcher) {
  return (matcher.invert() ? "not " : "") + describeValue(matcher.value());
}

std::string nameOf(const MetadataMatcher& matcher) {
  std::string name = matcher.filter();
  for (const auto& segment : matcher.path()) name += "." + segment.key();
  return name;
}

std::string found(const MetadataMatcher& matcher, const Metadata& metadata) {
  const auto* value = at(matcher, metadata);
  return value ? value->dump(-1, ' ', false, json::error_handler_t::replace) : "";
}

Truth matchRange(const CidrRange& range, const std::optional<Ip>& ip) {
  const auto prefix = parseIp(range.address_prefix());
  if (!prefix || !ip) return Truth::unknown;
  return truth(inRange(*ip, *prefix, range.prefix_len().value()));
}

std::string describe(const CidrRange& range) {
  return "in " + range.address_prefix() + "/" + std::to_string(range.prefix_len().value());
}

std::string_view withoutQuery(std::string_view path) { return path.substr(0, path.find_first_of("?#")); }

}  // namespace fairway::evaluate
