#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/service.h"
#include "model/traffic.h"
#include "store/view.h"

// Which endpoints a client uses first, and how much of its traffic goes where (TrafficPolicy::LocalityPolicy).
namespace fairway::translate {

struct GroupKey {
  std::uint32_t priority = 0;  // 0 first; others only as far as those before are not healthy
  model::Locality locality;
  auto operator<=>(const GroupKey&) const = default;
};
struct Group {
  std::vector<const model::Endpoint*> endpoints;
  std::uint32_t weight = 0;  // among those of equal priority
};
using Groups = std::map<GroupKey, Group>;

class Nearness {
 public:
  Nearness(model::Client client, model::TrafficPolicy::LocalityPolicy policy)
      : client_(std::move(client)), policy_(std::move(policy)) {}

  // Nodes by workload ("namespace/name"), where failoverPriority asks for them.
  std::map<std::string, std::string> nodes;

  [[nodiscard]] std::uint32_t priorityOf(const model::Endpoint& endpoint) const;
  // Sets the weights as `distribute` says for the client's locality; those of which it says nothing go. Without an entry
  // for the client nothing changes.
  void distribute(Groups& groups) const;

 private:
  [[nodiscard]] std::string labelOf(const model::Endpoint& endpoint, const std::string& name) const;
  [[nodiscard]] std::string labelOfClient(const std::string& name) const;

  model::Client client_;
  model::TrafficPolicy::LocalityPolicy policy_;
};

// Nothing if all endpoints are alike for the client.
std::optional<Nearness> nearnessOf(store::View& view, const model::Client& client, const std::string& host,
                                   std::uint32_t port, const std::string& subset,
                                   const std::vector<const model::Endpoint*>& endpoints);

}  // namespace fairway::translate
