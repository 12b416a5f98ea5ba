#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "api/object.h"

// networking.istio.io ServiceEntry (v1alpha3, v1beta1, v1: one schema).
namespace fairway::api {

struct ServiceEntrySpec {
  enum class Location { external, internal };
  enum class Resolution { none, static_addresses, dns, dns_round_robin };
  struct Port {
    std::string name;
    std::string protocol;  // upper case: HTTP, HTTPS, HTTP2, GRPC, TLS, TCP, MONGO ...
    std::uint32_t number = 0;
    std::uint32_t targetPort = 0;  // 0: as number
    bool operator==(const Port&) const = default;
  };
  struct Endpoint {
    std::string address;                         // IP address; a host with resolution DNS
    std::map<std::string, std::uint32_t> ports;  // by the port's name; the others have their targetPort
    Labels labels;
    std::string locality;  // "region/zone/subzone"
    std::string serviceAccount;
    std::uint32_t weight = 1;
    bool operator==(const Endpoint&) const = default;
  };
  std::vector<std::string> hosts;      // lower case; "*.x" allowed
  std::vector<std::string> addresses;  // IP addresses and ranges at which clients reach the hosts
  std::vector<Port> ports;
  Location location = Location::external;
  Resolution resolution = Resolution::none;
  std::vector<Endpoint> endpoints;
  Labels workloadSelector;  // of pods in the same namespace, in place of endpoints; empty: none
  std::vector<std::string> exportTo;
  std::vector<std::string> subjectAltNames;
  bool operator==(const ServiceEntrySpec&) const = default;
};
using ServiceEntry = Typed<ServiceEntrySpec, Kind::service_entry>;

}  // namespace fairway::api
