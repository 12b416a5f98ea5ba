#include "cli/rest_discovery.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <envoy/config/route/v3/route.pb.h>
#include <envoy/service/discovery/v3/discovery.pb.h>
#include <google/protobuf/util/json_util.h>

#include "base/strings.h"
#include "discovery/version.h"
#include "translate/redaction.h"

namespace fairway::cli {
namespace {

using envoy::config::route::v3::RouteConfiguration;
using envoy::service::discovery::v3::DiscoveryRequest;
using envoy::service::discovery::v3::DiscoveryResponse;
using translate::Type;

const std::map<std::string, Type>& types() {
  static const std::map<std::string, Type> kTypes = {{"/v3/discovery:clusters", Type::cluster},
                                                     {"/v3/discovery:endpoints", Type::endpoint},
                                                     {"/v3/discovery:listeners", Type::listener},
                                                     {"/v3/discovery:routes", Type::route},
                                                     {"/v3/discovery:secrets", Type::secret}};
  return kTypes;
}

// "<type>~<ip>~<pod>.<ns>~<domain>" -> "<pod>.<ns>"
std::string proxyIdOf(const std::string& nodeId) {
  const auto parts = split(nodeId, '~');
  return parts.size() == 4 ? parts[2] : "";
}

// A route configuration with the virtual hosts that VHDS would bring: "<route configuration>/<name>".
void addVirtualHosts(google::protobuf::Any& any, const engine::ProxySnapshot& snapshot) {
  RouteConfiguration table;
  if (!any.UnpackTo(&table) || !table.has_vhds()) return;
  table.clear_vhds();
  const auto prefix = table.name() + "/";
  for (const auto& scope : snapshot.scopes) {
    const auto& set = *scope->sets[static_cast<std::size_t>(Type::virtual_host)];
    for (auto it = set.lowerBound(prefix); it != set.end() && (*it)->name.starts_with(prefix); ++it) {
      google::protobuf::Any host;
      if (!host.ParseFromString((*it)->body) || !host.UnpackTo(table.add_virtual_hosts())) {
        table.mutable_virtual_hosts()->RemoveLast();
      }
    }
  }
  any.PackFrom(table);
}

DiscoveryResponse everything(const engine::ProxySnapshot& snapshot, Type type, const std::set<std::string>& names) {
  DiscoveryResponse response;
  discovery::VersionSum version;
  for (const auto& scope : snapshot.scopes) {
    for (const auto& resource : *scope->sets[static_cast<std::size_t>(type)]) {
      if (!names.empty() && !names.contains(resource->name)) continue;
      auto& any = *response.add_resources();
      if (!any.ParseFromString(resource->body)) {
        response.mutable_resources()->RemoveLast();
        continue;
      }
      if (type == Type::secret) translate::redactSecret(any);
      if (type == Type::route) addVirtualHosts(any, snapshot);
      version.add(resource->name, discovery::Version(resource->version));
    }
  }
  response.set_version_info(version.toString());
  response.set_type_url(std::string(translate::typeUrl(type)));
  return response;
}

}  // namespace

console::Response restDiscovery(const discovery::Server& discovery, const std::string& path, const std::string& body) {
  using console::Response;
  const auto type = types().find(path);
  if (type == types().end()) {
    std::vector<std::string> paths;
    for (const auto& [each, value] : types()) paths.push_back(each);
    return Response::text(404, "not found; xDS is served at " + join(paths, ", ") + "\n");
  }
  DiscoveryRequest request;
  google::protobuf::util::JsonParseOptions parse;
  parse.ignore_unknown_fields = true;
  const auto status = google::protobuf::util::JsonStringToMessage(body, &request, parse);
  if (!status.ok()) {
    return Response::text(400, "the body is no DiscoveryRequest in JSON: " + std::string(status.message()) + "\n");
  }
  if (!request.type_url().empty() && request.type_url() != translate::typeUrl(type->second)) {
    return Response::text(400, "type_url is " + request.type_url() + ", but " + path + " serves " +
                                   std::string(translate::typeUrl(type->second)) + "\n");
  }
  const auto proxy = proxyIdOf(request.node().id());
  if (proxy.empty()) {
    return Response::text(400, "node.id is \"" + request.node().id() +
                                   "\"; expected <sidecar|router>~<ip>~<pod>.<namespace>~<dns domain>, as \"node\" in "
                                   "/debug/proxies\n");
  }
  const auto snapshot = discovery.find(proxy);
  if (!snapshot && discovery.stream(proxy)) return Response::text(503, "nothing is built for " + proxy + " yet\n");
  if (!snapshot) {
    return Response::text(404, "no proxy " + proxy + " is connected; /debug/proxies lists those that are\n");
  }
  const std::set<std::string> names(request.resource_names().begin(), request.resource_names().end());
  std::string text;
  google::protobuf::util::JsonPrintOptions print;
  print.preserve_proto_field_names = true;
  print.add_whitespace = true;
  const auto printed =
      google::protobuf::util::MessageToJsonString(everything(*snapshot, type->second, names), &text, print);
  if (!printed.ok()) return Response::text(500, std::string(printed.message()) + "\n");
  return Response::json(text);
}

}  // namespace fairway::cli
