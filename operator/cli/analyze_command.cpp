#include "cli/analyze_command.h"

#include <algorithm>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "analyze/checks.h"
#include "base/strings.h"
#include "cli/analyze_input.h"
#include "cli/app.h"
#include "cli/cluster.h"
#include "cli/finding_report.h"
#include "cli/output.h"
#include "inspect/table.h"

namespace fairway::cli {

namespace {

struct AnalyzeCommand {
  std::vector<std::string> files, suppressed;
  std::string kubeconfig, ns, meshConfig, output = "text", failureThreshold = "Error", outputThreshold = "Info",
                                          revision = "default";
  store::MeshConfig mesh;
  bool useKube = true, allNamespaces = false, recursive = false, list = false, ignoreUnknown = false;

  [[nodiscard]] int run() const {
    if (list) {
      std::cout << analyzersText() << std::flush;
      return std::cout ? exitOk : exitFailure;
    }
    if (!useKube && files.empty()) return usage("--use-kube=false looks at files alone: name some, a folder or -");
    for (const auto& text : suppressed) {
      if (const auto good = analyze::checkSuppression(text); !good) return usage("--suppress: " + good.error().message);
    }
    AnalyzeInput input;
    input.options.mesh = mesh;
    input.options.injection.revision = revision;
    input.options.injection.rootNamespace = mesh.rootNamespace;
    input.options.suppressed = suppressed;
    input.options.ns = allNamespaces ? "" : defaultNamespace();
    if (const auto read = readAll(input); !read) {
      std::cerr << "fairway analyze: " << read.error().message << "\n";
      return exitFailure;
    }
    for (const auto& warning : input.warnings) std::cerr << warning << "\n";
    return report(std::move(input));
  }

 private:
  static int usage(const std::string& message) {
    std::cerr << "fairway analyze: " << message << "\n";
    return exitUsage;
  }

  [[nodiscard]] std::string defaultNamespace() const { return ns.empty() ? "default" : ns; }

  [[nodiscard]] Result<void> readAll(AnalyzeInput& input) const {
    std::unique_ptr<diagnose::Cluster> cluster;
    if (useKube) {
      auto opened = openCluster(kubeconfig);
      if (!opened) return failure(opened.error().message + "; --use-kube=false looks at files without a cluster");
      cluster = std::move(*opened);
      if (const auto read = readCluster(*cluster, input); !read) return read;
    }
    for (const auto& file : files) {
      if (const auto read = readManifests(file, recursive, defaultNamespace(), input); !read) return read;
    }
    if (!meshConfig.empty()) {
      if (const auto read = readMeshConfig(meshConfig, input); !read) return read;
    }
    if (cluster) readSecrets(*cluster, input);
    return {};
  }

  [[nodiscard]] int report(AnalyzeInput input) const {
    const analyze::World world(std::move(input.resources), std::move(input.options));
    auto findings = analyze::analyze(world);
    if (!ignoreUnknown) findings.insert(findings.end(), input.findings.begin(), input.findings.end());
    findings = sorted(std::move(findings));
    const auto exitCode = findingsExitCode(findings, severityOf(failureThreshold));
    std::erase_if(findings, [&](const Finding& f) { return f.severity < severityOf(outputThreshold); });
    std::cout << (output == "text"    ? findingsText(findings, colourOnStdout())
                  : output == "table" ? findingsTable(findings)
                                      : findingsReport(findings, output))
              << std::flush;
    return std::cout ? exitCode : static_cast<int>(exitFailure);
  }

  static Severity severityOf(const std::string& text) {
    const auto name = toLower(text);
    return name == "info" ? Severity::info : name == "warning" ? Severity::warning : Severity::error;
  }

