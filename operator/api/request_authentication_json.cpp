#include "api/request_authentication_json.h"

#include <algorithm>
#include <set>

#include "api/validate.h"

namespace fairway::api {
namespace {

using Spec = RequestAuthenticationSpec;

void checkHeader(const Value& at, const std::string& name) {
  if (!isHeaderName(name)) at.expected("the name of a header: letters, digits and '-'");
}

void readFromHeaders(const Value& list, std::vector<Spec::Header>& out) {
  list.eachItem([&](const Value& item, std::size_t) {
    auto& header = out.emplace_back();
    Fields fields(item);
    fields.read("prefix", header.prefix);
    if (const auto name = fields.get("name")) {
      fields.read("name", header.name);
      if (name->json().is_string()) checkHeader(*name, header.name);
    } else if (fields.readable()) {
      fields.missing("name", "the name of a header");
    }
  });
}

void readClaimHeaders(const Value& list, std::vector<Spec::ClaimHeader>& out) {
  list.eachItem([&](const Value& item, std::size_t) {
    auto& entry = out.emplace_back();
    Fields fields(item);
    fields.read("header", entry.header);
    fields.read("claim", entry.claim);
    if (!fields.readable()) return;
    if (entry.header.empty()) fields.missing("header", "the name of the header that gets the claim");
    if (entry.claim.empty()) fields.missing("claim", "the name of a claim, such as sub or nested.key");
    if (const auto header = fields.get("header"); header && !entry.header.empty()) checkHeader(*header, entry.header);
  });
}

void readRule(const Value& value, std::set<std::string>& issuers, Spec::JwtRule& out) {
  Fields fields(value);
  if (const auto issuer = fields.get("issuer")) {
    fields.read("issuer", out.issuer);
    if (issuer->json().is_string() && out.issuer.empty()) issuer->expected("an issuer");
    if (!out.issuer.empty() && !issuers.insert(out.issuer).second) {
      issuer->error("the issuer " + quote(out.issuer) + " is used above, expected each issuer once in an object");
    }
  } else if (fields.readable()) {
    fields.missing("issuer", "the token's iss claim");
  }
  fields.read("audiences", out.audiences);
  readJwksUri(fields, out.jwksUri);
  readJwks(fields, out.jwks);
  if (!out.jwks.empty() && !out.jwksUri.empty()) {
    fields.get("jwks")->error("jwksUri is given as well, expected one of them");
  }
  if (const auto headers = fields.get("fromHeaders")) readFromHeaders(*headers, out.fromHeaders);
  fields.read("fromParams", out.fromParams);
  fields.read("fromCookies", out.fromCookies);
  if (const auto header = fields.get("outputPayloadToHeader")) {
    fields.read("outputPayloadToHeader", out.outputPayloadToHeader);
    if (!out.outputPayloadToHeader.empty()) checkHeader(*header, out.outputPayloadToHeader);
  }
  fields.read("forwardOriginalToken", out.forwardOriginalToken);
  if (const auto list = fields.get("outputClaimToHeaders")) readClaimHeaders(*list, out.outputClaimToHeaders);
  if (const auto timeout = fields.get("timeout")) out.timeout = timeout->positiveDuration();
  fields.read("spaceDelimitedClaims", out.spaceDelimitedClaims);
}

}  // namespace

void readJwksUri(Fields& fields, std::string& out) {
  const auto value = fields.get("jwksUri");
  if (!value) return;
  const auto text = value->text();
  if (!text) return;
  out = *text;
  const auto rest = text->starts_with("https://")  ? text->substr(8)
                    : text->starts_with("http://") ? text->substr(7)
                                                   : "";
  const auto authority = rest.substr(0, rest.find_first_of("/?#"));
  const auto host = authority.starts_with('[') ? authority.substr(1, authority.find(']') - 1)
                                               : authority.substr(0, authority.find(':'));
  if (!isHost(host)) value->expected("a URL that starts with http:// or https:// and a host");
}

void readJwks(Fields& fields, std::string& out) {
  const auto value = fields.get("jwks");
  if (!value) return;
  fields.read("jwks", out);
  if (out.empty()) return;
  const auto parsed = nlohmann::json::parse(out, nullptr, false);
  const bool keys = parsed.is_object() && parsed.contains("keys") && parsed["keys"].is_array();
  if (!keys) value->error("it is no JSON web key set, expected {\"keys\": [...]} in JSON");
}

bool readTargetRefs(Fields& fields, std::vector<TargetRef>& out, std::string_view selector) {
  const auto read = [&](const Value& item) {
    auto& target = out.emplace_back();
    Fields parts(item);
    parts.read("group", target.group);
    parts.read("kind", target.kind);
    parts.read("name", target.name);
    std::string ns;
    parts.read("namespace", ns);
    if (!ns.empty())
      parts.get("namespace")->warn("a policy is for objects of its own namespace, this field does nothing");
    if (!parts.readable()) return;
    if (target.kind.empty()) parts.missing("kind", "Gateway");
    if (target.name.empty()) parts.missing("name", "the name of the object");
  };
  bool any = false;
  if (const auto list = fields.get("targetRefs"); list && !(list->json().is_array() && list->json().empty())) {
    any = true;
    list->eachItem([&](const Value& item, std::size_t) { read(item); });
    if (fields.has(selector)) list->error(std::string(selector) + " is given as well, expected one of them");
  }
  if (const auto one = fields.get("targetRef")) {
    if (any) one->error("targetRefs is given as well, expected one of them");
    any = true;
    read(*one);
    if (fields.has(selector)) one->error(std::string(selector) + " is given as well, expected one of them");
  }
  return any;
}

void readSpec(const Value& spec, const ObjectMeta&, RequestAuthenticationSpec& out) {
  Fields fields(spec);
  if (const auto selector = fields.get("selector")) readMatchLabels(*selector, out.selector);
  readTargetRefs(fields, out.targetRefs);
  const auto rules = fields.get("jwtRules");
  if (!rules) return;
  std::set<std::string> issuers;
  rules->eachItem([&](const Value& item, std::size_t) { readRule(item, issuers, out.jwtRules.emplace_back()); });
}

}  // namespace fairway::api
