#include "identity/trust_bundle.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace fairway::identity {
namespace {

using Json = nlohmann::json;

std::string textOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

bool TrustBundle::isolates() const {
  return std::any_of(domains.begin(), domains.end(),
                     [&](const auto& domain) { return domain.second != domains.begin()->second; });
}

bool TrustBundle::isPlain() const {
  return crl.empty() &&
         std::all_of(domains.begin(), domains.end(), [this](const auto& domain) { return domain.second == roots; });
}

std::string TrustBundle::toJson() const {
  return Json{{"roots", roots}, {"crl", crl}, {"crlLeafOnly", crlLeafOnly}, {"domains", domains}}.dump();
}

TrustBundle TrustBundle::ofRoots(std::string roots) {
  TrustBundle bundle;
  bundle.roots = std::move(roots);
  return bundle;
}

Result<TrustBundle> TrustBundle::fromJson(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return failure("trust bundle: expected a JSON object");
  TrustBundle bundle;
  bundle.roots = textOf(json, "roots");
  bundle.crl = textOf(json, "crl");
  bundle.crlLeafOnly = json.value("crlLeafOnly", Json(false)) == Json(true);
  if (const auto roots = Certificate::chainFromPem(bundle.roots); !roots) {
    return failure("trust bundle: roots: " + roots.error().message);
  }
  if (!bundle.crl.empty()) {
    if (const auto lists = RevocationList::listsFromPem(bundle.crl); !lists) {
      return failure("trust bundle: crl: " + lists.error().message);
    }
  }
  const auto domains = json.find("domains");
  if (domains == json.end() || !domains->is_object()) return bundle;
  for (const auto& [name, pem] : domains->items()) {
    if (auto checked = checkTrustDomain(name); !checked) return tl::unexpected(checked.error().within("trust bundle"));
    if (!pem.is_string()) return failure("trust bundle: domains: expected PEM");
    if (const auto roots = Certificate::chainFromPem(pem.get<std::string>()); !roots) {
      return failure("trust bundle: domains: " + name + ": " + roots.error().message);
    }
    bundle.domains[name] = pem.get<std::string>();
  }
  return bundle;
}

TrustBundle makeTrustBundle(const Trust& trust, const std::string& trustDomain, const std::vector<std::string>& aliases,
                            const std::vector<ExtraRoots>& extra, std::string& problem) {
  problem.clear();
  std::set<std::string> own(aliases.begin(), aliases.end());
  own.insert(trustDomain);
  std::map<std::string, std::vector<Certificate>> domains;
  for (const auto& domain : own) domains[domain] = trust.roots;
  for (const auto& entry : extra) {
    const auto roots = Certificate::chainFromPem(entry.pem);
    if (!roots) continue;  // the settings' own check tells
    const auto named =
        entry.trustDomains.empty() ? std::vector<std::string>(own.begin(), own.end()) : entry.trustDomains;
    for (const auto& domain : named) addDistinct(domains[domain], *roots);
  }
  TrustBundle bundle;
  bundle.roots = trust.rootsPem;
  bundle.crl = trust.crlPem;
  bundle.crlLeafOnly = trust.crlLeafOnly;
  for (const auto& [domain, roots] : domains) bundle.domains[domain] = toPem(roots);
  if (!bundle.crl.empty() && bundle.isolates()) {
    const auto mine = bundle.domains[trustDomain];
    std::vector<std::string> left;
    for (const auto& [domain, pem] : bundle.domains) {
      if (pem != mine) left.push_back(domain);
    }
    std::erase_if(bundle.domains, [&](const auto& domain) { return domain.second != mine; });
    problem =
        "there are revocation lists, with which Envoy cannot keep the roots of different trust domains apart: peers "
        "of " +
        join(left, ", ") + " are not trusted; remove ca-crl.pem, or the domains' caCertificates";
  }
  return bundle;
}

}  // namespace fairway::identity
