#include "identity/tokens.h"

#include <array>
#include <filesystem>
#include <optional>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "base/time.h"
#include "identity/files.h"

namespace fairway::identity {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::string_view kIssuer = "fairway";
// Every token has exactly this header, so a token that names another algorithm, or none, fails on the first comparison.
constexpr std::string_view kHeader = R"({"alg":"HS256","typ":"JWT"})";
// How far the clock that minted and the one that checks may be apart.
constexpr std::chrono::seconds kClockSkew{60};
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// base64url without padding (RFC 4648, section 5).
std::string encode(std::string_view bytes) {
  std::string result;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) result += kAlphabet[(bits >> (count - 6)) & 0x3f];
  }
  if (count > 0) result += kAlphabet[(bits << (6 - count)) & 0x3f];
  return result;
}

std::optional<std::string> decode(std::string_view text) {
  std::string result;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const auto value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      result += static_cast<char>((bits >> count) & 0xff);
    }
  }
  if (count >= 6 || (bits & ((1U << count) - 1)) != 0) return std::nullopt;  // one text for each value
  return result;
}

std::string mac(const std::string& key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest.data(), &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::int64_t seconds(Time time) { return std::chrono::system_clock::to_time_t(time); }

bool hasAudience(const nlohmann::json& claims) {
  const auto audience = claims.find("aud");
  if (audience == claims.end()) return false;
  if (audience->is_string()) return *audience == kTokenAudience;
  if (!audience->is_array()) return false;
  for (const auto& entry : *audience) {
    if (entry.is_string() && entry == kTokenAudience) return true;
  }
  return false;
}

// A claim in whole seconds since 1970; nothing if it is missing or something else.
std::optional<std::int64_t> timeClaim(const nlohmann::json& claims, const char* name) {
  const auto claim = claims.find(name);
  if (claim == claims.end() || !claim->is_number_integer()) return std::nullopt;
  return claim->get<std::int64_t>();
}

}  // namespace

Result<std::unique_ptr<FolderTokens>> FolderTokens::open(std::string stateDir, std::chrono::seconds ttl) {
  const auto within = [](const Error& error) { return tl::unexpected(error.within("tokens")); };
  const auto path = stateDir + "/ca/token-key";
  if (auto made = makePrivateDirectory(stateDir + "/ca"); !made) return within(made.error());
  const auto lock = FileLock::acquire(stateDir + "/ca/lock");
  if (!lock) return within(lock.error());
  std::string key;
  if (fileExists(path)) {
    auto present = readPrivateFile(path);
    if (!present) return within(present.error());
    if (present->size() != kKeyBytes) {
      return failure("tokens: " + path + ": expected 32 bytes, found " + std::to_string(present->size()) +
                     ": remove it to start with a new key");
    }
    key = std::move(*present);
  } else {
    key.resize(kKeyBytes);
    if (RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), kKeyBytes) != 1)
      return failure("tokens: " + opensslReason());
    if (auto written = writeFileAtomically(path, key, 0600); !written) return within(written.error());
  }
  return std::unique_ptr<FolderTokens>(new FolderTokens(std::move(stateDir), ttl, std::move(key)));
}

std::string FolderTokens::fileOf(const ServiceAccount& account) const {
  return stateDir_ + "/tokens/" + account.ns + "/" + account.name;
}

Result<std::string> FolderTokens::mint(const ServiceAccount& account, Time now) const {
  if (auto checked = checkServiceAccount(account); !checked) return tl::unexpected(checked.error());
  const nlohmann::json claims = {{"iss", kIssuer},
                                 {"sub", serviceAccountUsername(account)},
                                 {"aud", nlohmann::json::array({kTokenAudience})},
                                 {"iat", seconds(now)},
                                 {"nbf", seconds(now)},
                                 {"exp", seconds(now + ttl_)}};
  const auto text = encode(kHeader) + "." + encode(claims.dump());
  return text + "." + encode(mac(key_, text));
}

