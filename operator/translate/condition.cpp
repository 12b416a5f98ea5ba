#include "translate/condition.h"

#include <algorithm>
#include <utility>

#include <envoy/config/rbac/v3/rbac.pb.h>

#include "base/strings.h"
#include "translate/wire.h"

namespace fairway::translate {

namespace rbac = envoy::config::rbac::v3;
using model::Condition;
using model::StringMatcher;
using Op = Condition::Op;
using Kind = StringMatcher::Type;

namespace {

// What became of a condition: a matcher was written, or it is constant.
enum class Outcome { matcher, always, never };

Outcome constant(bool value) { return value ? Outcome::always : Outcome::never; }

constexpr const char* kScheme = "spiffe://";

std::string caseFlag(const StringMatcher& text) { return text.ignoreCase ? "(?i)" : ""; }

// The URI SAN of the peer. The text is compared with the identity without "spiffe://".
bool setPrincipalName(envoy::type::matcher::v3::StringMatcher& out, const StringMatcher& text) {
  switch (text.type) {
    case Kind::exact:
    case Kind::prefix: {
      auto whole = text;
      whole.value = kScheme + text.value;
      return setMatcher(out, whole);
    }
    // A suffix of the identity without the scheme is a suffix of the one with it.
    case Kind::suffix:
      return text.value.empty() ? setMatcher(out, {Kind::prefix, kScheme, false}) : setMatcher(out, text);
    case Kind::regex: return setRegex(*out.mutable_safe_regex(), caseFlag(text) + kScheme + "(?:" + text.value + ")");
    case Kind::present: return setMatcher(out, {Kind::prefix, kScheme, false});
  }
  return false;
}

// spiffe://<trust domain>/ns/<namespace>/sa/<account>: the namespace is one whole segment.
bool setNamespace(envoy::type::matcher::v3::StringMatcher& out, const StringMatcher& text) {
  std::string segment;
  switch (text.type) {
    case Kind::exact: segment = quoteRegex(text.value); break;
    case Kind::prefix: segment = quoteRegex(text.value) + "[^/]*"; break;
    case Kind::suffix: segment = "[^/]*" + quoteRegex(text.value); break;
    case Kind::regex: segment = "(?:" + text.value + ")"; break;
    case Kind::present: segment = "[^/]+"; break;
  }
  if (text.type == Kind::regex && !validRegex(text.value)) return false;
  return setRegex(*out.mutable_safe_regex(), caseFlag(text) + kScheme + "[^/]+/ns/" + segment + "/sa/[^/]+");
}

template <class Header>
bool setHeader(Header& out, const std::string& name, const StringMatcher& text) {
  out.set_name(toLower(name));
  if (text.type == Kind::present) {
    out.set_present_match(true);
    return true;
  }
  return setMatcher(*out.mutable_string_match(), text);
}

// A host in a rule means the host on any port. Hosts have no case.
template <class Header>
bool setHost(Header& out, const StringMatcher& text) {
  out.set_name(":authority");
  const auto colon = text.value.rfind(':');
  const bool hasPort = colon != std::string::npos && toNumber(text.value.substr(colon + 1)).has_value();
  const std::string anyPort = hasPort ? "" : "(?::[0-9]+)?";
  switch (text.type) {
    case Kind::present: out.set_present_match(true); return true;
    case Kind::exact:
      return setRegex(*out.mutable_string_match()->mutable_safe_regex(), "(?i)" + quoteRegex(text.value) + anyPort);
    case Kind::prefix: {
      auto folded = text;
      folded.ignoreCase = true;
      return setMatcher(*out.mutable_string_match(), folded);
    }
    case Kind::suffix:
      return setRegex(*out.mutable_string_match()->mutable_safe_regex(), "(?i).*" + quoteRegex(text.value) + anyPort);
    case Kind::regex:
      return validRegex(text.value) &&
             setRegex(*out.mutable_string_match()->mutable_safe_regex(), "(?i)(?:" + text.value + ")" + anyPort);
  }
  return false;
}

bool setMetadata(envoy::type::matcher::v3::MetadataMatcher& out, const Condition& condition) {
  if (condition.name.empty() || condition.path.empty()) return false;
  out.set_filter(condition.name);
  for (const auto& key : condition.path) {
    if (key.empty()) return false;
    out.add_path()->set_key(key);
  }
  auto& value = *out.mutable_value();
  if (condition.inList)
    return setMatcher(*value.mutable_list_match()->mutable_one_of()->mutable_string_match(), condition.text);
  return setMatcher(*value.mutable_string_match(), condition.text);
}

// The operators that only one of the two sides has.
std::optional<bool> setSpecific(rbac::Permission& out, const Condition& condition) {
  switch (condition.op) {
    case Op::sni: return setMatcher(*out.mutable_requested_server_name(), condition.text);
    case Op::destination_ip: return setCidr(*out.mutable_destination_ip(), condition.cidr);
    case Op::destination_port:
      if (condition.port == 0 || condition.port > 65535) return false;
      out.set_destination_port(condition.port);
      return true;
    default: return std::nullopt;
  }
}

std::optional<bool> setSpecific(rbac::Principal& out, const Condition& condition) {
  switch (condition.op) {
    case Op::principal: return setPrincipalName(*out.mutable_authenticated()->mutable_principal_name(), condition.text);
    case Op::source_namespace:
      return setNamespace(*out.mutable_authenticated()->mutable_principal_name(), condition.text);
    case Op::authenticated:
      return setMatcher(*out.mutable_authenticated()->mutable_principal_name(), {Kind::prefix, kScheme, false});
    case Op::direct_remote_ip: return setCidr(*out.mutable_direct_remote_ip(), condition.cidr);
    case Op::remote_ip: return setCidr(*out.mutable_remote_ip(), condition.cidr);
    default: return std::nullopt;
  }
}

void setAny(rbac::Permission& out) { out.set_any(true); }
void setAny(rbac::Principal& out) { out.set_any(true); }
rbac::Permission& negated(rbac::Permission& out) { return *out.mutable_not_rule(); }
rbac::Principal& negated(rbac::Principal& out) { return *out.mutable_not_id(); }
auto& conjunction(rbac::Permission& out) { return *out.mutable_and_rules()->mutable_rules(); }
auto& conjunction(rbac::Principal& out) { return *out.mutable_and_ids()->mutable_ids(); }
auto& disjunction(rbac::Permission& out) { return *out.mutable_or_rules()->mutable_rules(); }
auto& disjunction(rbac::Principal& out) { return *out.mutable_or_ids()->mutable_ids(); }

// Writes one condition as a matcher of one side (Permission or Principal). `unknown` is the value of what
// cannot be evaluated; it flips below a negation, so that the whole always errs to the same side.
template <class Side>
class Writer {
 public:
  explicit Writer(bool http) : http_(http) {}

