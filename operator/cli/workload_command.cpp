#include "cli/workload_command.h"

#include <filesystem>
#include <iostream>
#include <memory>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "api/duration.h"
#include "api/validate.h"
#include "api/workload_entry.h"
#include "base/strings.h"
#include "cli/app.h"
#include "cli/cluster.h"
#include "cli/manifest_files.h"
#include "cli/output.h"
#include "control/webhook_bundles.h"
#include "identity/files.h"

namespace fairway::cli {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr const char* kTokenFile = "/var/run/secrets/tokens/istio-token";
constexpr const char* kRootFile = "/etc/certs/root-cert.pem";
constexpr const char* kAudience = "istio-ca";

Result<ordered_json> pairs(const std::string& flag, const std::string& text) {
  ordered_json result = ordered_json::object();
  for (const auto& part : split(text, ',')) {
    if (trim(part).empty()) continue;
    const auto equals = part.find('=');
    const auto key = trim(std::string_view(part).substr(0, equals));
    if (equals == std::string::npos || key.empty()) return failure(flag + ": \"" + part + "\": expected KEY=VALUE,...");
    result[std::string(key)] = std::string(trim(std::string_view(part).substr(equals + 1)));
  }
  return result;
}

// The group, decoded; it is read as the control plane reads it.
Result<std::shared_ptr<const api::WorkloadGroup>> groupOf(const json& object) {
  const auto decoded = api::decode(object);
  for (const auto& problem : decoded.problems) {
    if (problem.severity == api::Problem::Severity::error) return failure(problem.field + ": " + problem.message);
  }
  if (!decoded.object || decoded.object->kind != api::Kind::workload_group) {
    return failure("found no WorkloadGroup of networking.istio.io, expected one");
  }
  return std::static_pointer_cast<const api::WorkloadGroup>(decoded.object);
}

std::string accountOf(const api::WorkloadGroup& group) {
  const auto& account = group.spec.workload.serviceAccount;
  return account.empty() ? "default" : account;
}

int fail(const std::string& message, int code) {
  std::cerr << "fairway workload: " << message << "\n";
  return code;
}

struct ConfigureCommand {
  std::string file, output, kubeconfig, ingressAddress, tokenDuration = "24h", revision = "default",
                                                        rootNamespace = "istio-system";
  std::string internalAddress, externalAddress;
  MachineWish wish;

  [[nodiscard]] Result<json> group() const {
    const auto text = manifestText(file);
    if (!text) return tl::unexpected(text.error());
    auto documents = manifestDocuments(*text);
    if (!documents) return tl::unexpected(documents.error().within(manifestName(file)));
    for (auto& document : *documents) {
      if (document.value.is_object() && document.value.value("kind", json()) == "WorkloadGroup")
        return std::move(document.value);
    }
    return failure(manifestName(file) + ": found no WorkloadGroup");
  }

  // The root certificate and a token, of the cluster.
  [[nodiscard]] Result<std::map<std::string, std::string>> secrets(const api::WorkloadGroup& read,
                                                                   std::chrono::seconds validity) const {
    const auto cluster = openCluster(kubeconfig);
    if (!cluster) return tl::unexpected(cluster.error());
    const auto& ns = read.meta.ns;
    const auto root = (*cluster)->get("/api/v1/namespaces/" + ns + "/configmaps/istio-ca-root-cert");
    if (!root) return tl::unexpected(root.error());
    const json::json_pointer pem("/data/root-cert.pem");
    if (!*root || !(*root)->contains(pem) || !(**root)[pem].is_string()) {
      return failure("ConfigMap " + ns +
                     "/istio-ca-root-cert is not there or holds no root-cert.pem: the control plane writes it into "
                     "every namespace; check that it runs, and that the namespace " +
                     ns + " exists");
    }
    const json request{{"apiVersion", "authentication.k8s.io/v1"},
                       {"kind", "TokenRequest"},
                       {"spec", {{"audiences", {kAudience}}, {"expirationSeconds", validity.count()}}}};
    const auto token =
        (*cluster)->create("/api/v1/namespaces/" + ns + "/serviceaccounts/" + accountOf(read) + "/token", request);
    if (!token) return tl::unexpected(token.error().within("token of service account " + ns + "/" + accountOf(read)));
    const json::json_pointer at("/status/token");
    if (!token->contains(at) || !(*token)[at].is_string()) return failure("the API server gave no token");
    return std::map<std::string, std::string>{{"root-cert.pem", (**root)[pem].get<std::string>()},
                                              {"istio-token", (*token)[at].get<std::string>()}};
  }

