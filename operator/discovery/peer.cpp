#include "discovery/peer.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <optional>
#include <vector>

#include "base/strings.h"

namespace fairway::discovery {
namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freer<Free>>;

std::vector<std::string> uriNames(X509* certificate) {
  std::vector<std::string> uris;
  const Owned<GENERAL_NAMES, GENERAL_NAMES_free> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const auto* text = name->d.uniformResourceIdentifier;
    uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                      static_cast<std::size_t>(ASN1_STRING_length(text)));
  }
  return uris;
}

}  // namespace

std::string PeerIdentity::toString() const { return "spiffe://" + trustDomain + "/ns/" + ns + "/sa/" + serviceAccount; }

Result<PeerIdentity> identityFromSpiffe(std::string_view uri) {
  constexpr std::string_view kScheme = "spiffe://";
  if (uri.starts_with(kScheme) && uri.find_first_of("?#%") == std::string_view::npos &&
      uri.find('\0') == std::string_view::npos) {
    const auto parts = split(uri.substr(kScheme.size()), '/');
    if (parts.size() == 5 && parts[1] == "ns" && parts[3] == "sa" && !parts[0].empty() && !parts[2].empty() &&
        !parts[4].empty()) {
      return PeerIdentity{.trustDomain = parts[0], .ns = parts[2], .serviceAccount = parts[4]};
    }
  }
  return failure("\"" + std::string(uri) +
                 "\" is no workload identity; expected spiffe://<trust domain>/ns/<namespace>/sa/<service account>");
}

Result<PeerIdentity> identityFromCertificate(const std::string& pem) {
  const Owned<BIO, BIO_free> bytes(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Owned<X509, X509_free> certificate(PEM_read_bio_X509(bytes.get(), nullptr, nullptr, nullptr));
  if (!certificate) return failure("the client certificate cannot be read");
  const auto uris = uriNames(certificate.get());
  if (uris.size() != 1) {
    return failure("the client certificate has " + std::to_string(uris.size()) +
                   " URI names; exactly one, the workload's SPIFFE ID, is expected");
  }
  auto identity = identityFromSpiffe(uris.front());
  if (!identity) return tl::unexpected(identity.error().within("client certificate"));
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1) {
    return failure("the client certificate's end of validity cannot be read");
  }
  identity->expires = std::chrono::system_clock::from_time_t(timegm(&end));
  return identity;
}

std::string peerHost(std::string_view peer) {
  if (peer.starts_with("unix")) return "unix";
  if (const auto colon = peer.find(':'); colon != std::string_view::npos) peer.remove_prefix(colon + 1);
  if (const auto colon = peer.rfind(':'); colon != std::string_view::npos) peer = peer.substr(0, colon);
  for (const std::string_view bracket : {"%5B", "%5b", "["}) {
    if (peer.starts_with(bracket)) peer.remove_prefix(bracket.size());
  }
  for (const std::string_view bracket : {"%5D", "%5d", "]"}) {
    if (peer.ends_with(bracket)) peer.remove_suffix(bracket.size());
  }
  return std::string(peer);
}

}  // namespace fairway::discovery
