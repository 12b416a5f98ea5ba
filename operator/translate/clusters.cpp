#include "translate/clusters.h"

#include <algorithm>

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/extensions/clusters/dns/v3/dns_cluster.pb.h>
#include <google/protobuf/arena.h>

#include "normalize/hosts.h"
#include "normalize/queries.h"
#include "translate/any.h"
#include "translate/compute.h"
#include "translate/endpoints.h"
#include "translate/fields.h"
#include "translate/names.h"
#include "translate/policy.h"
#include "translate/tls.h"
#include "translate/wire.h"

namespace fairway::translate {

namespace cluster_v3 = envoy::config::cluster::v3;
using cluster_v3::Cluster;
using model::TrafficPolicy;
using store::joinKey;
using store::splitKey;

std::string Clusters::key() const { return joinKey({clientNs, host, toString(interception)}); }
Clusters Clusters::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fieldAt(fields, 0), fieldAt(fields, 1), parseInterception(fieldAt(fields, 2))};
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
};

Cluster::DiscoveryType discoveryOf(const Spec& spec, Interception interception) {
  using Resolution = model::Service::Resolution;
  if (interception == Interception::none) return Cluster::EDS;
  const bool clientChooses = spec.service.resolution == Resolution::original_dst ||
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

void setDns(store::View& view, Cluster& cluster, const Spec& spec) {
  const auto names = namesOf(view, spec);
  envoy::extensions::clusters::dns::v3::DnsCluster dns;
  dns.set_dns_lookup_family(envoy::extensions::clusters::common::dns::v3::V4_PREFERRED);
  dns.mutable_dns_refresh_rate()->set_seconds(60);
  dns.set_respect_dns_ttl(true);
  // Envoy takes this for exactly one name.
  dns.set_all_addresses_in_single_endpoint(spec.service.resolution == model::Service::Resolution::dns_one &&
                                           names.size() == 1);
  cluster.mutable_cluster_type()->set_name("envoy.clusters.dns");
  packAny(dns, *cluster.mutable_cluster_type()->mutable_typed_config());
  auto& assignment = *cluster.mutable_load_assignment();
  assignment.set_cluster_name(cluster.name());
  std::vector<const model::Endpoint*> all;
  for (const auto& name : names) all.push_back(&name);
  addLocalities(assignment, all);
}

void setDiscovery(store::View& view, Cluster& cluster, const Spec& spec, Interception interception) {
  if (byDns(spec)) return setDns(view, cluster, spec);
  cluster.set_type(discoveryOf(spec, interception));
  if (cluster.type() != Cluster::EDS) return;
  setAds(*cluster.mutable_eds_cluster_config()->mutable_eds_config());
  cluster.mutable_eds_cluster_config()->set_service_name(cluster.name());
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

void addSocketMatch(Cluster& cluster, bool mesh, const envoy::config::core::v3::TransportSocket& socket) {
  auto& match = *cluster.add_transport_socket_matches();
  match.set_name(mesh ? "tlsMode-istio" : "tlsMode-disabled");
  match.mutable_match();
  if (mesh) setText(*match.mutable_match(), kSocketMatch, "istio");
  *match.mutable_transport_socket() = socket;
}

void applyTls(store::View& view, Cluster& cluster, const Spec& spec, const std::string& clientNs) {
  using Mode = TrafficPolicy::Tls::Mode;
  const auto& tls = spec.policy.tls;
  const auto note = [&](model::Note::Severity severity, const std::string& field, const std::string& message) {
    const auto object =
        spec.provenance.value_or(model::Provenance{spec.service.kind, spec.service.ns, spec.service.name, {}});
    view.note({severity, object, field, message});
  };
  const auto meshSocket = [&](envoy::config::core::v3::TransportSocket& out) {
    const std::string sni = tls.sni.empty() ? sniName(spec.port.number, spec.subset, spec.service.host) : tls.sni;
    const auto& identities =
        tls.subjectAltNames.empty() ? view.ask(normalize::IdentitiesOf{spec.service.host}) : tls.subjectAltNames;
    setMeshClientTls(out, sni, identities, alpnOf(spec));
  };
  switch (tls.mode) {
    case Mode::disable: return;
    case Mode::mesh: meshSocket(*cluster.mutable_transport_socket()); return;
    case Mode::automatic: {
      if (byDns(spec) || spec.service.external) return;
      if (cluster.type() == Cluster::ORIGINAL_DST) {
        if (view.ask(AllMeshTls{spec.service.host, spec.port.number})) meshSocket(*cluster.mutable_transport_socket());
        return;
      }
      envoy::config::core::v3::TransportSocket socket;
      meshSocket(socket);
      addSocketMatch(cluster, true, socket);
      socket.Clear();
      setPlaintext(socket);
      addSocketMatch(cluster, false, socket);
      return;
    }
    case Mode::simple:
    case Mode::mutual: {
      if (!tls.credentialName.empty()) {
        note(model::Note::Severity::error, "trafficPolicy.tls.credentialName",
             "credentialName '" + tls.credentialName + "' is not available to clients in namespace " + clientNs +
                 ": only gateway servers read credentials; use clientCertificate, privateKey and caCertificates");
      }
      if (tls.mode == Mode::mutual && (tls.clientCertificate.empty() || tls.privateKey.empty())) {
        note(model::Note::Severity::error, "trafficPolicy.tls",
             "mode MUTUAL needs clientCertificate and privateKey: connections are made without a client certificate");
      }
      auto effective = tls;
      if (effective.privateKey.empty()) effective.clientCertificate.clear();
      if (effective.subjectAltNames.empty()) effective.subjectAltNames = spec.service.subjectAltNames;
      if (tls.sni.empty() && spec.service.host.starts_with('*')) {
        note(model::Note::Severity::warning, "trafficPolicy.tls.sni",
             "it is not set, and the host " + spec.service.host +
                 " is a wildcard: connections are made without a server name; set sni, or give each host an entry of "
                 "its own");
      }
      const std::string name = spec.service.externalName.empty() ? spec.service.host : spec.service.externalName;
      setClientTls(*cluster.mutable_transport_socket(), effective, name, alpnOf(spec));
      return;
    }
  }
}

void setMetadata(Cluster& cluster, const Spec& spec) {
  auto& metadata = *cluster.mutable_metadata();
  if (spec.provenance) setProvenance(metadata, *spec.provenance);
  auto& istio = (*metadata.mutable_filter_metadata())["istio"];
  if (!spec.subset.empty()) setText(istio, "subset", spec.subset);
  auto& service = *(*istio.mutable_fields())["services"].mutable_list_value()->add_values()->mutable_struct_value();
  setText(service, "host", spec.service.host);
  setText(service, "name", spec.service.kind == "Service" ? spec.service.name : spec.service.host);
  setText(service, "namespace", spec.service.ns);
}

void addCluster(store::View& view, const Clusters& query, const Spec& spec, Output& output) {
  google::protobuf::Arena arena;  // it has many small parts
  auto& cluster = *google::protobuf::Arena::CreateMessage<Cluster>(&arena);
  cluster.set_name(clusterName(spec.port.number, spec.subset, spec.service.host));
  setDiscovery(view, cluster, spec, query.interception);
  applyLoadBalancing(cluster, spec.policy);
  applyConnectionPool(cluster, spec.policy.pool);
  applyOutlierDetection(cluster, spec.policy);
  if (model::isHttp(spec.port.protocol)) {
    applyHttpProtocol(cluster, upstreamHttp(spec.port.protocol, spec.policy.pool), spec.policy.pool);
  }
  applyTls(view, cluster, spec, query.clientNs);
  setMetadata(cluster, spec);

  std::vector<model::Provenance> provenance;
  if (spec.provenance) provenance.push_back(*spec.provenance);
  output.resources.push_back(makeResource(Type::cluster, cluster.name(), cluster, std::move(provenance)));
  if (cluster.type() == Cluster::EDS) {
    const EndpointsUnit endpoints{spec.service.host, spec.port.number, spec.subset,
                                  spec.labels ? *spec.labels : model::Labels{}};
    output.children.push_back({EndpointsUnit::kType, endpoints.key()});
  }
}

}  // namespace

Output computeClusters(store::View& view, const Clusters& query) {
  Output output;
  const auto& service = view.ask(normalize::ServiceOf{query.host});
  if (!service) return output;
  const bool nameless = service->kind == "Service" && service->resolution == model::Service::Resolution::dns &&
                        service->externalName.empty();
  if (nameless || !normalize::isVisible(service->exportTo, service->ns, query.clientNs)) return output;
  for (const auto& port : service->ports) {
    if (port.protocol == model::Protocol::udp || service->port(port.number) != &port) continue;
    const auto& policies = view.ask(normalize::TrafficPolicyOf{query.clientNs, query.host, port.number});
    addCluster(view, query, {*service, port, {}, nullptr, policies.policy, policies.provenance}, output);
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
