#include "api/decoder.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "api/duration.h"
#include "api/field_path.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kLongestQuote = 80;
// A hostile object must not make a hostile status: more errors, or warnings, than this are not listed.
constexpr std::size_t kMostProblems = 100;

// protobuf's rule for JSON names: drop each underscore and capitalise what follows.
std::string camelCase(std::string_view name) {
  std::string result;
  bool capital = false;
  for (const char c : name) {
    if (c == '_') {
      capital = true;
    } else {
      result += capital ? toUpper(std::string_view(&c, 1)) : std::string(1, c);
      capital = false;
    }
  }
  return result;
}

// Number of single-character edits between two names, up to 3.
std::size_t distance(std::string_view a, std::string_view b) {
  if (std::max(a.size(), b.size()) > 64) return 3;
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return std::min<std::size_t>(row[b.size()], 3);
}

// The number a JSON value stands for, if it is a number or a decimal text.
std::optional<double> numeric(const Json& json) {
  if (json.is_number()) return json.get<double>();
  if (!json.is_string()) return std::nullopt;
  const auto& text = json.get_ref<const std::string&>();
  const auto digits = text.starts_with('-') ? std::string_view(text).substr(1) : std::string_view(text);
  const auto whole = digits.substr(0, digits.find('.'));
  const auto rest = digits.substr(std::min(whole.size() + 1, digits.size()));
  const auto numberOf = [](std::string_view t) { return t.size() <= 15 ? toNumber(t) : std::nullopt; };
  const auto high = numberOf(whole);
  const auto low = rest.empty() ? std::optional<std::uint64_t>(0) : numberOf(rest);
  if (!high || !low || (rest.empty() && whole.size() != digits.size())) return std::nullopt;
  const double value =
      static_cast<double>(*high) + static_cast<double>(*low) / std::pow(10.0, static_cast<double>(rest.size()));
  return text.starts_with('-') ? -value : value;
}

std::string plain(double number) {
  if (number == std::floor(number) && std::abs(number) < 1e15) return std::to_string(static_cast<std::int64_t>(number));
  return Json(number).dump();
}

}  // namespace

void Report::add(Problem::Severity severity, std::string field, std::string message) {
  const bool error = severity == Problem::Severity::error;
  auto& count = error ? errors : warnings;
  if (count < kMostProblems) {
    problems.push_back({severity, std::move(field), std::move(message)});
  } else if (count == kMostProblems) {
    // Of the object as a whole: hasErrorsAt() must not take an unlisted part for a good one.
    problems.push_back({severity, "",
                        "there are more " + std::string(error ? "errors" : "warnings") + " than the first " +
                            std::to_string(kMostProblems) + ", which are listed"});
  }
  ++count;
}

std::string quote(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : text.substr(0, kLongestQuote)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      result += "\\x";
      result += kHex[byte >> 4U];
      result += kHex[byte & 15U];
    } else {
      result += c;
    }
  }
  // A cut must not leave half of a UTF-8 character.
  if (text.size() > kLongestQuote) {
    while ((static_cast<unsigned char>(result.back()) & 0xC0U) == 0x80U) result.pop_back();
    if (static_cast<unsigned char>(result.back()) >= 0xC0U) result.pop_back();
    result += "...";
  }
  return result + '"';
}

std::string describe(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return "nothing (null)";
    case Json::value_t::boolean: return value.get<bool>() ? "the boolean true" : "the boolean false";
    case Json::value_t::string: return "the text " + quote(value.get_ref<const std::string&>());
    case Json::value_t::array: return "a list";
    case Json::value_t::object: return "a mapping";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float: return "the number " + value.dump();
    default: return "something that is not JSON";
  }
}

std::string Value::path() const {
  if (parent_ == nullptr) return {};
  return inList_ ? fieldPath(parent_->path(), index_) : fieldPath(parent_->path(), key_);
}

void Value::error(std::string message) const { report_->add(Problem::Severity::error, path(), std::move(message)); }

void Value::warn(std::string message) const { report_->add(Problem::Severity::warning, path(), std::move(message)); }

void Value::expected(std::string_view what) const {
  error("found " + describe(*json_) + ", expected " + std::string(what));
}

