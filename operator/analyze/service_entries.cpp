#include "analyze/checks.h"
#include "api/core.h"
#include "api/service_entry.h"
#include "normalize/objects.h"
#include "normalize/protocol.h"
#include "store/indexes.h"

namespace fairway::analyze {

namespace {

void checkAddresses(const Resource& resource, const api::ServiceEntry& entry, Reporter& report) {
  if (!entry.spec.addresses.empty()) return;
  for (std::size_t i = 0; i < entry.spec.ports.size(); ++i) {
    const auto& port = entry.spec.ports[i];
    if (port.number == 0 || !normalize::isOpaque(port.protocol)) continue;
    report.add(Code::addresses_required, resource, "spec.ports[" + std::to_string(i) + "]",
               "port " + std::to_string(port.number) + " speaks " + (port.protocol.empty() ? "TCP" : port.protocol) +
                   ", and the entry has no addresses: connections to any address at this port count as meant for " +
                   (entry.spec.hosts.empty() ? std::string("it") : entry.spec.hosts.front()),
               "add spec.addresses, the IP addresses at which clients reach the host; or protocol HTTP or TLS if it is "
               "that");
  }
}

void checkHosts(const World& world, const Resource& resource, const api::ServiceEntry& entry, Reporter& report) {
  for (std::size_t i = 0; i < entry.spec.hosts.size(); ++i) {
    const auto& host = entry.spec.hosts[i];
    const auto field = "spec.hosts[" + std::to_string(i) + "]";
    const auto services = world.view().lookup<api::Service>(store::Index::service_by_host, host);
    if (!services.empty()) {
      report.add(Code::host_of_another, resource, field,
                 "host " + host + " is that of Service " + services.front()->meta.key().toString() +
                     ", which decides: the entry has no effect on it",
                 "remove the host, or rename one of the two");
      continue;
    }
    auto entries = world.view().lookup<api::ServiceEntry>(store::Index::service_entry_by_host, host);
    std::erase_if(entries, [](const auto* other) { return !other->valid(); });
    normalize::sortOldestFirst(entries);
    if (entries.empty() || entries.front() == &entry) continue;
    report.add(Code::host_of_another, resource, field,
               "host " + host + " is defined by ServiceEntry " + entries.front()->meta.key().toString() +
                   " already, which is older and decides: this entry has no effect on it",
               "put ports and endpoints of the host into one ServiceEntry");
  }
}

}  // namespace

void checkServiceEntries(const World& world, Reporter& report) {
  world.each<api::ServiceEntry>([&](const Resource& resource, const api::ServiceEntry& entry) {
    checkAddresses(resource, entry, report);
    if (entry.valid()) checkHosts(world, resource, entry, report);
  });
}

}  // namespace fairway::analyze
