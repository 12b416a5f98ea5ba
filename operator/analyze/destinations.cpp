#include <set>

#include "analyze/checks.h"
#include "analyze/routes.h"
#include "analyze/spelling.h"
#include "normalize/hosts.h"
#include "normalize/queries.h"
#include "store/indexes.h"

namespace fairway::analyze {

namespace {

// The namespaces whose proxies use the routes, as far as they are known: the VirtualService's own, and those of the pods
// that its gateways select.
std::set<std::string> clientsOf(const World& world, const api::VirtualService& object) {
  std::set<std::string> result{object.meta.ns};
  for (const auto& gateway : gatewaysOf(object)) {
    const auto slash = gateway.find('/');
    if (slash == std::string::npos) continue;
    const auto* found = world.view().get<api::Gateway>(gateway.substr(0, slash), gateway.substr(slash + 1));
    if (found == nullptr) continue;
    for (const auto* workload : world.select("", found->spec.selector)) result.insert(workload->ns);
  }
  return result;
}

std::vector<std::string> portsOf(const model::Service& service) {
  std::vector<std::string> result;
  for (const auto& port : service.ports) {
    result.push_back(std::to_string(port.number) + (port.name.empty() ? "" : " (" + port.name + ")"));
  }
  return result;
}

class Destinations {
 public:
  Destinations(const World& world, const Resource& resource, const api::VirtualService& object, Reporter& report)
      : world_(world), resource_(resource), object_(object), report_(report), clients_(clientsOf(world, object)) {}

  void check(const DestinationAt& at) {
    const auto& written = at.destination.host;
    if (written.empty()) return;  // an error of the schema
    const auto host = store::resolveHost(written, object_.meta.ns, world_.options().mesh);
    const auto* service = serviceOf(world_, host);
    if (service == nullptr) return missingHost(at, host);
    if (!isSeen(*service)) return hidden(at, *service);
    const auto port = checkPort(at, *service);
    if (!at.destination.subset.empty()) checkSubset(at, *service, port);
    if (at.only || at.weight > 0) checkBacking(at, *service);
  }

 private:
  void missingHost(const DestinationAt& at, const std::string& host) {
    if (!world_.knows(api::Kind::service) || !world_.knows(api::Kind::service_entry)) return;
    const auto& hosts = world_.view().ask(normalize::AllHosts{});
    const auto& written = at.destination.host;
    std::string hint = didYouMean(host, hosts);
    if (hint.empty() && written.find('.') == std::string::npos) {
      std::vector<std::string> elsewhere;
      for (const auto& known : hosts) {
        if (known.starts_with(written + ".")) elsewhere.push_back(known);
      }
      if (!elsewhere.empty()) hint = "; there is " + listed(elsewhere);
    }
    report_.add(Code::host_not_found, resource_, at.field + ".host",
                "found host " + written + ", but there is no Service or ServiceEntry with host " + host + hint +
                    (at.mirror ? ": copies are dropped" : ": requests that are sent there are answered with 503"),
                written.find('.') == std::string::npos
                    ? "create it, correct the name, or write the whole one (name.namespace.svc." +
                          world_.options().mesh.clusterDomain +
                          "): a short name is looked up in the VirtualService's "
                          "namespace"
                    : "create it, or correct the name; a host outside the cluster needs a ServiceEntry");
  }

  bool isSeen(const model::Service& service) const {
    return std::any_of(clients_.begin(), clients_.end(),
                       [&](const auto& ns) { return normalize::isVisible(service.exportTo, service.ns, ns); });
  }

  void hidden(const DestinationAt& at, const model::Service& service) {
    report_.add(Code::host_not_found, resource_, at.field + ".host",
                service.kind + " " + service.ns + "/" + service.name + " with host " + service.host +
                    " is not exported to namespace " + *clients_.begin() + ": requests that are sent there fail",
                "add the namespace to its exportTo");
  }

  // The port that requests get to; 0 where that is open.
  std::uint32_t checkPort(const DestinationAt& at, const model::Service& service) {
    const auto number = at.destination.port;
    if (number != 0) {
      if (service.port(number) != nullptr) return number;
      report_.add(Code::port_not_found, resource_, at.field + ".port.number",
                  "found port " + std::to_string(number) + ", but " + service.host + " has " +
                      (service.ports.empty() ? std::string("no TCP port") : "port " + listed(portsOf(service), 9)) +
                      ": requests that are sent there fail",
                  "name a port of the Service (not the container's)");
      return 0;
    }
    if (service.ports.size() == 1) return service.ports.front().number;
    if (service.ports.empty() || keepsPort(service)) return 0;
    report_.add(Code::port_required, resource_, at.field,
                service.host + " has several ports (" + listed(portsOf(service), 9) + "), and none is chosen" +
                    ": requests that came to another port fail",
                "add port: {number: " + std::to_string(service.ports.front().number) + "} or another one of them");
    return 0;
  }

