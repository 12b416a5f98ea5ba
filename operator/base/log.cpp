#include "base/log.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/strings.h"

namespace fairway {

namespace {

// Those of the rooms (<room>/log.h), so that the list is whole from the start.
constexpr std::array kScopes{"agent",  "console",  "control",   "discovery", kDefaultLogScope,
                             "engine", "identity", "intercept", "kube"};
constexpr std::array kLevels{"trace", "debug", "info", "warn", "error", "off"};

class Scopes {
 public:
  Scopes() : level_(spdlog::level::info) {
    for (const auto* name : kScopes) make(name);
  }

  spdlog::logger& of(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto found = loggers_.find(name);
    return found == loggers_.end() ? make(name) : *found->second;
  }

  void write(const std::shared_ptr<spdlog::logger>& logger) {
    const std::lock_guard lock(mutex_);
    level_ = logger->level();
    for (const auto& [name, scope] : loggers_) {
      scope->sinks() = logger->sinks();
      scope->flush_on(logger->flush_level());
      scope->set_level(level_);
    }
    spdlog::set_default_logger(loggers_.at(kDefaultLogScope));
  }

  std::map<std::string, std::shared_ptr<spdlog::logger>> all() {
    const std::lock_guard lock(mutex_);
    return loggers_;
  }

  [[nodiscard]] spdlog::level::level_enum startLevel() {
    const std::lock_guard lock(mutex_);
    return level_;
  }

 private:
  spdlog::logger& make(const std::string& name) {
    const auto& usual = spdlog::default_logger_raw()->sinks();
    auto logger = std::make_shared<spdlog::logger>(name, usual.begin(), usual.end());
    logger->set_level(level_);
    return *loggers_.emplace(name, std::move(logger)).first->second;
  }

  std::mutex mutex_;
  spdlog::level::level_enum level_;  // that the program was started with
  std::map<std::string, std::shared_ptr<spdlog::logger>> loggers_;
};

// Never destroyed: threads may log to the very end.
Scopes& scopes() {
  static auto& all = *new Scopes;
  return all;
}

std::string_view nameOf(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace: return "trace";
    case spdlog::level::debug: return "debug";
    case spdlog::level::info: return "info";
    case spdlog::level::warn: return "warn";
    case spdlog::level::err:
    case spdlog::level::critical: return "error";
    default: return "off";
  }
}

std::optional<spdlog::level::level_enum> levelOf(std::string_view name) {
  if (std::find(kLevels.begin(), kLevels.end(), name) == kLevels.end()) return std::nullopt;
  return spdlog::level::from_str(std::string(name));
}

}  // namespace

spdlog::logger& logScope(std::string_view name) { return scopes().of(std::string(name)); }

void setLogger(std::shared_ptr<spdlog::logger> logger) { scopes().write(logger); }

std::vector<LogLevel> logLevels() {
  std::vector<LogLevel> result;
  for (const auto& [name, scope] : scopes().all()) result.push_back({name, std::string(nameOf(scope->level()))});
  return result;
}

Result<void> setLogLevels(std::string_view wanted) {
  const auto all = scopes().all();
  std::vector<std::pair<spdlog::logger*, spdlog::level::level_enum>> changes;
  for (const auto& part : split(wanted, ',')) {
    const auto text = trim(part);
    const auto colon = text.find(':');
    const auto name = colon == std::string_view::npos ? std::string_view("all") : trim(text.substr(0, colon));
    const auto level = levelOf(trim(colon == std::string_view::npos ? text : text.substr(colon + 1)));
    if (!level) {
      return failure("'" + std::string(text) + "': expected a level, or a scope and a level as in discovery:debug; " +
                     "levels are " + join({kLevels.begin(), kLevels.end()}, ", "));
    }
    bool found = false;
    for (const auto& [scope, logger] : all) {
      if (name != "all" && name != scope) continue;
      changes.emplace_back(logger.get(), *level);
      found = true;
    }
    if (!found) {
      std::vector<std::string> names;
      for (const auto& [scope, logger] : all) names.push_back(scope);
      return failure("there is no scope '" + std::string(name) + "', expected all or one of " + join(names, ", "));
    }
  }
  for (const auto& [logger, level] : changes) logger->set_level(level);
  return {};
}

void resetLogLevels() {
  const auto level = scopes().startLevel();
  for (const auto& [name, scope] : scopes().all()) scope->set_level(level);
}

}  // namespace fairway
