#include "kube/tls.h"

#include <cstdlib>
#include <functional>
#include <mutex>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/freed.h"
#include "kube/read_file.h"

namespace fairway::kube {
namespace {

constexpr std::size_t kMaxPemBytes = 1 << 20;

using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Store = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
using Context = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;

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

// What was read of the PEM texts of late. A context is made for each connection, and reading a key or an
// authority again for each costs more than the handshake.
template <class T>
class Recent {
 public:
  Result<std::shared_ptr<const T>> find(const std::string& text, const std::function<Result<T>()>& read) {
    const std::lock_guard lock(mutex_);
    for (const auto& [known, value] : entries_) {
      if (known == text) return value;
    }
    auto value = read();
    if (!value) return tl::unexpected(value.error());
    if (entries_.size() == kKept) entries_.erase(entries_.begin());
    return entries_.emplace_back(text, std::make_shared<const T>(std::move(*value))).second;
  }

 private:
  static constexpr std::size_t kKept = 8;  // clusters that one process speaks with, and a rotation
  std::mutex mutex_;
  std::vector<std::pair<std::string, std::shared_ptr<const T>>> entries_;
};

struct ClientCertificate {
  std::vector<Certificate> chain;
  PrivateKey key;
};

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

Result<Store> readTrust(const std::string& pem, const std::string& file) {
  const std::vector<Certificate> roots = readCertificates(pem);
  if (roots.empty()) return failure("certificate authority " + file + ": found no PEM certificate");
  Store store(X509_STORE_new());
  for (const Certificate& root : roots) X509_STORE_add_cert(store.get(), root.get());
  return store;
}

Result<void> setTrust(SSL_CTX* context, const ClusterAccess& access) {
  const auto pem = pemOrFile(access.caPem, access.caFile, "certificate authority");
  if (!pem) return tl::unexpected(pem.error());
  if (pem->empty()) {
    SSL_CTX_set1_cert_store(context, systemStore());
    return {};
  }
  static Recent<Store> recent;
  const auto store = recent.find(*pem, [&]() { return readTrust(*pem, access.caFile); });
  if (!store) return tl::unexpected(store.error());
  SSL_CTX_set1_cert_store(context, (*store)->get());
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

Result<ClientCertificate> readClientCertificate(const std::string& certificatePem, const std::string& keyPem,
                                                const ClusterAccess& access) {
  ClientCertificate read{.chain = readCertificates(certificatePem), .key = nullptr};
  if (read.chain.empty()) {
    return failure("client certificate " + access.certificateFile + ": found no PEM certificate");
  }
  const Bio keyText = memory(keyPem);
  read.key = PrivateKey(PEM_read_bio_PrivateKey(keyText.get(), nullptr, noPassword, nullptr));
  if (!read.key) return failure("client key " + access.keyFile + ": expected an unencrypted PEM key; " + lastError());
  return read;
}

Result<void> setClientCertificate(SSL_CTX* context, const ClusterAccess& access) {
  const auto certificatePem = pemOrFile(access.certificatePem, access.certificateFile, "client certificate");
  if (!certificatePem) return tl::unexpected(certificatePem.error());
  if (certificatePem->empty()) return {};
  const auto keyPem = pemOrFile(access.keyPem, access.keyFile, "client key");
  if (!keyPem) return tl::unexpected(keyPem.error());

  static Recent<ClientCertificate> recent;
  const auto found =
      recent.find(*certificatePem + *keyPem, [&] { return readClientCertificate(*certificatePem, *keyPem, access); });
  if (!found) return tl::unexpected(found.error());
  const auto& [chain, key] = **found;
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

const SystemRoots& systemRoots() {
  static const SystemRoots roots{
      fromEnvironment(X509_get_default_cert_file_env(), X509_get_default_cert_file()),
      fromEnvironment(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()),
  };
  return roots;
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
