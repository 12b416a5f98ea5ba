#include "cli/cluster_objects.h"

#include <array>

namespace fairway::cli {

Result<std::size_t> eachObject(diagnose::Cluster& cluster, const kube::Resource& resource, const std::string& kind,
                               const TakeObject& take) {
  auto items = cluster.list(kube::objectPath(resource, ""));
  if (!items) return tl::unexpected(items.error().within(resource.plural));
  for (auto& item : *items) {
    item["apiVersion"] = resource.group.empty() ? resource.version : resource.group + "/" + resource.version;
    item["kind"] = kind;
    take(std::move(item));
  }
  return items->size();
}

Result<void> eachObject(diagnose::Cluster& cluster, const api::KindInfo& info, const TakeObject& take) {
  for (const auto& version : info.versions) {
    const kube::Resource resource{std::string(info.group), std::string(version), std::string(info.plural), "", ""};
    const auto count = eachObject(cluster, resource, std::string(info.name), take);
    if (!count) return tl::unexpected(count.error());
    if (*count > 0) break;
  }
  return {};
}

Result<void> eachMixerObject(diagnose::Cluster& cluster, const TakeObject& take) {
  static constexpr std::array<std::pair<const char*, const char*>, 12> kKinds = {
      {{"rules", "rule"},
       {"handlers", "handler"},
       {"instances", "instance"},
       {"deniers", "denier"},
       {"listcheckers", "listchecker"},
       {"listentries", "listentry"},
       {"checknothings", "checknothing"},
       {"quotas", "quota"},
       {"memquotas", "memquota"},
       {"redisquotas", "redisquota"},
       {"quotaspecs", "QuotaSpec"},
       {"quotaspecbindings", "QuotaSpecBinding"}}};
  for (const auto& [plural, kind] : kKinds) {
    const auto count = eachObject(cluster, {"config.istio.io", "v1alpha2", plural, "", ""}, kind, take);
    if (!count) return tl::unexpected(count.error());
  }
  return {};
}

}  // namespace fairway::cli
