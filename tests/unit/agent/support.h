#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "agent/config.h"
#include "agent/http_client.h"
#include "agent/secrets.h"
#include "identity/certificate_service.h"
#include "unit/identity/support.h"

namespace fairway::agent::test {

using namespace std::chrono_literals;
using identity::test::now;
using identity::test::read;
using identity::test::run;
using identity::test::TemporaryDirectory;
using identity::test::write;

// True as soon as the condition holds; false if it does not within a deadline that only a hang reaches.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

// Options as of an injected sidecar, in a directory of the test.
inline AgentOptions optionsIn(const TemporaryDirectory& directory) {
  AgentOptions options;
  options.podName = "portal-1";
  options.podNamespace = "onap";
  options.serviceAccount = "portal";
  options.ips = {"127.0.0.1"};
  options.workDir = directory.path("work");
  options.envoy = FAIRWAY_ENVOY;
  options.envoyAdminAddress = "127.0.0.1:0";
  options.statusAddress = "127.0.0.1:0";
  options.agentAddress = "127.0.0.1:0";
  options.prometheusAddress.clear();
  options.drainTime = 0s;
  options.concurrency = 1;
  return options;
}

inline Secrets secretsOf(const identity::Issuer& issuer, const identity::PrivateKey& key,
                         const identity::Certificate& leaf) {
  return {leaf.toPem(), key.toPem().value(), issuer.certificate.toPem(), leaf.notAfter()};
}

// The part of a control plane that agents talk to, on a loopback port over TLS: certificates, and whatever generic
// service the test adds.
class ControlPlane {
 public:
  explicit ControlPlane(grpc::CallbackGenericService* other = nullptr)
      : authority(identity::CertificateAuthority::open(authorityOptions(), now()).value()),
        tokens(identity::FolderTokens::open(directory.path("state")).value()),
        certificates(*authority, tokens.get()) {
    const auto own = read(authority->serverFile());
    grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = authority->rootsBundle();
    options.pem_key_cert_pairs = {{own, own}};
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(options), &port);
    builder.RegisterService(&certificates.service());
    if (other != nullptr) builder.RegisterCallbackGenericService(other);
    server_ = builder.BuildAndStart();
    address = "127.0.0.1:" + std::to_string(port);
  }
  ~ControlPlane() { shutdown(); }
  void shutdown() {
    if (server_) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }

  // Writes the token of the account; its path.
  std::string tokenFile(const identity::ServiceAccount& account) {
    if (!tokens->update({account}, now())) throw std::runtime_error("no token");
    return tokens->fileOf(account);
  }

  TemporaryDirectory directory;
  std::unique_ptr<identity::CertificateAuthority> authority;
  std::unique_ptr<identity::FolderTokens> tokens;
  identity::CertificateService certificates;
  std::string address;

 private:
  [[nodiscard]] identity::AuthorityOptions authorityOptions() const {
    identity::AuthorityOptions options;
    options.stateDir = directory.path("state");
    return options;
  }
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace fairway::agent::test
