#include "api/http_match_json.h"

#include "api/destination_json.h"
#include "api/string_match_json.h"
#include "api/validate.h"

namespace fairway::api {
namespace {

// A condition on something that every request has: an empty one says nothing and is left out.
void readCondition(Fields& fields, std::string_view name, std::optional<StringMatch>& out) {
  const auto value = fields.get(name);
  if (!value) return;
  out = readStringMatch(*value);
  if (out && out->type == StringMatch::Type::present) {
    value->warn("it is empty and matches every request, expected one of exact, prefix, regex");
    out.reset();
  }
}

bool isClaim(std::string_view key) {
  static constexpr std::string_view kClaims = "@request.auth.claims";
  if (!key.starts_with(kClaims)) return false;
  key.remove_prefix(kClaims.size());
  if (key.starts_with('.')) return key.size() > 1 && key.find("..") == std::string_view::npos && !key.ends_with('.');
  while (!key.empty()) {
    const auto end = key.find(']');
    if (!key.starts_with('[') || end == std::string_view::npos || end == 1) return false;
    key.remove_prefix(end + 1);
    if (key.empty()) return true;
  }
  return false;
}

void readNamed(Fields& fields, std::string_view name, bool headers, std::map<std::string, StringMatch>& out) {
  const auto value = fields.get(name);
  if (!value) return;
  value->eachEntry([&](const Value& entry, const std::string& key) {
    if (headers && key.starts_with('@')) {  // Istio's way to say a claim of a token
      if (!isClaim(key)) {
        entry.error("found the header name " + quote(key) +
                    ", expected @request.auth.claims.name, or [name] for a name "
                    "with dots in it");
        return;
      }
    } else if (headers &&
               !isHeaderName(key.starts_with(':') ? std::string_view(key).substr(1) : std::string_view(key))) {
      entry.error("found the header name " + quote(key) + ", expected letters, digits and '-'");
      return;
    }
    if (!headers && key.empty()) {
      entry.error("the name of a query parameter is empty");
      return;
    }
    if (auto match = readStringMatch(entry)) out.emplace(key, std::move(*match));
  });
}

}  // namespace

void readHttpMatch(const Value& value, HttpMatchRequest& out) {
  Fields fields(value);
  fields.read("name", out.name);
  readCondition(fields, "uri", out.uri);
  readCondition(fields, "scheme", out.scheme);
  readCondition(fields, "method", out.method);
  readCondition(fields, "authority", out.authority);
  readNamed(fields, "headers", true, out.headers);
  readNamed(fields, "withoutHeaders", true, out.withoutHeaders);
  readNamed(fields, "queryParams", false, out.queryParams);
  fields.readPort("port", out.port);
  if (const auto labels = fields.get("sourceLabels")) {
    out.sourceLabels = labels->textMap();
    checkLabels(*labels, out.sourceLabels);
  }
  fields.read("sourceNamespace", out.sourceNamespace);
  if (const auto gateways = fields.get("gateways")) {
    out.gateways = gateways->texts();
    checkGatewayNames(*gateways);
  }
  fields.read("ignoreUriCase", out.ignoreUriCase);
  fields.read("statPrefix", out.statPrefix);
}

}  // namespace fairway::api
