#include "api/authentication_policy_json.h"

#include <set>

#include "api/request_authentication_json.h"
#include "api/string_match_json.h"
#include "api/validate.h"

namespace fairway::api {
namespace {

using Spec = AuthenticationPolicySpec;

constexpr EnumName<bool> kMtlsModes[] = {{"STRICT", 0, false}, {"PERMISSIVE", 1, true}};
constexpr EnumName<bool> kBindings[] = {{"USE_PEER", 0, false}, {"USE_ORIGIN", 1, true}};

void readTarget(const Value& value, Spec::Target& out) {
  Fields fields(value);
  if (const auto name = fields.get("name")) {
    if (auto text = name->text()) {
      out.name = std::move(*text);
      if (!isDnsLabel(out.name)) name->expected("the short name of a service in this namespace");
    }
  } else if (fields.readable()) {
    fields.missing("name", "the short name of a service in this namespace");
  }
  fields.ignore("subset", "a target is a service as a whole");
  if (const auto labels = fields.get("labels")) {
    out.labels = labels->textMap();
    checkLabels(*labels, out.labels);
  }
  const auto ports = fields.get("ports");
  if (!ports) return;
  ports->eachItem([&](const Value& item, std::size_t) {
    Fields parts(item);
    auto& port = out.ports.emplace_back();
    parts.readPort("number", port.number);
    parts.read("name", port.name);
    if (!parts.readable()) return;
    if (parts.has("number") && parts.has("name")) {
      item.error("number and name are both given, expected one of them");
    } else if (!parts.has("number") && port.name.empty()) {
      item.error("expected the number or the name of a service port");
    }
  });
}

void readMtls(const Value& value, Spec::Mtls& out) {
  if (value.json().is_null()) return;  // `mtls:` without anything is STRICT
  Fields fields(value);
  if (const auto allow = fields.get("allowTls")) {
    fields.read("allowTls", out.allowTls);
    allow->warn(
        "old field without effect: clients must show a certificate; use mode PERMISSIVE to take plain text too");
  }
  if (const auto mode = fields.get("mode")) {
    if (const auto permissive = mode->oneOf<bool>(kMtlsModes)) out.permissive = *permissive;
  }
}

void readTriggerRule(const Value& value, Spec::TriggerRule& out) {
  Fields fields(value);
  const auto readPaths = [&](std::string_view name, std::vector<StringMatch>& paths) {
    const auto list = fields.get(name);
    if (!list) return;
    list->eachItem([&](const Value& item, std::size_t) {
      auto match = readStringMatch(item, true);
      if (!match) return;
      if (match->type == StringMatch::Type::present || match->value.empty()) {
        item.error("it is empty, expected one of exact, prefix, suffix, regex with a path");
      } else {
        paths.push_back(std::move(*match));
      }
    });
  };
  readPaths("excludedPaths", out.excludedPaths);
  readPaths("includedPaths", out.includedPaths);
}

void readJwt(const Value& value, std::set<std::string>& issuers, Spec::Jwt& out) {
  Fields fields(value);
  if (const auto issuer = fields.get("issuer")) {
    fields.read("issuer", out.issuer);
    if (issuer->json().is_string() && out.issuer.empty()) issuer->expected("an issuer");
    if (!out.issuer.empty() && !issuers.insert(out.issuer).second) {
      issuer->error("the issuer " + quote(out.issuer) + " is used above, expected each issuer once in a policy");
    }
  } else if (fields.readable()) {
    fields.missing("issuer", "the token's iss claim");
  }
  fields.read("audiences", out.audiences);
  readJwksUri(fields, out.jwksUri);
  readJwks(fields, out.jwks);
  fields.read("jwtHeaders", out.jwtHeaders);
  for (const auto& name : out.jwtHeaders) {
    if (!isHeaderName(name))
      fields.get("jwtHeaders")->error("found the header name " + quote(name) + ", expected letters, digits and '-'");
    // Istio 1.1 to 1.5 read a token of this header only behind the word istio, and took its claims from original_claims.
    if (name == "ingress-authorization")
      fields.get("jwtHeaders")
          ->warn("exchanged tokens are not unpacked: the header is read as a token of its own, with its own claims");
  }
  fields.read("jwtParams", out.jwtParams);
  if (const auto rules = fields.get("triggerRules")) {
    rules->eachItem([&](const Value& item, std::size_t) { readTriggerRule(item, out.triggerRules.emplace_back()); });
  }
}

void readPeers(const Value& value, std::set<std::string>& issuers, Spec& out) {
  bool seen = false;
  const bool list = value.eachItem([&](const Value& item, std::size_t) {
    auto& peer = out.peers.emplace_back();
    Fields fields(item);
    if (const auto mtls = fields.getNullable("mtls")) {
      readMtls(*mtls, peer.mtls.emplace());
      if (seen) mtls->warn("only the first mtls of a policy has an effect");
      seen = true;
    }
    if (const auto jwt = fields.getNullable("jwt")) {
      peer.jwt = true;
      jwt->error("tokens cannot authenticate a peer, expected mtls; use origins for tokens");
      Spec::Jwt unused;
      if (jwt->json().is_object()) readJwt(*jwt, issuers, unused);
    }
    if (fields.readable() && !peer.mtls && !peer.jwt) {
      item.error(
          "it names no method of authentication and no request could pass, expected `mtls: {}`; kubectl apply drops "
          "`mtls:` "
          "without a value");
    }
  });
  if (!list) out.peers.emplace_back().mtls.emplace();
}

void readOrigins(const Value& value, std::set<std::string>& issuers, Spec& out) {
  value.eachItem([&](const Value& item, std::size_t) {
    Fields fields(item);
    auto& jwt = out.origins.emplace_back();
    if (const auto method = fields.get("jwt")) {
      readJwt(*method, issuers, jwt);
    } else if (fields.readable()) {
      fields.missing("jwt", "a mapping with issuer");
    }
  });
}

void checkName(const Value& spec, const ObjectMeta& meta, const Spec& out, bool targets) {
  const auto error = [&](const char* field, std::string message) {
    spec.report().add(Problem::Severity::error, field, std::move(message));
  };
  if (meta.ns.empty()) {
    if (meta.name != "default")
      error("metadata.name", "found " + quote(meta.name) + ", expected default: no other MeshPolicy is used");
    if (targets) error("spec.targets", "a MeshPolicy is for all services, use a Policy in the services' namespace");
  } else if (out.targets.empty() && !targets && meta.name != "default") {
    error("metadata.name", "found " + quote(meta.name) + ", expected default for a Policy without targets, or targets");
  } else if (targets && meta.name == "default") {
    error("spec.targets",
          "the Policy named default is for the whole namespace, use another name for a Policy with targets");
  }
}

}  // namespace

void readSpec(const Value& spec, const ObjectMeta& meta, AuthenticationPolicySpec& out) {
  Fields fields(spec);
  if (!fields.readable()) {
    out.peers.emplace_back().mtls.emplace();
    return;
  }
  bool targets = false;
  if (const auto list = fields.get("targets")) {
    list->eachItem([&](const Value& item, std::size_t) { readTarget(item, out.targets.emplace_back()); });
    targets = !list->json().is_array() || !list->json().empty();
  }
  checkName(spec, meta, out, targets);
  std::set<std::string> issuers;
  if (const auto peers = fields.get("peers")) readPeers(*peers, issuers, out);
  fields.read("peerIsOptional", out.peerIsOptional);
  if (const auto origins = fields.get("origins")) readOrigins(*origins, issuers, out);
  fields.read("originIsOptional", out.originIsOptional);
  if (const auto binding = fields.get("principalBinding")) {
    if (const auto use = binding->oneOf<bool>(kBindings)) out.useOrigin = *use;
    if (out.useOrigin && out.origins.empty()) {
      binding->warn("USE_ORIGIN without origins leaves request.auth.principal unset");
    }
  }
}

}  // namespace fairway::api
