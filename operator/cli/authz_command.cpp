#include "cli/authz_command.h"

#include <algorithm>
#include <ctime>
#include <iostream>
#include <memory>
#include <set>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "cli/app.h"
#include "cli/authz_report.h"
#include "cli/cluster.h"
#include "cli/manifest_world.h"
#include "cli/output.h"
#include "cli/proxy_source.h"
#include "evaluate/evaluator.h"
#include "kube/read_file.h"

namespace fairway::cli {

using evaluate::Evaluator;
using evaluate::Outcome;
using nlohmann::json;

namespace {

constexpr std::uint32_t kInboundPort = 15006;
constexpr std::size_t kMaxToken = 1U << 20U;
// Of the range for documentation: no policy means them.
constexpr const char* kSomeClient = "192.0.2.1";
constexpr const char* kSomeServer = "192.0.2.2";

ProxyWorld worldOfDump(const inspect::Dump& dump) {
  ProxyWorld world;
  for (const auto& each : dump.of(inspect::Type::listener)) world.listeners.push_back(each.config);
  for (const auto& each : dump.of(inspect::Type::route)) world.routes.push_back(each.config);
  for (const auto& each : dump.of(inspect::Type::virtual_host)) {
    world.virtualHosts.emplace_back(each.name.substr(0, each.name.rfind('/')), each.config);
  }
  return world;
}

Result<void> addRoutes(const ProxyWorld& world, Evaluator& evaluator) {
  for (auto routes : world.routes) {
    routes.erase("@type");
    if (const auto added = evaluator.addRoutes(routes); !added) return added;
  }
  for (auto [table, host] : world.virtualHosts) {
    host.erase("@type");
    if (const auto added = evaluator.addVirtualHost(table, host); !added) return added;
  }
  return {};
}

// The listeners that take what is meant for the workload: a gateway's are all its listeners.
Result<std::vector<Evaluator>> evaluatorsOf(const ProxyWorld& world) {
  std::vector<Evaluator> all;
  for (auto listener : world.listeners) {
    listener.erase("@type");
    auto evaluator = Evaluator::fromJson(listener);
    if (!evaluator) return tl::unexpected(evaluator.error().within(listener.value("name", "a listener")));
    if (!all.empty()) {
      evaluator->shareRoutes(all.front());  // there may be thousands: they are read once
    } else if (const auto added = addRoutes(world, *evaluator); !added) {
      return tl::unexpected(added.error());
    }
    all.push_back(std::move(*evaluator));
  }
  const bool sidecar = std::any_of(all.begin(), all.end(), [](const Evaluator& each) { return each.inbound(); });
  if (sidecar) std::erase_if(all, [](const Evaluator& each) { return !each.inbound(); });
  if (all.empty()) return failure("the proxy has no listener for what comes to the workload");
  return all;
}

// The first running pod of a workload in the cluster.
Result<std::string> podOf(const WorkloadName& workload, const std::string& kubeconfig, const std::string& ns) {
  if (workload.kind.empty() || workload.kind == "Pod") return workload.name;
  auto cluster = openCluster(kubeconfig);
  if (!cluster) return tl::unexpected(cluster.error());
  const std::string group = workload.kind == "Job" || workload.kind == "CronJob" ? "batch" : "apps";
  const auto path = "/apis/" + group + "/v1/namespaces/" + ns + "/" + toLower(workload.kind) + "s/" + workload.name;
  const auto object = (*cluster)->get(path);
  if (!object) return tl::unexpected(object.error());
  if (!*object) return failure("there is no " + workload.kind + " " + workload.name + " in namespace " + ns);
  const auto labels = (*object)->value(json::json_pointer("/spec/selector/matchLabels"), json::object());
  std::vector<std::string> terms;
  for (const auto& [key, value] : labels.items()) terms.push_back(key + "%3D" + value.get<std::string>());
  if (terms.empty()) return failure(workload.kind + " " + workload.name + " selects no pods by labels: name a pod");
  const auto pods = (*cluster)->list("/api/v1/namespaces/" + ns + "/pods?labelSelector=" + join(terms, "%2C"));
  if (!pods) return tl::unexpected(pods.error());
  for (const auto& pod : *pods) {
    if (pod.value(json::json_pointer("/status/phase"), "") == "Running") {
      return pod.value(json::json_pointer("/metadata/name"), "");
    }
  }
  return failure("no pod of " + workload.kind + " " + workload.name + " runs in namespace " + ns);
}

struct AuthzCheck {
  ProxySource source;
  store::MeshConfig mesh;
  std::vector<std::string> manifests, headers;
  std::string workload, output = "table", from, fromIp, toIp, method, path, host, sni, token;
  std::uint32_t port = 0;
  bool sent = false;

  int run() {
    if (const auto wrong = misuse(); !wrong.empty()) return usage(wrong);
    const auto world = worldOf();
    if (!world) return failed(world.error());
    for (const auto& note : world->notes) std::cerr << "note: " << note << "\n";
    const auto evaluators = evaluatorsOf(*world);
    if (!evaluators) return failed(evaluators.error());
    return asksRequest() ? judge(*evaluators) : list(*evaluators);
  }

