#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/meta.h"
#include "api/networking.h"

// How the codecs of this folder read JSON: typed access that never throws and reports each problem with
// the path of its field. Values refer to their parents, so a path costs nothing until it is printed.
namespace fairway::api {

// Collects what is found while one object is read.
struct Report {
  Problems problems;
  bool strict = true;      // false for Kubernetes' own kinds: unknown fields are not worth a warning
  std::size_t errors = 0;  // found so far, listed or not: a reader compares it before and after a part
  std::size_t warnings = 0;

  void add(Problem::Severity severity, std::string field, std::string message);
};

// One name of an enumeration, and the number protobuf gives it.
template <class T>
struct EnumName {
  std::string_view name;
  int number;
  T value;
};

// A JSON value and where it is. Must not outlive the JSON document, the report, or its parent Value.
class Value {
 public:
  Value(const nlohmann::json& json, Report& report) : json_(&json), report_(&report) {}
  Value(const nlohmann::json& json, const Value& parent, std::string_view key)
      : json_(&json), report_(parent.report_), parent_(&parent), key_(key) {}
  Value(const nlohmann::json& json, const Value& parent, std::size_t index)
      : json_(&json), report_(parent.report_), parent_(&parent), index_(index), inList_(true) {}

  [[nodiscard]] const nlohmann::json& json() const { return *json_; }
  [[nodiscard]] Report& report() const { return *report_; }
  [[nodiscard]] std::string path() const;
  void error(std::string message) const;
  void warn(std::string message) const;
  // "found <this value>, expected <expected>"
  void expected(std::string_view what) const;

  // Each of these reports a wrong type or range as an error and then returns nothing.
  // Numbers are also taken as text ("80"), as protobuf's JSON form writes 64-bit numbers.
  [[nodiscard]] std::optional<std::string> text() const;
  [[nodiscard]] std::optional<bool> boolean() const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::int64_t minimum, std::int64_t maximum) const;
  [[nodiscard]] std::optional<double> number(double minimum, double maximum) const;
  [[nodiscard]] std::optional<Duration> duration() const;          // 0 or at least 1 ms
  [[nodiscard]] std::optional<Duration> positiveDuration() const;  // at least 1 ms
  [[nodiscard]] std::optional<std::uint32_t> port() const;         // 1 - 65535
  // A list of texts; elements that are none are reported and left out, empty ones as well.
  [[nodiscard]] std::vector<std::string> texts() const;
  // A mapping from names to texts.
  [[nodiscard]] std::map<std::string, std::string> textMap() const;
  // By name or by number.
  template <class T>
  [[nodiscard]] std::optional<T> oneOf(std::span<const EnumName<T>> names) const {
    std::vector<std::pair<std::string_view, int>> plain;
    for (const auto& n : names) plain.emplace_back(n.name, n.number);
    const auto found = indexOf(plain);
    return found ? std::optional(names[*found].value) : std::nullopt;
  }

  // Calls `visit` for each element of a list or each entry of a mapping with free keys. False, with an
  // error, if this is none.
  bool eachItem(const std::function<void(const Value&, std::size_t)>& visit) const;
  bool eachEntry(const std::function<void(const Value&, const std::string&)>& visit) const;

 private:
  [[nodiscard]] std::optional<std::size_t> indexOf(const std::vector<std::pair<std::string_view, int>>& names) const;

  const nlohmann::json* json_;
  Report* report_;
  const Value* parent_ = nullptr;
  std::string_view key_;
  std::size_t index_ = 0;
  bool inList_ = false;
};

// The fields of a mapping. Names are asked for in lowerCamelCase; snake_case is taken as well (both at
// once is an error). Null counts as absent. When it is destroyed it warns about each field that nobody
// asked for, unless the report is not strict.
class Fields {
 public:
  explicit Fields(const Value& value);  // anything but a mapping is an error and reads as empty
  explicit Fields(const Value&&) = delete;
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;
  ~Fields();

  [[nodiscard]] bool readable() const { return object_ != nullptr; }
  [[nodiscard]] bool empty() const { return object_ == nullptr || object_->empty(); }
  [[nodiscard]] const Value& value() const { return value_; }
  [[nodiscard]] std::optional<Value> get(std::string_view name);
  [[nodiscard]] std::optional<Value> getNullable(std::string_view name);  // null is a value here
  [[nodiscard]] bool has(std::string_view name) { return get(name).has_value(); }
  // Where a field is or would be.
  [[nodiscard]] std::string pathOf(std::string_view name) const;

  // Sets `out` if the field is present and readable.
  void read(std::string_view name, std::string& out);
  void read(std::string_view name, bool& out);
  void read(std::string_view name, std::optional<bool>& out);
  void read(std::string_view name, std::vector<std::string>& out);
  void read(std::string_view name, std::map<std::string, std::string>& out);
  void read(std::string_view name, std::optional<Duration>& out);
  void read(std::string_view name, std::optional<std::uint32_t>& out, std::uint32_t minimum, std::uint32_t maximum);
  void readPort(std::string_view name, std::uint32_t& out);
  // A field that is understood but has no effect: says so if it is present.
  void ignore(std::string_view name, std::string_view why);
  void missing(std::string_view name, std::string_view expected);  // an error for a required field

 private:
  const nlohmann::json* find(std::string_view name, std::string_view& spelled);

  const Value& value_;
  const nlohmann::json* object_ = nullptr;
  std::vector<std::string_view> asked_;
};

// A value in words for messages: `the text "abc"`, `the number 5`, `a list`. Long texts are cut.
std::string describe(const nlohmann::json& value);
// A user's text between quotes, safe to print: control characters escaped, long texts cut.
std::string quote(std::string_view text);

}  // namespace fairway::api
