#include "cli/agent_command.h"

#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "agent/agent.h"
#include "agent/config.h"
#include "cli/app.h"
#include "cli/log_setup.h"

namespace fairway::cli {

namespace {

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

int usage(const Error& error) {
  std::cerr << "fairway agent: " << error.message << "\nRun with --help for the flags.\n";
  return exitUsage;
}

struct AgentCommand {
  std::vector<std::vector<std::string>> values;  // by flag, in the order of agentFlags()
  std::string logLevel = "info", logFormat = "text";

  [[nodiscard]] int run() const {
    if (const auto log = setUpLog(logLevel, logFormat); !log) return usage(log.error());
    agent::AgentOptions options;
    if (const auto done = agent::applyEnvironment(options, environment); !done) return usage(done.error());
    const auto& flags = agent::agentFlags();
    for (std::size_t i = 0; i < flags.size(); ++i) {
      for (const auto& value : values[i]) {
        if (const auto done = flags[i].set(options, value); !done) return usage(done.error().within(flags[i].name));
      }
    }
    if (const auto done = agent::complete(options); !done) return usage(done.error());
    return agent::runAgent(options);
  }
};

}  // namespace

void addAgent(CLI::App& app, int& exitCode) {
  auto* sub = app.add_subcommand("agent", "Run Envoy and keep its identity: what stands beside each workload");
  sub->group("Data plane");
  auto command = std::make_shared<AgentCommand>();
  const auto& flags = agent::agentFlags();
  command->values.resize(flags.size());
  for (std::size_t i = 0; i < flags.size(); ++i) {
    // The environment is read by applyEnvironment(); the help names the variable.
    sub->add_option(flags[i].name, command->values[i], flags[i].help + " (" + flags[i].environment + ")")
        ->type_name(flags[i].placeholder)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
  }
  sub->add_option("--agent-log-level", command->logLevel, "The agent's own log: trace, debug, info, warn, error, off")
      ->capture_default_str();
  sub->add_option("--log-format", command->logFormat, "text or json")
      ->capture_default_str()
      ->envname("FAIRWAY_LOG_FORMAT");
  sub->footer(
      "\nExample, without a cluster (see `fairway serve --config`):\n"
      "  fairway agent --pod msb-iag-0 --namespace onap --service-account msb --ip 127.30.1.1 \\\n"
      "      --discovery-address 127.0.0.1:15012 --token-file ./state/tokens/onap/msb --root-file ./state/root.pem \\\n"
      "      --interception none --app-address 127.30.1.2 --outbound-address 127.30.1.3 \\\n"
      "      --envoy ./envoy --work-dir ./msb-iag --envoy-admin-address 127.0.0.1:0 --status-address 127.0.0.1:0");
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}

}  // namespace fairway::cli
