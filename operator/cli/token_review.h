#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "identity/tokens.h"
#include "kube/api_server.h"

namespace fairway::cli {

// Verifies service-account tokens by the API server's TokenReview (authentication.k8s.io/v1) with audience
// istio-ca, which must be among the audiences that the review confirms.
class TokenReviewer final : public identity::TokenVerifier {
 public:
  explicit TokenReviewer(std::unique_ptr<kube::ApiServer> server) : server_(std::move(server)) {}
  [[nodiscard]] tl::expected<identity::Caller, identity::TokenError> verify(std::string_view token,
                                                                            identity::Time now) override;

 private:
  std::unique_ptr<kube::ApiServer> server_;
};

// The service account that a TokenReview's answer confirms, and the pod that the token is bound to, if it is to one.
tl::expected<identity::Caller, identity::TokenError> accountOfReview(std::string_view answer);

}  // namespace fairway::cli
