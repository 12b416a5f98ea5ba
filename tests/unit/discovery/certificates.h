#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

// Certificates for the tests of discovery.
namespace fairway::discovery::test {

struct Certificate {
  std::string pem, keyPem;
  std::shared_ptr<X509> x509;
  std::shared_ptr<EVP_PKEY> key;
};

template <class Write>
std::string toPem(Write write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  write(bio.get());
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

// `issuer` null: self-signed CA. `names` as in openssl's configuration: {"URI:spiffe://...", "IP:127.0.0.1"}.
// Valid from `from` to `to` seconds from now.
inline Certificate certificate(const Certificate* issuer, const std::vector<std::string>& names, long from = -60,
                               long to = 3600) {
  static long serial = 0;
  Certificate made;
  made.key.reset(EVP_EC_gen("P-256"), EVP_PKEY_free);
  made.x509.reset(X509_new(), X509_free);
  auto* x509 = made.x509.get();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(x509), from);
  X509_gmtime_adj(X509_getm_notAfter(x509), to);
  X509_set_pubkey(x509, made.key.get());
  const auto subject = issuer ? "leaf " + std::to_string(serial) : "ca " + std::to_string(serial);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0);
  const auto& signer = issuer ? *issuer : made;
  X509_set_issuer_name(x509, X509_get_subject_name(signer.x509.get()));
  X509V3_CTX context;
  X509V3_set_ctx(&context, signer.x509.get(), x509, nullptr, nullptr, 0);
  const auto extend = [&](int nid, const std::string& value) {
    auto* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
  };
  extend(NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ",") + name;
  if (!list.empty()) extend(NID_subject_alt_name, list);
  X509_sign(x509, signer.key.get(), EVP_sha256());
  made.pem = toPem([&](BIO* bio) { PEM_write_bio_X509(bio, x509); });
  made.keyPem =
      toPem([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, made.key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  return made;
}

}  // namespace fairway::discovery::test
