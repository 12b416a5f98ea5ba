#include "identity/ca_material.h"

#include <algorithm>

#include <openssl/x509v3.h>

#include "base/strings.h"
#include "identity/files.h"

namespace fairway::identity {
namespace {

// The names of the parts in one of the two forms.
struct Form {
  const char *certificate, *key, *chain, *roots;
};
constexpr Form kIstio{"ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem"};
constexpr Form kTls{"tls.crt", "tls.key", "tls.crt", "ca.crt"};
constexpr const char* kCrl = "ca-crl.pem";

const std::string& textOf(const CaFiles& files, const char* name) {
  static const std::string kNone;
  const auto found = files.find(name);
  return found == files.end() ? kNone : found->second;
}

bool has(const CaFiles& files, const char* name) { return !trim(textOf(files, name)).empty(); }

Result<Form> formOf(const CaFiles& files) {
  if (has(files, kIstio.certificate) || has(files, kIstio.key)) return kIstio;
  if (has(files, kTls.certificate) || has(files, kTls.key)) return kTls;
  return failure(
      "expected PEM texts in the keys ca-cert.pem and ca-key.pem (and cert-chain.pem, root-cert.pem), or in tls.crt "
      "and "
      "tls.key (and ca.crt)");
}

Result<std::vector<Certificate>> certificates(const CaFiles& files, const char* name) {
  if (!has(files, name)) return std::vector<Certificate>{};
  auto chain = Certificate::chainFromPem(textOf(files, name));
  if (!chain) return tl::unexpected(chain.error().within(name));
  return chain;
}

Result<void> checkIssuer(const Issuer& issuer, const Form& form, const std::string& trustDomain, Time now) {
  const std::string name = form.certificate;
  const auto& certificate = issuer.certificate;
  if (!certificate.matches(issuer.key)) return failure(std::string(form.key) + " is not the key of " + name);
  if (!certificate.isAuthority() || (X509_get_key_usage(certificate.raw()) & KU_KEY_CERT_SIGN) == 0) {
    return failure(name + ": expected a CA certificate: basic constraints CA:TRUE, key usage keyCertSign");
  }
  if (now >= certificate.notAfter()) return failure(name + " has expired: put a new one, with its key, in its place");
  if (now < certificate.notBefore()) return failure(name + " is not valid yet: check the clock, or wait");
  constexpr std::string_view kScheme = "spiffe://";
  for (const auto& uri : certificate.uriNames()) {
    if (!uri.starts_with(kScheme)) continue;
    const auto domain = uri.substr(kScheme.size(), uri.find('/', kScheme.size()) - kScheme.size());
    if (domain == trustDomain) continue;
    return failure(name + ": it is a CA of " + uri + ", but the trust domain is spiffe://" + trustDomain +
                   ": use its trust domain, or another CA");
  }
  return {};
}

// Signs a certificate for nobody, which shows what all checks of the parts would miss: path lengths, extended key usages
// and name constraints on the way.
Result<void> checkSigns(const CaMaterial& material, const Form& form, const std::string& trustDomain, Time now) {
  const auto key = PrivateKey::generate();
  if (!key) return tl::unexpected(key.error());
  const auto publicKey = key->publicKey();
  if (!publicKey) return tl::unexpected(publicKey.error());
  const SpiffeId id{trustDomain, {"default", "probe"}};
  const auto leaf = issueWorkload(material.issuer, *publicKey, id, std::chrono::minutes(5), now);
  if (!leaf) return tl::unexpected(leaf.error().within(form.certificate));
  for (const auto usage : {Usage::client, Usage::server}) {
    const auto verified = verifyChain(*leaf, material.chain, material.roots, usage, now);
    if (verified) continue;
    return failure("a certificate signed by " + std::string(form.certificate) + " (" +
                   subjectOf(material.issuer.certificate) + ") does not lead to a root of " + form.roots + ": " +
                   verified.error().message + ": " + form.chain +
                   " must hold all intermediate certificates up to it, " + form.roots + " the root");
  }
  return {};
}

Result<std::vector<RevocationList>> checkedCrl(const CaFiles& files, const CaMaterial& material) {
  if (!has(files, kCrl)) return std::vector<RevocationList>{};
  auto lists = RevocationList::listsFromPem(textOf(files, kCrl));
  if (!lists) return tl::unexpected(lists.error().within(kCrl));
  auto known = material.roots;
  addDistinct(known, material.chain);
  for (const auto& list : *lists) {
    const auto isOf = [&](const Certificate& authority) { return list.isOf(authority); };
    if (std::none_of(known.begin(), known.end(), isOf)) continue;  // of another CA: peers may be its
    const auto signedBy = [&](const Certificate& authority) { return list.isSignedBy(authority); };
    if (std::any_of(known.begin(), known.end(), signedBy)) continue;
    return tl::unexpected(
        Error{"the list of " + list.issuer() + " is not signed by its CA: make it again with that CA's key"}.within(
            kCrl));
  }
  return lists;
}

}  // namespace

const std::vector<std::string>& caFileNames() {
  static const std::vector<std::string> names = {kIstio.certificate, kIstio.key, kIstio.chain, kIstio.roots, kCrl,
                                                 kTls.certificate,   kTls.key,   kTls.roots};
  return names;
}

void addDistinct(std::vector<Certificate>& to, const std::vector<Certificate>& from) {
  for (const auto& certificate : from) {
    if (std::find(to.begin(), to.end(), certificate) == to.end()) to.push_back(certificate);
  }
}

std::string toPem(const std::vector<Certificate>& certificates) {
  std::vector<Certificate> distinct;
  addDistinct(distinct, certificates);
  std::string pem;
  for (const auto& certificate : distinct) pem += certificate.toPem();
  return pem;
}

Result<CaMaterial> parseCaFiles(const CaFiles& files, const std::string& trustDomain, Time now) {
  const auto form = formOf(files);
  if (!form) return tl::unexpected(form.error());
  for (const auto* name : {form->certificate, form->key}) {
    if (!has(files, name)) {
      return failure("expected PEM texts in the keys " + std::string(form->certificate) + " and " + form->key + ": " +
                     name + " is missing");
    }
  }
  auto own = certificates(files, form->certificate);
  if (!own) return tl::unexpected(own.error());
  auto key = PrivateKey::fromPem(textOf(files, form->key));
  if (!key) return tl::unexpected(key.error().within(form->key));
  auto chain = certificates(files, form->chain);
  if (!chain) return tl::unexpected(chain.error());
  auto roots = certificates(files, form->roots);
  if (!roots) return tl::unexpected(roots.error());

  CaMaterial material{Issuer{own->front(), std::move(*key)}, {}, {}, {}};
  const auto& issuer = material.issuer.certificate;
  if (auto checked = checkIssuer(material.issuer, *form, trustDomain, now); !checked) {
    return tl::unexpected(checked.error());
  }
  // All there is between a leaf and the root: files repeat certificates, and some hold the root as well.
  std::vector<Certificate> all{issuer};
  addDistinct(all, *own);
  addDistinct(all, *chain);
  if (roots->empty()) {
    const auto root = std::find_if(all.begin(), all.end(), [](const Certificate& one) { return one.isSelfSigned(); });
    if (root == all.end()) {
      return failure(std::string(form->roots) + " is missing, and there is no root in " + form->chain +
                     ": put the root's certificate there");
    }
    roots->push_back(*root);
  }
  for (const auto& root : *roots) {
    if (!root.isAuthority()) {
      return failure(std::string(form->roots) + ": " + subjectOf(root) + " is no CA certificate: expected roots only");
    }
    if (now < root.notAfter()) addDistinct(material.roots, {root});  // one that has expired proves nothing
  }
  if (material.roots.empty()) return failure(std::string(form->roots) + ": all its certificates have expired");
  for (const auto& one : all) {
    const bool isRoot = one.isSelfSigned() || std::find(roots->begin(), roots->end(), one) != roots->end();
    if (!isRoot) material.chain.push_back(one);
  }
  if (auto checked = checkSigns(material, *form, trustDomain, now); !checked) return tl::unexpected(checked.error());
  auto crl = checkedCrl(files, material);
  if (!crl) return tl::unexpected(crl.error());
  material.crl = std::move(*crl);
  return material;
}

Time CaMaterial::notAfter() const {
  Time end = issuer.certificate.notAfter();
  const Certificate* top = &issuer.certificate;
  for (const auto& one : chain) {
    end = std::min(end, one.notAfter());
    top = &one;
  }
  // Of several roots with the name that the chain ends at, one may have been issued again for longer.
  Time root = Time::min();
  for (const auto& one : roots) {
    if (X509_check_issued(one.raw(), top->raw()) == X509_V_OK) root = std::max(root, one.notAfter());
  }
  return root == Time::min() ? end : std::min(end, root);
}

Result<CaFiles> CaMaterial::toFiles() const {
  auto key = issuer.key.toPem();
  if (!key) return tl::unexpected(key.error());
  CaFiles files;
  files[kIstio.certificate] = issuer.certificate.toPem();
  files[kIstio.key] = std::move(*key);
  files[kIstio.chain] = identity::toPem(chain);
  files[kIstio.roots] = identity::toPem(roots);
  for (const auto& list : crl) files[kCrl] += list.toPem();
  return files;
}

Result<CaFiles> readCaFolder(const std::string& path, bool ownKey) {
  CaFiles files;
  for (const auto& name : caFileNames()) {
    const auto file = path + "/" + name;
    if (!fileExists(file)) continue;
    const bool isKey = name == kIstio.key || name == kTls.key;
    auto text = isKey && ownKey ? readPrivateFile(file) : readFile(file, 4U << 20U);
    if (!text) return tl::unexpected(text.error());
    files[name] = std::move(*text);
  }
  if (files.empty()) {
    return failure(path + ": found none of " + join(caFileNames(), ", ") + ": put the CA's files there");
  }
  return files;
}

}  // namespace fairway::identity
