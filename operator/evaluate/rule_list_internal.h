#pragma once

#include <string>
#include <utility>
#include <vector>

#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/config/rbac/v3/rbac.pb.h>

#include "evaluate/evaluator.h"
#include "evaluate/http_internal.h"

namespace fairway::evaluate {

// Collects what can refuse in one chain.
class RuleList {
 public:
  RuleList(const envoy::config::listener::v3::FilterChain& chain,
           const envoy::config::listener::v3::Listener& listener);

  void next(const std::string& filter);  // another filter begins
  void rbac(const envoy::config::rbac::v3::RBAC& rules, bool onTrial);
  void http(const HttpProgram& program);
  [[nodiscard]] std::vector<Evaluator::Rule> take() { return std::move(rules_); }

 private:
  void add(const std::string& action, const std::string& policy, bool onTrial);

  Evaluator::Rule base_;
  std::vector<Evaluator::Rule> rules_;
};

}  // namespace fairway::evaluate
