#include "normalize/gateways.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "api/networking.h"
#include "base/strings.h"
#include "normalize/gateway_api_listeners.h"
#include "normalize/ingress.h"
#include "normalize/objects.h"
#include "normalize/protocol.h"

namespace fairway::normalize {

namespace {

using Server = api::GatewaySpec::Server;
using Tls = api::GatewaySpec::Tls;

std::string fieldOf(std::size_t index) { return "spec.servers[" + std::to_string(index) + "]"; }

// "TLSV1_2" -> "TLSv1_2"; TLS_AUTO is the default.
std::string tlsVersion(const std::string& text) {
  if (text.empty() || text == "TLS_AUTO") return {};
  return "TLSv" + text.substr(std::min<std::size_t>(4, text.size()));
}

std::optional<model::GatewayServer::Host> parseHost(const std::string& text, const std::string& ns) {
  const auto slash = text.find('/');
  if (slash == std::string::npos) return model::GatewayServer::Host{"*", toLower(text)};
  auto scope = text.substr(0, slash);
  if (scope == "~") return std::nullopt;
  if (scope == ".") scope = ns;
  return model::GatewayServer::Host{scope, toLower(text.substr(slash + 1))};
}

// One server of one Gateway. Nothing, with a note, if it cannot be served: without TLS where TLS was asked for, it
// would be open.
class ServerConverter {
 public:
  ServerConverter(store::View& view, const api::Gateway& gateway, std::size_t index)
      : view_(view), gateway_(gateway), from_(gateway.spec.servers[index]), field_(fieldOf(index)) {
    to_.provenance = provenanceOf(gateway, "servers[" + std::to_string(index) + "]");
  }

  std::optional<model::GatewayServer> convert() {
    const auto protocol = gatewayProtocol(from_.protocol);
    if (!protocol) {
      return refuse(".port.protocol", "\"" + from_.protocol +
                                          "\" is no known protocol, expected HTTP, HTTPS, HTTP2, "
                                          "GRPC, GRPC-WEB, TLS, TCP, MONGO, REDIS or MYSQL");
    }
    to_.name = from_.portName;
    to_.port = from_.port;
    to_.bind = from_.bind;
    to_.protocol = *protocol;
    for (const auto& text : from_.hosts) {
      if (auto host = parseHost(text, gateway_.meta.ns)) to_.hosts.push_back(std::move(*host));
    }
    std::sort(to_.hosts.begin(), to_.hosts.end());
    to_.hosts.erase(std::unique(to_.hosts.begin(), to_.hosts.end()), to_.hosts.end());
    if (to_.hosts.empty()) return refuse(".hosts", "the server has no hosts, expected at least one DNS name or \"*\"");
    if (to_.port == 0) return refuse(".port.number", "the server has no port, expected 1 to 65535");

    if (model::isHttp(*protocol)) {
      to_.httpsRedirect = from_.tls && from_.tls->httpsRedirect;
      if (from_.tls && from_.tls->mode) {
        return refuse(".tls.mode",
                      "a server with protocol " + from_.protocol + " is plain text, expected protocol HTTPS");
      }
      return std::move(to_);
    }
    if (!from_.tls) {
      if (!model::isTls(*protocol)) return std::move(to_);
      return refuse(".tls", "it is missing, expected tls.mode for a server with protocol " + from_.protocol);
    }
    return convertTls(*from_.tls);
  }

 private:
  std::optional<model::GatewayServer> refuse(const std::string& part, const std::string& message) {
    error(view_, to_.provenance, field_ + part, message + ": the server is left out");
    return std::nullopt;
  }