  [[nodiscard]] int run() {
    const auto validity = api::parseDuration(tokenDuration);
    if (!validity || *validity < std::chrono::minutes(10)) {
      return fail("--tokenDuration: found " + tokenDuration + ", expected at least 10m, as in 24h", exitUsage);
    }
    if (!ingressAddress.empty() && !api::isIp(ingressAddress)) {
      return fail("--ingressIP: found " + ingressAddress + ", expected an IP address", exitUsage);
    }
    wish.address = externalAddress.empty() ? internalAddress : externalAddress;
    if (!wish.address.empty() && !api::isIp(wish.address)) {
      return fail("--internalIP, --externalIP: found " + wish.address + ", expected an IP address", exitUsage);
    }
    const auto host = control::revisioned("istiod", revision) + "." + rootNamespace + ".svc";
    wish.discoveryAddress = host + ":15012";
    const auto object = group();
    if (!object) return fail(object.error().message, exitFailure);
    const auto read = groupOf(*object);
    if (!read) return fail(manifestName(file) + ": " + read.error().message, exitFailure);
    const auto environment = machineEnvironment(*object, wish);
    if (!environment) return fail(manifestName(file) + ": " + environment.error().message, exitFailure);
    auto files = secrets(**read, std::chrono::duration_cast<std::chrono::seconds>(*validity));
    if (!files) return fail(files.error().message, exitFailure);
    (*files)["cluster.env"] = *environment;
    (*files)["hosts"] = ingressAddress.empty() ? "" : ingressAddress + " " + host + "\n";
    if (auto made = identity::makePrivateDirectory(output); !made) return fail(made.error().message, exitFailure);
    for (const auto& [name, text] : *files) {
      const auto path = (std::filesystem::path(output) / name).string();
      const auto written = identity::writeFileAtomically(path, text, name == "istio-token" ? 0600 : 0644);
      if (!written) return fail(written.error().message, exitFailure);
    }
    std::cout << output << ": cluster.env, root-cert.pem, istio-token (valid for " << tokenDuration << "), hosts\n";
    return exitOk;
  }
};

struct GroupCommand {
  WorkloadGroupWish wish;

  [[nodiscard]] int run() const {
    const auto group = workloadGroup(wish);
    if (!group) return fail(group.error().message, exitUsage);
    std::cout << yamlText(*group);
    return exitOk;
  }
};

void addGroupCreate(CLI::App& parent, int& exitCode) {
  auto* group = parent.add_subcommand("group", "WorkloadGroups");
  group->require_subcommand(1);
  auto* sub = group->add_subcommand("create", "Print a WorkloadGroup, to be applied");
  auto command = std::make_shared<GroupCommand>();
  auto& wish = command->wish;
  sub->add_option("--name", wish.name, "Its name")->required();
  sub->add_option("-n,--namespace", wish.ns, "Its namespace, and that of the machines' service account")->required();
  sub->add_option("-l,--labels", wish.labels, "KEY=VALUE,... of the machines");
  sub->add_option("-a,--annotations", wish.annotations, "KEY=VALUE,... of their WorkloadEntries");
  sub->add_option("-p,--ports", wish.ports, "NAME=PORT,... where they listen, by the names of services' ports");
  sub->add_option("-s,--serviceAccount", wish.serviceAccount, "Service account that they run as")
      ->capture_default_str();
  sub->footer(
      "\nExample:\n  fairway workload group create --name ledger -n shop --labels app=ledger --ports http=8080 "
      "--serviceAccount ledger");
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}

void addEntryConfigure(CLI::App& parent, int& exitCode) {
  auto* entry = parent.add_subcommand("entry", "Machines");
  entry->require_subcommand(1);
  auto* sub =
      entry->add_subcommand("configure", "Write what a machine needs to register itself as one of a WorkloadGroup");
  auto command = std::make_shared<ConfigureCommand>();
  auto& c = *command;
  sub->add_option("-f,--file", c.file, "File with the WorkloadGroup; -: standard input")->required();
  sub->add_option("-o,--output", c.output, "Folder to write to; it is made, for its owner alone")->required();
  sub->add_option("--kubeconfig", c.kubeconfig, "Default: KUBECONFIG, ~/.kube/config, or the pod's service account");
  sub->add_option("--ingressIP", c.ingressAddress,
                  "Address at which the machine reaches the control plane's port 15012");
  sub->add_option("--internalIP", c.internalAddress, "Address of the machine. Default: its agent finds it");
  sub->add_option("--externalIP", c.externalAddress, "Address at which others reach the machine, if that is another");
  sub->add_option("--clusterID", c.wish.clusterId, "Name of the cluster")->capture_default_str();
  sub->add_option("--tokenDuration", c.tokenDuration, "Validity of the token")->capture_default_str();
  sub->add_option("--trust-domain", c.wish.trustDomain, "Trust domain of the mesh")->capture_default_str();
  sub->add_option("--cluster-domain", c.wish.domain, "DNS domain of the cluster")->capture_default_str();
  sub->add_option("--revision", c.revision, "Revision of the control plane")->capture_default_str();
  sub->add_option("--root-namespace", c.rootNamespace, "Namespace of the control plane")->capture_default_str();
  sub->footer(
      "\nThe folder holds cluster.env (the environment of `fairway agent`), root-cert.pem, istio-token, and hosts "
      "(lines for /etc/hosts).\n"
      "The token is a secret.\n\n"
      "Example:\n  fairway workload entry configure -f group.yaml -o vm --ingressIP 203.0.113.7");
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}

}  // namespace

