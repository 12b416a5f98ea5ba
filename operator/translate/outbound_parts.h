#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/telemetry.h"
#include "translate/ports.h"

namespace envoy::config::listener::v3 {
class Listener;
}

// What all outbound listeners have in common.
namespace fairway::translate {

// The object that a host is of.
model::Provenance serviceObject(const PortHost& entry);

void initListener(envoy::config::listener::v3::Listener& listener, const std::string& name,
                  const std::vector<std::string>& addresses, std::uint32_t port, bool bind);

// The names by which clients of a namespace ask for a host in a TLS handshake.
std::vector<std::string> serverNames(const PortHost& entry, const std::string& clientNs);

// What is told of the requests of a client.
const model::Telemetry& telemetryOf(store::View& view, const model::Client& client);

// A chain whose routes come by name. `lookUp`: see HttpManager.
void addHttpChain(store::View& view, const model::Client& client, const std::string& routeName, bool lookUp,
                  envoy::config::listener::v3::Listener& listener);

// The chains of services that are not HTTP and share an address: those routed by server name each have their own; of the
// others the first has the rest. Returns whose objects shaped them.
std::vector<model::Provenance> addSharedChains(store::View& view, envoy::config::listener::v3::Listener& listener,
                                               const model::Client& client, std::uint32_t port,
                                               const std::vector<const PortHost*>& entries);

}  // namespace fairway::translate
