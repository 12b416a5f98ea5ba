#include "control/ingress_status.h"

#include <arpa/inet.h>

#include <algorithm>
#include <set>
#include <utility>

namespace fairway::control {

using Json = nlohmann::json;

namespace {

const Json& at(const Json& object, const char* pointer) {
  static const Json kNothing;
  const Json::json_pointer path(pointer);
  return object.is_object() && object.contains(path) ? object.at(path) : kNothing;
}

std::string textAt(const Json& object, const char* pointer) {
  const Json& value = at(object, pointer);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

bool isIp(const std::string& text) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 || inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

// "ip" or "hostname" of each entry of a load balancer's status.
std::vector<std::string> addressesOf(const Json& entries) {
  std::vector<std::string> addresses;
  if (!entries.is_array()) return addresses;
  for (const Json& entry : entries) {
    const std::string ip = textAt(entry, "/ip");
    const std::string address = ip.empty() ? textAt(entry, "/hostname") : ip;
    if (!address.empty()) addresses.push_back(address);
  }
  return addresses;
}

Json statusOf(const std::vector<std::string>& addresses) {
  Json entries = Json::array();
  for (const std::string& address : addresses) entries.push_back({{isIp(address) ? "ip" : "hostname", address}});
  return {{"loadBalancer", {{"ingress", entries.empty() ? Json() : std::move(entries)}}}};
}

}  // namespace

Json keepIngress(const Json& object) {
  Json addresses = addressesOf(at(object, "/status/loadBalancer/ingress"));
  return {{"annotation", textAt(object, "/metadata/annotations/kubernetes.io~1ingress.class")},
          {"class", textAt(object, "/spec/ingressClassName")},
          {"addresses", std::move(addresses)}};
}

Json keepIngressClass(const Json& object) { return {{"controller", textAt(object, "/spec/controller")}}; }

Json keepGatewayService(const Json& object) {
  if (textAt(object, "/spec/selector/istio") != "ingressgateway") return nullptr;
  std::vector<std::string> addresses;
  if (textAt(object, "/spec/type") == "LoadBalancer")
    addresses = addressesOf(at(object, "/status/loadBalancer/ingress"));
  const Json& external = at(object, "/spec/externalIPs");
  if (external.is_array()) {
    for (const Json& ip : external) {
      if (ip.is_string()) addresses.push_back(ip.get<std::string>());
    }
  }
  return {{"addresses", std::move(addresses)}};
}

bool isOurIngress(const Json& ingress, const kube::Mirror::Objects& classes) {
  const auto annotation = ingress.at("annotation").get<std::string>();
  if (!annotation.empty()) return annotation == "istio";
  const auto found = classes.find({"", ingress.at("class").get<std::string>()});
  return found != classes.end() && found->second.at("controller") == "istio.io/ingress-controller";
}

void tellIngressStatuses(const kube::Mirror::Objects& ingresses, const kube::Mirror::Objects& classes,
                         const kube::Mirror::Objects& services, StatusWriter& writer, std::vector<StatusTarget>& told) {
  std::set<std::string> addresses;  // in order, so that the same gateways always give the same status
  for (const auto& [key, service] : services) {
    for (const Json& address : service.at("addresses")) addresses.insert(address.get<std::string>());
  }
  const Json wanted = statusOf({addresses.begin(), addresses.end()});
  std::vector<StatusTarget> targets;
  for (const auto& [key, ingress] : ingresses) {
    if (!isOurIngress(ingress, classes)) continue;
    const StatusTarget target{"networking.k8s.io", "v1", "ingresses", "Ingress", key};
    writer.seen(target, statusOf(ingress.at("addresses").get<std::vector<std::string>>()));
    writer.set(target, wanted);
    targets.push_back(target);
  }
  for (const StatusTarget& target : told) {
    if (!std::binary_search(targets.begin(), targets.end(), target)) writer.forget(target);
  }
  told = std::move(targets);
}

}  // namespace fairway::control
