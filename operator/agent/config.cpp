#include "agent/config.h"

#include <algorithm>
#include <array>

#include <unistd.h>

#include "agent/connect.h"
#include "agent/merged_metrics.h"
#include "agent/pod_info.h"
#include "agent/probes.h"
#include "agent/stats.h"
#include "agent/statsd.h"
#include "base/strings.h"
#include "identity/files.h"
#include "identity/spiffe.h"

namespace fairway::agent {
namespace {

constexpr std::string_view kDefaultServerName = "istiod.istio-system.svc";
constexpr std::array<std::string_view, 8> kLogLevels = {"trace", "debug", "info",     "warning",
                                                        "warn",  "error", "critical", "off"};
// A unix socket's path has at most 107 bytes (unix(7)); this leaves room for "/sds.sock".
constexpr std::size_t kMaxWorkDirLength = 98;

// A setting whose value is taken as it is.
AgentFlag text(std::string name, std::string environment, std::string placeholder, std::string help,
               std::string AgentOptions::*member) {
  return {std::move(name), std::move(environment), std::move(placeholder), std::move(help),
          [member](AgentOptions& options, const std::string& value) -> Result<void> {
            options.*member = value;
            return {};
          }};
}

// Where something is served; "none" for nowhere, since a variable that is set but empty counts as not set.
AgentFlag address(std::string name, std::string environment, std::string help, std::string AgentOptions::*member) {
  return {std::move(name), std::move(environment), "HOST:PORT", std::move(help) + "; none: nowhere",
          [member](AgentOptions& options, const std::string& value) -> Result<void> {
            options.*member = value == "none" ? "" : value;
            return {};
          }};
}

// "90", "90s", "15m", "24h".
Result<std::chrono::seconds> parseSeconds(const std::string& value) {
  std::string_view digits = value;
  std::uint64_t unit = 1;
  if (!digits.empty()) {
    switch (digits.back()) {
      case 's': digits.remove_suffix(1); break;
      case 'm':
        unit = 60;
        digits.remove_suffix(1);
        break;
      case 'h':
        unit = 3600;
        digits.remove_suffix(1);
        break;
      default: break;
    }
  }
  const auto number = toNumber(digits);
  constexpr std::uint64_t kMost = 10ULL * 366 * 24 * 3600;
  if (!number || *number > kMost / unit)
    return failure("\"" + value + "\": expected a duration such as 90s, 15m or 24h");
  return std::chrono::seconds(*number * unit);
}

AgentFlag duration(std::string name, std::string environment, std::string help,
                   std::chrono::seconds AgentOptions::*member) {
  return {std::move(name), std::move(environment), "DURATION", std::move(help),
          [member](AgentOptions& options, const std::string& value) -> Result<void> {
            const auto parsed = parseSeconds(value);
            if (!parsed) return tl::unexpected(parsed.error());
            options.*member = *parsed;
            return {};
          }};
}

template <class Enum>
AgentFlag choice(std::string name, std::string environment, std::string help, Enum AgentOptions::*member,
                 std::map<std::string, Enum> values) {
  std::vector<std::string> names;
  for (const auto& [key, value] : values) names.push_back(key);
  const auto expected = join(names, "|");
  return {
      std::move(name), std::move(environment), expected, std::move(help),
      [member, values = std::move(values), expected](AgentOptions& options, const std::string& value) -> Result<void> {
        const auto found = values.find(toLower(value));
        if (found == values.end()) return failure("\"" + value + "\": expected " + expected);
        options.*member = found->second;
        return {};
      }};
}

Result<void> setIps(AgentOptions& options, const std::string& value) {
  options.ips.clear();
  for (const auto& part : split(value, ',')) options.ips.emplace_back(trim(part));
  return {};
}

Result<void> setLabels(AgentOptions& options, const std::string& value) {
  options.labels.clear();
  for (const auto& part : split(value, ',')) {
    if (trim(part).empty()) continue;
    const auto equals = part.find('=');
    const auto key = trim(std::string_view(part).substr(0, equals));
    if (equals == std::string::npos || key.empty()) return failure("\"" + part + "\": expected key=value");
    options.labels[std::string(key)] = trim(std::string_view(part).substr(equals + 1));
  }
  return {};
}

Result<void> setConcurrency(AgentOptions& options, const std::string& value) {
  const auto number = toNumber(value);
  if (!number || *number > 256) return failure("\"" + value + "\": expected a number of threads, 0 to 256");
  options.concurrency = static_cast<unsigned>(*number);
  return {};
}

AgentFlag names(std::string name, std::string environment, std::string help,
                std::vector<std::string> AgentOptions::*member) {
  return {std::move(name), std::move(environment), "NAME,...", std::move(help),
          [member](AgentOptions& options, const std::string& value) -> Result<void> {
            (options.*member).clear();
            for (const auto& part : split(value, ',')) {
              if (!trim(part).empty()) (options.*member).emplace_back(trim(part));
            }
            return {};
          }};
}

Result<void> setMetricSeries(AgentOptions& options, const std::string& value) {
  const auto number = toNumber(value);
  if (!number || *number == 0 || *number > 1'000'000) return failure("\"" + value + "\": expected 1 to 1000000");
  options.metricSeries = *number;
  return {};
}

std::vector<AgentFlag> makeFlags() {
  using Options = AgentOptions;
  return {
      choice<ProxyType>("--proxy-type", "FAIRWAY_PROXY_TYPE", "what the proxy is", &Options::proxyType,
                        {{"sidecar", ProxyType::sidecar}, {"router", ProxyType::router}}),
      text("--pod-name", "POD_NAME", "NAME", "name of the pod", &Options::podName),
      text("--namespace", "POD_NAMESPACE", "NAMESPACE", "namespace of the pod", &Options::podNamespace),
      text("--service-account", "SERVICE_ACCOUNT", "NAME", "service account of the pod", &Options::serviceAccount),
      {"--ips", "INSTANCE_IPS", "IP,...", "IP addresses of the pod, the main one first", setIps},
      {"--labels", "FAIRWAY_LABELS", "KEY=VALUE,...", "labels of the pod", setLabels},
      text("--labels-file", "FAIRWAY_LABELS_FILE", "FILE", "labels of the pod in a downward API file",
           &Options::labelsFile),
      text("--annotations-file", "FAIRWAY_ANNOTATIONS_FILE", "FILE", "annotations of the pod, likewise",
           &Options::annotationsFile),
      text("--auto-register-group", "ISTIO_META_AUTO_REGISTER_GROUP", "NAME",
           "outside the cluster: the WorkloadGroup that the machine registers itself as one of",
           &Options::autoRegisterGroup),
      choice<bool>("--probe-commands", "FAIRWAY_PROBE_COMMANDS",
                   "true if a probe of that group that is a command is run on this machine", &Options::probeCommands,
                   {{"true", true}, {"false", false}}),
      text("--domain", "FAIRWAY_DOMAIN", "DOMAIN", "DNS domain of the cluster", &Options::domain),
      text("--trust-domain", "FAIRWAY_TRUST_DOMAIN", "DOMAIN", "trust domain of the mesh", &Options::trustDomain),
      text("--discovery-address", "FAIRWAY_DISCOVERY_ADDRESS", "HOST:PORT", "the control plane's TLS port",
           &Options::discoveryAddress),
      text("--discovery-server-name", "FAIRWAY_DISCOVERY_SERVER_NAME", "NAME",
           "DNS name in the control plane's certificate (default: the host of its address)",
           &Options::discoveryServerName),
      text("--token-file", "FAIRWAY_TOKEN_FILE", "FILE", "service account token for certificates", &Options::tokenFile),
      text("--root-file", "FAIRWAY_ROOT_FILE", "FILE", "PEM roots to trust the control plane by", &Options::rootFile),
      duration("--certificate-ttl", "FAIRWAY_CERTIFICATE_TTL", "validity to ask for (default: the control plane's)",
               &Options::certificateTtl),
      choice<bool>("--bootstrap-patches", "BOOTSTRAP_XDS_AGENT",
                   "false if EnvoyFilters are to have no say in Envoy's bootstrap", &Options::bootstrapPatches,
                   {{"true", true}, {"false", false}}),
      choice<bool>("--delta-xds", "ISTIO_DELTA_XDS",
                   "false if Envoy is to ask for the state of the world instead of what changed", &Options::deltaXds,
                   {{"true", true}, {"false", false}}),
      text("--envoy", "FAIRWAY_ENVOY", "FILE", "the Envoy program", &Options::envoy),
      text("--work-dir", "FAIRWAY_WORK_DIR", "DIR", "folder for the bootstrap and the SDS socket", &Options::workDir),
      text("--envoy-admin-address", "FAIRWAY_ENVOY_ADMIN_ADDRESS", "HOST:PORT",
           "Envoy's admin port, on loopback; 0 picks one", &Options::envoyAdminAddress),
      address("--status-address", "FAIRWAY_STATUS_ADDRESS", "where /healthz/ready is served", &Options::statusAddress),
      address("--agent-address", "FAIRWAY_AGENT_ADDRESS", "where merged metrics and the app's probes are served",
              &Options::agentAddress),
      address("--prometheus-address", "FAIRWAY_PROMETHEUS_ADDRESS", "where Envoy's own /stats/prometheus is served",
              &Options::prometheusAddress),
      text("--xds-relay-address", "FAIRWAY_XDS_RELAY_ADDRESS", "HOST:PORT",
           "loopback address where programs of the pod reach the control plane's xDS by this proxy's identity",
           &Options::xdsRelayAddress),
      text("--statsd-address", "FAIRWAY_STATSD_ADDRESS", "HOST:PORT",
           "a statsd server that Envoy sends its statistics to, over UDP", &Options::statsdAddress),
      text("--statsd-prefix", "FAIRWAY_STATSD_PREFIX", "NAME", "in front of their names", &Options::statsdPrefix),
      choice<bool>("--statsd-format", "FAIRWAY_STATSD_FORMAT", "whether tags are sent as such or as parts of the names",
                   &Options::statsdTags, {{"statsd", false}, {"dogstatsd", true}}),
      text("--app-probes", "ISTIO_KUBE_APP_PROBERS", "JSON", "the app's probes and hooks, by path",
           &Options::appProbes),
      choice<bool>("--probe-localhost", "REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION",
                   "true if the app is probed at 127.0.0.1 and not at the pod's address", &Options::probeLocalhost,
                   {{"true", true}, {"false", false}}),
      text("--app-metrics", "ISTIO_PROMETHEUS_ANNOTATIONS", "JSON", "where the app's metrics are",
           &Options::appMetrics),
      {"--metric-series", "FAIRWAY_METRIC_SERIES", "N",
       "label sets of each of Istio's metrics; what is over that is added up in one", setMetricSeries},
      names("--stats-prefixes", "FAIRWAY_STATS_PREFIXES",
            "beginnings of statistics that Envoy keeps besides the usual ones", &Options::statsPrefixes),
      names("--stats-suffixes", "FAIRWAY_STATS_SUFFIXES", "ends of such statistics", &Options::statsSuffixes),
      names("--stats-regexes", "FAIRWAY_STATS_REGEXES", "regular expressions for such statistics",
            &Options::statsRegexes),
      choice<Interception>("--interception", "FAIRWAY_INTERCEPTION",
                           "whether iptables sends the pod's traffic to the proxy", &Options::interception,
                           {{"redirect", Interception::redirect}, {"none", Interception::none}}),
      text("--outbound-address", "FAIRWAY_OUTBOUND_ADDRESS", "IP",
           "without interception: where outbound listeners bind", &Options::outboundAddress),
      text("--app-address", "FAIRWAY_APP_ADDRESS", "IP", "without interception: where the app listens",
           &Options::appAddress),
      text("--gateway-topology", "FAIRWAY_GATEWAY_TOPOLOGY", "TEXT",
           "of a gateway: numTrustedProxies=N,forwardClientCertDetails=MODE,proxyProtocol=true",
           &Options::gatewayTopology),
      choice<bool>("--unprivileged", "FAIRWAY_UNPRIVILEGED", "true if the proxy may not bind ports below 1024",
                   &Options::unprivileged, {{"true", true}, {"false", false}}),
      {"--concurrency", "FAIRWAY_CONCURRENCY", "N", "Envoy's worker threads; 0: one a core", setConcurrency},
      duration("--drain-time", "FAIRWAY_DRAIN_TIME", "how long requests under way may take at the end",
               &Options::drainTime),
      duration("--minimum-drain-time", "FAIRWAY_MINIMUM_DRAIN_TIME",
               "how long to serve on at the end even if nothing is under way", &Options::minimumDrainTime),
      choice<bool>("--exit-on-zero-connections", "EXIT_ON_ZERO_ACTIVE_CONNECTIONS",
                   "true if the end waits, without limit, for every connection", &Options::exitOnZeroConnections,
                   {{"true", true}, {"false", false}}),
      text("--envoy-log-level", "FAIRWAY_ENVOY_LOG_LEVEL", "LEVEL",
           "trace, debug, info, warning, error, critical or off", &Options::logLevel),
      text("--envoy-component-log-level", "FAIRWAY_ENVOY_COMPONENT_LOG_LEVEL", "COMPONENT:LEVEL,...",
           "levels of Envoy's components", &Options::componentLogLevel),
      text("--agent-log-level", "FAIRWAY_AGENT_LOG_LEVEL", "LEVEL", "trace, debug, info, warn, error or off",
           &Options::agentLogLevel),
      choice<std::string>("--log-format", "FAIRWAY_LOG_FORMAT", "of the agent's and Envoy's log", &Options::logFormat,
                          {{"text", "text"}, {"json", "json"}}),
  };
}

// A machine has no downward API: its proxy is named as the machine is.
Result<void> checkMachine(AgentOptions& options) {
  const auto& group = options.autoRegisterGroup;
  if (group.empty()) return {};
  static constexpr std::string_view kNameBytes = "abcdefghijklmnopqrstuvwxyz0123456789.-";
  if (group.size() > 253 || group.find_first_not_of(kNameBytes) != std::string::npos) {
    return failure("--auto-register-group: \"" + group + "\": expected the name of a WorkloadGroup");
  }
  if (options.proxyType != ProxyType::sidecar) return failure("--auto-register-group: only with --proxy-type sidecar");
  if (options.ips.empty()) {
    if (auto own = ownAddress(); !own.empty()) options.ips = {std::move(own)};
  }
  if (!options.podName.empty()) return {};
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) options.podName = toLower(std::string_view(host.data()));
  return {};
}

Result<void> checkAddress(const std::string& flag, const std::string& value) {
  const auto address = parseAddress(value);
  if (!address) return tl::unexpected(address.error().within(flag));
  if (address->isUnix()) return failure(flag + ": \"" + value + "\": expected host:port, not a unix socket");
  return {};
}

Result<void> checkIp(const std::string& flag, const std::string& value) {
  if (!isIp(value)) return failure(flag + ": \"" + value + "\": expected an IP address");
  return {};
}

// The pairs of a downward API file. One at its usual place may be missing: not every pod has it.
Result<std::map<std::string, std::string>> downwardFile(const std::string& flag, const std::string& path,
                                                        std::string_view usual) {
  if (path.empty() || (path == usual && !identity::fileExists(path))) return {};
  const auto contents = identity::readFile(path);
  if (!contents) return tl::unexpected(contents.error().within(flag));
  auto parsed = parseDownward(*contents);
  if (!parsed) return tl::unexpected(parsed.error().within(flag + ": " + path));
  return parsed;
}

Result<void> checkPodFiles(AgentOptions& options) {
  auto labels = downwardFile("--labels-file", options.labelsFile, kLabelsFile);
  if (!labels) return tl::unexpected(labels.error());
  options.labels.merge(*labels);  // --labels wins
  const auto annotations = downwardFile("--annotations-file", options.annotationsFile, kAnnotationsFile);
  if (!annotations) return tl::unexpected(annotations.error());
  options.annotations = meshAnnotations(*annotations);
  return {};
}

Result<void> checkAppSide(const AgentOptions& options) {
  if (const auto probes = parseAppProbes(options.appProbes); !probes) {
    return tl::unexpected(probes.error().within("--app-probes (ISTIO_KUBE_APP_PROBERS)"));
  }
  const auto agent = parseAddress(options.agentAddress.empty() ? ":0" : options.agentAddress);
  if (const auto metrics = parseAppMetrics(options.appMetrics, agent->port); !metrics) {
    return tl::unexpected(metrics.error().within("--app-metrics (ISTIO_PROMETHEUS_ANNOTATIONS)"));
  }
  return {};
}

// A wrong address is found out when Envoy starts, a prefix with a colon or a bar never: lines would be read otherwise.
Result<void> checkStatsd(const AgentOptions& options) {
  if (options.statsdAddress.empty()) return {};
  if (auto checked = checkStatsdAddress(options.statsdAddress); !checked) {
    return tl::unexpected(checked.error().within("--statsd-address"));
  }
  static constexpr std::string_view kNameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  if (options.statsdPrefix.empty() || options.statsdPrefix.find_first_not_of(kNameBytes) != std::string::npos) {
    return failure("--statsd-prefix: \"" + options.statsdPrefix + "\": expected letters, digits, dots, _ or -");
  }
  return {};
}

Result<void> checkLogs(const AgentOptions& options) {
  const auto isLevel = [](std::string_view level) {
    return std::find(kLogLevels.begin(), kLogLevels.end(), level) != kLogLevels.end();
  };
  if (!isLevel(options.logLevel)) {
    return failure("--envoy-log-level: \"" + options.logLevel +
                   "\": expected trace, debug, info, warning, error, critical or off");
  }
  if (options.componentLogLevel.empty()) return {};
  for (const auto& entry : split(options.componentLogLevel, ',')) {
    const auto colon = entry.find(':');
    const auto name = std::string_view(entry).substr(0, colon);
    const bool named = !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == name.npos;
    if (colon == std::string::npos || !named || !isLevel(std::string_view(entry).substr(colon + 1))) {
      return failure("--envoy-component-log-level: \"" + entry +
                     "\": expected COMPONENT:LEVEL, such as upstream:debug");
    }
  }
  return {};
}

}  // namespace

