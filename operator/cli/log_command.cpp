#include "cli/log_command.h"

#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "cli/app.h"
#include "cli/proxy_source.h"
#include "inspect/table.h"

namespace fairway::cli {

using nlohmann::json;

namespace {

// Only these are part of a query, so nothing has to be quoted there.
bool isPlain(const std::string& text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_:,") == std::string::npos;
}

std::string withoutBlanks(std::string text) {
  std::erase(text, ' ');
  return toLower(text);
}

struct LogCommand {
  ProxySource source;
  std::string level, output = "table", admin;
  bool reset = false;
};

void addFlags(CLI::App& sub, LogCommand& c, const char* levels) {
  auto* level = sub.add_option("--level", c.level, levels);
  sub.add_flag("-r,--reset", c.reset, "As at the start")->excludes(level);
  sub.add_option("-o,--output", c.output, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  addClusterFlags(sub, c.source);
}

int fail(const char* command, const std::string& message, int code) {
  std::cerr << "fairway " << command << ": " << message << "\n";
  return code;
}

// --- the control plane -----------------------------------------------------------------------------

constexpr const char* kAdminLog = "admin log";

int runAdminLog(LogCommand c) {
  c.level = withoutBlanks(c.level);
  if (!c.level.empty() && !isPlain(c.level)) {
    return fail(kAdminLog, "--level: expected a level, or SCOPE:LEVEL,...", exitUsage);
  }
  c.source.controlPlaneAdmin = c.admin;
  const bool changes = c.reset || !c.level.empty();
  const auto replicas = replicasOf(c.source, changes ? "POST" : "GET");
  if (!replicas) return fail(kAdminLog, replicas.error().message, exitFailure);
  const std::string path = c.reset           ? "/debug/logs?reset"
                           : c.level.empty() ? "/debug/logs"
                                             : "/debug/logs?level=" + c.level;
  inspect::Table table{{"REPLICA", "SCOPE", "LEVEL"}, {}};
  auto all = json::object();
  int code = exitOk;
  for (const auto& replica : *replicas) {
    const auto text = replica.fetch(path);
    const auto levels = text ? json::parse(*text, nullptr, false) : json();
    if (!levels.is_array()) {
      code = fail(kAdminLog, replica.name + ": " + (text ? "it answers no list of levels" : text.error().message),
                  exitFailure);
      continue;
    }
    all[replica.name] = levels;
    for (const auto& one : levels) {
      table.rows.push_back({replica.name, one.value("scope", ""), one.value("level", "")});
    }
  }
  if (c.output == "json") {
    std::cout << all.dump(2) << "\n";
  } else if (!table.rows.empty()) {
    std::cout << inspect::tableText(table);
  }
  return code;
}

// --- Envoy -----------------------------------------------------------------------------------------

constexpr const char* kProxyLog = "proxy-config log";
constexpr std::array kEnvoyLevels{"trace", "debug", "info", "warning", "error", "critical", "off"};
constexpr const char* kStartLevel = "warning";  // the agent's default

// The query of /logging: one level for all, or some loggers with theirs. Nothing if it is neither.
std::optional<std::string> queryOf(const std::string& wanted) {
  const auto levelOf = [](const std::string& name) -> std::string {
    if (name == "warn") return "warning";
    return std::find(kEnvoyLevels.begin(), kEnvoyLevels.end(), name) == kEnvoyLevels.end() ? "" : name;
  };
  std::string all, some;
  for (const auto& part : split(wanted, ',')) {
    const auto colon = part.find(':');
    const auto level = levelOf(colon == std::string::npos ? part : part.substr(colon + 1));
    if (level.empty() || colon == 0) return std::nullopt;
    if (colon == std::string::npos) {
      all = level;
    } else {
      some += (some.empty() ? "" : ",") + part.substr(0, colon) + ":" + level;
    }
  }
  if (!all.empty() && !some.empty()) return std::nullopt;
  return all.empty() ? "?paths=" + some : "?level=" + all;
}

// "active loggers:\n  admin: warning\n ...".
json loggersOf(const std::string& text) {
  auto loggers = json::object();
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(": ");
    if (!line.starts_with(" ") || colon == std::string::npos) continue;
    loggers[std::string(trim(line.substr(0, colon)))] = std::string(trim(std::string_view(line).substr(colon + 2)));
  }
  return loggers;
}

int runProxyLog(LogCommand c) {
  c.level = withoutBlanks(c.reset ? kStartLevel : c.level);
  c.source.envoyAdmin = c.admin;
  if (c.admin.empty() && !c.source.proxyId()) {
    return fail(kProxyLog, c.source.proxyId().error().message + ", or give --admin", exitUsage);
  }
  std::string path = "/logging";
  if (!c.level.empty()) {
    const auto query = isPlain(c.level) ? queryOf(c.level) : std::nullopt;
    if (!query) {
      return fail(kProxyLog,
                  "--level: expected one level for all loggers, or LOGGER:LEVEL,...; levels are " +
                      join({kEnvoyLevels.begin(), kEnvoyLevels.end()}, ", "),
                  exitUsage);
    }
    path += *query;
  }
  const auto fetch = envoyOf(c.source, "POST");
  if (!fetch) return fail(kProxyLog, fetch.error().message, exitFailure);
  const auto text = (*fetch)(path);
  if (!text) return fail(kProxyLog, text.error().message, exitFailure);
  const auto loggers = loggersOf(*text);
  if (loggers.empty()) return fail(kProxyLog, "Envoy answers no list of loggers: " + *text, exitFailure);
  if (c.output == "json") {
    std::cout << loggers.dump(2) << "\n";
    return exitOk;
  }
  inspect::Table table{{"LOGGER", "LEVEL"}, {}};
  for (const auto& [name, level] : loggers.items()) table.rows.push_back({name, level.get<std::string>()});
  std::cout << inspect::tableText(table);
  return exitOk;
}

}  // namespace

void addAdmin(CLI::App& app, int& exitCode) {
  auto* admin = app.add_subcommand("admin", "Look into and change the running control plane");
  admin->group("Cluster");
  admin->require_subcommand(1);
  auto* sub = admin->add_subcommand("log", "Levels of the control plane's log, by scope");
  sub->alias("l");
  auto command = std::make_shared<LogCommand>();
  addFlags(*sub, *command, "A level for all scopes, or SCOPE:LEVEL,...: trace, debug, info, warn, error, off");
  sub->add_option("--admin", command->admin,
                  "HOST:PORT of a control plane's admin port, instead of all replicas in the cluster");
  sub->footer(
      "\nA change is for the replicas that run now, and until they end: a restart begins with --log-level.\n\n"
      "Examples:\n"
      "  fairway admin log                              the levels of all replicas\n"
      "  fairway admin log --level discovery:debug,kube:warn\n"
      "  fairway admin log --reset");
  sub->callback([command, &exitCode] { exitCode = runAdminLog(*command); });
}

void addProxyLog(CLI::App& proxyConfig, int& exitCode) {
  auto* sub = proxyConfig.add_subcommand("log", "Levels of Envoy's log, by logger; changes them");
  auto command = std::make_shared<LogCommand>();
  sub->add_option("POD", command->source.proxy,
                  "POD[.NAMESPACE]: its Envoy is asked, by the API server's port-forward");
  addFlags(*sub, *command, "A level for all loggers, or LOGGER:LEVEL,...");
  sub->add_option("--admin", command->admin, "HOST:PORT of Envoy's admin port, instead of the pod's");
  sub->footer(
      "\nA change lasts until Envoy starts again. --reset: the level warning for all, the agent's default.\n\n"
      "Examples:\n"
      "  fairway proxy-config log msb-0.onap --level http:debug,rbac:debug\n"
      "  fairway pc log msb-0.onap --reset");
  sub->callback([command, &exitCode] { exitCode = runProxyLog(*command); });
}

}  // namespace fairway::cli
