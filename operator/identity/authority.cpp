#include "identity/authority.h"

#include <algorithm>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "identity/authority_record.h"
#include "identity/files.h"
#include "identity/log.h"

namespace fairway::identity {

std::string authorityDirectory(const std::string& stateDir) { return stateDir + "/ca"; }
std::string authorityKeyFile(const std::string& stateDir) { return authorityDirectory(stateDir) + "/ca-key.pem"; }
std::string authorityCertificateFile(const std::string& stateDir) {
  return authorityDirectory(stateDir) + "/ca-cert.pem";
}
std::string authorityRootsFile(const std::string& stateDir) { return stateDir + "/root.pem"; }
std::string authorityCrlFile(const std::string& stateDir) { return stateDir + "/ca-crl.pem"; }

namespace {

std::string recordFile(const AuthorityOptions& options) {
  return authorityDirectory(options.stateDir) + "/authority.json";
}

std::int64_t daysUntil(Time end, Time now) {
  return std::chrono::duration_cast<std::chrono::hours>(end - now).count() / 24;
}

Result<PrivateKey> loadOrCreateKey(const AuthorityOptions& options) {
  const auto path = authorityKeyFile(options.stateDir), certificate = authorityCertificateFile(options.stateDir);
  if (fileExists(path)) {
    const auto pem = readPrivateFile(path);
    if (!pem) return tl::unexpected(pem.error());
    auto key = PrivateKey::fromPem(*pem);
    if (!key) return tl::unexpected(key.error().within(path));
    return key;
  }
  if (fileExists(certificate)) {
    return failure(path + ": missing, although " + certificate +
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
Result<void> makeMissingRoot(const AuthorityOptions& options, Time now) {
  // A plug-in CA in the form of a TLS secret is one as well.
  if (fileExists(authorityDirectory(options.stateDir) + "/tls.crt")) return {};
  const auto key = loadOrCreateKey(options);
  if (!key) return tl::unexpected(key.error());
  const auto path = authorityCertificateFile(options.stateDir);
  if (fileExists(path)) return {};
  const auto certificate = issueRoot(*key, options.trustDomain, options.rootValidity, now);
  if (!certificate) return tl::unexpected(certificate.error());
  if (auto written = writeFileAtomically(path, certificate->toPem(), 0600); !written) return written;
  log().info("made a root certificate for trust domain {}: {}, valid for {} days", options.trustDomain, path,
             daysUntil(certificate->notAfter(), now));
  return {};
}

Result<CaMaterial> loadSource(const AuthorityOptions& options, Time now) {
  const bool own = options.caDir.empty();
  if (own) {
    if (auto made = makeMissingRoot(options, now); !made) return tl::unexpected(made.error());
  }
  const auto folder = own ? authorityDirectory(options.stateDir) : options.caDir;
  const auto files = readCaFolder(folder, own);
  if (!files) return tl::unexpected(files.error());
  auto material = parseCaFiles(*files, options.trustDomain, now);
  if (!material) return tl::unexpected(material.error().within(folder));
  return material;
}

bool sameIssuer(const CaMaterial& a, const CaMaterial& b) { return a.issuer.certificate == b.issuer.certificate; }

bool isSignedBy(const Certificate& leaf, const Certificate& issuer) {
  EVP_PKEY* key = X509_get0_pubkey(issuer.raw());
  const bool result = key != nullptr && X509_verify(leaf.raw(), key) == 1;
  ERR_clear_error();
  return result;
}

std::vector<std::string> sorted(std::vector<std::string> values) {
  std::sort(values.begin(), values.end());
  return values;
}

Result<void> writeIfOther(const std::string& path, const std::string& text, mode_t mode) {
  const auto present = readFile(path, 8U << 20U);
  if (present && *present == text) return {};
  return writeFileAtomically(path, text, mode);
}

}  // namespace

Result<CaFiles> makeRoot(const std::string& trustDomain, std::chrono::seconds validity, const CaFiles& before,
                         Time now) {
  const auto key = PrivateKey::generate();
  if (!key) return tl::unexpected(key.error());
  const auto pem = key->toPem();
  if (!pem) return tl::unexpected(pem.error());
  const auto certificate = issueRoot(*key, trustDomain, validity, now);
  if (!certificate) return tl::unexpected(certificate.error());
  CaFiles files{{"ca-cert.pem", certificate->toPem()}, {"ca-key.pem", *pem}};
  if (before.empty()) return files;
  const auto old = parseCaFiles(before, trustDomain, now);
  if (!old) return tl::unexpected(old.error());
  if (!old->issuer.certificate.isSelfSigned()) {
    return failure("the CA in use is no self-made root but " + subjectOf(old->issuer.certificate) +
                   ": rotate it where it comes from, and put its new files in the place of the old ones");
  }
  files["root-cert.pem"] = certificate->toPem() + old->issuer.certificate.toPem();
  return files;
}

CertificateAuthority::CertificateAuthority(AuthorityOptions options, CaMaterial active) : options_(std::move(options)) {
  inputs_.active = std::make_shared<const CaMaterial>(std::move(active));
}

std::string CertificateAuthority::caDirectory() const {
  return options_.caDir.empty() ? authorityDirectory(options_.stateDir) : options_.caDir;
}

Result<std::unique_ptr<CertificateAuthority>> CertificateAuthority::open(AuthorityOptions options, Time now) {
  const auto within = [](const Error& error) { return tl::unexpected(error.within("certificate authority")); };
  if (auto checked = checkTrustDomain(options.trustDomain); !checked) return within(checked.error());
  if (options.defaultTtl <= std::chrono::seconds::zero() || options.maxTtl < options.defaultTtl) {
    return within(Error{"validity of workload certificates: expected 0 < default <= maximum"});
  }
  if (auto made = makePrivateDirectory(authorityDirectory(options.stateDir)); !made) return within(made.error());
  const auto lock = FileLock::acquire(authorityDirectory(options.stateDir) + "/lock");
  if (!lock) return within(lock.error());
  auto source = loadSource(options, now);
  if (!source) return within(source.error());

  // A CA that signed before the last end goes on until the new one's time has come.
  AuthorityRecord record;
  std::optional<CaMaterial> before;
  if (const auto text = readPrivateFile(recordFile(options)); text) {
    auto read = readRecord(*text);
    if (!read) {
      log().warn("{}: {}; it is made anew", recordFile(options), read.error().message);
    } else if (auto material = parseCaFiles(read->active, options.trustDomain, now); material) {
      before = std::move(*material);
      record = std::move(*read);
    }
  }
  const bool rotates = before && !sameIssuer(*before, *source);
  std::unique_ptr<CertificateAuthority> authority(
      new CertificateAuthority(std::move(options), rotates ? std::move(*before) : *source));
  const std::lock_guard guard(authority->mutex_);
  // What was told to proxies before, and what is trusted from the start, need not be waited for.
  const auto known = readFile(authority->rootsFile(), 8U << 20U);
  const auto knownRoots = known ? Certificate::chainFromPem(*known) : Result<std::vector<Certificate>>{};
  if (knownRoots) {
    for (const auto& root : *knownRoots) authority->trustedSince_[root.toPem()] = Time{};
  }
  for (const auto& root : authority->inputs_.active->roots) authority->trustedSince_[root.toPem()] = Time{};
  TrustInputs inputs = authority->inputs_;
  inputs.retained = std::move(record.retained);
  if (rotates) inputs.pending = std::make_shared<const CaMaterial>(std::move(*source));
  if (auto published = authority->publish(std::move(inputs), now); !published) return within(published.error());
  if (rotates && now >= authority->dueOf(*authority->inputs_.pending)) {
    if (auto activated = authority->activate(now); !activated) return within(activated.error());
  }
  if (auto renewed = authority->renewServer(now); !renewed) return tl::unexpected(renewed.error());
  return authority;
}

// Makes what follows from the inputs, writes it, and only then takes it over.
Result<void> CertificateAuthority::publish(TrustInputs inputs, Time now) {
  std::erase_if(inputs.retained, [&](const RetainedCa& old) { return now >= old.until; });
  auto trust = makeTrust(inputs, now);
  if (!trust) return tl::unexpected(trust.error());
  if (auto written = writeIfOther(rootsFile(), (*trust)->rootsPem, 0644); !written) return written;
  const auto crlFile = authorityCrlFile(options_.stateDir);
  if (!(*trust)->crlPem.empty() || fileExists(crlFile)) {
    if (auto written = writeIfOther(crlFile, (*trust)->crlPem, 0644); !written) return written;
  }
  const auto record = writeRecord(*inputs.active, inputs.retained);
  if (!record) return tl::unexpected(record.error());
  if (auto written = writeIfOther(recordFile(options_), *record, 0600); !written) return written;
  inputs_ = std::move(inputs);
  trust_ = std::move(*trust);
  for (const auto& root : trust_->roots) trustedSince_.try_emplace(root.toPem(), now);
  std::erase_if(trustedSince_, [&](const auto& entry) {
    return std::none_of(trust_->roots.begin(), trust_->roots.end(),
                        [&](const Certificate& root) { return root.toPem() == entry.first; });
  });
  return {};
}

Time CertificateAuthority::dueOf(const CaMaterial& pending) const {
  Time due{};
  for (const auto& root : pending.roots) {
    const auto since = trustedSince_.find(root.toPem());
    if (since != trustedSince_.end() && since->second != Time{}) {
      due = std::max<Time>(due, since->second + options_.rotationDelay);
    }
  }
  return due;
}

Result<void> CertificateAuthority::offer(const CaFiles& files, Time now) {
  auto material = parseCaFiles(files, options_.trustDomain, now);
  if (!material) return tl::unexpected(material.error());
  const std::lock_guard guard(mutex_);
  auto offered = std::make_shared<const CaMaterial>(std::move(*material));
  TrustInputs inputs = inputs_;
  const bool same = sameIssuer(*offered, *inputs.active);
  const bool already = inputs.pending && sameIssuer(*offered, *inputs.pending);
  (same ? inputs.active : inputs.pending) = offered;
  if (same) inputs.pending = nullptr;
  const auto rootsBefore = trust_->rootsPem, crlBefore = trust_->crlPem;
  if (auto published = publish(std::move(inputs), now); !published) return published;
  if (!same && !already) {
    const auto due = dueOf(*offered);
    const auto wait = std::chrono::duration_cast<std::chrono::seconds>(due - now).count();
    log().info("certificate authority: new CA {}: it is trusted now and signs {}",
               subjectOf(offered->issuer.certificate),
               wait > 0 ? "in " + std::to_string(wait) + " s, when all have heard" : "at once");
  } else if (trust_->rootsPem != rootsBefore || trust_->crlPem != crlBefore) {
    log().info("certificate authority: changed: {} roots, {} revocation lists", trust_->roots.size(),
               trust_->crl.size());
  }
  if (!inputs_.pending || now < dueOf(*inputs_.pending)) return {};
  if (auto activated = activate(now); !activated) return activated;
  const auto renewed = renewServer(now);
  return renewed ? Result<void>{} : tl::unexpected(renewed.error());
}

Result<void> CertificateAuthority::activate(Time now) {
  TrustInputs inputs = inputs_;
  const auto old = std::exchange(inputs.active, std::exchange(inputs.pending, nullptr));
  const auto overlap = options_.overlap.value_or(options_.maxTtl);
  if (overlap > std::chrono::seconds::zero()) {
    RetainedCa retained;
    for (const auto& root : old->roots) {
      const auto& named = inputs.active->roots;
      if (std::find(named.begin(), named.end(), root) == named.end()) retained.roots.push_back(root);
    }
    retained.chain = {old->issuer.certificate};
    addDistinct(retained.chain, old->chain);
    retained.crl = old->crl;
    if (auto own = RevocationList::empty(old->issuer, now)) retained.ownList = std::move(*own);
    retained.until = std::min<Time>(now + overlap, old->notAfter());
    inputs.retained.push_back(std::move(retained));
  }
  if (auto published = publish(std::move(inputs), now); !published) return published;
  log().info("certificate authority: {} signs from now on, in the place of {}, which stays trusted",
             subjectOf(inputs_.active->issuer.certificate), subjectOf(old->issuer.certificate));
  return {};
}

Result<void> CertificateAuthority::tick(Time now) {
  const std::lock_guard guard(mutex_);
  if (inputs_.pending && now >= dueOf(*inputs_.pending)) {
    if (auto activated = activate(now); !activated) return activated;
    if (auto renewed = renewServer(now); !renewed) return tl::unexpected(renewed.error());
  }
  const auto ended = [&](const RetainedCa& old) { return now >= old.until; };
  if (std::any_of(inputs_.retained.begin(), inputs_.retained.end(), ended)) {
    if (auto published = publish(inputs_, now); !published) return published;
    log().info("certificate authority: all that a former CA signed has expired: it is trusted no more");
  }
  return {};
}

Result<bool> CertificateAuthority::renewIfDue(Time now) {
  const std::lock_guard guard(mutex_);
  return renewServer(now);
}

Result<std::chrono::seconds> CertificateAuthority::ttlFor(std::chrono::seconds wish) const {
  if (wish < std::chrono::seconds::zero()) return failure("validity: expected 0 or more seconds");
  if (wish == std::chrono::seconds::zero()) return options_.defaultTtl;
  if (wish <= options_.maxTtl) return wish;
  return failure("validity: found " + std::to_string(wish.count()) + " s, expected at most " +
                 std::to_string(options_.maxTtl.count()) + " s (the control plane's --max-workload-cert-ttl)");
}

Result<IssuedCertificate> CertificateAuthority::sign(const PublicKey& key, const ServiceAccount& account,
                                                     std::chrono::seconds wish, Time now,
                                                     const std::string& description) const {
  const auto ttl = ttlFor(wish);
  if (!ttl) return tl::unexpected(ttl.error());
  const auto id = SpiffeId::make(options_.trustDomain, account);
  if (!id) return tl::unexpected(id.error());
  const auto active = [&] {
    const std::lock_guard guard(mutex_);
    return inputs_.active;
  }();
  const auto rest = std::chrono::floor<std::chrono::seconds>(active->notAfter() - now);
  const auto leaf = issueWorkload(active->issuer, key, *id, std::min(*ttl, rest), now, description);
  if (!leaf) return tl::unexpected(leaf.error());
  IssuedCertificate issued{{leaf->toPem()}, leaf->notAfter()};
  for (const auto& one : active->chain) issued.chain.push_back(one.toPem());
  return issued;
}

TrustPtr CertificateAuthority::trust() const {
  const std::lock_guard guard(mutex_);
  return trust_;
}

Time CertificateAuthority::expires() const {
  const std::lock_guard guard(mutex_);
  return inputs_.active->notAfter();
}

Time CertificateAuthority::rootExpires() const {
  const std::lock_guard guard(mutex_);
  auto first = Time::max();
  for (const auto& root : inputs_.active->roots) first = std::min(first, root.notAfter());
  return first;
}

Time CertificateAuthority::serverExpires() const {
  const std::lock_guard guard(mutex_);
  return serverExpires_;
}

CertificateAuthority::State CertificateAuthority::state() const {
  const std::lock_guard guard(mutex_);
  State state;
  state.issuer = subjectOf(inputs_.active->issuer.certificate);
  if (inputs_.pending) {
    state.pending = subjectOf(inputs_.pending->issuer.certificate);
    state.pendingDue = dueOf(*inputs_.pending);
  }
  state.retained = inputs_.retained.size();
  for (const auto& list : trust_->crl) {
    const auto end = list.nextUpdate();
    if (end != Time::max() && (!state.crlExpires || end < *state.crlExpires)) state.crlExpires = end;
  }
  return state;
}

// Requires mutex_. Anything wrong with the file, its mode among it, means that a new one is made.
bool CertificateAuthority::serverIsCurrent(Time now) {
  const auto pem = readPrivateFile(serverFile());
  if (!pem) return false;
  const auto key = PrivateKey::fromPem(*pem);
  const auto chain = Certificate::chainFromPem(*pem);
  if (!key || !chain || !chain->front().matches(*key)) return false;
  const auto& leaf = chain->front();
  if (!isSignedBy(leaf, inputs_.active->issuer.certificate)) return false;
  if (toPem({chain->begin() + 1, chain->end()}) != toPem(inputs_.active->chain)) return false;
  if (!verifyChain(leaf, inputs_.active->chain, inputs_.active->roots, Usage::server, now)) return false;
  if (sorted(leaf.dnsNames()) != sorted(options_.serverNames.dns)) return false;
  for (const auto& ip : options_.serverNames.ips) {
    if (!leaf.hasIp(ip)) return false;
  }
  serverExpires_ = leaf.notAfter();
  return now < leaf.notBefore() + (leaf.notAfter() - leaf.notBefore()) / 2;
}

Result<bool> CertificateAuthority::renewServer(Time now) {
  if (serverIsCurrent(now)) return false;
  const auto within = [](const Error& error) {
    return tl::unexpected(error.within("certificate of the control plane"));
  };
  const auto key = PrivateKey::generate();
  if (!key) return within(key.error());
  const auto publicKey = key->publicKey();
  if (!publicKey) return within(publicKey.error());
  const auto leaf = issueServer(inputs_.active->issuer, *publicKey, options_.serverNames, options_.serverTtl, now);
  if (!leaf) return within(leaf.error());
  const auto pem = key->toPem();
  if (!pem) return within(pem.error());
  const auto contents = *pem + leaf->toPem() + toPem(inputs_.active->chain);
  if (auto written = writeFileAtomically(serverFile(), contents, 0600); !written) return within(written.error());
  serverExpires_ = leaf->notAfter();
  log().info("made a new certificate for the control plane itself, valid for {} days: {}",
             daysUntil(leaf->notAfter(), now), serverFile());
  return true;
}

}  // namespace fairway::identity
