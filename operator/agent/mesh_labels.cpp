#include "agent/mesh_labels.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "agent/config.h"
#include "base/metric_tags.h"
#include "base/strings.h"
#include "identity/spiffe.h"

namespace fairway::agent {
namespace {

constexpr std::string_view kUnknown = "unknown";
constexpr std::string_view kOther = "other";
constexpr std::string_view kIpv4Passthrough = "InboundPassthroughCluster";

struct Destination {
  std::string_view host, name, ns;
  bool foreign = false;
};

// One side of a request, as labels have it; views are empty where it is not known.
struct Side {
  WorkloadLabels workload;
  std::string_view ns, principal;
};

// The host of a cluster's name: "outbound|80|v1|reviews.default.svc.cluster.local".
std::string_view hostOfCluster(std::string_view cluster) {
  for (int i = 0; i < 3; ++i) {
    const auto bar = cluster.find('|');
    if (bar == std::string_view::npos) return {};
    cluster.remove_prefix(bar + 1);
  }
  if (cluster.starts_with("*.")) cluster.remove_prefix(2);  // of a headless service's pods
  return cluster;
}

Destination destinationOf(const MeshTags& tags) {
  Destination result;
  if (tags.cluster == "PassthroughCluster" || tags.cluster == "BlackHoleCluster" || tags.cluster == kIpv4Passthrough) {
    result.name = tags.cluster;
    return result;
  }
  if (!tags.service.empty()) {
    const auto semicolon = tags.service.find(';');
    result.host = result.name = tags.service.substr(0, semicolon);
    if (semicolon == std::string_view::npos) return result;
    const auto rest = tags.service.substr(semicolon + 1), end = rest.substr(std::min(rest.find(';'), rest.size()));
    result.ns = rest.substr(0, rest.size() - end.size());
    result.foreign = end.size() > 1 && end.substr(1) == metric_tags::kForeign;
  } else {
    result.host = result.name = hostOfCluster(tags.cluster);
  }
  // "name.namespace.svc.cluster.local"
  const auto dot = result.host.find('.');
  if (dot == std::string_view::npos) return result;
  const auto rest = result.host.substr(dot + 1);
  const auto next = rest.find('.');
  if (next == std::string_view::npos || !rest.substr(next).starts_with(".svc.")) return result;
  const auto ns = rest.substr(0, next);
  if (!result.ns.empty() && result.ns != ns) return result;
  result.name = result.host.substr(0, dot);
  result.ns = ns;
  return result;
}

// Of a peer with a certificate of the mesh.
Side meshPeer(const MeshTags& tags) {
  Side side;
  side.principal = tags.peerId;
  // "spiffe://cluster.local/ns/onap/sa/portal"
  constexpr std::string_view kNs = "/ns/", kAccount = "/sa/";
  const auto from = tags.peerId.find(kNs);
  const auto to = from == std::string_view::npos ? from : tags.peerId.find(kAccount, from + kNs.size());
  if (to != std::string_view::npos) side.ns = tags.peerId.substr(from + kNs.size(), to - from - kNs.size());
  if (auto labels = workloadOfSubject(tags.peer)) side.workload = *std::move(labels);
  return side;
}

using Pairs = std::vector<std::pair<std::string_view, std::string_view>>;

std::string_view known(std::string_view value) { return value.empty() ? kUnknown : value; }

constexpr std::array<std::string_view, 8> kSource{
    "source_workload", "source_workload_namespace", "source_principal",          "source_app",
    "source_version",  "source_canonical_service",  "source_canonical_revision", "source_cluster"};
constexpr std::array<std::string_view, 8> kDestination{
    "destination_workload", "destination_workload_namespace", "destination_principal",          "destination_app",
    "destination_version",  "destination_canonical_service",  "destination_canonical_revision", "destination_cluster"};

void add(Pairs& labels, const std::array<std::string_view, 8>& names, const Side& side) {
  const auto& workload = side.workload;
  const std::array<std::string_view, 8> values{workload.workload,
                                               side.ns,
                                               side.principal,
                                               workload.app,
                                               workload.version,
                                               workload.canonicalService,
                                               workload.canonicalRevision,
                                               workload.cluster};
  for (std::size_t i = 0; i < names.size(); ++i) labels.emplace_back(names[i], known(values[i]));
}

// One that Prometheus takes, and that histograms do not have themselves.
bool isLabelName(std::string_view name) {
  return !name.empty() && name != "le" && !name.starts_with("__") && (name.front() < '0' || name.front() > '9') &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

bool leftOut(std::string_view without, std::string_view name) {
  while (!without.empty()) {
    const auto comma = std::min(without.find(','), without.size());
    if (without.substr(0, comma) == name) return true;
    without.remove_prefix(std::min(comma + 1, without.size()));
  }
  return false;
}

std::string text(const MeshTags& tags, const Pairs& labels) {
  std::string result;
  for (const auto& [name, value] : labels) {
    if (leftOut(tags.without, name)) continue;
    const auto set =
        std::find_if(tags.set.begin(), tags.set.end(), [&, n = name](const auto& one) { return one.first == n; });
    appendLabel(result, name, set == tags.set.end() ? value : known(set->second));
  }
  for (const auto& [name, value] : tags.set) {
    const bool standard =
        std::any_of(labels.begin(), labels.end(), [&, n = name](const auto& label) { return label.first == n; });
    if (!standard) appendLabel(result, name, known(value));
  }
  return result;
}

}  // namespace

OwnLabels ownLabels(const AgentOptions& options) {
  const auto metadata = [&](const char* name) {
    const auto found = options.metadata.find(name);
    return found == options.metadata.end() ? std::string() : found->second;
  };
  auto workload = metadata("WORKLOAD_NAME");
  if (workload.empty()) workload = options.podName;
  const identity::SpiffeId id{options.trustDomain, {options.podNamespace, options.serviceAccount}};
  return {workloadLabels(workload, options.labels, metadata("CLUSTER_ID")), options.podNamespace, id.toString()};
}

MeshTags meshTags(const Labels& tags) {
  MeshTags result;
  const std::array<std::pair<std::string_view, std::string_view*>, 10> known{
      {{metric_tags::kSide, &result.side},
       {metric_tags::kPeer, &result.peer},
       {metric_tags::kPeerId, &result.peerId},
       {metric_tags::kEndpoint, &result.endpoint},
       {metric_tags::kCluster, &result.cluster},
       {metric_tags::kService, &result.service},
       {metric_tags::kResponseCode, &result.responseCode},
       {metric_tags::kResponseFlags, &result.responseFlags},
       {metric_tags::kGrpcStatus, &result.grpcStatus},
       {metric_tags::kWithout, &result.without}}};
  for (const auto& [name, value] : tags) {
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&, n = std::string_view(name)](const auto& one) { return one.first == n; });
    if (found != known.end()) {
      *found->second = value;
    } else if (name.starts_with(metric_tags::kSet)) {
      const auto label = std::string_view(name).substr(metric_tags::kSet.size());
      const bool twice =
          std::any_of(result.set.begin(), result.set.end(), [&](const auto& one) { return one.first == label; });
      if (isLabelName(label) && !twice) result.set.emplace_back(label, value);
    }
  }
  return result;
}

