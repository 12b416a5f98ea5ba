#include "api/virtual_service_json.h"

#include <algorithm>
#include <set>

#include "api/destination_json.h"
#include "api/http_route_json.h"
#include "api/validate.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

void readSubnets(Fields& fields, L4Match& out) {
  if (const auto subnets = fields.get("destinationSubnets")) {
    out.destinationSubnets = subnets->texts();
    checkIps(*subnets);
  }
  if (const auto subnet = fields.get("destinationSubnet")) {  // one text up to Istio 0.8
    subnet->warn("old field, use destinationSubnets");
    const auto text = subnet->text();
    if (text && isIpOrCidr(*text)) out.destinationSubnets.push_back(*text);
    if (text && !isIpOrCidr(*text)) subnet->expected("an IP address or a range such as \"10.0.0.0/8\"");
  }
}

// True if each connection that asks for `sni` asks for one of the object's hosts.
bool covered(const std::string& sni, const std::vector<std::string>& hosts) {
  return std::any_of(hosts.begin(), hosts.end(), [&](const std::string& host) {
    return host == "*" || host == sni || (host.starts_with("*.") && sni.ends_with(host.substr(1)));
  });
}

void readSniHosts(Fields& fields, const std::vector<std::string>& hosts, L4Match& out) {
  const auto sni = fields.get("sniHosts");
  if (!sni) {
    if (fields.readable()) fields.missing("sniHosts", "at least one host");
    return;
  }
  out.sniHosts = sni->texts();
  if (sni->json().is_array() && sni->json().empty()) sni->error("it is empty, expected at least one host");
  for (const auto& name : out.sniHosts) {
    if (!isHostPattern(name)) {
      sni->error("found " + quote(name) + ", expected a DNS name, or \"*.\" before one");
    } else if (!covered(name, hosts)) {
      sni->error("found " + quote(name) + ", which none of spec.hosts covers");
    }
  }
}

void readL4Match(const Value& value, bool tls, const std::vector<std::string>& hosts, L4Match& out) {
  Fields fields(value);
  if (tls) readSniHosts(fields, hosts, out);
  readSubnets(fields, out);
  fields.readPort("port", out.port);
  if (const auto labels = fields.get("sourceLabels")) {
    out.sourceLabels = labels->textMap();
    checkLabels(*labels, out.sourceLabels);
  }
  fields.read("sourceNamespace", out.sourceNamespace);
  if (const auto gateways = fields.get("gateways")) {
    out.gateways = gateways->texts();
    checkGatewayNames(*gateways);
  }
  // Without this condition the route would take connections it was not meant for.
  if (const auto subnet = fields.get("sourceSubnet")) {
    subnet->error("connections cannot be matched by their source address, expected sourceLabels or sourceNamespace");
  }
}

void readL4Route(const Value& value, bool tls, const std::vector<std::string>& hosts, L4Route& out) {
  Fields fields(value);
  if (!fields.readable()) return;
  if (const auto matches = fields.get("match")) {
    matches->eachItem([&](const Value& item, std::size_t) { readL4Match(item, tls, hosts, out.match.emplace_back()); });
  }
  if (tls && out.match.empty() && !fields.get("match")) fields.missing("match", "at least one match with sniHosts");
  const auto route = fields.get("route");
  if (!route) {
    fields.missing("route", "at least one destination");
    return;
  }
  std::int64_t sum = 0;
  const bool list = route->eachItem([&](const Value& item, std::size_t) {
    auto& weighted = out.route.emplace_back();
    Fields parts(item);
    if (const auto destination = parts.get("destination")) {
      readDestination(*destination, weighted.destination);
    } else if (parts.readable()) {
      parts.missing("destination", "a mapping with host");
    }
    readWeight(parts, weighted.weight);
    sum += weighted.weight;
  });
  if (list && out.route.empty()) route->error("it is empty, expected at least one destination");
  checkWeights(*route, out.route.size(), sum);
}

// Without hosts it can only be included by another one.
void checkDelegate(Fields& fields, const VirtualServiceSpec& out) {
  if (!fields.readable()) return;
  if (fields.has("tls") || fields.has("tcp") || !fields.has("http")) {
    fields.missing("hosts", "at least one host: only a delegate has none, and it has http routes alone");
  }
  if (!out.gateways.empty()) {
    fields.get("gateways")->error("a delegate (without hosts) applies where those apply that name it: remove gateways");
  }
  const auto http = fields.get("http");
  if (!http || !http->json().is_array()) return;
  http->eachItem([](const Value& item, std::size_t) {
    if (!item.json().is_object() || !item.json().contains("delegate")) return;
    item.error("a delegate cannot delegate again: expected route, redirect or directResponse");
  });
}

void readHosts(Fields& fields, VirtualServiceSpec& out) {
  const auto hosts = fields.get("hosts");
  if (!hosts || (hosts->json().is_array() && hosts->json().empty())) {
    checkDelegate(fields, out);
    return;
  }
  out.hosts = hosts->texts();
  std::set<std::string> seen;
  for (const auto& host : out.hosts) {
    if (!isHostPattern(host))
      hosts->error("found " + quote(host) + ", expected a DNS name, \"*\", or \"*.\" before a name");
    if (!seen.insert(toLower(host)).second) hosts->warn("the host " + quote(host) + " is given twice");
  }
  const bool mesh =
      out.gateways.empty() || std::find(out.gateways.begin(), out.gateways.end(), "mesh") != out.gateways.end();
  if (mesh && seen.contains("*")) {
    hosts->error(
        "the host \"*\" would take all traffic in the mesh, expected named hosts, or gateways without \"mesh\"");
  }
}

}  // namespace

void readSpec(const Value& spec, const ObjectMeta&, VirtualServiceSpec& out) {
  Fields fields(spec);
  if (const auto gateways = fields.get("gateways")) {
    out.gateways = gateways->texts();
    checkGatewayNames(*gateways);
  }
  readHosts(fields, out);
  if (const auto http = fields.get("http")) {
    http->eachItem([&](const Value& item, std::size_t) { readHttpRoute(item, out.http.emplace_back()); });
  }
  if (const auto tls = fields.get("tls")) {
    tls->eachItem([&](const Value& item, std::size_t) { readL4Route(item, true, out.hosts, out.tls.emplace_back()); });
  }
  if (const auto tcp = fields.get("tcp")) {
    tcp->eachItem([&](const Value& item, std::size_t) { readL4Route(item, false, out.hosts, out.tcp.emplace_back()); });
  }
  if (fields.readable() && out.http.empty() && out.tls.empty() && out.tcp.empty() && !fields.get("http") &&
      !fields.get("tls") && !fields.get("tcp")) {
    spec.error("expected at least one of http, tls, tcp");
  }
  if (const auto exportTo = fields.get("exportTo")) {
    out.exportTo = exportTo->texts();
    checkExportTo(*exportTo);
  }
}

}  // namespace fairway::api
