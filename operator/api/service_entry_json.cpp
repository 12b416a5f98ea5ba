#include "api/service_entry_json.h"

#include <algorithm>
#include <array>
#include <set>

#include "api/validate.h"
#include "api/workload_entry_json.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

using Location = ServiceEntrySpec::Location;
using Resolution = ServiceEntrySpec::Resolution;
using Port = ServiceEntrySpec::Port;
using Endpoint = ServiceEntrySpec::Endpoint;

constexpr EnumName<Location> kLocations[] = {
    {"MESH_EXTERNAL", 0, Location::external},
    {"MESH_INTERNAL", 1, Location::internal},
};
constexpr EnumName<Resolution> kResolutions[] = {
    {"NONE", 0, Resolution::none},
    {"STATIC", 1, Resolution::static_addresses},
    {"DNS", 2, Resolution::dns},
    {"DNS_ROUND_ROBIN", 3, Resolution::dns_round_robin},
    {"DYNAMIC_DNS", 4, Resolution::dynamic_dns},
};
constexpr std::array<std::string_view, 10> kProtocols{"HTTP", "HTTP2", "GRPC",  "GRPC-WEB", "HTTPS",
                                                      "TLS",  "TCP",   "MONGO", "REDIS",    "MYSQL"};

bool byDns(Resolution resolution) { return resolution == Resolution::dns || resolution == Resolution::dns_round_robin; }
bool isWildcard(const std::string& host) { return host.starts_with('*'); }

void readHosts(Fields& fields, ServiceEntrySpec& out) {
  const auto hosts = fields.get("hosts");
  if (!hosts) {
    if (fields.readable()) fields.missing("hosts", "at least one DNS name");
    return;
  }
  for (const auto& text : hosts->texts()) {
    auto host = toLower(text);
    if (host == "*" || !isHostPattern(host)) {
      hosts->error("found " + quote(text) + ", expected a DNS name, or \"*.\" before a DNS name");
    } else if (std::find(out.hosts.begin(), out.hosts.end(), host) == out.hosts.end()) {
      out.hosts.push_back(std::move(host));
    }
  }
  if (hosts->json().is_array() && hosts->json().empty()) hosts->error("it is empty, expected at least one host");
}

void readPort(const Value& value, Port& out) {
  Fields fields(value);
  fields.readPort("number", out.number);
  if (fields.readable() && !fields.has("number")) fields.missing("number", "the port that clients connect to");
  fields.read("name", out.name);
  if (fields.readable() && out.name.empty()) fields.missing("name", "a name such as https");
  fields.readPort("targetPort", out.targetPort);
  const auto protocol = fields.get("protocol");
  if (!protocol) {
    out.protocol = "TCP";
    if (fields.readable()) value.warn("protocol is not set and means TCP: without HTTP routing");
    return;
  }
  if (const auto text = protocol->text()) out.protocol = toUpper(*text);
  if (std::find(kProtocols.begin(), kProtocols.end(), out.protocol) == kProtocols.end()) {
    protocol->expected("one of " + join({kProtocols.begin(), kProtocols.end()}, ", "));
  }
}

void readPorts(Fields& fields, ServiceEntrySpec& out) {
  const auto ports = fields.get("ports");
  if (!ports) {
    if (fields.readable()) fields.value().warn("it has no ports: nothing of its hosts is served");
    return;
  }
  std::set<std::string> names;
  std::set<std::uint32_t> numbers;
  ports->eachItem([&](const Value& item, std::size_t) {
    auto& port = out.ports.emplace_back();
    readPort(item, port);
    if (!port.name.empty() && !names.insert(port.name).second) {
      item.error("another port has the name " + quote(port.name) + ", expected a name of its own");
    }
    if (port.number != 0 && !numbers.insert(port.number).second) {
      item.error("another port has the number " + std::to_string(port.number) + ", expected each number once");
    }
  });
}

void readEndpoint(const Value& value, const ServiceEntrySpec& entry, Endpoint& out) {
  readWorkload(value, byDns(entry.resolution), out);
  for (const auto& [name, number] : out.ports) {
    const bool known =
        std::any_of(entry.ports.begin(), entry.ports.end(), [&](const Port& port) { return port.name == name; });
    if (!known) value.error("it has a port " + quote(name) + ", but the ServiceEntry has no port with this name");
  }
}

