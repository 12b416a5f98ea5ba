#include "migrate/mixer.h"

#include <algorithm>
#include <map>
#include <optional>

#include "api/core.h"
#include "base/strings.h"
#include "migrate/mixer_match.h"
#include "migrate/mixer_objects.h"
#include "migrate/quota.h"
#include "normalize/conditions.h"

namespace fairway::migrate {

namespace {

using nlohmann::json;
using Op = MixerTerm::Op;

struct Equivalent {
  bool policy;  // it decided about requests
  const char* text;
};

const std::map<std::string, Equivalent, std::less<>>& equivalents() {
  static const char* const kLimits =
      "RateLimit (networking.fairway.io/v1alpha1), `global: {}` where one service counts for all proxies, `local: {}` "
      "where each "
      "does; the rule that ties a quota to its handler says which";
  static const char* const kExternal =
      "AuthorizationPolicy with action CUSTOM and an extensionProvider (envoyExtAuthzGrpc or envoyExtAuthzHttp)";
  static const char* const kMetrics = "the metrics of the proxies, by the Telemetry API";
  static const char* const kLogs = "access logs: accessLogFile of the mesh, or the Telemetry API";
  static const char* const kNothing = "nothing: proxies know these attributes themselves";
  static const std::map<std::string, Equivalent, std::less<>> kAll{
      {"denier", {true, "AuthorizationPolicy with action DENY"}},
      {"checknothing",
       {true, "nothing by itself: it belongs to a denier, which is an AuthorizationPolicy with action DENY"}},
      {"listchecker",
       {true,
        "AuthorizationPolicy with action DENY (texts, addresses); CUSTOM for lists from a providerUrl and regular "
        "expressions"}},
      {"listentry", {true, "the attribute that an AuthorizationPolicy's rule compares"}},
      {"quota", {true, kLimits}},
      {"memquota", {true, kLimits}},
      {"redisquota", {true, kLimits}},
      {"quotaspec", {true, kLimits}},
      {"quotaspecbinding", {true, kLimits}},
      {"rbac", {true, "AuthorizationPolicy with action ALLOW"}},
      {"authorization", {true, "AuthorizationPolicy with action ALLOW"}},
      {"opa", {true, kExternal}},
      {"apikey", {true, kExternal}},
      {"servicecontrol", {true, kExternal}},
      {"bypass", {true, kExternal}},
      {"stdio", {false, kLogs}},
      {"logentry", {false, kLogs}},
      {"fluentd", {false, kLogs}},
      {"prometheus", {false, kMetrics}},
      {"metric", {false, kMetrics}},
      {"statsd", {false, kMetrics}},
      {"stackdriver", {false, kMetrics}},
      {"tracespan", {false, "tracing: the Telemetry API"}},
      {"zipkin", {false, "tracing: the Telemetry API"}},
      {"kubernetesenv", {false, kNothing}},
      {"kubernetes", {false, kNothing}},
      {"attributemanifest", {false, kNothing}},
  };
  return kAll;
}

// Where a policy goes, and its one rule.
struct Target {
  std::string ns;
  model::Labels selector;
  Json source = Json::object(), operation = Json::object(), when = Json::array();
};

class RuleConverter {
 public:
  RuleConverter(const std::vector<json>& objects, const Context& context, Output& output)
      : objects_(objects), context_(context), output_(output) {}

  void convert(const json& rule) {
    id_ = idOf(rule);
    const auto& spec = child(rule, "spec");
    ruleNs_ = text(child(rule, "metadata"), "namespace");
    for (const auto& action : child(spec, "actions")) {
      const auto* handler = find(text(action, "handler"));
      const auto what = handler == nullptr ? std::string() : whatIs(*handler);
      if (what == "memquota" || what == "redisquota") {
        convertQuota(objects_, context_, rule, *handler, action, output_);
        continue;
      }
      if (what != "denier" && what != "listchecker") {
        const auto known = equivalents().find(what);
        const bool telemetry = known != equivalents().end() && !known->second.policy;
        output_.tell({telemetry, id_, "spec.actions",
                      known == equivalents().end() ? "the handler \"" + text(action, "handler") +
                                                         "\" is not among the objects: its equivalent "
                                                         "cannot be named"
                                                   : "equivalent: " + std::string(known->second.text)});
        continue;
      }
      Target target;
      target.ns = ruleNs_;
      const auto problem = fill(text(spec, "match"), what, *handler, action, target);
      if (problem) {
        output_.tell({false, id_, "spec",
                      *problem + ": write an AuthorizationPolicy with action DENY, or CUSTOM for what it cannot say"});
      } else {
        add(text(child(rule, "metadata"), "name"), target);
      }
    }
  }

