#include "discovery/client_status.h"

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "discovery/node_matcher.h"
#include "discovery/snapshot_diff.h"
#include "discovery/version.h"
#include "envoy/service/status/v3/csds.pb.h"
#include "translate/redaction.h"

namespace fairway::discovery {
namespace {

namespace pb = envoy::service::status::v3;
using NodeMessage = envoy::config::core::v3::Node;

void setNode(NodeMessage& out, const ClientView& client) {
  out.set_id(client.info.nodeId);
  auto& fields = *out.mutable_metadata()->mutable_fields();
  fields["NAME"].set_string_value(client.proxy.pod);
  fields["NAMESPACE"].set_string_value(client.proxy.ns);
  fields["SERVICE_ACCOUNT"].set_string_value(client.proxy.serviceAccount);
  fields["INSTANCE_IPS"].set_string_value(join(client.proxy.ips, ","));
  auto& labels = *fields["LABELS"].mutable_struct_value()->mutable_fields();
  for (const auto& [key, value] : client.proxy.labels) labels[key].set_string_value(value);
}

// Both halves: what the server knows, and what the client told by its answers.
std::pair<pb::ConfigStatus, envoy::admin::v3::ClientResourceStatus> statusOf(const HeldInfo& held,
                                                                             const std::string& newest) {
  using envoy::admin::v3::ClientResourceStatus;
  if (!held.refused.empty() && (newest.empty() || held.refused == newest))
    return {pb::ERROR, ClientResourceStatus::NACKED};
  if (held.known.empty()) return {pb::NOT_SENT, ClientResourceStatus::REQUESTED};
  const bool accepted = held.known == held.acked;
  const auto client = accepted ? ClientResourceStatus::ACKED : ClientResourceStatus::REQUESTED;
  return {accepted && held.known == newest ? pb::SYNCED : pb::STALE, client};
}

void addContent(pb::ClientConfig::GenericXdsConfig& out, const translate::Resource& resource) {
  auto& any = *out.mutable_xds_config();
  if (!any.ParseFromString(resource.body)) {
    out.clear_xds_config();
    return;
  }
  if (resource.type == Type::secret) translate::redactSecret(any);
}

void addType(pb::ClientConfig& out, const ClientView& client, const TypeInfo& type, bool contents) {
  const auto sets = client.snapshot && (type.type != Type::secret || client.info.secure)
                        ? setsOf(*client.snapshot, type.type)
                        : Sets{};
  const auto add = [&](const HeldInfo& held, const ResourcePtr* resource) {
    auto& config = *out.add_generic_xds_configs();
    config.set_type_url(std::string(translate::typeUrl(type.type)));
    config.set_name(held.name);
    const auto newest = resource == nullptr ? std::string() : Version((*resource)->version).toString();
    const auto [status, clientStatus] = statusOf(held, newest);
    config.set_config_status(status);
    config.set_client_status(clientStatus);
    if (status == pb::ERROR) {
      config.mutable_error_state()->set_details(type.lastNack);
      config.mutable_error_state()->set_version_info(held.refused);
      config.set_version_info(held.acked);
    } else {
      config.set_version_info(held.known);
    }
    if (contents && resource != nullptr && held.known == newest) addContent(config, **resource);
  };
  std::set<std::string_view> told;
  for (const auto& held : type.resources) {
    if (held.known.empty() && held.acked.empty() && held.refused.empty() && findIn(sets, held.name) == nullptr)
      continue;
    told.insert(held.name);
    add(held, findIn(sets, held.name));
  }
  if (!type.wildcard) return;
  for (const auto& set : sets) {
    for (const auto& resource : *set) {
      if (!told.contains(resource->name))
        add(HeldInfo{.name = resource->name, .known = {}, .acked = {}, .refused = {}}, &resource);
    }
  }
}

}  // namespace

Result<pb::ClientStatusResponse> clientStatus(const pb::ClientStatusRequest& request,
                                              const std::vector<ClientView>& clients) {
  for (const auto& matcher : request.node_matchers()) {
    if (auto ok = checkMatcher(matcher); !ok) return tl::unexpected(ok.error().within("node_matchers"));
  }
  pb::ClientStatusResponse response;
  const bool contents = !request.exclude_resource_contents();
  for (const auto& client : clients) {
    if (client.info.proxyId.empty()) continue;  // it has not said who it is
    NodeMessage node;
    setNode(node, client);
    const auto& matchers = request.node_matchers();
    const bool wanted = matchers.empty() || std::any_of(matchers.begin(), matchers.end(),
                                                        [&](const auto& each) { return matches(each, node); });
    if (!wanted) continue;
    if (static_cast<std::size_t>(response.config_size()) == kMaxStatusClients) {
      return failure("more than " + std::to_string(kMaxStatusClients) +
                     " clients match; name fewer of them by node_matchers");
    }
    auto& config = *response.add_config();
    *config.mutable_node() = std::move(node);
    for (const auto& type : client.resources()) addType(config, client, type, contents);
  }
  return response;
}

}  // namespace fairway::discovery
