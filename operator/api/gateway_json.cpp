#include "api/gateway_json.h"

#include <algorithm>
#include <array>
#include <set>

#include "api/validate.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

using Tls = GatewaySpec::Tls;
using Server = GatewaySpec::Server;

constexpr EnumName<Tls::Mode> kModes[] = {
    {"PASSTHROUGH", 0, Tls::Mode::passthrough},
    {"SIMPLE", 1, Tls::Mode::simple},
    {"MUTUAL", 2, Tls::Mode::mutual},
    {"AUTO_PASSTHROUGH", 3, Tls::Mode::auto_passthrough},
    {"ISTIO_MUTUAL", 4, Tls::Mode::istio_mutual},
    {"OPTIONAL_MUTUAL", 5, Tls::Mode::optional_mutual},
};
constexpr EnumName<std::string_view> kVersions[] = {
    {"TLS_AUTO", 0, ""},       {"TLSV1_0", 1, "TLSV1_0"}, {"TLSV1_1", 2, "TLSV1_1"},
    {"TLSV1_2", 3, "TLSV1_2"}, {"TLSV1_3", 4, "TLSV1_3"},
};
// What BoringSSL in Envoy takes; an unknown name would make Envoy refuse the whole listener.
constexpr std::array<std::string_view, 14> kCiphers{"ECDHE-ECDSA-AES128-GCM-SHA256",
                                                    "ECDHE-RSA-AES128-GCM-SHA256",
                                                    "ECDHE-ECDSA-AES256-GCM-SHA384",
                                                    "ECDHE-RSA-AES256-GCM-SHA384",
                                                    "ECDHE-ECDSA-CHACHA20-POLY1305",
                                                    "ECDHE-RSA-CHACHA20-POLY1305",
                                                    "ECDHE-ECDSA-AES128-SHA",
                                                    "ECDHE-RSA-AES128-SHA",
                                                    "ECDHE-ECDSA-AES256-SHA",
                                                    "ECDHE-RSA-AES256-SHA",
                                                    "AES128-GCM-SHA256",
                                                    "AES256-GCM-SHA384",
                                                    "AES128-SHA",
                                                    "AES256-SHA"};
constexpr std::array<std::string_view, 11> kProtocols{"HTTP", "HTTP2", "GRPC",  "GRPC-WEB", "HTTP_PROXY", "HTTPS",
                                                      "TLS",  "TCP",   "MONGO", "REDIS",    "MYSQL"};

bool usesTls(const std::string& protocol) { return protocol == "HTTPS" || protocol == "TLS"; }
bool terminates(Tls::Mode mode) {
  return mode == Tls::Mode::simple || mode == Tls::Mode::mutual || mode == Tls::Mode::optional_mutual;
}

void checkCredentials(const Value& at, const Tls& tls) {
  const auto mode = *tls.mode;
  const bool files = !tls.serverCertificate.empty() || !tls.privateKey.empty() || !tls.caCertificates.empty();
  if (mode == Tls::Mode::istio_mutual) {
    if (files || !tls.credentialName.empty()) {
      at.error(
          "mode ISTIO_MUTUAL uses the mesh certificate: remove credentialName, serverCertificate, privateKey and "
          "caCertificates, or use mode MUTUAL");
    }
    return;
  }
  if (!terminates(mode) || !tls.credentialName.empty()) return;
  if (tls.serverCertificate.empty() || tls.privateKey.empty()) {
    at.error("expected credentialName (a secret in the gateway pod's namespace), or serverCertificate and privateKey");
  } else if (mode != Tls::Mode::simple && tls.caCertificates.empty()) {
    at.error("mode MUTUAL checks client certificates: expected caCertificates, or credentialName");
  }
}

void readVersion(Fields& fields, std::string_view name, std::string& out) {
  const auto value = fields.get(name);
  if (!value) return;
  if (const auto version = value->oneOf<std::string_view>(kVersions)) out = *version;
}

}  // namespace

