#include "cli/agent_command.h"

#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "agent/agent.h"
#include "agent/commands.h"
#include "agent/config.h"
#include "agent/pod_info.h"
#include "cli/app.h"
#include "cli/log_setup.h"
#include "translate/bootstrap.h"

namespace fairway::cli {

namespace {

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<std::string> patchBootstrap(const std::string& bootstrap, const agent::BootstrapParts& parts) {
  std::vector<translate::BootstrapPatch> patches;
  for (const auto& [name, bytes] : parts) {
    const auto lists = translate::listsOfBootstrapPatch(name);
    if (!lists) return failure("found a patch " + name + ", whose name does not say how it is merged");
    patches.push_back({*lists, bytes});
  }
  return translate::patchBootstrap(bootstrap, patches);
}

int usage(const Error& error) {
  std::cerr << "fairway agent: " << error.message << "\nRun with --help for the flags.\n";
  return exitUsage;
}

struct AgentCommand {
  std::vector<std::vector<std::string>> values;  // by flag, in the order of agentFlags()

  [[nodiscard]] int run() const {
    agent::AgentOptions options;
    if (const auto done = agent::applyEnvironment(options, environment); !done) return usage(done.error());
    std::vector<std::string> entries;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) entries.emplace_back(*entry);
    auto metadata = agent::metadataFrom(entries);
    if (!metadata) return usage(metadata.error());
    options.metadata = std::move(*metadata);
    options.metadata["FAIRWAY_VERSION"] = FAIRWAY_VERSION;
    const auto& flags = agent::agentFlags();
    for (std::size_t i = 0; i < flags.size(); ++i) {
      for (const auto& value : values[i]) {
        if (const auto done = flags[i].set(options, value); !done) return usage(done.error().within(flags[i].name));
      }
    }
    if (const auto log = setUpLog(options.agentLogLevel, options.logFormat); !log) return usage(log.error());
    if (const auto done = agent::complete(options); !done) return usage(done.error());
    return agent::runAgent(options, patchBootstrap);
  }
};

// `fairway agent wait` and `fairway agent drain`.
struct RunningAgentCommand {
  std::string workDir = agent::AgentOptions().workDir;
  unsigned seconds = 60;

  static int report(const Result<void>& done, const char* name) {
    if (done) return exitOk;
    std::cerr << "fairway agent " << name << ": " << done.error().message << "\n";
    return exitFailure;
  }
};

void addWaitAndDrain(CLI::App& agent, int& exitCode) {
  auto command = std::make_shared<RunningAgentCommand>();
  auto* wait =
      agent.add_subcommand("wait", "Return once the proxy is ready: a postStart hook that keeps the app waiting");
  auto* drain = agent.add_subcommand("drain", "Let requests under way finish: a preStop hook");
  for (auto* sub : {wait, drain}) {
    sub->add_option("--work-dir", command->workDir, "the agent's folder")
        ->type_name("DIR")
        ->envname("FAIRWAY_WORK_DIR")
        ->capture_default_str();
  }
  wait->add_option("--timeout", command->seconds, "seconds after which to fail")
      ->check(CLI::Range(0U, 86400U))
      ->capture_default_str();
  wait->footer("\nExample:\n  fairway agent wait --timeout 30");
  drain->footer(
      "\nExample:\n  fairway agent drain\n\nReturns when nothing is under way or the agent's --drain-time is over.");
  wait->callback([command, &exitCode] {
    exitCode = command->report(agent::waitReady(command->workDir, std::chrono::seconds(command->seconds)), "wait");
  });
  drain->callback([command, &exitCode] { exitCode = command->report(agent::drainProxy(command->workDir), "drain"); });
}

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
  addWaitAndDrain(*sub, exitCode);
  sub->footer(
      "\nExample, without a cluster (see `fairway serve --config`):\n"
      "  fairway agent --pod-name msb-iag-0 --namespace onap --service-account msb --ips 127.30.1.1 \\\n"
      "      --discovery-address 127.0.0.1:15012 --token-file ./state/tokens/onap/msb --root-file ./state/root.pem \\\n"
      "      --interception none --app-address 127.30.1.2 --outbound-address 127.30.1.3 \\\n"
      "      --envoy ./envoy --work-dir $PWD/msb-iag --envoy-admin-address 127.0.0.1:0 --status-address 127.0.0.1:0 "
      "\\\n"
      "      --agent-address none --prometheus-address none");
  sub->callback([command, sub, &exitCode] {
    if (sub->get_subcommands().empty()) exitCode = command->run();
  });
}

}  // namespace fairway::cli
