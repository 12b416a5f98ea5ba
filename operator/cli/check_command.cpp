#include "cli/check_command.h"

#include <chrono>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/app.h"
#include "cli/cluster.h"
#include "cli/finding_report.h"
#include "cli/output.h"
#include "diagnose/checks.h"

namespace fairway::cli {

namespace {

struct CheckCommand {
  std::string kubeconfig, rootNamespace = "istio-system", revision = "default", ns, output = "text";
  bool before = false;

  [[nodiscard]] int run() const {
    auto cluster = openCluster(kubeconfig);
    if (!cluster) {
      std::cerr << "fairway check: " << cluster.error().message << "\n";
      return exitFailure;
    }
    diagnose::Options options;
    options.rootNamespace = rootNamespace;
    options.revision = revision;
    options.ns = ns;
    options.version = FAIRWAY_VERSION;
    options.now = std::chrono::system_clock::now();
    const auto findings = before ? diagnose::checkBefore(**cluster, options) : diagnose::checkAfter(**cluster, options);
    std::cout << (output == "text" ? findingsText(findings, colourOnStdout()) : findingsReport(findings, output));
    return findingsExitCode(findings);
  }
};

}  // namespace

void addCheck(CLI::App& app, int& exitCode) {
  auto* sub = app.add_subcommand("check", "Look for what is wrong with the mesh, and say how to put it right");
  sub->group("Cluster");
  auto command = std::make_shared<CheckCommand>();
  auto& c = *command;
  sub->add_flag("--pre", c.before, "Before an installation: would it succeed?");
  sub->add_option("--kubeconfig", c.kubeconfig, "Default: KUBECONFIG, ~/.kube/config, or the pod's service account");
  sub->add_option("-i,--root-namespace", c.rootNamespace, "Where the control plane is")->capture_default_str();
  sub->add_option("--revision", c.revision, "Of the control plane")->capture_default_str();
  sub->add_option("-n,--namespace", c.ns, "Look at the pods of this namespace only. Default: all");
  sub->add_option("-o,--output", c.output, "text, json or yaml")
      ->check(CLI::IsMember({"text", "json", "yaml"}))
      ->capture_default_str();
  sub->footer(
      "\nExit code 79 if there is an error or a warning.\n\n"
      "Examples:\n"
      "  fairway check --pre            before helm install\n"
      "  fairway check                  after it, or when something does not work\n"
      "  fairway check -n onap -o json");
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}

}  // namespace fairway::cli
