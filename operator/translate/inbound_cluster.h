#pragma once

#include <string>

#include "model/common.h"
#include "translate/resource.h"
#include "translate/units.h"

namespace envoy::config::cluster::v3 {
class Cluster;
}

namespace fairway::translate {

// Connections to the app come from 127.0.0.6 (::6): the interception rules let these through.
void bindToAppSide(envoy::config::cluster::v3::Cluster& cluster);

// "inbound|<port>||": this proxy's own app. With interception the pod address that the peer chose, so that
// apps work that listen on the pod's address alone; without it `appAddress`.
ResourcePtr inboundCluster(std::uint32_t port, model::Protocol protocol, Interception interception,
                           const std::string& appAddress);

}  // namespace fairway::translate
