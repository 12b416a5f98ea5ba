#pragma once

#include <cstddef>

namespace fairway::cli {

// The allocator is jemalloc: the engine makes and drops many small objects, and glibc's takes a fourth more CPU time for
// that. Sanitizers have their own; there these functions do nothing.

// Pages that were freed and are still kept for what is allocated next, in bytes.
std::size_t idleHeap();

// Gives them back to the system.
void releaseHeap();

}  // namespace fairway::cli
