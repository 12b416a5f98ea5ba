// What users write: YAML, the codecs of all kinds, and their archive.
#include "api/archive.h"
#include "api/codec.h"
#include "api/yaml.h"
#include "fuzz/target.h"
#include "kube/manifest.h"

namespace {

using namespace fairway;

void requireRoundTrip(const api::ObjectPtr& object) {
  if (!api::archivable(object->kind)) return;
  const auto read = api::unarchive(api::archive({object}));
  fuzz::require(read && read->size() == 1, "what was archived can be read");
  fuzz::require(read->front()->sameContent(*object), "an archive keeps all");
}

void manifest(std::string_view text) {
  for (const auto& each : kube::readManifest("in.yaml", std::string(text)).objects) requireRoundTrip(each.object);
}

void yaml(std::string_view text) {
  auto documents = api::parseYaml(text, {.bytes = 256 * 1024, .depth = 32, .nodes = 20'000});
  if (!documents) return;
  for (auto& document : *documents) {
    const auto written = document.value.dump(-1, ' ', false, nlohmann::json::error_handler_t::strict);
    fuzz::require(!nlohmann::json::parse(written, nullptr, false).is_discarded(), "a document is a value");
    for (const auto& item : api::expandList(std::move(document))) (void)api::decode(item.value);
  }
}

void object(std::string_view text) {
  const auto value = nlohmann::json::parse(text, nullptr, false);
  if (value.is_discarded()) return;
  const auto decoded = api::decode(value);
  if (decoded.object) requireRoundTrip(decoded.object);
}

void archive(std::string_view bytes) {
  const auto objects = api::unarchive(bytes);
  if (objects) fuzz::require(api::unarchive(api::archive(*objects)).has_value(), "what was archived can be read");
}

std::vector<std::string> archiveSeeds() {
  const auto read = kube::readManifest("in.yaml", R"(
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {clusterIP: 10.96.0.7, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: rbac.istio.io/v1alpha1
kind: ServiceRole
metadata: {name: reader, namespace: shop}
spec: {rules: [{services: ["web.shop.svc.cluster.local"], methods: [GET], paths: ["/a*"], constraints: [{key: "request.headers[x]", values: ["1"]}]}]}
---
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {name: web, namespace: shop}
spec: {hosts: [web], http: [{match: [{uri: {prefix: /a}}], route: [{destination: {host: web, subset: v1}, weight: 100}], timeout: 3s}]}
)");
  std::vector<api::ObjectPtr> objects;
  std::vector<std::string> seeds;
  for (const auto& each : read.objects) {
    objects.push_back(each.object);
    seeds.push_back(api::archive({each.object}));
  }
  seeds.push_back(api::archive(objects));
  return seeds;
}

const std::vector<std::string> kManifests{"tests/golden/*/in.yaml", "examples/onap/base/*.yaml",
                                          "examples/onap/steps/*.yaml"};
const fuzz::Registration kManifest{{"manifest", kManifests, manifest, nullptr}};
const fuzz::Registration kYaml{{"yaml", kManifests, yaml, nullptr}};
const fuzz::Registration kObject{{"object", {}, object, nullptr}};
const fuzz::Registration kArchive{{"archive", {}, archive, archiveSeeds}};

}  // namespace