std::string meshLabels(const OwnLabels& own, const MeshTags& tags, MeshProtocol protocol) {
  const bool client = tags.side == metric_tags::kClient;
  const auto destination = destinationOf(tags);
  // Whose certificate proves nothing about the mesh has said nothing.
  const bool mesh = client ? !tags.peerId.empty() && !destination.foreign : tags.side == metric_tags::kServerMtls;
  Side peer = mesh ? meshPeer(tags) : Side();
  if (client && !mesh) {
    if (auto labels = parseWorkloadText(tags.endpoint); labels && !labels->workload.empty()) {
      peer.workload = *std::move(labels);
      // Endpoints are of their service's namespace and, without a certificate, of this cluster.
      peer.ns = destination.ns;
      if (peer.workload.cluster.empty()) peer.workload.cluster = own.workload.cluster;
    }
  }
  const Side self{own.workload, own.ns, mesh ? std::string_view(own.principal) : std::string_view()};
  Pairs labels;
  labels.reserve(25);
  labels.emplace_back("reporter", client ? "source" : "destination");
  const Side &source = client ? self : std::as_const(peer), &destinationSide = client ? std::as_const(peer) : self;
  add(labels, kSource, source);
  add(labels, kDestination, destinationSide);
  labels.emplace_back("destination_service", known(destination.host));
  labels.emplace_back("destination_service_name", known(destination.name));
  labels.emplace_back("destination_service_namespace",
                      !destination.ns.empty() || client ? known(destination.ns) : std::string_view(own.ns));
  if (protocol == MeshProtocol::tcp) {
    labels.emplace_back("request_protocol", "tcp");
  } else {
    labels.emplace_back("request_protocol", tags.grpcStatus.empty() ? "http" : "grpc");
    labels.emplace_back("response_code", tags.responseCode.empty() ? "0" : tags.responseCode);
    labels.emplace_back("grpc_response_status", tags.grpcStatus);
  }
  labels.emplace_back("response_flags", tags.responseFlags.empty() ? "-" : tags.responseFlags);
  labels.emplace_back("connection_security_policy", client ? kUnknown : mesh ? "mutual_tls" : "none");
  return text(tags, labels);
}

std::string otherLabels(const MeshTags& tags, MeshProtocol protocol) {
  Pairs labels;
  labels.emplace_back("reporter", tags.side == metric_tags::kClient ? "source" : "destination");
  for (const auto& name : kSource) labels.emplace_back(name, kOther);
  for (const auto& name : kDestination) labels.emplace_back(name, kOther);
  for (const auto* name : {"destination_service", "destination_service_name", "destination_service_namespace",
                           "request_protocol", "response_flags", "connection_security_policy"}) {
    labels.emplace_back(name, kOther);
  }
  if (protocol == MeshProtocol::http) {
    labels.emplace_back("response_code", tags.responseCode.empty() ? "0" : tags.responseCode);
    labels.emplace_back("grpc_response_status", kOther);
  }
  std::string result;
  for (const auto& [name, value] : labels) appendLabel(result, name, value);
  return result;
}

}  // namespace fairway::agent
