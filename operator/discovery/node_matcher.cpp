#include "discovery/node_matcher.h"

#include <re2/re2.h>

#include <algorithm>

#include "base/strings.h"
#include "envoy/config/core/v3/base.pb.h"
#include "envoy/type/matcher/v3/node.pb.h"

namespace fairway::discovery {
namespace {

using envoy::type::matcher::v3::NodeMatcher;
using envoy::type::matcher::v3::StringMatcher;
using envoy::type::matcher::v3::StructMatcher;
using envoy::type::matcher::v3::ValueMatcher;
using google::protobuf::Value;

Result<void> checkText(const StringMatcher& matcher) {
  switch (matcher.match_pattern_case()) {
    case StringMatcher::kExact:
    case StringMatcher::kPrefix:
    case StringMatcher::kSuffix:
    case StringMatcher::kContains: return {};
    case StringMatcher::kSafeRegex: {
      const re2::RE2 regex(matcher.safe_regex().regex(), re2::RE2::Quiet);
      if (regex.ok()) return {};
      return failure("safe_regex \"" + matcher.safe_regex().regex() + "\": " + regex.error());
    }
    default:
      return failure(
          "a string matcher has no pattern that is known here; expected exact, prefix, suffix, contains or safe_regex");
  }
}

bool matchesText(const StringMatcher& matcher, std::string text) {
  const auto folded = [&](const std::string& value) { return matcher.ignore_case() ? toLower(value) : value; };
  // Not for regular expressions, as the field says.
  if (matcher.match_pattern_case() == StringMatcher::kSafeRegex) {
    return re2::RE2::FullMatch(text, re2::RE2(matcher.safe_regex().regex(), re2::RE2::Quiet));
  }
  text = folded(text);
  switch (matcher.match_pattern_case()) {
    case StringMatcher::kExact: return text == folded(matcher.exact());
    case StringMatcher::kPrefix: return text.starts_with(folded(matcher.prefix()));
    case StringMatcher::kSuffix: return text.ends_with(folded(matcher.suffix()));
    case StringMatcher::kContains: return text.find(folded(matcher.contains())) != std::string::npos;
    default: return false;
  }
}

bool matchesMetadata(const StructMatcher& matcher, const google::protobuf::Struct& metadata) {
  const auto* fields = &metadata;
  const Value* value = nullptr;
  for (const auto& segment : matcher.path()) {
    if (fields == nullptr) return false;
    const auto found = fields->fields().find(segment.key());
    value = found == fields->fields().end() ? nullptr : &found->second;
    fields = value != nullptr && value->has_struct_value() ? &value->struct_value() : nullptr;
  }
  const auto& wanted = matcher.value();
  if (value == nullptr) return wanted.has_present_match() && !wanted.present_match();
  if (wanted.has_present_match()) return wanted.present_match();
  if (wanted.has_bool_match())
    return value->kind_case() == Value::kBoolValue && value->bool_value() == wanted.bool_match();
  return value->kind_case() == Value::kStringValue && matchesText(wanted.string_match(), value->string_value());
}

}  // namespace

Result<void> checkMatcher(const NodeMatcher& matcher) {
  if (matcher.has_node_id()) {
    if (auto ok = checkText(matcher.node_id()); !ok) return tl::unexpected(ok.error().within("node_id"));
  }
  for (const auto& each : matcher.node_metadatas()) {
    const auto& value = each.value();
    if (each.path().empty()) return failure("node_metadatas: a matcher without a path");
    if (value.has_present_match() || value.has_bool_match()) continue;
    if (!value.has_string_match()) {
      return failure("node_metadatas: expected string_match, bool_match or present_match");
    }
    if (auto ok = checkText(value.string_match()); !ok) return tl::unexpected(ok.error().within("node_metadatas"));
  }
  return {};
}

bool matches(const NodeMatcher& matcher, const envoy::config::core::v3::Node& node) {
  if (matcher.has_node_id() && !matchesText(matcher.node_id(), node.id())) return false;
  return std::all_of(matcher.node_metadatas().begin(), matcher.node_metadatas().end(),
                     [&](const StructMatcher& each) { return matchesMetadata(each, node.metadata()); });
}

}  // namespace fairway::discovery
