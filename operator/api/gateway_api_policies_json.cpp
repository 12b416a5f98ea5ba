#include "api/gateway_api_json.h"
#include "api/gateway_api_parts_json.h"

namespace fairway::api {

using namespace gateway_api;

void readSpec(const Value& spec, const ObjectMeta&, ReferenceGrantSpec& out) {
  Fields fields(spec);
  const auto read = [&](std::string_view name, bool from, std::vector<Reference>& to) {
    const auto list = fields.get(name);
    if (!list) {
      if (fields.readable()) fields.missing(name, "at least one entry");
      return;
    }
    list->eachItem([&](const Value& item, std::size_t) {
      auto& entry = to.emplace_back();
      Fields parts(item);
      parts.read("group", entry.group);
      if (entry.group == "core") entry.group.clear();
      parts.read("kind", entry.kind);
      if (parts.readable() && entry.kind.empty()) parts.missing("kind", "a kind");
      if (from) {
        parts.read("namespace", entry.ns);
        if (parts.readable() && entry.ns.empty()) parts.missing("namespace", "the namespace of those who may refer");
      } else {
        parts.read("name", entry.name);
      }
    });
  };
  read("from", true, out.from);
  read("to", false, out.to);
}

namespace {

void readSubjectAltName(const Value& value, std::vector<std::string>& out) {
  static constexpr EnumName<bool> kTypes[] = {{"Hostname", 0, false}, {"URI", 1, true}};
  Fields fields(value);
  const auto type = fields.get("type");
  if (!type) {
    if (fields.readable()) fields.missing("type", "Hostname or URI");
    return;
  }
  const bool uri = type->oneOf<bool>(kTypes).value_or(false);
  if (uri) {
    std::string text;
    fields.read("uri", text);
    if (text.find("://") == std::string::npos) {
      value.error("expected uri with a scheme, such as spiffe://mesh.example.com/service");
    } else {
      out.push_back(std::move(text));
    }
  } else if (const auto host = fields.get("hostname")) {
    if (auto name = readHostname(*host, true); !name.empty()) out.push_back(std::move(name));
  } else {
    fields.missing("hostname", "a DNS name, because the type asks for it");
  }
}

void readValidation(const Value& value, BackendTlsPolicySpec& out) {
  Fields fields(value);
  if (const auto roots = fields.get("caCertificateRefs")) {
    roots->eachItem([&](const Value& item, std::size_t) {
      Fields parts(item);
      readReference(parts, "", "ConfigMap", out.roots.emplace_back());
    });
  }
  fields.read("wellKnownCACertificates", out.wellKnownRoots);
  if (fields.readable() && out.roots.empty() == out.wellKnownRoots.empty()) {
    value.error("expected one of caCertificateRefs and wellKnownCACertificates");
  }
  if (const auto host = fields.get("hostname")) {
    out.hostname = readHostname(*host, false);
  } else if (fields.readable()) {
    fields.missing("hostname", "the name that backends' certificates are for");
  }
  if (const auto names = fields.get("subjectAltNames")) {
    names->eachItem([&](const Value& item, std::size_t) { readSubjectAltName(item, out.subjectAltNames); });
  }
}

}  // namespace

void readSpec(const Value& spec, const ObjectMeta&, BackendTlsPolicySpec& out) {
  Fields fields(spec);
  const auto targets = fields.get("targetRefs");
  if (targets) {
    targets->eachItem([&](const Value& item, std::size_t) {
      auto& target = out.targets.emplace_back();
      Fields parts(item);
      readReference(parts, "", "Service", target.object);
      parts.read("sectionName", target.sectionName);
    });
  } else if (fields.readable()) {
    fields.missing("targetRefs", "at least one Service");
  }
  if (const auto validation = fields.get("validation")) {
    readValidation(*validation, out);
  } else if (fields.readable()) {
    fields.missing("validation", "how certificates of backends are checked");
  }
  fields.ignore("options", "there are no options");
}

}  // namespace fairway::api