  static std::string analyzersText() {
    inspect::Table analyzers{{"ANALYZER", "LOOKS AT"}, {}};
    for (const auto& each : analyze::analyzers()) analyzers.add({std::string(each.name), std::string(each.summary)});
    inspect::Table codes{{"CODE", "ISTIO", "SEVERITY", "NAME", "MEANING"}, {}};
    for (const auto& info : analyze::allCodes()) {
      codes.add({analyze::codeText(info.code), std::string(info.istio), severityName(info.severity),
                 std::string(info.name), std::string(info.summary)});
    }
    return inspect::tableText(analyzers) + "\n" + inspect::tableText(codes);
  }
};

}  // namespace

void addAnalyze(CLI::App& app, int& exitCode) {
  auto* sub = app.add_subcommand("analyze", "Find mistakes in configuration, before it is applied or in a cluster");
  sub->group("Cluster");
  auto command = std::make_shared<AnalyzeCommand>();
  auto& c = *command;
  sub->add_option("FILE", c.files,
                  "Manifests as if they were applied on top of the cluster: files, folders, - for standard input");
  sub->add_flag("-k,--use-kube,!--no-use-kube", c.useKube, "Look at a cluster. --use-kube=false: at the files alone");
  sub->add_option("--kubeconfig", c.kubeconfig, "Default: KUBECONFIG, ~/.kube/config, or the pod's service account");
  sub->add_option(
      "-n,--namespace", c.ns,
      "Of the cluster's objects tell of those in this namespace; of files: the namespace of objects that name "
      "none. Default: default");
  sub->add_flag("-A,--all-namespaces", c.allNamespaces, "Tell of the cluster's objects in all namespaces");
  sub->add_flag("-R,--recursive", c.recursive, "Look into the folders of folders too");
  sub->add_option("-i,--istioNamespace,--root-namespace", c.mesh.rootNamespace, "Where the control plane is")
      ->capture_default_str();
  sub->add_option("--revision", c.revision, "Of the control plane")->capture_default_str();
  sub->add_option("--trust-domain", c.mesh.trustDomain, "Of the mesh's identities")->capture_default_str();
  sub->add_option("--meshConfigFile,--mesh-config-file", c.meshConfig,
                  "File with the mesh's settings (MeshConfig) in place of the cluster's");
  const CLI::IsMember levels({"Info", "Warning", "Error"}, CLI::ignore_case);
  sub->add_option("--failure-threshold", c.failureThreshold, "Info, Warning or Error: the least that exits with 79")
      ->check(levels)
      ->capture_default_str();
  sub->add_option("--output-threshold", c.outputThreshold, "Info, Warning or Error: the least that is told")
      ->check(levels)
      ->capture_default_str();
  sub->add_option("-S,--suppress", c.suppressed,
                  "CODE=Kind name.namespace that is not told, * for any text; may be repeated")
      ->type_name("CODE=OBJECT")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  sub->add_flag("--ignore-unknown", c.ignoreUnknown, "Say nothing of files and documents that are no manifests");
  sub->add_flag("-L,--list-analyzers", c.list, "List what is looked at and all codes, and end");
  sub->add_option("-o,--output", c.output, "text, table, json or yaml")
      ->check(CLI::IsMember({"text", "table", "json", "yaml"}))
      ->capture_default_str();
  sub->footer(
      "\nFindings have codes: FW02xx, and istioctl's where it has one of the same meaning; docs/reference/analyze.md "
      "has a\n"
      "section for each. An object's annotation galley.istio.io/analyze-suppress: CODE,... (or *) leaves them out.\n\n"
      "Examples:\n"
      "  fairway analyze -A                                  the whole cluster\n"
      "  fairway analyze -n shop                             one namespace\n"
      "  fairway analyze shop.yaml rules/                    what if these were applied\n"
      "  fairway analyze --use-kube=false -R manifests/      files alone, in a pipeline\n"
      "  helm template x | fairway analyze --use-kube=false -\n"
      "  fairway analyze -A -S \"IST0103=Pod *.testing\" --failure-threshold Warning -o json\n\n"
      "Exit codes: 0 no finding at or above the failure threshold, 79 there is one, 1 a file or the cluster cannot be\n"
      "read, 64 wrong usage.");
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}

}  // namespace fairway::cli
