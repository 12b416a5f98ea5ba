#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "api/meta.h"
#include "base/result.h"

namespace fairway::control {

// A Lease of coordination.k8s.io/v1, as far as it is used here.
struct Lease {
  std::string ns = {}, name = {};
  std::string resourceVersion = {};  // empty: it does not exist yet
  api::Labels labels = {}, annotations = {};
  std::string holder = {};  // empty: nobody holds it
  int durationSeconds = 0;
  std::string acquireTime = {}, renewTime = {};  // RFC 3339 with microseconds
  int transitions = 0;                           // how often the holder has changed

  bool operator==(const Lease&) const = default;
};

// The object as JSON text, to create it or to replace its version.
std::string toJson(const Lease& lease);
Result<Lease> leaseFromJson(std::string_view text);
// The items of a LeaseList; those that cannot be read are left out.
Result<std::vector<Lease>> leasesFromJson(std::string_view text);

// "2026-01-02T03:04:05.678901Z", as Lease times must be.
std::string microTime(std::chrono::system_clock::time_point time);

// "/apis/coordination.k8s.io/v1/namespaces/<ns>/leases[/<name>]"
std::string leasePath(const std::string& ns, const std::string& name = {});

}  // namespace fairway::control
