#include <map>
#include <set>

#include "analyze/checks.h"
#include "analyze/routes.h"
#include "analyze/spelling.h"
#include "base/strings.h"
#include "normalize/hosts.h"
#include "normalize/objects.h"
#include "normalize/protocol.h"
#include "normalize/queries.h"

namespace fairway::analyze {

namespace {

std::string serverField(std::size_t index) { return "spec.servers[" + std::to_string(index) + "]"; }

bool isSelectorKnown(const api::Gateway& gateway) {
  return !normalize::Errors(gateway).inSelector(gateway.spec.selector);
}

std::vector<std::string> selectedNames(const std::vector<const Workload*>& workloads) {
  std::vector<std::string> names;
  for (const auto* workload : workloads) names.push_back(workload->text());
  return names;
}

void checkPort(const World& world, const Resource& resource, const api::GatewaySpec::Server& server, std::size_t index,
               const Workload& workload, Reporter& report) {
  std::vector<std::string> ports, services;
  for (const auto& host : world.view().ask(normalize::WorkloadServices{workload.ns, workload.labels()})) {
    const auto* service = serviceOf(world, host);
    if (service == nullptr) continue;
    services.push_back(service->name);
    for (const auto& port : service->ports) {
      if (port.number == server.port || port.targetPort == std::to_string(server.port)) return;
      ports.push_back(std::to_string(port.number));
    }
  }
  if (services.empty()) return;
  report.add(Code::gateway_port_not_served, resource, serverField(index) + ".port.number",
             "port " + std::to_string(server.port) + " is not a port of Service " + listed(services) + " in front of " +
                 workload.text() + " (it has " + (ports.empty() ? "none" : listed(ports, 9)) +
                 "): nobody reaches it through the Service",
             "add the port to the Service, or use one of its ports");
}

enum class Use { http, tls, tcp };

Use useOf(const api::GatewaySpec::Server& server) {
  const auto protocol = normalize::gatewayProtocol(server.protocol).value_or(model::Protocol::tcp);
  if (model::isTls(protocol) || (server.tls && server.tls->mode)) return Use::tls;
  return model::isHttp(protocol) ? Use::http : Use::tcp;
}

std::string textOf(Use use) { return use == Use::http ? "plain HTTP" : use == Use::tls ? "TLS" : "plain TCP"; }

struct ServerAt {
  const Resource* resource;
  const api::Gateway* gateway;
  std::size_t index;

