#include "api/sidecar_json.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "api/connection_pool_json.h"
#include "api/destination_json.h"
#include "api/gateway_json.h"
#include "api/validate.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

using Capture = SidecarSpec::Capture;
using Egress = SidecarSpec::Egress;
using Ingress = SidecarSpec::Ingress;
using Port = SidecarSpec::Port;

constexpr EnumName<Capture> kCaptures[] = {
    {"DEFAULT", 0, Capture::automatic}, {"IPTABLES", 1, Capture::iptables}, {"NONE", 2, Capture::none}};
constexpr EnumName<bool> kOutboundModes[] = {{"REGISTRY_ONLY", 0, true}, {"ALLOW_ANY", 1, false}};
constexpr std::array<std::string_view, 11> kProtocols{"HTTP", "HTTP2", "GRPC",  "GRPC-WEB", "HTTPS",     "TLS",
                                                      "TCP",  "MONGO", "REDIS", "MYSQL",    "HTTP_PROXY"};
constexpr std::string_view kSocket = "unix://";

bool isSocket(const std::string& text) { return text.starts_with(kSocket); }

// "unix:///path" or "unix://@name".
void checkSocket(const Value& at, const std::string& text) {
  const auto path = std::string_view(text).substr(kSocket.size());
  if (path.size() < 2 || path.size() > 107 || (path.front() != '/' && path.front() != '@') || path.ends_with('/')) {
    at.expected("unix:// and an absolute path of at most 107 bytes, or unix://@name");
  }
}

// `socket`: the listener is at a Unix socket, which has no port.
void readPort(const Value& value, bool socket, Port& out) {
  Fields fields(value);
  if (const auto number = fields.get("number")) {
    if (const auto read = number->integer(socket ? 0 : 1, 65535)) out.number = static_cast<std::uint32_t>(*read);
    if (socket && out.number != 0) number->expected("0 for a Unix socket");
  } else if (fields.readable() && !socket) {
    fields.missing("number", "the port of the listener");
  }
  fields.read("name", out.name);
  const auto protocol = fields.get("protocol");
  if (!protocol) {
    if (fields.readable()) fields.missing("protocol", "one of " + join({kProtocols.begin(), kProtocols.end()}, ", "));
  } else if (const auto text = protocol->text()) {
    out.protocol = toUpper(*text);
    if (std::find(kProtocols.begin(), kProtocols.end(), out.protocol) == kProtocols.end()) {
      protocol->expected("one of " + join({kProtocols.begin(), kProtocols.end()}, ", "));
    }
  }
  fields.ignore("targetPort", "say defaultEndpoint");
}

void readCapture(Fields& fields, Capture& out) {
  if (const auto mode = fields.get("captureMode")) out = mode->oneOf<Capture>(kCaptures).value_or(Capture::automatic);
}

void checkDefaultEndpoint(const Value& at, const std::string& text) {
  if (isSocket(text)) return checkSocket(at, text);
  static constexpr std::array<std::string_view, 4> kHosts{"127.0.0.1:", "[::1]:", "0.0.0.0:", "[::]:"};
  const auto host =
      std::find_if(kHosts.begin(), kHosts.end(), [&](std::string_view start) { return text.starts_with(start); });
  const auto port = host == kHosts.end() ? std::nullopt : toNumber(std::string_view(text).substr(host->size()));
  if (!port || *port < 1 || *port > 65535) {
    at.expected("127.0.0.1:PORT, [::1]:PORT, 0.0.0.0:PORT, [::]:PORT or unix:///path");
  }
}

void checkIngressTls(const Value& at, const Ingress& listener) {
  const auto& tls = *listener.tls;
  if (tls.mode && *tls.mode != GatewaySpec::Tls::Mode::simple && *tls.mode != GatewaySpec::Tls::Mode::mutual) {
    at.error("expected mode SIMPLE or MUTUAL: a sidecar ends TLS itself");
  }
  if (tls.httpsRedirect) at.error("httpsRedirect is for gateways");
  if (!tls.subjectAltNames.empty()) at.error("subjectAltNames are for gateways");
  if (!tls.credentialName.empty()) {
    at.error("credentialName is for gateways, expected serverCertificate and privateKey: paths in the sidecar");
  }
}

void readIngress(const Value& value, Ingress& out) {
  Fields fields(value);
  if (const auto port = fields.get("port")) {
    readPort(*port, false, out.port);
  } else if (fields.readable()) {
    fields.missing("port", "a mapping with number and protocol");
  }
  fields.read("bind", out.bind);
  if (!out.bind.empty() && !isIp(out.bind)) fields.get("bind")->expected("an IP address");
  readCapture(fields, out.capture);
  fields.read("defaultEndpoint", out.defaultEndpoint);
  if (!out.defaultEndpoint.empty()) checkDefaultEndpoint(*fields.get("defaultEndpoint"), out.defaultEndpoint);
  if (const auto tls = fields.get("tls")) {
    readServerTls(*tls, out.port.protocol, out.tls.emplace());
    checkIngressTls(*tls, out);
  }
  if (const auto pool = fields.get("connectionPool")) readConnectionPool(*pool, out.connectionPool.emplace());
}

