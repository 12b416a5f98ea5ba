#include <algorithm>
#include <set>

#include "api/gateway_api_json.h"
#include "api/gateway_api_parts_json.h"
#include "api/validate.h"

namespace fairway::api {

using namespace gateway_api;

namespace {

using From = gateway_api::GatewaySpec::From;
using Listener = gateway_api::GatewaySpec::Listener;

constexpr EnumName<From> kFrom[] = {
    {"All", 0, From::all}, {"Selector", 1, From::selector}, {"Same", 2, From::same}, {"None", 3, From::none}};

void readTls(const Value& value, gateway_api::GatewaySpec::Tls& out) {
  static constexpr EnumName<bool> kModes[] = {{"Terminate", 0, false}, {"Passthrough", 1, true}};
  Fields fields(value);
  if (const auto mode = fields.get("mode")) out.passthrough = mode->oneOf<bool>(kModes).value_or(false);
  if (const auto certificates = fields.get("certificateRefs")) {
    certificates->eachItem([&](const Value& item, std::size_t) {
      Fields parts(item);
      readReference(parts, "", "Secret", out.certificates.emplace_back());
    });
  }
  fields.read("options", out.options);
}

void readAllowedRoutes(const Value& value, Listener& out) {
  Fields fields(value);
  if (const auto namespaces = fields.get("namespaces")) {
    Fields parts(*namespaces);
    if (const auto from = parts.get("from")) out.from = from->oneOf<From>(kFrom).value_or(From::none);
    if (const auto selector = parts.get("selector")) readSelector(*selector, out.selector);
    if (parts.readable() && out.from == From::selector && !parts.has("selector")) {
      parts.missing("selector", "labels of namespaces, because from is Selector");
    }
  }
  if (const auto kinds = fields.get("kinds")) {
    kinds->eachItem([&](const Value& item, std::size_t) {
      auto& kind = out.kinds.emplace_back();
      kind.group = kGroup;
      Fields parts(item);
      parts.read("group", kind.group);
      parts.read("kind", kind.kind);
      if (parts.readable() && kind.kind.empty()) parts.missing("kind", "a kind of route");
    });
  }
}

void readListener(const Value& value, Listener& out) {
  Fields fields(value);
  fields.read("name", out.name);
  if (fields.readable() && out.name.empty()) fields.missing("name", "a name of its own");
  if (const auto host = fields.get("hostname")) out.hostname = readHostname(*host, true);
  if (fields.has("port")) {
    fields.readPort("port", out.port);
  } else if (fields.readable()) {
    fields.missing("port", "the port that clients connect to");
  }
  fields.read("protocol", out.protocol);
  if (fields.readable() && out.protocol.empty()) fields.missing("protocol", "HTTP, HTTPS, TLS or TCP");
  if (const auto tls = fields.get("tls")) readTls(*tls, out.tls.emplace());
  if (const auto routes = fields.get("allowedRoutes")) readAllowedRoutes(*routes, out);
}

void readValidation(const Value& tls, std::uint32_t port, gateway_api::GatewaySpec& out) {
  static constexpr EnumName<bool> kModes[] = {{"AllowValidOnly", 0, false}, {"AllowInsecureFallback", 1, true}};
  Fields fields(tls);
  const auto validation = fields.get("validation");
  auto& result = out.clientValidations.emplace_back();
  result.port = port;
  if (!validation) return;  // of a port: none, whatever the default says
  Fields parts(*validation);
  if (const auto mode = parts.get("mode")) result.optional = mode->oneOf<bool>(kModes).value_or(false);
  const auto roots = parts.get("caCertificateRefs");
  if (!roots) {
    if (parts.readable()) parts.missing("caCertificateRefs", "ConfigMaps with ca.crt");
    return;
  }
  roots->eachItem([&](const Value& item, std::size_t) {
    Fields entry(item);
    readReference(entry, "", "ConfigMap", result.roots.emplace_back());
  });
}

void readGatewayTls(const Value& value, gateway_api::GatewaySpec& out) {
  Fields fields(value);
  if (const auto backend = fields.get("backend")) {
    Fields parts(*backend);
    if (const auto ref = parts.get("clientCertificateRef")) {
      Fields entry(*ref);
      readReference(entry, "", "Secret", out.clientCertificate.emplace());
    }
  }
  const auto frontend = fields.get("frontend");
  if (!frontend) return;
  Fields parts(*frontend);
  if (const auto defaults = parts.get("default")) readValidation(*defaults, 0, out);
  const auto ports = parts.get("perPort");
  if (!ports) return;
  ports->eachItem([&](const Value& item, std::size_t) {
    Fields entry(item);
    std::uint32_t port = 0;
    entry.readPort("port", port);
    if (const auto tls = entry.get("tls"); tls && port != 0) readValidation(*tls, port, out);
  });
}

void readInfrastructure(const Value& value, gateway_api::GatewaySpec& out) {
  Fields fields(value);
  fields.read("labels", out.labels);
  fields.read("annotations", out.annotations);
  if (const auto parameters = fields.get("parametersRef")) {
    Fields parts(*parameters);
    readReference(parts, "", "", out.parameters.emplace());
  }
}

}  // namespace

bool LabelSelector::selects(const Labels& of) const {
  if (!api::selects(labels, of)) return false;
  for (const auto& expression : expressions) {
    const auto found = of.find(expression.key);
    const bool listed = found != of.end() && std::find(expression.values.begin(), expression.values.end(),
                                                       found->second) != expression.values.end();
    if (expression.op == "In" && !listed) return false;
    if (expression.op == "NotIn" && listed) return false;
    if (expression.op == "Exists" && found == of.end()) return false;
    if (expression.op == "DoesNotExist" && found != of.end()) return false;
    if (expression.op.empty()) return false;  // it could not be read
  }
  return true;
}

void readSpec(const Value& spec, const ObjectMeta&, GatewayClassSpec& out) {
  Fields fields(spec);
  fields.read("controllerName", out.controller);
  if (fields.readable() && out.controller.empty()) fields.missing("controllerName", "the controller that serves it");
  if (const auto parameters = fields.get("parametersRef")) {
    Fields parts(*parameters);
    readReference(parts, "", "", out.parameters.emplace());
  }
  (void)fields.has("description");
}

void readSpec(const Value& spec, const ObjectMeta&, gateway_api::GatewaySpec& out) {
  Fields fields(spec);
  fields.read("gatewayClassName", out.className);
  if (fields.readable() && out.className.empty()) fields.missing("gatewayClassName", "the name of a GatewayClass");
  if (const auto infrastructure = fields.get("infrastructure")) readInfrastructure(*infrastructure, out);
  if (const auto tls = fields.get("tls")) readGatewayTls(*tls, out);
  if (const auto addresses = fields.get("addresses")) {
    addresses->eachItem([&](const Value& item, std::size_t) {
      auto& address = out.addresses.emplace_back();
      Fields parts(item);
      parts.read("type", address.type);
      parts.read("value", address.value);
    });
  }
  fields.ignore("allowedListeners", "ListenerSets are not supported");
  fields.ignore("defaultScope", "no Gateway is a default one");
  const auto listeners = fields.get("listeners");
  if (!listeners) {
    if (fields.readable()) fields.missing("listeners", "at least one listener");
    return;
  }
  std::set<std::string> names;
  listeners->eachItem([&](const Value& item, std::size_t) {
    auto& listener = out.listeners.emplace_back();
    readListener(item, listener);
    if (!listener.name.empty() && !names.insert(listener.name).second) {
      item.error("the name " + quote(listener.name) + " is that of another listener, expected a name of its own");
    }
  });
}

}  // namespace fairway::api
