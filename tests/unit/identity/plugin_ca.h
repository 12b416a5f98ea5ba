#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "identity/ca_material.h"
#include "support.h"

namespace fairway::identity::test {

// A CA made elsewhere, by the openssl program's library: a root, and an intermediate that signs.
struct PluginCa {
  Certificate root, intermediate;
  PrivateKey rootKey, key;

  [[nodiscard]] CaFiles files() const {
    return {{"ca-cert.pem", intermediate.toPem()},
            {"ca-key.pem", key.toPem().value()},
            {"cert-chain.pem", intermediate.toPem() + root.toPem()},
            {"root-cert.pem", root.toPem()}};
  }
  [[nodiscard]] Issuer issuer() const { return {intermediate, key}; }
};

struct AuthorityShape {
  std::string name;
  const Issuer* issuer = nullptr;  // null: self-signed
  std::string constraints = "critical,CA:TRUE";
  std::string usage = "critical,keyCertSign,cRLSign";
};

inline Certificate makeAuthority(const PrivateKey& key, const AuthorityShape& shape, Time at,
                                 std::chrono::seconds validity = 24h * 365) {
  static long serial = 1000;
  X509* raw = X509_new();
  const auto certificate = Certificate::adopt(raw);
  X509_set_version(raw, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(raw), ++serial);
  const auto seconds = std::chrono::system_clock::to_time_t(at - 5min);
  ASN1_TIME_set(X509_getm_notBefore(raw), seconds);
  ASN1_TIME_set(X509_getm_notAfter(raw), std::chrono::system_clock::to_time_t(at + validity));
  X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(shape.name.c_str()), -1, -1, 0);
  X509* signer = shape.issuer != nullptr ? shape.issuer->certificate.raw() : raw;
  X509_set_issuer_name(raw, X509_get_subject_name(signer));
  X509_set_pubkey(raw, key.raw());
  X509V3_CTX context;
  X509V3_set_ctx(&context, signer, raw, nullptr, nullptr, 0);
  const auto add = [&](int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    X509_add_ext(raw, extension, -1);
    X509_EXTENSION_free(extension);
  };
  add(NID_basic_constraints, shape.constraints);
  add(NID_key_usage, shape.usage);
  add(NID_subject_key_identifier, "hash");
  X509_sign(raw, shape.issuer != nullptr ? shape.issuer->key.raw() : key.raw(), EVP_sha256());
  return certificate;
}

inline PluginCa makePluginCa(Time at, const std::string& name = "a", std::chrono::seconds validity = 24h * 365) {
  auto rootKey = PrivateKey::generate().value(), key = PrivateKey::generate().value();
  auto root = makeAuthority(rootKey, {"root " + name}, at, 24h * 3650);
  const Issuer rootIssuer{root, rootKey};
  auto intermediate = makeAuthority(key, {"intermediate " + name, &rootIssuer}, at, validity);
  return {std::move(root), std::move(intermediate), std::move(rootKey), std::move(key)};
}

// The issuer's list with these certificates on it.
inline std::string makeCrl(const Issuer& issuer, const std::vector<Certificate>& revoked, Time at,
                           std::chrono::seconds validity = 24h * 30) {
  X509_CRL* list = X509_CRL_new();
  X509_CRL_set_version(list, X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer.certificate.raw()));
  ASN1_TIME* time = ASN1_TIME_set(nullptr, std::chrono::system_clock::to_time_t(at - 1min));
  X509_CRL_set1_lastUpdate(list, time);
  for (const auto& certificate : revoked) {
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate.raw()));
    X509_REVOKED_set_revocationDate(entry, time);
    X509_CRL_add0_revoked(list, entry);
  }
  ASN1_TIME_set(time, std::chrono::system_clock::to_time_t(at + validity));
  X509_CRL_set1_nextUpdate(list, time);
  ASN1_TIME_free(time);
  X509_CRL_sort(list);
  X509_CRL_sign(list, issuer.key.raw(), EVP_sha256());
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509_CRL(bio, list);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  X509_CRL_free(list);
  return pem;
}

}  // namespace fairway::identity::test
