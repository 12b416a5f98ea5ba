#include "identity/crl.h"

#include <ctime>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace fairway::identity {
namespace {

constexpr std::size_t kMaxLists = 64;

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using BioPtr = std::unique_ptr<BIO, FreeBio>;

struct FreeTime {
  void operator()(ASN1_TIME* time) const { ASN1_TIME_free(time); }
};

std::string nameText(const X509_NAME* name) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

// A list of version 2 has a number (RFC 5280, 5.2.3).
bool addNumber(X509_CRL* list, long number) {
  ASN1_INTEGER* value = ASN1_INTEGER_new();
  const bool added = value != nullptr && ASN1_INTEGER_set(value, number) == 1 &&
                     X509_CRL_add1_ext_i2d(list, NID_crl_number, value, 0, 0) == 1;
  ASN1_INTEGER_free(value);
  return added;
}

}  // namespace

std::string subjectOf(const Certificate& certificate) { return nameText(X509_get_subject_name(certificate.raw())); }

Result<std::vector<RevocationList>> RevocationList::listsFromPem(std::string_view pem) {
  std::vector<RevocationList> lists;
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  while (X509_CRL* list = PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr)) {
    lists.push_back(RevocationList(std::shared_ptr<X509_CRL>(list, X509_CRL_free)));
    if (lists.size() > kMaxLists) return failure("revocation lists: more than 64 in one text");
  }
  const auto last = ERR_peek_last_error();
  const bool atEnd = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  const auto reason = opensslReason();
  if (!atEnd) return failure("revocation list " + std::to_string(lists.size() + 1) + " of the text: " + reason);
  if (lists.empty()) return failure("no PEM block X509 CRL in the text");
  return lists;
}

Result<RevocationList> RevocationList::empty(const Issuer& issuer, Time now) {
  if ((X509_get_key_usage(issuer.certificate.raw()) & KU_CRL_SIGN) == 0) {
    return failure("the key usage of " + subjectOf(issuer.certificate) + " lacks cRLSign");
  }
  const std::shared_ptr<X509_CRL> list(X509_CRL_new(), X509_CRL_free);
  const auto seconds = [](Time time) { return std::chrono::system_clock::to_time_t(time); };
  const std::unique_ptr<ASN1_TIME, FreeTime> last(ASN1_TIME_adj(nullptr, seconds(now - kBackdate), 0, 0));
  const std::unique_ptr<ASN1_TIME, FreeTime> next(ASN1_TIME_adj(nullptr, seconds(issuer.certificate.notAfter()), 0, 0));
  X509* signer = issuer.certificate.raw();
  if (!list || !last || !next || X509_CRL_set_version(list.get(), X509_CRL_VERSION_2) != 1 ||
      X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(signer)) != 1 ||
      X509_CRL_set1_lastUpdate(list.get(), last.get()) != 1 || X509_CRL_set1_nextUpdate(list.get(), next.get()) != 1 ||
      !addNumber(list.get(), 1) || X509_CRL_sign(list.get(), issuer.key.raw(), EVP_sha256()) <= 0) {
    return failure("cannot make a revocation list: " + opensslReason());
  }
  return RevocationList(list);
}

std::string RevocationList::toPem() const {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509_CRL(bio.get(), list_.get()) != 1) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string RevocationList::issuer() const { return nameText(X509_CRL_get_issuer(list_.get())); }

bool RevocationList::isOf(const Certificate& authority) const {
  return X509_NAME_cmp(X509_CRL_get_issuer(list_.get()), X509_get_subject_name(authority.raw())) == 0;
}

bool RevocationList::isSignedBy(const Certificate& authority) const {
  EVP_PKEY* key = X509_get0_pubkey(authority.raw());
  const bool result = isOf(authority) && key != nullptr && X509_CRL_verify(list_.get(), key) == 1;
  ERR_clear_error();
  return result;
}

bool RevocationList::revokes(const Certificate& certificate) const {
  if (X509_NAME_cmp(X509_CRL_get_issuer(list_.get()), X509_get_issuer_name(certificate.raw())) != 0) return false;
  X509_REVOKED* entry = nullptr;
  // 2: removed from the list again (RFC 5280, 5.3.1, removeFromCRL).
  const int found = X509_CRL_get0_by_cert(list_.get(), &entry, certificate.raw());
  ERR_clear_error();
  return found == 1;
}

Time RevocationList::nextUpdate() const {
  const ASN1_TIME* time = X509_CRL_get0_nextUpdate(list_.get());
  std::tm fields{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &fields) != 1) return Time::max();
  return std::chrono::system_clock::from_time_t(timegm(&fields));
}

std::size_t RevocationList::entries() const {
  const auto* revoked = X509_CRL_get_REVOKED(list_.get());
  return revoked == nullptr ? 0 : static_cast<std::size_t>(sk_X509_REVOKED_num(revoked));
}

}  // namespace fairway::identity