void readServerTls(const Value& value, const std::string& protocol, Tls& tls) {
  Fields fields(value);
  fields.read("httpsRedirect", tls.httpsRedirect);
  if (const auto mode = fields.get("mode")) tls.mode = mode->oneOf<Tls::Mode>(kModes);
  fields.read("credentialName", tls.credentialName);
  fields.read("serverCertificate", tls.serverCertificate);
  fields.read("privateKey", tls.privateKey);
  fields.read("caCertificates", tls.caCertificates);
  fields.read("subjectAltNames", tls.subjectAltNames);
  readVersion(fields, "minProtocolVersion", tls.minProtocolVersion);
  readVersion(fields, "maxProtocolVersion", tls.maxProtocolVersion);
  if (!tls.minProtocolVersion.empty() && !tls.maxProtocolVersion.empty() &&
      tls.minProtocolVersion > tls.maxProtocolVersion) {
    value.error("minProtocolVersion " + tls.minProtocolVersion + " is above maxProtocolVersion " +
                tls.maxProtocolVersion);
  }
  if (const auto ciphers = fields.get("cipherSuites")) {
    for (auto& name : ciphers->texts()) {
      if (std::find(kCiphers.begin(), kCiphers.end(), name) != kCiphers.end()) {
        tls.cipherSuites.push_back(std::move(name));
      } else {
        ciphers->warn("the cipher suite " + quote(name) + " is not known to Envoy, it is left out");
      }
    }
  }
  if (tls.credentialName.find('/') != std::string::npos) {
    fields.get("credentialName")->expected("the name of a secret in the gateway pod's namespace, without a namespace");
  }
  for (const auto* name : {"credentialNames", "caCertCredentialName", "tlsCertificates", "caCrl",
                           "verifyCertificateSpki", "verifyCertificateHash"}) {
    fields.ignore(name, "this field of TLS is not supported");
  }

  if (usesTls(protocol)) {
    if (!tls.mode && !fields.has("mode")) {
      tls.mode = Tls::Mode::passthrough;
      value.warn("mode is not set and means PASSTHROUGH; to terminate TLS set SIMPLE or MUTUAL");
    }
    if (tls.mode) checkCredentials(value, tls);
    if (tls.httpsRedirect) fields.get("httpsRedirect")->warn("it has no effect on a port that speaks TLS already");
  } else if (tls.mode || !tls.credentialName.empty() || !tls.serverCertificate.empty() || !tls.privateKey.empty()) {
    value.error("port.protocol " + protocol + " is plain text, expected HTTPS or TLS for a server with certificates");
  } else if (tls.httpsRedirect && protocol != "HTTP" && protocol != "HTTP2") {
    fields.get("httpsRedirect")->error("only a port with protocol HTTP can redirect to HTTPS");
  }
}

namespace {

void readPort(const Value& value, Server& server) {
  Fields fields(value);
  if (fields.has("number")) {
    fields.readPort("number", server.port);
  } else if (fields.readable()) {
    fields.missing("number", "the port that clients connect to");
  }
  fields.read("name", server.portName);
  if (fields.readable() && server.portName.empty()) {
    value.warn("the port has no name; give it one such as http-" + std::to_string(server.port));
  }
  const auto protocol = fields.get("protocol");
  if (!protocol) {
    if (fields.readable()) fields.missing("protocol", "one of " + join({kProtocols.begin(), kProtocols.end()}, ", "));
  } else if (const auto text = protocol->text()) {
    server.protocol = toUpper(*text);
    if (std::find(kProtocols.begin(), kProtocols.end(), server.protocol) == kProtocols.end()) {
      protocol->expected("one of " + join({kProtocols.begin(), kProtocols.end()}, ", "));
    }
  }
  fields.ignore("targetPort", "gateways listen on `number` itself");
}

void checkHost(const Value& at, const std::string& text) {
  const auto slash = text.find('/');
  const auto ns = slash == std::string::npos ? std::string("*") : text.substr(0, slash);
  const auto dns = slash == std::string::npos ? text : text.substr(slash + 1);
  if (ns != "*" && ns != "." && !isDnsLabel(ns)) {
    at.error("found " + quote(text) + ", expected a namespace, \"*\" or \".\" before the slash");
  }
  if (!isHostPattern(dns)) {
    at.error("found " + quote(text) + ", expected a DNS name, \"*\", or \"*.\" before a DNS name");
  }
}

void readServer(const Value& value, Server& server) {
  Fields fields(value);
  fields.read("name", server.name);
  fields.read("bind", server.bind);
  if (!server.bind.empty() && !isIp(server.bind) && !server.bind.starts_with("unix://")) {
    fields.get("bind")->expected("an IP address or unix:// and a path");
  }
  if (const auto port = fields.get("port")) {
    readPort(*port, server);
  } else if (fields.readable()) {
    fields.missing("port", "a mapping with number, name and protocol");
  }
  if (const auto hosts = fields.get("hosts")) {
    server.hosts = hosts->texts();
    for (const auto& host : server.hosts) checkHost(*hosts, host);
    if (hosts->json().is_array() && hosts->json().empty()) hosts->error("it is empty, expected at least one host");
  } else if (fields.readable()) {
    fields.missing("hosts", "at least one host, \"*\" for all");
  }
  if (const auto tls = fields.get("tls")) {
    readServerTls(*tls, server.protocol, server.tls.emplace());
  } else if (usesTls(server.protocol)) {
    fields.missing("tls", "TLS settings, because port.protocol is " + server.protocol);
  }
  fields.ignore("defaultEndpoint", "requests are sent where VirtualServices say");
}

}  // namespace

void readSpec(const Value& spec, const ObjectMeta&, GatewaySpec& out) {
  Fields fields(spec);
  if (const auto selector = fields.get("selector")) {
    out.selector = selector->textMap();
    checkLabels(*selector, out.selector);
  }
  const auto servers = fields.get("servers");
  if (!servers) {
    if (fields.readable()) fields.missing("servers", "at least one server");
    return;
  }
  std::set<std::string> names;
  const bool list = servers->eachItem([&](const Value& item, std::size_t) {
    auto& server = out.servers.emplace_back();
    readServer(item, server);
    if (!server.portName.empty() && !names.insert(server.portName).second) {
      item.error("port.name " + quote(server.portName) + " is used by another server, expected a name of its own");
    }
  });
  if (list && out.servers.empty()) servers->error("it is empty, expected at least one server");
}

}  // namespace fairway::api
