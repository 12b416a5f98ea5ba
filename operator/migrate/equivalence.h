#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "migrate/workloads.h"
#include "normalize/world.h"

namespace fairway::migrate {

// A request that gets another answer after the migration, or an mTLS mode that is another.
struct Difference {
  enum class What {
    mtls,      // the mode of the port
    verdict,   // let in or not
    asked,     // whether an external authorizer is asked
    dry_run,   // only what dry runs count
    undecided  // a regular expression, or too many cases: nobody knows
  };
  What what = What::verdict;
  std::string workload;                                      // "onap/vid-7f (app=vid)"
  std::uint32_t port = 0;                                    // 0: one that no service names
  std::vector<std::pair<std::string, std::string>> request;  // what matters of it; the rest may be anything
  std::string before, after;                                 // "denied: no rule allows it"
};

struct Equivalence {
  std::size_t workloads = 0;  // classes of workloads
  std::size_t ports = 0;      // of all of them, the ports that no service names counted as one each
  std::size_t same = 0;       // of the ports: with the same rules word for word
  std::size_t classes = 0;    // of values of the requests' attributes, in all comparisons
  std::size_t branches = 0;   // cases decided
  std::vector<Difference> differences;

  [[nodiscard]] bool holds() const { return differences.empty(); }
};

// Compares, for every class of workloads and each of its ports, what the policies of two worlds decide: over all
// requests that their rules can distinguish.
Equivalence compare(normalize::World& before, normalize::World& after, const std::vector<WorkloadClass>& workloads);

// "onap/vid-7f (app=vid)"
std::string describe(const WorkloadClass& workload);

}  // namespace fairway::migrate
