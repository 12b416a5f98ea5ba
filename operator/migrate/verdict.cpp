#include "migrate/verdict.h"

#include <algorithm>

#include "base/strings.h"
#include "normalize/conditions.h"

namespace fairway::migrate {

using model::Condition;
using model::RequestAuthentication;
using model::StringMatcher;
using Op = Condition::Op;
using Action = model::AuthorizationFilter::Action;

namespace {

// Whose token it is and where it comes from; what becomes of it afterwards changes no verdict.
std::string identityOf(const model::JwtProvider& provider) {
  std::vector<std::string> parts{provider.issuer, join(provider.audiences, ","), provider.jwks};
  for (const auto& header : provider.fromHeaders) parts.push_back("h:" + toLower(header.name) + ":" + header.prefix);
  for (const auto& name : provider.fromParams) parts.push_back("p:" + name);
  for (const auto& name : provider.fromCookies) parts.push_back("c:" + name);
  parts.push_back(join(provider.spaceDelimitedClaims, ","));
  return join(parts, "|");
}

std::string withoutBackslashes(std::string_view quoted) {
  std::string result;
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] == '\\' && i + 1 < quoted.size()) ++i;
    result += quoted[i];
  }
  return result;
}

}  // namespace

Node VerdictWriter::ask(VariableId variable, Predicate::Op op, const StringMatcher& text) {
  Predicate predicate;
  predicate.op = op;
  predicate.text = text;
  return formulas_.atom(variable, attributes_.ask(variable, predicate));
}

Node VerdictWriter::text(Domain domain, const std::string& name, bool maybeAbsent, const StringMatcher& matcher) {
  Variable variable;
  variable.domain = domain;
  variable.name = name;
  variable.maybeAbsent = maybeAbsent;
  const auto id = attributes_.variable(variable);
  if (matcher.type == StringMatcher::Type::present) {
    return maybeAbsent ? ask(id, Predicate::Op::present) : Formulas::kTrue;
  }
  return ask(id, Predicate::Op::matches, matcher);
}

Node VerdictWriter::address(const std::string& name, const std::string& cidr) {
  Variable variable;
  variable.domain = Domain::address;
  variable.name = name;
  const auto id = attributes_.variable(variable);
  Predicate predicate;
  predicate.op = Predicate::Op::in_range;
  predicate.cidr = cidr;
  return formulas_.atom(id, attributes_.ask(id, predicate));
}

VariableId VerdictWriter::principal() {
  Variable variable;
  variable.domain = Domain::principal;
  variable.name = "principal";
  variable.maybeAbsent = identity_ != model::MtlsMode::strict;
  variable.maybePresent = identity_ != model::MtlsMode::disable;
  variable.hints = {trustDomain_};
  return attributes_.variable(variable);
}

VariableId VerdictWriter::token(const model::JwtProvider& provider) {
  Variable variable;
  variable.domain = Domain::choice;
  variable.name = "token of " + provider.issuer + " (" + identityOf(provider) + ")";
  variable.label = "token of " + provider.issuer;
  variable.only = {"none", "invalid"};
  if (!provider.jwks.empty()) variable.only.emplace_back("valid");
  return attributes_.variable(variable);
}

// Browsers ask so before they send a request: these carry no token, and none is asked of them.
Node VerdictWriter::preflight() {
  return formulas_.all({text(Domain::text, "method", false, {StringMatcher::Type::exact, "OPTIONS", false}),
                        text(Domain::text, "header origin", true, {}),
                        text(Domain::text, "header access-control-request-method", true, {})});
}

