#include "translate/inbound_cluster.h"

#include <envoy/config/cluster/v3/cluster.pb.h>

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

ResourcePtr inboundCluster(std::uint32_t port, model::Protocol protocol, Interception interception,
                           const std::string& appAddress) {
  Cluster cluster;
  cluster.set_name(inboundName(port));
  if (interception == Interception::redirect) {
    cluster.set_type(Cluster::ORIGINAL_DST);
    cluster.set_lb_policy(Cluster::CLUSTER_PROVIDED);
    bindToAppSide(cluster);
  } else {
    cluster.set_type(Cluster::STATIC);
    auto& assignment = *cluster.mutable_load_assignment();
    assignment.set_cluster_name(cluster.name());
    setAddress(*assignment.add_endpoints()->add_lb_endpoints()->mutable_endpoint()->mutable_address(), appAddress,
               port);
  }
  setNoLimits(cluster);
  if (model::isHttp(protocol)) applyHttpProtocol(cluster, upstreamHttp(protocol, {}), {});
  return makeResource(Type::cluster, cluster.name(), cluster);
}

}  // namespace fairway::translate
