#include "cli/check_command.h"

#include <chrono>
#include <iostream>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/cluster.h"
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

std::size_t count(const Findings& findings, Severity severity) {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.severity == severity; }));
}

std::string counted(std::size_t number, const std::string& what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

std::string pageOf(const std::string& code) {
  std::string anchor = code;
  std::transform(anchor.begin(), anchor.end(), anchor.begin(), [](unsigned char c) { return std::tolower(c); });
  return "docs/reference/checks.md#" + anchor;
}

}  // namespace

std::string findingsText(const Findings& findings, bool colour) {
  if (findings.empty()) return "No findings: all is well.\n";
  const auto paint = [&](Severity severity, const std::string& text) {
    if (!colour) return text;
    const char* code = severity == Severity::error ? "31" : severity == Severity::warning ? "33" : "36";
    return "\033[" + std::string(code) + "m" + text + "\033[0m";
  };
  std::ostringstream out;
  for (const auto& f : findings) {
    out << f.code << "  " << paint(f.severity, severityName(f.severity)) << "  "
        << (f.object.empty() ? "cluster" : f.object) << "\n"
        << "  found  " << f.message << "\n"
        << "  fix    " << f.fix << "\n"
        << "  more   " << pageOf(f.code) << "\n\n";
  }
  out << counted(count(findings, Severity::error), "error") << ", "
      << counted(count(findings, Severity::warning), "warning") << ", "
      << counted(count(findings, Severity::info), "note") << ".\n";
  return out.str();
}

std::string findingsReport(const Findings& findings, const std::string& format) {
  nlohmann::ordered_json report;
  report["findings"] = nlohmann::ordered_json::array();
  for (const auto& f : findings) {
    nlohmann::ordered_json entry;
    entry["code"] = f.code;
    entry["severity"] = severityName(f.severity);
    entry["object"] = f.object;
    entry["message"] = f.message;
    entry["fix"] = f.fix;
    entry["page"] = pageOf(f.code);
    report["findings"].push_back(std::move(entry));
  }
  report["errors"] = count(findings, Severity::error);
  report["warnings"] = count(findings, Severity::warning);
  report["infos"] = count(findings, Severity::info);
  return format == "yaml" ? yamlText(report) : report.dump(2) + "\n";
}

int findingsExitCode(const Findings& findings) {
  const bool bad =
      std::any_of(findings.begin(), findings.end(), [](const Finding& f) { return f.severity != Severity::info; });
  return bad ? exitFindings : exitOk;
}

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
