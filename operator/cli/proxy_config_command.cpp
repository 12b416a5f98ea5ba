#include "cli/proxy_config_command.h"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/log_command.h"
#include "cli/output.h"
#include "cli/proxy_source.h"
#include "inspect/clusters.h"
#include "inspect/endpoints.h"
#include "inspect/listeners.h"
#include "inspect/routes.h"
#include "inspect/secrets.h"

namespace fairway::cli {

using nlohmann::json;

namespace {

constexpr std::size_t kNotesShown = 20;

enum class View { clusters, endpoints, listeners, routes, secrets };

struct ViewInfo {
  View view;
  const char *name, *alias, *help;
  std::vector<inspect::Type> types;  // which the notes are about
};

const std::vector<ViewInfo>& views() {
  using inspect::Type;
  static const std::vector<ViewInfo> all = {
      {View::clusters, "clusters", "cluster", "Clusters: what the proxy can send to", {Type::cluster}},
      {View::listeners, "listeners", "listener", "Listeners: where the proxy takes connections", {Type::listener}},
      {View::routes,
       "routes",
       "route",
       "Routes: where requests go, by host and path",
       {Type::route, Type::virtual_host}},
      {View::endpoints, "endpoints", "endpoint", "Endpoints: addresses behind the clusters", {Type::endpoint}},
      {View::secrets, "secrets", "secret", "Certificates and roots; never private keys", {Type::secret}},
  };
  return all;
}

inspect::Table tableOf(View view, const inspect::Dump& dump, const inspect::Filter& filter) {
  switch (view) {
    case View::clusters: return clustersTable(dump, filter);
    case View::endpoints: return endpointsTable(dump, filter);
    case View::listeners: return listenersTable(dump, filter);
    case View::routes: return routesTable(dump, filter);
    case View::secrets: break;
  }
  return secretsTable(dump, filter, std::chrono::system_clock::now());
}

json jsonOf(View view, const inspect::Dump& dump, const inspect::Filter& filter) {
  switch (view) {
    case View::clusters: return clustersJson(dump, filter);
    case View::endpoints: return endpointsJson(dump, filter);
    case View::listeners: return listenersJson(dump, filter);
    case View::routes: return routesJson(dump, filter);
    case View::secrets: break;
  }
  return secretsJson(dump, filter);
}

// One of the subcommands.
struct ProxyConfigCommand {
  ProxySource source;
  inspect::Filter filter;
  std::string output = "table", admin;
  bool sent = false;
  std::vector<ViewInfo> shown;  // empty: the bootstrap

  int run() {
    (sent ? source.controlPlaneAdmin : source.envoyAdmin) = admin;
    const bool needsPod = source.file.empty() && (admin.empty() || sent);
    if (needsPod && !source.proxyId()) {
      std::cerr << "fairway proxy-config: " << source.proxyId().error().message << ", or give "
                << (sent ? "" : "--admin or ") << "--file\n";
      return exitUsage;
    }
    const bool live = !sent && std::any_of(shown.begin(), shown.end(),
                                           [](const ViewInfo& each) { return each.view == View::endpoints; });
    const auto dump = sent && source.file.empty() ? controlPlaneDumpOf(source) : envoyDumpOf(source, live);
    if (!dump) {
      std::cerr << "fairway proxy-config: " << dump.error().message << "\n";
      return exitFailure;
    }
    return shown.empty() ? showBootstrap(*dump) : show(*dump);
  }

 private:
  // Values of the user's making may hold bytes that are no UTF-8; -o yaml keeps the order of keys, which is that of names.
  void print(const json& value) const {
    const auto text = value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
    std::cout << (output == "yaml" ? yamlText(nlohmann::ordered_json::parse(text)) : text);
  }

  [[nodiscard]] int showBootstrap(const inspect::Dump& dump) const {
    if (dump.bootstrap.is_null()) {
      std::cerr
          << "fairway proxy-config: only Envoy itself knows its bootstrap: ask it, or take a dump by /config_dump\n";
      return exitFailure;
    }
    print(dump.bootstrap);
    return exitOk;
  }

