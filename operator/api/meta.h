#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fairway::api {

using Labels = std::map<std::string, std::string>;

// True if every pair of `selector` is in `labels`. An empty selector selects everything.
bool selects(const Labels& selector, const Labels& labels);

// "a=b,c=d", sorted by key: the canonical text of a label set, used in unit keys.
std::string labelsToString(const Labels& labels);
Labels labelsFromString(const std::string& text);

struct NamespacedName {
  std::string ns;  // empty for cluster-scoped kinds
  std::string name;

  [[nodiscard]] std::string toString() const { return ns.empty() ? name : ns + "/" + name; }
  auto operator<=>(const NamespacedName&) const = default;
};

// The parts of metav1.ObjectMeta that Fairway reads; managedFields and the rest are dropped early.
struct ObjectMeta {
  std::string name;
  std::string ns;
  std::string uid;
  std::string resourceVersion;  // opaque, except for equality
  std::int64_t generation = 0;
  std::string creationTimestamp;  // RFC 3339 as sent: it sorts as text
  Labels labels;
  Labels annotations;
  bool deleting = false;  // deletionTimestamp is set

  [[nodiscard]] NamespacedName key() const { return {ns, name}; }
};

// Equal but for resourceVersion and generation: a write that changed only these is no change.
bool sameContent(const ObjectMeta& a, const ObjectMeta& b);

// One finding about a user's object.
struct Problem {
  enum class Severity { warning, error };
  Severity severity = Severity::error;
  std::string field;    // JSON path, e.g. "spec.http[0].match[1].uri"
  std::string message;  // what was found, what is expected, what to do

  bool operator==(const Problem&) const = default;
};
using Problems = std::vector<Problem>;

bool hasErrors(const Problems& problems);
// True if an error is about the field at `path` ("spec.rules[1]"), something in it, or the object as a whole.
bool hasErrorsAt(const Problems& problems, std::string_view path);

}  // namespace fairway::api
