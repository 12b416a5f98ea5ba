#pragma once

#include "identity/pki.h"
#include "identity/spiffe.h"

// Making certificates. All have a random 128-bit serial number, are signed with SHA-256 and start 2 minutes before
// `now`, so that peers whose clock is behind accept them at once.
namespace fairway::identity {

constexpr std::chrono::minutes kBackdate{2};

// A certificate authority: its certificate and the key that goes with it.
struct Issuer {
  Certificate certificate;
  PrivateKey key;
};

// The names of a server other than a workload.
struct ServerNames {
  std::vector<std::string> dns;
  std::vector<std::string> ips;  // textual IPv4 or IPv6 addresses
};

// A self-signed CA certificate for the trust domain, which is its organisation and its URI name (`spiffe://<trust
// domain>`). It may sign leaves only (path length 0).
Result<Certificate> issueRoot(const PrivateKey& key, const std::string& trustDomain, std::chrono::seconds validity,
                              Time now);

// A workload certificate: one URI name, usable as TLS client and server. Its subject is empty (then the name is critical) or has
// the attribute `description` alone, with at most 2000 characters. It never outlives its issuer; fails if the issuer is not
// valid at `now` or the validity is not positive.
Result<Certificate> issueWorkload(const Issuer& issuer, const PublicKey& key, const SpiffeId& id,
                                  std::chrono::seconds validity, Time now, const std::string& description = {});

// A TLS server certificate with DNS and IP names. Same limits.
Result<Certificate> issueServer(const Issuer& issuer, const PublicKey& key, const ServerNames& names,
                                std::chrono::seconds validity, Time now);

}  // namespace fairway::identity
