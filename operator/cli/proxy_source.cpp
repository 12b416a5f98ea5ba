#include "cli/proxy_source.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/ports.h"
#include "cli/cluster.h"

namespace fairway::cli {

namespace {

constexpr std::uint16_t kControlPlaneAdmin = 15014;

struct PodName {
  std::string ns, pod;
};

Result<PodName> podOf(const ProxySource& source) {
  if (source.proxy.empty()) return failure("name a pod: POD[.NAMESPACE]");
  const auto dot = source.proxy.rfind('.');
  PodName name = dot == std::string::npos ? PodName{source.ns, source.proxy}
                                          : PodName{source.proxy.substr(dot + 1), source.proxy.substr(0, dot)};
  // Both become parts of URLs.
  for (const auto* part : {&name.ns, &name.pod}) {
    if (part->empty() || part->find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") != std::string::npos) {
      return failure("\"" + source.proxy + "\" is not POD[.NAMESPACE]");
    }
  }
  return name;
}

Result<std::string> readAll(const std::string& file) {
  if (file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream in(file, std::ios::binary);
  if (!in) return failure(file + ": cannot be read");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<inspect::Dump> parsed(const Result<std::string>& text, const std::string& where) {
  if (!text) return tl::unexpected(text.error());
  auto dump = inspect::parseDump(*text);
  if (!dump) return tl::unexpected(dump.error().within(where));
  return dump;
}

Result<std::vector<inspect::ProxyStatus>> listOf(const Replica& replica) {
  const auto text = replica.fetch("/debug/proxies");
  if (!text) return tl::unexpected(text.error());
  return inspect::parseProxies(nlohmann::json::parse(*text, nullptr, false), replica.name);
}

}  // namespace

Result<std::string> ProxySource::proxyId() const {
  const auto name = podOf(*this);
  if (!name) return tl::unexpected(name.error());
  return name->pod + "." + name->ns;
}

void addClusterFlags(CLI::App& sub, ProxySource& source) {
  sub.add_option("--kubeconfig", source.kubeconfig, "Default: KUBECONFIG, ~/.kube/config, or the pod's service account")
      ->group("Cluster");
  sub.add_option("-i,--root-namespace", source.rootNamespace, "Where the control plane is")
      ->capture_default_str()
      ->group("Cluster");
  sub.add_option("--revision", source.revision, "Ask only the control plane of this revision. Default: all")
      ->group("Cluster");
  sub.add_option("-n,--namespace", source.ns, "Of a pod that is named without one")
      ->capture_default_str()
      ->group("Cluster");
}

Result<Fetch> envoyOf(const ProxySource& source, const std::string& method) {
  if (!source.envoyAdmin.empty()) return fetchFromAddress(source.envoyAdmin, method);
  const auto pod = podOf(source);
  if (!pod) return tl::unexpected(pod.error());
  auto access = openAccess(source.kubeconfig);
  if (!access) return tl::unexpected(access.error());
  return fetchFromPod(*access, {pod->ns, pod->pod, ports::kEnvoyAdmin}, method);
}

Result<std::vector<Replica>> replicasOf(const ProxySource& source, const std::string& method) {
  if (!source.controlPlaneAdmin.empty()) {
    auto fetch = fetchFromAddress(source.controlPlaneAdmin, method);
    if (!fetch) return tl::unexpected(fetch.error());
    return std::vector<Replica>{{source.controlPlaneAdmin, std::move(*fetch)}};
  }
  auto access = openAccess(source.kubeconfig);
  if (!access) return tl::unexpected(access.error());
  auto cluster = openCluster(source.kubeconfig);
  if (!cluster) return tl::unexpected(cluster.error());
  const auto pods = controlPlanePods(**cluster, source.rootNamespace, source.revision);
  if (!pods) return tl::unexpected(pods.error());
  std::vector<Replica> replicas;
  for (const auto& pod : *pods) {
    replicas.push_back({pod, fetchFromPod(*access, {source.rootNamespace, pod, kControlPlaneAdmin}, method)});
  }
  return replicas;
}

Result<inspect::Dump> envoyDumpOf(const ProxySource& source, bool live) {
  if (!source.file.empty()) return parsed(readAll(source.file), source.file);
  const auto fetch = envoyOf(source);
  if (!fetch) return tl::unexpected(fetch.error());
  auto dump = parsed((*fetch)("/config_dump?include_eds"), "Envoy's /config_dump");
  if (!dump || !live) return dump;
  const auto clusters = parsed((*fetch)("/clusters?format=json"), "Envoy's /clusters");
  if (!clusters) return tl::unexpected(clusters.error());
  dump->clusterStatuses = clusters->clusterStatuses;
  return dump;
}

Result<inspect::Dump> controlPlaneDumpOf(const ProxySource& source) {
  const auto id = source.proxyId();
  if (!id) return tl::unexpected(id.error());
  const auto replicas = replicasOf(source);
  if (!replicas) return tl::unexpected(replicas.error());
  std::vector<std::string> problems;
  for (const auto& replica : *replicas) {
    // Whom a replica serves is asked first: an answer that it does not is no failure.
    const auto list = listOf(replica);
    if (!list) {
      problems.push_back(replica.name + ": " + list.error().message);
      continue;
    }
    const bool connected =
        std::any_of(list->begin(), list->end(), [&](const inspect::ProxyStatus& proxy) { return proxy.name == *id; });
    if (connected) {
      return parsed(replica.fetch("/debug/config_dump?proxy=" + *id), replica.name + ": /debug/config_dump");
    }
  }
  if (problems.size() == replicas->size()) return failure(problems.front());
  std::string text =
      "proxy " + *id + " is not connected to the control plane; `fairway proxy-status` lists those that are";
  for (const auto& problem : problems) text += "; " + problem;
  return failure(text);
}

Result<std::vector<inspect::ProxyStatus>> proxiesOf(const ProxySource& source, std::vector<std::string>& problems) {
  const auto replicas = replicasOf(source);
  if (!replicas) return tl::unexpected(replicas.error());
  std::vector<inspect::ProxyStatus> all;
  for (const auto& replica : *replicas) {
    auto list = listOf(replica);
    if (!list) {
      problems.push_back(replica.name + ": " + list.error().message);
      continue;
    }
    all.insert(all.end(), list->begin(), list->end());
  }
  if (problems.size() == replicas->size()) return failure(problems.front());
  return all;
}

}  // namespace fairway::cli
