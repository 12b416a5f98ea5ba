#include "normalize/services.h"

#include <algorithm>
#include <map>

#include "api/core.h"
#include "base/strings.h"
#include "normalize/objects.h"
#include "normalize/protocol.h"
#include "normalize/service_entries.h"
#include "normalize/sidecars.h"
#include "normalize/workload_entries.h"
#include "store/indexes.h"

namespace fairway::normalize {

namespace {

constexpr std::string_view kTlsModeLabel = "security.istio.io/tlsMode";
constexpr const char* kExportToAnnotation = "networking.istio.io/exportTo";

std::string labelOf(const api::Labels& labels, const char* name) {
  const auto found = labels.find(name);
  return found == labels.end() ? std::string() : found->second;
}

bool isHeadless(const api::ServiceSpec& spec) {
  if (spec.type == "ExternalName") return false;
  return std::all_of(spec.clusterIPs.begin(), spec.clusterIPs.end(),
                     [](const std::string& ip) { return ip.empty() || ip == "None"; });
}

model::ServicePort convertPort(store::View& view, const api::Service& service, std::size_t index) {
  const auto& port = service.spec.ports[index];
  const auto protocol = protocolOf(port.appProtocol, port.name);
  if (!protocol) {
    const auto field =
        "spec.ports[" + std::to_string(index) + "]" + (port.appProtocol.empty() ? ".name" : ".appProtocol");
    const auto found = port.appProtocol.empty() ? port.name : port.appProtocol;
    warning(view, provenanceOf(service), field,
            (found.empty() ? "port " + std::to_string(port.number) + " has neither name nor appProtocol"
                           : "\"" + found + "\" names no known protocol") +
                ": it is served as TCP, without HTTP routing and HTTP policy; expected http, http2, grpc, grpc-web, "
                "https, tls, tcp, mongo, redis or mysql, alone or before a hyphen");
  }
  model::ServicePort result;
  result.name = port.name;
  result.number = port.number;
  result.protocol = protocol.value_or(model::Protocol::tcp);
  result.targetPort = port.targetPort.empty() ? std::to_string(port.number) : port.targetPort;
  return result;
}

}  // namespace

ServiceOf::Value serviceOf(store::View& view, const ServiceOf& query) {
  const auto found = view.lookup<api::Service>(store::Index::service_by_host, query.host);
  if (found.empty()) return serviceOfEntry(view, query.host);
  const auto& service = *found.front();
  const auto& spec = service.spec;

  model::Service result;
  result.host = query.host;
  result.ns = service.meta.ns;
  result.name = service.meta.name;
  result.headless = isHeadless(spec);
  result.selector = spec.selector;
  result.publishNotReady = spec.publishNotReadyAddresses;
  for (const auto& part : split(labelOf(service.meta.annotations, kExportToAnnotation), ',')) {
    if (const auto ns = trim(part); !ns.empty()) result.exportTo.emplace_back(ns);
  }
  if (result.exportTo.empty()) result.exportTo = view.ask(MeshSettingsOf{}).servicesTo;
  for (std::size_t i = 0; i < spec.ports.size(); ++i) {
    // UDP and SCTP do not pass through the proxy.
    if (spec.ports[i].protocol == "TCP") result.ports.push_back(convertPort(view, service, i));
  }
  if (spec.type == "ExternalName") {
    result.resolution = model::Service::Resolution::dns;
    result.externalName = toLower(spec.externalName);
  } else if (result.headless) {
    const bool http = std::any_of(result.ports.begin(), result.ports.end(),
                                  [](const model::ServicePort& port) { return model::isHttp(port.protocol); });
    if (!http) result.resolution = model::Service::Resolution::original_dst;
  } else {
    for (const auto& ip : spec.clusterIPs) {
      if (!ip.empty() && ip != "None") result.addresses.push_back(ip);
    }
  }
  return result;
}

model::Locality nodeLocality(store::View& view, std::string_view name) {
  if (name.empty()) return {};
  const auto* node = view.get<api::Node>("", name);
  if (node == nullptr) return {};
  const auto& labels = node->meta.labels;
  return {labelOf(labels, "topology.kubernetes.io/region"), labelOf(labels, "topology.kubernetes.io/zone"),
          labelOf(labels, "topology.istio.io/subzone")};
}

WorkloadOf::Value workloadOf(store::View& view, const WorkloadOf& query) {
  const auto* pod = view.get<api::Pod>(query.ns, query.name);
  if (pod == nullptr) return std::nullopt;
  model::Workload result;
  result.ns = pod->meta.ns;
  result.name = pod->meta.name;
  result.serviceAccount = pod->spec.serviceAccountName.empty() ? "default" : pod->spec.serviceAccountName;
  result.workload = pod->spec.workload.empty() ? pod->meta.name : pod->spec.workload;
  result.labels = pod->meta.labels;
  // The addresses of a finished pod may already belong to another one.
  if (pod->spec.phase != "Succeeded" && pod->spec.phase != "Failed") result.ips = pod->spec.ips;
  result.node = pod->spec.nodeName;
  result.locality = nodeLocality(view, pod->spec.nodeName);
  result.meshTls = labelOf(pod->meta.labels, kTlsModeLabel.data()) == "istio";
  for (const auto& port : pod->spec.ports) {
    if (!port.name.empty() && (port.protocol.empty() || port.protocol == "TCP")) {
      result.namedPorts.emplace(port.name, port.number);
    }
  }
  return result;
}

WorkloadServices::Value workloadServices(store::View& view, const WorkloadServices& query) {
  std::vector<std::string> hosts;
  for (const auto* service : view.list<api::Service>(query.ns)) {
    const auto& selector = service->spec.selector;
    if (selector.empty() || service->spec.type == "ExternalName" || !api::selects(selector, query.labels)) continue;
    hosts.push_back(store::resolveHost(service->meta.name, query.ns, view.mesh()));
  }
  const auto entries = hostsOfEntriesFor(view, query.ns, query.labels);
  hosts.insert(hosts.end(), entries.begin(), entries.end());
  std::sort(hosts.begin(), hosts.end());
  return hosts;
}

NamedPortsOf::Value namedPortsOf(store::View& view, const NamedPortsOf& query) {
  NamedPortsOf::Value result;
  for (const auto* pod : view.select<api::Pod>(query.ns, query.labels)) {
    // The selector also finds pods with further labels: those are workloads of another class.
    if (pod->meta.labels != query.labels) continue;
    for (const auto& port : pod->spec.ports) {
      if (port.name.empty() || (!port.protocol.empty() && port.protocol != "TCP")) continue;
      auto& numbers = result[port.name];
      if (std::find(numbers.begin(), numbers.end(), port.number) == numbers.end()) numbers.push_back(port.number);
    }
  }
  for (auto& [name, numbers] : result) std::sort(numbers.begin(), numbers.end());
  return result;
}

std::vector<std::uint32_t> workloadPorts(store::View& view, const std::string& targetPort, const std::string& ns,
                                         const model::Labels& labels) {
  if (const auto number = toNumber(targetPort)) return {static_cast<std::uint32_t>(*number)};
  const auto& named = view.ask(NamedPortsOf{ns, labels});
  const auto found = named.find(targetPort);
  return found == named.end() ? std::vector<std::uint32_t>() : found->second;
}

namespace {

// Where machines take what is for a port of a service; where they say nothing of it, as pods do, or at the service's own number.
void addMachinePorts(const std::map<std::string, std::vector<std::uint32_t>>& machines, const model::ServicePort& port,
                     std::vector<std::uint32_t>& numbers) {
  const auto add = [&](std::uint32_t number) {
    if (std::find(numbers.begin(), numbers.end(), number) == numbers.end()) numbers.push_back(number);
  };
  const auto own = machines.find(port.name);
  if (own != machines.end()) {
    for (const auto number : own->second) add(number);
  } else if (!toNumber(port.targetPort)) {
    add(port.number);
  }
}

}  // namespace

InboundPortsOf::Value inboundPortsOf(store::View& view, const InboundPortsOf& query) {
  std::map<std::uint32_t, InboundPortsOf::Port> ports;
  const auto& hosts = view.ask(WorkloadServices{query.ns, query.labels});
  const MachinePortsOf::Value none;
  const auto& machines = hosts.empty() ? none : view.ask(MachinePortsOf{query.ns, query.labels});
  for (const auto& host : hosts) {
    const auto& service = view.ask(ServiceOf{host});
    if (!service) continue;
    for (const auto& port : service->ports) {
      auto numbers = workloadPorts(view, port.targetPort, query.ns, query.labels);
      if (machines) addMachinePorts(*machines, port, numbers);
      for (const auto number : numbers) {
        auto& entry = ports[number];
        entry.port = number;
        entry.services.push_back({host, port.number, port.protocol});
      }
    }
  }
  for (auto& [number, port] : ports) {
    port.protocol = port.services.front().protocol;
    std::sort(port.services.begin(), port.services.end());
  }
  if (const auto* sidecar = sidecarWithIngress(view, query.ns, query.labels)) {
    // It names the ports in the services' stead.
    std::map<std::uint32_t, InboundPortsOf::Port> named;
    for (const auto& ingress : sidecar->ingress) {
      const auto found = ports.find(ingress.port);
      auto& port = named[ingress.port];
      if (found != ports.end()) port = found->second;
      port.port = ingress.port;
      port.protocol = protocolOf(ingress);
    }
    ports = std::move(named);
  }
  InboundPortsOf::Value result;
  for (auto& [number, port] : ports) result.push_back(std::move(port));
  return result;
}

}  // namespace fairway::normalize
