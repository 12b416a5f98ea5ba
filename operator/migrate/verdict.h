#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "migrate/domain.h"
#include "migrate/formula.h"
#include "model/security.h"

namespace fairway::migrate {

// What decides on the requests to one workload port.
struct Gate {
  model::MtlsMode mtls = model::MtlsMode::permissive;
  model::RequestAuthentication tokens;
  model::Authorization authorization;
  bool operator==(const Gate&) const = default;
};

struct Port {
  std::uint32_t number = 0;  // 0: one that no service names
  bool http = false;
  std::vector<std::uint32_t> named;  // all ports that services name for the workload
};

// A gate as formulas. What cannot be evaluated counts as translation has it (translate/condition.h): never in rules
// that allow, always in rules that deny.
struct Verdict {
  Node denied = Formulas::kFalse;
  std::map<std::string, Node> asked;  // external authorizers that are asked, by name
  std::optional<Node> shadowDenied;   // what dry runs count as denied; nothing if there are none

  // What may have decided, in order.
  struct Step {
    enum class What { token, deny, allow, nothing_allows };
    What what = What::deny;
    Node applies = Formulas::kFalse;
    std::string who;  // provenance
  };
  std::vector<Step> steps;
};

// Writes gates as formulas over shared attributes, which tell requests apart by what any of the gates asks.
class VerdictWriter {
 public:
  // `identity`: the modes of the gates, if they are the same, say whether requests have a mesh identity.
  VerdictWriter(Attributes& attributes, Formulas& formulas, Port port, std::optional<model::MtlsMode> identity,
                std::string trustDomain)
      : attributes_(attributes),
        formulas_(formulas),
        port_(port),
        identity_(identity),
        trustDomain_(std::move(trustDomain)) {}

  Verdict write(const Gate& gate);

 private:
  struct Accepted {  // a token that was verified
    VariableId token = 0;
    const model::JwtProvider* provider = nullptr;
    Node counts = Formulas::kFalse;  // it is the first valid one
  };

  Node tokens(const model::RequestAuthentication& tokens);
  Node preflight();
  Node rule(const model::AuthorizationRule& rule, bool unknown);
  Node condition(const model::Condition& condition, bool unknown);
  Node leaf(const model::Condition& condition, bool unknown);
  Node claim(const model::Condition& condition);
  Node ask(VariableId variable, Predicate::Op op, const model::StringMatcher& text = {});
  Node text(Domain domain, const std::string& name, bool maybeAbsent, const model::StringMatcher& matcher);
  Node address(const std::string& name, const std::string& cidr);
  VariableId principal();
  VariableId token(const model::JwtProvider& provider);

  Attributes& attributes_;
  Formulas& formulas_;
  const Port port_;
  const std::optional<model::MtlsMode> identity_;
  const std::string trustDomain_;
  std::vector<Accepted> accepted_;  // of the gate being written
};

}  // namespace fairway::migrate
