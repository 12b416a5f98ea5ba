#include "cli/fetch.h"

#include <chrono>

#include <nlohmann/json.hpp>

#include "agent/http_client.h"
#include "base/address.h"
#include "base/strings.h"

namespace fairway::cli {

namespace {

constexpr std::chrono::seconds kTimeout{30};
constexpr std::size_t kMaxBody = 512U << 20U;  // of a big mesh: some kilobytes a service

Result<std::string> bodyOf(const std::string& where, const std::string& path, unsigned status, std::string body) {
  if (status == 200) return body;
  const std::string said(trim(std::string_view(body).substr(0, body.find('\n'))));
  return failure(where + path + " answered " + std::to_string(status) + (said.empty() ? "" : ": " + said));
}

}  // namespace

Result<Fetch> fetchFromAddress(const std::string& text, const std::string& method) {
  auto address = parseAddress(text);
  if (!address) return tl::unexpected(address.error());
  if (address->host.empty() || address->host == "localhost") address->host = "127.0.0.1";
  return Fetch([address = *address, method](const std::string& path) -> Result<std::string> {
    agent::HttpRequest request;
    request.address = address;
    request.method = method;
    request.target = path;
    request.timeout = kTimeout;
    request.maxBody = kMaxBody;
    auto reply = agent::httpRequest(request);
    if (!reply) return tl::unexpected(reply.error());
    return bodyOf(address.toString(), path, reply->status, std::move(reply->body));
  });
}

Fetch fetchFromPod(const kube::ClusterAccess& access, kube::PodPort target, const std::string& method) {
  return [access, target = std::move(target), method](const std::string& path) -> Result<std::string> {
    auto answer = kube::askPod(access, target, path, kTimeout, method);
    if (!answer) return tl::unexpected(answer.error());
    const auto where = "pod " + target.ns + "/" + target.pod + ":" + std::to_string(target.port);
    return bodyOf(where, path, answer->status, std::move(answer->body));
  };
}

Result<std::vector<std::string>> controlPlanePods(diagnose::Cluster& cluster, const std::string& rootNamespace,
                                                  const std::string& revision) {
  // "app=istiod,app.kubernetes.io/part-of=fairway": Istio's own control plane may be beside.
  std::string selector = "app%3Distiod%2Capp.kubernetes.io%2Fpart-of%3Dfairway";
  if (!revision.empty()) selector += "%2Cistio.io%2Frev%3D" + revision;
  const auto pods = cluster.list("/api/v1/namespaces/" + rootNamespace + "/pods?labelSelector=" + selector);
  if (!pods) return tl::unexpected(pods.error());
  std::vector<std::string> names;
  for (const auto& pod : *pods) {
    if (pod.value(nlohmann::json::json_pointer("/status/phase"), "") != "Running") continue;
    names.push_back(pod.value(nlohmann::json::json_pointer("/metadata/name"), ""));
  }
  if (names.empty()) {
    return failure("no control plane" + (revision.empty() ? "" : " of revision " + revision) + " runs in namespace " +
                   rootNamespace + "; name another with --root-namespace, or see `fairway check`");
  }
  return names;
}

}  // namespace fairway::cli
