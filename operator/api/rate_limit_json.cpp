#include "api/rate_limit_json.h"

#include <algorithm>
#include <limits>
#include <set>

#include "api/request_authentication_json.h"
#include "api/string_match_json.h"
#include "api/validate.h"

namespace fairway::api {
namespace {

using Spec = RateLimitSpec;
using Type = Spec::Descriptor::Type;
using Unit = Spec::Limit::Unit;

constexpr EnumName<Spec::Context> kContexts[] = {{"INBOUND", 0, Spec::Context::inbound},
                                                 {"GATEWAY", 1, Spec::Context::gateway}};
constexpr EnumName<Type> kTypes[] = {{"PATH", 0, Type::path},
                                     {"METHOD", 1, Type::method},
                                     {"HEADER", 2, Type::header},
                                     {"SOURCE_PRINCIPAL", 3, Type::source_principal},
                                     {"SOURCE_NAMESPACE", 4, Type::source_namespace},
                                     {"CLAIM", 5, Type::claim},
                                     {"REMOTE_ADDRESS", 6, Type::remote_address},
                                     {"CONSTANT", 7, Type::constant}};
constexpr EnumName<Unit> kUnits[] = {
    {"SECOND", 0, Unit::second}, {"MINUTE", 1, Unit::minute}, {"HOUR", 2, Unit::hour}, {"DAY", 3, Unit::day}};
constexpr EnumName<bool> kFailureModes[] = {{"OPEN", 0, false}, {"CLOSED", 1, true}};

constexpr std::size_t kMaxRules = 64, kMaxDescriptors = 8, kMaxMatches = 16, kMaxHeaders = 10;
constexpr std::uint32_t kMaxCounters = 100000;
constexpr auto kMaxRequests = std::numeric_limits<std::uint32_t>::max();

// More than this is a mistake, and would make every request costly.
bool few(const Value& list, std::size_t count, std::size_t most) {
  if (count <= most) return true;
  list.error("found " + std::to_string(count) + " elements, expected at most " + std::to_string(most));
  return false;
}

void checkHeaderName(const Value& at, const std::string& name) {
  if (!isHeaderName(name)) at.expected("the name of a header: letters, digits and '-'");
}

// A condition that cannot be read is an error, so that the rule is left out: without it, it would count too much.
void readText(Fields& fields, std::string_view name, std::optional<StringMatch>& out) {
  const auto value = fields.get(name);
  if (!value) return;
  if (auto match = readStringMatch(*value, true)) out = std::move(match);
}

void readMatch(const Value& value, Spec::Match& out) {
  Fields fields(value);
  readText(fields, "path", out.path);
  readText(fields, "method", out.method);
  if (const auto headers = fields.get("headers")) {
    headers->eachEntry([&](const Value& item, const std::string& name) {
      checkHeaderName(item, name);
      if (auto match = readStringMatch(item, true)) out.headers.emplace(name, std::move(*match));
    });
  }
  if (fields.readable() && fields.empty()) value.error("it has no condition, expected path, method or headers");
}

bool named(Type type) { return type == Type::header || type == Type::claim; }

void readDescriptor(const Value& value, Spec::Descriptor& out) {
  Fields fields(value);
  fields.read("name", out.name);
  fields.read("value", out.value);
  const auto type = fields.get("type");
  if (!type) {
    if (fields.readable())
      fields.missing("type",
                     "PATH, METHOD, HEADER, SOURCE_PRINCIPAL, SOURCE_NAMESPACE, CLAIM, REMOTE_ADDRESS or CONSTANT");
    return;
  }
  const auto read = type->oneOf<Type>(kTypes);
  if (!read) return;
  out.type = *read;
  if (const auto name = fields.get("name"); named(out.type) && !name) {
    fields.missing("name", out.type == Type::header ? "the name of a header" : "the name of a claim, such as sub");
  } else if (name && !named(out.type)) {
    name->error("only the types HEADER and CLAIM have a name");
  } else if (name && out.type == Type::header) {
    checkHeaderName(*name, out.name);
  } else if (name && (out.name.empty() || out.name.front() == '.' || out.name.back() == '.' ||
                      out.name.find("..") != std::string::npos)) {
    name->expected("the name of a claim, nested ones with dots between them");
  }
  if (out.type == Type::constant && out.value.empty()) fields.missing("value", "a text");
}

void readLimit(Fields& rule, bool global, Spec::Limit& out) {
  const auto limit = rule.get("limit");
  if (!limit) {
    if (rule.readable()) rule.missing("limit", "{requests: 100, unit: MINUTE}");
    return;
  }
  Fields fields(*limit);
  std::optional<std::uint32_t> requests;
  fields.read("requests", requests, 1, kMaxRequests);
  out.requests = requests.value_or(0);
  if (fields.readable() && !fields.has("requests")) fields.missing("requests", "a number of requests, at least 1");
  if (const auto unit = fields.get("unit")) {
    if (const auto read = unit->oneOf<Unit>(kUnits)) out.unit = *read;
  } else if (fields.readable()) {
    fields.missing("unit", "SECOND, MINUTE, HOUR or DAY");
  }
  fields.read("burst", out.burst, 1, kMaxRequests);
  if (const auto burst = fields.get("burst"); burst && global)
    burst->error("only local limits have a burst: the rate limit service counts in windows of one unit");
}

void readRule(const Value& value, std::set<std::string>& names, bool global, Spec::Rule& out) {
  Fields fields(value);
  if (const auto name = fields.get("name")) {
    fields.read("name", out.name);
    if (!isDnsLabel(out.name)) {
      name->expected("a name of lower case letters, digits and '-'");
    } else if (!names.insert(out.name).second) {
      name->error("the name " + quote(out.name) + " is used above, expected each once in an object");
    }
  }
  if (const auto list = fields.get("match");
      list && list->json().is_array() && few(*list, list->json().size(), kMaxMatches)) {
    list->eachItem([&](const Value& item, std::size_t) { readMatch(item, out.match.emplace_back()); });
  } else if (list && !list->json().is_array()) {
    list->expected("a list of conditions");
  }
  if (const auto list = fields.get("descriptors")) {
    list->eachItem([&](const Value& item, std::size_t) { readDescriptor(item, out.descriptors.emplace_back()); });
    few(*list, out.descriptors.size(), kMaxDescriptors);
  }
  readLimit(fields, global, out.limit);
}

void readResponse(const Value& value, Spec::Response& out) {
  Fields fields(value);
  std::optional<std::uint32_t> status;
  fields.read("status", status, 400, 599);
  out.status = status.value_or(429);
  fields.read("quotaHeaders", out.quotaHeaders);
  if (const auto headers = fields.get("headers")) {
    headers->eachEntry([&](const Value& item, const std::string& name) {
      checkHeaderName(item, name);
      const auto text = item.text();
      if (!text) return;
      if (const auto problem = headerValueProblem(*text)) item.error(*problem);
      out.headers.emplace(name, *text);
    });
    few(*headers, out.headers.size(), kMaxHeaders);
  }
}

void readLocal(const Value& value, Spec::Local& out) {
  Fields fields(value);
  fields.read("maxCounters", out.maxCounters, 1, kMaxCounters);
}

void readGlobal(const Value& value, Spec::Global& out) {
  Fields fields(value);
  if (const auto timeout = fields.get("timeout")) out.timeout = timeout->positiveDuration();
  if (const auto mode = fields.get("failureMode")) {
    if (const auto closed = mode->oneOf<bool>(kFailureModes)) out.failClosed = *closed;
  }
}

bool targetsGateway(const std::vector<TargetRef>& targets) {
  return std::any_of(targets.begin(), targets.end(), [](const auto& target) { return target.kind == "Gateway"; });
}

}  // namespace

void readSpec(const Value& spec, const ObjectMeta&, RateLimitSpec& out) {
  Fields fields(spec);
  if (const auto selector = fields.get("selector")) readMatchLabels(*selector, out.selector);
  readTargetRefs(fields, out.targetRefs);
  const bool gateway = targetsGateway(out.targetRefs);
  if (gateway) out.context = Spec::Context::gateway;
  if (const auto context = fields.get("context")) {
    if (const auto read = context->oneOf<Spec::Context>(kContexts)) out.context = *read;
    if (gateway && out.context == Spec::Context::inbound)
      context->error("found INBOUND, expected GATEWAY: spec.targetRefs names a Gateway");
  }
  const auto local = fields.get("local"), global = fields.get("global");
  if (local) readLocal(*local, out.local.emplace());
  if (global) readGlobal(*global, out.global.emplace());
  if (local && global) global->error("local is given as well, expected one of them");
  if (!local && !global && fields.readable())
    fields.missing("local",
                   "`local: {}`, where each proxy counts for itself, or `global: {}` with the rate limit service");
  if (const auto response = fields.get("response")) readResponse(*response, out.response);
  fields.read("shadow", out.shadow);
  const auto rules = fields.get("rules");
  std::set<std::string> names;
  if (rules) {
    rules->eachItem(
        [&](const Value& item, std::size_t) { readRule(item, names, global.has_value(), out.rules.emplace_back()); });
    few(*rules, out.rules.size(), kMaxRules);
  }
  if (fields.readable() && (!rules || (rules->json().is_array() && out.rules.empty())))
    fields.missing("rules", "at least one rule with a limit");
}

}  // namespace fairway::api
