#include "inspect/dump.h"

#include <algorithm>

#include "inspect/control_plane_dump.h"
#include "inspect/envoy_dump.h"
#include "inspect/fields.h"

namespace fairway::inspect {

using nlohmann::json;

namespace {

struct Names {
  std::string_view shortName, plural, singular;
};
constexpr std::array<Names, kTypeCount> kNames = {{{"CDS", "Clusters", "cluster"},
                                                   {"EDS", "Endpoints", "endpoints"},
                                                   {"LDS", "Listeners", "listener"},
                                                   {"RDS", "Routes", "route configuration"},
                                                   {"VHDS", "Virtual hosts", "virtual host"},
                                                   {"SDS", "Secrets", "secret"}}};

// Envoy lists what it has in the order of its hash tables, which changes from call to call.
Dump sorted(Dump dump) {
  for (auto& type : dump.types) {
    std::stable_sort(type.begin(), type.end(),
                     [](const Resource& left, const Resource& right) { return left.name < right.name; });
  }
  if (dump.clusterStatuses.is_array()) {
    std::stable_sort(dump.clusterStatuses.begin(), dump.clusterStatuses.end(), [](const json& left, const json& right) {
      return textAt(left, {"name"}) < textAt(right, {"name"});
    });
  }
  return dump;
}

const Names& names(Type type) { return kNames[static_cast<std::size_t>(type)]; }

}  // namespace

std::string_view shortName(Type type) { return names(type).shortName; }
std::string_view plural(Type type) { return names(type).plural; }
std::string_view singular(Type type) { return names(type).singular; }

const Resource* Dump::find(Type type, std::string_view name) const {
  const auto& all = of(type);
  const auto found = std::find_if(all.begin(), all.end(), [&](const Resource& each) { return each.name == name; });
  return found == all.end() ? nullptr : &*found;
}

Result<Dump> parseDump(std::string_view text) {
  const auto page = json::parse(text, nullptr, false);
  if (page.is_discarded()) return failure("this is no JSON; expected a dump, such as Envoy's /config_dump");
  if (valueAt(page, {"configs"}).is_array()) return sorted(envoyDump(page));
  if (valueAt(page, {"resources"}).is_object()) return sorted(controlPlaneDump(page));
  if (valueAt(page, {"cluster_statuses"}).is_array()) {
    Dump dump;
    dump.clusterStatuses = page["cluster_statuses"];
    return sorted(std::move(dump));
  }
  return failure(
      "this JSON is no dump: it has none of the fields `configs` (Envoy's /config_dump), `cluster_statuses` (Envoy's "
      "/clusters?format=json) and `resources` (the control plane's /debug/config_dump)");
}

std::vector<std::string> notesOf(const Dump& dump, Type type) {
  std::vector<std::string> notes;
  const std::string kind(singular(type));
  for (const auto& refusal : dump.refusals) {
    if (refusal.type != type) continue;
    notes.push_back(kind + " " + refusal.name + ": Envoy refused the newest version" +
                    (refusal.reason.empty() ? "" : ": " + refusal.reason));
  }
  for (const auto& resource : dump.of(type)) {
    const std::string what = kind + " " + resource.name;
    if (resource.state == "WARMING") notes.push_back(what + " is still warming: it is not in use yet");
    if (resource.state == "STALE") notes.push_back(what + ": Envoy has not accepted this version yet");
    if (resource.state == "NOT SENT") notes.push_back(what + " was not sent: Envoy has not asked for it");
  }
  return notes;
}

void redactSecret(json& secret) {
  static const json kRedacted = "[redacted]";
  if (!secret.is_object()) return;
  if (auto certificate = secret.find("tls_certificate"); certificate != secret.end() && certificate->is_object()) {
    for (const auto* field : {"private_key", "private_key_provider", "password", "pkcs12"}) {
      if (certificate->contains(field)) (*certificate)[field] = kRedacted;
    }
  }
  for (const auto* field : {"session_ticket_keys", "generic_secret"}) {
    if (secret.contains(field)) secret[field] = kRedacted;
  }
}

}  // namespace fairway::inspect