  [[nodiscard]] int show(const inspect::Dump& dump) const {
    if (output != "table") {
      if (shown.size() == 1) {
        print(jsonOf(shown.front().view, dump, filter));
        return exitOk;
      }
      json all;
      for (const auto& each : shown) all[each.name] = jsonOf(each.view, dump, filter);
      if (!dump.bootstrap.is_null()) all["bootstrap"] = dump.bootstrap;
      print(all);
      return exitOk;
    }
    bool first = true;
    for (const auto& each : shown) {
      if (!std::exchange(first, false)) std::cout << "\n";
      std::cout << inspect::tableText(tableOf(each.view, dump, filter));
    }
    std::cout.flush();
    std::size_t notes = 0;
    for (const auto& each : shown) {
      for (const auto type : each.types) {
        for (const auto& note : notesOf(dump, type)) {
          if (++notes <= kNotesShown) std::cerr << "note: " << note << "\n";
        }
      }
    }
    if (notes > kNotesShown) std::cerr << "note: and " << notes - kNotesShown << " more\n";
    return exitOk;
  }
};

void addFilters(CLI::App& sub, ProxyConfigCommand& c, bool all, View view) {
  auto& f = c.filter;
  const auto option = [&](bool wanted, const char* name, auto& value, const char* help) -> CLI::Option* {
    return wanted || all ? sub.add_option(name, value, help)->group("Filters") : nullptr;
  };
  const bool clusters = view == View::clusters, endpoints = view == View::endpoints,
             listeners = view == View::listeners;
  option(clusters, "--fqdn", f.fqdn, "Clusters of this host");
  if (auto* direction = option(clusters, "--direction", f.direction, "Clusters: inbound or outbound")) {
    direction->check(CLI::IsMember({"inbound", "outbound"}, CLI::ignore_case));
  }
  option(clusters, "--subset", f.subset, "Clusters of this subset");
  if (auto* port = option(clusters || endpoints || listeners, "--port", f.port, "Of this port")) {
    port->check(CLI::Range(1, 65535));
  }
  option(endpoints || listeners, "--address", f.address, "Endpoints and listeners of this IP address");
  if (auto* type = option(listeners, "--type", f.type, "Listeners: HTTP, TCP or HTTP+TCP")) {
    type->check(CLI::IsMember({"HTTP", "TCP", "HTTP+TCP"}, CLI::ignore_case));
  }
  option(view == View::routes || view == View::secrets, "--name", f.name, "Of this name");
  option(endpoints, "--cluster", f.cluster, "Endpoints of this cluster");
  option(endpoints, "--status", f.status, "Endpoints in this state, such as HEALTHY or UNHEALTHY");
}

void addSource(CLI::App& sub, ProxyConfigCommand& c) {
  sub.add_option("POD", c.source.proxy, "POD[.NAMESPACE]: its Envoy is asked, by the API server's port-forward");
  sub.add_option("--admin", c.admin, "HOST:PORT of Envoy's admin port; with --sent of a control plane's");
  sub.add_option("-f,--file", c.source.file,
                 "A saved dump instead: Envoy's /config_dump or the control plane's; -: stdin");
  sub.add_flag("--sent", c.sent, "What the control plane computed for the proxy, not what Envoy has");
  addClusterFlags(sub, c.source);
}

std::shared_ptr<ProxyConfigCommand> addPart(CLI::App& parent, const std::string& name, const std::string& help,
                                            int& exitCode) {
  auto* sub = parent.add_subcommand(name, help);
  auto command = std::make_shared<ProxyConfigCommand>();
  addSource(*sub, *command);
  sub->callback([command, &exitCode] { exitCode = command->run(); });
  return command;
}

void addOutput(CLI::App& sub, ProxyConfigCommand& c, const std::vector<std::string>& formats) {
  c.output = formats.front();
  std::string help = formats.size() == 3 ? "table, json or yaml" : "json or yaml";
  sub.add_option("-o,--output", c.output, help)->check(CLI::IsMember(formats))->capture_default_str();
}

}  // namespace

void addProxyConfig(CLI::App& app, int& exitCode) {
  auto* sub = app.add_subcommand("proxy-config", "Show the configuration of one proxy");
  sub->alias("pc");
  sub->group("Cluster");
  sub->require_subcommand(1);
  sub->footer(
      "\nExamples:\n"
      "  fairway proxy-config clusters msb-0.onap --fqdn reviews.default.svc.cluster.local\n"
      "  fairway pc routes msb-0.onap --name 80 -o json\n"
      "  fairway pc listeners msb-0.onap --port 15006 --sent\n"
      "  fairway pc endpoints --admin localhost:15000 --status UNHEALTHY\n"
      "  fairway pc log msb-0.onap --level http:debug\n"
      "  curl -s 'localhost:15000/config_dump?include_eds' | fairway pc all -f -");
  for (const auto& view : views()) {
    auto command = addPart(*sub, view.name, view.help, exitCode);
    command->shown = {view};
    auto& part = *sub->get_subcommand(view.name);
    part.alias(view.alias);
    addOutput(part, *command, {"table", "json", "yaml"});
    addFilters(part, *command, false, view.view);
  }
  auto all = addPart(*sub, "all", "All of these; each filter applies where it has a meaning", exitCode);
  all->shown = views();
  addOutput(*sub->get_subcommand("all"), *all, {"table", "json", "yaml"});
  addFilters(*sub->get_subcommand("all"), *all, true, View::clusters);
  auto bootstrap = addPart(*sub, "bootstrap", "What Envoy was started with", exitCode);
  addOutput(*sub->get_subcommand("bootstrap"), *bootstrap, {"json", "yaml"});
  addProxyLog(*sub, exitCode);
}

}  // namespace fairway::cli
