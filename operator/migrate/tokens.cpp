#include <algorithm>
#include <map>
#include <set>

#include "migrate/convert.h"
#include "migrate/selectors.h"
#include "normalize/alpha_policy.h"
#include "normalize/objects.h"
#include "normalize/policy_target.h"

namespace fairway::migrate {

namespace {

using Spec = api::AuthenticationPolicySpec;
using Jwt = Spec::Jwt;
using normalize::AlphaEffect;

// An old policy that asks for tokens at a port.
struct Asks {
  const api::Object* object = nullptr;
  const Spec* spec = nullptr;
  bool refuse = false;  // every HTTP request is refused
};

// By HTTP port; also those where no token is asked for.
std::map<std::uint32_t, std::optional<Asks>> asksOf(const Context& context, const WorkloadClass& workload) {
  std::map<std::uint32_t, std::optional<Asks>> result;
  auto& world = context.before;
  // The newer kind replaces the old origins (v1alpha1.md 3.3).
  const bool replaced =
      !normalize::policiesFor<api::RequestAuthentication>(world, workload.ns, workload.labels).empty();
  const auto policies = normalize::alphaPolicies(world, workload.ns, workload.labels);
  for (const auto& port : workload.ports) {
    if (!model::isHttp(port.protocol)) continue;
    const auto& effect = policies.at(port.port);
    auto& entry = result[port.port];
    if (replaced || effect.spec == nullptr) continue;
    const auto& tokens = world.ask(normalize::RequestAuthenticationOf{workload.ns, workload.labels, port.port});
    if (!effect.spec->origins.empty() || tokens.refuse)
      entry = Asks{effect.object, effect.spec, tokens.refuse.has_value()};
  }
  return result;
}

std::string idOf(const api::Object& object) { return normalize::provenanceOf(object).toString(); }

// A policy with targets must not come to mean workloads that do not exist yet.
bool mayBeWhole(const Context& context, const std::string& ns) {
  const auto policies = context.before.list<api::Policy>(ns);
  return ns != context.before.mesh().rootNamespace &&
         std::all_of(policies.begin(), policies.end(), [](const auto* policy) { return policy->spec.targets.empty(); });
}

// --- RequestAuthentication -----------------------------------------------------------------------

Json jwtRule(const Jwt& origin) {
  Json rule;
  rule["issuer"] = origin.issuer;
  if (!origin.audiences.empty()) rule["audiences"] = origin.audiences;
  // Inline keys were used instead of the URL (v1alpha1.md 1.3); today one of the two may be given.
  if (!origin.jwks.empty()) {
    rule["jwks"] = origin.jwks;
  } else if (!origin.jwksUri.empty()) {
    rule["jwksUri"] = origin.jwksUri;
  }
  for (const auto& header : origin.jwtHeaders) rule["fromHeaders"].push_back(Json{{"name", header}});
  if (!origin.jwtParams.empty()) rule["fromParams"] = origin.jwtParams;
  rule["forwardOriginalToken"] = true;
  return rule;
}

void addRequestAuthentications(const Context& context, const std::string& ns, Output& output) {
  std::map<std::string, Asks> byId;
  const auto wants = [&](const WorkloadClass& workload) {
    std::set<std::string> ids;
    for (const auto& [port, asks] : asksOf(context, workload)) {
      if (!asks || asks->spec->origins.empty() || asks->refuse) continue;
      ids.insert(idOf(*asks->object));
      byId.emplace(idOf(*asks->object), *asks);
    }
    std::string text;
    for (const auto& id : ids) text += id + "\n";
    return text;
  };
  // Tokens are looked at in HTTP only.
  const auto cares = [](const WorkloadClass& workload) {
    return std::any_of(workload.ports.begin(), workload.ports.end(),
                       [](const auto& port) { return model::isHttp(port.protocol); });
  };
  const bool whole = mayBeWhole(context, ns);
  for (const auto& group : groupsOf(context, ns, whole, false, wants, cares)) {
    for (const auto& [id, asks] : byId) {
      if (wants(*group.workloads.front()).find(id + "\n") == std::string::npos) continue;
      Json spec;
      if (!group.selector.empty()) spec["selector"] = selectorJson(group.selector);
      for (const auto& origin : asks.spec->origins) spec["jwtRules"].push_back(jwtRule(origin));
      const auto name =
          asks.object->meta.name + (group.name.empty() || group.name == asks.object->meta.name ? "" : "-" + group.name);
      output.add("RequestAuthentication", ns, name, std::move(spec), id);
    }
  }
}

// --- the AuthorizationPolicy that asks for a token -----------------------------------------------

// As a pattern of AuthorizationPolicy; nothing if it has no such form.
std::optional<std::string> pattern(const api::StringMatch& match) {
  using Type = api::StringMatch::Type;
  const auto& text = match.value;
  if (text.find('{') != std::string::npos) return std::nullopt;  // could read as a path template
  switch (match.type) {
    case Type::exact: return text.starts_with('*') || text.ends_with('*') ? std::nullopt : std::optional(text);
    case Type::prefix: return text.starts_with('*') ? std::nullopt : std::optional(text + "*");
    case Type::suffix: return "*" + text;
    default: return std::nullopt;
  }
}

// The paths on which an origin takes part: those of one of these.
struct Paths {
  std::vector<std::string> included, excluded;  // none included: every path
  bool operator==(const Paths&) const = default;
};

struct Trigger {
  std::vector<Paths> paths;
  bool exact = true;
};

// What cannot be said counts as more paths: a token is asked for where it was not, never the other way round.
Trigger triggerOf(const Jwt& origin) {
  Trigger trigger;
  if (origin.triggerRules.empty()) trigger.paths.emplace_back();
  for (const auto& rule : origin.triggerRules) {
    auto& paths = trigger.paths.emplace_back();
    bool allIncluded = true;
    for (const auto& match : rule.includedPaths) {
      if (auto text = pattern(match)) {
        paths.included.push_back(std::move(*text));
      } else {
        allIncluded = false;
      }
    }
    if (!allIncluded) paths.included.clear();
    trigger.exact &= allIncluded;
    for (const auto& match : rule.excludedPaths) {
      if (auto text = pattern(match)) {
        paths.excluded.push_back(std::move(*text));
      } else {
        trigger.exact = false;
      }
    }
  }
  return trigger;
}

class TokenPolicy {
 public:
  TokenPolicy(const Asks& asks, std::vector<std::string> ports, Output& output)
      : asks_(asks), ports_(std::move(ports)), output_(output) {}

