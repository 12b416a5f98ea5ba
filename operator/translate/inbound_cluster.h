#pragma once

#include <string>

#include "model/common.h"
#include "model/traffic.h"
#include "translate/resource.h"
#include "translate/units.h"

namespace envoy::config::cluster::v3 {
class Cluster;
}

namespace fairway::translate {

// Connections to the app come from 127.0.0.6 (::6): the interception rules let these through.
void bindToAppSide(envoy::config::cluster::v3::Cluster& cluster);

// A port at which the app takes connections.
struct AppSide {
  std::uint32_t port = 0;  // where clients connect to
  model::Protocol protocol = model::Protocol::tcp;
  Interception interception = Interception::redirect;
  std::string appAddress, ownAddress;  // interception NONE only: where the app listens, and one of the workload
  std::string endpoint;                // of a Sidecar: model::Sidecar::Ingress::endpoint
  model::TrafficPolicy::ConnectionPool pool;
  std::string service;  // "host;namespace" of the service that leads here, for metrics; empty: none does
};

// "inbound|<port>||": this proxy's own app. With interception the pod address that the peer chose, so that
// apps work that listen on the pod's address alone; without it `appAddress`; or what a Sidecar says.
ResourcePtr inboundCluster(const AppSide& app);

}  // namespace fairway::translate
