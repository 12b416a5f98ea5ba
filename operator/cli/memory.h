#pragma once

#include <chrono>
#include <cstddef>

namespace fairway::cli {

// Gives memory back to the system that the process does not need any more. Called by one thread, now and then.
class MemoryKeeper {
 public:
  // Heap that first lists, or many proxies that came at once, left free inside.
  void trimHeap();

  // The next dropIdlePages() is not to wait: what the process needed to start has just become idle.
  void started() { nextDrop_ = {}; }

  // Once a minute: pages of programs and libraries that are mapped but idle, most of them only needed to start (symbol
  // tables, relocations, initializers). What is in use comes back from the page cache, some hundred faults in all.
  void dropIdlePages();

 private:
  std::chrono::steady_clock::time_point nextDrop_ = std::chrono::steady_clock::now() + std::chrono::seconds(20);
};

// Unmaps the file-backed pages of all loaded segments that nobody can have written to. Returns bytes of address space
// looked at.
std::size_t dropReadOnlySegments();

}  // namespace fairway::cli
