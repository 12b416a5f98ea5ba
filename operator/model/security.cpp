#include "model/security.h"

#include <algorithm>

namespace fairway::model {

MtlsMode PeerAuthentication::modeOf(std::uint32_t port) const {
  const auto found = ports.find(port);
  return found == ports.end() ? mode : found->second;
}

bool RequestAuthentication::required() const {
  return refuse ||
         std::any_of(rules.begin(), rules.end(), [](const Rule& rule) { return rule.need == Need::required; });
}

Condition Condition::nothing() {
  Condition condition;
  condition.op = Op::never;
  return condition;
}

Condition Condition::allOf(std::vector<Condition> children) {
  if (children.empty()) return anything();
  if (children.size() == 1) return std::move(children.front());
  Condition condition;
  condition.op = Op::all_of;
  condition.children = std::move(children);
  return condition;
}

// An empty disjunction is never true.
Condition Condition::anyOf(std::vector<Condition> children) {
  if (children.empty()) return nothing();
  if (children.size() == 1) return std::move(children.front());
  Condition condition;
  condition.op = Op::any_of;
  condition.children = std::move(children);
  return condition;
}

Condition Condition::negate(Condition child) {
  Condition condition;
  condition.op = Op::not_;
  condition.children.push_back(std::move(child));
  return condition;
}

Condition Condition::textual(Op op, StringMatcher text, std::string name) {
  Condition condition;
  condition.op = op;
  condition.text = std::move(text);
  condition.name = std::move(name);
  return condition;
}

bool Condition::httpOnly() const {
  switch (op) {
    case Op::path:
    case Op::method:
    case Op::host:
    case Op::header: return true;
    case Op::metadata: return name == "envoy.filters.http.jwt_authn";
    default: return std::any_of(children.begin(), children.end(), [](const Condition& c) { return c.httpOnly(); });
  }
}

}  // namespace fairway::model
