#include <map>

#include <envoy/extensions/path/match/uri_template/v3/uri_template_match.pb.h>

#include "evaluate/matchers_internal.h"
#include "evaluate/rbac_internal.h"

// Envoy still takes the fields that newer ones stand in for.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace fairway::evaluate {

namespace rbac = envoy::config::rbac::v3;
using rbac::Permission;
using rbac::Principal;

namespace {

using Kind = Condition::Kind;

// Evaluates the conditions of one side of a policy. `out` may be null: then nothing is written down, and what cannot change
// the result is not looked at.
class Side {
 public:
  explicit Side(const RuleContext& context) : context_(context) {}

  Truth check(const Permission& rule, Condition* out) const {
    switch (rule.rule_case()) {
      case Permission::kAndRules: return combine(rule.and_rules().rules(), Kind::all, out);
      case Permission::kOrRules: return combine(rule.or_rules().rules(), Kind::any, out);
      case Permission::kNotRule: return invert(rule.not_rule(), out);
      case Permission::kAny: return leaf(out, truth(rule.any()), "anything", "", "");
      case Permission::kHeader: return header(rule.header(), out);
      case Permission::kUrlPath: return path(rule.url_path(), out);
      case Permission::kUriTemplate: return uriTemplate(rule.uri_template(), out);
      case Permission::kDestinationIp:
        return range("destination address", rule.destination_ip(), context_.local, context_.localText, out);
      case Permission::kDestinationPort:
        return leaf(out, truth(context_.port == rule.destination_port()), "destination port",
                    std::to_string(rule.destination_port()), std::to_string(context_.port));
      case Permission::kDestinationPortRange: {
        const auto& ports = rule.destination_port_range();
        const auto port = static_cast<std::int64_t>(context_.port);
        return leaf(out, truth(port >= ports.start() && port < ports.end()), "destination port",
                    std::to_string(ports.start()) + " to " + std::to_string(ports.end() - 1),
                    std::to_string(context_.port));
      }
      case Permission::kRequestedServerName:
        return leaf(out, matchText(rule.requested_server_name(), context_.sni), "SNI",
                    out ? describe(rule.requested_server_name()) : "", context_.sni);
      case Permission::kMetadata: return metadata(rule.metadata(), context_.metadata, out);
      case Permission::kSourcedMetadata: return sourced(rule.sourced_metadata(), out);
      case Permission::kMatcher: return unknown("matcher " + rule.matcher().name(), out);
      case Permission::RULE_NOT_SET: break;
    }
    return unknown("a permission of a kind that is not known here", out);
  }

  Truth check(const Principal& id, Condition* out) const {
    switch (id.identifier_case()) {
      case Principal::kAndIds: return combine(id.and_ids().ids(), Kind::all, out);
      case Principal::kOrIds: return combine(id.or_ids().ids(), Kind::any, out);
      case Principal::kNotId: return invert(id.not_id(), out);
      case Principal::kAny: return leaf(out, truth(id.any()), "anyone", "", "");
      case Principal::kAuthenticated: return authenticated(id.authenticated(), out);
      case Principal::kSourceIp:
        return range("source address", id.source_ip(), context_.source, context_.sourceText, out);
      case Principal::kDirectRemoteIp:
        return range("source address", id.direct_remote_ip(), context_.source, context_.sourceText, out);
      case Principal::kRemoteIp:
        return range("client address", id.remote_ip(), context_.remote, context_.remoteText, out);
      case Principal::kHeader: return header(id.header(), out);
      case Principal::kUrlPath: return path(id.url_path(), out);
      case Principal::kMetadata: return metadata(id.metadata(), context_.metadata, out);
      case Principal::kSourcedMetadata: return sourced(id.sourced_metadata(), out);
      case Principal::kFilterState: return unknown("filter state " + id.filter_state().key(), out);
      case Principal::kCustom: return unknown("principal " + id.custom().name(), out);
      case Principal::IDENTIFIER_NOT_SET: break;
    }
    return unknown("a principal of a kind that is not known here", out);
  }

  // All of, or any of. Of a list that one member decides, the others need not be known.
  template <class List>
  Truth combine(const List& list, Kind kind, Condition* out) const {
    const auto decides = kind == Kind::all ? Truth::no : Truth::yes;
    Truth result = negate(decides);
    if (out) out->kind = kind;
    for (const auto& each : list) {
      Condition* child = out ? &out->children.emplace_back() : nullptr;
      const auto one = check(each, child);
      if (one == decides) {
        result = one;
        if (!out) return one;
      } else if (one == Truth::unknown && result != decides) {
        result = one;
      }
    }
    if (out) out->truth = result;
    return result;
  }

 private:
  static Truth leaf(Condition* out, Truth value, std::string_view attribute, const std::string& expected,
                    std::string_view found) {
    if (out) {
      out->truth = value;
      out->attribute = attribute;
      out->expected = expected;
      out->found = found;
    }
    return value;
  }

  static Truth unknown(const std::string& what, Condition* out) { return leaf(out, Truth::unknown, what, "", ""); }

  template <class Inner>
  Truth invert(const Inner& inner, Condition* out) const {
    Condition* child = nullptr;
    if (out) {
      out->kind = Kind::none;
      child = &out->children.emplace_back();
    }
    const auto result = negate(check(inner, child));
    if (out) out->truth = result;
    return result;
  }

  Truth range(std::string_view name, const envoy::config::core::v3::CidrRange& cidr, const std::optional<Ip>& ip,
              const std::string& text, Condition* out) const {
    return leaf(out, matchRange(cidr, ip), name, out ? describe(cidr) : "", text);
  }

