#include "translate/dns_cache.h"

#include <envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache.pb.h>

namespace fairway::translate {

void setDnsCache(envoy::extensions::common::dynamic_forward_proxy::v3::DnsCacheConfig& out) {
  out.set_name("dynamic_dns");
  out.set_dns_lookup_family(envoy::config::cluster::v3::Cluster::V4_PREFERRED);
  out.mutable_dns_refresh_rate()->set_seconds(60);
}

}  // namespace fairway::translate