 private:
  const json* find(const std::string& reference) const { return findMixer(objects_, ruleNs_, reference); }

  std::optional<std::string> fill(const std::string& match, const std::string& what, const json& handler,
                                  const json& action, Target& target) const {
    const auto terms = parseMixerMatch(match);
    if (!terms) return "spec.match: " + terms.error().message;
    for (const auto& term : *terms) {
      if (auto problem = addTerm(term, target)) return problem;
    }
    if (what == "denier") return std::nullopt;
    const auto& instances = child(action, "instances");
    const auto* instance = instances.is_array() && instances.size() == 1 && instances.front().is_string()
                               ? find(instances.front().get<std::string>())
                               : nullptr;
    if (instance == nullptr) return "its one listentry is not among the objects";
    return addList(parametersOf(handler), text(parametersOf(*instance), "value"), target);
  }

  std::optional<std::string> addList(const json& list, const std::string& value, Target& target) const {
    const auto attribute = parseMixerAttribute(value);
    const auto type = text(list, "entryType").empty() ? "STRINGS" : text(list, "entryType");
    if (!text(list, "providerUrl").empty()) return "the list comes from a providerUrl";
    if (type != "STRINGS" && type != "IP_ADDRESSES") return "entryType " + type + " has no such form";
    if (!attribute) return "the value `" + value + "` is no single attribute";
    std::vector<std::string> values;
    for (const auto& entry : child(list, "overrides")) {
      if (!entry.is_string()) return "an entry of the list is no text";
      values.push_back(entry.get<std::string>());
    }
    if (values.empty()) return "the list is empty";
    const bool addresses = type == "IP_ADDRESSES";
    if (addresses != (*attribute == "source.ip")) return "the attribute " + *attribute + " is not of the list's type";
    const bool deny = child(list, "blacklist").is_boolean() && child(list, "blacklist").get<bool>();
    if (!deny) {
      output_.tell({true, id_, "spec", "a request without " + *attribute + " is not in the list: it is denied"});
    }
    return compare(*attribute, values, !deny, addresses, target);
  }

  std::optional<std::string> addTerm(const MixerTerm& term, Target& target) const {
    if (term.attribute.starts_with("destination.labels[")) {
      if (term.op != Op::equal) return "destination.labels are compared with one value each in a selector";
      target.selector[term.attribute.substr(19, term.attribute.size() - 20)] = term.text;
      return std::nullopt;
    }
    if (term.attribute == "destination.namespace" || term.attribute == "destination.service.namespace") {
      if (term.op != Op::equal) return term.attribute + " can only be one namespace";
      target.ns = term.text;
      return std::nullopt;
    }
    if (term.attribute == "destination.service" || term.attribute == "destination.service.host" ||
        term.attribute == "destination.service.name") {
      return addService(term, target);
    }
    std::string pattern = term.text;
    const bool star = pattern.starts_with('*') || pattern.ends_with('*');
    if (star) return "\"" + pattern + "\" holds a literal star";
    if (term.op == Op::starts_with) pattern += "*";
    if (term.op == Op::ends_with) pattern.insert(0, 1, '*');
    return compare(term.attribute, {pattern}, term.op == Op::not_equal, false, target);
  }

  std::optional<std::string> addService(const MixerTerm& term, Target& target) const {
    const auto parts = split(term.text, '.');
    const auto ns = parts.size() > 1 ? parts[1] : target.ns;
    const auto* service = context_.before.get<api::Service>(ns, parts.front());
    if (term.op != Op::equal) return term.attribute + " can only be one Service";
    if (service == nullptr || service->spec.selector.empty()) {
      return "the Service " + ns + "/" + parts.front() + " is not among the objects, or has no selector";
    }
    target.ns = ns;
    target.selector = service->spec.selector;
    return std::nullopt;
  }

