#pragma once

#include <string>
#include <vector>

#include "model/common.h"
#include "normalize/queries.h"
#include "store/view.h"

namespace fairway::migrate {

// Workloads that policies cannot tell apart: those of one namespace with the same labels and service account.
struct WorkloadClass {
  std::string ns;
  model::Labels labels;
  std::string serviceAccount;
  std::string example;  // a pod of it; or the Service whose selector it was made of, if there is none
  bool fromService = false;
  normalize::InboundPortsOf::Value ports;  // those that services name

  // The port as services name it; null for any other.
  [[nodiscard]] const normalize::InboundPortsOf::Port* port(std::uint32_t number) const;
};

// The classes of all namespaces, sorted: of pods, and of the selectors of Services that select none of them.
std::vector<WorkloadClass> workloadClasses(store::View& view);

}  // namespace fairway::migrate
