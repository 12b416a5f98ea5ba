#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/common.h"
#include "store/view.h"

namespace fairway::translate {

// The xDS resource types that are served, in the order in which additions are pushed. The last two are no proxy's: the rate limit
// service's, and what agents ask for before they start Envoy.
enum class Type { cluster, endpoint, listener, route, virtual_host, secret, rate_limit, bootstrap };
inline constexpr std::size_t kTypeCount = 8;

std::string_view typeUrl(Type type);
// Short name for listings: CDS, EDS, LDS, RDS, VHDS, SDS, RLS, BOOTSTRAP.
std::string_view shortName(Type type);

// One xDS resource, serialized once and shared by everything that serves it. Immutable.
struct Resource {
  Type type = Type::cluster;
  std::string name;
  std::string version;                        // hash of `body`: equal content has an equal version in every replica
  std::string body;                           // the serialized google.protobuf.Any
  std::vector<model::Provenance> provenance;  // user objects that shaped it, sorted; for NACKs and debug pages

  bool operator==(const Resource& other) const {
    return type == other.type && name == other.name && body == other.body && provenance == other.provenance;
  }
};
using ResourcePtr = std::shared_ptr<const Resource>;

// What one unit of translation led to: resources, and further units that belong with them (the endpoints
// of a cluster, the virtual hosts of a route configuration).
struct Output {
  std::vector<ResourcePtr> resources;
  std::vector<store::UnitKey> children;  // units whose value is an Output, too
  bool operator==(const Output& other) const;
};

}  // namespace fairway::translate