  // Inside the mesh a request to a port of a service keeps its number: this is enough where all hosts have the ports.
  bool keepsPort(const model::Service& service) const {
    const auto gateways = gatewaysOf(object_);
    if (gateways != std::vector<std::string>{"mesh"}) return false;
    return std::all_of(object_.spec.hosts.begin(), object_.spec.hosts.end(), [&](const std::string& written) {
      const auto* asked = serviceOf(world_, store::resolveHost(written, object_.meta.ns, world_.options().mesh));
      return asked != nullptr && std::all_of(asked->ports.begin(), asked->ports.end(),
                                             [&](const auto& port) { return service.port(port.number) != nullptr; });
    });
  }

  void checkSubset(const DestinationAt& at, const model::Service& service, std::uint32_t port) {
    if (!world_.knows(api::Kind::destination_rule)) return;
    std::vector<std::string> known;
    for (const auto& ns : clients_) {
      const auto number = port != 0 || service.ports.empty() ? port : service.ports.front().number;
      for (const auto& subset : world_.view().ask(normalize::TrafficPolicyOf{ns, service.host, number}).subsets) {
        if (subset.name == at.destination.subset) return;
        known.push_back(subset.name);
      }
    }
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    const auto hint = didYouMean(at.destination.subset, known);
    report_.add(
        Code::subset_not_found, resource_, at.field + ".subset",
        "found subset " + at.destination.subset + hint + ", but " +
            (known.empty() ? "no DestinationRule that applies here defines subsets of " + service.host
                           : "for " + service.host + " there is " + listed(known, 9)) +
            ": requests that are sent there are answered with 503",
        "define the subset in a DestinationRule for the host, in namespace " + object_.meta.ns + " or " + service.ns);
  }

  void checkBacking(const DestinationAt& at, const model::Service& service) {
    if (at.mirror || service.kind != "Service" || service.selector.empty() || !world_.knowsWorkloads()) return;
    if (!world_.knows(api::Kind::pod) || !world_.select(service.ns, service.selector).empty()) return;
    report_.add(Code::nothing_behind, resource_, at.field + ".host",
                "no workload in namespace " + service.ns + " has the labels of Service " + service.name + " (" +
                    labelText(service.selector) + "): requests that are sent there are answered with 503",
                "deploy it, or correct the Service's selector");
  }

  const World& world_;
  const Resource& resource_;
  const api::VirtualService& object_;
  Reporter& report_;
  std::set<std::string> clients_;
};

template <class Route>
void checkSum(const Resource& resource, const std::vector<Route>& route, const std::string& at, Reporter& report) {
  if (route.size() < 2) return;
  std::int64_t sum = 0;
  for (const auto& each : route) sum += each.weight;
  if (sum == 100 || sum <= 0) return;  // all 0 is an error of the schema
  std::vector<std::string> shares;
  for (const auto& each : route) shares.push_back(std::to_string(each.weight) + "/" + std::to_string(sum));
  report.add(
      Code::odd_weights, resource, at + ".route",
      "the weights add up to " + std::to_string(sum) + ", not to 100: they count as shares, " + listed(shares, 9),
      "if they are meant as percentages, make them add up to 100");
}

}  // namespace

void checkDestinations(const World& world, Reporter& report) {
  world.each<api::VirtualService>([&](const Resource& resource, const api::VirtualService& object) {
    Destinations destinations(world, resource, object, report);
    eachDestination(object, [&](const DestinationAt& at) { destinations.check(at); });
  });
}

void checkWeights(const World& world, Reporter& report) {
  world.each<api::VirtualService>([&](const Resource& resource, const api::VirtualService& object) {
    const auto& spec = object.spec;
    for (std::size_t i = 0; i < spec.http.size(); ++i) {
      checkSum(resource, spec.http[i].route, "spec." + ruleText("http", i), report);
    }
    for (std::size_t i = 0; i < spec.tls.size(); ++i)
      checkSum(resource, spec.tls[i].route, "spec." + ruleText("tls", i), report);
    for (std::size_t i = 0; i < spec.tcp.size(); ++i)
      checkSum(resource, spec.tcp[i].route, "spec." + ruleText("tcp", i), report);
  });
}

}  // namespace fairway::analyze
