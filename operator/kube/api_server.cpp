#include "kube/api_server.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "kube/request_text.h"

namespace fairway::kube {

std::string objectPath(const Resource& resource, const std::string& ns, const std::string& name) {
  return groupPath(resource.group, resource.version) + (ns.empty() ? "" : "/namespaces/" + ns) + "/" + resource.plural +
         (name.empty() ? "" : "/" + name);
}

Call getCall(std::string path) { return {Call::Verb::get, std::move(path), {}, {}}; }

Call createCall(std::string path, std::string object) {
  return {Call::Verb::create, std::move(path), std::move(object), "application/json"};
}

Call updateCall(std::string path, std::string object) {
  return {Call::Verb::update, std::move(path), std::move(object), "application/json"};
}

Call patchCall(std::string path, PatchType type, std::string patch) {
  const char* contentType = type == PatchType::merge       ? "application/merge-patch+json"
                            : type == PatchType::strategic ? "application/strategic-merge-patch+json"
                                                           : "application/json-patch+json";
  return {Call::Verb::patch, std::move(path), std::move(patch), contentType};
}

Call removeCall(std::string path, const std::string& resourceVersion) {
  if (resourceVersion.empty()) return {Call::Verb::remove, std::move(path), {}, {}};
  const nlohmann::json options{
      {"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"preconditions", {{"resourceVersion", resourceVersion}}}};
  return {Call::Verb::remove, std::move(path), options.dump(), "application/json"};
}

}  // namespace fairway::kube