void checkHost(const Value& at, const std::string& text) {
  const auto slash = text.find('/');
  auto ns = std::string_view(text).substr(0, slash == std::string::npos ? 0 : slash);
  if (ns.size() > 1 && ns.starts_with('~')) ns.remove_prefix(1);
  if (ns != "*" && ns != "." && ns != "~" && !isDnsLabel(ns)) {
    at.error("found " + quote(text) + ", expected namespace/name, where the namespace may be \"*\", \".\" or \"~\"");
  } else if (!isHostPattern(std::string_view(text).substr(slash + 1))) {
    at.error("found " + quote(text) + ", expected a DNS name, \"*\", or \"*.\" before a DNS name after the slash");
  }
}

void readEgress(const Value& value, Egress& out) {
  Fields fields(value);
  fields.read("bind", out.bind);
  const bool socket = isSocket(out.bind);
  const auto bind = fields.get("bind");
  if (socket) {
    checkSocket(*bind, out.bind);
  } else if (!out.bind.empty() && !isIp(out.bind)) {
    bind->expected("an IP address, or unix:// and a path");
  }
  if (const auto port = fields.get("port")) {
    readPort(*port, socket, out.port.emplace());
  } else if (bind && !out.bind.empty()) {
    fields.missing("port", "a mapping with number and protocol, because bind is given");
  }
  readCapture(fields, out.capture);
  if (socket && out.capture == Capture::iptables)
    fields.get("captureMode")->expected("DEFAULT or NONE for a Unix socket");
  if (const auto hosts = fields.get("hosts")) {
    out.hosts = hosts->texts();
    for (const auto& host : out.hosts) checkHost(*hosts, host);
    if (hosts->json().is_array() && hosts->json().empty()) hosts->error("it is empty, expected at least one host");
  } else if (fields.readable()) {
    fields.missing("hosts", "at least one host, as namespace/name");
  }
}

void readOutboundPolicy(const Value& value, SidecarSpec::OutboundTrafficPolicy& out) {
  Fields fields(value);
  if (const auto mode = fields.get("mode")) out.registryOnly = mode->oneOf<bool>(kOutboundModes).value_or(true);
  const auto proxy = fields.get("egressProxy");
  if (!proxy) return;
  readDestination(*proxy, out.egressProxy.emplace());
  if (out.egressProxy->port == 0) proxy->error("it has no port, expected port.number");
  if (out.registryOnly) proxy->error("it needs mode ALLOW_ANY: with REGISTRY_ONLY nothing goes to unknown hosts");
}

template <class Listener, class Key>
void checkTwice(const Value& list, const std::vector<Listener>& listeners, Key key) {
  std::set<std::pair<std::string, std::uint32_t>> seen;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    const auto own = key(listeners[i]);
    if (!seen.insert(own).second) {
      list.error("[" + std::to_string(i) + "] listens where another one does" +
                 (own.second == 0 ? std::string() : ", at port " + std::to_string(own.second)) +
                 ", expected each bind and port once");
    }
  }
}

}  // namespace

void readSpec(const Value& spec, const ObjectMeta&, SidecarSpec& out) {
  Fields fields(spec);
  if (const auto selector = fields.get("workloadSelector")) {
    Fields parts(*selector);
    if (const auto labels = parts.get("labels")) {
      out.workloadSelector = labels->textMap();
      checkLabels(*labels, out.workloadSelector);
    }
  }
  if (const auto ingress = fields.get("ingress")) {
    ingress->eachItem([&](const Value& item, std::size_t) { readIngress(item, out.ingress.emplace_back()); });
    checkTwice(*ingress, out.ingress, [](const Ingress& one) { return std::pair(one.bind, one.port.number); });
  }
  if (const auto egress = fields.get("egress")) {
    egress->eachItem([&](const Value& item, std::size_t) { readEgress(item, out.egress.emplace_back()); });
    checkTwice(*egress, out.egress,
               [](const Egress& one) { return std::pair(one.bind, one.port ? one.port->number : 0U); });
  }
  if (const auto policy = fields.get("outboundTrafficPolicy")) {
    readOutboundPolicy(*policy, out.outboundTrafficPolicy.emplace());
  }
  if (const auto pool = fields.get("inboundConnectionPool")) {
    readConnectionPool(*pool, out.inboundConnectionPool.emplace());
  }
}

}  // namespace fairway::api
