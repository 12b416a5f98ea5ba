#include "normalize/tls_material.h"

#include <memory>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/freed.h"

namespace fairway::normalize {

namespace {

using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

constexpr int kLeastRsaBits = 2048;  // Envoy refuses shorter keys

Bio bioOf(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// A key with a passphrase counts as unreadable, rather than as a question on the terminal.
int noPassphrase(char*, int, int, void*) { return -1; }

// The first certificate; `all` is set to whether what follows it can be read, too.
Certificate readChain(const std::string& text, bool& all) {
  all = false;
  const auto bio = bioOf(text);
  Certificate first(PEM_read_bio_X509(bio.get(), nullptr, noPassphrase, nullptr));
  while (first) {
    const Certificate next(PEM_read_bio_X509(bio.get(), nullptr, noPassphrase, nullptr));
    if (next) continue;
    all = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    break;
  }
  ERR_clear_error();
  return first;
}

std::optional<std::string> keyProblem(const EVP_PKEY& key) {
  switch (EVP_PKEY_get_base_id(&key)) {
    case EVP_PKEY_RSA:
      if (EVP_PKEY_get_bits(&key) >= kLeastRsaBits) return std::nullopt;
      return "the key is RSA with " + std::to_string(EVP_PKEY_get_bits(&key)) + " bits, expected at least 2048";
    case EVP_PKEY_EC: return std::nullopt;
    default: return "the key is neither RSA nor ECDSA, which is all that Envoy takes";
  }
}

}  // namespace

std::optional<std::string> keyPairProblem(const std::string& chain, const std::string& key) {
  bool all = false;
  const auto certificate = readChain(chain, all);
  if (!certificate) return "the certificate cannot be read, expected PEM (-----BEGIN CERTIFICATE-----)";
  if (!all) return "one of the certificates after the first cannot be read, expected PEM";
  const auto bio = bioOf(key);
  const Key privateKey(PEM_read_bio_PrivateKey(bio.get(), nullptr, noPassphrase, nullptr));
  ERR_clear_error();
  if (!privateKey) return "the private key cannot be read, expected PEM without a passphrase";
  if (auto problem = keyProblem(*privateKey)) return problem;
  const bool match = X509_check_private_key(certificate.get(), privateKey.get()) == 1;
  ERR_clear_error();
  if (!match) return "certificate and private key do not belong together";
  return std::nullopt;
}

std::optional<std::string> rootsProblem(const std::string& roots) {
  bool all = false;
  if (!readChain(roots, all)) return "the CA certificates cannot be read, expected PEM (-----BEGIN CERTIFICATE-----)";
  if (!all) return "one of the CA certificates cannot be read, expected PEM";
  return std::nullopt;
}

}  // namespace fairway::normalize
