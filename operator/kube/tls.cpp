#include "kube/tls.h"

#include <cstdlib>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "kube/read_file.h"

namespace fairway::kube {
namespace {

constexpr std::size_t kMaxPemBytes = 1 << 20;

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* value) const {
    Free(value);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Store = std::unique_ptr<X509_STORE, Deleter<X509_STORE_free>>;
using Context = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;

std::string lastError() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown error" : reason;
}

Result<std::string> pemOrFile(const std::string& pem, const std::string& file, const std::string& what) {
  if (!pem.empty() || file.empty()) return pem;
  auto content = readFile(file, kMaxPemBytes);
  if (!content) return failure(what + " " + file + ": " + content.error().message);
  return std::move(*content);
}

Bio memory(const std::string& pem) { return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))); }

// Never asks on the terminal for the password of an encrypted key.
int noPassword(char*, int, int, void*) { return -1; }

std::vector<Certificate> readCertificates(const std::string& pem) {
  std::vector<Certificate> found;
  const Bio in = memory(pem);
  while (X509* certificate = PEM_read_bio_X509(in.get(), nullptr, noPassword, nullptr)) found.emplace_back(certificate);
  ERR_clear_error();
  return found;
}

// The report lives as long as the context, which pooled connections keep beyond the client.
int reportIndex() {
  static const int index =
      SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, [](void*, void* value, CRYPTO_EX_DATA*, int, long, void*) {
        delete static_cast<std::shared_ptr<TlsReport>*>(value);
      });
  return index;
}

int verifyChain(X509_STORE_CTX* store, void* argument) {
  const int accepted = X509_verify_cert(store);
  if (accepted != 1) {
    static_cast<TlsReport*>(argument)->set(X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
  }
  return accepted;
}

std::string fromEnvironment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

struct SystemRoots {
  std::string file = fromEnvironment(X509_get_default_cert_file_env(), X509_get_default_cert_file());
  std::string directory = fromEnvironment(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
};

const SystemRoots& systemRoots() {
  static const SystemRoots roots;
  return roots;
}

// Shared by all connections; a process that runs for long keeps those it started with.
X509_STORE* systemStore() {
  static const Store store = [] {
    Store made(X509_STORE_new());
    const auto& roots = systemRoots();
    X509_STORE_load_file(made.get(), roots.file.c_str());
    X509_STORE_load_path(made.get(), roots.directory.c_str());
    ERR_clear_error();  // what is not there is trusted by nobody
    return made;
  }();
  return store.get();
}

Result<void> setTrust(SSL_CTX* context, const ClusterAccess& access) {
  const auto pem = pemOrFile(access.caPem, access.caFile, "certificate authority");
  if (!pem) return tl::unexpected(pem.error());
  if (pem->empty()) {
    SSL_CTX_set1_cert_store(context, systemStore());
    return {};
  }
  const std::vector<Certificate> roots = readCertificates(*pem);
  if (roots.empty()) return failure("certificate authority " + access.caFile + ": found no PEM certificate");
  Store store(X509_STORE_new());
  for (const Certificate& root : roots) X509_STORE_add_cert(store.get(), root.get());
  SSL_CTX_set_cert_store(context, store.release());
  return {};
}

Result<void> setName(SSL_CTX* context, const std::string& name) {
  X509_VERIFY_PARAM* parameters = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1) return {};
  ERR_clear_error();
  if (X509_VERIFY_PARAM_set1_host(parameters, name.c_str(), name.size()) == 1) return {};
  return failure("the server name \"" + name + "\" cannot be verified: " + lastError());
}

Result<void> setClientCertificate(SSL_CTX* context, const ClusterAccess& access) {
  const auto certificatePem = pemOrFile(access.certificatePem, access.certificateFile, "client certificate");
  if (!certificatePem) return tl::unexpected(certificatePem.error());
  if (certificatePem->empty()) return {};
  const auto keyPem = pemOrFile(access.keyPem, access.keyFile, "client key");
  if (!keyPem) return tl::unexpected(keyPem.error());

  const std::vector<Certificate> chain = readCertificates(*certificatePem);
  if (chain.empty()) return failure("client certificate " + access.certificateFile + ": found no PEM certificate");
  const Bio keyText = memory(*keyPem);
  const PrivateKey key(PEM_read_bio_PrivateKey(keyText.get(), nullptr, noPassword, nullptr));
  if (!key) return failure("client key " + access.keyFile + ": expected an unencrypted PEM key; " + lastError());
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1) {
    return failure("client certificate " + access.certificateFile + ": " + lastError());
  }
  for (std::size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(context, chain[i].get());
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return failure("client key " + access.keyFile + " does not belong to client certificate " + access.certificateFile +
                   ": " + lastError());
  }
  return {};
}

}  // namespace

void TlsReport::set(std::string reason) {
  const std::lock_guard lock(mutex_);
  reason_ = std::move(reason);
}

std::string TlsReport::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(reason_, {});
}

Result<void> configureTls(SSL_CTX* context, const ClusterAccess& access, const std::string& host,
                          std::shared_ptr<TlsReport> report) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  if (!access.insecureSkipTlsVerify) {
    if (auto trusted = setTrust(context, access); !trusted) return trusted;
    if (auto named = setName(context, access.tlsServerName.empty() ? host : access.tlsServerName); !named) return named;
    auto* kept = new std::shared_ptr<TlsReport>(std::move(report));
    SSL_CTX_set_ex_data(context, reportIndex(), kept);
    SSL_CTX_set_cert_verify_callback(context, verifyChain, kept->get());
  }
  return setClientCertificate(context, access);
}

void takeOverSystemRoots() {
  systemRoots();
  setenv(X509_get_default_cert_file_env(), "/dev/null", 1);
  setenv(X509_get_default_cert_dir_env(), "/dev/null", 1);
}

Result<void> checkTls(const ClusterAccess& access, const std::string& host) {
  const Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) return failure("OpenSSL: " + lastError());
  return configureTls(context.get(), access, host, std::make_shared<TlsReport>());
}

}  // namespace fairway::kube