  std::optional<model::GatewayServer> convertTls(const Tls& tls) {
    using Mode = model::GatewayTls::Mode;
    const bool hasCertificate = !tls.credentialName.empty() || !tls.serverCertificate.empty();
    // The API's default is PASSTHROUGH, but who gives a certificate wants it used.
    const auto mode = tls.mode.value_or(hasCertificate ? Tls::Mode::simple : Tls::Mode::passthrough);
    model::GatewayTls result;
    switch (mode) {
      case Tls::Mode::passthrough: result.mode = Mode::passthrough; break;
      case Tls::Mode::simple: result.mode = Mode::simple; break;
      case Tls::Mode::mutual: result.mode = Mode::mutual; break;
      case Tls::Mode::istio_mutual: result.mode = Mode::mesh; break;
      case Tls::Mode::optional_mutual: result.mode = Mode::optional_mutual; break;
      case Tls::Mode::auto_passthrough:
        return refuse(".tls.mode", "AUTO_PASSTHROUGH is not supported, expected PASSTHROUGH with TLS routes");
    }
    const bool ownCertificate = result.mode != Mode::passthrough && result.mode != Mode::mesh;
    if (ownCertificate && tls.credentialName.empty() && (tls.serverCertificate.empty() || tls.privateKey.empty())) {
      return refuse(".tls", "there is no certificate, expected credentialName, or serverCertificate and privateKey");
    }
    if (ownCertificate && result.mode != Mode::simple && tls.credentialName.empty() && tls.caCertificates.empty()) {
      return refuse(".tls", "nothing to check client certificates against, expected credentialName or caCertificates");
    }
    result.credentialName = tls.credentialName;
    result.serverCertificate = tls.serverCertificate;
    result.privateKey = tls.privateKey;
    result.caCertificates = tls.caCertificates;
    result.subjectAltNames = tls.subjectAltNames;
    result.minVersion = tlsVersion(tls.minProtocolVersion);
    result.maxVersion = tlsVersion(tls.maxProtocolVersion);
    result.cipherSuites = tls.cipherSuites;
    to_.tls = std::move(result);
    return std::move(to_);
  }