  // "one of" the values, or none of them.
  std::optional<std::string> compare(const std::string& attribute, const std::vector<std::string>& values,
                                     bool negative, bool addresses, Target& target) const {
    if (addresses) {
      for (const auto& value : values) {
        if (!normalize::parseCidr(value)) return "\"" + value + "\" is no IP address or range";
      }
    }
    const auto put = [&](Json& where, const std::string& name, const std::string& notName) {
      const auto& field = negative ? notName : name;
      if (where.contains(field)) return std::optional("the attribute " + attribute + " is compared twice");
      where[field] = values;
      return std::optional<std::string>();
    };
    if (attribute == "source.ip") return put(target.source, "ipBlocks", "notIpBlocks");
    if (attribute == "source.namespace") return put(target.source, "namespaces", "notNamespaces");
    if (attribute == "source.principal" || attribute == "source.user") {
      return put(target.source, "principals", "notPrincipals");
    }
    if (attribute == "request.auth.principal") return put(target.source, "requestPrincipals", "notRequestPrincipals");
    if (attribute == "request.method") return put(target.operation, "methods", "notMethods");
    if (attribute == "request.host") return put(target.operation, "hosts", "notHosts");
    if (attribute == "request.path" || attribute == "request.url_path") {
      if (attribute == "request.path") {
        output_.tell({true, id_, "spec", "request.path had the query behind it; paths are compared without"});
      }
      return put(target.operation, "paths", "notPaths");
    }
    const bool keyed = attribute.starts_with("request.headers[") || attribute.starts_with("request.auth.claims[");
    if (keyed || attribute == "connection.sni" || attribute == "request.auth.audiences" ||
        attribute == "request.auth.presenter") {
      target.when.push_back(Json{{"key", attribute}, {negative ? "notValues" : "values", values}});
      return std::nullopt;
    }
    return "AuthorizationPolicy has no attribute " + attribute;
  }

  void add(const std::string& name, const Target& target) const {
    Json rule = Json::object();
    if (!target.source.empty()) rule["from"] = Json::array({Json{{"source", target.source}}});
    if (!target.operation.empty()) rule["to"] = Json::array({Json{{"operation", target.operation}}});
    if (!target.when.empty()) rule["when"] = target.when;
    Json spec;
    if (!target.selector.empty()) spec["selector"] = selectorJson(target.selector);
    spec["action"] = "DENY";
    spec["rules"] = Json::array({rule});
    output_.add("AuthorizationPolicy", target.ns, name, std::move(spec), id_ + ": what Mixer denied");
    output_.tell({true, id_, "", "an AuthorizationPolicy denies the same requests, with 403"});
  }

  const std::vector<json>& objects_;
  const Context& context_;
  Output& output_;
  std::string id_, ruleNs_;
};

}  // namespace

bool isMixer(const json& object) { return text(object, "apiVersion") == "config.istio.io/v1alpha2"; }

void convertMixer(const std::vector<json>& objects, const Context& context, Output& output) {
  RuleConverter rules(objects, context, output);
  for (const auto& object : objects) {
    const auto ns = text(child(object, "metadata"), "namespace");
    const bool wanted = context.wholeMesh ||
                        std::find(context.namespaces.begin(), context.namespaces.end(), ns) != context.namespaces.end();
    if (!wanted) continue;
    const auto what = whatIs(object);
    if (what == "rule") {
      rules.convert(object);
      continue;
    }
    const auto known = equivalents().find(what);
    if (known == equivalents().end()) {
      output.tell({false, idOf(object), "",
                   "it has no documented equivalent; an external decision is an "
                   "AuthorizationPolicy with action CUSTOM, anything else an EnvoyFilter"});
    } else {
      // Denier and listchecker are said once, at the rule that uses them.
      const bool byRule = what == "denier" || what == "listchecker" || what == "checknothing" || what == "listentry";
      output.tell(
          {!known->second.policy || byRule, idOf(object), "", "equivalent: " + std::string(known->second.text)});
    }
  }
}

}  // namespace fairway::migrate