void readSelector(Fields& fields, ServiceEntrySpec& out) {
  const auto selector = fields.get("workloadSelector");
  if (!selector) return;
  Fields parts(*selector);
  const auto labels = parts.get("labels");
  if (!labels) {
    if (parts.readable()) parts.missing("labels", "labels of pods in this namespace");
    return;
  }
  out.workloadSelector = labels->textMap();
  checkLabels(*labels, out.workloadSelector);
  if (out.workloadSelector.empty()) {
    labels->expected("at least one label: an empty selector would take every pod");
  }
}

// The host that the client asked for is in a request or in the server name of TLS, but in no other connection.
void checkRecoverable(Fields& fields, const ServiceEntrySpec& out) {
  for (const auto& port : out.ports) {
    const auto& p = port.protocol;
    if (p.starts_with("HTTP") || p.starts_with("GRPC") || p == "TLS" || p.empty()) continue;
    fields.get("ports")->error("port " + std::to_string(port.number) + " has protocol " + p +
                               ", in which no host is named: resolution DYNAMIC_DNS needs HTTP, HTTPS, TLS or GRPC");
  }
}

// What fits together.
void checkWhole(Fields& fields, const ServiceEntrySpec& out) {
  const auto endpoints = fields.get("endpoints");
  if (!out.workloadSelector.empty()) {
    if (endpoints && !out.endpoints.empty()) {
      endpoints->error("there is a workloadSelector, too; expected one of them");
    }
    if (out.resolution != Resolution::static_addresses && out.resolution != Resolution::dns) {
      fields.get("workloadSelector")->error("it needs resolution STATIC, or DNS for WorkloadEntries with names");
    }
  }
  switch (out.resolution) {
    case Resolution::none:
      if (endpoints && !out.endpoints.empty()) {
        endpoints->error(
            "resolution NONE goes to the address that the client chose: remove the endpoints, or set STATIC");
      }
      break;
    case Resolution::static_addresses:
      if (out.endpoints.empty() && out.workloadSelector.empty()) {
        fields.value().warn("resolution STATIC without endpoints or workloadSelector: its hosts answer 503");
      }
      break;
    case Resolution::dns_round_robin:
      if (out.endpoints.size() > 1) endpoints->error("resolution DNS_ROUND_ROBIN takes one endpoint, expected DNS");
      [[fallthrough]];
    case Resolution::dns:
      if (out.endpoints.empty() && out.workloadSelector.empty() &&
          std::any_of(out.hosts.begin(), out.hosts.end(), isWildcard)) {
        fields.get("hosts")->error(
            "a wildcard cannot be looked up in DNS: expected endpoints, hosts without \"*\", or resolution NONE or "
            "DYNAMIC_DNS");
      }
      break;
    case Resolution::dynamic_dns:
      if (!out.hosts.empty() && !std::all_of(out.hosts.begin(), out.hosts.end(), isWildcard)) {
        fields.get("hosts")->error("resolution DYNAMIC_DNS is for wildcards, expected \"*.\" before each, or DNS");
      }
      if (endpoints && !out.endpoints.empty()) {
        endpoints->warn("resolution DYNAMIC_DNS looks up the host that the client asked for: they have no effect");
      }
      checkRecoverable(fields, out);
      break;
  }
}

}  // namespace

void readSpec(const Value& spec, const ObjectMeta&, ServiceEntrySpec& out) {
  Fields fields(spec);
  readHosts(fields, out);
  fields.read("addresses", out.addresses);
  if (const auto addresses = fields.get("addresses")) checkIps(*addresses);
  readPorts(fields, out);
  if (const auto location = fields.get("location")) {
    if (const auto value = location->oneOf<Location>(kLocations)) out.location = *value;
  }
  if (const auto resolution = fields.get("resolution")) {
    if (const auto value = resolution->oneOf<Resolution>(kResolutions)) out.resolution = *value;
  }
  if (const auto endpoints = fields.get("endpoints")) {
    endpoints->eachItem([&](const Value& item, std::size_t) { readEndpoint(item, out, out.endpoints.emplace_back()); });
  }
  readSelector(fields, out);
  fields.read("exportTo", out.exportTo);
  if (const auto exportTo = fields.get("exportTo")) checkExportTo(*exportTo);
  fields.read("subjectAltNames", out.subjectAltNames);
  checkWhole(fields, out);
}

}  // namespace fairway::api
