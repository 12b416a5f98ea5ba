#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "migrate/domain.h"
#include "migrate/formula.h"

namespace fairway::migrate {

// A request: of each variable that matters the class of its value. The others may be anything.
using Assignment = std::map<VariableId, std::size_t>;

struct Decision {
  enum class Outcome {
    equal,      // for every request
    different,  // for `request`
    open,       // they differ at most where nobody knows whether there is such a request, or there are too many cases
  };
  Outcome outcome = Outcome::equal;
  Assignment request;  // of outcomes different and open
  std::size_t branches = 0;
};

// Whether two formulas are equal for every request, by branching over the values of their variables in order. What is
// the same formula on both sides is not looked into, and no pair of remainders twice.
Decision decide(const Attributes& attributes, Formulas& formulas, Node a, Node b, std::size_t maxBranches = 4'000'000);

// The value of a formula for one request; variables that it leaves out have their first value.
bool evaluate(const Attributes& attributes, Formulas& formulas, Node node, const Assignment& request);

}  // namespace fairway::migrate
