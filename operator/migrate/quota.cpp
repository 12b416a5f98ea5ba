#include "migrate/quota.h"

#include <array>
#include <optional>
#include <string_view>

#include "api/core.h"
#include "api/duration.h"
#include "api/validate.h"
#include "base/result.h"
#include "base/strings.h"
#include "migrate/mixer_match.h"
#include "migrate/mixer_objects.h"

namespace fairway::migrate {

namespace {

using nlohmann::json;

// The units of a RateLimit, which are all that a window can be.
std::optional<std::string> unitOf(const std::string& window) {
  const auto length = api::parseDuration(window);
  if (!length) return std::nullopt;
  static constexpr std::array<std::pair<std::chrono::seconds, const char*>, 4> kUnits{
      {{std::chrono::seconds(1), "SECOND"},
       {std::chrono::minutes(1), "MINUTE"},
       {std::chrono::hours(1), "HOUR"},
       {std::chrono::hours(24), "DAY"}}};
  for (const auto& [unit, name] : kUnits) {
    if (*length == unit) return name;
  }
  return std::nullopt;
}

// What is between the brackets of "request.headers[x]".
std::optional<std::string> within(const std::string& attribute, std::string_view name) {
  if (!attribute.starts_with(name) || attribute.size() <= name.size() + 2 || attribute[name.size()] != '[') {
    return std::nullopt;
  }
  return attribute.substr(name.size() + 1, attribute.size() - name.size() - 2);
}

// A dimension as a descriptor; null if it is the same for all requests to a service.
Result<Json> descriptorOf(const std::string& name, const std::string& expression) {
  const auto attribute = parseMixerAttribute(expression);
  if (!attribute) return failure("the dimension " + name + " is `" + expression + "`, no single attribute");
  if (attribute->starts_with("destination.")) return Json();
  if (*attribute == "source.principal" || *attribute == "source.user") return Json{{"type", "SOURCE_PRINCIPAL"}};
  if (*attribute == "source.namespace") return Json{{"type", "SOURCE_NAMESPACE"}};
  if (*attribute == "source.ip" || *attribute == "origin.ip") return Json{{"type", "REMOTE_ADDRESS"}};
  if (*attribute == "request.path" || *attribute == "request.url_path") return Json{{"type", "PATH"}};
  if (*attribute == "request.method") return Json{{"type", "METHOD"}};
  if (const auto header = within(*attribute, "request.headers")) return Json{{"type", "HEADER"}, {"name", *header}};
  if (const auto claim = within(*attribute, "request.auth.claims")) return Json{{"type", "CLAIM"}, {"name", *claim}};
  return failure("RateLimit has no descriptor for the dimension " + name + ", the attribute " + *attribute);
}

// The handler's quota of an instance: by its name, which may be followed by kind and namespace.
const json* quotaOf(const json& handler, const std::string& instance) {
  for (const auto& quota : child(parametersOf(handler), "quotas")) {
    if (split(text(quota, "name"), '.').front() == instance) return &quota;
  }
  return nullptr;
}

// The one rule that counts as the instance is counted.
Result<Json> ruleOf(const json& handler, const json& instance) {
  const auto name = text(child(instance, "metadata"), "name");
  const auto* quota = quotaOf(handler, name);
  if (quota == nullptr) return failure("its handler has no quota " + name);
  if (!child(*quota, "overrides").empty()) {
    return failure(
        "the quota " + name +
        " has overrides: write a rule for each, with `value` in its descriptor, and none for all that is lower");
  }
  const auto unit = unitOf(text(*quota, "validDuration"));
  if (!unit) {
    return failure("the quota " + name + " is of " + text(*quota, "validDuration") +
                   ", a RateLimit of one second, minute, hour or day");
  }
  const auto& most = child(*quota, "maxAmount");
  const auto amount = most.is_string()            ? toNumber(most.get<std::string>())
                      : most.is_number_unsigned() ? std::optional(most.get<std::uint64_t>())
                                                  : std::nullopt;
  if (!amount || *amount < 1) return failure("the maxAmount of the quota " + name + " is no number above 0");
  Json descriptors = Json::array();
  for (const auto& [dimension, expression] : child(parametersOf(instance), "dimensions").items()) {
    if (!expression.is_string()) return failure("the dimension " + dimension + " is no text");
    auto descriptor = descriptorOf(dimension, expression.get<std::string>());
    if (!descriptor) return tl::unexpected(descriptor.error());
    if (!descriptor->is_null()) descriptors.push_back(std::move(*descriptor));
  }
  Json rule;
  if (api::isDnsLabel(name)) rule["name"] = name;
  if (!descriptors.empty()) rule["descriptors"] = std::move(descriptors);
  rule["limit"] = Json{{"requests", *amount}, {"unit", *unit}};
  return rule;
}

// Whether a QuotaSpec charges every request once by the instance; why not, if it charges some.
Result<bool> charges(const json& spec, const std::string& instance) {
  for (const auto& rule : child(child(spec, "spec"), "rules")) {
    for (const auto& quota : child(rule, "quotas")) {
      if (split(text(quota, "quota"), '.').front() != instance) continue;
      if (!child(rule, "match").empty()) return failure(idOf(spec) + " charges requests by `match`");
      const auto& charge = child(quota, "charge");
      const bool once = charge.is_null() || charge == 1 || charge == "1";
      if (!once) return failure(idOf(spec) + " charges a request more than once");
      return true;
    }
  }
  return false;
}

std::string namespaceOf(const json& reference, const json& owner) {
  const auto ns = text(reference, "namespace");
  return ns.empty() ? text(child(owner, "metadata"), "namespace") : ns;
}

class Quota {
 public:
  Quota(const std::vector<json>& objects, const Context& context, const json& rule, Output& output)
      : objects_(objects), context_(context), id_(idOf(rule)), output_(output) {}