tl::expected<Caller, TokenError> FolderTokens::verify(std::string_view token, Time now) {
  const auto rejected = [](std::string message) {
    return tl::unexpected(TokenError{TokenError::Kind::rejected, std::move(message)});
  };
  if (token.size() > kMaxTokenBytes) return rejected("the token is larger than 16384 bytes");
  const auto parts = split(token, '.');
  if (parts.size() != 3 || parts[0] != encode(kHeader)) return rejected("the token is not one of this control plane");
  const auto signature = decode(parts[2]);
  const auto expected = mac(key_, token.substr(0, parts[0].size() + 1 + parts[1].size()));
  if (!signature || signature->size() != expected.size() ||
      CRYPTO_memcmp(signature->data(), expected.data(), expected.size()) != 0) {
    return rejected("the token is not one of this control plane");
  }
  const auto payload = decode(parts[1]);
  const auto claims = nlohmann::json::parse(payload.value_or(""), nullptr, false);
  if (!claims.is_object()) return rejected("the token's claims cannot be read");
  if (!hasAudience(claims)) return rejected("the token is not for the audience " + std::string(kTokenAudience));
  const auto expiry = timeClaim(claims, "exp");
  if (!expiry || seconds(now) >= *expiry) return rejected("the token has expired");
  const auto notBefore = timeClaim(claims, "nbf");
  if (!notBefore || seconds(now + kClockSkew) < *notBefore) return rejected("the token is not valid yet");
  const auto subject = claims.find("sub");
  if (subject == claims.end() || !subject->is_string()) return rejected("the token has no subject");
  auto account = parseServiceAccountUsername(subject->get_ref<const std::string&>());
  if (!account) return rejected("the token's subject is no service account");
  return Caller{std::move(*account), {}};
}

bool FolderTokens::isFresh(const ServiceAccount& account, Time now) {
  const auto token = readPrivateFile(fileOf(account), kMaxTokenBytes);
  if (!token) return false;
  const auto verified = verify(trim(*token), now);
  const auto expiry = tokenExpiry(trim(*token));
  return verified && *verified == account && expiry && now < *expiry - ttl_ / 2;
}

Result<std::size_t> FolderTokens::update(const std::set<ServiceAccount>& accounts, Time now) {
  const std::lock_guard guard(mutex_);
  const auto root = stateDir_ + "/tokens";
  if (auto made = makePrivateDirectory(root); !made) return tl::unexpected(made.error().within("tokens"));
  std::size_t written = 0;
  std::optional<Error> first;
  const auto note = [&first](const Error& error) {
    if (!first) first = error.within("tokens");
  };
  for (const auto& account : accounts) {
    if (auto checked = checkServiceAccount(account); !checked) {
      note(checked.error());
      continue;
    }
    if (isFresh(account, now)) continue;
    const auto token = mint(account, now);
    if (!token) {
      note(token.error());
      continue;
    }
    auto done = makePrivateDirectory(root + "/" + account.ns);
    if (done) done = writeFileAtomically(fileOf(account), *token + "\n", 0600);
    if (done) {
      ++written;
    } else {
      note(done.error());
    }
  }
  std::error_code error;
  std::vector<std::filesystem::path> stale;
  for (const auto& ns : std::filesystem::directory_iterator(root, error)) {
    if (!ns.is_directory(error)) continue;
    for (const auto& file : std::filesystem::directory_iterator(ns.path(), error)) {
      if (!accounts.contains({ns.path().filename().string(), file.path().filename().string()}))
        stale.push_back(file.path());
    }
  }
  for (const auto& path : stale) {
    if (!std::filesystem::remove(path, error)) note(Error{path.string() + ": cannot remove: " + error.message()});
    std::filesystem::remove(path.parent_path(), error);  // only succeeds when that was the last one
  }
  if (first) return tl::unexpected(*first);
  return written;
}

namespace {

Result<Time> unverifiedTime(std::string_view token, const char* claim) {
  if (token.size() > kMaxTokenBytes) return failure("token: larger than 16384 bytes");
  const auto parts = split(token, '.');
  if (parts.size() != 3) return failure("token: expected a JSON Web Token");
  const auto payload = decode(parts[1]);
  const auto claims = nlohmann::json::parse(payload.value_or(""), nullptr, false);
  const auto time = claims.is_object() ? timeClaim(claims, claim) : std::nullopt;
  if (!time) return failure(std::string("token: no claim ") + claim);
  return timeOfSeconds(*time);
}

}  // namespace

Result<Time> tokenExpiry(std::string_view token) { return unverifiedTime(token, "exp"); }
Result<Time> tokenIssuedAt(std::string_view token) { return unverifiedTime(token, "iat"); }

}  // namespace fairway::identity
