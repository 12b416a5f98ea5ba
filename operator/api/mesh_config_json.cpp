#include "api/mesh_config_json.h"

#include "api/connection_pool_json.h"
#include "api/extension_provider_json.h"
#include "api/gateway_api_parts_json.h"
#include "api/gateway_topology_json.h"
#include "api/http_route_json.h"
#include "api/locality_json.h"
#include "api/telemetry_json.h"
#include "api/validate.h"
#include "api/yaml.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

using OutboundMode = MeshConfigSpec::OutboundMode;
using IngressMode = MeshConfigSpec::IngressMode;

constexpr EnumName<OutboundMode> kOutboundModes[] = {
    {"REGISTRY_ONLY", 0, OutboundMode::registry_only},
    {"ALLOW_ANY", 1, OutboundMode::allow_any},
};
constexpr EnumName<IngressMode> kIngressModes[] = {
    {"UNSPECIFIED", 0, IngressMode::strict},
    {"OFF", 1, IngressMode::off},
    {"DEFAULT", 2, IngressMode::by_default},
    {"STRICT", 3, IngressMode::strict},
};

constexpr EnumName<MeshConfigSpec::PathNormalization> kPathModes[] = {
    {"DEFAULT", 0, MeshConfigSpec::PathNormalization::base},
    {"NONE", 1, MeshConfigSpec::PathNormalization::none},
    {"BASE", 2, MeshConfigSpec::PathNormalization::base},
    {"MERGE_SLASHES", 3, MeshConfigSpec::PathNormalization::merge_slashes},
    {"DECODE_AND_MERGE_SLASHES", 4, MeshConfigSpec::PathNormalization::decode_and_merge_slashes},
};
constexpr EnumName<MeshConfigSpec::AuthPolicy> kAuthPolicies[] = {
    {"NONE", 0, MeshConfigSpec::AuthPolicy::none},
    {"MUTUAL_TLS", 1, MeshConfigSpec::AuthPolicy::mutual_tls},
};
constexpr EnumName<bool> kUpgrades[] = {{"DO_NOT_UPGRADE", 0, false}, {"UPGRADE", 1, true}};
constexpr EnumName<bool> kEncodings[] = {{"TEXT", 0, false}, {"JSON", 1, true}};
constexpr EnumName<std::string_view> kTlsVersions[] = {
    {"TLS_AUTO", 0, ""},
    {"TLSV1_2", 1, "TLSV1_2"},
    {"TLSV1_3", 2, "TLSV1_3"},
};

// Istio's other settings. Who brings an Istio's mesh configuration along must see which of them do nothing here.
constexpr std::string_view kWithoutEffect[] = {
    "ca",
    "certificates",
    "configSources",
    "disableEnvoyListenerLog",
    "hboneIdleTimeout",
    "inboundClusterStatName",
    "inboundTrafficPolicy",
    "outboundClusterStatName",
    "proxyHttpPort",
    "proxyInboundListenPort",
    "proxyListenPort",
    "serviceScopeConfigs",
    "serviceSettings",
    "thriftConfig",
    "verifyCertificateAtClient",
};

void readOptional(Fields& fields, std::string_view name, std::optional<std::string>& out) {
  if (const auto value = fields.get(name)) out = value->text();
}

// "/dev/stdout" or another absolute path in the proxy; empty: no log.
void checkLogFile(Fields& fields, const std::optional<std::string>& path) {
  if (!path || path->empty() || path->starts_with('/')) return;
  fields.get("accessLogFile")->expected("an absolute path such as \"/dev/stdout\", or \"\" for no log");
}

void checkOwn(Fields& fields, std::string_view name, std::string_view why) {
  const auto value = fields.get(name);
  if (value && value->json() != true) value->warn("it has no effect: " + std::string(why));
}

// The part of a SPIFFE ID before the first slash (SPIFFE-ID specification, 2.1).
bool isTrustDomain(const std::string& name) {
  return !name.empty() && name.size() <= 255 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_") == std::string::npos;
}

std::vector<std::string> readTrustDomains(const Value& list) {
  auto domains = list.texts();
  for (const auto& domain : domains) {
    if (!isTrustDomain(domain)) {
      list.error("found \"" + domain +
                 "\", expected trust domains: 1 to 255 lower-case letters, digits, dots, dashes or underscores");
    }
  }
  return domains;
}

void readTrust(Fields& fields, MeshConfigSpec& out) {
  if (const auto aliases = fields.get("trustDomainAliases")) out.trustDomainAliases = readTrustDomains(*aliases);
  const auto certificates = fields.get("caCertificates");
  if (!certificates) return;
  certificates->eachItem([&](const Value& item, std::size_t) {
    Fields parts(item);
    MeshConfigSpec::CaCertificates one;
    if (const auto pem = parts.get("pem")) {
      one.pem = pem->text().value_or("");
      if (one.pem.find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
        pem->error("expected CA certificates in PEM form");
      }
    } else if (const auto url = parts.get("spiffeBundleUrl")) {
      url->error("bundles are not fetched: put the roots into pem");
    } else {
      parts.missing("pem", "CA certificates in PEM form");
    }
    if (const auto domains = parts.get("trustDomains")) one.trustDomains = readTrustDomains(*domains);
    parts.ignore("certSigners", "certificates are signed by the mesh's own CA");
    out.caCertificates.push_back(std::move(one));
  });
}

