#include "cli/memory.h"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string_view>

#include "cli/heap.h"

namespace fairway::cli {

namespace {

// Text relocations write into segments that are read-only later: those pages exist nowhere else.
bool hasTextRelocations(const dl_phdr_info& object) {
  for (const auto* header = object.dlpi_phdr; header != object.dlpi_phdr + object.dlpi_phnum; ++header) {
    if (header->p_type != PT_DYNAMIC) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): addresses of the dynamic linker are numbers
    for (const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(object.dlpi_addr + header->p_vaddr);
         entry->d_tag != DT_NULL; ++entry) {
      if (entry->d_tag == DT_TEXTREL) return true;
      if (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0) return true;
    }
  }
  return false;
}

int dropSegments(dl_phdr_info* object, std::size_t, void* total) {
  if (hasTextRelocations(*object) || std::string_view(object->dlpi_name).starts_with("linux-vdso")) return 0;
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  for (const auto* header = object->dlpi_phdr; header != object->dlpi_phdr + object->dlpi_phnum; ++header) {
    if (header->p_type != PT_LOAD || (header->p_flags & PF_W) != 0) continue;
    const auto address = object->dlpi_addr + header->p_vaddr;
    // Only whole pages: one at an edge may also belong to a neighbour that is written to.
    const auto begin = (address + page - 1) / page * page, end = (address + header->p_filesz) / page * page;
    if (begin >= end) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    if (madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED) == 0) {
      *static_cast<std::size_t*>(total) += end - begin;
    }
  }
  return 0;
}

}  // namespace

std::size_t dropReadOnlySegments() {
  std::size_t total = 0;
  dl_iterate_phdr(dropSegments, &total);
  return total;
}

void MemoryKeeper::trimHeap() {
  constexpr std::size_t kWorthwhile = 4U << 20U;  // less is soon used again
  if (idleHeap() >= kWorthwhile) releaseHeap();
}

void MemoryKeeper::dropIdlePages() {
  const auto now = std::chrono::steady_clock::now();
  if (now < nextDrop_) return;
  nextDrop_ = now + std::chrono::minutes(1);
  dropReadOnlySegments();
}

}  // namespace fairway::cli