 private:
  static int failed(const Error& error) {
    std::cerr << "fairway authz check: " << error.message << "\n";
    return exitFailure;
  }
  static int usage(const std::string& text) {
    std::cerr << "fairway authz check: " << text << "\n";
    return exitUsage;
  }

  [[nodiscard]] bool asksRequest() const {
    return !from.empty() || !fromIp.empty() || !method.empty() || !path.empty() || !host.empty() || !headers.empty() ||
           !token.empty() || !sni.empty();
  }

  [[nodiscard]] std::string misuse() const {
    if (!workload.empty()) {
      if (const auto name = parseWorkload(workload); !name) return name.error().message;
    } else if (source.file.empty() && source.envoyAdmin.empty()) {
      return "name a workload, or give --dump or --admin";
    }
    if (!path.empty() && path.front() != '/') return "--path is \"" + path + "\"; expected a path that begins with /";
    if (!from.empty() && split(from, '/').size() < 2) {
      return "--from is \"" + from + "\"; expected NAMESPACE/SERVICEACCOUNT or a whole spiffe:// identity";
    }
    for (const auto& header : headers) {
      if (header.find('=') == std::string::npos) return "--header is \"" + header + "\"; expected NAME=VALUE";
    }
    return {};
  }

  Result<ProxyWorld> worldOf() {
    if (!manifests.empty()) return worldOfManifests({manifests, workload, source.ns, mesh});
    if (source.file.empty() && source.envoyAdmin.empty()) {
      const auto name = parseWorkload(workload);
      if (!name) return tl::unexpected(name.error());
      const auto pod = podOf(*name, source.kubeconfig, source.ns);
      if (!pod) return tl::unexpected(pod.error());
      source.proxy = *pod + "." + source.ns;
    }
    const auto dump = sent ? controlPlaneDumpOf(source) : envoyDumpOf(source, false);
    if (!dump) return tl::unexpected(dump.error());
    return worldOfDump(*dump);
  }

  void print(const nlohmann::ordered_json& value) const {
    const auto text = value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
    std::cout << (output == "yaml" ? yamlText(nlohmann::ordered_json::parse(text)) : text);
  }

  [[nodiscard]] int list(const std::vector<Evaluator>& evaluators) const {
    std::vector<RuleRow> rows;
    for (const auto& evaluator : evaluators) {
      for (auto& row : ruleRows(evaluator)) {
        if (port == 0 || row.port == std::to_string(port)) rows.push_back(std::move(row));
      }
    }
    if (output == "table") {
      std::cout << ruleTable(rows);
    } else {
      print({{"rules", ruleJson(rows)}});
    }
    return exitOk;
  }

  // The listener for the port; null: there is none.
  [[nodiscard]] static const Evaluator* listenerFor(const std::vector<Evaluator>& evaluators, std::uint32_t port) {
    for (const auto& evaluator : evaluators) {
      if (evaluator.name() == "virtualInbound" || evaluator.port() == port) return &evaluator;
    }
    return nullptr;
  }

  [[nodiscard]] static std::set<std::uint32_t> portsOf(const std::vector<Evaluator>& evaluators) {
    std::set<std::uint32_t> ports;
    for (const auto& evaluator : evaluators) {
      for (const auto each : evaluator.ports()) ports.insert(each);
    }
    ports.erase(kInboundPort);
    return ports;
  }

  [[nodiscard]] Result<evaluate::Question> question(const Evaluator& evaluator, std::uint32_t to) const {
    evaluate::Question question;
    question.now = std::time(nullptr);
    auto& connection = question.connection;
    connection.source = fromIp.empty() ? kSomeClient : fromIp;
    const auto addresses = evaluator.addresses();
    const bool anywhere = addresses.front() == "0.0.0.0" || addresses.front() == "::";
    connection.destination = !toIp.empty() ? toIp : anywhere ? kSomeServer : addresses.front();
    connection.port = to;
    connection.sni = sni;
    connection.tls = !from.empty() || !sni.empty();
    if (!from.empty()) {
      connection.alpn = {"istio", "http/1.1"};
      const auto domain = evaluator.trustDomain().empty() ? mesh.trustDomain : evaluator.trustDomain();
      const auto parts = split(from, '/');
      const auto identity = from.starts_with("spiffe://") ? from
                            : parts.size() == 2           ? "spiffe://" + domain + "/ns/" + parts[0] + "/sa/" + parts[1]
                                                          : "spiffe://" + from;
      connection.certificate = evaluate::Certificate{{identity}, {}, "", true};
    }
    auto& request = question.request.emplace();
    request.method = method.empty() ? "GET" : method;
    request.path = path.empty() ? "/" : path;
    request.authority = host.empty() ? connection.destination : host;
    for (const auto& header : headers) {
      const auto equals = header.find('=');
      request.headers.emplace_back(header.substr(0, equals), header.substr(equals + 1));
    }
    if (token.empty()) return question;
    const auto content = kube::readFile(token, kMaxToken);
    if (!content) return failure(token + ": " + content.error().message);
    const std::string said(trim(*content));
    if (!said.starts_with('{')) {
      request.headers.emplace_back("authorization", "Bearer " + said);
      return question;
    }
    auto claims = json::parse(said, nullptr, false);
    if (!claims.is_object()) return failure(token + ": neither a token nor claims as a JSON object");
    request.claims.push_back(std::move(claims));
    return question;
  }

