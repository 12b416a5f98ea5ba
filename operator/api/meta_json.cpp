#include "api/meta_json.h"

#include "api/field_path.h"
#include "api/validate.h"

namespace fairway::api {
namespace {

// A copy of the whole object that kubectl keeps: large, and for a Secret secret.
constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

}  // namespace

bool readMeta(const Value& metadata, bool namespaced, ObjectMeta& out) {
  const auto& json = metadata.json();
  if (!json.is_object()) {
    metadata.expected("a mapping with name");
    return false;
  }
  // Looked up directly: metadata has many fields that are nobody's concern here.
  const auto child = [&](std::string_view name) -> std::optional<Value> {
    const auto found = json.find(name);
    if (found == json.end() || found->is_null()) return std::nullopt;
    return Value(*found, metadata, name);
  };
  const auto text = [&](std::string_view name, std::string& to) {
    const auto value = child(name);
    if (!value) return;
    if (auto read = value->text()) to = std::move(*read);
  };

  const auto name = child("name");
  if (!name) {
    metadata.report().add(Problem::Severity::error, fieldPath(metadata.path(), "name"),
                          "it is missing, expected a name");
    return false;
  }
  text("name", out.name);
  if (!name->json().is_string()) return false;
  if (!isDnsSubdomain(out.name)) {
    // Some of Kubernetes' own names allow more, but none of the watched kinds.
    name->expected("lower case letters, digits, '-' and '.'");
    return false;
  }
  if (const auto ns = child("namespace")) {
    const auto read = ns->text();
    if (!read) return false;
    if (!namespaced && !read->empty()) {
      ns->warn("this kind belongs to no namespace, it is ignored");
    } else if (!read->empty() && !isDnsLabel(*read)) {
      ns->expected("the name of a namespace");
      return false;
    } else {
      out.ns = *read;
    }
  }
  if (namespaced && out.ns.empty()) out.ns = "default";

  text("uid", out.uid);
  text("resourceVersion", out.resourceVersion);
  text("creationTimestamp", out.creationTimestamp);
  if (const auto generation = child("generation"); generation && generation->json().is_number_integer()) {
    out.generation = generation->json().get<std::int64_t>();
  }
  if (const auto labels = child("labels")) out.labels = labels->textMap();
  if (const auto annotations = child("annotations")) out.annotations = annotations->textMap();
  out.annotations.erase(kLastApplied);
  out.deleting = child("deletionTimestamp").has_value();
  return true;
}

}  // namespace fairway::api
