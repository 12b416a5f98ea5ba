#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/networking.h"
#include "api/object.h"
#include "api/security.h"

// networking.fairway.io RateLimit: how many requests workloads take. A kind of our own; Istio has none for it.
namespace fairway::api {

struct RateLimitSpec {
  // Where requests are counted: at the sidecars of the workloads, or at gateways.
  enum class Context { inbound, gateway };
  struct Match {
    std::optional<StringMatch> path, method;  // path without query
    std::map<std::string, StringMatch> headers;
    bool operator==(const Match&) const = default;
  };
  // Requests that differ in it are counted apart.
  struct Descriptor {
    enum class Type { path, method, header, source_principal, source_namespace, claim, remote_address, constant };
    Type type = Type::path;
    std::string name;   // of the header; of the claim, nested ones as a.b
    std::string value;  // not empty: only requests with this value are counted
    bool operator==(const Descriptor&) const = default;
  };
  struct Limit {
    enum class Unit { second, minute, hour, day };
    std::uint32_t requests = 0;  // 0: it could not be read
    Unit unit = Unit::second;
    std::optional<std::uint32_t> burst;
    bool operator==(const Limit&) const = default;
  };
  struct Rule {
    std::string name;
    std::vector<Match> match;  // OR; empty = every request
    std::vector<Descriptor> descriptors;
    Limit limit;
    bool operator==(const Rule&) const = default;
  };
  struct Response {
    std::uint32_t status = 429;
    std::map<std::string, std::string> headers;
    bool quotaHeaders = false;  // X-RateLimit-Limit, -Remaining, -Reset
    bool operator==(const Response&) const = default;
  };
  // Each proxy counts for itself.
  struct Local {
    std::optional<std::uint32_t> maxCounters;
    bool operator==(const Local&) const = default;
  };
  // The rate limit service counts for all proxies.
  struct Global {
    std::optional<Duration> timeout;
    bool failClosed = false;  // requests are refused while it cannot be asked
    bool operator==(const Global&) const = default;
  };
  Labels selector;
  std::vector<TargetRef> targetRefs;
  Context context = Context::inbound;
  std::vector<Rule> rules;
  Response response;
  std::optional<Local> local;  // exactly one of these two
  std::optional<Global> global;
  bool shadow = false;  // it only counts
  bool operator==(const RateLimitSpec&) const = default;
};
using RateLimit = Typed<RateLimitSpec, Kind::rate_limit>;

}  // namespace fairway::api
