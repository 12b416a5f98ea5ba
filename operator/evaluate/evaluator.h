#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "evaluate/facts.h"
#include "evaluate/verdict.h"

namespace fairway::evaluate {

// What Envoy 1.40 would do with connections and requests that reach one listener, told from the listener's configuration alone.
// What it does not understand it does not guess: the outcome is `unknown`, and says why.
// Immutable once the routes are added; several threads may ask.
class Evaluator {
 public:
  // One filter of a chain that can refuse, or one policy in it.
  struct Rule {
    std::string chain;
    std::uint32_t port = 0;  // that the chain is for; 0: every other
    bool mutualTls = false, http = false;
    std::size_t order = 0;  // of the filter among those of its chain that can refuse, from 1
    std::string filter;     // "envoy.filters.http.rbac"
    std::string action;     // ALLOW, DENY, LOG, JWT or ASK
    std::string policy;     // "" for an RBAC filter without policies, which refuses or passes everything
    bool onTrial = false;   // shadow rules: they decide nothing
  };

  // A Listener in protobuf's JSON, with either form of field names. Failure: it is none, or has fields that are not known.
  static Result<Evaluator> fromJson(const nlohmann::json& listener);
  // A serialized Listener. Failure: it is none.
  static Result<Evaluator> fromBytes(std::string_view listener);
  // A RouteConfiguration that connection managers name (RDS), and its virtual hosts; those of VHDS are added to it.
  Result<void> addRoutes(const nlohmann::json& routes);
  Result<void> addVirtualHost(const std::string& routeConfiguration, const nlohmann::json& host);
  // Has the routes of another listener of the same proxy from now on, in place of its own.
  void shareRoutes(const Evaluator& with);

  // `explain`: the policies' conditions are written down, and rules are looked at to their end.
  [[nodiscard]] Verdict evaluate(const Question& question, bool explain = false) const;

  [[nodiscard]] const std::string& name() const;
  // The IP addresses it listens at and its port; whether it takes connections that come to a workload.
  [[nodiscard]] std::vector<std::string> addresses() const;
  [[nodiscard]] std::uint32_t port() const;
  [[nodiscard]] bool inbound() const;
  // The ports of destinations that its chains are for; its own where a chain is for any.
  [[nodiscard]] std::vector<std::uint32_t> ports() const;
  // The trust domain whose clients its mutual TLS lets in; "" if it has none.
  [[nodiscard]] std::string trustDomain() const;
  // What can refuse connections and requests, chain by chain, in the order in which it is asked.
  [[nodiscard]] std::vector<Rule> rules() const;
  // Object of each RBAC policy of a chain, as the translation wrote it into the chain's metadata: policy -> object.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> provenance(const std::string& chain) const;

 private:
  struct Impl;
  explicit Evaluator(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace fairway::evaluate
