#include "cli/wait_command.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <memory>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "api/duration.h"
#include "base/strings.h"
#include "cli/app.h"
#include "cli/cluster.h"
#include "kube/api_server.h"
#include "kube/fields.h"

namespace fairway::cli {

using nlohmann::json;

namespace {

constexpr std::chrono::milliseconds kPoll{250};

// Those of crds/.
constexpr std::array<std::pair<std::string_view, api::Kind>, 19> kShortNames{{
    {"vs", api::Kind::virtual_service},
    {"dr", api::Kind::destination_rule},
    {"gw", api::Kind::gateway},
    {"se", api::Kind::service_entry},
    {"ef", api::Kind::envoy_filter},
    {"pc", api::Kind::proxy_config},
    {"wp", api::Kind::wasm_plugin},
    {"we", api::Kind::workload_entry},
    {"wg", api::Kind::workload_group},
    {"pa", api::Kind::peer_authentication},
    {"ra", api::Kind::request_authentication},
    {"rl", api::Kind::rate_limit},
    {"ap", api::Kind::authorization_policy},
    {"authnpolicy", api::Kind::policy},
    {"meshpolicy", api::Kind::mesh_policy},
    {"svcrole", api::Kind::service_role},
    {"svcrolebinding", api::Kind::service_role_binding},
    {"rbaccfg", api::Kind::rbac_config},
    {"clusterrbaccfg", api::Kind::cluster_rbac_config},
}};

const api::KindInfo* kindNamed(std::string_view text) {
  const auto lower = toLower(text);
  for (const auto& [name, kind] : kShortNames) {
    if (name == lower) return &api::kindInfo(kind);
  }
  for (const auto& info : api::allKinds()) {
    if (info.custom && (toLower(info.name) == lower || info.plural == lower)) return &info;
  }
  return nullptr;
}

std::string kindList() {
  std::string result;
  for (const auto& info : api::allKinds()) {
    if (info.custom) result += (result.empty() ? "" : ", ") + toLower(info.name);
  }
  return result;
}

const json* conditionOf(const json& object, const std::string& type) {
  for (const auto& each : kube::child(kube::child(object, "status"), "conditions")) {
    if (kube::text(each, "type") == type) return &each;
  }
  return nullptr;
}

std::int64_t number(const json& object, const char* name) {
  const auto& value = kube::child(object, name);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

// The object in the version of its kind that the cluster serves; nothing if it is not there.
Result<std::optional<json>> findObject(diagnose::Cluster& cluster, const Named& named) {
  const auto& info = api::kindInfo(named.kind);
  for (const auto& version : info.versions) {
    const kube::Resource resource{std::string(info.group), std::string(version), std::string(info.plural), "", ""};
    auto object = cluster.get(kube::objectPath(resource, named.name.ns, named.name.name));
    if (!object || *object) return object;
  }
  return std::nullopt;
}

struct WaitCommand {
  std::string kubeconfig, object, ns, timeout = "30s";
  std::int64_t generation = 0;

  [[nodiscard]] int run() const {
    const auto named = parseNamed(object, ns);
    if (!named) return fail(named.error().message, exitUsage);
    const auto patience = api::parseDuration(timeout);
    if (!patience) return fail("--timeout: " + patience.error().message, exitUsage);
    auto cluster = openCluster(kubeconfig);
    if (!cluster) return fail(cluster.error().message, exitFailure);
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::milliseconds>(*patience);
    const auto what = std::string(api::kindInfo(named->kind).name) + " " + named->name.toString();
    for (std::string said;;) {
      const auto found = findObject(**cluster, *named);
      if (!found) return fail(found.error().message, exitFailure);
      const auto outcome = *found ? outcomeOfStatus(**found, generation)
                                  : Outcome{false, false, "it does not exist (yet); is it in another namespace (-n)?"};
      if (outcome.done) {
        std::cout << what << ": " << outcome.message << "\n";
        return exitOk;
      }
      if (outcome.refused) return fail(what + ": " + outcome.message, exitFindings);
      if (std::chrono::steady_clock::now() >= end) {
        return fail(what + " is not live after " + timeout + ": " + outcome.message +
                        "; `fairway proxy-status` shows which proxies are behind",
                    exitFailure);
      }
      if (outcome.message != said && isatty(STDERR_FILENO) == 1) std::cerr << what << ": " << outcome.message << "\n";
      said = outcome.message;
      std::this_thread::sleep_for(kPoll);
    }
  }

 private:
  static int fail(const std::string& message, int code) {
    std::cerr << "fairway wait: " << message << "\n";
    return code;
  }
};

}  // namespace

Result<Named> parseNamed(std::string_view text, std::string_view ns) {
  const auto slash = text.find('/');
  const auto kind = text.substr(0, slash);
  const auto rest = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
  if (kind.empty() || rest.empty()) {
    return failure("found '" + std::string(text) + "', expected KIND/NAME[.NAMESPACE], as in virtualservice/portal");
  }
  const auto* info = kindNamed(kind);
  if (info == nullptr) {
    return failure("found the kind '" + std::string(kind) + "', expected one of " + kindList());
  }
  Named named;
  named.kind = info->kind;
  named.name.name = rest;
  if (!info->namespaced) return named;
  const auto dot = ns.empty() ? rest.rfind('.') : std::string_view::npos;  // names may have dots, too
  named.name.name = rest.substr(0, dot);
  named.name.ns = dot != std::string_view::npos ? rest.substr(dot + 1) : ns.empty() ? "default" : ns;
  return named;
}

Outcome outcomeOfStatus(const json& object, std::int64_t generation) {
  const auto wanted = std::max(generation, number(kube::child(object, "metadata"), "generation"));
  const auto* accepted = conditionOf(object, "Accepted");
  const auto* programmed = conditionOf(object, "Programmed");
  const auto seen = number(kube::child(object, "status"), "observedGeneration");
  if (accepted == nullptr || programmed == nullptr) {
    return {false, false,
            "the control plane has not said anything about it yet (`fairway check` tells whether it runs)"};
  }
  if (seen < wanted) {
    return {
        false, false,
        "the control plane speaks of generation " + std::to_string(seen) + ", not yet of " + std::to_string(wanted)};
  }
  const auto message = kube::text(*programmed, "message");
  if (kube::text(*accepted, "status") == "False")
    return {false, true, "not accepted: " + kube::text(*accepted, "message")};
  return {kube::text(*programmed, "status") == "True", kube::text(*programmed, "reason") == "Refused", message};
}

void addWait(CLI::App& app, int& exitCode) {
  auto* sub = app.add_subcommand("wait", "Wait until an object is live at every proxy that needs it");
  sub->group("Cluster");
  auto command = std::make_shared<WaitCommand>();
  auto& c = *command;
  sub->add_option("OBJECT", c.object, "KIND/NAME[.NAMESPACE]; the kind also by its plural or short name")->required();
  sub->add_option("--kubeconfig", c.kubeconfig, "Default: KUBECONFIG, ~/.kube/config, or the pod's service account");
  sub->add_option("-n,--namespace", c.ns,
                  "Of the object. Default: what follows the last dot of its name, else \"default\"");
  sub->add_option("--generation", c.generation, "Wait for this generation at least. Default: the object's own");
  sub->add_option("--timeout", c.timeout, "How long to wait")->capture_default_str();
  sub->footer(
      "\nExit code 1 if the time is over, 79 if the object cannot be read or proxies refuse it.\n\n"
      "Examples:\n"
      "  kubectl apply -f portal.yaml && fairway wait virtualservice/portal -n onap\n"
      "  fairway wait dr/ocata.onap --timeout 2m");
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}

}  // namespace fairway::cli
