#include "translate/clusters.h"

#include <algorithm>
#include <deque>

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/extensions/clusters/dns/v3/dns_cluster.pb.h>
#include <envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster.pb.h>
#include <envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.pb.h>
#include <google/protobuf/struct.pb.h>

#include "base/metric_tags.h"
#include "normalize/clients.h"
#include "normalize/hosts.h"
#include "normalize/queries.h"
#include "translate/any.h"
#include "translate/compute.h"
#include "translate/dns_cache.h"
#include "translate/endpoints.h"
#include "translate/fields.h"
#include "translate/message_writer.h"
#include "translate/names.h"
#include "translate/policy.h"
#include "translate/tls.h"
#include "translate/wire.h"

namespace fairway::translate {

namespace cluster_v3 = envoy::config::cluster::v3;
namespace core = envoy::config::core::v3;
using cluster_v3::Cluster;
using model::TrafficPolicy;
using store::joinKey;
using store::splitKey;

std::string Clusters::key() const { return joinKey({normalize::clientKey(client), host, toString(interception)}); }
Clusters Clusters::parse(std::string_view key) {
  store::KeyFields fields(key);
  return {normalize::parseClientKey(fields.next()), fields.next(), parseInterception(fields.next())};
}

std::string AllMeshTls::key() const { return joinKey({host, numberField(port)}); }
AllMeshTls AllMeshTls::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fieldAt(fields, 0), parseNumber(fieldAt(fields, 1))};
}

bool computeAllMeshTls(store::View& view, const AllMeshTls& query) {
  const auto& endpoints = view.ask(normalize::EndpointsOf{query.host, query.port}).endpoints;
  return !endpoints.empty() &&
         std::all_of(endpoints.begin(), endpoints.end(), [](const model::Endpoint& e) { return e.meshTls; });
}

