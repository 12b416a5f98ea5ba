#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "api/object.h"
#include "api/workload_entry.h"

// networking.istio.io ServiceEntry (v1alpha3, v1beta1, v1: one schema).
namespace fairway::api {

struct ServiceEntrySpec {
  enum class Location { external, internal };
  enum class Resolution { none, static_addresses, dns, dns_round_robin, dynamic_dns };
  struct Port {
    std::string name;
    std::string protocol;  // upper case: HTTP, HTTPS, HTTP2, GRPC, TLS, TCP, MONGO ...
    std::uint32_t number = 0;
    std::uint32_t targetPort = 0;  // 0: as number
    bool operator==(const Port&) const = default;
  };
  using Endpoint = WorkloadEntrySpec;
  std::vector<std::string> hosts;      // lower case; "*.x" allowed
  std::vector<std::string> addresses;  // IP addresses and ranges at which clients reach the hosts
  std::vector<Port> ports;
  Location location = Location::external;
  Resolution resolution = Resolution::none;
  std::vector<Endpoint> endpoints;
  Labels workloadSelector;  // of pods and WorkloadEntries of the namespace, in place of endpoints; empty: none
  std::vector<std::string> exportTo;
  std::vector<std::string> subjectAltNames;
  bool operator==(const ServiceEntrySpec&) const = default;
};
using ServiceEntry = Typed<ServiceEntrySpec, Kind::service_entry>;

}  // namespace fairway::api
