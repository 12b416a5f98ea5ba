#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/common.h"
#include "model/traffic.h"

namespace fairway::model {

// How many HTTP requests are taken: one object of a user, one filter of Envoy. Each request that a rule is for is counted under
// the rule's name and the values of its descriptors; one without such a value is not counted by that rule.
struct RateLimit {
  struct Match {
    std::optional<StringMatcher> path, method;  // path without query
    std::vector<HttpMatch::Named> headers;
    bool operator==(const Match&) const = default;
  };
  struct Descriptor {
    enum class Type {
      path,  // without query
      method,
      header,
      source_principal,  // of the mTLS peer, without "spiffe://"
      source_namespace,
      claim,  // of a validated token
      remote_address,
      constant,
    };
    Type type = Type::path;
    std::string header;
    std::vector<std::string> claim;
    std::string value;  // not empty: only requests with this value
    bool operator==(const Descriptor&) const = default;
  };
  enum class Unit { second, minute, hour, day };
  struct Rule {
    std::string name;          // unique in the object
    std::vector<Match> match;  // OR; empty = every request
    std::vector<Descriptor> descriptors;
    std::uint32_t requests = 1;
    Unit unit = Unit::second;
    std::uint32_t burst = 1;  // size of the token bucket; local only
    bool operator==(const Rule&) const = default;
  };
  // How the rate limit service is asked; nothing: each proxy counts for itself.
  struct Service {
    std::string host;
    std::uint32_t port = 0;
    Duration timeout{};
    bool failClosed = false;
    bool operator==(const Service&) const = default;
  };
  std::vector<Rule> rules;
  std::optional<Service> service;
  std::uint32_t maxCounters = 0;  // local: of descriptors' values at a time, those not used for longest make room
  std::uint32_t status = 429;
  std::vector<std::pair<std::string, std::string>> responseHeaders;
  bool quotaHeaders = false;
  bool enforced = true;
  Provenance provenance;
  bool operator==(const RateLimit&) const = default;

  // "<namespace>/<name>"
  [[nodiscard]] std::string id() const { return provenance.ns + "/" + provenance.name; }
};

}  // namespace fairway::model
