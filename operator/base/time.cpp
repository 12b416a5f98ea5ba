#include "base/time.h"

#include <algorithm>
#include <ctime>

namespace fairway {

std::string utcText(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::chrono::system_clock::time_point timeOfSeconds(std::int64_t sinceEpoch) {
  using Clock = std::chrono::system_clock;
  const auto first = std::chrono::ceil<std::chrono::seconds>(Clock::time_point::min().time_since_epoch()).count();
  const auto last = std::chrono::floor<std::chrono::seconds>(Clock::time_point::max().time_since_epoch()).count();
  return Clock::time_point(std::chrono::seconds(std::clamp<std::int64_t>(sinceEpoch, first, last)));
}

}  // namespace fairway
