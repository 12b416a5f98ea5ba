#include "envoy.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <envoy/config/bootstrap/v3/bootstrap.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fluentd_relays.h"
#include "translate/any.h"

namespace fairway::translate::test {

namespace {

namespace fs = std::filesystem;
using envoy::config::bootstrap::v3::Bootstrap;
using envoy::config::cluster::v3::Cluster;
using envoy::config::endpoint::v3::ClusterLoadAssignment;
using envoy::config::listener::v3::Listener;
using envoy::config::route::v3::RouteConfiguration;
using envoy::config::route::v3::VirtualHost;
using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;

constexpr const char* kHttpFilter = "envoy.filters.network.http_connection_manager";

RouteConfiguration wholeTable(const Resources& resources, const std::string& name) {
  auto table = resources.get<RouteConfiguration>(Type::route, name);
  table.clear_vhds();
  for (const auto& host : resources.names(Type::virtual_host)) {
    if (host.rfind('/') == name.size() && host.rfind(name + "/", 0) == 0) {
      *table.add_virtual_hosts() = resources.get<VirtualHost>(Type::virtual_host, host);
    }
  }
  return table;
}

Listener withRoutes(const Resources& resources, Listener listener) {
  for (auto& chain : *listener.mutable_filter_chains()) {
    for (auto& filter : *chain.mutable_filters()) {
      if (filter.name() != kHttpFilter) continue;
      auto manager = unpack<HttpConnectionManager>(filter.typed_config());
      if (manager.has_rds()) *manager.mutable_route_config() = wholeTable(resources, manager.rds().route_config_name());
      packAny(manager, *filter.mutable_typed_config());
    }
  }
  return listener;
}

Cluster withEndpoints(const Resources& resources, Cluster cluster) {
  if (cluster.type() != Cluster::EDS) return cluster;
  const auto name = cluster.name();
  cluster.clear_eds_cluster_config();
  cluster.set_type(Cluster::STATIC);
  *cluster.mutable_load_assignment() = resources.get<ClusterLoadAssignment>(Type::endpoint, name);
  return cluster;
}

// The agent's and the control plane's clusters, as the bootstrap has them.
void addGrpcCluster(Bootstrap& bootstrap, const std::string& name) {
  auto& cluster = *bootstrap.mutable_static_resources()->add_clusters();
  cluster.set_name(name);
  cluster.set_type(Cluster::STATIC);
  auto& assignment = *cluster.mutable_load_assignment();
  assignment.set_cluster_name(name);
  auto& address = *assignment.add_endpoints()->add_lb_endpoints()->mutable_endpoint()->mutable_address();
  address.mutable_pipe()->set_path("/nonexistent/" + name);
  auto& options =
      (*cluster.mutable_typed_extension_protocol_options())["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"];
  options.set_type_url("type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions");
  options.set_value(std::string("\x1a\x02\x12\x00", 4));  // explicit_http_config { http2_protocol_options {} }
}

void addFluentdRelays(Bootstrap& bootstrap) {
  auto& extension = *bootstrap.add_bootstrap_extensions();
  extension.set_name("envoy.bootstrap.internal_listener");
  extension.mutable_typed_config()->set_type_url(
      "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener");
  for (unsigned i = 1; i <= fluentd_relays::kCount; ++i) {
    auto& cluster = *bootstrap.mutable_static_resources()->add_clusters();
    cluster.set_name(fluentd_relays::name(i));
    cluster.set_type(Cluster::STATIC);
    auto& assignment = *cluster.mutable_load_assignment();
    assignment.set_cluster_name(cluster.name());
    auto& address = *assignment.add_endpoints()->add_lb_endpoints()->mutable_endpoint()->mutable_address();
    address.mutable_envoy_internal_address()->set_server_listener_name(cluster.name());
  }
}

Bootstrap bootstrapOf(const Resources& resources) {
  Bootstrap bootstrap;
  bootstrap.mutable_node()->set_id("test");
  bootstrap.mutable_node()->set_cluster("test");
  auto& ads = *bootstrap.mutable_dynamic_resources()->mutable_ads_config();
  ads.set_api_type(envoy::config::core::v3::ApiConfigSource::DELTA_GRPC);
  ads.set_transport_api_version(envoy::config::core::v3::ApiVersion::V3);
  ads.add_grpc_services()->mutable_envoy_grpc()->set_cluster_name("xds-grpc");
  addGrpcCluster(bootstrap, "xds-grpc");
  addGrpcCluster(bootstrap, "sds-grpc");
  addFluentdRelays(bootstrap);
  auto& layer = *bootstrap.mutable_layered_runtime()->add_layers();
  layer.set_name("static");
  (*layer.mutable_static_layer()->mutable_fields())["re2.max_program_size.error_level"].set_number_value(32768);
  auto& fixed = *bootstrap.mutable_static_resources();
  for (const auto& name : resources.names(Type::cluster)) {
    *fixed.add_clusters() = withEndpoints(resources, resources.get<Cluster>(Type::cluster, name));
  }
  for (const auto& name : resources.names(Type::listener)) {
    *fixed.add_listeners() = withRoutes(resources, resources.get<Listener>(Type::listener, name));
  }
  return bootstrap;
}

struct TemporaryFolder {
  fs::path path;
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "fairway-translate-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path = pattern;
  }
  ~TemporaryFolder() { fs::remove_all(path); }
};

}  // namespace

std::string envoyBinary() {
  if (const char* set = std::getenv("FAIRWAY_ENVOY")) return set;
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const fs::path parts = (cache ? fs::path(cache) : fs::path(home ? home : "/") / ".cache") / "fairway";
  std::error_code error;
  for (const auto& part : fs::directory_iterator(parts, error)) {
    if (part.path().filename().string().rfind("python-", 0) != 0) continue;
    for (const auto& version : fs::directory_iterator(part.path() / "lib", error)) {
      const auto binary = version.path() / "site-packages/envoy/_bin/envoy";
      if (fs::exists(binary)) return binary.string();
    }
  }
  return {};
}

std::string envoyRefuses(const Resources& resources) {
  const auto binary = envoyBinary();
  if (binary.empty()) return "no Envoy: run `make setup`, or set FAIRWAY_ENVOY to the binary";
  const TemporaryFolder folder;
  const auto config = folder.path / "bootstrap.pb";
  const auto log = folder.path / "log";
  std::ofstream(config, std::ios::binary) << serialize(bootstrapOf(resources));
  const pid_t child = fork();
  if (child < 0) return "cannot start a process";
  if (child == 0) {
    if (freopen(log.c_str(), "w", stderr) == nullptr || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) _exit(126);
    execl(binary.c_str(), "envoy", "--mode", "validate", "--log-level", "error", "-c", config.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  std::ifstream in(log);
  const std::string said(std::istreambuf_iterator<char>(in), {});
  // Having validated loggers that share a scope of statistics (`sharing_name`), Envoy 1.40 crashes as it ends. One that serves does
  // not.
  if (WIFSIGNALED(status) && said.find("configuration '" + config.string() + "' OK") != std::string::npos) return {};
  return "envoy ends with " + std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -1) + ": " + said;
}

}  // namespace fairway::translate::test
