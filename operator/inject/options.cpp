#include "inject/options.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>

#include "api/decoder.h"
#include "api/gateway_topology_json.h"
#include "api/validate.h"
#include "api/yaml.h"
#include "base/strings.h"
#include "inject/names.h"
#include "inject/pod.h"
#include "inject/quantity.h"

namespace fairway::inject {
namespace {

using Json = nlohmann::json;
using Reader = std::function<Result<void>(PodOptions&, const std::string&)>;

tl::unexpected<Error> refusal(const std::string& found, const std::string& expected) {
  return failure("found " + api::quote(found) + ", expected " + expected);
}

Result<void> readFlag(const std::string& text, bool& out) {
  const auto value = toLower(trim(text));
  if (value != "true" && value != "false") return refusal(text, "\"true\" or \"false\"");
  out = value == "true";
  return {};
}

Reader flag(bool PodOptions::*member) {
  return [member](PodOptions& options, const std::string& text) { return readFlag(text, options.*member); };
}

Reader choice(std::string PodOptions::*member, std::span<const std::string_view> choices) {
  return [member, choices](PodOptions& options, const std::string& text) -> Result<void> {
    if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
      return refusal(text, join({choices.begin(), choices.end()}, ", "));
    }
    options.*member = text;
    return {};
  };
}

Reader traffic(std::string Traffic::*member, const std::function<Result<std::string>(const std::string&)>& check) {
  return [member, check](PodOptions& options, const std::string& text) -> Result<void> {
    auto checked = check(text);
    if (!checked) return tl::unexpected(checked.error());
    options.traffic.*member = std::move(*checked);
    return {};
  };
}

// One of these four given, the pod says all there is about resources: the settings' limits might be below its requests.
Reader resource(const char* section, const char* name) {
  return [section, name](PodOptions& options, const std::string& text) -> Result<void> {
    if (!isQuantity(text)) return refusal(text, "a Kubernetes quantity such as 100m or 128Mi");
    options.resources[section][name] = text;
    return {};
  };
}

Result<void> readMode(PodOptions& options, const std::string& text) {
  const auto mode = interceptionMode(text);
  if (!mode) return tl::unexpected(mode.error());
  options.traffic.mode = *mode;
  return {};
}

Result<void> readImage(PodOptions& options, const std::string& text) {
  if (text.empty() || text.find_first_of(" \t\r\n") != std::string::npos) {
    return refusal(text, "an image, or the name of one at the settings' hub and tag");
  }
  options.image = text;
  return {};
}

Result<void> readTemplates(PodOptions& options, const std::string& text) {
  options.templates.clear();
  for (const auto& name : split(text, ',')) {
    if (!trim(name).empty()) options.templates.emplace_back(trim(name));
  }
  return options.templates.empty() ? Result<void>(refusal(text, "names of templates with commas between"))
                                   : Result<void>();
}

// {"name": {...}} as Istio's template takes it, or [{"name": ..., ...}] as its documentation has it.
Result<Json> namedList(const std::string& text) {
  const auto parsed = Json::parse(text, nullptr, false);
  Json result = Json::array();
  const auto add = [&](const std::string& name, const Json& value) -> bool {
    if (!value.is_object() || !api::isDnsLabel(name)) return false;
    result.push_back(value);
    result.back()["name"] = name;
    return true;
  };
  bool good = parsed.is_structured();
  if (good) {
    for (const auto& [key, value] : parsed.items()) {
      good = good && add(parsed.is_object() ? key : textAt(value, "name"), value);
    }
  }
  if (!good) return refusal(text, R"(JSON such as {"name": {"emptyDir": {}}} or [{"name": "name", "emptyDir": {}}])");
  return result;
}

Result<void> readVolumes(PodOptions& options, const std::string& text) {
  auto list = namedList(text);
  if (!list) return tl::unexpected(list.error());
  options.volumes = std::move(*list);
  return {};
}

Result<void> readVolumeMounts(PodOptions& options, const std::string& text) {
  auto list = namedList(text);
  if (!list) return tl::unexpected(list.error());
  for (const auto& mount : *list) {
    if (!textAt(mount, "mountPath").starts_with('/')) return refusal(text, "an absolute mountPath in each mount");
  }
  options.volumeMounts = std::move(*list);
  return {};
}

// What the agent reads as it stands.
Reader variable(const char* name) {
  return [name](PodOptions& options, const std::string& text) -> Result<void> {
    options.env[name] = text;
    return {};
  };
}

// Statistics of Envoy's own that it is to keep, for the agent (see agent/stats.h).
void readStatsMatcher(const api::Value& value, std::map<std::string, std::string>& env) {
  api::Fields fields(value);
  for (const auto& [field, target] : {std::pair{"inclusionPrefixes", "FAIRWAY_STATS_PREFIXES"},
                                      {"inclusionSuffixes", "FAIRWAY_STATS_SUFFIXES"},
                                      {"inclusionRegexps", "FAIRWAY_STATS_REGEXES"}}) {
    std::vector<std::string> names;
    fields.read(field, names);
    for (const auto& name : names) {
      // The variable holds a list with commas.
      if (name.find(',') != std::string::npos) {
        value.error(std::string(field) + ": found " + api::quote(name) + ", expected names without commas");
        return;
      }
    }
    if (!names.empty()) env[target] = join(names, ",");
  }
}

Result<void> readProxyConfig(PodOptions& options, const std::string& text) {
  auto documents = api::parseYaml(text, {.bytes = 64 * 1024, .depth = 16, .nodes = 2000});
  if (!documents) return tl::unexpected(documents.error());
  if (documents->empty()) return {};
  if (documents->size() > 1) return failure("found several YAML documents, expected one");
  api::Report report;
  {
    const api::Value root(documents->front().value, report);
    api::Fields fields(root);
    fields.read("holdApplicationUntilProxyStarts", options.holdApplication);
    std::optional<std::uint32_t> concurrency;
    fields.read("concurrency", concurrency, 0, kMaxConcurrency);
    if (concurrency) options.concurrency = *concurrency;
    if (const auto drain = fields.get("drainDuration")) readDrain(*drain, options.drain);
    if (const auto drain = fields.get("terminationDrainDuration")) readDrain(*drain, options.minimumDrain);
    if (const auto statsd = fields.get("statsdUdpAddress")) {
      const auto text = statsd->text();
      auto address = text ? api::statsdAddress(*text) : Result<std::string>(options.statsdAddress);
      if (address) {
        options.statsdAddress = std::move(*address);
      } else {
        statsd->error(address.error().message);
      }
    }
    std::map<std::string, std::string> variables;
    fields.read("proxyMetadata", variables);
    for (auto& [name, value] : variables) options.env[name] = std::move(value);
    if (const auto matcher = fields.get("proxyStatsMatcher")) readStatsMatcher(*matcher, options.env);
    if (const auto image = fields.get("image")) {
      api::Fields parts(*image);
      parts.read("imageType", options.imageType);
    }
    if (const auto topology = fields.get("gatewayTopology")) {
      options.env["FAIRWAY_GATEWAY_TOPOLOGY"] = toText(api::readGatewayTopology(*topology));
    }
    if (const auto mode = fields.get("interceptionMode")) {
      const auto name = mode->text();
      const auto read = name ? readMode(options, *name) : Result<void>();
      if (!read) mode->error(read.error().message);
    }
  }
  std::string errors;
  for (const auto& problem : report.problems) {
    const auto line = (problem.field.empty() ? "" : problem.field + ": ") + problem.message;
    if (problem.severity == api::Problem::Severity::error) {
      errors += (errors.empty() ? "" : "; ") + line;
    } else {
      options.warnings.push_back("annotation " + std::string(kProxyConfig) + ": " + line);
    }
  }
  return errors.empty() ? Result<void>() : failure(errors);
}

const std::map<std::string, Reader, std::less<>>& readers() {
  static const auto ports = [](const std::string& text) { return portList(text, false); };
  static const auto portsOrAll = [](const std::string& text) { return portList(text, true); };
  static const auto cidrs = [](const std::string& text) { return cidrList(text, false); };
  static const auto cidrsOrAll = [](const std::string& text) { return cidrList(text, true); };
  static const auto interfaces = [](const std::string& text) { return interfaceList(text); };
  static const std::map<std::string, Reader, std::less<>> table = {
      {"traffic.sidecar.istio.io/includeInboundPorts", traffic(&Traffic::includeInboundPorts, portsOrAll)},
      {"traffic.sidecar.istio.io/excludeInboundPorts", traffic(&Traffic::excludeInboundPorts, ports)},
      {"traffic.sidecar.istio.io/includeOutboundPorts", traffic(&Traffic::includeOutboundPorts, ports)},
      {"traffic.sidecar.istio.io/excludeOutboundPorts", traffic(&Traffic::excludeOutboundPorts, ports)},
      {"traffic.sidecar.istio.io/includeOutboundIPRanges", traffic(&Traffic::includeOutboundCidrs, cidrsOrAll)},
      {"traffic.sidecar.istio.io/excludeOutboundIPRanges", traffic(&Traffic::excludeOutboundCidrs, cidrs)},
      {"traffic.sidecar.istio.io/excludeInterfaces", traffic(&Traffic::excludeInterfaces, interfaces)},
      {"sidecar.istio.io/interceptionMode", readMode},
      {"sidecar.istio.io/proxyCPU", resource("requests", "cpu")},
      {"sidecar.istio.io/proxyMemory", resource("requests", "memory")},
      {"sidecar.istio.io/proxyCPULimit", resource("limits", "cpu")},
      {"sidecar.istio.io/proxyMemoryLimit", resource("limits", "memory")},
      {"sidecar.istio.io/proxyImage", readImage},
      {"sidecar.istio.io/logLevel", choice(&PodOptions::logLevel, kProxyLogLevels)},
      {"sidecar.istio.io/agentLogLevel", choice(&PodOptions::agentLogLevel, kAgentLogLevels)},
      {"sidecar.istio.io/rewriteAppHTTPProbers", flag(&PodOptions::rewriteProbes)},
      {"sidecar.istio.io/nativeSidecar", flag(&PodOptions::native)},
      {"sidecar.istio.io/statsInclusionPrefixes", variable("FAIRWAY_STATS_PREFIXES")},
      {"sidecar.istio.io/statsInclusionSuffixes", variable("FAIRWAY_STATS_SUFFIXES")},
      {"sidecar.istio.io/statsInclusionRegexps", variable("FAIRWAY_STATS_REGEXES")},
      {"sidecar.istio.io/userVolume", readVolumes},
      {"sidecar.istio.io/userVolumeMount", readVolumeMounts},
      {std::string(kTemplates), readTemplates},
      {std::string(kMergeMetrics), flag(&PodOptions::mergePrometheus)},
  };
  return table;
}

// Annotations of the mesh that are nobody's input here: written by injection, or read elsewhere.
bool isNoInput(const std::string& name, const std::string& value) {
  return name == kInject || name == kStatus || name == kProxyConfig ||
         (name == "status.sidecar.istio.io/port" && value == std::to_string(kAgentPort));
}

bool isOfTheMesh(const std::string& name) {
  const auto prefix = name.substr(0, name.find('/'));
  return prefix == "sidecar.istio.io" || prefix == "traffic.sidecar.istio.io" || prefix == "status.sidecar.istio.io" ||
         prefix == "readiness.status.sidecar.istio.io" || prefix == "proxy.istio.io" || prefix == "inject.istio.io";
}

void applyFields(const ProxySettings::Fields& fields, PodOptions& options) {
  if (fields.concurrency) options.concurrency = *fields.concurrency;
  for (const auto& [name, value] : fields.env) options.env[name] = value;
  if (!fields.imageType.empty()) options.imageType = fields.imageType;
}

PodOptions fromSettings(const Settings& settings, bool nativeSupported, const ProxySettings& proxy) {
  PodOptions options;
  options.templates = settings.defaultTemplates;
  options.native = settings.nativeSidecars == NativeSidecars::automatic
                       ? nativeSupported
                       : settings.nativeSidecars == NativeSidecars::always;
  options.image = settings.image;
  options.logLevel = settings.logLevel;
  options.agentLogLevel = settings.agentLogLevel;
  options.concurrency = settings.concurrency;
  options.statsdAddress = settings.statsdAddress;
  options.drain = settings.drainDuration;
  options.minimumDrain = settings.terminationDrainDuration;
  options.holdApplication = settings.holdApplication;
  options.env = settings.proxyEnv;
  applyFields(proxy.general, options);
  options.warnings = proxy.warnings;
  options.traffic = settings.traffic;
  options.rewriteProbes = settings.rewriteProbes;
  options.mergePrometheus = settings.mergePrometheus;
  return options;
}

}  // namespace