// True if the request is refused for its tokens. Fills in which of them count.
Node VerdictWriter::tokens(const RequestAuthentication& tokens) {
  accepted_.clear();
  if (!port_.http) return Formulas::kFalse;
  if (tokens.refuse) return Formulas::kTrue;
  if (tokens.rules.empty()) return Formulas::kFalse;
  const auto state = [&](VariableId id, const char* text) {
    return ask(id, Predicate::Op::matches, {StringMatcher::Type::exact, text, false});
  };
  std::vector<Node> refused;
  Node open = formulas_.negate(preflight());  // no rule before this one took it
  for (const auto& rule : tokens.rules) {
    std::vector<Node> guard{open};
    for (const auto& path : rule.paths) guard.push_back(text(Domain::path, "path", false, path));
    const Node here = formulas_.all(guard);
    open = formulas_.all({open, formulas_.negate(here)});
    if (rule.providers.empty()) continue;
    std::vector<Node> valid, absent;
    for (const auto index : rule.providers) {
      const auto& provider = tokens.providers[index];
      const auto id = token(provider);
      const Node before = formulas_.any(valid);
      valid.push_back(provider.jwks.empty() ? Formulas::kFalse : state(id, "valid"));
      absent.push_back(state(id, "none"));
      accepted_.push_back({id, &provider, formulas_.all({here, formulas_.negate(before), valid.back()})});
    }
    const Node anyValid = formulas_.any(valid);
    Node passes = Formulas::kTrue;
    if (rule.need == RequestAuthentication::Need::required) passes = anyValid;
    if (rule.need == RequestAuthentication::Need::valid_if_present) {
      passes = formulas_.any({anyValid, formulas_.all(absent)});
    }
    refused.push_back(formulas_.all({here, formulas_.negate(passes)}));
  }
  return formulas_.any(refused);
}

// A claim is there if a token was verified, and is that token's.
Node VerdictWriter::claim(const Condition& condition) {
  const std::vector<std::string> path(condition.path.begin() + 1, condition.path.end());
  std::vector<Node> alternatives;
  for (const auto& accepted : accepted_) {
    Variable variable;
    variable.domain = Domain::claim;
    variable.name = "claim " + join(path, ".") + " of " + identityOf(*accepted.provider);
    variable.label = "claim " + join(path, ".") + " of that token";
    variable.maybeAbsent = true;
    const bool issuer = path == std::vector<std::string>{"iss"};
    if (issuer) variable.only = {accepted.provider->issuer};
    const auto id = attributes_.variable(variable);
    if (path == std::vector<std::string>{"aud"} && !accepted.provider->audiences.empty()) {
      Predicate bound;
      bound.op = Predicate::Op::has_one_of;
      bound.texts = accepted.provider->audiences;
      attributes_.ask(id, bound);
    }
    const auto op = condition.inList ? Predicate::Op::has_match : Predicate::Op::matches;
    alternatives.push_back(formulas_.all({accepted.counts, ask(id, op, condition.text)}));
  }
  return formulas_.any(alternatives);
}

Node VerdictWriter::leaf(const Condition& condition, bool unknown) {
  using Type = StringMatcher::Type;
  switch (condition.op) {
    case Op::path: return text(Domain::path, "path", false, condition.text);
    case Op::method: return text(Domain::text, "method", false, condition.text);
    case Op::host: {
      const auto& expression = condition.text.value;
      static constexpr std::string_view kStart = "(?i).*";
      static constexpr std::string_view kPort = ":[0-9]+";
      // How normalisation says "a host that ends so, on any port": such hosts are enumerated, with and without port.
      if (condition.text.type == Type::regex && expression.starts_with(kStart) && expression.ends_with(kPort)) {
        const auto quoted = expression.substr(kStart.size(), expression.size() - kStart.size() - kPort.size());
        text(Domain::host, "host", false, {Type::suffix, withoutBackslashes(quoted), true});
      }
      return text(Domain::host, "host", false, condition.text);
    }
    case Op::header: {
      if (condition.name == ":method") return text(Domain::text, "method", false, condition.text);
      return text(Domain::text, "header " + condition.name, true, condition.text);
    }
    case Op::principal:
    case Op::authenticated: {
      const bool any = condition.op == Op::authenticated || condition.text.type == Type::present;
      if (any) return ask(principal(), Predicate::Op::present);
      return ask(principal(), Predicate::Op::matches, condition.text);
    }
    case Op::source_namespace: return ask(principal(), Predicate::Op::in_namespace, condition.text);
    case Op::sni: return text(Domain::text, "SNI", false, condition.text);
    case Op::destination_ip: return address("destination address", condition.cidr);
    case Op::direct_remote_ip: return address("source address", condition.cidr);
    case Op::remote_ip: return address("client address", condition.cidr);
    case Op::destination_port:
      if (condition.port == 0 || condition.port > 65535) return Formulas::constant(unknown);
      if (port_.number != 0) return Formulas::constant(condition.port == port_.number);
      if (std::find(port_.named.begin(), port_.named.end(), condition.port) != port_.named.end())
        return Formulas::kFalse;
      return text(Domain::text, "port", false, {Type::exact, std::to_string(condition.port), false});
    case Op::metadata: {
      if (condition.name.empty() || condition.path.empty()) return Formulas::constant(unknown);
      if (condition.name == normalize::kJwtFilter && condition.path.size() > 1) return claim(condition);
      Variable variable;
      variable.domain = Domain::claim;
      variable.name = "metadata " + condition.name + " " + join(condition.path, ".");
      variable.maybeAbsent = true;
      return ask(attributes_.variable(variable), condition.inList ? Predicate::Op::has_match : Predicate::Op::matches,
                 condition.text);
    }
    default: return Formulas::constant(unknown);
  }
}