const std::vector<AgentFlag>& agentFlags() {
  static const std::vector<AgentFlag> flags = makeFlags();
  return flags;
}

Result<void> applyEnvironment(AgentOptions& options,
                              const std::function<std::optional<std::string>(const std::string&)>& lookup) {
  for (const auto& flag : agentFlags()) {
    const auto value = lookup(flag.environment);
    if (!value || value->empty()) continue;
    if (auto set = flag.set(options, *value); !set)
      return tl::unexpected(set.error().within("environment " + flag.environment));
  }
  // Clusters without dual stack know the one address only.
  if (const auto ip = lookup("INSTANCE_IP"); options.ips.empty() && ip && !ip->empty()) return setIps(options, *ip);
  return {};
}

std::string serverNameOf(const AgentOptions& options) {
  if (!options.discoveryServerName.empty()) return options.discoveryServerName;
  const auto address = parseAddress(options.discoveryAddress);
  if (address && !address->host.empty() && !isIp(address->host)) return address->host;
  return std::string(kDefaultServerName);
}

Result<void> complete(AgentOptions& options) {
  if (auto checked = checkMachine(options); !checked) return checked;
  if (options.podName.empty()) return failure("--pod-name: missing");
  if (options.podName.find_first_of("~/") != std::string::npos) {
    return failure("--pod-name: \"" + options.podName + "\": expected the name of a pod");
  }
  if (auto checked = identity::SpiffeId::make(options.trustDomain, {options.podNamespace, options.serviceAccount});
      !checked) {
    return tl::unexpected(checked.error().within("--trust-domain, --namespace, --service-account"));
  }
  if (options.ips.empty()) return failure("--ips: missing: expected at least one IP address of the pod");
  for (const auto& ip : options.ips) {
    if (auto checked = checkIp("--ips", ip); !checked) return checked;
  }
  if (auto checked = checkPodFiles(options); !checked) return checked;
  const auto discovery = parseAddress(options.discoveryAddress);
  if (!discovery || discovery->isUnix() || discovery->host.empty() || discovery->port == 0) {
    return failure("--discovery-address: \"" + options.discoveryAddress + "\": expected host:port");
  }
  if (options.workDir.empty() || options.workDir.front() != '/' || options.workDir.size() > kMaxWorkDirLength) {
    return failure("--work-dir: \"" + options.workDir + "\": expected an absolute path of at most " +
                   std::to_string(kMaxWorkDirLength) + " bytes (a unix socket's path is limited)");
  }
  if (auto checked = checkAddress("--envoy-admin-address", options.envoyAdminAddress); !checked) return checked;
  const auto admin = parseAddress(options.envoyAdminAddress);
  if (!isIp(admin->host) || !admin->isLoopback()) {
    return failure("--envoy-admin-address: \"" + options.envoyAdminAddress +
                   "\": expected a loopback IP address: whoever reaches Envoy's admin port controls the proxy");
  }
  if (!options.xdsRelayAddress.empty()) {
    if (auto checked = checkAddress("--xds-relay-address", options.xdsRelayAddress); !checked) return checked;
    const auto relay = parseAddress(options.xdsRelayAddress);
    if (!isIp(relay->host) || !relay->isLoopback() || relay->port == 0) {
      return failure("--xds-relay-address: \"" + options.xdsRelayAddress +
                     "\": expected a loopback IP address and a port: whoever reaches it has this proxy's identity");
    }
  }
  for (const auto& [flag, value] :
       {std::pair{"--status-address", options.statusAddress}, {"--agent-address", options.agentAddress}}) {
    if (value.empty()) continue;
    if (auto checked = checkAddress(flag, value); !checked) return checked;
  }
  if (!options.prometheusAddress.empty()) {
    if (auto checked = checkAddress("--prometheus-address", options.prometheusAddress); !checked) return checked;
    if (admin->port == 0) return failure("--prometheus-address: needs a fixed port in --envoy-admin-address");
  }
  for (const auto& [flag, value] :
       {std::pair{"--outbound-address", options.outboundAddress}, {"--app-address", options.appAddress}}) {
    if (value.empty()) continue;
    if (options.interception != Interception::none)
      return failure(std::string(flag) + ": only with --interception none");
    if (auto checked = checkIp(flag, value); !checked) return checked;
  }
  if (auto checked = checkLogs(options); !checked) return checked;
  if (auto checked = checkAppSide(options); !checked) return checked;
  if (auto checked = checkStatsd(options); !checked) return checked;
  if (auto checked = checkStats(options); !checked) return checked;
  if (options.drainTime > std::chrono::hours(1)) return failure("--drain-time: expected at most 1h");
  return {};
}

}  // namespace fairway::agent