  Outcome write(Side& out, const Condition& condition, bool unknown) const {
    switch (condition.op) {
      case Op::any: return Outcome::always;
      case Op::never: return Outcome::never;
      case Op::not_: return negate(out, condition, unknown);
      case Op::all_of: return combine(out, condition, unknown, true);
      case Op::any_of: return combine(out, condition, unknown, false);
      default: break;
    }
    if (!http_ && condition.httpOnly()) return constant(unknown);
    if (leaf(out, condition)) return Outcome::matcher;
    out.Clear();
    return constant(unknown);
  }

 private:
  bool leaf(Side& out, const Condition& condition) const {
    if (const auto written = setSpecific(out, condition)) return *written;
    switch (condition.op) {
      case Op::path:
        if (condition.text.type == Kind::present) return setHeader(*out.mutable_header(), ":path", condition.text);
        return setMatcher(*out.mutable_url_path()->mutable_path(), condition.text);
      case Op::method: return setHeader(*out.mutable_header(), ":method", condition.text);
      case Op::host: return setHost(*out.mutable_header(), condition.text);
      case Op::header:
        return !condition.name.empty() && setHeader(*out.mutable_header(), condition.name, condition.text);
      case Op::metadata: return setMetadata(*out.mutable_sourced_metadata()->mutable_metadata_matcher(), condition);
      default: return false;
    }
  }

