#include "analyze/covering.h"

#include <algorithm>

#include "base/strings.h"
#include "normalize/hosts.h"

namespace fairway::analyze {

namespace {

using Type = api::StringMatch::Type;

bool covers(const api::StringMatch& wide, const api::StringMatch& narrow) {
  if (wide == narrow || wide.type == Type::present) return true;
  if (wide.type == Type::prefix && (narrow.type == Type::exact || narrow.type == Type::prefix)) {
    return narrow.value.starts_with(wide.value);
  }
  if (wide.type == Type::regex) return wide.value == ".*";
  return false;
}

bool covers(const std::optional<api::StringMatch>& wide, const std::optional<api::StringMatch>& narrow) {
  return !wide || (narrow && covers(*wide, *narrow));
}

// Each condition of `wide` is in `narrow`, as it is or narrower.
bool covers(const std::map<std::string, api::StringMatch>& wide,
            const std::map<std::string, api::StringMatch>& narrow) {
  return std::all_of(wide.begin(), wide.end(), [&](const auto& condition) {
    const auto found = narrow.find(condition.first);
    return found != narrow.end() && covers(condition.second, found->second);
  });
}

// Conditions that must not hold: those of `wide` must be the same or narrower.
bool coversNot(const std::map<std::string, api::StringMatch>& wide,
               const std::map<std::string, api::StringMatch>& narrow) {
  return std::all_of(wide.begin(), wide.end(), [&](const auto& condition) {
    const auto found = narrow.find(condition.first);
    return found != narrow.end() && covers(found->second, condition.second);
  });
}

// An empty list means all.
bool coversList(const std::vector<std::string>& wide, const std::vector<std::string>& narrow) {
  if (wide.empty()) return true;
  return !narrow.empty() && std::all_of(narrow.begin(), narrow.end(), [&](const std::string& value) {
    return std::find(wide.begin(), wide.end(), value) != wide.end();
  });
}

template <class Match>
bool coversPlace(const Match& wide, const Match& narrow) {
  return (wide.port == 0 || wide.port == narrow.port) && api::selects(wide.sourceLabels, narrow.sourceLabels) &&
         (wide.sourceNamespace.empty() || wide.sourceNamespace == narrow.sourceNamespace) &&
         coversList(wide.gateways, narrow.gateways);
}

std::optional<api::StringMatch> lowered(std::optional<api::StringMatch> match) {
  if (match && match->type != Type::regex) match->value = toLower(match->value);
  return match;
}

bool coversPath(const api::HttpMatchRequest& wide, const api::HttpMatchRequest& narrow) {
  if (!wide.uri || (wide.uri->type == Type::prefix && wide.uri->value == "/")) return true;
  if (wide.ignoreUriCase) return covers(lowered(wide.uri), lowered(narrow.uri));
  return !narrow.ignoreUriCase && covers(wide.uri, narrow.uri);
}

}  // namespace

bool covers(const api::HttpMatchRequest& wide, const api::HttpMatchRequest& narrow) {
  return coversPlace(wide, narrow) && coversPath(wide, narrow) && covers(wide.scheme, narrow.scheme) &&
         covers(wide.method, narrow.method) && covers(wide.authority, narrow.authority) &&
         covers(wide.headers, narrow.headers) && coversNot(wide.withoutHeaders, narrow.withoutHeaders) &&
         covers(wide.queryParams, narrow.queryParams);
}

bool covers(const api::L4Match& wide, const api::L4Match& narrow) {
  if (!coversPlace(wide, narrow) || !coversList(wide.destinationSubnets, narrow.destinationSubnets)) return false;
  if (wide.sniHosts.empty()) return true;
  return !narrow.sniHosts.empty() && std::all_of(narrow.sniHosts.begin(), narrow.sniHosts.end(), [&](const auto& host) {
    return std::any_of(wide.sniHosts.begin(), wide.sniHosts.end(),
                       [&](const auto& pattern) { return pattern == host || normalize::matchesHost(pattern, host); });
  });
}

bool isEverything(const api::HttpMatchRequest& match) { return covers(match, api::HttpMatchRequest{}); }
bool isEverything(const api::L4Match& match) { return covers(match, api::L4Match{}); }

}  // namespace fairway::analyze