Result<ordered_json> workloadGroup(const WorkloadGroupWish& wish) {
  ordered_json metadata = ordered_json::object();
  const auto labels = pairs("--labels", wish.labels), annotations = pairs("--annotations", wish.annotations);
  const auto ports = pairs("--ports", wish.ports);
  for (const auto* each : {&labels, &annotations, &ports}) {
    if (!*each) return tl::unexpected(each->error());
  }
  if (!labels->empty()) metadata["labels"] = *labels;
  if (!annotations->empty()) metadata["annotations"] = *annotations;
  ordered_json workload = ordered_json::object();
  for (const auto& [name, number] : ports->items()) {
    const auto port = toNumber(number.get<std::string>());
    if (!port || *port == 0 || *port > 65535)
      return failure("--ports: " + name + ": found " + number.get<std::string>() + ", expected 1 to 65535");
    workload["ports"][name] = *port;
  }
  workload["serviceAccount"] = wish.serviceAccount;
  ordered_json spec = ordered_json::object();
  if (!metadata.empty()) spec["metadata"] = metadata;
  spec["template"] = workload;
  ordered_json group{{"apiVersion", "networking.istio.io/v1"},
                     {"kind", "WorkloadGroup"},
                     {"metadata", {{"name", wish.name}, {"namespace", wish.ns}}},
                     {"spec", spec}};
  if (const auto read = groupOf(json::parse(group.dump())); !read) return tl::unexpected(read.error());
  return group;
}

Result<std::string> machineEnvironment(const json& object, const MachineWish& wish) {
  const auto read = groupOf(object);
  if (!read) return tl::unexpected(read.error());
  const auto& group = **read;
  std::vector<std::pair<std::string, std::string>> variables{
      {"ISTIO_META_AUTO_REGISTER_GROUP", group.meta.name},
      {"ISTIO_META_CLUSTER_ID", wish.clusterId},
      {"POD_NAMESPACE", group.meta.ns},
      {"SERVICE_ACCOUNT", accountOf(group)},
      {"FAIRWAY_LABELS", {}},
      {"FAIRWAY_DISCOVERY_ADDRESS", wish.discoveryAddress},
      {"FAIRWAY_TRUST_DOMAIN", wish.trustDomain},
      {"FAIRWAY_DOMAIN", wish.domain},
      {"FAIRWAY_TOKEN_FILE", kTokenFile},
      {"FAIRWAY_ROOT_FILE", kRootFile},
      {"INSTANCE_IPS", wish.address},
  };
  auto labels = group.spec.workload.labels;
  for (const auto& [key, value] : group.spec.labels) labels[key] = value;
  std::vector<std::string> parts;
  for (const auto& [key, value] : labels) parts.push_back(key + "=" + value);
  variables[4].second = join(parts, ",");
  std::string text;
  for (const auto& [name, value] : variables) {
    if (value.empty()) continue;
    if (value.find_first_of("'\n\\") != std::string::npos)
      return failure(name + ": \"" + value + "\" cannot be quoted");
    text += name + "='" + value + "'\n";
  }
  return text;
}

void addWorkload(CLI::App& app, int& exitCode) {
  auto* sub =
      app.add_subcommand("workload", "Machines outside the cluster: WorkloadGroups, and what a machine needs to join");
  sub->group("Cluster");
  sub->require_subcommand(1);
  addGroupCreate(*sub, exitCode);
  addEntryConfigure(*sub, exitCode);
}

}  // namespace fairway::cli
