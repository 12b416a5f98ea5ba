#include "identity/issue.h"

#include <algorithm>

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace fairway::identity {
namespace {

constexpr int kSerialBytes = 16;
constexpr std::size_t kMaxDescription = 2000;

struct FreeNames {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};
using NamesPtr = std::unique_ptr<GENERAL_NAMES, FreeNames>;
struct FreeName {
  void operator()(X509_NAME* name) const { X509_NAME_free(name); }
};
using NamePtr = std::unique_ptr<X509_NAME, FreeName>;

Error opensslError(const std::string& what) {
  return Error{"cannot issue a certificate: " + what + ": " + opensslReason()};
}

bool addName(GENERAL_NAMES* names, int type, ASN1_STRING* value) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  if (name == nullptr || value == nullptr) return false;
  GENERAL_NAME_set0_value(name, type, value);
  return sk_GENERAL_NAME_push(names, name) > 0;
}

bool addText(GENERAL_NAMES* names, int type, const std::string& text) {
  ASN1_IA5STRING* value = ASN1_IA5STRING_new();
  return value != nullptr && ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) == 1 &&
         addName(names, type, value);
}

bool addAttribute(X509_NAME* name, const char* attribute, const std::string& value) {
  return X509_NAME_add_entry_by_txt(name, attribute, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1;
}

bool setSerial(X509* certificate) {
  unsigned char bytes[kSerialBytes];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);  // positive and always 16 bytes (RFC 5280, 4.1.2.2)
  BIGNUM* number = BN_bin2bn(bytes, sizeof bytes, nullptr);
  const bool set = number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return set;
}

bool setTime(ASN1_TIME* field, Time time) {
  return ASN1_TIME_adj(field, std::chrono::system_clock::to_time_t(time), 0, 0) != nullptr;
}

bool addExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

// What root and leaves share: version, serial, times, key, names, key identifiers and signature.
struct Draft {
  X509_NAME* subject = nullptr;  // null: empty
  GENERAL_NAMES* names = nullptr;
  bool namesCritical = false;  // RFC 5280, 4.2.1.6: when the subject is empty
  const char* constraints = nullptr;
  const char* keyUsage = nullptr;
  const char* extendedKeyUsage = nullptr;
  Time notBefore, notAfter;
};

Result<Certificate> sign(const Draft& draft, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuerKey) {
  X509* raw = X509_new();
  if (raw == nullptr) return tl::unexpected(opensslError("allocation"));
  const Certificate certificate = Certificate::adopt(raw);
  if (X509_set_version(raw, X509_VERSION_3) != 1 || !setSerial(raw))
    return tl::unexpected(opensslError("serial number"));
  if (!setTime(X509_getm_notBefore(raw), draft.notBefore) || !setTime(X509_getm_notAfter(raw), draft.notAfter)) {
    return tl::unexpected(opensslError("validity"));
  }
  if (draft.subject != nullptr && X509_set_subject_name(raw, draft.subject) != 1)
    return tl::unexpected(opensslError("subject"));
  X509* signer = issuer != nullptr ? issuer : raw;
  if (X509_set_issuer_name(raw, X509_get_subject_name(signer)) != 1) return tl::unexpected(opensslError("issuer"));
  if (X509_set_pubkey(raw, key) != 1) return tl::unexpected(opensslError("public key"));
  if (!addExtension(raw, signer, NID_basic_constraints, draft.constraints) ||
      !addExtension(raw, signer, NID_key_usage, draft.keyUsage) ||
      (draft.extendedKeyUsage != nullptr && !addExtension(raw, signer, NID_ext_key_usage, draft.extendedKeyUsage)) ||
      !addExtension(raw, signer, NID_subject_key_identifier, "hash") ||
      !addExtension(raw, signer, NID_authority_key_identifier, "keyid:always") ||
      X509_add1_ext_i2d(raw, NID_subject_alt_name, draft.names, draft.namesCritical ? 1 : 0, 0) != 1) {
    return tl::unexpected(opensslError("extensions"));
  }
  if (X509_sign(raw, issuerKey, EVP_sha256()) <= 0) return tl::unexpected(opensslError("signature"));
  return certificate;
}

// Fills in the times of a leaf.
Result<void> setValidity(Draft& draft, const Issuer& issuer, std::chrono::seconds validity, Time now) {
  if (validity <= std::chrono::seconds::zero())
    return failure("validity of a certificate: expected more than 0 seconds");
  if (now >= issuer.certificate.notAfter())
    return failure("the CA certificate has expired: nothing can be signed with it");
  if (now < issuer.certificate.notBefore()) return failure("the CA certificate is not valid yet: check the clock");
  draft.notBefore = std::max<Time>(now - kBackdate, issuer.certificate.notBefore());
  draft.notAfter = std::min<Time>(now + validity, issuer.certificate.notAfter());
  return {};
}

}  // namespace

