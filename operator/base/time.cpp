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

std::optional<std::chrono::system_clock::time_point> timeOfText(const std::string& text) {
  using std::chrono::nanoseconds;
  std::tm parts{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return std::nullopt;
  nanoseconds fraction{0};
  if (*rest == '.') {
    nanoseconds digit = std::chrono::seconds(1);
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest) fraction += (*rest - '0') * (digit /= 10);
  }
  if (std::string(rest) != "Z") return std::nullopt;
  return timeOfSeconds(timegm(&parts)) + std::chrono::duration_cast<std::chrono::system_clock::duration>(fraction);
}

std::chrono::system_clock::time_point timeOfSeconds(std::int64_t sinceEpoch) {
  using Clock = std::chrono::system_clock;
  const auto first = std::chrono::ceil<std::chrono::seconds>(Clock::time_point::min().time_since_epoch()).count();
  const auto last = std::chrono::floor<std::chrono::seconds>(Clock::time_point::max().time_since_epoch()).count();
  return Clock::time_point(std::chrono::seconds(std::clamp<std::int64_t>(sinceEpoch, first, last)));
}

}  // namespace fairway
