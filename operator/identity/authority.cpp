#include "identity/authority.h"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "identity/files.h"

namespace fairway::identity {

std::string authorityDirectory(const std::string& stateDir) { return stateDir + "/ca"; }
std::string authorityKeyFile(const std::string& stateDir) { return authorityDirectory(stateDir) + "/ca-key.pem"; }
std::string authorityCertificateFile(const std::string& stateDir) {
  return authorityDirectory(stateDir) + "/ca-cert.pem";
}
std::string authorityRootsFile(const std::string& stateDir) { return stateDir + "/root.pem"; }

namespace {

std::string caDirectory(const AuthorityOptions& options) { return authorityDirectory(options.stateDir); }
std::string keyFile(const AuthorityOptions& options) { return authorityKeyFile(options.stateDir); }
std::string certificateFile(const AuthorityOptions& options) { return authorityCertificateFile(options.stateDir); }

std::int64_t daysUntil(Time end, Time now) {
  return std::chrono::duration_cast<std::chrono::hours>(end - now).count() / 24;
}

Result<PrivateKey> loadOrCreateKey(const AuthorityOptions& options) {
  const auto path = keyFile(options);
  if (fileExists(path)) {
    const auto pem = readPrivateFile(path);
    if (!pem) return tl::unexpected(pem.error());
    auto key = PrivateKey::fromPem(*pem);
    if (!key) return tl::unexpected(key.error().within(path));
    return key;
  }
  if (fileExists(certificateFile(options))) {
    return failure(path + ": missing, although " + certificateFile(options) +
                   " is there: restore the key, or remove the certificate to start with a new root");
  }
  auto key = PrivateKey::generate();
  if (!key) return key;
  const auto pem = key->toPem();
  if (!pem) return tl::unexpected(pem.error());
  if (auto written = writeFileAtomically(path, *pem, 0600); !written) return tl::unexpected(written.error());
  return key;
}

// A key without a certificate is what a crash between the two writes leaves: the certificate is made then.
Result<Certificate> loadOrCreateCertificate(const AuthorityOptions& options, const PrivateKey& key, Time now) {
  const auto path = certificateFile(options);
  if (fileExists(path)) {
    const auto pem = readFile(path);
    if (!pem) return tl::unexpected(pem.error());
    auto certificate = Certificate::fromPem(*pem);
    if (!certificate) return tl::unexpected(certificate.error().within(path));
    return certificate;
  }
  auto certificate = issueRoot(key, options.trustDomain, options.rootValidity, now);
  if (!certificate) return certificate;
  if (auto written = writeFileAtomically(path, certificate->toPem(), 0600); !written)
    return tl::unexpected(written.error());
  spdlog::info("made a root certificate for trust domain {}: {}, valid for {} days", options.trustDomain, path,
               daysUntil(certificate->notAfter(), now));
  return certificate;
}

Result<void> checkRoot(const AuthorityOptions& options, const Issuer& issuer, Time now) {
  const auto path = certificateFile(options);
  if (!issuer.certificate.matches(issuer.key))
    return failure(path + ": does not belong to the key in " + keyFile(options));
  if (!issuer.certificate.isAuthority() || !issuer.certificate.isSelfSigned()) {
    return failure(path + ": expected a self-signed CA certificate");
  }
  const auto names = issuer.certificate.uriNames();
  const auto expected = "spiffe://" + options.trustDomain;
  if (names.size() != 1 || names.front() != expected) {
    return failure(path + ": it is the root of " + (names.empty() ? "no trust domain" : names.front()) +
                   ", but the trust domain is " + expected + ": use its trust domain or another state directory");
  }
  if (now >= issuer.certificate.notAfter()) {
    return failure(path + ": the root certificate has expired: remove " + caDirectory(options) +
                   " to start with a new root");
  }
  return {};
}

std::vector<std::string> sorted(std::vector<std::string> values) {
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace

CertificateAuthority::CertificateAuthority(AuthorityOptions options, Issuer issuer)
    : options_(std::move(options)),
      issuer_(std::move(issuer)),
      roots_{issuer_.certificate},
      rootsPem_(issuer_.certificate.toPem()) {}

Result<std::unique_ptr<CertificateAuthority>> CertificateAuthority::open(AuthorityOptions options, Time now) {
  const auto within = [](const Error& error) { return tl::unexpected(error.within("certificate authority")); };
  if (auto checked = checkTrustDomain(options.trustDomain); !checked) return within(checked.error());
  if (options.defaultTtl <= std::chrono::seconds::zero() || options.maxTtl < options.defaultTtl) {
    return within(Error{"validity of workload certificates: expected 0 < default <= maximum"});
  }
  if (auto made = makePrivateDirectory(caDirectory(options)); !made) return within(made.error());
  const auto lock = FileLock::acquire(caDirectory(options) + "/lock");
  if (!lock) return within(lock.error());

  auto key = loadOrCreateKey(options);
  if (!key) return within(key.error());
  auto certificate = loadOrCreateCertificate(options, *key, now);
  if (!certificate) return within(certificate.error());
  Issuer issuer{std::move(*certificate), std::move(*key)};
  if (auto checked = checkRoot(options, issuer, now); !checked) return within(checked.error());

  std::unique_ptr<CertificateAuthority> authority(new CertificateAuthority(std::move(options), std::move(issuer)));
  const auto present = readFile(authority->rootsFile());
  if (!present || *present != authority->rootsPem_) {
    if (auto written = writeFileAtomically(authority->rootsFile(), authority->rootsPem_, 0644); !written)
      return within(written.error());
  }
  if (auto renewed = authority->renewIfDue(now); !renewed) return tl::unexpected(renewed.error());
  return authority;
}

Result<IssuedCertificate> CertificateAuthority::sign(const PublicKey& key, const ServiceAccount& account,
                                                     std::chrono::seconds ttl, Time now) const {
  if (ttl == std::chrono::seconds::zero()) ttl = options_.defaultTtl;
  const auto id = SpiffeId::make(options_.trustDomain, account);
  if (!id) return tl::unexpected(id.error());
  const auto leaf = issueWorkload(issuer_, key, *id, std::min(ttl, options_.maxTtl), now);
  if (!leaf) return tl::unexpected(leaf.error());
  return IssuedCertificate{{leaf->toPem()}, leaf->notAfter()};
}

Time CertificateAuthority::serverExpires() const {
  const std::lock_guard guard(mutex_);
  return serverExpires_;
}

// Requires mutex_. Anything wrong with the file, its mode among it, means that a new one is made.
bool CertificateAuthority::serverIsCurrent(Time now) {
  const auto pem = readPrivateFile(serverFile());
  if (!pem) return false;
  const auto key = PrivateKey::fromPem(*pem);
  const auto leaf = Certificate::fromPem(*pem);
  if (!key || !leaf || !leaf->matches(*key)) return false;
  if (!verifyChain(*leaf, {}, roots_, Usage::server, now)) return false;
  if (sorted(leaf->dnsNames()) != sorted(options_.serverNames.dns)) return false;
  for (const auto& ip : options_.serverNames.ips) {
    if (!leaf->hasIp(ip)) return false;
  }
  serverExpires_ = leaf->notAfter();
  return now < leaf->notBefore() + (leaf->notAfter() - leaf->notBefore()) / 2;
}

Result<bool> CertificateAuthority::renewIfDue(Time now) {
  const std::lock_guard guard(mutex_);
  if (serverIsCurrent(now)) return false;
  const auto within = [](const Error& error) {
    return tl::unexpected(error.within("certificate of the control plane"));
  };
  const auto key = PrivateKey::generate();
  if (!key) return within(key.error());
  const auto publicKey = key->publicKey();
  if (!publicKey) return within(publicKey.error());
  const auto leaf = issueServer(issuer_, *publicKey, options_.serverNames, options_.serverTtl, now);
  if (!leaf) return within(leaf.error());
  const auto pem = key->toPem();
  if (!pem) return within(pem.error());
  if (auto written = writeFileAtomically(serverFile(), *pem + leaf->toPem(), 0600); !written)
    return within(written.error());
  serverExpires_ = leaf->notAfter();
  spdlog::info("made a new certificate for the control plane itself, valid for {} days: {}",
               daysUntil(leaf->notAfter(), now), serverFile());
  return true;
}

}  // namespace fairway::identity
