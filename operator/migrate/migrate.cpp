#include "migrate/migrate.h"

#include <algorithm>

#include "api/key_set_url.h"
#include "api/security.h"
#include "migrate/convert.h"
#include "migrate/mixer.h"
#include "normalize/objects.h"

namespace fairway::migrate {

namespace {

// Which keys an issuer has plays no part, only whether both sides ask the same place for them: each place gets keys of
// its own.
std::vector<api::ObjectPtr> withKeys(std::vector<api::ObjectPtr> objects) {
  std::set<std::string> urls;
  for (const auto& object : objects) {
    for (const auto& [url, timeout] : api::keySetUrls(*object)) urls.insert(url);
  }
  for (const auto& url : urls) {
    auto keys = std::make_shared<api::KeySet>();
    keys->meta.name = url;
    keys->spec.jwks = nlohmann::json{{"keys", nlohmann::json::array()}, {"from", url}}.dump();
    objects.push_back(std::move(keys));
  }
  return objects;
}

std::vector<std::string> namespacesOf(const Request& request) {
  if (!request.ns.empty()) return {request.ns};
  std::set<std::string> names;
  for (const auto& object : request.objects) {
    switch (object->kind) {
      case api::Kind::pod:
      case api::Kind::service:
      case api::Kind::policy:
      case api::Kind::service_role:
      case api::Kind::service_role_binding: names.insert(object->meta.ns); break;
      default: break;
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace

bool Migration::exact() const {
  return equivalence.holds() &&
         std::all_of(findings.begin(), findings.end(), [](const Finding& finding) { return finding.exact; });
}

Migration migrate(const Request& request) {
  const auto objects = withKeys(request.objects);
  normalize::World before(objects, request.mesh);
  const auto workloads = workloadClasses(before);
  const auto namespaces = namespacesOf(request);
  const Context context{before, workloads, namespaces, request.ns.empty()};
  Output output(objects);
  convertPeers(objects, context, output);
  convertTokens(context, output);
  convertRbacMode(context, output);
  convertRoles(context, output);

  Migration result;
  normalize::World after(withKeys(objectsAfter(objects, context, output)), request.mesh);
  result.equivalence = compare(before, after, workloads);
  // After the comparison: nothing here knows what Mixer decided.
  convertMixer(request.mixer, context, output);
  result.manifests = output.manifests();
  result.findings = output.findings();
  for (const auto& object : objects) {
    if (isMigrated(context, *object)) result.replaced.push_back(normalize::provenanceOf(*object).toString());
  }
  std::sort(result.replaced.begin(), result.replaced.end());
  return result;
}

Equivalence compareObjects(const std::vector<api::ObjectPtr>& before, const std::vector<api::ObjectPtr>& after,
                           const store::MeshConfig& mesh) {
  normalize::World was(withKeys(before), mesh);
  normalize::World is(withKeys(after), mesh);
  return compare(was, is, workloadClasses(was));
}

}  // namespace fairway::migrate
