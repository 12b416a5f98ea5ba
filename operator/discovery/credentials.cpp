#include "discovery/credentials.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <iterator>
#include <mutex>
#include <tuple>

#include "discovery/log.h"

namespace fairway::discovery {
namespace {

constexpr std::size_t kMaxFileBytes = 4 << 20;

struct Material {
  std::string chain, key, roots;
};

// What changes when a file is replaced or written.
using Stamp = std::tuple<dev_t, ino_t, off_t, time_t, long>;

Result<Stamp> stampOf(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return failure(path + ": " + std::generic_category().message(errno));
  return Stamp{info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

Result<std::string> readFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) return failure(path + ": cannot be read");
  if (text.empty() || text.size() > kMaxFileBytes) return failure(path + ": empty, or over 4 MB");
  return text;
}

struct Bio {
  explicit Bio(const std::string& text) : bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))) {}
  ~Bio() { BIO_free(bio); }
  Bio(const Bio&) = delete;
  Bio& operator=(const Bio&) = delete;
  BIO* bio;
};

Result<Material> load(const ServerTls& files) {
  Material material;
  for (const auto& [path, text] : {std::pair{&files.certificateFile, &material.chain},
                                   {&files.keyFile, &material.key},
                                   {&files.rootFile, &material.roots}}) {
    auto read = readFile(*path);
    if (!read) return tl::unexpected(read.error());
    *text = std::move(*read);
  }
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(Bio(material.chain).bio, nullptr, nullptr, nullptr), X509_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(Bio(material.key).bio, nullptr, nullptr, nullptr), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> root(
      PEM_read_bio_X509(Bio(material.roots).bio, nullptr, nullptr, nullptr), X509_free);
  const bool match = certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!certificate) return failure(files.certificateFile + ": no certificate in PEM form");
  if (!key) return failure(files.keyFile + ": no private key in PEM form");
  if (!root) return failure(files.rootFile + ": no certificate in PEM form");
  if (!match) return failure(files.keyFile + ": not the key of the certificate in " + files.certificateFile);
  return material;
}

// Looks at the files before each handshake. Thread-safe.
class Reloader {
 public:
  explicit Reloader(ServerTls files) : files_(std::move(files)) {}

  // True with new material, false if what was given last still counts.
  Result<bool> refresh(Material& material) {
    const std::lock_guard lock(mutex_);
    std::array<Stamp, 3> stamps;
    std::size_t i = 0;
    for (const auto* path : {&files_.certificateFile, &files_.keyFile, &files_.rootFile}) {
      auto stamp = stampOf(*path);
      if (!stamp) return tl::unexpected(stamp.error());
      stamps[i++] = *stamp;
    }
    if (loaded_ && stamps == stamps_) return false;
    auto read = load(files_);
    if (!read) return tl::unexpected(read.error());
    stamps_ = stamps;
    loaded_ = true;
    material = std::move(*read);
    return true;
  }

  void complain(const std::string& problem) {
    const std::lock_guard lock(mutex_);
    if (problem == problem_) return;
    problem_ = problem;
    log().warn("xds server certificate: {}; the last good one stays in use", problem);
  }

 private:
  const ServerTls files_;
  std::mutex mutex_;
  std::array<Stamp, 3> stamps_{};
  bool loaded_ = false;
  std::string problem_;
};

grpc_ssl_certificate_config_reload_status fetch(void* data, grpc_ssl_server_certificate_config** config) {
  auto* reloader = static_cast<Reloader*>(data);
  Material material;
  const auto fresh = reloader->refresh(material);
  if (!fresh) {
    reloader->complain(fresh.error().message);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
  }
  if (!*fresh) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
  const grpc_ssl_pem_key_cert_pair pair{material.key.c_str(), material.chain.c_str()};
  *config = grpc_ssl_server_certificate_config_create(material.roots.c_str(), &pair, 1);
  return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

// gRPC's C++ layer has no credentials that ask for certificates at each handshake; its C core has.
class ReloadingCredentials final : public grpc::ServerCredentials {
 public:
  explicit ReloadingCredentials(const ServerTls& files) : reloader_(files) {
    auto* options = grpc_ssl_server_credentials_create_options_using_config_fetcher(
        GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY, fetch, &reloader_);
    credentials_ = grpc_ssl_server_credentials_create_with_options(options);
  }
  ~ReloadingCredentials() override { grpc_server_credentials_release(credentials_); }
  ReloadingCredentials(const ReloadingCredentials&) = delete;
  ReloadingCredentials& operator=(const ReloadingCredentials&) = delete;

  // Callers are authenticated per stream, by discovery's own code.
  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  Reloader reloader_;
  grpc_server_credentials* credentials_ = nullptr;
};

}  // namespace

Result<std::shared_ptr<grpc::ServerCredentials>> tlsServerCredentials(const ServerTls& files) {
  if (auto first = load(files); !first) return tl::unexpected(first.error());
  return std::make_shared<ReloadingCredentials>(files);
}

}  // namespace fairway::discovery
