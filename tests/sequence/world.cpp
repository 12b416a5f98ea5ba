#include "sequence/world.h"

#include <algorithm>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "support/test_certificates.h"

namespace fairway::test {

namespace {

using nlohmann::json;

json meta(const std::string& ns, const std::string& name, json labels = json::object()) {
  json result{{"name", name},
              {"labels", std::move(labels)},
              {"creationTimestamp", "2024-01-0" + std::to_string(1 + name.size() % 9) + "T00:00:00Z"}};
  if (!ns.empty()) result["namespace"] = ns;
  return result;
}

json object(const std::string& api, const std::string& kind, json metadata, json spec) {
  return {{"apiVersion", api}, {"kind", kind}, {"metadata", std::move(metadata)}, {"spec", std::move(spec)}};
}

const std::vector<std::string> kApps = {"msb", "vio", "db"};

json service(const std::string& ns, const std::string& app, int variant) {
  const int port = app == "db" ? 5432 : 8000 + static_cast<int>(app.size());
  json ports =
      json::array({{{"name", app == "db" ? "tcp-db" : "http-" + app}, {"port", port}, {"targetPort", port + 1}}});
  if (variant == 2) ports.push_back({{"name", "grpc-extra"}, {"port", 9000}, {"targetPort", 9001}});
  if (variant == 3) ports[0]["name"] = "plain";  // no protocol: TCP
  json spec{
      {"selector", {{"app", app}}},
      {"ports", ports},
      {"clusterIP", variant == 4 ? "None" : "10.96." + std::to_string(ns.size()) + "." + std::to_string(app.size())}};
  return object("v1", "Service", meta(ns, app), spec);
}

json pod(const std::string& ns, const std::string& app, int number, int variant) {
  json labels{{"app", app}, {"version", variant == 2 ? "v2" : "v1"}};
  if (variant != 3) labels["security.istio.io/tlsMode"] = "istio";
  auto result =
      object("v1", "Pod", meta(ns, app + "-" + std::to_string(number), labels),
             {{"serviceAccountName", variant == 4 ? "other" : app}, {"nodeName", "node-" + std::to_string(number)}});
  result["status"] = {{"podIP", "10.1." + std::to_string(ns.size()) + "." + std::to_string(10 * app.size() + number)},
                      {"conditions", {{{"type", "Ready"}, {"status", variant == 2 ? "False" : "True"}}}}};
  return result;
}

json slice(const std::string& ns, const std::string& app, int variant) {
  const int port = (app == "db" ? 5432 : 8000 + static_cast<int>(app.size())) + 1;
  json endpoints = json::array();
  for (int number = 0; number < 3; ++number) {
    if (variant == 2 && number == 1) continue;
    json conditions{{"ready", !(variant == 3 && number == 0)}};
    if (variant == 3 && number == 0) conditions.update({{"serving", true}, {"terminating", true}});
    endpoints.push_back(
        {{"addresses", {"10.1." + std::to_string(ns.size()) + "." + std::to_string(10 * app.size() + number)}},
         {"conditions", conditions},
         {"targetRef", {{"kind", "Pod"}, {"namespace", ns}, {"name", app + "-" + std::to_string(number)}}}});
  }
  if (variant == 4) endpoints = json::array();
  return {{"apiVersion", "discovery.k8s.io/v1"},
          {"kind", "EndpointSlice"},
          {"metadata", meta(ns, app + "-slice", {{"kubernetes.io/service-name", app}})},
          {"addressType", "IPv4"},
          {"ports", {{{"name", app == "db" ? "tcp-db" : "http-" + app}, {"port", port}}}},
          {"endpoints", endpoints}};
}

json virtualService(const std::string& ns, int variant) {
  json http = json::array();
  http.push_back({{"match", {{{"uri", {{"prefix", "/v2"}}}}}},
                  {"route", {{{"destination", {{"host", "vio"}, {"subset", "v2"}}}}}}});
  http.push_back({{"route", {{{"destination", {{"host", variant == 2 ? "nowhere" : "vio"}}}}}},
                  {"timeout", variant == 3 ? "3s" : "5s"}});
  if (variant == 4) http[0]["match"][0]["uri"] = {{"regex", "("}};  // no regular expression
  json spec{{"hosts", {"vio"}}, {"http", http}};
  if (variant == 5) spec["gateways"] = {"istio-system/edge", "mesh"};
  if (variant == 5) spec["hosts"] = {"vio", "vio.example.com"};
  if (variant == 6) spec["http"].insert(spec["http"].begin(), {{"delegate", {{"name", "part"}}}, {"timeout", "7s"}});
  if (variant == 7) {
    spec["http"][0]["match"][0]["sourceLabels"] = {{"app", "msb"}};
    spec["tcp"] = {
        {{"match", {{{"destinationSubnets", {"10.96.0.0/16"}}}}}, {"route", {{{"destination", {{"host", "db"}}}}}}}};
  }
  return object("networking.istio.io/v1", "VirtualService", meta(ns, "vio-routes"), spec);
}

json destinationRule(const std::string& ns, int variant) {
  json spec{{"host", variant == 3 ? "*." + ns + ".svc.cluster.local" : "vio"},
            {"subsets",
             {{{"name", "v1"}, {"labels", {{"version", "v1"}}}}, {{"name", "v2"}, {"labels", {{"version", "v2"}}}}}}};
  if (variant == 2) spec["trafficPolicy"] = {{"tls", {{"mode", "ISTIO_MUTUAL"}}}};
  if (variant == 4) spec["trafficPolicy"] = {{"tls", {{"mode", "NONSENSE"}}}};
  if (variant == 5) spec["trafficPolicy"] = {{"outlierDetection", {{"consecutive5xxErrors", 3}}}};
  if (variant == 6) {
    spec["trafficPolicy"] = {
        {"loadBalancer",
         {{"localityLbSetting", {{"distribute", {{{"from", "r/z1"}, {"to", {{"r/z1", 90}, {"r/z0", 10}}}}}}}}}},
        {"proxyProtocol", {{"version", "V2"}}},
        {"retryBudget", json::object()}};
  }
  if (variant == 7) {
    spec["workloadSelector"] = {{"matchLabels", {{"app", "msb"}}}};
    spec["trafficPolicy"] = {
        {"outlierDetection", json::object()},
        {"loadBalancer", {{"localityLbSetting", {{"failoverPriority", {"version", "kubernetes.io/hostname"}}}}}}};
  }
  if (variant == 8) spec["exportTo"] = {"."};
  if (variant == 9) spec["host"] = ns == "onap" ? "vio.blue.svc.cluster.local" : "vio.onap.svc.cluster.local";
  return object("networking.istio.io/v1", "DestinationRule", meta(ns, "vio-rule"), spec);
}

// Without hosts: a part of the other one.
json delegate(const std::string& ns, int variant) {
  json http = {{{"match", {{{"uri", {{"prefix", "/part"}}}}}}, {"route", {{{"destination", {{"host", "msb"}}}}}}}};
  if (variant == 2) http[0]["match"][0]["sourceLabels"] = {{"version", "v2"}};
  if (variant == 3) http[0]["match"][0]["uri"] = {{"regex", "("}};
  json spec{{"http", http}};
  if (variant == 4) spec["exportTo"] = {"elsewhere"};
  if (variant == 5) spec["hosts"] = {"msb"};
  return object("networking.istio.io/v1", "VirtualService", meta(ns, "part"), spec);
}

json sidecar(const std::string& ns, int variant) {
  const auto listener = [](json hosts) { return json{{"hosts", std::move(hosts)}}; };
  json spec{{"egress", {listener({"./*"})}}};
  if (variant == 2) {
    spec["workloadSelector"] = {{"labels", {{"app", "msb"}}}};
    spec["egress"] = {listener({"*/*", "~onap/db.onap.svc.cluster.local"})};
    spec["outboundTrafficPolicy"] = {{"mode", "REGISTRY_ONLY"}};
  }
  if (variant == 3) {
    spec["egress"].push_back(listener({"blue/*"}));
    spec["egress"][1]["port"] = {{"number", 8003}, {"protocol", "HTTP"}, {"name", "http"}};
    spec["egress"].push_back(listener({"*/*"}));
    spec["egress"][2]["port"] = {{"number", 7070}, {"protocol", "HTTP_PROXY"}, {"name", "proxy"}};
    spec["egress"][2]["bind"] = "127.0.0.1";
  }
  if (variant == 4) {
    spec.erase("egress");
    spec["ingress"] = {{{"port", {{"number", 8005}, {"protocol", "HTTP"}, {"name", "in"}}},
                        {"defaultEndpoint", "127.0.0.1:9999"},
                        {"connectionPool", {{"tcp", {{"maxConnections", 5}}}}}}};
    spec["outboundTrafficPolicy"] = {{"mode", "ALLOW_ANY"},
                                     {"egressProxy", {{"host", "msb"}, {"port", {{"number", 8003}}}}}};
  }
  if (variant == 5) spec["egress"][0]["hosts"] = {"no namespace"};
  return object("networking.istio.io/v1", "Sidecar", meta(ns, "reach"), spec);
}

json workloadEntry(const std::string& ns, int variant) {
  json spec{{"address", "10.9." + std::to_string(ns.size()) + ".1"},
            {"labels", {{"app", variant == 2 ? "db" : "vio"}}}};
  if (variant == 3) spec["address"] = "vm.example.com";
  if (variant == 4) spec.update({{"serviceAccount", "vm"}, {"locality", "r/z2"}, {"ports", {{"http-vio", 7000}}}});
  if (variant == 5) spec["weight"] = -1;
  return object("networking.istio.io/v1", "WorkloadEntry", meta(ns, "vm"), spec);
}

json workloadGroup(const std::string& ns, int variant) {
  return object("networking.istio.io/v1", "WorkloadGroup", meta(ns, "vms"),
                {{"template", variant == 2 ? json("none") : json{{"serviceAccount", "vm"}}}});
}

json node(int number, int variant) {
  json labels{{"topology.kubernetes.io/region", variant == 2 ? "r2" : "r"},
              {"topology.kubernetes.io/zone", "z" + std::to_string(number)}};
  return object("v1", "Node", meta("", "node-" + std::to_string(number), labels), json::object());
}

json policy(const std::string& ns, int variant) {
  json spec{{"peers", {{{"mtls", {{"mode", variant == 2 ? "PERMISSIVE" : "STRICT"}}}}}}};
  if (variant == 3) spec = json::object();
  if (variant == 4) spec["peers"][0]["mtls"]["mode"] = "SOMETIMES";
  return object("authentication.istio.io/v1alpha1", "Policy", meta(ns, "default"), spec);
}

json rbacConfig(int variant) {
  json spec{{"mode", variant == 2 ? "ON" : "ON_WITH_INCLUSION"}, {"inclusion", {{"namespaces", {"onap"}}}}};
  if (variant == 3) spec["mode"] = "OFF";
  return object("rbac.istio.io/v1alpha1", "ClusterRbacConfig", meta("", "default"), spec);
}

json role(const std::string& ns, int variant) {
  json rule{{"services", {variant == 2 ? "vio." + ns + ".svc.cluster.local" : "*"}}, {"methods", {"GET"}}};
  if (variant == 3) rule["paths"] = {"/api/*"};
  if (variant == 4) rule["constraints"] = {{{"key", "no.such.key"}, {"values", {"x"}}}};
  return object("rbac.istio.io/v1alpha1", "ServiceRole", meta(ns, "reader"), {{"rules", {rule}}});
}

json binding(const std::string& ns, int variant) {
  json subject{{"user", variant == 2 ? "*" : "cluster.local/ns/" + ns + "/sa/msb"}};
  json spec{{"subjects", {subject}},
            {"roleRef", {{"kind", "ServiceRole"}, {"name", variant == 3 ? "missing" : "reader"}}}};
  if (variant == 4) spec["mode"] = "PERMISSIVE";
  return object("rbac.istio.io/v1alpha1", "ServiceRoleBinding", meta(ns, "bind-reader"), spec);
}

json authorization(const std::string& ns, int variant) {
  json rule{{"from", {{{"source", {{"namespaces", {"onap"}}}}}}}, {"to", {{{"operation", {{"methods", {"GET"}}}}}}}};
  json spec{{"action", variant == 2 ? "DENY" : "ALLOW"}, {"rules", {rule}}};
  if (variant == 3) spec["selector"] = {{"matchLabels", {{"app", "vio"}}}};
  if (variant == 4) spec["rules"][0]["from"][0]["source"]["ipBlocks"] = {"not-an-address"};
  return object("security.istio.io/v1", "AuthorizationPolicy", meta(ns, "guard"), spec);
}

json peerAuthentication(const std::string& ns, int variant) {
  json spec{{"mtls", {{"mode", variant == 2 ? "STRICT" : "PERMISSIVE"}}}};
  if (variant == 3)
    spec = {{"selector", {{"matchLabels", {{"app", "vio"}}}}},
            {"mtls", {{"mode", "STRICT"}}},
            {"portLevelMtls", {{"8004", {{"mode", "DISABLE"}}}}}};
  return object("security.istio.io/v1", "PeerAuthentication", meta(ns, "modes"), spec);
}

json requestAuthentication(const std::string& ns, int variant) {
  json rule{{"issuer", "https://issuer"}, {"jwks", R"({"keys":[{"kty":"oct","k":"c2VjcmV0"}]})"}};
  if (variant == 2) rule = {{"issuer", "https://issuer"}};      // its keys are elsewhere
  if (variant == 3) rule["fromHeaders"] = {{{"prefix", "x"}}};  // an error
  json spec{{"jwtRules", {rule}}};
  if (variant == 4) spec["targetRefs"] = {{{"kind", "Service"}, {"name", "vio"}}};
  return object("security.istio.io/v1", "RequestAuthentication", meta(ns, "tokens"), spec);
}

json gateway(int variant) {
  json server{{"port", {{"number", 80}, {"name", "http"}, {"protocol", "HTTP"}}},
              {"hosts", {variant == 2 ? "vio.example.com" : "*"}}};
  if (variant == 3) server["port"]["protocol"] = "GOPHER";
  json spec{{"selector", {{"istio", "ingressgateway"}}}, {"servers", {server}}};
  if (variant == 4) {
    spec["servers"].push_back({{"port", {{"number", 443}, {"name", "https"}, {"protocol", "HTTPS"}}},
                               {"hosts", {"*"}},
                               {"tls", {{"mode", "SIMPLE"}, {"credentialName", "edge-cert"}}}});
  }
  return object("networking.istio.io/v1", "Gateway", meta("istio-system", "edge"), spec);
}

json edgeSecret(int variant) {
  const bool second = variant == 2 || variant == 4;
  json data{{"tls.crt", variant == 3 ? "no certificate"
                        : second     ? kOtherCertificate
                                     : kCertificate},
            {"tls.key", variant == 4 ? kKey
                        : second     ? kOtherKey
                                     : kKey}};  // 4: they do not belong together
  return {{"apiVersion", "v1"},
          {"kind", "Secret"},
          {"metadata", meta("istio-system", "edge-cert")},
          {"type", "Opaque"},
          {"stringData", data}};
}

json meshConfig(int variant) {
  const std::map<int, std::string> texts = {
      {1, "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"},
      {2, "accessLogFile: ''\ningressControllerMode: DEFAULT"},
      {3, "outboundTrafficPolicy: {mode: NEVER}"},  // an error
      {4, "ingressControllerMode: 'OFF'\ntrustDomain: elsewhere"},
      {5,
       "extensionProviders:\n"
       "- {name: collector, envoyOtelAls: {service: vio.onap.svc.cluster.local, port: 9000}}\n"
       "- {name: spans, zipkin: {service: msb.blue.svc.cluster.local, port: 8003}}\n"},
      {6, "enableTracing: true\ndefaultConfig: {tracing: {zipkin: {address: 'db.blue:5432'}}}"},
      {7, "discoverySelectors: [{matchLabels: {kubernetes.io/metadata.name: onap}}]"},
      {8, "defaultConfig: {gatewayTopology: {numTrustedProxies: 1, proxyProtocol: {}}}"},
  };
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", meta("istio-system", "istio")},
          {"data", {{"mesh", texts.at(variant)}}}};
}

json serviceEntry(const std::string& ns, int variant) {
  json spec{{"hosts", {"api.example.com", "*.example.org"}},
            {"ports",
             {{{"number", 80}, {"name", "http"}, {"protocol", "HTTP"}},
              {{"number", 443}, {"name", "tls"}, {"protocol", "TLS"}},
              {{"number", 9000}, {"name", "tcp"}, {"protocol", "TCP"}}}},
            {"resolution", "NONE"}};
  if (variant == 2) {
    spec["hosts"] = {"api.example.com"};
    spec["resolution"] = "DNS";
    spec["exportTo"] = {"."};
  }
  if (variant == 3) spec["resolution"] = "SOMEHOW";
  if (variant == 4) {
    spec["resolution"] = "STATIC";
    spec["location"] = "MESH_INTERNAL";
    spec["workloadSelector"] = {{"labels", {{"app", "vio"}}}};
    spec["addresses"] = {"192.0.2.7", "198.51.100.0/24"};
  }
  if (variant == 5) spec["hosts"] = {"vio." + ns + ".svc.cluster.local"};
  if (variant == 6) {
    spec["hosts"] = {"*.example.org"};
    spec["ports"].erase(2);
    spec["resolution"] = "DYNAMIC_DNS";
  }
  return object("networking.istio.io/v1", "ServiceEntry", meta(ns, "outside"), spec);
}

json ingress(const std::string& ns, int variant) {
  const auto backend = [](const std::string& service, int port) {
    return json{{"service", {{"name", service}, {"port", {{"number", port}}}}}};
  };
  json path{{"path", "/" + ns}, {"pathType", "Prefix"}, {"backend", backend("vio", variant == 2 ? 1 : 8003)}};
  json spec{{"rules", {{{"http", {{"paths", {path}}}}}}}};
  if (variant == 3) spec["tls"] = {{{"hosts", {"vio.example.com"}}, {"secretName", "edge-cert"}}};
  if (variant == 4) spec["ingressClassName"] = "istio";
  if (variant == 5) spec["defaultBackend"] = backend("msb", 8003);
  auto result = object("networking.k8s.io/v1", "Ingress", meta(ns, "entry"), spec);
  if (variant < 4) result["metadata"]["annotations"] = {{"kubernetes.io/ingress.class", "istio"}};
  return result;
}

json ingressClass(int variant) {
  return object("networking.k8s.io/v1", "IngressClass", meta("", "istio"),
                {{"controller", variant == 2 ? "example.com/other" : "istio.io/ingress-controller"}});
}

json gatewayPod(int variant) {
  auto result =
      object("v1", "Pod", meta("istio-system", "gw-0", {{"istio", variant == 2 ? "egressgateway" : "ingressgateway"}}),
             {{"serviceAccountName", "gw"}});
  result["status"] = {{"podIP", "10.1.99.1"}};
  return result;
}

json configPatch(const std::string& applyTo, json match, const std::string& operation, json value) {
  return {{"applyTo", applyTo},
          {"match", std::move(match)},
          {"patch", {{"operation", operation}, {"value", std::move(value)}}}};
}

json envoyFilter(const std::string& ns, int variant) {
  const json lua{{"name", "lua"},
                 {"typed_config", {{"@type", "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"}}}};
  json patches = json::array();
  if (variant == 1)
    patches.push_back(configPatch("HTTP_FILTER", {{"context", "SIDECAR_INBOUND"}}, "INSERT_FIRST", lua));
  if (variant == 2) {
    patches.push_back(configPatch("CLUSTER", {{"cluster", {{"service", "vio." + ns + ".svc.cluster.local"}}}}, "MERGE",
                                  {{"connect_timeout", "3s"}}));
    patches.push_back(configPatch("CLUSTER", json::object(), "ADD", {{"name", "own"}, {"connect_timeout", "3s"}}));
    patches.push_back(configPatch("LISTENER", {{"listener", {{"name", "virtualOutbound"}}}}, "REMOVE", json::object()));
  }
  if (variant == 3) {
    patches.push_back(configPatch("VIRTUAL_HOST", {{"routeConfiguration", {{"portNumber", 8003}}}}, "ADD",
                                  {{"name", "own"}, {"domains", {"own.example.com"}}}));
    patches.push_back(
        configPatch("VIRTUAL_HOST", json::object(), "ADD", {{"name", "vio." + ns + ".svc.cluster.local:8003"}}));
    patches.push_back(
        configPatch("HTTP_ROUTE", {{"context", "SIDECAR_OUTBOUND"}}, "MERGE", {{"route", {{"timeout", "9s"}}}}));
  }
  if (variant == 4) {
    patches.push_back(
        configPatch("HTTP_FILTER", json::object(), "ADD", {{"name", "x"}, {"typed_config", {{"@type", "a/b"}}}}));
    patches.push_back(
        configPatch("LISTENER_FILTER", {{"context", "SIDECAR_INBOUND"}}, "INSERT_FIRST", {{"name", "x"}}));
  }
  json spec{{"configPatches", patches}, {"workloadSelector", {{"labels", {{"app", "vio"}}}}}};
  if (variant == 5) spec["workloadSelector"] = "vio";
  return object("networking.istio.io/v1alpha3", "EnvoyFilter", meta(ns, "changes"), spec);
}

// Of the root namespace: for all sidecars, or gateways, or those whose metadata say so.
json meshEnvoyFilter(int variant) {
  json match{{"context", variant == 2 ? "GATEWAY" : "ANY"}};
  if (variant == 3) match["proxy"] = {{"metadata", {{"CLUSTER_ID", "c1"}}}};
  const json log{
      {"name", "log"},
      {"typed_config",
       {{"@type", "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"}, {"path", "/x"}}}};
  return object("networking.istio.io/v1alpha3", "EnvoyFilter", meta("istio-system", "all"),
                {{"priority", variant},
                 {"configPatches",
                  {configPatch("ROUTE_CONFIGURATION", match, "MERGE", {{"request_headers_to_remove", {"x-a"}}}),
                   configPatch("LISTENER", match, "MERGE", {{"access_log", {log}}})}}});
}

json rateLimit(const std::string& ns, int variant) {
  json descriptor{{"type", variant == 2 ? "SOURCE_PRINCIPAL" : "HEADER"}};
  if (variant != 2) descriptor["name"] = "x-user";
  const json rule{{"descriptors", {descriptor}}, {"limit", {{"requests", 5 + variant}, {"unit", "HOUR"}}}};
  json spec{{"rules", {rule}}};
  spec[variant == 3 ? "global" : "local"] = json::object();
  if (variant == 4) spec["selector"] = {{"matchLabels", {{"app", "vio"}}}};
  return object("networking.fairway.io/v1alpha1", "RateLimit", meta(ns, "limit"), spec);
}

json telemetry(const std::string& ns, int variant) {
  const auto named = [](const char* name) { return json{{"providers", {{{"name", name}}}}}; };
  json spec{{"accessLogging", {{{"disabled", true}}}}};
  if (variant == 2) {
    spec["metrics"] = {{{"overrides",
                         {{{"match", {{"metric", "REQUEST_COUNT"}, {"mode", "CLIENT"}}},
                           {"tagOverrides", {{"method", {{"value", "request.method"}}}}}}}}}};
    spec["accessLogging"] = {named("collector")};
    spec["tracing"] = {named("spans")};
  }
  if (variant == 3) {
    spec["selector"] = {{"matchLabels", {{"app", "vio"}}}};
    spec["accessLogging"][0]["match"] = {{"mode", "SERVER"}};
    spec["tracing"] = {named("spans"), {{"randomSamplingPercentage", 50}, {"match", {{"mode", "CLIENT"}}}}};
  }
  if (variant == 4) spec["accessLogging"][0] = {{"filter", {{"expression", "response.code >="}}}};  // an error
  if (variant == 5) spec["selector"] = "vio";
  return object("telemetry.istio.io/v1", "Telemetry", meta(ns, "tells"), spec);
}

json proxyConfig(const std::string& ns, int variant) {
  return object("networking.istio.io/v1beta1", "ProxyConfig", meta(ns, "proxies"),
                {{"concurrency", variant == 2 ? -1 : 4}});
}

json wasmPlugin(const std::string& ns) {
  return object("extensions.istio.io/v1alpha1", "WasmPlugin", meta(ns, "module"), {{"url", "oci://x/y"}});
}

struct Maker {
  int variants;
  std::function<json(int)> make;
};

const std::map<std::string, Maker>& makers() {
  static const auto all = [] {
    std::map<std::string, Maker> result;
    for (const std::string ns : {"onap", "blue"}) {
      for (const auto& app : kApps) {
        result["Service/" + ns + "/" + app] = {4, [=](int v) { return service(ns, app, v); }};
        result["EndpointSlice/" + ns + "/" + app] = {4, [=](int v) { return slice(ns, app, v); }};
        for (int number = 0; number < 3; ++number) {
          result["Pod/" + ns + "/" + app + std::to_string(number)] = {4,
                                                                      [=](int v) { return pod(ns, app, number, v); }};
        }
      }
      result["VirtualService/" + ns] = {7, [=](int v) { return virtualService(ns, v); }};
      result["VirtualService/" + ns + "/part"] = {5, [=](int v) { return delegate(ns, v); }};
      result["Sidecar/" + ns] = {5, [=](int v) { return sidecar(ns, v); }};
      result["WorkloadEntry/" + ns] = {5, [=](int v) { return workloadEntry(ns, v); }};
      result["WorkloadGroup/" + ns] = {2, [=](int v) { return workloadGroup(ns, v); }};
      result["DestinationRule/" + ns] = {9, [=](int v) { return destinationRule(ns, v); }};
      result["Policy/" + ns] = {4, [=](int v) { return policy(ns, v); }};
      result["ServiceRole/" + ns] = {4, [=](int v) { return role(ns, v); }};
      result["ServiceRoleBinding/" + ns] = {4, [=](int v) { return binding(ns, v); }};
      result["AuthorizationPolicy/" + ns] = {4, [=](int v) { return authorization(ns, v); }};
      result["ServiceEntry/" + ns] = {6, [=](int v) { return serviceEntry(ns, v); }};
      result["EnvoyFilter/" + ns] = {5, [=](int v) { return envoyFilter(ns, v); }};
      result["RateLimit/" + ns] = {5, [=](int v) { return rateLimit(ns, v); }};
      result["Telemetry/" + ns] = {5, [=](int v) { return telemetry(ns, v); }};
      result["ProxyConfig/" + ns] = {2, [=](int v) { return proxyConfig(ns, v); }};
      result["WasmPlugin/" + ns] = {1, [=](int) { return wasmPlugin(ns); }};
      result["Ingress/" + ns] = {5, [=](int v) { return ingress(ns, v); }};
      result["RequestAuthentication/" + ns] = {4, [=](int v) { return requestAuthentication(ns, v); }};
      result["PeerAuthentication/" + ns] = {3, [=](int v) { return peerAuthentication(ns, v); }};
    }
    result["Telemetry/istio-system"] = {5, [](int v) { return telemetry("istio-system", v); }};
    result["Sidecar/istio-system"] = {5, [](int v) { return sidecar("istio-system", v); }};
    for (int number = 0; number < 3; ++number) {
      result["Node/" + std::to_string(number)] = {2, [=](int v) { return node(number, v); }};
    }
    result["AuthorizationPolicy/istio-system"] = {4, [](int v) { return authorization("istio-system", v); }};
    result["EnvoyFilter/istio-system"] = {3, meshEnvoyFilter};
    result["ClusterRbacConfig/default"] = {3, rbacConfig};
    result["Gateway/edge"] = {4, gateway};
    result["Pod/gateway"] = {2, gatewayPod};
    result["Secret/edge"] = {4, edgeSecret};
    result["ConfigMap/mesh"] = {8, meshConfig};
    result["IngressClass/istio"] = {2, ingressClass};
    return result;
  }();
  return all;
}

}  // namespace