Result<PodOptions> readOptions(const api::Labels& annotations, const Settings& settings, bool nativeSupported,
                               const ProxySettings& proxy) {
  auto options = fromSettings(settings, nativeSupported, proxy);
  std::string errors;
  const auto apply = [&](const std::string& name, const std::string& value, const Reader& read) {
    const auto done = read(options, value);
    if (done) return;
    errors += (errors.empty() ? "" : "; ") + ("annotation " + name + ": " + done.error().message);
  };
  // Single annotations win over proxy.istio.io/config and what ProxyConfigs say, whatever their names.
  if (const auto config = annotations.find(std::string(kProxyConfig)); config != annotations.end()) {
    apply(config->first, config->second, readProxyConfig);
  }
  applyFields(proxy.selecting, options);
  for (const auto& [name, value] : annotations) {
    const auto reader = readers().find(name);
    if (reader != readers().end()) {
      apply(name, value, reader->second);
    } else if (isOfTheMesh(name) && !isNoInput(name, value)) {
      options.warnings.push_back("annotation " + name + ": it is not supported and has no effect");
    }
  }
  for (const auto& name : options.templates) {
    if (name == kSidecarTemplate || name == kGatewayTemplate || settings.templates.contains(name)) continue;
    std::vector<std::string> known = {std::string(kGatewayTemplate), std::string(kSidecarTemplate)};
    for (const auto& [own, pod] : settings.templates) known.push_back(own);
    errors += (errors.empty() ? "" : "; ") + ("annotation " + std::string(kTemplates) + ": found " + api::quote(name) +
                                              ", expected one of: " + join(known, ", "));
  }
  if (!errors.empty()) return failure(errors);
  options.ownResources = !options.resources.is_null();
  if (!options.ownResources) options.resources = settings.proxyResources;
  options.image = imageOf(settings, options.image, options.imageType);
  return options;
}

}  // namespace fairway::inject
