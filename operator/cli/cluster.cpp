#include "cli/cluster.h"

#include <cstdlib>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "kube/client.h"
#include "kube/kubeconfig.h"

namespace fairway::cli {

using nlohmann::json;

namespace {

constexpr std::size_t kPage = 500;

Result<json> parsed(const kube::ApiResult<std::string>& answer, const std::string& path) {
  if (!answer) return failure(answer.error().message);
  auto value = json::parse(*answer, nullptr, false);
  if (!value.is_object()) return failure(path + ": the answer is no JSON object");
  return value;
}

class ApiCluster final : public diagnose::Cluster {
 public:
  explicit ApiCluster(std::unique_ptr<kube::ApiServer> server) : server_(std::move(server)) {}

  Result<std::optional<json>> get(const std::string& path) override {
    const auto answer = server_->get(path, {});
    if (!answer && answer.error().kind == kube::ApiError::Kind::not_found) return std::nullopt;
    auto object = parsed(answer, path);
    if (!object) return tl::unexpected(object.error());
    return std::optional<json>(std::move(*object));
  }

  Result<std::vector<json>> list(const std::string& path) override {
    std::vector<json> items;
    std::string next;
    const std::string separator = path.find('?') == std::string::npos ? "?" : "&";
    do {
      auto page = get(path + separator + "limit=" + std::to_string(kPage) + (next.empty() ? "" : "&continue=" + next));
      if (!page) return tl::unexpected(page.error());
      if (!*page) return items;
      auto& list = **page;
      if (list.contains("items") && list["items"].is_array()) {
        for (auto& item : list["items"]) items.push_back(std::move(item));
      }
      const json::json_pointer token("/metadata/continue");
      next = list.contains(token) && list[token].is_string() ? list[token].get<std::string>() : std::string();
    } while (!next.empty());
    return items;
  }

  Result<json> create(const std::string& path, const json& object) override {
    return parsed(server_->create(path, object.dump(-1, ' ', false, json::error_handler_t::replace), {}), path);
  }

 private:
  std::unique_ptr<kube::ApiServer> server_;
};

std::string defaultKubeconfig() {
  if (const char* named = std::getenv("KUBECONFIG"); named != nullptr && *named != '\0') return named;
  if (std::getenv("KUBERNETES_SERVICE_HOST") != nullptr) return {};
  const char* home = std::getenv("HOME");
  const auto file = std::string(home != nullptr ? home : "") + "/.kube/config";
  std::error_code ignored;
  return std::filesystem::exists(file, ignored) ? file : std::string();
}

}  // namespace

Result<kube::ClusterAccess> openAccess(const std::string& path) {
  const auto file = path.empty() ? defaultKubeconfig() : path;
  auto access = file.empty() ? kube::inClusterAccess(kube::processEnvironment()) : kube::loadKubeconfig(file);
  if (access || !file.empty()) return access;
  return failure(
      "no cluster is named: give --kubeconfig FILE or set KUBECONFIG; there is no ~/.kube/config, and this is not a "
      "pod");
}

Result<std::unique_ptr<diagnose::Cluster>> openCluster(const std::string& path) {
  auto access = openAccess(path);
  if (!access) return tl::unexpected(access.error());
  kube::ClientOptions options;
  options.userAgent = "fairway-check/" FAIRWAY_VERSION;
  auto server = kube::makeClient(std::move(*access), options);
  if (!server) return tl::unexpected(server.error());
  return std::make_unique<ApiCluster>(std::move(*server));
}

}  // namespace fairway::cli