  Truth header(const envoy::config::route::v3::HeaderMatcher& matcher, Condition* out) const {
    // A network filter with such a rule is refused by Envoy.
    if (!context_.headers) return unknown("header " + matcher.name() + " of a connection", out);
    const auto result = matchHeader(matcher, *context_.headers);
    if (!out) return result;
    const auto values = context_.headers->get(matcher.name());
    static const std::map<std::string, std::string, std::less<>> names = {
        {":method", "method"}, {":authority", "host"}, {":path", "path with query"}};
    const auto name = names.find(matcher.name());
    return leaf(out, result, name == names.end() ? "header " + matcher.name() : name->second, describe(matcher),
                values.empty() ? std::string_view() : values.front());
  }

  Truth path(const envoy::type::matcher::v3::PathMatcher& matcher, Condition* out) const {
    if (!context_.headers) return leaf(out, Truth::no, "path", out ? describe(matcher.path()) : "", "");
    const auto path = withoutQuery(context_.headers->path());
    return leaf(out, matchText(matcher.path(), path), "path", out ? describe(matcher.path()) : "", path);
  }

  Truth uriTemplate(const envoy::config::core::v3::TypedExtensionConfig& extension, Condition* out) const {
    envoy::extensions::path::match::uri_template::v3::UriTemplateMatchConfig config;
    if (!extension.typed_config().UnpackTo(&config)) return unknown("uri_template " + extension.name(), out);
    if (!context_.headers) return unknown("path template of a connection", out);
    const auto path = withoutQuery(context_.headers->path());
    return leaf(out, matchTemplate(config.path_template(), path), "path",
                out ? "like \"" + config.path_template() + "\"" : "", path);
  }

  Truth metadata(const envoy::type::matcher::v3::MetadataMatcher& matcher, const Metadata* metadata,
                 Condition* out) const {
    static const Metadata none;
    const auto& values = metadata ? *metadata : none;
    const auto result = matchMetadata(matcher, values);
    if (!out) return result;
    return leaf(out, result, nameOf(matcher), describe(matcher), found(matcher, values));
  }

  Truth sourced(const rbac::SourcedMetadata& matcher, Condition* out) const {
    if (matcher.metadata_source() == rbac::DYNAMIC) return metadata(matcher.metadata_matcher(), context_.metadata, out);
    if (!context_.routeMetadata) return leaf(out, Truth::no, "route metadata", "", "");
    return metadata(matcher.metadata_matcher(), context_.routeMetadata, out);
  }

  // URI SANs, DNS SANs and the subject of the certificate; without a name any TLS.
  Truth authenticated(const Principal::Authenticated& id, Condition* out) const {
    const auto* peer = context_.peer;
    const std::string found = !peer                 ? ""
                              : !peer->uris.empty() ? peer->uris.front()
                              : !peer->dns.empty()  ? peer->dns.front()
                                                    : peer->subject;
    if (!id.has_principal_name()) return leaf(out, truth(context_.tls), "client certificate", "any TLS", found);
    Truth result = Truth::no;
    const auto look = [&](const std::string& name) {
      const auto one = matchText(id.principal_name(), name);
      if (one == Truth::yes || result == Truth::no) result = one == Truth::no ? result : one;
    };
    if (context_.tls) {
      for (const auto& name : peer ? peer->uris : std::vector<std::string>()) look(name);
      for (const auto& name : peer ? peer->dns : std::vector<std::string>()) look(name);
      look(peer ? peer->subject : "");
    }
    return leaf(out, result, "principal", out ? describe(id.principal_name()) : "", found);
  }

  const RuleContext& context_;
};

Truth matches(const rbac::Policy& policy, const Side& side, Condition* out) {
  Condition* what = nullptr;
  Condition* who = nullptr;
  if (out) {
    out->kind = Kind::all;
    out->children.resize(2);
    what = &out->children[0];
    who = &out->children[1];
  }
  Truth result = side.combine(policy.permissions(), Kind::any, what);
  if (out || result != Truth::no) {
    const auto second = side.combine(policy.principals(), Kind::any, who);
    if (second == Truth::no || (second == Truth::unknown && result == Truth::yes)) result = second;
  }
  // Envoy also evaluates CEL here.
  const bool expression = policy.has_condition() || policy.has_checked_condition() || policy.has_cel_config();
  if (expression && result == Truth::yes) result = Truth::unknown;
  if (out) out->truth = result;
  return result;
}

}  // namespace

RbacDecision decide(const rbac::RBAC& rules, const RuleContext& context, bool explain) {
  // Envoy tries policies in the order of their names.
  std::map<std::string_view, const rbac::Policy*> policies;
  for (const auto& [name, policy] : rules.policies()) policies.emplace(name, &policy);
  const Side side(context);
  RbacDecision decision;
  Truth matched = Truth::no;
  for (const auto& [name, policy] : policies) {
    PolicyResult result;
    result.name = name;
    result.truth = matches(*policy, side, explain ? &result.condition : nullptr);
    if (matched == Truth::no && result.truth == Truth::yes) decision.policy = name;
    // Behind a policy that cannot be told, which one decides cannot be told either, but one that matches is enough.
    if (result.truth == Truth::yes || matched == Truth::no)
      matched = result.truth == Truth::no ? matched : result.truth;
    if (explain) decision.policies.push_back(std::move(result));
    if (!explain && matched == Truth::yes) break;
  }
  switch (rules.action()) {
    case rbac::RBAC::ALLOW: decision.allowed = matched; break;
    case rbac::RBAC::DENY: decision.allowed = negate(matched); break;
    case rbac::RBAC::LOG: decision.allowed = Truth::yes; break;
    default: decision.allowed = Truth::unknown; break;
  }
  return decision;
}

}  // namespace fairway::evaluate
