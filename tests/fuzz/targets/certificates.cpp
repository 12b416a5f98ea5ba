// PEM of callers: certificate requests and certificates. OpenSSL reads them; what is made of its values is ours.
#include "discovery/peer.h"
#include "fuzz/target.h"
#include "identity/issue.h"
#include "identity/pki.h"

namespace {

using namespace fairway;
using namespace fairway::identity;

void request(std::string_view pem) {
  const auto key = parseCsr(pem);
  for (const auto& name : uriNamesOfCsr(pem)) (void)SpiffeId::parse(name);
  if (!key) return;
  static const auto issuer = [] {
    auto own = PrivateKey::generate().value();
    auto root = issueRoot(own, "cluster.local", std::chrono::hours(24), std::chrono::system_clock::now()).value();
    return Issuer{std::move(root), std::move(own)};
  }();
  const SpiffeId id{"cluster.local", {"onap", "caller"}};
  const auto issued = issueWorkload(issuer, *key, id, std::chrono::hours(1), std::chrono::system_clock::now());
  fuzz::require(issued.has_value(), "a key that was taken can be certified");
  fuzz::require(issued->uriNames() == std::vector{id.toString()}, "names are the caller's alone");
  fuzz::require(issued->dnsNames().empty() && !issued->isAuthority(), "nothing else of a request counts");
}

void certificates(std::string_view pem) {
  if (const auto chain = Certificate::chainFromPem(pem)) {
    for (const auto& each : *chain) {
      for (const auto& name : each.uriNames()) (void)SpiffeId::parse(name);
      (void)each.dnsNames();
      (void)each.hasIp("127.0.0.1");
      (void)each.serialHex();
      (void)each.isSelfSigned();
      fuzz::require(each.notBefore() <= Time::max() && each.notAfter() <= Time::max(), "times are times");
    }
    const auto now = std::chrono::system_clock::now();
    (void)verifyChain(chain->front(), *chain, *chain, Usage::client, now);
  }
  if (const auto identity = discovery::identityFromCertificate(std::string(pem))) {
    const auto again = discovery::identityFromSpiffe(identity->toString());
    fuzz::require(again && again->ns == identity->ns && again->serviceAccount == identity->serviceAccount,
                  "an identity is read as it is written");
  }
  (void)PrivateKey::fromPem(pem);
}

std::vector<std::string> requestSeeds() {
  const auto key = PrivateKey::generate().value();
  return {makeCsr(key).value(), key.toPem().value()};
}

std::vector<std::string> certificateSeeds() {
  const auto key = PrivateKey::generate().value();
  const auto now = std::chrono::system_clock::now();
  auto root = issueRoot(key, "cluster.local", std::chrono::hours(24), now).value();
  const Issuer issuer{root, key};
  const SpiffeId id{"cluster.local", {"onap", "vfc"}};
  const auto leaf = issueWorkload(issuer, key.publicKey().value(), id, std::chrono::hours(1), now).value();
  const auto server = issueServer(issuer, key.publicKey().value(), {{"istiod.istio-system.svc"}, {"127.0.0.1"}},
                                  std::chrono::hours(1), now);
  return {leaf.toPem(), leaf.toPem() + root.toPem(), server.value().toPem(), key.toPem().value()};
}

const fuzz::Registration kRequest{{"certificate_request", {}, request, requestSeeds}};
const fuzz::Registration kCertificate{{"certificate", {}, certificates, certificateSeeds}};

}  // namespace
