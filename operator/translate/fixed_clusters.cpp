#include "translate/fixed_clusters.h"

#include <envoy/config/cluster/v3/cluster.pb.h>

#include "translate/any.h"
#include "translate/inbound_cluster.h"
#include "translate/names.h"
#include "translate/policy.h"

namespace fairway::translate {

using envoy::config::cluster::v3::Cluster;

ResourcePtr blackHoleCluster() {
  Cluster cluster;
  cluster.set_name(std::string(kBlackHoleCluster));
  cluster.set_type(Cluster::STATIC);
  setNoLimits(cluster);
  return makeResource(Type::cluster, cluster.name(), cluster);
}

ResourcePtr originalDestinationCluster(std::string_view name, bool appSide) {
  Cluster cluster;
  cluster.set_name(std::string(name));
  cluster.set_type(Cluster::ORIGINAL_DST);
  cluster.set_lb_policy(Cluster::CLUSTER_PROVIDED);
  setNoLimits(cluster);
  if (appSide) bindToAppSide(cluster);
  return makeResource(Type::cluster, cluster.name(), cluster);
}

}  // namespace fairway::translate