namespace {

constexpr const char* kSocketMatch = "tlsMode";

// One cluster in the making: a port of a host, or a subset of it.
struct Spec {
  const model::Service& service;
  const model::ServicePort& port;
  std::string subset;
  const model::Labels* labels = nullptr;  // of the subset
  const TrafficPolicy& policy;
  const std::optional<model::Provenance>& provenance;
  bool pods = false;  // of a headless service: the one that the client chose
};

Cluster::DiscoveryType discoveryOf(const Spec& spec, Interception interception) {
  using Resolution = model::Service::Resolution;
  if (interception == Interception::none) return Cluster::EDS;
  const bool clientChooses = spec.pods || spec.service.resolution == Resolution::original_dst ||
                             (spec.service.headless && !model::isHttp(spec.port.protocol)) ||
                             spec.policy.loadBalancer == TrafficPolicy::LoadBalancer::passthrough;
  return clientChooses ? Cluster::ORIGINAL_DST : Cluster::EDS;
}

bool byDns(const Spec& spec) {
  using Resolution = model::Service::Resolution;
  return spec.service.resolution == Resolution::dns || spec.service.resolution == Resolution::dns_one;
}

// The names to look up: of an ExternalName its one, else of the endpoints.
std::vector<model::Endpoint> namesOf(store::View& view, const Spec& spec) {
  if (!spec.service.externalName.empty()) {
    model::Endpoint only;
    only.address = spec.service.externalName;
    only.port = spec.port.number;
    return {only};
  }
  auto names = view.ask(normalize::EndpointsOf{spec.service.host, spec.port.number}).endpoints;
  if (spec.labels) std::erase_if(names, [&](const auto& name) { return !selects(*spec.labels, name.labels); });
  return names;
}

void addDns(store::View& view, MessageWriter& out, const std::string& name, const Spec& spec,
            const model::Client& client) {
  const auto names = namesOf(view, spec);
  envoy::extensions::clusters::dns::v3::DnsCluster dns;
  dns.set_dns_lookup_family(envoy::extensions::clusters::common::dns::v3::V4_PREFERRED);
  setDuration(*dns.mutable_dns_refresh_rate(), view.ask(normalize::MeshSettingsOf{}).dnsRefresh);
  dns.set_respect_dns_ttl(true);
  // Envoy takes this for exactly one name.
  dns.set_all_addresses_in_single_endpoint(spec.service.resolution == model::Service::Resolution::dns_one &&
                                           names.size() == 1);
  Cluster::CustomClusterType type;
  type.set_name("envoy.clusters.dns");
  packAny(dns, *type.mutable_typed_config());
  out.text(Cluster::kClusterTypeFieldNumber, serialize(type));
  std::vector<const model::Endpoint*> all;
  for (const auto& one : names) all.push_back(&one);
  const auto nearness = spec.policy.locality
                            ? nearnessOf(view, client, spec.service.host, spec.port.number, spec.subset, all)
                            : std::nullopt;
  out.text(Cluster::kLoadAssignmentFieldNumber, loadAssignment(name, all, nearness ? &*nearness : nullptr));
}

bool looksUp(const Spec& spec) { return spec.service.resolution == model::Service::Resolution::dynamic_dns; }

// Connections go to what the request's host, or the server name of TLS, is looked up to.
void addLookUp(MessageWriter& out) {
  envoy::extensions::clusters::dynamic_forward_proxy::v3::ClusterConfig config;
  setDnsCache(*config.mutable_dns_cache_config());
  Cluster::CustomClusterType type;
  type.set_name("envoy.clusters.dynamic_forward_proxy");
  packAny(config, *type.mutable_typed_config());
  out.text(Cluster::kClusterTypeFieldNumber, serialize(type));
}

// Its endpoints are asked for by the cluster's own name.
void addDiscovery(MessageWriter& out, Cluster::DiscoveryType type) {
  if (type != Cluster::EDS) return out.number(Cluster::kTypeFieldNumber, type);
  static const std::string fields = [] {
    Cluster cluster;
    cluster.set_type(Cluster::EDS);
    setAds(*cluster.mutable_eds_cluster_config()->mutable_eds_config());
    return serialize(cluster);
  }();
  out.append(fields);
}

// What a policy says besides TLS: the same for most clusters, so the last few are kept.
const std::string& policyFields(const TrafficPolicy& policy, Cluster::DiscoveryType type,
                                std::optional<UpstreamHttp> http, bool looksUp) {
  struct Kept {
    TrafficPolicy policy;
    Cluster::DiscoveryType type;
    bool looksUp;
    std::optional<UpstreamHttp> http;
    std::string bytes;
  };
  static thread_local std::deque<Kept> kept;
  for (const auto& one : kept) {
    if (one.type == type && one.looksUp == looksUp && one.http == http && one.policy == policy) return one.bytes;
  }
  Cluster cluster;
  cluster.set_type(type);
  applyLoadBalancing(cluster, policy);
  applyConnectionPool(cluster, policy.pool);
  applyRetryBudget(cluster, policy);
  applyOutlierDetection(cluster, policy);
  if (http) applyHttpProtocol(cluster, *http, policy, looksUp);
  if (looksUp) cluster.set_lb_policy(Cluster::CLUSTER_PROVIDED);
  cluster.clear_type();
  if (kept.size() == 8) kept.pop_back();
  return kept.emplace_front(Kept{policy, type, looksUp, http, serialize(cluster)}).bytes;
}

UpstreamAlpn alpnOf(const Spec& spec) {
  if (!model::isHttp(spec.port.protocol)) return UpstreamAlpn::none;
  switch (upstreamHttp(spec.port.protocol, spec.policy.pool)) {
    case UpstreamHttp::http1: return UpstreamAlpn::http1;
    case UpstreamHttp::http2: return UpstreamAlpn::http2;
    // The client decides per request; without a negotiated protocol the server looks at the first bytes.
    case UpstreamHttp::as_downstream: return UpstreamAlpn::none;
  }
  return UpstreamAlpn::none;
}

// With the PROXY protocol in front of it, which the policy asks for.
std::string framed(const Spec& spec, const std::string& socket) {
  envoy::extensions::transport_sockets::proxy_protocol::v3::ProxyProtocolUpstreamTransport config;
  config.mutable_config()->set_version(spec.policy.proxyProtocol == 2 ? core::ProxyProtocolConfig::V2
                                                                      : core::ProxyProtocolConfig::V1);
  config.mutable_transport_socket()->ParseFromString(socket);
  core::TransportSocket out;
  out.set_name("envoy.transport_sockets.upstream_proxy_protocol");
  packAny(config, *out.mutable_typed_config());
  return serialize(out);
}

// Mutual TLS of the mesh.
class MeshSocket {
 public:
  MeshSocket(store::View& view, const Spec& spec, const model::MeshSettings& settings)
      : tls_(serverName(spec),
             spec.policy.tls.subjectAltNames.empty() ? view.ask(normalize::IdentitiesOf{spec.service.host})
                                                     : spec.policy.tls.subjectAltNames,
             alpnOf(spec), settings.meshTls) {
    if (spec.policy.proxyProtocol == 0) return;
    std::string bytes;
    MessageWriter out(bytes);
    tls_.appendTo(out);
    framed_ = framed(spec, bytes);
  }
  [[nodiscard]] std::size_t size() const { return framed_.empty() ? tls_.size() : framed_.size(); }
  void addTo(MessageWriter& out, int field) const {
    out.begin(field, size());
    if (framed_.empty()) {
      tls_.appendTo(out);
    } else {
      out.append(framed_);
    }
  }

