#include "agent/certificate_client.h"

#include <mutex>

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "identity/certificate.grpc.pb.h"
#include "identity/files.h"
#include "identity/pki.h"

namespace fairway::agent {
namespace {

constexpr int kMaxReplyBytes = 1 << 20;

constexpr std::string_view kRootAdvice =
    ": in a cluster the control plane writes it into the ConfigMap istio-ca-root-cert of every namespace";

// gRPC's words tell what happened; this, what to do.
std::string adviceFor(const grpc::Status& status) {
  const auto& text = status.error_message();
  const auto has = [&](std::string_view part) { return text.find(part) != std::string::npos; };
  if (has("andshake failed") || has("CERTIFICATE_VERIFY") || has("certificate verify") || has("Peer name") ||
      has("Hostname Verification")) {
    return ": its certificate is not trusted: check that the root file is of this control plane, that "
           "--discovery-server-name is a name of its certificate, and this machine's clock";
  }
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE || has("failed to connect") || has("DNS resolution")) {
    return ": check that it runs, that --discovery-address is right and that no NetworkPolicy keeps the pod from it";
  }
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return ": it does not answer: check that it runs and that no NetworkPolicy keeps the pod from it";
  }
  if (status.error_code() == grpc::StatusCode::PERMISSION_DENIED) {
    return ": check the pod's service account, and --namespace and --service-account";
  }
  return {};
}

class GrpcClient final : public CertificateClient {
 public:
  explicit GrpcClient(ControlPlaneAddress address) : address_(std::move(address)) {}

  tl::expected<CertificateReply, CertificateFailure> request(const CertificateWish& wish) override {
    const auto failed = [this](const std::string& message) {
      return tl::unexpected(
          CertificateFailure{CertificateFailure::Kind::other, "control plane " + address_.target + ": " + message});
    };
    const auto roots = identity::readFile(address_.rootFile);
    if (!roots) return failed(roots.error().message + std::string(kRootAdvice));
    // gRPC would say no more than that the connection failed.
    if (const auto parsed = identity::Certificate::chainFromPem(*roots); !parsed) {
      return failed(address_.rootFile + ": " + parsed.error().message + std::string(kRootAdvice));
    }
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = *roots;
    if (wish.certificate) {
      options.pem_private_key = wish.certificate->privateKey;
      options.pem_cert_chain = wish.certificate->certificateChain;
    }
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride(address_.serverName);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // never a connection with earlier credentials
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // the certificate manager has its own
    arguments.SetMaxReceiveMessageSize(kMaxReplyBytes);
    const auto stub = identity::v1::CertificateService::NewStub(
        grpc::CreateCustomChannel(address_.target, grpc::SslCredentials(options), arguments));

    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + address_.timeout);
    if (wish.token) context.AddMetadata("authorization", "Bearer " + *wish.token);
    identity::v1::CreateCertificateRequest request;
    request.set_csr(wish.csr);
    request.set_validity_seconds(wish.validity.count());
    identity::v1::CreateCertificateResponse response;
    {
      const std::lock_guard guard(mutex_);
      if (cancelled_) return failed("cancelled");
      underway_ = &context;
    }
    const auto status = stub->CreateCertificate(&context, request, &response);
    {
      const std::lock_guard guard(mutex_);
      underway_ = nullptr;
    }
    if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
      return tl::unexpected(CertificateFailure{CertificateFailure::Kind::credentials,
                                               "control plane " + address_.target + ": " + status.error_message() +
                                                   ": expected a token of this cluster for the audience istio-ca"});
    }
    if (!status.ok()) return failed(status.error_message() + adviceFor(status));
    return CertificateReply{{response.chain().begin(), response.chain().end()}, response.roots(), response.trust()};
  }

  void cancel() override {
    const std::lock_guard guard(mutex_);
    cancelled_ = true;
    if (underway_ != nullptr) underway_->TryCancel();
  }

 private:
  const ControlPlaneAddress address_;
  std::mutex mutex_;
  bool cancelled_ = false;                   // guarded by mutex_
  grpc::ClientContext* underway_ = nullptr;  // guarded by mutex_
};

}  // namespace

std::unique_ptr<CertificateClient> certificateClient(ControlPlaneAddress address) {
  return std::make_unique<GrpcClient>(std::move(address));
}

}  // namespace fairway::agent
