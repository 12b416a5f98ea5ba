#include "identity/pki.h"

#include <ctime>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/freed.h"
#include "base/time.h"

namespace fairway::identity {
namespace {

constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;  // verifying larger ones costs an attacker less than us
constexpr std::size_t kMaxChainLength = 64;

using BioPtr = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using RequestPtr = std::unique_ptr<X509_REQ, Freed<X509_REQ_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>>;
using KeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;

struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};

BioPtr reader(std::string_view text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

std::string contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

// Without it OpenSSL asks for the pass phrase of an encrypted PEM on the terminal.
int noPassphrase(char*, int, int, void*) { return -1; }

Time fromAsn1(const ASN1_TIME* time) {
  std::tm fields{};
  if (ASN1_TIME_to_tm(time, &fields) != 1) return Time{};
  return timeOfSeconds(timegm(&fields));
}

Result<void> checkStrength(EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: {
      const int bits = EVP_PKEY_get_bits(key);
      if (bits >= kMinRsaBits && bits <= kMaxRsaBits) return {};
      return failure("RSA key of " + std::to_string(bits) + " bits: expected 2048 to 8192");
    }
    case EVP_PKEY_EC: {
      int isExplicit = 0;
      EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &isExplicit);
      char group[64] = {};
      std::size_t length = 0;
      if (isExplicit != 0 || EVP_PKEY_get_group_name(key, group, sizeof group, &length) != 1) {
        return failure("elliptic-curve key with explicit parameters: expected the named curve P-256 or P-384");
      }
      const std::string_view name(group, length);
      if (name != SN_X9_62_prime256v1 && name != SN_secp384r1) {
        return failure("elliptic-curve key on " + std::string(name) + ": expected P-256 or P-384");
      }
      const KeyContextPtr context(EVP_PKEY_CTX_new(key, nullptr));
      if (!context || EVP_PKEY_public_check(context.get()) != 1) {
        ERR_clear_error();
        return failure("elliptic-curve key: the point is not on the curve");
      }
      return {};
    }
    default: return failure("key of an unsupported type: expected ECDSA P-256 or P-384, or RSA with 2048 to 8192 bits");
  }
}

// Takes `general` over.
std::vector<std::string> names(GENERAL_NAMES* general, int type) {
  std::vector<std::string> result;
  for (int i = 0; i < sk_GENERAL_NAME_num(general); ++i) {
    int found = 0;
    const auto* value =
        static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(general, i), &found));
    if (found != type) continue;
    result.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                        static_cast<std::size_t>(ASN1_STRING_length(value)));
  }
  GENERAL_NAMES_free(general);
  return result;
}

std::vector<std::string> names(X509* certificate, int type) {
  return names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
               type);
}

}  // namespace

std::string opensslReason() {
  std::string result;
  for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    if (reason == nullptr) continue;
    if (!result.empty()) result += ", ";
    result += reason;
  }
  return result.empty() ? "unknown reason" : result;
}

Result<PublicKey> PublicKey::adopt(EVP_PKEY* key) {
  std::shared_ptr<EVP_PKEY> owned(key, EVP_PKEY_free);
  if (!owned) return failure("public key: " + opensslReason());
  if (auto checked = checkStrength(key); !checked) return tl::unexpected(checked.error());
  return PublicKey(std::move(owned));
}

Result<PrivateKey> PrivateKey::generate() {
  std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  if (!key) return failure("cannot make an ECDSA key: " + opensslReason());
  return PrivateKey(std::move(key));
}

Result<PrivateKey> PrivateKey::fromPem(std::string_view pem) {
  const auto bio = reader(pem);
  std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, noPassphrase, nullptr), EVP_PKEY_free);
  if (!key) return failure("private key: expected an unencrypted PEM private key (" + opensslReason() + ")");
  if (auto checked = checkStrength(key.get()); !checked) return tl::unexpected(checked.error().within("private key"));
  return PrivateKey(std::move(key));
}

Result<std::string> PrivateKey::toPem() const {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return failure("cannot encode the private key: " + opensslReason());
  }
  return contents(bio.get());
}

Result<PublicKey> PrivateKey::publicKey() const {
  EVP_PKEY_up_ref(key_.get());
  return PublicKey::adopt(key_.get());
}

Certificate Certificate::adopt(X509* certificate) { return Certificate(std::shared_ptr<X509>(certificate, X509_free)); }

Result<Certificate> Certificate::fromPem(std::string_view pem) {
  auto chain = chainFromPem(pem);
  if (!chain) return tl::unexpected(chain.error());
  return chain->front();
}

Result<std::vector<Certificate>> Certificate::chainFromPem(std::string_view pem) {
  std::vector<Certificate> chain;
  const auto bio = reader(pem);
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, noPassphrase, nullptr)) {
    chain.push_back(adopt(certificate));
    if (chain.size() > kMaxChainLength) return failure("certificates: more than 64 in one text");
  }
  const auto last = ERR_peek_last_error();
  const bool atEnd = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  const auto reason = opensslReason();
  if (!atEnd) return failure("certificate " + std::to_string(chain.size() + 1) + " of the text: " + reason);
  if (chain.empty()) return failure("no PEM certificate in the text");
  return chain;
}

