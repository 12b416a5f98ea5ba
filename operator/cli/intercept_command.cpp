#include "cli/intercept_command.h"

#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include "cli/app.h"
#include "cli/log_setup.h"
#include "intercept/options.h"
#include "intercept/runner.h"

namespace fairway::cli {

namespace {

struct InterceptCommand {
  std::vector<std::vector<std::string>> values;  // by flag, in the order of interceptFlags()
  std::string netns, logLevel = "info", logFormat = "text";
  bool dryRun = false, remove = false;

  [[nodiscard]] Result<intercept::InterceptOptions> options() const {
    intercept::InterceptOptions result;
    // Another pod's resolvers are not in this file system.
    if (netns.empty()) {
      std::stringstream text;
      text << std::ifstream("/etc/resolv.conf").rdbuf();
      result.dnsServers = intercept::nameservers(text.str());
    }
    const auto& flags = intercept::interceptFlags();
    for (std::size_t i = 0; i < flags.size(); ++i) {
      for (const auto& value : values[i]) {
        if (auto done = flags[i].set(result, value); !done) return tl::unexpected(done.error().within(flags[i].name));
      }
    }
    return result;
  }

  [[nodiscard]] int run() const {
    const auto failed = [](const Error& error) {
      spdlog::error("intercept: {}", error.message);
      return static_cast<int>(exitFailure);
    };
    const auto usage = [](const Error& error) {
      std::cerr << "fairway intercept: " << error.message << "\nRun with --help for the flags.\n";
      return static_cast<int>(exitUsage);
    };
    if (const auto log = setUpLog(logLevel, logFormat); !log) return usage(log.error());
    const auto wanted = options();
    if (!wanted) return usage(wanted.error());
    if (dryRun) {
      std::cout << intercept::describe(*wanted);
      return exitOk;
    }
    if (!netns.empty()) {
      if (const auto joined = intercept::joinNamespace(netns); !joined) return failed(joined.error().within("--netns"));
    }
    const auto done = remove ? intercept::remove() : intercept::apply(*wanted);
    return done ? static_cast<int>(exitOk) : failed(done.error());
  }
};

}  // namespace

void addIntercept(CLI::App& app, int& exitCode) {
  auto* sub = app.add_subcommand("intercept", "Send a pod's connections through its proxy: nat rules, set or removed");
  sub->group("Data plane");
  auto command = std::make_shared<InterceptCommand>();
  const auto& flags = intercept::interceptFlags();
  command->values.resize(flags.size());
  for (std::size_t i = 0; i < flags.size(); ++i) {
    const auto standard = flags[i].standard.empty() ? "" : " (default " + flags[i].standard + ")";
    sub->add_option(flags[i].name, command->values[i], flags[i].help + standard)
        ->type_name(flags[i].placeholder)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
  }
  sub->add_option("--netns", command->netns,
                  "Network namespace to work in: what a CNI plugin passes on (default: this)")
      ->type_name("PATH");
  auto* dryRun = sub->add_flag("--dry-run", command->dryRun, "Print what would be done; needs no rights");
  sub->add_flag("--remove", command->remove, "Take away what an earlier run did")->excludes(dryRun);
  sub->add_option("--log-level", command->logLevel, "trace, debug, info, warn, error, off")->capture_default_str();
  sub->add_option("--log-format", command->logFormat, "text or json")
      ->capture_default_str()
      ->envname("FAIRWAY_LOG_FORMAT");
  sub->footer(
      "\nRun a second time it leaves the same rules. Excludes win over includes; UDP is left alone.\n\n"
      "Examples:\n"
      "  fairway intercept                                                what the container istio-init runs\n"
      "  fairway intercept --exclude-outbound-ports 3306 --dry-run        print the rules\n"
      "  fairway intercept --include-outbound-cidrs 10.0.0.0/8,fd00::/8\n"
      "  fairway intercept --netns /var/run/netns/cni-1234                from the node\n"
      "  fairway intercept --remove");
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}

}  // namespace fairway::cli