  Json rules() {
    if (asks_.refuse) {
      rules_.push_back(Json{{"to", Json::array({operation({}, {})})}});
      return rules_;
    }
    const auto& origins = asks_.spec->origins;
    std::vector<Trigger> triggers;
    Json issuers = Json::array();
    for (std::size_t i = 0; i < origins.size(); ++i) {
      triggers.push_back(triggerOf(origins[i]));
      issuers.push_back(origins[i].issuer);
      if (!triggers.back().exact) {
        output_.inexact(*asks_.object, field(i),
                        "AuthorizationPolicy has no regular expressions (nor literal stars at the ends of a path): a "
                        "token is now required on more paths than before");
      }
    }
    // Who has no token of one of the issuers is denied where some origin takes part.
    std::vector<Paths> anywhere;
    for (const auto& trigger : triggers) {
      for (const auto& paths : trigger.paths) {
        if (std::find(anywhere.begin(), anywhere.end(), paths) == anywhere.end()) anywhere.push_back(paths);
      }
    }
    add(anywhere, Json{{"key", "request.auth.claims[iss]"}, {"notValues", issuers}});
    // A token of one issuer does not count where only others take part.
    for (std::size_t k = 0; k < origins.size(); ++k) addForeign(triggers, k);
    return rules_;
  }

 private:
  static std::string field(std::size_t origin) {
    return "spec.origins[" + std::to_string(origin) + "].jwt.triggerRules";
  }

  Json operation(const Paths& paths, const std::vector<std::string>& alsoExcluded) const {
    Json inner;
    inner["ports"] = ports_;
    if (!paths.included.empty()) inner["paths"] = paths.included;
    auto excluded = paths.excluded;
    excluded.insert(excluded.end(), alsoExcluded.begin(), alsoExcluded.end());
    if (!excluded.empty()) inner["notPaths"] = excluded;
    return Json{{"operation", inner}};
  }

  // A browser's preflight carries no token and none was asked for: OPTIONS with these two headers.
  void add(const std::vector<Paths>& where, const Json& when, const std::vector<std::string>& alsoExcluded = {}) {
    Json to = Json::array(), toOthers = Json::array();
    for (const auto& paths : where) {
      to.push_back(operation(paths, alsoExcluded));
      toOthers.push_back(to.back());
      toOthers.back()["operation"]["notMethods"] = Json::array({"OPTIONS"});
    }
    rules_.push_back(Json{{"to", toOthers}, {"when", Json::array({when})}});
    for (const auto* header : {"origin", "access-control-request-method"}) {
      const Json without{{"key", "request.headers[" + std::string(header) + "]"}, {"notValues", Json::array({"*"})}};
      rules_.push_back(Json{{"to", to}, {"when", Json::array({when, without})}});
    }
  }

