#include "translate/inbound_cluster.h"

#include <envoy/config/cluster/v3/cluster.pb.h>

#include "base/metric_tags.h"
#include "base/strings.h"
#include "translate/any.h"
#include "translate/names.h"
#include "translate/policy.h"
#include "translate/wire.h"

namespace fairway::translate {

using envoy::config::cluster::v3::Cluster;

void bindToAppSide(Cluster& cluster) {
  auto& bind = *cluster.mutable_upstream_bind_config();
  bind.mutable_source_address()->set_address("127.0.0.6");
  bind.mutable_source_address()->set_port_value(0);
  auto& v6 = *bind.add_extra_source_addresses()->mutable_address();
  v6.set_address("::6");
  v6.set_port_value(0);
}

namespace {

void setStatic(Cluster& cluster, const std::string& address, std::uint32_t port) {
  cluster.set_type(Cluster::STATIC);
  auto& assignment = *cluster.mutable_load_assignment();
  assignment.set_cluster_name(cluster.name());
  auto& to = *assignment.add_endpoints()->add_lb_endpoints()->mutable_endpoint()->mutable_address();
  if (port == 0) {
    to.mutable_pipe()->set_path(address);
  } else {
    setAddress(to, address, port);
  }
}

}  // namespace

ResourcePtr inboundCluster(const AppSide& app) {
  constexpr std::string_view kSocket = "unix://";
  Cluster cluster;
  cluster.set_name(inboundName(app.port));
  const bool redirect = app.interception == Interception::redirect;
  auto address = app.endpoint;
  auto port = app.port;
  if (const auto colon = address.rfind(':'); colon != std::string::npos && !address.starts_with(kSocket)) {
    port = static_cast<std::uint32_t>(toNumber(std::string_view(address).substr(colon + 1)).value_or(port));
    address.erase(colon);
    if (address.starts_with('[')) address = address.substr(1, address.size() - 2);
  }
  const bool anyAddress = address == "0.0.0.0" || address == "::";
  if (address.starts_with(kSocket)) {
    setStatic(cluster, address.substr(kSocket.size()), 0);
  } else if (!address.empty() && !anyAddress) {
    setStatic(cluster, address, port);
    if (redirect) bindToAppSide(cluster);
  } else if (redirect) {
    cluster.set_type(Cluster::ORIGINAL_DST);
    cluster.set_lb_policy(Cluster::CLUSTER_PROVIDED);
    if (port != app.port) {
      cluster.mutable_original_dst_lb_config()->mutable_upstream_port_override()->set_value(port);
    }
    bindToAppSide(cluster);
  } else {
    setStatic(cluster, anyAddress && !app.ownAddress.empty() ? app.ownAddress : app.appAddress, port);
  }
  applyConnectionPool(cluster, app.pool);
  model::TrafficPolicy policy;
  policy.pool = app.pool;
  if (model::isHttp(app.protocol)) applyHttpProtocol(cluster, upstreamHttp(app.protocol, app.pool), policy);
  if (!app.service.empty()) {
    auto& metadata = (*cluster.mutable_metadata()->mutable_filter_metadata())[std::string(metric_tags::kMetadata)];
    (*metadata.mutable_fields())[std::string(metric_tags::kMetadataService)].set_string_value(app.service);
  }
  return makeResource(Type::cluster, cluster.name(), cluster);
}

}  // namespace fairway::translate
