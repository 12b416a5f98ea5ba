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
  // A Listener in protobuf's JSON, with either form of field names. Failure: it is none, or has fields that are not known.
  static Result<Evaluator> fromJson(const nlohmann::json& listener);
  // A serialized Listener. Failure: it is none.
  static Result<Evaluator> fromBytes(std::string_view listener);
  // A RouteConfiguration that connection managers name (RDS), and its virtual hosts; those of VHDS are added to it.
  Result<void> addRoutes(const nlohmann::json& routes);
  Result<void> addVirtualHost(const std::string& routeConfiguration, const nlohmann::json& host);

  // `explain`: the policies' conditions are written down, and rules are looked at to their end.
  [[nodiscard]] Verdict evaluate(const Question& question, bool explain = false) const;

  [[nodiscard]] const std::string& name() const;
  // Object of each RBAC policy of a chain, as the translation wrote it into the chain's metadata: policy -> object.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> provenance(const std::string& chain) const;

 private:
  struct Impl;
  explicit Evaluator(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace fairway::evaluate