  Outcome negate(Side& out, const Condition& condition, bool unknown) const {
    if (condition.children.size() != 1) return constant(unknown);
    Side inner;
    switch (write(inner, condition.children.front(), !unknown)) {
      case Outcome::always: return Outcome::never;
      case Outcome::never: return Outcome::always;
      case Outcome::matcher: break;
    }
    negated(out) = std::move(inner);
    return Outcome::matcher;
  }

  // All of (an empty one is true) or any of (an empty one is false).
  Outcome combine(Side& out, const Condition& condition, bool unknown, bool all) const {
    std::vector<Side> parts;
    for (const auto& child : condition.children) {
      Side part;
      const auto outcome = write(part, child, unknown);
      if (outcome == (all ? Outcome::never : Outcome::always)) return outcome;
      if (outcome == Outcome::matcher) parts.push_back(std::move(part));
    }
    if (parts.empty()) return all ? Outcome::always : Outcome::never;
    if (parts.size() == 1) {
      out = std::move(parts.front());
      return Outcome::matcher;
    }
    auto& set = all ? conjunction(out) : disjunction(out);
    for (auto& part : parts) *set.Add() = std::move(part);
    return Outcome::matcher;
  }

  const bool http_;
};

bool holds(const Condition& condition, const std::initializer_list<Op>& ops) {
  return std::find(ops.begin(), ops.end(), condition.op) != ops.end() ||
         std::any_of(condition.children.begin(), condition.children.end(),
                     [&](const Condition& child) { return holds(child, ops); });
}

bool onlyPrincipal(const Condition& condition) {
  return holds(condition,
               {Op::principal, Op::source_namespace, Op::authenticated, Op::direct_remote_ip, Op::remote_ip});
}

bool onlyPermission(const Condition& condition) {
  return holds(condition, {Op::sni, Op::destination_ip, Op::destination_port});
}

// Moves the top-level conjuncts that `wrongSide` selects from one side to the other: both must hold anyway.
void move(Condition& from, Condition& to, bool (*wrongSide)(const Condition&), bool (*wrongThere)(const Condition&)) {
  std::vector<Condition> stay;
  std::vector<Condition> go;
  const bool conjunctive = from.op == Op::all_of;
  for (auto& part : conjunctive ? from.children : std::vector<Condition>{from}) {
    (wrongSide(part) && !wrongThere(part) ? go : stay).push_back(part);
  }
  if (go.empty()) return;
  go.push_back(to);
  from = Condition::allOf(std::move(stay));
  to = Condition::allOf(std::move(go));
}

}  // namespace

bool setPolicy(rbac::Policy& out, const model::AuthorizationRule& rule, const ConditionContext& context) {
  Condition permission = rule.permission;
  Condition principal = rule.principal;
  move(permission, principal, onlyPrincipal, onlyPermission);
  move(principal, permission, onlyPermission, onlyPrincipal);

  rbac::Permission what;
  switch (Writer<rbac::Permission>(context.http).write(what, permission, context.unknown)) {
    case Outcome::never: return false;
    case Outcome::always: setAny(what); break;
    case Outcome::matcher: break;
  }
  rbac::Principal who;
  switch (Writer<rbac::Principal>(context.http).write(who, principal, context.unknown)) {
    case Outcome::never: return false;
    case Outcome::always: setAny(who); break;
    case Outcome::matcher: break;
  }
  *out.add_permissions() = std::move(what);
  *out.add_principals() = std::move(who);
  return true;
}

}  // namespace fairway::translate