  store::View& view_;
  const api::Gateway& gateway_;
  const Server& from_;
  std::string field_;
  model::GatewayServer to_;
};

enum class PortUse { http, tls, tcp };

PortUse useOf(const model::GatewayServer& server) {
  if (server.tls) return PortUse::tls;
  return isPlainHttp(server) ? PortUse::http : PortUse::tcp;
}

std::string_view toText(PortUse use) {
  switch (use) {
    case PortUse::http: return "plain HTTP";
    case PortUse::tls: return "TLS";
    case PortUse::tcp: break;
  }
  return "plain TCP";
}

// What the accepted servers of one address and port hold already.
struct Occupied {
  PortUse use;
  model::Provenance owner;
  struct TlsHost {
    model::Provenance owner;
    std::string credential;
  };
  std::map<std::string, TlsHost> tlsHosts;  // a TLS host leads to one server only
};

// Ingress objects of one namespace share a host as long as they mean the same secret: the server of the first has the
// rules of all.
bool shares(const Occupied::TlsHost& host, const model::GatewayServer& server) {
  const auto& other = server.provenance;
  return host.owner.kind == other.kind && other.kind == "Ingress" && host.owner.ns == other.ns &&
         host.credential == server.tls->credentialName;
}

// False if nothing of the server is left.
bool claim(store::View& view, std::map<std::pair<std::string, std::uint32_t>, Occupied>& ports,
           model::GatewayServer& server) {
  const auto use = useOf(server);
  const auto [entry, isNew] = ports.try_emplace({server.bind, server.port}, Occupied{use, server.provenance, {}});
  auto& occupied = entry->second;
  if (occupied.use != use) {
    error(view, server.provenance, "spec." + server.provenance.rule + ".port",
          "port " + std::to_string(server.port) + " is served as " + std::string(toText(occupied.use)) +
              " by the older " + occupied.owner.toString() + ", and cannot be " + std::string(toText(use)) +
              " too: the server is left out");
    return false;
  }
  if (use != PortUse::tls) return true;
  std::set<std::string> own;
  std::erase_if(server.hosts, [&](const model::GatewayServer::Host& host) {
    const auto known = occupied.tlsHosts.find(host.dns);
    if (known == occupied.tlsHosts.end() || own.contains(host.dns)) {
      occupied.tlsHosts.emplace(host.dns, Occupied::TlsHost{server.provenance, server.tls->credentialName});
      own.insert(host.dns);
      return false;
    }
    if (shares(known->second, server)) return true;
    error(view, server.provenance, "spec." + server.provenance.rule + ".hosts",
          "TLS host " + host.dns + " on port " + std::to_string(server.port) + " belongs to the older " +
              known->second.owner.toString() + ": it is left out here");
    return true;
  });
  return !server.hosts.empty();
}

// An unreadable selector must not turn into one that takes every gateway.
bool selectsWorkload(store::View& view, const api::Gateway& gateway, const Errors& errors,
                     const model::Labels& labels) {
  if (errors.inSelector(gateway.spec.selector)) {
    error(view, provenanceOf(gateway), "spec.selector",
          "the selector cannot be read: the Gateway applies to no workload");
    return false;
  }
  return api::selects(gateway.spec.selector, labels);
}

// What one object asks for, where it can be served.
std::vector<model::GatewayServer> serversOf(store::View& view, const api::Gateway& gateway,
                                            const model::Labels& labels) {
  std::vector<model::GatewayServer> servers;
  const Errors errors(gateway);
  if (!selectsWorkload(view, gateway, errors, labels)) return servers;
  for (std::size_t i = 0; i < gateway.spec.servers.size(); ++i) {
    if (errors.atItem("spec.servers", i)) {
      error(view, provenanceOf(gateway, "servers[" + std::to_string(i) + "]"), fieldOf(i),
            "the server has errors and is left out");
      continue;
    }
    if (auto server = ServerConverter(view, gateway, i).convert()) servers.push_back(std::move(*server));
  }
  return servers;
}

}  // namespace

bool isPlainHttp(const model::GatewayServer& server) { return !server.tls && model::isHttp(server.protocol); }

bool isPlainTcp(const model::GatewayServer& server) { return !server.tls && !model::isHttp(server.protocol); }

GatewayOf::Value gatewayOf(store::View& view, const GatewayOf& query) {
  // Gateways select pods of all namespaces (v1alpha1.md 4.1, "Gateway selection").
  std::vector<const api::Object*> objects;
  for (const auto* gateway : view.listAll<api::Gateway>()) objects.push_back(gateway);
  for (const auto* ingress : servedIngresses(view, query.labels)) objects.push_back(ingress);
  for (const auto* gateway : gatewaysOf(view, query.ns, query.labels)) objects.push_back(gateway);
  std::stable_sort(objects.begin(), objects.end(), [](const auto* a, const auto* b) { return olderThan(*a, *b); });
  GatewayOf::Value result;
  std::map<std::pair<std::string, std::uint32_t>, Occupied> ports;
  for (const auto* object : objects) {
    auto servers = object->kind == api::Kind::ingress ? serversOf(view, static_cast<const api::Ingress&>(*object))
                   : object->kind == api::Kind::kubernetes_gateway
                       ? serversOf(view, static_cast<const api::gateway_api::Gateway&>(*object))
                       : serversOf(view, static_cast<const api::Gateway&>(*object), query.labels);
    for (auto& server : servers) {
      if (claim(view, ports, server)) result.servers.push_back(std::move(server));
    }
  }
  // Objects came oldest first, and their servers in order: within a port that order stays.
  std::stable_sort(result.servers.begin(), result.servers.end(),
                   [](const auto& a, const auto& b) { return a.port < b.port; });
  return result;
}

bool speaksHttp(store::View& view, const std::string& ns, const model::Labels& labels, std::uint32_t port) {
  const auto& ports = view.ask(InboundPortsOf{ns, labels});
  const auto found = std::find_if(ports.begin(), ports.end(), [&](const auto& each) { return each.port == port; });
  if (found != ports.end() && model::isHttp(found->protocol)) return true;
  const auto& servers = view.ask(GatewayOf{ns, labels}).servers;
  return std::any_of(servers.begin(), servers.end(), [&](const auto& server) {
    const bool passesThrough = server.tls && server.tls->mode == model::GatewayTls::Mode::passthrough;
    if (passesThrough || !(model::isHttp(server.protocol) || server.protocol == model::Protocol::https)) return false;
    if (found == ports.end()) return server.port == port;
    const auto& services = found->services;
    return std::any_of(services.begin(), services.end(),
                       [&](const auto& backed) { return backed.servicePort == server.port; });
  });
}

}  // namespace fairway::normalize