 private:
  static std::string_view serverName(const Spec& spec) {
    const auto& sni = spec.policy.tls.sni;
    if (!sni.empty()) return sni;
    static thread_local std::string name;  // keeps its room; read until the next one is made
    name.clear();
    appendSniName(name, spec.port.number, spec.subset, spec.service.host);
    return name;
  }

  MeshClientTls tls_;
  std::string framed_;  // where the PROXY protocol stands before it
};

// For endpoints that say they speak the mesh's mTLS. The others get the cluster's own socket, without one plaintext.
void addSocketMatch(MessageWriter& out, const MeshSocket& socket) {
  using Match = Cluster::TransportSocketMatch;
  static const std::string before = [] {
    std::string bytes;
    MessageWriter fields(bytes);
    fields.text(Match::kNameFieldNumber, "tlsMode-istio");
    fields.message(Match::kMatchFieldNumber, [&] { addText(fields, kSocketMatch, "istio"); });
    return bytes;
  }();
  out.begin(Cluster::kTransportSocketMatchesFieldNumber,
            before.size() + MessageWriter::sizeOf(Match::kTransportSocketFieldNumber, socket.size()));
  out.append(before);
  socket.addTo(out, Match::kTransportSocketFieldNumber);
}

void addPlaintext(MessageWriter& out, const Spec& spec) {
  if (spec.policy.proxyProtocol != 0) out.text(Cluster::kTransportSocketFieldNumber, framed(spec, plaintext()));
}

void addTls(store::View& view, MessageWriter& out, const Spec& spec, bool originalDestination) {
  using Mode = TrafficPolicy::Tls::Mode;
  const auto& tls = spec.policy.tls;
  const auto note = [&](model::Note::Severity severity, const std::string& field, const std::string& message) {
    const auto object =
        spec.provenance.value_or(model::Provenance{spec.service.kind, spec.service.ns, spec.service.name, {}});
    view.note({severity, object, field, message});
  };
  switch (tls.mode) {
    case Mode::disable: addPlaintext(out, spec); return;
    case Mode::mesh:
      MeshSocket(view, spec, view.ask(normalize::MeshSettingsOf{})).addTo(out, Cluster::kTransportSocketFieldNumber);
      return;
    case Mode::automatic: {
      const auto& settings = view.ask(normalize::MeshSettingsOf{});
      if (byDns(spec) || looksUp(spec) || spec.service.external || !settings.autoMtls) {
        addPlaintext(out, spec);
        return;
      }
      if (originalDestination) {
        if (view.ask(AllMeshTls{spec.service.host, spec.port.number})) {
          MeshSocket(view, spec, settings).addTo(out, Cluster::kTransportSocketFieldNumber);
        } else {
          addPlaintext(out, spec);
        }
        return;
      }
      addSocketMatch(out, MeshSocket(view, spec, settings));
      addPlaintext(out, spec);
      return;
    }
    case Mode::simple:
    case Mode::mutual: {
      if (!tls.credentialName.empty()) {
        note(model::Note::Severity::error, "trafficPolicy.tls.credentialName",
             "credentialName '" + tls.credentialName +
                 "' is not available to clients: only gateway servers read credentials; use clientCertificate, "
                 "privateKey and caCertificates");
      }
      if (tls.mode == Mode::mutual && (tls.clientCertificate.empty() || tls.privateKey.empty())) {
        note(model::Note::Severity::error, "trafficPolicy.tls",
             "mode MUTUAL needs clientCertificate and privateKey: connections are made without a client certificate");
      }
      auto effective = tls;
      if (effective.privateKey.empty()) effective.clientCertificate.clear();
      if (effective.subjectAltNames.empty()) effective.subjectAltNames = spec.service.subjectAltNames;
      if (tls.sni.empty() && spec.service.host.starts_with('*') && !looksUp(spec)) {
        note(model::Note::Severity::warning, "trafficPolicy.tls.sni",
             "it is not set, and the host " + spec.service.host +
                 " is a wildcard: connections are made without a server name; set sni, or give each host an entry of "
                 "its own");
      }
      std::string name = spec.service.externalName.empty() ? spec.service.host : spec.service.externalName;
      if (looksUp(spec)) name.clear();
      core::TransportSocket socket;
      setClientTls(socket, effective, name, alpnOf(spec), view.ask(normalize::MeshSettingsOf{}).tlsDefaults);
      const auto bytes = serialize(socket);
      out.text(Cluster::kTransportSocketFieldNumber, spec.policy.proxyProtocol == 0 ? bytes : framed(spec, bytes));
      return;
    }
  }
}

bool isForeignTls(const TrafficPolicy& policy) {
  using Mode = TrafficPolicy::Tls::Mode;
  return policy.tls.mode == Mode::simple || policy.tls.mode == Mode::mutual;
}

// What metrics need to know and the cluster's name does not tell (base/metric_tags.h).
std::string metricsService(const Spec& spec) {
  const bool foreign = isForeignTls(spec.policy);
  if (spec.service.kind == "Service" && !foreign) return {};
  auto text = spec.service.host + ";" + spec.service.ns;
  if (foreign) text.append(";").append(metric_tags::kForeign);
  return text;
}

// {"istio": {"services": [{...}], "subset": ...}}, and what metrics and NACKs need before it.
void addMetadata(MessageWriter& out, const Spec& spec) {
  using google::protobuf::ListValue;
  using google::protobuf::Struct;
  using google::protobuf::Value;
  constexpr auto sizeOf = &MessageWriter::sizeOf;
  constexpr std::string_view kIstio = "istio", kServices = "services";
  constexpr int kFilters = core::Metadata::kFilterMetadataFieldNumber;

  const auto provenance = spec.provenance ? spec.provenance->toString() : std::string();
  const auto forMetrics = metricsService(spec);
  const std::size_t ours = (spec.provenance ? sizeOfText("provenance", provenance) : 0) +
                           (forMetrics.empty() ? 0 : sizeOfText(metric_tags::kMetadataService, forMetrics));

  // The lengths, from the inside out.
  const auto& service = spec.service;
  const auto& name = service.kind == "Service" ? service.name : service.host;
  const auto fields = sizeOfText("host", service.host) + sizeOfText("name", name) + sizeOfText("namespace", service.ns);
  const auto value = sizeOf(Value::kStructValueFieldNumber, fields);
  const auto list = sizeOf(ListValue::kValuesFieldNumber, value);
  const auto services = sizeOf(Value::kListValueFieldNumber, list);
  const auto istio = MessageWriter::sizeOfEntry(Struct::kFieldsFieldNumber, kServices, services) +
                     (spec.subset.empty() ? 0 : sizeOfText("subset", spec.subset));

  const auto oursSize = ours == 0 ? 0 : MessageWriter::sizeOfEntry(kFilters, metric_tags::kMetadata, ours);
  out.begin(Cluster::kMetadataFieldNumber, oursSize + MessageWriter::sizeOfEntry(kFilters, kIstio, istio));
  if (ours != 0) {
    out.beginEntry(kFilters, metric_tags::kMetadata, ours);
    if (spec.provenance) addText(out, "provenance", provenance);
    if (!forMetrics.empty()) addText(out, metric_tags::kMetadataService, forMetrics);
  }
  out.beginEntry(kFilters, kIstio, istio);
  out.beginEntry(Struct::kFieldsFieldNumber, kServices, services);
  out.begin({{Value::kListValueFieldNumber, list},
             {ListValue::kValuesFieldNumber, value},
             {Value::kStructValueFieldNumber, fields}});
  addText(out, "host", service.host);
  addText(out, "name", name);
  addText(out, "namespace", service.ns);
  if (!spec.subset.empty()) addText(out, "subset", spec.subset);
}

void addCluster(store::View& view, const Clusters& query, const Spec& spec, Output& output) {
  auto name = clusterName(spec.port.number, spec.subset, spec.pods ? podsHost(spec.service.host) : spec.service.host);
  const bool custom = byDns(spec) || looksUp(spec);
  const auto type = custom ? Cluster::STATIC : discoveryOf(spec, query.interception);
  static thread_local std::string bytes;  // keeps its room
  bytes.clear();
  MessageWriter out(bytes);
  out.text(Cluster::kNameFieldNumber, name);
  if (byDns(spec)) {
    addDns(view, out, name, spec, query.client);
  } else if (looksUp(spec)) {
    addLookUp(out);
  } else {
    addDiscovery(out, type);
  }
  const auto http = model::isHttp(spec.port.protocol)
                        ? std::optional(upstreamHttp(spec.port.protocol, spec.policy.pool))
                        : std::nullopt;
  out.append(policyFields(spec.policy, type, http, looksUp(spec)));
  addTls(view, out, spec, type == Cluster::ORIGINAL_DST);
  addMetadata(out, spec);

  std::vector<model::Provenance> provenance;
  if (spec.provenance) provenance.push_back(*spec.provenance);
  output.resources.push_back(makeResource(Type::cluster, std::move(name), bytes, std::move(provenance)));
  if (!custom && type == Cluster::EDS) {
    const bool unproved = spec.policy.tls.mode == TrafficPolicy::Tls::Mode::disable || isForeignTls(spec.policy);
    output.children.push_back(
        {EndpointsUnit::kType, EndpointsUnit::keyOf(spec.service.host, spec.port.number, spec.subset, spec.labels,
                                                    spec.policy.locality ? &query.client : nullptr, unproved)});
  }
}

// Whether there is a way to each pod of a headless service by its own name (StatefulSets' pods have one). Other protocols than
// HTTP go by address anyway.
bool toPods(store::View& view, const Clusters& query, const model::Service& service, const model::ServicePort& port) {
  if (query.interception == Interception::none || service.kind != "Service" || !service.headless) return false;
  if (!model::isHttp(port.protocol)) return false;
  const auto& other = view.ask(normalize::ServiceOf{podsHost(service.host)});
  return !other || other->port(port.number) == nullptr;
}

}  // namespace