Node VerdictWriter::condition(const Condition& condition, bool unknown) {
  switch (condition.op) {
    case Op::any: return Formulas::kTrue;
    case Op::never: return Formulas::kFalse;
    case Op::not_:
      if (condition.children.size() != 1) return Formulas::constant(unknown);
      return formulas_.negate(this->condition(condition.children.front(), !unknown));
    case Op::all_of:
    case Op::any_of: {
      std::vector<Node> nodes;
      for (const auto& child : condition.children) nodes.push_back(this->condition(child, unknown));
      return condition.op == Op::all_of ? formulas_.all(std::move(nodes)) : formulas_.any(std::move(nodes));
    }
    default: break;
  }
  if (!port_.http && condition.httpOnly()) return Formulas::constant(unknown);
  return leaf(condition, unknown);
}

Node VerdictWriter::rule(const model::AuthorizationRule& rule, bool unknown) {
  return formulas_.all({condition(rule.permission, unknown), condition(rule.principal, unknown)});
}

Verdict VerdictWriter::write(const Gate& gate) {
  Verdict verdict;
  std::vector<Node> denied, shadow;
  bool hasShadow = false;
  const Node refused = tokens(gate.tokens);
  if (refused != Formulas::kFalse) {
    const auto& from = gate.tokens.provenance;
    verdict.steps.push_back({Verdict::Step::What::token, refused, from.empty() ? "" : from.front().toString()});
    denied.push_back(refused);
  }
  for (const auto& filter : gate.authorization.filters) {
    if (filter.action == Action::audit) continue;
    const bool allows = filter.action == Action::allow;
    const auto anyOf = [&](const std::vector<model::AuthorizationRule>& rules, bool steps) {
      std::vector<Node> nodes;
      for (const auto& each : rules) {
        nodes.push_back(rule(each, !allows));
        if (!steps) continue;
        const auto what = allows ? Verdict::Step::What::allow : Verdict::Step::What::deny;
        verdict.steps.push_back({what, nodes.back(), each.provenance.toString()});
      }
      return formulas_.any(nodes);
    };
    if (filter.action == Action::external) {
      auto& asked = verdict.asked[filter.authorizer ? filter.authorizer->name : ""];
      asked = formulas_.any({asked, anyOf(filter.rules, false)});
      continue;
    }
    if (filter.enforced) {
      const Node matched = anyOf(filter.rules, true);
      denied.push_back(allows ? formulas_.negate(matched) : matched);
      if (allows) verdict.steps.push_back({Verdict::Step::What::nothing_allows, Formulas::kTrue, ""});
    }
    if (!filter.shadowRules.empty()) {
      hasShadow = true;
      const Node matched = anyOf(filter.shadowRules, false);
      shadow.push_back(allows ? formulas_.negate(matched) : matched);
    }
  }
  verdict.denied = formulas_.any(denied);
  for (auto& [name, asked] : verdict.asked) asked = formulas_.all({asked, formulas_.negate(verdict.denied)});
  if (hasShadow) verdict.shadowDenied = formulas_.any(shadow);
  return verdict;
}

}  // namespace fairway::migrate
