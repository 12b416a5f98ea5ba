#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "discovery/server.h"

namespace envoy::service::status::v3 {
class ClientStatusRequest;
class ClientStatusResponse;
}  // namespace envoy::service::status::v3

namespace fairway::discovery {

// How many clients an answer may tell of: each may have thousands of resources.
inline constexpr std::size_t kMaxStatusClients = 20;

// The clients that one of the request's node matchers matches (all of them if there is none), each with a
// GenericXdsConfig for what it was sent and for what it is to be sent:
//
//   SYNCED    it has the newest version, and accepted it
//   STALE     what it was sent last is not answered, or is not the newest
//   ERROR     it refused the newest version
//   NOT_SENT  it asked for the type by wildcard and was not sent the resource yet
//
// `xds_config` is there where the client's version is the newest and unless exclude_resource_contents is set; keys
// of secrets are never in it. Failure: a matcher that is not supported, or more than kMaxStatusClients clients.
Result<envoy::service::status::v3::ClientStatusResponse> clientStatus(
    const envoy::service::status::v3::ClientStatusRequest& request, const std::vector<ClientView>& clients);

}  // namespace fairway::discovery