Result<Certificate> issueRoot(const PrivateKey& key, const std::string& trustDomain, std::chrono::seconds validity,
                              Time now) {
  if (auto checked = checkTrustDomain(trustDomain); !checked) return tl::unexpected(checked.error());
  const NamesPtr names(GENERAL_NAMES_new());
  const NamePtr subject(X509_NAME_new());
  // Organisation and common name hold 64 characters at most (RFC 5280, appendix A.1); the URI name holds all of it.
  const std::string organisation = trustDomain.substr(0, 64), common = "Fairway root CA";
  if (!names || !subject || !addText(names.get(), GEN_URI, "spiffe://" + trustDomain) ||
      !addAttribute(subject.get(), "O", organisation) || !addAttribute(subject.get(), "CN", common)) {
    return tl::unexpected(opensslError("subject"));
  }
  Draft draft;
  draft.subject = subject.get();
  draft.names = names.get();
  draft.constraints = "critical,CA:TRUE,pathlen:0";
  draft.keyUsage = "critical,keyCertSign,cRLSign";
  draft.notBefore = now - kBackdate;
  draft.notAfter = now + validity;
  return sign(draft, key.raw(), nullptr, key.raw());
}

Result<Certificate> issueWorkload(const Issuer& issuer, const PublicKey& key, const SpiffeId& id,
                                  std::chrono::seconds validity, Time now, const std::string& description) {
  if (auto checked = SpiffeId::make(id.trustDomain, id.account); !checked) return tl::unexpected(checked.error());
  const NamesPtr names(GENERAL_NAMES_new());
  if (!names || !addText(names.get(), GEN_URI, id.toString())) return tl::unexpected(opensslError("names"));
  Draft draft;
  if (auto set = setValidity(draft, issuer, validity, now); !set) return tl::unexpected(set.error());
  draft.names = names.get();
  draft.namesCritical = description.empty();
  const NamePtr subject(X509_NAME_new());
  if (!description.empty()) {
    if (description.size() > kMaxDescription) {
      return failure("description of a workload: " + std::to_string(description.size()) + " characters");
    }
    if (!subject || !addAttribute(subject.get(), "description", description)) {
      return tl::unexpected(opensslError("subject"));
    }
    draft.subject = subject.get();
  }
  draft.constraints = "critical,CA:FALSE";
  draft.keyUsage = EVP_PKEY_get_base_id(key.raw()) == EVP_PKEY_RSA ? "critical,digitalSignature,keyEncipherment"
                                                                   : "critical,digitalSignature";
  draft.extendedKeyUsage = "serverAuth,clientAuth";
  return sign(draft, key.raw(), issuer.certificate.raw(), issuer.key.raw());
}

Result<Certificate> issueServer(const Issuer& issuer, const PublicKey& key, const ServerNames& serverNames,
                                std::chrono::seconds validity, Time now) {
  if (serverNames.dns.empty() && serverNames.ips.empty())
    return failure("server certificate: expected at least one name");
  const NamesPtr names(GENERAL_NAMES_new());
  if (!names) return tl::unexpected(opensslError("names"));
  for (const auto& dns : serverNames.dns) {
    if (dns.empty() || dns.size() > 253 || dns.find('\0') != std::string::npos) {
      return failure("server certificate: DNS name \"" + dns + "\": expected 1 to 253 characters");
    }
    if (!addText(names.get(), GEN_DNS, dns)) return tl::unexpected(opensslError("names"));
  }
  for (const auto& ip : serverNames.ips) {
    ASN1_OCTET_STRING* address = a2i_IPADDRESS(ip.c_str());
    if (address == nullptr) return failure("server certificate: \"" + ip + "\": expected an IP address");
    if (!addName(names.get(), GEN_IPADD, address)) return tl::unexpected(opensslError("names"));
  }
  Draft draft;
  if (auto set = setValidity(draft, issuer, validity, now); !set) return tl::unexpected(set.error());
  draft.names = names.get();
  draft.namesCritical = true;
  draft.constraints = "critical,CA:FALSE";
  draft.keyUsage = "critical,digitalSignature";
  draft.extendedKeyUsage = "serverAuth";
  return sign(draft, key.raw(), issuer.certificate.raw(), issuer.key.raw());
}

}  // namespace fairway::identity
