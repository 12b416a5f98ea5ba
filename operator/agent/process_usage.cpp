#include "agent/process_usage.h"

#include <unistd.h>

#include <fstream>

#include "base/strings.h"

namespace fairway::agent {

std::optional<ProcessUsage> parseProcessStat(std::string_view text, long ticks, long page) {
  // The program's name, in brackets, may hold blanks and brackets itself. What comes after are numbers, from field 3 on.
  const auto name = text.rfind(')');
  if (name == std::string_view::npos || ticks <= 0) return std::nullopt;
  const auto fields = split(trim(text.substr(name + 1)), ' ');
  constexpr std::size_t kUserTime = 14 - 3, kSystemTime = 15 - 3, kResident = 24 - 3;
  if (fields.size() <= kResident) return std::nullopt;
  const auto user = toNumber(fields[kUserTime]), system = toNumber(fields[kSystemTime]);
  const auto resident = toNumber(fields[kResident]);
  if (!user || !system || !resident) return std::nullopt;
  return ProcessUsage{static_cast<double>(*user + *system) / static_cast<double>(ticks),
                      static_cast<double>(*resident) * static_cast<double>(page)};
}

std::optional<ProcessUsage> processUsage(const std::string& process) {
  std::ifstream file("/proc/" + process + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return parseProcessStat(line, ::sysconf(_SC_CLK_TCK), ::sysconf(_SC_PAGESIZE));
}

}  // namespace fairway::agent
