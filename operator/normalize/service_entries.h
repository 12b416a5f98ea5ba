#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "normalize/queries.h"
#include "store/view.h"

// ServiceEntries as hosts of the registry. A host belongs to Kubernetes' Service of that name if there is one, else to
// the oldest ServiceEntry without errors; the others have no effect on it and are told so.
namespace fairway::normalize {

inline constexpr std::string_view kServiceEntry = "ServiceEntry";

// Nothing if no ServiceEntry has the host.
std::optional<model::Service> serviceOfEntry(store::View& view, const std::string& host);

// The endpoints of one port of a service that serviceOfEntry() returned. Without endpoints of its own and with DNS, the
// host itself.
model::Endpoints endpointsOfEntry(store::View& view, const model::Service& service, const model::ServicePort& port);

// The hosts of ServiceEntries whose workloadSelector takes a workload with these labels.
std::vector<std::string> hostsOfEntriesFor(store::View& view, const std::string& ns, const model::Labels& labels);

// Tells the author of one ServiceEntry why it, or one of its hosts, has no effect.
struct ServiceEntryCheck {
  struct Value {
    bool operator==(const Value&) const = default;
  };
  static constexpr std::string_view kType = "service-entry-check";
  std::string ns, name;
  [[nodiscard]] std::string key() const { return store::joinKey({ns, name}); }
  static ServiceEntryCheck parse(std::string_view key);
};

ServiceEntryCheck::Value serviceEntryCheck(store::View& view, const ServiceEntryCheck& query);

}  // namespace fairway::normalize