std::optional<std::string> Value::text() const {
  if (json_->is_string()) return json_->get<std::string>();
  expected(json_->is_primitive() && !json_->is_null() ? "text (put it in quotes)" : "text");
  return std::nullopt;
}

std::optional<bool> Value::boolean() const {
  if (json_->is_boolean()) return json_->get<bool>();
  if (json_->is_string()) {
    const auto& text = json_->get_ref<const std::string&>();
    if (text == "true" || text == "false") return text == "true";
  }
  expected("true or false");
  return std::nullopt;
}

std::optional<std::int64_t> Value::integer(std::int64_t minimum, std::int64_t maximum) const {
  const auto value = numeric(*json_);
  if (value && *value == std::floor(*value) && *value >= static_cast<double>(minimum) &&
      *value <= static_cast<double>(maximum)) {
    return static_cast<std::int64_t>(*value);
  }
  expected("a whole number from " + std::to_string(minimum) + " to " + std::to_string(maximum));
  return std::nullopt;
}

std::optional<double> Value::number(double minimum, double maximum) const {
  const auto value = numeric(*json_);
  if (value && *value >= minimum && *value <= maximum) return value;
  expected("a number from " + plain(minimum) + " to " + plain(maximum));
  return std::nullopt;
}

std::optional<Duration> Value::duration() const {
  if (!json_->is_string()) {
    expected("a duration in quotes such as \"1.5s\" or \"100ms\"");
    return std::nullopt;
  }
  const auto parsed = parseDuration(json_->get_ref<const std::string&>());
  if (!parsed) {
    error("found " + describe(*json_) + ", " + parsed.error().message);
    return std::nullopt;
  }
  if (*parsed != Duration{0} && *parsed < std::chrono::milliseconds(1)) {
    expected("0s or a duration of at least 1ms");
    return std::nullopt;
  }
  return *parsed;
}

std::optional<Duration> Value::positiveDuration() const {
  const auto result = duration();
  if (result && *result == Duration{0}) {
    expected("a duration of at least 1ms");
    return std::nullopt;
  }
  return result;
}

std::optional<std::uint32_t> Value::port() const {
  const auto number = integer(1, 65535);
  return number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
}

std::vector<std::string> Value::texts() const {
  std::vector<std::string> result;
  if (json_->is_string()) {
    expected("a list of texts: put it in a list, [" + quote(json_->get_ref<const std::string&>()) + "]");
    return result;
  }
  eachItem([&](const Value& item, std::size_t) {
    auto text = item.text();
    if (!text) return;
    if (text->empty()) {
      item.expected("text that is not empty");
      return;
    }
    result.push_back(std::move(*text));
  });
  return result;
}

std::map<std::string, std::string> Value::textMap() const {
  std::map<std::string, std::string> result;
  eachEntry([&](const Value& entry, const std::string& key) {
    if (auto text = entry.text()) result.emplace(key, std::move(*text));
  });
  return result;
}

bool Value::eachItem(const std::function<void(const Value&, std::size_t)>& visit) const {
  if (!json_->is_array()) {
    expected("a list");
    return false;
  }
  std::size_t index = 0;
  for (const auto& item : *json_) {
    visit(Value(item, *this, index), index);
    ++index;
  }
  return true;
}

bool Value::eachEntry(const std::function<void(const Value&, const std::string&)>& visit) const {
  if (!json_->is_object()) {
    expected("a mapping");
    return false;
  }
  for (const auto& [key, item] : json_->items()) visit(Value(item, *this, key), key);
  return true;
}

std::optional<std::size_t> Value::indexOf(const std::vector<std::pair<std::string_view, int>>& names) const {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (json_->is_string() && json_->get_ref<const std::string&>() == names[i].first) return i;
    if (json_->is_number() && json_->get<double>() == names[i].second) return i;
  }
  std::vector<std::string> list;
  for (const auto& [name, number] : names) {
    if (std::find(list.begin(), list.end(), name) == list.end()) list.emplace_back(name);
  }
  std::string hint;
  if (json_->is_boolean() && std::find(list.begin(), list.end(), "ON") != list.end()) hint = " in quotes";
  expected("one of " + join(list, ", ") + hint);
  return std::nullopt;
}

