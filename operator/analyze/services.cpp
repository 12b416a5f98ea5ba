#include <map>
#include <set>

#include "analyze/checks.h"
#include "analyze/spelling.h"
#include "api/core.h"
#include "normalize/protocol.h"
#include "normalize/services.h"

namespace fairway::analyze {

namespace {

bool isOfTheSystem(const World& world, const std::string& ns) {
  return ns.starts_with("kube-") || ns == world.options().mesh.rootNamespace;
}

std::string protocolText(const api::ServiceSpec::Port& port) {
  if (port.protocol != "TCP") return port.protocol;
  const auto protocol = normalize::protocolOf(port.appProtocol, port.name);
  return std::string(model::toString(protocol.value_or(model::Protocol::tcp)));
}

void checkNames(const Resource& resource, const api::Service& service, Reporter& report) {
  const bool external = service.spec.type == "ExternalName";
  for (std::size_t i = 0; i < service.spec.ports.size(); ++i) {
    const auto& port = service.spec.ports[i];
    if (port.protocol != "TCP") continue;
    const auto field = "spec.ports[" + std::to_string(i) + "]";
    const auto protocol = normalize::protocolOf(port.appProtocol, port.name);
    if (external) {
      if (protocol && (model::isHttp(*protocol) || model::isTls(*protocol))) continue;
      report.add(Code::external_name_port, resource, field + ".name",
                 "port " + std::to_string(port.number) +
                     " of an ExternalName Service is plain TCP: every connection to "
                     "this port, whatever its address, may be taken for it",
                 "name it after its protocol (http-x, https-x, tls-x) or set appProtocol; for TCP use a ServiceEntry "
                 "with addresses");
      continue;
    }
    if (protocol) continue;
    report.add(Code::port_name, resource, field + (port.name.empty() ? "" : ".name"),
               (port.name.empty() ? "port " + std::to_string(port.number) + " has no name"
                                  : "the name " + port.name + " of port " + std::to_string(port.number) +
                                        " begins with no protocol") +
                   ": its requests are not routed as HTTP, and policies see no paths",
               "name it protocol-anything (http, http2, grpc, grpc-web, https, tls, tcp, mongo, redis, mysql), or set "
               "appProtocol");
  }
}

struct Use {
  const Resource* service;
  std::size_t port;
  std::uint32_t number;
  std::string protocol;
};

std::string servicesOf(const std::vector<Use>& uses) {
  std::vector<std::string> texts;
  for (const auto& use : uses) {
    texts.push_back(use.service->name + ":" + std::to_string(use.number) + " (" + use.protocol + ")");
  }
  return listed(texts, 9);
}

// What the services of one workload say of its ports.
void checkPorts(const Workload& workload, const std::map<std::uint32_t, std::vector<Use>>& ports,
                std::set<std::pair<const Resource*, std::size_t>>& said, Reporter& report) {
  for (const auto& [target, uses] : ports) {
    std::set<std::string> protocols;
    std::set<std::uint32_t> numbers;
    for (const auto& use : uses) {
      protocols.insert(use.protocol);
      numbers.insert(use.number);
    }
    const auto& last = uses.back();
    if (uses.size() < 2 || !said.emplace(last.service, last.port).second) continue;
    const auto field = "spec.ports[" + std::to_string(last.port) + "]";
    if (protocols.size() > 1) {
      report.add(Code::services_differ, *last.service, field,
                 "port " + std::to_string(target) + " of " + workload.text() +
                     " is called by different protocols: " + servicesOf(uses) + "; the first decides how it is read",
                 "give the ports names with the same protocol, or the protocols workload ports of their own");
    } else if (numbers.size() > 1) {
      report.add(Code::target_port_twice, *last.service, field,
                 "port " + std::to_string(target) + " of " + workload.text() +
                     " is behind different ports: " + servicesOf(uses),
                 "use one port number for the same workload port");
    }
  }
}

}  // namespace

void checkServices(const World& world, Reporter& report) {
  world.each<api::Service>([&](const Resource& resource, const api::Service& service) {
    if (!isOfTheSystem(world, service.meta.ns)) checkNames(resource, service, report);
  });
  std::set<std::pair<const Resource*, std::size_t>> said;
  for (const auto& workload : world.workloads()) {
    if (workload.resource == nullptr || isOfTheSystem(world, workload.ns)) continue;
    std::map<std::uint32_t, std::vector<Use>> ports;
    world.each<api::Service>([&](const Resource& resource, const api::Service& service) {
      const auto& selector = service.spec.selector;
      if (service.meta.ns != workload.ns || selector.empty() || !api::selects(selector, workload.labels())) return;
      for (std::size_t i = 0; i < service.spec.ports.size(); ++i) {
        const auto& port = service.spec.ports[i];
        if (port.protocol != "TCP") continue;
        const auto target = port.targetPort.empty() ? std::to_string(port.number) : port.targetPort;
        for (const auto number : normalize::workloadPorts(world.view(), target, workload.ns, workload.labels())) {
          ports[number].push_back({&resource, i, port.number, protocolText(port)});
        }
      }
    });
    checkPorts(workload, ports, said, report);
  }
}

}  // namespace fairway::analyze
