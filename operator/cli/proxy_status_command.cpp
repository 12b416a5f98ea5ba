#include "cli/proxy_status_command.h"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/output.h"
#include "cli/proxy_source.h"
#include "inspect/difference.h"

namespace fairway::cli {

namespace {

int failed(const Error& error) {
  std::cerr << "fairway proxy-status: " << error.message << "\n";
  return exitFailure;
}

struct ProxyStatusCommand {
  ProxySource source;
  std::string output = "table";

  [[nodiscard]] int run() const {
    if (!source.proxy.empty()) return compare();
    if (!source.file.empty() || !source.envoyAdmin.empty()) {
      std::cerr << "fairway proxy-status: --file and --envoy-admin are about one proxy: name it, POD[.NAMESPACE]\n";
      return exitUsage;
    }
    return list();
  }

 private:
  void print(const nlohmann::ordered_json& value) const {
    std::cout << (output == "yaml" ? yamlText(value) : value.dump(2) + "\n");
  }

  [[nodiscard]] int list() const {
    std::vector<std::string> problems;
    const auto proxies = proxiesOf(source, problems);
    if (!proxies) return failed(proxies.error());
    if (output == "table") {
      std::cout << inspect::tableText(inspect::statusTable(*proxies));
    } else {
      print(inspect::statusJson(*proxies));
    }
    for (const auto& problem : problems) {
      std::cerr << "fairway proxy-status: this replica's proxies are missing: " << problem << "\n";
    }
    return problems.empty() ? exitOk : exitFailure;
  }

  [[nodiscard]] int compare() const {
    const auto id = source.proxyId();
    if (!id) {
      std::cerr << "fairway proxy-status: " << id.error().message << "\n";
      return exitUsage;
    }
    const auto sent = controlPlaneDumpOf(source);
    if (!sent) return failed(sent.error());
    const auto held = envoyDumpOf(source, false);
    if (!held) return failed(held.error());
    if (held->source != inspect::Dump::Source::envoy || held->clusterStatuses.is_array()) {
      return failed(Error{source.file + ": expected what Envoy's /config_dump?include_eds gave"});
    }
    if (!held->proxy.empty() && held->proxy != *id) {
      return failed(Error{"the dump is of proxy " + held->proxy + ", not of " + *id});
    }
    const auto comparison = inspect::compare(*sent, *held);
    if (output == "table") {
      std::cout << inspect::comparisonText(comparison);
    } else {
      print(inspect::comparisonJson(*id, comparison));
    }
    if (!sent->settled) {
      std::cerr << "fairway proxy-status: changes are on their way to the proxy: ask again for what remains\n";
    }
    return inspect::equal(comparison) ? exitOk : exitFindings;
  }
};

}  // namespace

void addProxyStatus(CLI::App& app, int& exitCode) {
  auto* sub = app.add_subcommand("proxy-status", "Tell whether the proxies have what the control plane sent them");
  sub->alias("ps");
  sub->group("Cluster");
  auto command = std::make_shared<ProxyStatusCommand>();
  auto& c = *command;
  sub->add_option("POD", c.source.proxy, "POD[.NAMESPACE]: what differs between the control plane and this proxy");
  sub->add_option("--admin", c.source.controlPlaneAdmin,
                  "HOST:PORT of a control plane's admin port, instead of all replicas in the cluster");
  sub->add_option("--envoy-admin", c.source.envoyAdmin, "HOST:PORT of the proxy's Envoy, instead of the pod's");
  sub->add_option("-f,--file", c.source.file,
                  "What Envoy's /config_dump?include_eds gave, instead of asking it; -: stdin");
  sub->add_option("-o,--output", c.output, "table, json or yaml")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->capture_default_str();
  addClusterFlags(*sub, c.source);
  sub->footer(
      "\nSYNCED: all was sent and accepted. STALE: something is under way. NOT SENT: the proxy did not ask.\n"
      "REJECTED: Envoy refused some of it and keeps what it had; -o json has the names and the reason.\n\n"
      "With a POD the exit code is 79 if something differs.\n\n"
      "Examples:\n"
      "  fairway proxy-status                           all proxies\n"
      "  fairway proxy-status msb-0.onap                what differs at one of them\n"
      "  fairway ps --admin localhost:15014 -o json     of a control plane that is no pod\n"
      "  fairway ps msb-0.onap -f dump.json             against a dump that was taken before");
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}

}  // namespace fairway::cli
