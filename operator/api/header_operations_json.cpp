#include "api/header_operations_json.h"

#include "api/validate.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

enum class Operation { set, add, remove };

// Envoy refuses to change pseudo headers, and "host" other than by a rewrite; a set of host or
// :authority on a request is such a rewrite.
void checkName(const Value& at, const std::string& name, Operation operation, bool request) {
  const auto lower = toLower(name);
  const bool authority = lower == "host" || lower == ":authority";
  if (authority && request && operation == Operation::set) return;
  if (authority || name.starts_with(':')) {
    at.error("the header " + quote(name) + " cannot be " + (operation == Operation::remove ? "removed" : "changed") +
             (authority && request ? "; to change the host use `set` or `rewrite.authority`" : ""));
  } else if (!isHeaderName(name)) {
    at.error("found the header name " + quote(name) + ", expected letters, digits and '-'");
  }
}

void readPairs(const Value& value, std::map<std::string, std::string>& out, Operation operation, bool request) {
  value.eachEntry([&](const Value& entry, const std::string& name) {
    checkName(entry, name, operation, request);
    const auto text = entry.text();
    if (!text) return;
    if (const auto problem = headerValueProblem(*text)) entry.error(*problem);
    out.emplace(name, *text);
  });
}

void readRemovals(const Value& value, std::vector<std::string>& out, bool request) {
  for (auto& name : value.texts()) {
    checkName(value, name, Operation::remove, request);
    out.push_back(std::move(name));
  }
}

void readSide(Fields& headers, std::string_view side, HeaderOperations::Values& out) {
  const auto value = headers.get(side);
  if (!value) return;
  const bool request = side == "request";
  Fields fields(*value);
  if (const auto pairs = fields.get("set")) readPairs(*pairs, out.set, Operation::set, request);
  if (const auto pairs = fields.get("add")) readPairs(*pairs, out.add, Operation::add, request);
  if (const auto names = fields.get("remove")) readRemovals(*names, out.remove, request);
}

// An old field, which adds to what `headers` says.
void readOldPairs(Fields& owner, std::string_view name, std::string_view replacement, HeaderOperations::Values& out,
                  bool request) {
  const auto value = owner.get(name);
  if (!value) return;
  value->warn("old field, read as " + std::string(replacement));
  readPairs(*value, out.add, Operation::add, request);
}

void readOldRemovals(Fields& owner, std::string_view name, std::string_view replacement, HeaderOperations::Values& out,
                     bool request) {
  const auto value = owner.get(name);
  if (!value) return;
  value->warn("old field, read as " + std::string(replacement));
  readRemovals(*value, out.remove, request);
}

}  // namespace

void readHeaderOperations(Fields& owner, HeaderOperations& out) {
  if (const auto value = owner.get("headers")) {
    Fields headers(*value);
    readSide(headers, "request", out.request);
    readSide(headers, "response", out.response);
  }
  readOldPairs(owner, "appendHeaders", "headers.request.add", out.request, true);
  readOldPairs(owner, "appendRequestHeaders", "headers.request.add", out.request, true);
  readOldPairs(owner, "appendResponseHeaders", "headers.response.add", out.response, false);
  readOldRemovals(owner, "removeRequestHeaders", "headers.request.remove", out.request, true);
  readOldRemovals(owner, "removeResponseHeaders", "headers.response.remove", out.response, false);
}

}  // namespace fairway::api
