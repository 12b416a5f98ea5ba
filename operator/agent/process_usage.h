#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fairway::agent {

struct ProcessUsage {
  double cpuSeconds = 0;  // user and system, since its start
  double residentBytes = 0;
};

// Reads the text of /proc/<pid>/stat (proc(5)). `ticks`: clock ticks a second, `page`: bytes of a page. Nothing for other texts.
std::optional<ProcessUsage> parseProcessStat(std::string_view text, long ticks, long page);

// Of a process, by the name of its folder in /proc: "self", "4711". Nothing if there is none.
std::optional<ProcessUsage> processUsage(const std::string& process);

}  // namespace fairway::agent