const std::map<std::string, int>& worldObjects() {
  static const auto all = [] {
    std::map<std::string, int> result;
    for (const auto& [name, maker] : makers()) result[name] = maker.variants;
    return result;
  }();
  return all;
}

api::ObjectPtr worldObject(const std::string& name, int variant) {
  static std::map<std::pair<std::string, int>, api::ObjectPtr> cache;
  auto& slot = cache[{name, variant}];
  if (!slot) slot = api::decode(makers().at(name).make(variant)).object;
  if (!slot) throw std::logic_error("no object for " + name);
  return slot;
}

std::vector<store::Change> changesBetween(const State& from, const State& to, std::mt19937& random) {
  std::vector<store::Change> changes;
  for (const auto& [name, variants] : worldObjects()) {
    const int before = from.contains(name) ? from.at(name) : 0;
    const int after = to.contains(name) ? to.at(name) : 0;
    if (before == after) continue;
    const auto object = worldObject(name, after != 0 ? after : before);
    changes.push_back({object->kind, object->meta.key(), after != 0 ? object : nullptr});
  }
  std::shuffle(changes.begin(), changes.end(), random);
  return changes;
}

State randomState(std::mt19937& random, double share) {
  State state;
  for (const auto& [name, variants] : worldObjects()) {
    if (std::bernoulli_distribution(share)(random)) state[name] = std::uniform_int_distribution(1, variants)(random);
  }
  return state;
}

State mutated(State state, std::size_t count, std::mt19937& random) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto& all = worldObjects();
    auto pick = all.begin();
    std::advance(pick, std::uniform_int_distribution<std::size_t>(0, all.size() - 1)(random));
    state[pick->first] = std::uniform_int_distribution(0, pick->second)(random);
  }
  return state;
}

}  // namespace fairway::test