Fields::Fields(const Value& value) : value_(value) {
  if (value.json().is_object()) {
    object_ = &value.json();
  } else {
    value.expected("a mapping");
  }
}

Fields::~Fields() {
  if (object_ == nullptr || !value_.report().strict) return;
  for (const auto& [key, item] : object_->items()) {
    const auto camel = camelCase(key);
    if (std::find(asked_.begin(), asked_.end(), camel) != asked_.end()) continue;
    if (value_.report().warnings > kMostProblems) break;  // no more of them are listed
    std::string message = "unknown field, it is ignored";
    std::size_t best = 3;
    std::string_view nearest;
    for (const auto name : asked_) {
      const auto edits = distance(camel, name);
      if (edits < best && edits < name.size()) {
        best = edits;
        nearest = name;
      }
    }
    if (best < 3) message.append("; did you mean ").append(nearest).append("?");
    value_.report().add(Problem::Severity::warning, fieldPath(value_.path(), key), std::move(message));
  }
}

const Json* Fields::find(std::string_view name, std::string_view& spelled) {
  if (object_ == nullptr) return nullptr;
  if (!value_.report().strict) {
    const auto found = object_->find(name);
    if (found == object_->end()) return nullptr;
    spelled = name;
    return &*found;
  }
  const bool again = std::find(asked_.begin(), asked_.end(), name) != asked_.end();
  if (!again) asked_.push_back(name);
  const Json* result = nullptr;
  for (auto it = object_->begin(); it != object_->end(); ++it) {
    const std::string& key = it.key();
    if (key != name && (key.find('_') == std::string::npos || camelCase(key) != name)) continue;
    if (result != nullptr && !again) {
      value_.report().add(Problem::Severity::error, fieldPath(value_.path(), key),
                          "the same field is also given as " + std::string(spelled) + ", expected one of them");
    }
    if (result != nullptr) continue;
    result = &it.value();
    spelled = key;
  }
  return result;
}

std::optional<Value> Fields::get(std::string_view name) {
  auto value = getNullable(name);
  return value && value->json().is_null() ? std::nullopt : value;
}

std::optional<Value> Fields::getNullable(std::string_view name) {
  std::string_view spelled;
  const auto* json = find(name, spelled);
  if (json == nullptr) return std::nullopt;
  return Value(*json, value_, spelled);
}

std::string Fields::pathOf(std::string_view name) const { return fieldPath(value_.path(), name); }

void Fields::read(std::string_view name, std::string& out) {
  const auto value = get(name);
  if (!value) return;
  if (auto text = value->text()) out = std::move(*text);
}

void Fields::read(std::string_view name, bool& out) {
  const auto value = get(name);
  if (!value) return;
  if (const auto boolean = value->boolean()) out = *boolean;
}

void Fields::read(std::string_view name, std::optional<bool>& out) {
  const auto value = get(name);
  if (!value) return;
  if (const auto boolean = value->boolean()) out = *boolean;
}

void Fields::read(std::string_view name, std::vector<std::string>& out) {
  if (const auto value = get(name)) out = value->texts();
}

void Fields::read(std::string_view name, std::map<std::string, std::string>& out) {
  if (const auto value = get(name)) out = value->textMap();
}

void Fields::read(std::string_view name, std::optional<Duration>& out) {
  if (const auto value = get(name)) out = value->duration();
}

void Fields::read(std::string_view name, std::optional<std::uint32_t>& out, std::uint32_t minimum,
                  std::uint32_t maximum) {
  const auto value = get(name);
  if (!value) return;
  if (const auto number = value->integer(minimum, maximum)) out = static_cast<std::uint32_t>(*number);
}

void Fields::readPort(std::string_view name, std::uint32_t& out) {
  const auto value = get(name);
  if (!value) return;
  if (const auto number = value->port()) out = *number;
}

void Fields::ignore(std::string_view name, std::string_view why) {
  if (const auto value = get(name)) value->warn("it has no effect: " + std::string(why));
}

void Fields::missing(std::string_view name, std::string_view expected) {
  value_.report().add(Problem::Severity::error, pathOf(name), "it is missing, expected " + std::string(expected));
}

}  // namespace fairway::api
