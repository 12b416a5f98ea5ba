#include "cli/heap.h"

#ifdef FAIRWAY_JEMALLOC

#include <cstdint>
#include <string>

#include <jemalloc/jemalloc.h>
#include <unistd.h>

// Read by jemalloc when it is loaded. Most of the threads wait for one watch each and allocate little; an arena for
// each, as is the default up to four a core, would keep what was freed in one from being used by another.
extern "C" {
const char* malloc_conf = "narenas:2,dirty_decay_ms:2000,muzzy_decay_ms:0";
}

namespace fairway::cli {

namespace {

// jemalloc's own names for things ("MALLCTL NAMESPACE" in its manual).
std::string ofAllArenas(const char* before, const char* after) {
  return before + std::to_string(MALLCTL_ARENAS_ALL) + after;
}

}  // namespace

std::size_t idleHeap() {
  std::uint64_t now = 1;  // any number: asks for fresh statistics
  std::size_t size = sizeof now;
  if (mallctl("epoch", &now, &size, &now, size) != 0) return 0;
  std::size_t pages = 0;
  size = sizeof pages;
  if (mallctl(ofAllArenas("stats.arenas.", ".pdirty").c_str(), &pages, &size, nullptr, 0) != 0) return 0;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

void releaseHeap() { mallctl(ofAllArenas("arena.", ".purge").c_str(), nullptr, nullptr, nullptr, 0); }

}  // namespace fairway::cli

#else

namespace fairway::cli {

std::size_t idleHeap() { return 0; }
void releaseHeap() {}

}  // namespace fairway::cli

#endif
