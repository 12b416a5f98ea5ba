#include "fuzz/target.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace fairway::fuzz {
namespace {

std::vector<Target>& all() {
  static std::vector<Target> targets;
  return targets;
}

}  // namespace

Registration::Registration(Target target) {
  const auto before = [](const Target& a, const Target& b) { return a.name < b.name; };
  all().insert(std::upper_bound(all().begin(), all().end(), target, before), target);
}

const std::vector<Target>& targets() { return all(); }

const Target* findTarget(std::string_view name) {
  const auto found =
      std::find_if(all().begin(), all().end(), [&](const Target& target) { return target.name == name; });
  return found == all().end() ? nullptr : &*found;
}

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace fairway::fuzz