  void convert(const json& handler, const json& instance) {
    const auto rule = ruleOf(handler, instance);
    if (!rule) return unclear(rule.error().message);
    const auto name = text(child(instance, "metadata"), "name");
    bool bound = false;
    for (const auto& binding : objects_) {
      if (toLower(text(binding, "kind")) == "quotaspecbinding") bound = bind(binding, name, *rule) || bound;
    }
    if (!bound) unclear("no QuotaSpecBinding ties the quota " + name + " to a Service");
  }

  void unclear(const std::string& why) {
    output_.tell({false, id_, "spec.actions", why + ": write a RateLimit (networking.fairway.io/v1alpha1) by hand"});
  }

 private:
  // False if the binding is about other quotas.
  bool bind(const json& binding, const std::string& instance, const Json& rule) {
    bool about = false;
    for (const auto& reference : child(child(binding, "spec"), "quotaSpecs")) {
      const auto* spec = specOf(reference, binding);
      if (spec == nullptr) continue;
      const auto charged = charges(*spec, instance);
      if (!charged) {
        unclear(charged.error().message);
        return true;
      }
      about = about || *charged;
    }
    if (!about) return false;
    for (const auto& service : child(child(binding, "spec"), "services")) add(binding, service, rule);
    return true;
  }

  const json* specOf(const json& reference, const json& binding) const {
    for (const auto& object : objects_) {
      const auto& meta = child(object, "metadata");
      if (toLower(text(object, "kind")) == "quotaspec" && text(meta, "name") == text(reference, "name") &&
          text(meta, "namespace") == namespaceOf(reference, binding)) {
        return &object;
      }
    }
    return nullptr;
  }

  void add(const json& binding, const json& reference, const Json& rule) {
    const auto ns = namespaceOf(reference, binding), name = text(reference, "name");
    const auto* service = context_.before.get<api::Service>(ns, name);
    if (service == nullptr || service->spec.selector.empty()) {
      return unclear("the Service " + ns + "/" + name + " of " + idOf(binding) +
                     " is not among the objects, or has no selector");
    }
    Json spec;
    spec["selector"] = selectorJson(service->spec.selector);
    spec["global"] = Json::object();
    spec["rules"] = Json::array({rule});
    output_.add("RateLimit", ns, name, std::move(spec), id_ + ": what Mixer counted for " + name);
    output_.tell(
        {false, id_, "",
         "a RateLimit " + ns + "/" + name +
             " counts the same requests, in windows that begin with the unit; it needs the rate limit service (the "
             "chart's rateLimit.enabled), `local: {}` in place of `global: {}` does not. A request without a "
             "descriptor's value is not counted, where Mixer counted it under the dimension's default"});
  }

  const std::vector<json>& objects_;
  const Context& context_;
  const std::string id_;
  Output& output_;
};

}  // namespace

void convertQuota(const std::vector<json>& objects, const Context& context, const json& rule, const json& handler,
                  const json& action, Output& output) {
  Quota quota(objects, context, rule, output);
  if (const auto match = text(child(rule, "spec"), "match"); !trim(match).empty() && trim(match) != "true") {
    return quota.unclear("only requests with `" + match + "` are counted");
  }
  const auto ns = text(child(rule, "metadata"), "namespace");
  for (const auto& reference : child(action, "instances")) {
    const auto* instance = reference.is_string() ? findMixer(objects, ns, reference.get<std::string>()) : nullptr;
    if (instance == nullptr || whatIs(*instance) != "quota") {
      quota.unclear("a quota that it counts by is not among the objects");
    } else {
      quota.convert(handler, *instance);
    }
  }
}

}  // namespace fairway::migrate
