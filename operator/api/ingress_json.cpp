#include "api/ingress_json.h"

#include "api/validate.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

using Type = IngressSpec::Path::Type;

constexpr EnumName<Type> kTypes[] = {
    {"Exact", 0, Type::exact},
    {"Prefix", 1, Type::prefix},
    {"ImplementationSpecific", 2, Type::implementation_specific},
};

void readBackend(const Value& value, IngressSpec::Backend& out) {
  Fields fields(value);
  const auto service = fields.get("service");
  if (!service) {
    if (fields.has("resource")) {
      fields.get("resource")->warn("backends other than services are not supported: requests are answered with 503");
    } else if (fields.readable()) {
      fields.missing("service", "the name and port of a service; serviceName and servicePort are of older versions");
    }
    return;
  }
  Fields parts(*service);
  parts.read("name", out.service);
  if (parts.readable() && out.service.empty()) parts.missing("name", "the name of a service");
  const auto port = parts.get("port");
  if (!port) {
    if (parts.readable()) parts.missing("port", "a port, as number or name");
    return;
  }
  Fields portFields(*port);
  portFields.readPort("number", out.port);
  portFields.read("name", out.portName);
}

std::string readHost(const Value& value) {
  const auto text = value.text();
  if (!text || text->empty()) return {};
  auto host = toLower(*text);
  if (host == "*" || isIp(host) || !isHostPattern(host)) {
    value.expected("a DNS name, or \"*.\" before a DNS name");
    return {};
  }
  return host;
}

void readPath(const Value& value, IngressSpec::Path& out) {
  Fields fields(value);
  fields.read("path", out.path);
  if (const auto type = fields.get("pathType")) {
    if (const auto read = type->oneOf<Type>(kTypes)) out.type = *read;
  } else if (fields.readable()) {
    fields.missing("pathType", "Exact, Prefix or ImplementationSpecific");
  }
  const bool anyPath = out.path.empty() && out.type == Type::implementation_specific;
  if (fields.readable() && !anyPath && !out.path.starts_with('/')) {
    value.error("found the path " + quote(out.path) + ", expected one that begins with \"/\"");
  }
  if (const auto backend = fields.get("backend")) {
    readBackend(*backend, out.backend);
  } else if (fields.readable()) {
    fields.missing("backend", "a service");
  }
}

void readRule(const Value& value, IngressSpec::Rule& out) {
  Fields fields(value);
  if (const auto host = fields.get("host")) out.host = readHost(*host);
  const auto http = fields.get("http");
  if (!http) return;
  Fields parts(*http);
  if (const auto paths = parts.get("paths")) {
    paths->eachItem([&](const Value& item, std::size_t) { readPath(item, out.paths.emplace_back()); });
  }
}

void readTls(const Value& value, IngressSpec::Tls& out) {
  Fields fields(value);
  fields.read("secretName", out.secretName);
  if (const auto hosts = fields.get("hosts")) {
    hosts->eachItem([&](const Value& item, std::size_t) {
      if (auto host = readHost(item); !host.empty()) out.hosts.push_back(std::move(host));
    });
  }
}

}  // namespace

void readSpec(const Value& object, const ObjectMeta&, IngressSpec& out) {
  Fields fields(object);
  const auto spec = fields.get("spec");
  if (!spec) return;
  Fields parts(*spec);
  parts.read("ingressClassName", out.className);
  if (const auto backend = parts.get("defaultBackend")) readBackend(*backend, out.defaultBackend.emplace());
  if (const auto tls = parts.get("tls")) {
    tls->eachItem([&](const Value& item, std::size_t) { readTls(item, out.tls.emplace_back()); });
  }
  if (const auto rules = parts.get("rules")) {
    rules->eachItem([&](const Value& item, std::size_t) { readRule(item, out.rules.emplace_back()); });
  }
}

void readSpec(const Value& object, const ObjectMeta&, IngressClassSpec& out) {
  Fields fields(object);
  const auto spec = fields.get("spec");
  if (!spec) return;
  Fields parts(*spec);
  parts.read("controller", out.controller);
}

}  // namespace fairway::api
