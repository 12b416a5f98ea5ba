#include "identity/trust.h"

#include <algorithm>

#include <openssl/x509.h>

namespace fairway::identity {
namespace {

bool covers(const std::vector<RevocationList>& lists, const Certificate& authority) {
  return std::any_of(lists.begin(), lists.end(), [&](const RevocationList& list) { return list.isOf(authority); });
}

// There is a list of who issued the certificate.
bool issuerCovered(const std::vector<RevocationList>& lists, const Certificate& certificate) {
  return std::any_of(lists.begin(), lists.end(), [&](const RevocationList& list) {
    return X509_NAME_cmp(X509_CRL_get_issuer(list.raw()), X509_get_issuer_name(certificate.raw())) == 0;
  });
}

void addLists(std::vector<RevocationList>& to, const std::vector<RevocationList>& from) {
  const std::size_t before = to.size();
  for (const auto& list : from) {
    // One CA's list counts once, that of the newer files.
    const bool known = std::any_of(to.begin(), to.begin() + static_cast<std::ptrdiff_t>(before),
                                   [&](const RevocationList& other) { return other.issuer() == list.issuer(); });
    if (!known) to.push_back(list);
  }
}

Result<void> addOwn(std::vector<RevocationList>& lists, const Issuer& issuer, Time now) {
  if (covers(lists, issuer.certificate)) return {};
  auto own = RevocationList::empty(issuer, now);
  if (!own) {
    return failure("ca-crl.pem holds no list of " + subjectOf(issuer.certificate) + ", and none can be made for it: " +
                   own.error().message + ": every handshake would fail; add its list to ca-crl.pem");
  }
  lists.push_back(std::move(*own));
  return {};
}

}  // namespace

bool Trust::isRevoked(const Certificate& certificate) const {
  return std::any_of(crl.begin(), crl.end(), [&](const RevocationList& list) { return list.revokes(certificate); });
}

Result<TrustPtr> makeTrust(const TrustInputs& inputs, Time now) {
  auto trust = std::make_shared<Trust>();
  addDistinct(trust->roots, inputs.active->roots);
  if (inputs.pending) addDistinct(trust->roots, inputs.pending->roots);
  for (const auto& old : inputs.retained) addDistinct(trust->roots, old.roots);
  trust->rootsPem = toPem(trust->roots);

  if (inputs.pending) addLists(trust->crl, inputs.pending->crl);
  addLists(trust->crl, inputs.active->crl);
  for (const auto& old : inputs.retained) addLists(trust->crl, old.crl);
  if (trust->crl.empty()) return trust;

  if (auto added = addOwn(trust->crl, inputs.active->issuer, now); !added) return tl::unexpected(added.error());
  if (inputs.pending) {
    if (auto added = addOwn(trust->crl, inputs.pending->issuer, now); !added) return tl::unexpected(added.error());
  }
  for (const auto& old : inputs.retained) {
    if (old.ownList) addLists(trust->crl, {*old.ownList});
  }
  const auto uncovered = [&](const Certificate& authority) { return !issuerCovered(trust->crl, authority); };
  const auto anyUncovered = [&](const std::vector<Certificate>& chain) {
    return std::any_of(chain.begin(), chain.end(), uncovered);
  };
  trust->crlLeafOnly = anyUncovered(inputs.active->chain) || (inputs.pending && anyUncovered(inputs.pending->chain)) ||
                       std::any_of(inputs.retained.begin(), inputs.retained.end(),
                                   [&](const RetainedCa& old) { return anyUncovered(old.chain); });
  for (const auto& list : trust->crl) trust->crlPem += list.toPem();
  return trust;
}

}  // namespace fairway::identity