MeshConfigSpec::Tls readTls(const Value& value, bool curves) {
  Fields fields(value);
  MeshConfigSpec::Tls out;
  if (const auto version = fields.get("minProtocolVersion")) {
    out.minProtocolVersion = version->oneOf<std::string_view>(kTlsVersions).value_or("");
  }
  fields.read("cipherSuites", out.cipherSuites);
  if (curves) {
    fields.read("ecdhCurves", out.ecdhCurves);
  } else {
    fields.ignore("ecdhCurves", "traffic between workloads uses Envoy's curves, as with Istio");
  }
  return out;
}

std::vector<std::string> readExportTo(Fields& fields, std::string_view name) {
  const auto value = fields.get(name);
  if (!value) return {};
  auto targets = value->texts();
  for (const auto& target : targets) {
    if (target != "." && target != "*" && target != "~" && !isLabelValue(target)) {
      value->error("found " + quote(target) + ", expected namespaces, or . or * or ~");
    }
  }
  return targets;
}

void readConnections(Fields& fields, MeshConfigSpec::Connections& out) {
  if (const auto timeout = fields.get("connectTimeout")) out.connectTimeout = timeout->positiveDuration();
  if (const auto rate = fields.get("dnsRefreshRate")) out.dnsRefreshRate = rate->positiveDuration();
  fields.read("protocolDetectionTimeout", out.protocolDetectionTimeout);
  if (const auto keepalive = fields.get("tcpKeepalive")) readKeepalive(*keepalive, out.tcpKeepalive.emplace());
  if (const auto upgrade = fields.get("h2UpgradePolicy")) out.upgradeToHttp2 = upgrade->oneOf<bool>(kUpgrades);
  if (const auto retries = fields.get("defaultHttpRetryPolicy")) readRetries(*retries, out.retries.emplace());
}

void readAccessLog(Fields& fields, MeshConfigSpec::AccessLog& out) {
  fields.read("accessLogFormat", out.format);
  if (const auto encoding = fields.get("accessLogEncoding")) out.json = encoding->oneOf<bool>(kEncodings);
  if (out.json != true || out.format.empty()) return;
  const auto parsed = nlohmann::json::parse(out.format, nullptr, false);
  if (!parsed.is_object())
    fields.get("accessLogFormat")->expected("a JSON object as text, as accessLogEncoding is JSON");
}

using Tracing = MeshConfigSpec::Telemetry::Tracing;

void readTracing(const Value& value, Tracing& out) {
  Fields fields(value);
  if (const auto sampling = fields.get("sampling")) out.sampling = sampling->number(0, 100);
  if (const auto zipkin = fields.get("zipkin")) {
    Fields parts(*zipkin);
    const auto address = parts.get("address");
    if (address) {
      parts.read("address", out.zipkinAddress);
      const auto colon = out.zipkinAddress.rfind(':');
      const auto port = colon == std::string::npos ? std::nullopt : toNumber(out.zipkinAddress.substr(colon + 1));
      if (!port || *port < 1 || *port > 65535 || !isHost(out.zipkinAddress.substr(0, colon)))
        address->expected("a service of the mesh and its port, such as zipkin.istio-system:9411");
    }
  }
  if (const auto tags = fields.get("customTags")) out.customTags = readCustomTags(*tags);
  fields.read("maxPathTagLength", out.maxPathTagLength, 1, 65536);
  fields.read("enableIstioTags", out.istioTags);
  for (const auto* name : {"lightstep", "datadog", "stackdriver", "openCensusAgent"})
    fields.ignore(name, "tracers of this kind are not supported: use zipkin, or opentelemetry in extensionProviders");
  fields.ignore("tlsSettings", "a DestinationRule says how the tracer's service is reached");
}

void readTelemetry(Fields& fields, MeshConfigSpec::Telemetry& out) {
  if (const auto providers = fields.get("defaultProviders")) {
    Fields parts(*providers);
    const auto names = [&](std::string_view name, std::optional<std::vector<std::string>>& to) {
      if (const auto list = parts.get(name)) to = list->texts();
    };
    names("metrics", out.defaults.metrics);
    names("accessLogging", out.defaults.accessLogging);
    names("tracing", out.defaults.tracing);
  }
  fields.read("enableTracing", out.enableTracing);
  fields.ignore(
      "enableEnvoyAccessLogService",
      "there is no such service in the bootstrap: add an extensionProvider of kind envoyHttpAls, and a Telemetry "
      "or defaultProviders.accessLogging that names it");
}

void readStatsd(const Value& value, std::string& out) {
  const auto text = value.text();
  if (!text) return;
  auto address = statsdAddress(*text);
  if (address) {
    out = std::move(*address);
  } else {
    value.error(address.error().message);
  }
}

