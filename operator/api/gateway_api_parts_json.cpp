#include "api/gateway_api_parts_json.h"

#include <algorithm>
#include <array>

#include "api/validate.h"
#include "base/strings.h"

namespace fairway::api::gateway_api {
namespace {

using Type = Filter::Type;

struct FilterType {
  std::string_view name, field;
  Type type;
};
constexpr std::array<FilterType, 8> kFilters{{
    {"RequestHeaderModifier", "requestHeaderModifier", Type::request_headers},
    {"ResponseHeaderModifier", "responseHeaderModifier", Type::response_headers},
    {"RequestRedirect", "requestRedirect", Type::redirect},
    {"URLRewrite", "urlRewrite", Type::rewrite},
    {"RequestMirror", "requestMirror", Type::mirror},
    {"CORS", "cors", Type::cors},
    {"ExternalAuth", "externalAuth", Type::unsupported},
    {"ExtensionRef", "extensionRef", Type::unsupported},
}};

void readHeaders(Fields& fields, std::string_view name, std::vector<Header>& out) {
  const auto list = fields.get(name);
  if (!list) return;
  list->eachItem([&](const Value& item, std::size_t) {
    Fields parts(item);
    Header header;
    parts.read("name", header.name);
    parts.read("value", header.value);
    if (!parts.readable()) return;
    if (!isHeaderName(header.name)) {
      item.error("found the name " + quote(header.name) + ", expected that of a header");
    } else {
      out.push_back(std::move(header));
    }
  });
}

std::optional<PathModifier> readPathModifier(Fields& fields) {
  const auto path = fields.get("path");
  if (!path) return std::nullopt;
  static constexpr EnumName<bool> kTypes[] = {{"ReplaceFullPath", 0, false}, {"ReplacePrefixMatch", 1, true}};
  PathModifier result;
  Fields parts(*path);
  const auto type = parts.get("type");
  if (!type) {
    if (parts.readable()) parts.missing("type", "ReplaceFullPath or ReplacePrefixMatch");
    return result;
  }
  if (const auto prefix = type->oneOf<bool>(kTypes)) result.prefix = *prefix;
  const std::string_view field = result.prefix ? "replacePrefixMatch" : "replaceFullPath";
  if (parts.has(field)) {
    parts.read(field, result.value);
  } else {
    parts.missing(field, "a path, because the type asks for it");
  }
  return result;
}

void readRedirect(const Value& value, Filter::Redirect& out) {
  Fields fields(value);
  fields.read("scheme", out.scheme);
  if (!out.scheme.empty() && out.scheme != "http" && out.scheme != "https") {
    fields.get("scheme")->expected("http or https");
  }
  if (const auto host = fields.get("hostname")) out.hostname = readHostname(*host, false);
  out.path = readPathModifier(fields);
  fields.readPort("port", out.port);
  if (const auto code = fields.get("statusCode")) {
    static constexpr std::array<std::int64_t, 5> kCodes{301, 302, 303, 307, 308};
    const auto number = code->integer(300, 399);
    if (number && std::find(kCodes.begin(), kCodes.end(), *number) == kCodes.end()) {
      code->expected("301, 302, 303, 307 or 308");
    } else if (number) {
      out.code = static_cast<std::uint32_t>(*number);
    }
  }
}

void readMirror(const Value& value, Filter::Mirror& out) {
  Fields fields(value);
  if (const auto backend = fields.get("backendRef")) {
    Fields parts(*backend);
    readReference(parts, "", "Service", out.backend);
    parts.readPort("port", out.port);
  } else if (fields.readable()) {
    fields.missing("backendRef", "the service that gets a copy");
  }
  if (const auto percent = fields.get("percent")) out.percent = percent->number(0, 100).value_or(out.percent);
  if (const auto fraction = fields.get("fraction")) {
    Fields parts(*fraction);
    std::optional<std::uint32_t> numerator, denominator;
    parts.read("numerator", numerator, 0, 0x7fffffff);
    parts.read("denominator", denominator, 1, 0x7fffffff);
    const double whole = denominator.value_or(100);
    if (numerator && *numerator <= whole) {
      out.percent = 100.0 * *numerator / whole;
    } else if (parts.readable()) {
      fraction->error("expected a numerator from 0 to the denominator");
    }
    if (fields.has("percent")) value.error("percent and fraction are both given, expected one of them");
  }
}

void readCors(const Value& value, Filter::Cors& out) {
  Fields fields(value);
  fields.read("allowOrigins", out.allowOrigins);
  fields.read("allowMethods", out.allowMethods);
  fields.read("allowHeaders", out.allowHeaders);
  fields.read("exposeHeaders", out.exposeHeaders);
  fields.read("allowCredentials", out.allowCredentials);
  if (const auto age = fields.get("maxAge")) {
    out.maxAge = static_cast<std::int32_t>(age->integer(0, 0x7fffffff).value_or(out.maxAge));
  }
}

void readRewrite(const Value& value, Filter& out) {
  Fields fields(value);
  if (const auto host = fields.get("hostname")) out.hostname = readHostname(*host, false);
  out.path = readPathModifier(fields);
}

void readFilter(const Value& value, Filter& out) {
  Fields fields(value);
  fields.read("type", out.typeName);
  const auto known =
      std::find_if(kFilters.begin(), kFilters.end(), [&](const auto& f) { return f.name == out.typeName; });
  if (fields.readable() && out.typeName.empty()) fields.missing("type", "the type of the filter");
  for (const auto& filter : kFilters) {
    const auto part = fields.get(filter.field);
    if (!part) continue;
    if (known == kFilters.end() || filter.name != known->name) {
      part->error("the filter's type is " + quote(out.typeName) + ", expected " + std::string(filter.name) +
                  " for this field");
    }
  }
  if (known == kFilters.end() || known->type == Type::unsupported) return;
  out.type = known->type;
  const auto part = fields.get(known->field);
  if (!part) {
    fields.missing(known->field, "what a filter of type " + out.typeName + " is to do");
    return;
  }
  switch (out.type) {
    case Type::request_headers:
    case Type::response_headers: {
      Fields parts(*part);
      readHeaders(parts, "set", out.set);
      readHeaders(parts, "add", out.add);
      parts.read("remove", out.remove);
      break;
    }
    case Type::redirect: readRedirect(*part, out.redirect); break;
    case Type::rewrite: readRewrite(*part, out); break;
    case Type::mirror: readMirror(*part, out.mirror); break;
    case Type::cors: readCors(*part, out.cors); break;
    case Type::unsupported: break;
  }
}

}  // namespace

void readReference(Fields& fields, std::string_view group, std::string_view kind, Reference& out) {
  out.group = group;
  out.kind = kind;
  fields.read("group", out.group);
  if (out.group == "core") out.group.clear();
  fields.read("kind", out.kind);
  fields.read("namespace", out.ns);
  fields.read("name", out.name);
  if (!fields.readable()) return;
  if (out.name.empty()) fields.missing("name", "the name of an object");
  if (out.kind.empty()) fields.missing("kind", "the kind of an object");
  if (!out.ns.empty() && !isDnsLabel(out.ns)) fields.get("namespace")->expected("the name of a namespace");
}

std::string readHostname(const Value& value, bool wildcard) {
  const auto text = value.text();
  if (!text || text->empty()) return {};
  auto host = toLower(*text);
  if (host == "*" || isIp(host) || !isHostPattern(host) || (host.starts_with('*') && !wildcard)) {
    value.expected(wildcard ? "a DNS name, or \"*.\" before a DNS name" : "a DNS name");
    return {};
  }
  return host;
}

void readHostnames(Fields& fields, std::vector<std::string>& out) {
  const auto names = fields.get("hostnames");
  if (!names) return;
  names->eachItem([&](const Value& item, std::size_t) {
    if (auto host = readHostname(item, true); !host.empty()) out.push_back(std::move(host));
  });
}

void readSelector(const Value& value, LabelSelector& out) {
  static constexpr EnumName<std::string_view> kOperators[] = {
      {"In", 0, "In"}, {"NotIn", 1, "NotIn"}, {"Exists", 2, "Exists"}, {"DoesNotExist", 3, "DoesNotExist"}};
  Fields fields(value);
  fields.read("matchLabels", out.labels);
  const auto expressions = fields.get("matchExpressions");
  if (!expressions) return;
  expressions->eachItem([&](const Value& item, std::size_t) {
    auto& expression = out.expressions.emplace_back();
    Fields parts(item);
    parts.read("key", expression.key);
    if (const auto op = parts.get("operator")) {
      expression.op = op->oneOf<std::string_view>(kOperators).value_or("");
    } else if (parts.readable()) {
      parts.missing("operator", "In, NotIn, Exists or DoesNotExist");
    }
    parts.read("values", expression.values);
  });
}

void readParents(Fields& fields, std::vector<ParentRef>& out) {
  fields.ignore("useDefaultGateways", "there are no default Gateways, name them in parentRefs");
  const auto parents = fields.get("parentRefs");
  if (!parents) return;
  parents->eachItem([&](const Value& item, std::size_t) {
    auto& parent = out.emplace_back();
    Fields parts(item);
    readReference(parts, kGroup, "Gateway", parent.object);
    parts.read("sectionName", parent.sectionName);
    parts.readPort("port", parent.port);
  });
}

void readBackends(Fields& fields, bool filters, std::vector<BackendRef>& out) {
  const auto backends = fields.get("backendRefs");
  if (!backends) return;
  backends->eachItem([&](const Value& item, std::size_t) {
    auto& backend = out.emplace_back();
    Fields parts(item);
    readReference(parts, "", "Service", backend.object);
    parts.readPort("port", backend.port);
    if (const auto weight = parts.get("weight")) {
      backend.weight = static_cast<std::uint32_t>(weight->integer(0, 1'000'000).value_or(backend.weight));
    }
    if (filters) readFilters(parts, backend.filters);
  });
}

void readFilters(Fields& fields, std::vector<Filter>& out) {
  const auto filters = fields.get("filters");
  if (!filters) return;
  filters->eachItem([&](const Value& item, std::size_t) { readFilter(item, out.emplace_back()); });
}

void readNamedMatches(Fields& fields, std::string_view name, bool headers, std::vector<NamedMatch>& out) {
  static constexpr EnumName<bool> kTypes[] = {{"Exact", 0, false}, {"RegularExpression", 1, true}};
  const auto list = fields.get(name);
  if (!list) return;
  list->eachItem([&](const Value& item, std::size_t) {
    Fields parts(item);
    NamedMatch match;
    parts.read("name", match.name);
    parts.read("value", match.value);
    if (const auto type = parts.get("type")) match.regex = type->oneOf<bool>(kTypes).value_or(false);
    if (!parts.readable()) return;
    if (headers && !isHeaderName(match.name)) {
      item.error("found the name " + quote(match.name) + ", expected that of a header");
    } else if (match.name.empty()) {
      parts.missing("name", "the name of a query parameter");
    }
    if (match.regex) {
      if (const auto problem = regexProblem(match.value)) item.error(*problem);
    }
    const auto same = [&](const NamedMatch& other) {
      return headers ? toLower(other.name) == toLower(match.name) : other.name == match.name;
    };
    if (std::none_of(out.begin(), out.end(), same)) out.push_back(std::move(match));
  });
}

}  // namespace fairway::api::gateway_api