  void addForeign(const std::vector<Trigger>& triggers, std::size_t k) {
    const auto& own = triggers[k].paths;
    std::vector<Paths> others;
    for (std::size_t i = 0; i < triggers.size(); ++i) {
      if (i == k || triggers[i].paths == own) continue;
      others.insert(others.end(), triggers[i].paths.begin(), triggers[i].paths.end());
    }
    const bool always = std::any_of(own.begin(), own.end(), [](const Paths& paths) { return paths == Paths{}; });
    if (others.empty() || always) return;
    std::vector<std::string> included;
    for (const auto& paths : own) {
      if (!paths.excluded.empty() || paths.included.empty()) {
        output_.inexact(*asks_.object, field(k),
                        "its paths are told by exclusion, and there are other issuers: a token of \"" +
                            asks_.spec->origins[k].issuer + "\" is now also taken where only another issuer's was");
        return;
      }
      included.insert(included.end(), paths.included.begin(), paths.included.end());
    }
    add(others, Json{{"key", "request.auth.claims[iss]"}, {"values", Json::array({asks_.spec->origins[k].issuer})}},
        included);
  }

  const Asks& asks_;
  const std::vector<std::string> ports_;
  Output& output_;
  Json rules_ = Json::array();
};

bool asksForToken(const std::optional<Asks>& asks) {
  return asks && (asks->refuse || (!asks->spec->origins.empty() && !asks->spec->originIsOptional));
}

void addTokenPolicies(const Context& context, const std::string& ns, Output& output) {
  const auto wants = [&](const WorkloadClass& workload) {
    std::string text;
    bool any = false;
    const auto asks = asksOf(context, workload);
    for (const auto& port : workload.ports) {
      const auto found = asks.find(port.port);
      const bool required = found != asks.end() && asksForToken(found->second);
      any |= required;
      text += std::to_string(port.port) + (found == asks.end() ? "t" : "h");
      text += (required ? idOf(*found->second->object) : "-") + "\n";
    }
    return any ? text : std::string();
  };
  const bool whole = mayBeWhole(context, ns);
  for (const auto& group : groupsOf(context, ns, whole, false, wants, [](const auto&) { return true; })) {
    std::map<std::string, std::pair<Asks, std::vector<std::string>>> byId;
    for (const auto& [port, asks] : asksOf(context, *group.workloads.front())) {
      if (!asksForToken(asks)) continue;
      auto& entry = byId[idOf(*asks->object)];
      entry.first = *asks;
      entry.second.push_back(std::to_string(port));
    }
    for (const auto& [id, entry] : byId) {
      Json spec;
      if (!group.selector.empty()) spec["selector"] = selectorJson(group.selector);
      spec["action"] = "DENY";
      spec["rules"] = TokenPolicy(entry.first, entry.second, output).rules();
      const auto& policy = entry.first.object->meta.name;
      const auto suffix = group.name.empty() || group.name == policy ? "" : "-" + group.name;
      output.add("AuthorizationPolicy", ns, policy + suffix + "-token", std::move(spec),
                 id + (entry.first.refuse ? ", whose origins have errors" : ": a token is required"));
    }
  }
}

// What is different by nature, told once for each policy.
void tellDifferences(const Context& context, const std::string& ns, Output& output) {
  std::map<std::string, Asks> policies;
  std::set<std::string> partly;  // policies of workloads with HTTP ports without them
  for (const auto* workload : context.workloadsOf(ns)) {
    const auto all = asksOf(context, *workload);
    for (const auto& [port, asks] : all) {
      if (!asks || asks->spec->origins.empty()) continue;
      const auto id = idOf(*asks->object);
      policies.emplace(id, *asks);
      const bool everywhere = std::all_of(all.begin(), all.end(), [&](const auto& entry) {
        return entry.second && entry.second->object == asks->object;
      });
      if (!everywhere) partly.insert(id);
    }
  }
  for (const auto& [id, asks] : policies) {
    const auto& object = *asks.object;
    const auto& spec = *asks.spec;
    if (asks.refuse) continue;
    if (spec.originIsOptional) {
      output.inexact(object, "spec.originIsOptional",
                     "a token that is not valid counted as none; RequestAuthentication refuses it with 401");
    } else {
      output.remark(object, "spec.origins",
                    "a missing token is answered with 403 \"RBAC: access denied\", no longer with 401 \"Origin "
                    "authentication failed.\"");
    }
    const bool triggers = std::any_of(spec.origins.begin(), spec.origins.end(),
                                      [](const Jwt& origin) { return !origin.triggerRules.empty(); });
    if (triggers) {
      output.inexact(object, "spec.origins",
                     "RequestAuthentication has no trigger rules: a token that is not valid is now refused with 401 on "
                     "every path, and a valid one counts on every path");
    }
    if (partly.contains(id)) {
      output.inexact(object, "spec.targets",
                     "RequestAuthentication is for whole workloads: on their other HTTP ports a token that is not "
                     "valid is now refused with 401, and a valid one counts");
    }
  }
}

}  // namespace

void convertTokens(const Context& context, Output& output) {
  for (const auto& ns : context.namespaces) {
    addRequestAuthentications(context, ns, output);
    addTokenPolicies(context, ns, output);
    tellDifferences(context, ns, output);
  }
}

}  // namespace fairway::migrate