Output computeHostClusters(store::View& view, const HostClusters& query) {
  const Clusters shared{normalize::clusterClient(view, query.client, query.host), query.host, query.interception};
  return {{}, {{Clusters::kType, shared.key()}}};
}

Output computeClusters(store::View& view, const Clusters& query) {
  Output output;
  const auto& service = view.ask(normalize::ServiceOf{query.host});
  if (!service) return output;
  const bool nameless = service->kind == "Service" && service->resolution == model::Service::Resolution::dns &&
                        service->externalName.empty();
  if (nameless || !normalize::isVisible(service->exportTo, service->ns, query.client.ns)) return output;
  const auto client = normalize::policyClient(view, query.client, query.host);
  for (const auto& port : service->ports) {
    if (port.protocol == model::Protocol::udp || service->port(port.number) != &port) continue;
    const auto& policies = view.ask(normalize::TrafficPolicyOf{client, query.host, port.number});
    addCluster(view, query, {*service, port, {}, nullptr, policies.policy, policies.provenance}, output);
    if (toPods(view, query, *service, port)) {
      addCluster(view, query, {*service, port, {}, nullptr, policies.policy, policies.provenance, true}, output);
    }
    std::vector<std::string> seen;
    for (const auto& subset : policies.subsets) {
      if (std::find(seen.begin(), seen.end(), subset.name) != seen.end()) continue;
      seen.push_back(subset.name);
      addCluster(view, query, {*service, port, subset.name, &subset.labels, subset.policy, policies.provenance},
                 output);
    }
  }
  return output;
}

}  // namespace fairway::translate
