#include "cli/migrate_command.h"

#include <iostream>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/cluster.h"
#include "cli/migrate_input.h"
#include "cli/output.h"

namespace fairway::cli {

using nlohmann::ordered_json;

namespace {

constexpr std::size_t kShown = 20;  // differences told one by one

std::string nameOf(migrate::Difference::What what) {
  using What = migrate::Difference::What;
  switch (what) {
    case What::mtls: return "mtls";
    case What::verdict: return "verdict";
    case What::asked: return "external";
    case What::dry_run: return "dry-run";
    case What::undecided: return "undecided";
  }
  return {};
}

std::string portText(std::uint32_t port) { return port == 0 ? "any other port" : "port " + std::to_string(port); }

std::string requestText(const migrate::Difference& difference) {
  if (difference.request.empty()) return "any";
  std::string text;
  for (const auto& [name, value] : difference.request) text += (text.empty() ? "" : ", ") + name + ": " + value;
  return text;
}

std::string counted(std::size_t count, const std::string& one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

std::string report(const migrate::Migration& result) {
  std::ostringstream out;
  for (const auto& finding : result.findings) {
    out << (finding.exact ? "note  " : "other ") << finding.object << (finding.field.empty() ? "" : " " + finding.field)
        << "\n      " << finding.message << "\n";
  }
  if (!result.findings.empty()) out << "\n";
  const auto& proof = result.equivalence;
  std::size_t shown = 0;
  for (const auto& difference : proof.differences) {
    if (shown++ == kShown) {
      out << "... and " << proof.differences.size() - kShown << " more; -o json has them all\n\n";
      break;
    }
    if (difference.what == migrate::Difference::What::undecided) {
      out << "cannot be decided for " << difference.workload << ", " << portText(difference.port) << "\n"
          << "  where   " << requestText(difference) << "\n"
          << "  why     " << difference.before << "\n\n";
      continue;
    }
    out << "differs (" << nameOf(difference.what) << "): " << difference.workload << ", " << portText(difference.port)
        << "\n";
    if (difference.what != migrate::Difference::What::mtls) out << "  request " << requestText(difference) << "\n";
    out << "  before  " << difference.before << "\n"
        << "  after   " << difference.after << "\n\n";
  }
  out << counted(result.replaced.size(), "old object") << " as " << counted(result.manifests.size(), "new one") << "; "
      << (proof.holds() ? "they decide the same" : counted(proof.differences.size(), "difference")) << ": "
      << counted(proof.workloads, "class") << " of workloads, " << counted(proof.ports, "port") << " (" << proof.same
      << " with the same rules), " << proof.classes << " kinds of values, " << counted(proof.branches, "case")
      << " decided.\n";
  return out.str();
}

ordered_json reportJson(const migrate::Migration& result) {
  ordered_json report;
  report["manifests"] = ordered_json::array();
  for (const auto& manifest : result.manifests) report["manifests"].push_back(manifest.object);
  report["replaces"] = result.replaced;
  report["findings"] = ordered_json::array();
  for (const auto& finding : result.findings) {
    report["findings"].push_back(
        {{"exact", finding.exact}, {"object", finding.object}, {"field", finding.field}, {"message", finding.message}});
  }
  const auto& proof = result.equivalence;
  auto& to = report["equivalence"];
  to["holds"] = proof.holds();
  to["workloads"] = proof.workloads;
  to["ports"] = proof.ports;
  to["portsWithSameRules"] = proof.same;
  to["valueClasses"] = proof.classes;
  to["casesDecided"] = proof.branches;
  to["differences"] = ordered_json::array();
  for (const auto& difference : proof.differences) {
    ordered_json entry{{"what", nameOf(difference.what)}, {"workload", difference.workload}, {"port", difference.port}};
    entry["request"] = ordered_json::object();
    for (const auto& [name, value] : difference.request) entry["request"][name] = value;
    entry["before"] = difference.before;
    entry["after"] = difference.after;
    to["differences"].push_back(std::move(entry));
  }
  return report;
}

std::string manifestsText(const migrate::Migration& result) {
  std::string text;
  for (const auto& manifest : result.manifests) {
    text += "---\n# " + manifest.comment + "\n" + yamlText(manifest.object);
  }
  return text;
}

struct MigrateCommand {
  std::vector<std::string> files;
  std::string kubeconfig, ns, output = "yaml";
  store::MeshConfig mesh;

  [[nodiscard]] int run() const {
    migrate::Request request;
    request.ns = ns;
    request.mesh = mesh;
    std::vector<std::string> warnings;
    if (const auto read = readAll(request, warnings); !read) {
      std::cerr << "fairway migrate: " << read.error().message << "\n";
      return exitFailure;
    }
    for (const auto& warning : warnings) std::cerr << warning << "\n";
    const auto result = migrate::migrate(request);
    if (output == "json") {
      std::cout << reportJson(result).dump(2) << "\n";
    } else {
      std::cout << manifestsText(result);
      std::cerr << report(result);
    }
    std::cout << std::flush;
    if (!std::cout) return exitFailure;
    return result.exact() ? exitOk : exitFindings;
  }

 private:
  [[nodiscard]] Result<void> readAll(migrate::Request& request, std::vector<std::string>& warnings) const {
    for (const auto& file : files) {
      const auto read = readManifests(file, ns.empty() ? "default" : ns, request, warnings);
      if (!read) return read;
    }
    if (!files.empty()) return {};
    const auto cluster = openCluster(kubeconfig);
    if (!cluster) return tl::unexpected(cluster.error());
    return readCluster(**cluster, request, warnings);
  }
};

}  // namespace

void addMigrate(CLI::App& app, int& exitCode) {
  auto* sub = app.add_subcommand("migrate", "Write old policies anew, and show whether they decide the same");
  sub->group("Cluster");
  auto command = std::make_shared<MigrateCommand>();
  auto& c = *command;
  auto* files =
      sub->add_option("-f,--filename", c.files,
                      "Manifests: a file, a folder, - for standard input; may be repeated. Default: a cluster")
          ->type_name("FILE")
          ->expected(1)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
          ->allow_extra_args(false);
  sub->add_option("--kubeconfig", c.kubeconfig, "Default: KUBECONFIG, ~/.kube/config, or the pod's service account")
      ->excludes(files);
  sub->add_option("-n,--namespace", c.ns, "Migrate this namespace only. Default: the whole mesh");
  sub->add_option("-i,--root-namespace", c.mesh.rootNamespace, "Whose policies are for the whole mesh")
      ->capture_default_str();
  sub->add_option("--trust-domain", c.mesh.trustDomain, "Of the mesh's identities")->capture_default_str();
  sub->add_option("-o,--output", c.output, "yaml (the new objects), or json (these, findings and the proof)")
      ->check(CLI::IsMember({"yaml", "json"}))
      ->capture_default_str();
  sub->footer(
      "\nReads authentication.istio.io/v1alpha1 Policy and MeshPolicy, rbac.istio.io/v1alpha1 ServiceRole,\n"
      "ServiceRoleBinding, RbacConfig and ClusterRbacConfig, and Mixer's policies (config.istio.io/v1alpha2). "
      "Services\n"
      "and Pods must be among the manifests: they say which workloads and ports are meant. New objects go to standard\n"
      "output, everything else to standard error. Nothing is written to a cluster.\n\n"
      "Examples:\n"
      "  fairway migrate                              the whole mesh of the current cluster\n"
      "  fairway migrate -n onap > new.yaml           one namespace\n"
      "  fairway migrate -f ./manifests -o json       files, with the proof in JSON\n"
      "  kubectl get svc,pod,policies.authentication.istio.io -A -o yaml | fairway migrate -f -\n\n"
      "Exit codes: 0 the new objects decide the same, 79 they do not or something has no equivalent, 1 the input "
      "cannot\n"
      "be read, 64 wrong usage.");
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}

}  // namespace fairway::cli
