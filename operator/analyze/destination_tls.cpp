#include <set>

#include "analyze/checks.h"
#include "analyze/routes.h"
#include "analyze/spelling.h"
#include "normalize/queries.h"
#include "normalize/services.h"
#include "store/indexes.h"

namespace fairway::analyze {

namespace {

using Tls = api::TrafficPolicySpec::Tls;

// A tls block of a DestinationRule: for one port, or (0) for all that have none of their own.
struct TlsAt {
  const Tls& tls;
  std::string field;
  std::uint32_t port = 0;
};

std::vector<TlsAt> tlsOf(const api::DestinationRuleSpec::Policy& policy, const std::string& at) {
  std::vector<TlsAt> result;
  if (policy.tls) result.push_back({*policy.tls, at + ".tls", 0});
  for (const auto& [port, parts] : policy.ports) {
    if (parts.tls) result.push_back({*parts.tls, at + ".portLevelSettings", port});
  }
  return result;
}

std::string nameOf(Tls::Mode mode) {
  switch (mode) {
    case Tls::Mode::disable: return "DISABLE";
    case Tls::Mode::simple: return "SIMPLE";
    case Tls::Mode::mutual: return "MUTUAL";
    case Tls::Mode::istio_mutual: return "ISTIO_MUTUAL";
  }
  return {};
}

std::string policyText(const model::PeerAuthentication& peers) {
  std::vector<std::string> names;
  for (const auto& each : peers.provenance) names.push_back(each.toString());
  return names.empty() ? "the mesh's default" : listed(names);
}

class Rule {
 public:
  Rule(const World& world, const Resource& resource, const api::DestinationRule& rule, Reporter& report)
      : world_(world), resource_(resource), rule_(rule), report_(report) {
    service_ = serviceOf(world, store::resolveHost(rule.spec.host, rule.meta.ns, world.options().mesh));
  }

  void check(const api::DestinationRuleSpec::Policy& policy, const std::string& at) {
    for (const auto& tls : tlsOf(policy, at)) {
      checkRoots(tls);
      checkPeers(tls, policy);
    }
  }

 private:
  [[nodiscard]] bool isInCluster() const { return service_ != nullptr && service_->kind == "Service"; }

  void checkRoots(const TlsAt& at) {
    if (at.tls.mode != Tls::Mode::simple && at.tls.mode != Tls::Mode::mutual) return;
    const auto mode = nameOf(at.tls.mode);
    if (at.tls.insecureSkipVerify) {
      report_.add(Code::not_verified, resource_, at.field + ".insecureSkipVerify",
                  "with TLS mode " + mode + " and insecureSkipVerify any certificate of " + rule_.spec.host +
                      " is taken: who is in between reads everything",
                  "give caCertificates in its place");
      return;
    }
    // Outside the cluster public roots are what a server's certificate is of, as a rule.
    if (!at.tls.caCertificates.empty() || !at.tls.credentialName.empty() || !isInCluster()) return;
    report_.add(at.port == 0 ? Code::public_roots : Code::public_port_roots, resource_, at.field,
                "TLS mode " + mode + " without caCertificates: the certificate of " + service_->host +
                    (at.port == 0 ? "" : " at port " + std::to_string(at.port)) +
                    ", a Service of the cluster, is checked against the public roots in the proxy's image",
                "set caCertificates to the file with the roots of its certificate; for workloads of the mesh use mode "
                "ISTIO_MUTUAL, or no tls at all");
  }

  // What of the service the block is for: workload ports by workload.
  void checkPeers(const TlsAt& at, const api::DestinationRuleSpec::Policy& policy) {
    if (!isInCluster() || service_->selector.empty() || !world_.knows(api::Kind::peer_authentication)) return;
    for (const auto* workload : world_.select(service_->ns, service_->selector)) {
      if (workload->resource == nullptr) continue;
      if (!world_.inMesh(*workload)) {
        // Of manifests it is not known who injects them.
        if (at.tls.mode != Tls::Mode::istio_mutual || !workload->resource->origin.inCluster() || !workload->isPod)
          continue;
        report_.add(Code::mtls_conflict, resource_, at.field + ".mode",
                    "mode ISTIO_MUTUAL for " + service_->host + ", but " + workload->text() +
                        " behind it has no proxy that could take mutual TLS: requests to it fail",
                    "inject the workload (kubectl rollout restart after labelling its namespace), or remove tls: by "
                    "itself the mesh uses mutual TLS wherever both sides can");
        return;
      }
      const auto& peers = world_.view().ask(normalize::PeerAuthenticationOf{workload->ns, workload->labels()});
      for (const auto& port : service_->ports) {
        if (at.port != 0 ? at.port != port.number : policy.ports.contains(port.number)) continue;
        for (const auto number :
             normalize::workloadPorts(world_.view(), port.targetPort, workload->ns, workload->labels())) {
          if (conflicts(at, *workload, peers, port, number)) return;
        }
      }
    }
  }

  bool conflicts(const TlsAt& at, const Workload& workload, const model::PeerAuthentication& peers,
                 const model::ServicePort& port, std::uint32_t number) {
    const auto wanted = peers.modeOf(number);
    const bool mutual = at.tls.mode == Tls::Mode::istio_mutual;
    const bool bad = mutual ? wanted == model::MtlsMode::disable : wanted == model::MtlsMode::strict;
    if (!bad) return false;
    report_.add(Code::mtls_conflict, resource_, at.field + ".mode",
                "clients of " + service_->host + " port " + std::to_string(port.number) + " are told TLS mode " +
                    nameOf(at.tls.mode) + ", but " + workload.text() + " takes " +
                    (mutual ? "plain text only" : "mutual TLS of the mesh only") + " (" + policyText(peers) +
                    "): requests fail",
                "remove tls from the rule: by itself the mesh uses mutual TLS wherever both sides can; or change the "
                "PeerAuthentication");
    return true;
  }

  const World& world_;
  const Resource& resource_;
  const api::DestinationRule& rule_;
  Reporter& report_;
  const model::Service* service_ = nullptr;
};

}  // namespace

void checkDestinationTls(const World& world, Reporter& report) {
  world.each<api::DestinationRule>([&](const Resource& resource, const api::DestinationRule& object) {
    Rule rule(world, resource, object, report);
    rule.check(object.spec.trafficPolicy, "spec.trafficPolicy");
    for (std::size_t i = 0; i < object.spec.subsets.size(); ++i) {
      rule.check(object.spec.subsets[i].trafficPolicy, "spec.subsets[" + std::to_string(i) + "].trafficPolicy");
    }
  });
}

}  // namespace fairway::analyze
