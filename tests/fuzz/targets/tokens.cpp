// Bearer tokens, and what the API server says about them.
#include <cstdlib>
#include <filesystem>

#include "cli/token_review.h"
#include "fuzz/target.h"
#include "identity/tokens.h"

namespace {

using namespace fairway;
using identity::FolderTokens;
using identity::ServiceAccount;

const ServiceAccount kAccount{"onap", "vfc"};

// A key of its own in a folder that is removed at once: the key stays in memory.
FolderTokens& tokens() {
  static const auto opened = [] {
    std::string folder = "/tmp/fairway-fuzz-XXXXXX";
    fuzz::require(mkdtemp(folder.data()) != nullptr, "a temporary folder");
    auto tokens = FolderTokens::open(folder).value();
    std::filesystem::remove_all(folder);
    return tokens;
  }();
  return *opened;
}

void token(std::string_view text) {
  const auto account = tokens().verify(text, std::chrono::system_clock::now());
  fuzz::require(!account || *account == kAccount, "nobody but the holder of a token is let in");
  (void)identity::tokenExpiry(text);
  (void)identity::tokenIssuedAt(text);
}

void review(std::string_view answer) {
  const auto account = cli::accountOfReview(answer);
  if (!account) return;
  fuzz::require(identity::checkServiceAccount(*account).has_value(), "an account is one of Kubernetes");
  fuzz::require(
      answer.find(identity::kTokenAudience) != std::string_view::npos || answer.find("\\u") != std::string_view::npos,
      "a token counts for its audience alone");
}

std::vector<std::string> seeds() {
  return {tokens().mint(kAccount, std::chrono::system_clock::now()).value(), "a.b.c", ""};
}

const fuzz::Registration kToken{{"token", {}, token, seeds}};
const fuzz::Registration kReview{{"token_review", {}, review, nullptr}};

}  // namespace
