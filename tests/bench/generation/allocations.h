#pragma once

#include <cstdint>

// How often this program has asked for memory by `new`.
std::uint64_t allocations();
