#include "inject/settings.h"

#include <algorithm>
#include <array>
#include <optional>

#include "api/decoder.h"
#include "api/validate.h"
#include "api/yaml.h"
#include "base/address.h"
#include "base/strings.h"
#include "inject/names.h"
#include "inject/quantity.h"
#include "inject/template.h"

namespace fairway::inject {
namespace {

using api::EnumName;
using api::Fields;
using api::Value;
using Json = nlohmann::json;
using Operator = LabelSelector::Operator;

constexpr EnumName<bool> kPolicies[] = {{"disabled", 0, false}, {"enabled", 1, true}};
constexpr EnumName<Operator> kOperators[] = {{"In", 0, Operator::in},
                                             {"NotIn", 1, Operator::not_in},
                                             {"Exists", 2, Operator::exists},
                                             {"DoesNotExist", 3, Operator::does_not_exist}};

void readChoice(Fields& fields, std::string_view name, std::span<const std::string_view> choices, std::string& out) {
  const auto value = fields.get(name);
  if (!value) return;
  const auto text = value->text();
  if (!text) return;
  if (std::find(choices.begin(), choices.end(), *text) == choices.end()) {
    value->expected(join({choices.begin(), choices.end()}, ", "));
    return;
  }
  out = *text;
}

// A text that a check of ours turns into a value.
template <class T>
void readChecked(Fields& fields, std::string_view name, const std::function<Result<T>(const std::string&)>& check,
                 T& out) {
  const auto value = fields.get(name);
  if (!value) return;
  const auto text = value->text();
  if (!text) return;
  auto checked = check(*text);
  if (checked) {
    out = std::move(*checked);
  } else {
    value->error(checked.error().message);
  }
}

void readName(Fields& fields, std::string_view name, std::string& out) {
  readChecked<std::string>(
      fields, name,
      [](const std::string& text) -> Result<std::string> {
        if (api::isDnsSubdomain(text)) return text;
        return failure("found " + api::quote(text) + ", expected a name in lower case");
      },
      out);
}

}  // namespace

void readDrain(const Value& value, std::chrono::seconds& out) {
  const auto time = value.duration();
  if (!time) return;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(*time);
  if (seconds > kMaxDrain) {
    value.expected("a duration of at most 1h");
  } else {
    out = seconds;
  }
}

namespace {

LabelSelector readSelector(const Value& value) {
  LabelSelector result;
  Fields fields(value);
  fields.read("matchLabels", result.matchLabels);
  if (const auto list = fields.get("matchExpressions")) {
    list->eachItem([&](const Value& item, std::size_t) {
      LabelSelector::Expression expression;
      Fields entry(item);
      entry.read("key", expression.key);
      if (expression.key.empty()) entry.missing("key", "the key of a label");
      if (const auto op = entry.get("operator")) {
        expression.op = op->oneOf<Operator>(kOperators).value_or(Operator::exists);
      } else {
        entry.missing("operator", "In, NotIn, Exists or DoesNotExist");
      }
      entry.read("values", expression.values);
      const bool needsValues = expression.op == Operator::in || expression.op == Operator::not_in;
      if (needsValues == expression.values.empty()) {
        item.error(needsValues ? "In and NotIn need values" : "Exists and DoesNotExist take no values");
      }
      result.expressions.push_back(std::move(expression));
    });
  }
  return result;
}

void readSelectors(Fields& fields, std::string_view name, std::vector<LabelSelector>& out) {
  if (const auto list = fields.get(name)) {
    list->eachItem([&](const Value& item, std::size_t) { out.push_back(readSelector(item)); });
  }
}

void readResources(Fields& fields, Json& out) {
  const auto value = fields.get("resources");
  if (!value) return;
  value->eachEntry([](const Value& part, const std::string& key) {
    if (key != "requests" && key != "limits") return;
    part.eachEntry([](const Value& amount, const std::string&) {
      const auto& json = amount.json();
      if (json.is_number() || (json.is_string() && isQuantity(json.get_ref<const std::string&>()))) return;
      amount.expected("a Kubernetes quantity such as 100m or 128Mi");
    });
  });
  if (value->json().is_object()) out = value->json();
}

void readImage(const Value& value, Settings& out) {
  static constexpr std::array<std::string_view, 4> kPullPolicies = {"Always", "IfNotPresent", "Never", ""};
  Fields fields(value);
  fields.read("hub", out.hub);
  fields.read("tag", out.tag);
  fields.read("name", out.image);
  readChoice(fields, "pullPolicy", kPullPolicies, out.pullPolicy);
  fields.read("pullSecrets", out.pullSecrets);
}

void readProxy(const Value& value, Settings& out) {
  static constexpr std::array<std::string_view, 2> kFormats = {"text", "json"};
  Fields fields(value);
  readResources(fields, out.proxyResources);
  readChoice(fields, "logLevel", kProxyLogLevels, out.logLevel);
  readChoice(fields, "agentLogLevel", kAgentLogLevels, out.agentLogLevel);
  readChoice(fields, "logFormat", kFormats, out.logFormat);
  std::optional<std::uint32_t> concurrency;
  fields.read("concurrency", concurrency, 0, kMaxConcurrency);
  if (concurrency) out.concurrency = *concurrency;
  readChecked<std::string>(fields, "statsdUdpAddress", api::statsdAddress, out.statsdAddress);
  if (const auto drain = fields.get("drainDuration")) readDrain(*drain, out.drainDuration);
  if (const auto drain = fields.get("terminationDrainDuration")) readDrain(*drain, out.terminationDrainDuration);
  fields.read("holdApplicationUntilProxyStarts", out.holdApplication);
  bool privileged = false;
  fields.read("privileged", privileged);
  if (privileged) fields.get("privileged")->error("a privileged proxy is not supported, expected false");
  fields.read("env", out.proxyEnv);
}

void readTraffic(const Value& value, Traffic& out) {
  using Check = std::function<Result<std::string>(const std::string&)>;
  const Check ports = [](const std::string& text) { return portList(text, false); };
  const Check portsOrAll = [](const std::string& text) { return portList(text, true); };
  const Check cidrs = [](const std::string& text) { return cidrList(text, false); };
  const Check cidrsOrAll = [](const std::string& text) { return cidrList(text, true); };
  Fields fields(value);
  readChecked<InterceptionMode>(
      fields, "mode", [](const std::string& text) { return interceptionMode(text); }, out.mode);
  readChecked(fields, "includeOutboundIPRanges", cidrsOrAll, out.includeOutboundCidrs);
  readChecked(fields, "excludeOutboundIPRanges", cidrs, out.excludeOutboundCidrs);
  readChecked(fields, "includeOutboundPorts", ports, out.includeOutboundPorts);
  readChecked(fields, "excludeOutboundPorts", ports, out.excludeOutboundPorts);
  readChecked(fields, "includeInboundPorts", portsOrAll, out.includeInboundPorts);
  readChecked(fields, "excludeInboundPorts", ports, out.excludeInboundPorts);
  readChecked<std::string>(
      fields, "excludeInterfaces", [](const std::string& text) { return interfaceList(text); }, out.excludeInterfaces);
}

void readTemplates(Fields& fields, Settings& out) {
  if (const auto values = fields.get("values")) {
    if (values->json().is_object()) {
      out.values = values->json();
    } else {
      values->expected("a mapping");
    }
  }
  if (const auto templates = fields.get("templates")) {
    templates->eachEntry([&](const Value& entry, const std::string& name) {
      if (name == kSidecarTemplate || name == kGatewayTemplate) {
        entry.error("the template " + name + " is built in: give yours another name and list both, \"" + name +
                    ",yours\"");
        return;
      }
      auto pod = entry.json().is_string() ? parseTemplate(entry.json().get_ref<const std::string&>())
                                          : Result<Json>(entry.json());
      auto checked = pod ? checkTemplateShape(*pod) : tl::unexpected(pod.error());
      if (checked) checked = checkPlaceholders(*pod, out.values);
      if (!checked) {
        entry.error("template " + api::quote(name) + ": " + checked.error().message);
        return;
      }
      out.templates[name] = std::move(*pod);
    });
  }
  fields.read("defaultTemplates", out.defaultTemplates);
  for (const auto& name : out.defaultTemplates) {
    if (name == kSidecarTemplate || name == kGatewayTemplate || out.templates.contains(name)) continue;
    if (const auto value = fields.get("defaultTemplates")) {
      value->error("found " + api::quote(name) + ", expected sidecar, gateway or a name of templates");
    }
  }
}

void readNative(Fields& fields, NativeSidecars& out) {
  const auto value = fields.get("nativeSidecars");
  if (!value) return;
  if (const auto& json = value->json(); json == "auto") {
    out = NativeSidecars::automatic;
  } else if (json == true || json == "true") {
    out = NativeSidecars::always;
  } else if (json == false || json == "false") {
    out = NativeSidecars::never;
  } else {
    value->expected("auto, true or false");
  }
}

void readMesh(Fields& fields, Settings& out) {
  readName(fields, "trustDomain", out.trustDomain);
  readName(fields, "clusterDomain", out.clusterDomain);
  readName(fields, "rootNamespace", out.rootNamespace);
  fields.read("network", out.network);
  fields.read("clusterId", out.clusterId);
  readChecked<std::string>(
      fields, "discoveryAddress",
      [](const std::string& text) -> Result<std::string> {
        const auto address = parseAddress(text);
        if (text.empty() || (address && !address->host.empty() && address->port != 0)) return text;
        return failure("found " + api::quote(text) + ", expected host:port");
      },
      out.discoveryAddress);
  fields.read("revision", out.revision);
  if (out.revision.empty()) out.revision = "default";
  if (!api::isDnsLabel(out.revision)) fields.get("revision")->expected("a name of lower-case letters, digits and -");
  fields.read("revisionTags", out.revisionTags);
}

void readSettings(const Value& value, Settings& out) {
  Fields fields(value);
  if (const auto policy = fields.get("policy")) out.enabled = policy->oneOf<bool>(kPolicies).value_or(out.enabled);
  fields.read("enableNamespacesByDefault", out.namespacesByDefault);
  fields.read("ignoredNamespaces", out.ignoredNamespaces);
  readSelectors(fields, "neverInjectSelector", out.neverInject);
  readSelectors(fields, "alwaysInjectSelector", out.alwaysInject);
  readMesh(fields, out);
  if (const auto image = fields.get("image")) readImage(*image, out);
  if (const auto proxy = fields.get("proxy")) readProxy(*proxy, out);
  if (const auto init = fields.get("init")) {
    Fields parts(*init);
    parts.read("enabled", out.initContainer);
    readResources(parts, out.initResources);
  }
  if (const auto traffic = fields.get("interception")) readTraffic(*traffic, out.traffic);
  readNative(fields, out.nativeSidecars);
  fields.read("rewriteAppHTTPProbers", out.rewriteProbes);
  fields.read("enablePrometheusMerge", out.mergePrometheus);
  readTemplates(fields, out);
}

bool holds(const LabelSelector::Expression& expression, const api::Labels& labels) {
  const auto found = labels.find(expression.key);
  const bool listed = found != labels.end() && std::find(expression.values.begin(), expression.values.end(),
                                                         found->second) != expression.values.end();
  switch (expression.op) {
    case Operator::in: return listed;
    case Operator::not_in: return !listed;
    case Operator::exists: return found != labels.end();
    case Operator::does_not_exist: return found == labels.end();
  }
  return false;
}

}  // namespace

bool LabelSelector::matches(const api::Labels& labels) const {
  return (!matchLabels.empty() || !expressions.empty()) && api::selects(matchLabels, labels) &&
         std::all_of(expressions.begin(), expressions.end(), [&](const auto& e) { return holds(e, labels); });
}

Settings::Settings()
    : proxyResources{{"requests", {{"cpu", "100m"}, {"memory", "128Mi"}}},
                     {"limits", {{"cpu", "2"}, {"memory", "1Gi"}}}},
      initResources{{"requests", {{"cpu", "10m"}, {"memory", "40Mi"}}}, {"limits", {{"cpu", "2"}, {"memory", "1Gi"}}}} {
}

bool Settings::serves(std::string_view wanted) const {
  return wanted == revision || std::find(revisionTags.begin(), revisionTags.end(), wanted) != revisionTags.end();
}

std::string discoveryAddressOf(const Settings& settings) {
  if (!settings.discoveryAddress.empty()) return settings.discoveryAddress;
  const auto suffix = settings.revision == "default" ? "" : "-" + settings.revision;
  return "istiod" + suffix + "." + settings.rootNamespace + ".svc:15012";
}

std::string imageOf(const Settings& settings, const std::string& image, const std::string& type) {
  if (image.find_first_of("/:@") != std::string::npos) return image;
  auto tag = settings.tag;
  if (!type.empty()) {
    for (const std::string_view other : {"-debug", "-distroless"}) {
      if (tag.ends_with(other)) tag.resize(tag.size() - other.size());
    }
    if (type != "default") tag += "-" + type;
  }
  return settings.hub + "/" + image + ":" + tag;
}

Result<LoadedSettings> loadSettings(std::string_view yaml) {
  auto documents = api::parseYaml(yaml);
  if (!documents) return tl::unexpected(documents.error());
  if (documents->size() > 1) return failure("found several YAML documents, expected one");
  LoadedSettings loaded;
  if (documents->empty()) return loaded;
  const auto& document = documents->front();
  api::Report report;
  const Value root(document.value, report);
  readSettings(root, loaded.settings);
  std::string errors;
  for (const auto& problem : report.problems) {
    const auto line = document.lines.lineOf(problem.field);
    const auto text =
        "line " + std::to_string(line) + ": " + (problem.field.empty() ? "" : problem.field + ": ") + problem.message;
    if (problem.severity == api::Problem::Severity::error) {
      errors += (errors.empty() ? "" : "; ") + text;
    } else {
      loaded.warnings.push_back(text);
    }
  }
  if (!errors.empty()) return failure(errors);
  return loaded;
}

}  // namespace fairway::inject
