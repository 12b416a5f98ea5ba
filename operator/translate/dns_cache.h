#pragma once

namespace envoy::extensions::common::dynamic_forward_proxy::v3 {
class DnsCacheConfig;
}

namespace fairway::translate {

// The cache of names that are looked up when they are asked for. The cluster and the filters that fill it name the same
// one, and Envoy refuses settings that differ.
void setDnsCache(envoy::extensions::common::dynamic_forward_proxy::v3::DnsCacheConfig& out);

}  // namespace fairway::translate