// What of defaultConfig is the control plane's: the rest is the injection's.
void readProxyDefaults(const Value& defaults, MeshConfigSpec& out) {
  if (!defaults.json().is_object()) return defaults.expected("a mapping");
  for (const auto& [name, json] : defaults.json().items()) {
    const Value value(json, defaults, name);
    if (json.is_null()) continue;
    if (name == "tracing") {
      readTracing(value, out.telemetry.tracing);
    } else if (name == "statsdUdpAddress") {
      readStatsd(value, out.proxyDefaults.statsdUdpAddress);
    } else if (name == "gatewayTopology") {
      out.proxyDefaults.gatewayTopology = readGatewayTopology(value);
    } else {
      value.warn("it has no effect here: settings of proxies come from the injection's configuration");
    }
  }
}

MeshConfigSpec readMesh(const Value& value) {
  MeshConfigSpec out;
  Fields fields(value);
  if (const auto policy = fields.get("outboundTrafficPolicy")) {
    Fields parts(*policy);
    if (const auto mode = parts.get("mode")) out.outboundMode = mode->oneOf<OutboundMode>(kOutboundModes);
    parts.ignore("egressProxy", "requests to unknown hosts go where the client sent them; use a ServiceEntry");
  }
  out.exportTo = {.services = readExportTo(fields, "defaultServiceExportTo"),
                  .virtualServices = readExportTo(fields, "defaultVirtualServiceExportTo"),
                  .destinationRules = readExportTo(fields, "defaultDestinationRuleExportTo")};
  readConnections(fields, out.connections);
  readAccessLog(fields, out.accessLog);
  readOptional(fields, "accessLogFile", out.accessLogFile);
  checkLogFile(fields, out.accessLogFile);
  readOptional(fields, "ingressClass", out.ingressClass);
  readOptional(fields, "ingressSelector", out.ingressSelector);
  if (out.ingressSelector && !isLabelValue(*out.ingressSelector)) {
    fields.get("ingressSelector")->expected("the value of the label `istio` of the ingress gateway's pods");
  }
  readOptional(fields, "ingressService", out.ingressService);
  if (const auto mode = fields.get("ingressControllerMode")) out.ingressMode = mode->oneOf<IngressMode>(kIngressModes);
  readOptional(fields, "trustDomain", out.trustDomain);
  readOptional(fields, "rootNamespace", out.rootNamespace);
  if (const auto paths = fields.get("pathNormalization")) {
    Fields parts(*paths);
    if (const auto mode = parts.get("normalization")) {
      out.pathNormalization = mode->oneOf<MeshConfigSpec::PathNormalization>(kPathModes);
    }
  }
  if (const auto providers = fields.get("extensionProviders"))
    readExtensionProviders(*providers, out.extensionProviders);
  readTelemetry(fields, out.telemetry);
  if (const auto defaults = fields.get("defaultConfig")) readProxyDefaults(*defaults, out);
  fields.read("enableAutoMtls", out.enableAutoMtls);
  if (const auto policy = fields.get("authPolicy")) {
    out.authPolicy = policy->oneOf<MeshConfigSpec::AuthPolicy>(kAuthPolicies);
  }
  if (const auto selectors = fields.get("discoverySelectors")) {
    selectors->eachItem([&](const Value& item, std::size_t) {
      gateway_api::readSelector(item, out.discoverySelectors.emplace_back());
    });
  }
  readTrust(fields, out);
  if (const auto locality = fields.get("localityLbSetting")) readLocalitySettings(*locality, out.locality.emplace());
  if (const auto tls = fields.get("meshMTLS")) out.meshMtls = readTls(*tls, false);
  if (const auto tls = fields.get("tlsDefaults")) out.tlsDefaults = readTls(*tls, true);
  checkOwn(fields, "enablePrometheusMerge", "the agent always merges the metrics of proxy and app");
  for (const auto name : kWithoutEffect) fields.ignore(name, "this setting of the mesh is not supported");
  return out;
}

}  // namespace

void readSpec(const Value& object, const ObjectMeta&, ConfigMapSpec& out) {
  const auto data = object.json().find("data");
  if (data == object.json().end() || !data->is_object()) return;
  if (const auto roots = data->find("ca.crt"); roots != data->end() && roots->is_string()) {
    out.caCertificates = roots->get<std::string>();
  }
  const auto text = data->find("mesh");
  if (text == data->end()) return;
  const Value dataValue(*data, object, "data");
  const Value textValue(*text, dataValue, "mesh");
  if (!text->is_string()) return textValue.expected("text in YAML");
  auto documents = parseYaml(text->get_ref<const std::string&>());
  if (!documents) return textValue.error("no YAML: " + documents.error().message);
  if (documents->size() > 1) return textValue.error("there are several YAML documents, expected one");
  const auto mesh = documents->empty() ? nlohmann::json::object() : documents->front().value;
  // Unlike the ConfigMap around it, this is a kind of our own.
  auto& report = object.report();
  const auto errors = report.errors;
  report.strict = true;
  auto settings = readMesh(Value(mesh, dataValue, "mesh"));
  report.strict = false;
  if (report.errors == errors) out.mesh = std::move(settings);
}

}  // namespace fairway::api