  [[nodiscard]] int judge(const std::vector<Evaluator>& evaluators) const {
    auto to = port;
    if (to == 0) {
      const auto ports = portsOf(evaluators);
      if (ports.size() != 1) {
        std::vector<std::string> names;
        for (const auto each : ports) names.push_back(std::to_string(each));
        return usage("say which --port of the workload is meant: " + (names.empty() ? "a number" : join(names, ", ")));
      }
      to = *ports.begin();
    }
    const auto* evaluator = listenerFor(evaluators, to);
    if (!evaluator) return failed(Error{"nothing listens at port " + std::to_string(to)});
    const auto asked = question(*evaluator, to);
    if (!asked) return failed(asked.error());
    const auto verdict = evaluator->evaluate(*asked, true);
    const auto objects = evaluator->provenance(verdict.chain);
    if (output == "table") {
      std::cout << verdictText(verdict, objects);
    } else {
      print(verdictJson(verdict, objects));
    }
    switch (verdict.outcome) {
      case Outcome::allow:
      case Outcome::ask:
      case Outcome::answer: return exitOk;
      case Outcome::unknown: return exitFailure;
      default: return exitFindings;
    }
  }
};

}  // namespace

void addAuthz(CLI::App& app, int& exitCode) {
  auto* authz = app.add_subcommand("authz", "Explain who may talk to whom");
  authz->group("Cluster");
  authz->require_subcommand(1);
  auto* sub = authz->add_subcommand("check", "Which policies concern a workload, and what they say of a request");
  auto command = std::make_shared<AuthzCheck>();
  auto& c = *command;
  sub->add_option("WORKLOAD", c.workload, "deploy/NAME, sts/NAME, ds/NAME, pod/NAME or the NAME of a pod");
  addClusterFlags(*sub, c.source);
  sub->add_option("-f,--filename", c.manifests,
                  "Manifest or folder of manifests, instead of a cluster; may be repeated")
      ->type_name("PATH")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->group("Source");
  sub->add_option("--trust-domain", c.mesh.trustDomain, "With -f: the mesh's")->capture_default_str()->group("Source");
  sub->add_option("--cluster-domain", c.mesh.clusterDomain, "With -f: the cluster's")
      ->capture_default_str()
      ->group("Source");
  sub->add_option("--dump", c.source.file,
                  "A saved dump instead: Envoy's /config_dump or the control plane's; -: stdin")
      ->type_name("FILE")
      ->group("Source");
  sub->add_option("--admin", c.source.envoyAdmin, "HOST:PORT of an Envoy's admin port")->group("Source");
  sub->add_option("--control-plane", c.source.controlPlaneAdmin,
                  "With --sent: HOST:PORT of a control plane's admin port")
      ->group("Source");
  sub->add_flag("--sent", c.sent, "What the control plane computed for the proxy, not what Envoy has")->group("Source");
  sub->add_option("--from", c.from, "NAMESPACE/SERVICEACCOUNT of a client in the mesh. Without: plaintext")
      ->group("Request");
  sub->add_option("--from-ip", c.fromIp, "IP address of the client")->check(CLI::ValidIPV4)->group("Request");
  sub->add_option("--to-ip", c.toIp, "IP address the client connects to")->check(CLI::ValidIPV4)->group("Request");
  sub->add_option("--port", c.port, "Of the workload")->check(CLI::Range(1, 65535))->group("Request");
  sub->add_option("--method", c.method, "Default: GET")->group("Request");
  sub->add_option("--path", c.path, "With query. Default: /")->group("Request");
  sub->add_option("--host", c.host, "Default: the address")->group("Request");
  sub->add_option("--header", c.headers, "NAME=VALUE; may be repeated")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->group("Request");
  sub->add_option("--token", c.token, "File with a JWT, or with claims in JSON that count as verified")
      ->type_name("FILE")
      ->group("Request");
  sub->add_option("--sni", c.sni, "Server name in the client's TLS")->group("Request");
  sub->add_option("-o,--output", c.output, "table, json or yaml")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->capture_default_str();
  sub->footer(
      "\nWithout a request: the policies that can refuse, in the order in which they are asked. With one: the verdict, "
      "the\n"
      "policy that decided, and the nearest one that would have let it pass.\n\n"
      "Examples:\n"
      "  fairway authz check deploy/reviews -n shop\n"
      "  fairway authz check deploy/reviews -n shop --from shop/web --method GET --path /reviews/1 --port 8080\n"
      "  fairway authz check reviews-0 -n shop --from-ip 10.0.0.7 --sent\n"
      "  fairway authz check deploy/reviews -n shop -f manifests/ --from shop/web --token claims.json -o json\n\n"
      "Exit codes: 0 allowed (or listed), 1 it could not be told, 64 wrong usage, 79 denied.");
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}

}  // namespace fairway::cli