std::string Certificate::toPem() const {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  return bio && PEM_write_bio_X509(bio.get(), certificate_.get()) == 1 ? contents(bio.get()) : std::string();
}

Time Certificate::notBefore() const { return fromAsn1(X509_get0_notBefore(certificate_.get())); }
Time Certificate::notAfter() const { return fromAsn1(X509_get0_notAfter(certificate_.get())); }
std::vector<std::string> Certificate::uriNames() const { return names(certificate_.get(), GEN_URI); }
std::vector<std::string> Certificate::dnsNames() const { return names(certificate_.get(), GEN_DNS); }

bool Certificate::hasIp(const std::string& ip) const {
  return X509_check_ip_asc(certificate_.get(), ip.c_str(), 0) == 1;
}

bool Certificate::isAuthority() const { return X509_check_ca(certificate_.get()) == 1; }

bool Certificate::isSelfSigned() const {
  const bool result = X509_self_signed(certificate_.get(), 1) == 1;
  ERR_clear_error();
  return result;
}

bool Certificate::operator==(const Certificate& other) const { return X509_cmp(raw(), other.raw()) == 0; }

bool Certificate::matches(const PrivateKey& key) const {
  const bool result = X509_check_private_key(certificate_.get(), key.raw()) == 1;
  ERR_clear_error();
  return result;
}

std::string Certificate::serialHex() const {
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate_.get()), nullptr);
  char* text = BN_bn2hex(number);
  std::string result = text != nullptr ? text : "";
  OPENSSL_free(text);
  BN_free(number);
  return result;
}

Result<std::string> makeCsr(const PrivateKey& key) {
  const RequestPtr request(X509_REQ_new());
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!request || !bio || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.raw()) != 1 ||
      X509_REQ_sign(request.get(), key.raw(), EVP_sha256()) <= 0 ||
      PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1) {
    return failure("cannot make a certificate request: " + opensslReason());
  }
  return contents(bio.get());
}

Result<PublicKey> parseCsr(std::string_view pem) {
  if (pem.size() > kMaxCsrBytes) {
    return failure("certificate request of " + std::to_string(pem.size()) + " bytes: expected at most 65536");
  }
  const auto bio = reader(pem);
  const RequestPtr request(PEM_read_bio_X509_REQ(bio.get(), nullptr, noPassphrase, nullptr));
  if (!request) {
    ERR_clear_error();
    return failure("certificate request: expected a PEM block CERTIFICATE REQUEST (PKCS#10)");
  }
  EVP_PKEY* key = X509_REQ_get_pubkey(request.get());
  if (key == nullptr) {
    ERR_clear_error();
    return failure("certificate request: its public key cannot be read");
  }
  auto publicKey = PublicKey::adopt(key);  // before the signature: checking that of a huge key is expensive
  if (!publicKey) return tl::unexpected(publicKey.error().within("certificate request"));
  if (X509_REQ_verify(request.get(), publicKey->raw()) != 1) {
    ERR_clear_error();
    return failure("certificate request: it is not signed by the key it asks a certificate for");
  }
  return publicKey;
}

std::vector<std::string> uriNamesOfCsr(std::string_view pem) {
  if (pem.size() > kMaxCsrBytes) return {};
  const auto bio = reader(pem);
  const RequestPtr request(PEM_read_bio_X509_REQ(bio.get(), nullptr, noPassphrase, nullptr));
  std::vector<std::string> found;
  if (request) {
    auto* extensions = X509_REQ_get_extensions(request.get());
    found =
        names(static_cast<GENERAL_NAMES*>(X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr)), GEN_URI);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  }
  ERR_clear_error();
  return found;
}

Result<void> verifyChain(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                         const std::vector<Certificate>& roots, Usage usage, Time now) {
  const StorePtr store(X509_STORE_new());
  const StoreContextPtr context(X509_STORE_CTX_new());
  const std::unique_ptr<STACK_OF(X509), FreeStack> untrusted(sk_X509_new_null());
  if (!store || !context || !untrusted) return failure("out of memory while checking a certificate");
  for (const auto& root : roots) X509_STORE_add_cert(store.get(), root.raw());
  for (const auto& certificate : intermediates) sk_X509_push(untrusted.get(), certificate.raw());
  if (X509_STORE_CTX_init(context.get(), store.get(), leaf.raw(), untrusted.get()) != 1) {
    return failure("cannot check a certificate: " + opensslReason());
  }
  auto* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, std::chrono::system_clock::to_time_t(now));
  X509_VERIFY_PARAM_set_depth(parameters, 8);
  X509_STORE_CTX_set_purpose(context.get(), usage == Usage::client ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER);
  const bool verified = X509_verify_cert(context.get()) == 1;
  const int error = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  if (verified) return {};
  return failure(std::string("certificate is not trusted: ") + X509_verify_cert_error_string(error));
}

}  // namespace fairway::identity