  [[nodiscard]] const api::GatewaySpec::Server& server() const { return gateway->spec.servers[index]; }
  [[nodiscard]] std::string text() const { return resource->text() + " servers[" + std::to_string(index) + "]"; }
};

std::string dnsOf(const std::string& host) { return toLower(host.substr(host.find('/') + 1)); }

std::string scopeOf(const std::string& host, const api::Gateway& gateway) {
  const auto slash = host.find('/');
  const auto scope = slash == std::string::npos ? std::string("*") : host.substr(0, slash);
  return scope == "." ? gateway.meta.ns : scope;
}

// Hosts that both have, of VirtualServices of a namespace that both take.
std::vector<std::string> common(const ServerAt& a, const ServerAt& b) {
  std::vector<std::string> result;
  for (const auto& mine : a.server().hosts) {
    for (const auto& other : b.server().hosts) {
      const auto scope = scopeOf(mine, *a.gateway), otherScope = scopeOf(other, *b.gateway);
      if (dnsOf(mine) != dnsOf(other) || (scope != otherScope && scope != "*" && otherScope != "*")) continue;
      if (std::find(result.begin(), result.end(), dnsOf(mine)) == result.end()) result.push_back(dnsOf(mine));
    }
  }
  return result;
}

// `younger` gives way to `older`.
void checkPair(const ServerAt& older, const ServerAt& younger, Reporter& report) {
  const auto& a = older.server();
  const auto& b = younger.server();
  if (a.port != b.port || a.bind != b.bind || b.port == 0) return;
  const auto port = std::to_string(b.port);
  const auto field = serverField(younger.index);
  if (useOf(a) != useOf(b)) {
    report.add(Code::mixed_port, *younger.resource, field + ".port",
               "port " + port + " is to speak " + textOf(useOf(b)) + ", but " + older.text() +
                   ", which is older, has it as " + textOf(useOf(a)) + ": this server is left out",
               "use another port, or the same protocol");
    return;
  }
  // Servers of one Gateway with a host in common are refused or merged where they are read.
  const auto hosts = common(older, younger);
  if (hosts.empty()) return;
  const bool tls = useOf(b) == Use::tls;
  if (!tls && older.resource == younger.resource) return;
  report.add(Code::same_gateway_host, *younger.resource, field + ".hosts",
             "host " + listed(hosts, 9) + " on port " + port + " is also in " + older.text() +
                 ", which is older and for "
                 "the same workloads" +
                 (tls ? ": it is left out here" : ": the routes of both Gateways apply to it"),
             "serve the host by one Gateway, or give the Gateways different selectors",
             tls ? Severity::error : Severity::warning);
}

bool shareWorkload(const World& world, const api::Gateway& a, const api::Gateway& b) {
  if (a.spec.selector == b.spec.selector) return true;
  for (const auto* workload : world.select("", a.spec.selector)) {
    if (api::selects(b.spec.selector, workload->labels())) return true;
  }
  return false;
}

// Why a secret cannot be used, as normalisation says it.
std::string whyBad(const World& world, const std::string& ns, const std::string& name) {
  world.view().ask(normalize::CredentialOf{ns, name});
  for (const auto& note : world.view().notes()) {
    if (note.object.kind == "Secret" && note.object.ns == ns && note.object.name == name) return note.message;
  }
  return "it cannot be used";
}

void checkCredential(const World& world, const Resource& resource, const std::string& name, const std::string& field,
                     const std::string& ns, Reporter& report) {
  if (!world.view().ask(normalize::SecretExists{ns, name})) {
    std::vector<std::string> known, elsewhere;
    for (const auto* secret : world.of(api::Kind::secret)) {
      if (secret->ns == ns) known.push_back(secret->name);
      if (secret->name == name) elsewhere.push_back(secret->ns);
    }
    const auto hint = elsewhere.empty() ? didYouMean(name, known) : "; there is one in " + listed(elsewhere);
    report.add(Code::secret_not_found, resource, field,
               "there is no secret " + name + " in namespace " + ns + ", where the gateway's pods are" + hint +
                   ": the server stays closed",
               "kubectl create secret tls " + name + " -n " + ns + " --cert=FILE --key=FILE",
               world.options().cluster ? Severity::error : Severity::info);
    return;
  }
  if (world.view().ask(normalize::CredentialOf{ns, name})) return;
  report.add(Code::bad_credential, resource, field,
             "secret " + ns + "/" + name + " cannot be used: " + whyBad(world, ns, name),
             "kubectl create secret tls " + name + " -n " + ns + " --cert=FILE --key=FILE makes one as it should be");
}

std::set<std::string> namespacesOf(const World& world, const api::Gateway& gateway) {
  std::set<std::string> result;
  for (const auto* workload : world.select("", gateway.spec.selector)) result.insert(workload->ns);
  return result;
}

}  // namespace

void checkGatewayWorkloads(const World& world, Reporter& report) {
  if (!world.knows(api::Kind::pod)) return;
  world.each<api::Gateway>([&](const Resource& resource, const api::Gateway& gateway) {
    if (!isSelectorKnown(gateway)) return;
    const auto workloads = world.select("", gateway.spec.selector);
    if (workloads.empty()) {
      std::vector<std::string> known;
      for (const auto& workload : world.workloads()) {
        for (const auto& [key, value] : workload.labels()) known.push_back(key + "=" + value);
      }
      report.add(Code::gateway_selects_nothing, resource, "spec.selector",
                 "no workload has the labels " + labelText(gateway.spec.selector) +
                     didYouMean(labelText(gateway.spec.selector), known) + ": the Gateway opens no port anywhere",
                 "kubectl get pods -A --show-labels tells the labels of the gateway's pods");
      return;
    }
    for (std::size_t i = 0; i < gateway.spec.servers.size(); ++i) {
      if (gateway.spec.servers[i].port == 0) continue;
      checkPort(world, resource, gateway.spec.servers[i], i, *workloads.front(), report);
    }
  });
}

void checkGatewayConflicts(const World& world, Reporter& report) {
  std::vector<ServerAt> servers;
  world.each<api::Gateway>([&](const Resource& resource, const api::Gateway& gateway) {
    if (!isSelectorKnown(gateway)) return;
    for (std::size_t i = 0; i < gateway.spec.servers.size(); ++i) servers.push_back({&resource, &gateway, i});
  });
  std::stable_sort(servers.begin(), servers.end(), [](const ServerAt& a, const ServerAt& b) {
    return a.gateway != b.gateway && normalize::olderThan(*a.gateway, *b.gateway);
  });
  for (std::size_t i = 0; i < servers.size(); ++i) {
    for (std::size_t k = i + 1; k < servers.size(); ++k) {
      if (servers[i].server().port != servers[k].server().port) continue;
      if (shareWorkload(world, *servers[i].gateway, *servers[k].gateway)) checkPair(servers[i], servers[k], report);
    }
  }
}

void checkGatewayCredentials(const World& world, Reporter& report) {
  if (!world.knows(api::Kind::secret) || !world.knows(api::Kind::pod)) return;
  std::map<std::pair<std::string, std::string>, ServerAt> users;  // namespace and name of the secret -> the first user
  world.each<api::Gateway>([&](const Resource& resource, const api::Gateway& gateway) {
    if (!isSelectorKnown(gateway)) return;
    const auto namespaces = namespacesOf(world, gateway);
    for (std::size_t i = 0; i < gateway.spec.servers.size(); ++i) {
      const auto& server = gateway.spec.servers[i];
      if (!server.tls || server.tls->credentialName.empty()) continue;
      const auto field = serverField(i) + ".tls.credentialName";
      for (const auto& ns : namespaces) {
        checkCredential(world, resource, server.tls->credentialName, field, ns, report);
        const ServerAt mine{&resource, &gateway, i};
        const auto [entry, isFirst] = users.try_emplace({ns, server.tls->credentialName}, mine);
        const auto& other = entry->second;
        if (isFirst || other.resource == mine.resource || other.server().port != server.port) continue;
        if (!shareWorkload(world, gateway, *other.gateway)) continue;
        report.add(Code::shared_certificate, resource, field,
                   "certificate " + server.tls->credentialName + " is also that of " + other.text() +
                       ": browsers reuse an HTTP/2 connection for all names of a certificate, so a request for one "
                       "Gateway's host may come to the server of the other and be answered with 404",
                   "serve all hosts of the certificate by one server of one Gateway, or give each its own certificate");
      }
    }
  });
}

}  // namespace fairway::analyze
