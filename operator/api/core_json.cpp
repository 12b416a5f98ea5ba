#include "api/core_json.h"

#include "api/base64.h"
#include "api/owner.h"
#include "api/validate.h"

namespace fairway::api {
namespace {

// The ports of `spec.containers` or of those `spec.initContainers` that keep running beside them.
void readContainers(Fields& spec, std::string_view name, bool restarting, std::vector<PodSpec::Port>& out) {
  const auto containers = spec.get(name);
  if (!containers) return;
  containers->eachItem([&](const Value& container, std::size_t) {
    Fields fields(container);
    std::string restartPolicy;
    fields.read("restartPolicy", restartPolicy);
    if (restarting && restartPolicy != "Always") return;
    const auto ports = fields.get("ports");
    if (!ports) return;
    ports->eachItem([&](const Value& item, std::size_t) {
      Fields parts(item);
      auto& port = out.emplace_back();
      port.protocol = "TCP";
      parts.read("name", port.name);
      parts.readPort("containerPort", port.number);
      parts.read("protocol", port.protocol);
    });
  });
}

// Kubernetes lists no condition Ready before the pod is scheduled: until then it is not ready.
void readReady(Fields& status, PodSpec& out) {
  const auto conditions = status.get("conditions");
  if (!conditions || !conditions->json().is_array() || conditions->json().empty()) return;
  out.ready = false;
  conditions->eachItem([&](const Value& item, std::size_t) {
    Fields condition(item);
    std::string type, value;
    condition.read("type", type);
    condition.read("status", value);
    if (type == "Ready") out.ready = value == "True";
  });
}

void readOwner(Fields& metadata, const Labels& labels, std::string& out) {
  const auto owners = metadata.get("ownerReferences");
  if (!owners) return;
  owners->eachItem([&](const Value& item, std::size_t) {
    Fields owner(item);
    bool controller = false;
    owner.read("controller", controller);
    if (!controller || !out.empty()) return;
    Owner found;
    owner.read("kind", found.kind);
    owner.read("name", found.name);
    out = workloadBehind(std::move(found), labels).name;
  });
}

void readServicePort(const Value& value, ServiceSpec::Port& out) {
  Fields fields(value);
  fields.read("name", out.name);
  fields.read("protocol", out.protocol);
  fields.read("appProtocol", out.appProtocol);
  fields.readPort("port", out.number);
  if (fields.readable() && !fields.has("port")) fields.missing("port", "a port from 1 to 65535");
  const auto target = fields.get("targetPort");
  if (!target) return;
  if (target->json().is_string()) {
    out.targetPort = target->json().get<std::string>();
  } else if (const auto number = target->integer(0, 65535); number && *number != 0) {
    out.targetPort = std::to_string(*number);
  }
}

void readConditions(const Value& value, EndpointSliceSpec::Endpoint& out) {
  Fields fields(value);
  fields.read("ready", out.ready);
  fields.read("serving", out.serving);
  fields.read("terminating", out.terminating);
}

void readEndpoint(const Value& value, EndpointSliceSpec::Endpoint& out) {
  Fields fields(value);
  fields.read("addresses", out.addresses);
  if (const auto conditions = fields.get("conditions")) readConditions(*conditions, out);
  fields.read("hostname", out.hostname);
  fields.read("nodeName", out.nodeName);
  fields.read("zone", out.zone);
  if (const auto target = fields.get("targetRef")) {
    Fields parts(*target);
    parts.read("kind", out.targetKind);
    parts.read("namespace", out.targetNamespace);
    parts.read("name", out.targetName);
  }
}

// Reads one entry of a secret. Messages never quote what is in it.
void readEntry(Fields& object, std::string_view name, std::string& out) {
  if (!out.empty()) return;
  if (const auto plain = object.get("stringData"); plain && plain->json().is_object()) {
    Fields fields(*plain);
    const auto value = fields.get(name);
    if (value && value->json().is_string()) out = value->json().get<std::string>();
    if (value && !value->json().is_string()) value->error("expected text");
    if (!out.empty()) return;
  }
  const auto data = object.get("data");
  if (!data || !data->json().is_object()) return;
  Fields fields(*data);
  const auto value = fields.get(name);
  if (!value) return;
  auto decoded = value->json().is_string() ? decodeBase64(value->json().get_ref<const std::string&>()) : std::nullopt;
  if (decoded) {
    out = std::move(*decoded);
  } else {
    value->error("expected text in base64");
  }
}

}  // namespace

void readSpec(const Value&, const ObjectMeta&, NamespaceSpec&) {}

void readSpec(const Value&, const ObjectMeta&, NodeSpec&) {}

void readSpec(const Value& object, const ObjectMeta& meta, PodSpec& out) {
  Fields fields(object);
  if (const auto metadata = fields.get("metadata")) {
    Fields parts(*metadata);
    readOwner(parts, meta.labels, out.workload);
  }
  out.serviceAccountName = "default";
  if (const auto spec = fields.get("spec")) {
    Fields parts(*spec);
    parts.read("serviceAccountName", out.serviceAccountName);
    parts.read("nodeName", out.nodeName);
    parts.read("hostNetwork", out.hostNetwork);
    readContainers(parts, "containers", false, out.ports);
    readContainers(parts, "initContainers", true, out.ports);
  }
  if (out.serviceAccountName.empty()) out.serviceAccountName = "default";
  const auto status = fields.get("status");
  if (!status) return;
  Fields parts(*status);
  parts.read("phase", out.phase);
  readReady(parts, out);
  if (const auto ips = parts.get("podIPs")) {
    ips->eachItem([&](const Value& item, std::size_t) {
      Fields entry(item);
      std::string ip;
      entry.read("ip", ip);
      if (!ip.empty()) out.ips.push_back(std::move(ip));
    });
  }
  std::string ip;
  parts.read("podIP", ip);
  if (out.ips.empty() && !ip.empty()) out.ips.push_back(std::move(ip));
}

namespace {

void readLoadBalancer(Fields& fields, ServiceSpec& out) {
  const auto status = fields.get("status");
  if (!status) return;
  Fields parts(*status);
  const auto balancer = parts.get("loadBalancer");
  if (!balancer) return;
  Fields entries(*balancer);
  const auto ingress = entries.get("ingress");
  if (!ingress) return;
  ingress->eachItem([&](const Value& item, std::size_t) {
    Fields entry(item);
    std::string address;
    entry.read("ip", address);
    if (address.empty()) entry.read("hostname", address);
    if (!address.empty()) out.loadBalancer.push_back(std::move(address));
  });
}

}  // namespace

void readSpec(const Value& object, const ObjectMeta&, ServiceSpec& out) {
  Fields fields(object);
  const auto spec = fields.get("spec");
  if (!spec) return;
  Fields parts(*spec);
  parts.read("type", out.type);
  parts.read("externalName", out.externalName);
  parts.read("selector", out.selector);
  parts.read("publishNotReadyAddresses", out.publishNotReadyAddresses);
  if (const auto ips = parts.get("clusterIPs")) out.clusterIPs = ips->texts();
  if (out.clusterIPs.empty()) {
    std::string ip;
    parts.read("clusterIP", ip);
    if (!ip.empty()) out.clusterIPs.push_back(std::move(ip));
  }
  if (const auto ports = parts.get("ports")) {
    ports->eachItem([&](const Value& item, std::size_t) { readServicePort(item, out.ports.emplace_back()); });
  }
  readLoadBalancer(fields, out);
}

void readSpec(const Value& object, const ObjectMeta& meta, EndpointSliceSpec& out) {
  const auto label = meta.labels.find("kubernetes.io/service-name");
  if (label != meta.labels.end()) out.service = label->second;
  Fields fields(object);
  fields.read("addressType", out.addressType);
  if (const auto ports = fields.get("ports")) {
    ports->eachItem([&](const Value& item, std::size_t) {
      Fields parts(item);
      auto& port = out.ports.emplace_back();
      parts.read("name", port.name);
      parts.read("protocol", port.protocol);
      parts.read("appProtocol", port.appProtocol);
      parts.readPort("port", port.number);
    });
  }
  if (const auto endpoints = fields.get("endpoints")) {
    if (endpoints->json().is_array()) out.endpoints.reserve(endpoints->json().size());  // many: no room to spare
    endpoints->eachItem([&](const Value& item, std::size_t) { readEndpoint(item, out.endpoints.emplace_back()); });
  }
}

void readSpec(const Value& object, const ObjectMeta&, SecretSpec& out) {
  Fields fields(object);
  fields.read("type", out.type);
  readEntry(fields, "tls.crt", out.certificateChain);
  readEntry(fields, "tls.key", out.privateKey);
  readEntry(fields, "ca.crt", out.caCertificates);
  readEntry(fields, "cert", out.certificateChain);
  readEntry(fields, "key", out.privateKey);
  readEntry(fields, "cacert", out.caCertificates);
}

}  // namespace fairway::api
