#include "cli/log_setup.h"

#include <unistd.h>

#include <cstdlib>
#include <memory>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace fairway::cli {

namespace {

class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    time_.format(message, timeText_);
    const nlohmann::json line{{"time", std::string(timeText_.data(), timeText_.size())},
                              {"level", std::string(spdlog::level::to_string_view(message.level).data(),
                                                    spdlog::level::to_string_view(message.level).size())},
                              {"scope", std::string(message.logger_name.data(), message.logger_name.size())},
                              {"message", std::string(message.payload.data(), message.payload.size())}};
    timeText_.clear();
    const auto text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    out.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(); }

 private:
  spdlog::pattern_formatter time_{"%Y-%m-%dT%H:%M:%S.%eZ", spdlog::pattern_time_type::utc, ""};
  spdlog::memory_buf_t timeText_;
};

}  // namespace

Result<void> setUpLog(const std::string& level, const std::string& format) {
  const auto parsed = spdlog::level::from_str(level);
  if (parsed == spdlog::level::off && level != "off") {
    return failure("--log-level: '" + level + "' is no level; expected trace, debug, info, warn, error or off");
  }
  if (format != "text" && format != "json") {
    return failure("--log-format: '" + format + "' is no format; expected text or json");
  }
  const bool colour = format == "text" && isatty(STDERR_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  std::shared_ptr<spdlog::logger> logger;
  if (colour) {
    logger = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  } else {
    logger = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  }
  if (format == "json") {
    logger->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    logger->set_pattern("%Y-%m-%d %H:%M:%S.%e  %^%-5l%$  %-9n  %v");
  }
  logger->set_level(parsed);
  logger->flush_on(spdlog::level::trace);
  setLogger(std::move(logger));
  return {};
}

}  // namespace fairway::cli
