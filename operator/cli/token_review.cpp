#include "cli/token_review.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace fairway::cli {

using identity::Caller;
using identity::TokenError;
using nlohmann::json;

namespace {

// Of the API server's own words, for callers.
constexpr std::size_t kMaxReason = 200;

tl::unexpected<TokenError> rejected(std::string why) {
  return tl::unexpected<TokenError>({TokenError::Kind::rejected, std::move(why)});
}

// Of a bound token the API server says whose pod it is for, which still exists.
std::string podOf(const json& user) {
  const auto extra = user.find("extra");
  if (extra == user.end() || !extra->is_object()) return {};
  const auto names = extra->find("authentication.kubernetes.io/pod-name");
  if (names == extra->end() || !names->is_array() || names->size() != 1 || !names->front().is_string()) return {};
  return names->front().get<std::string>();
}

}  // namespace

tl::expected<Caller, TokenError> accountOfReview(std::string_view answer) {
  const auto review = json::parse(answer, nullptr, false);
  if (!review.is_object() || !review.contains("status") || !review["status"].is_object()) {
    return tl::unexpected<TokenError>({TokenError::Kind::unavailable, "the API server's TokenReview has no status"});
  }
  const auto& status = review["status"];
  if (!status.contains("authenticated") || status["authenticated"] != json(true)) {
    const auto reason = status.find("error");
    const bool told = reason != status.end() && reason->is_string();
    return rejected("the API server does not accept the token" +
                    (told ? ": " + reason->get<std::string>().substr(0, kMaxReason) : std::string()));
  }
  // A server that does not know audiences leaves the list out: such a token was not made for us.
  const auto audiences = status.find("audiences");
  if (audiences == status.end() || !audiences->is_array() ||
      std::find(audiences->begin(), audiences->end(), json(std::string(identity::kTokenAudience))) ==
          audiences->end()) {
    return rejected("the token is not for audience " + std::string(identity::kTokenAudience));
  }
  const auto user = status.find("user");
  if (user == status.end() || !user->is_object() || !user->contains("username") || !(*user)["username"].is_string()) {
    return rejected("the token names no user");
  }
  const auto account = identity::parseServiceAccountUsername((*user)["username"].get<std::string>());
  if (!account) return rejected("the token is not a service account's");
  return Caller{*account, podOf(*user)};
}

tl::expected<Caller, TokenError> TokenReviewer::verify(std::string_view token, identity::Time /*now*/) {
  if (token.empty() || token.size() > identity::kMaxTokenBytes) return rejected("the token is empty or too long");
  const json review{{"apiVersion", "authentication.k8s.io/v1"},
                    {"kind", "TokenReview"},
                    {"spec", {{"token", std::string(token)}, {"audiences", {std::string(identity::kTokenAudience)}}}}};
  const auto answer = server_->create("/apis/authentication.k8s.io/v1/tokenreviews",
                                      review.dump(-1, ' ', false, json::error_handler_t::replace), {});
  if (!answer) {
    return tl::unexpected<TokenError>(
        {TokenError::Kind::unavailable, "the token could not be checked: " + answer.error().message});
  }
  return accountOfReview(*answer);
}

}  // namespace fairway::cli
