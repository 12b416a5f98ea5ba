#include "identity/spiffe.h"

#include <algorithm>

#include "base/strings.h"

namespace fairway::identity {
namespace {

constexpr std::string_view kScheme = "spiffe://";
constexpr std::string_view kUsernamePrefix = "system:serviceaccount:";
constexpr std::size_t kMaxIdLength = 2048;
constexpr std::size_t kMaxTrustDomainLength = 255;
constexpr std::size_t kMaxLabelLength = 63;
constexpr std::size_t kMaxSubdomainLength = 253;

bool isLowerAlphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool isDnsLabel(std::string_view text) {
  return !text.empty() && text.size() <= kMaxLabelLength && isLowerAlphanumeric(text.front()) &&
         isLowerAlphanumeric(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return isLowerAlphanumeric(c) || c == '-'; });
}

// Kubernetes' own check of a DNS-1123 subdomain: labels are not limited to 63 bytes.
bool isDnsSubdomain(std::string_view text) {
  if (text.empty() || text.size() > kMaxSubdomainLength) return false;
  for (const auto& label : split(text, '.')) {
    if (label.empty() || !isLowerAlphanumeric(label.front()) || !isLowerAlphanumeric(label.back())) return false;
    if (!std::all_of(label.begin(), label.end(), [](char c) { return isLowerAlphanumeric(c) || c == '-'; }))
      return false;
  }
  return true;
}

// User-given text in a message: bounded, and without control characters.
std::string inQuotes(std::string_view text) {
  std::string result = "\"";
  for (const char c : text.substr(0, 128)) result += (c >= 0x20 && c < 0x7f) ? c : '?';
  if (text.size() > 128) result += "...";
  return result + "\"";
}

}  // namespace

Result<void> checkTrustDomain(std::string_view trustDomain) {
  const auto allowed = [](char c) { return isLowerAlphanumeric(c) || c == '.' || c == '-' || c == '_'; };
  if (trustDomain.empty() || trustDomain.size() > kMaxTrustDomainLength ||
      !std::all_of(trustDomain.begin(), trustDomain.end(), allowed)) {
    return failure("trust domain " + inQuotes(trustDomain) +
                   ": expected 1 to 255 lower-case letters, digits, dots, dashes or underscores, e.g. cluster.local");
  }
  return {};
}

Result<void> checkServiceAccount(const ServiceAccount& account) {
  if (!isDnsLabel(account.ns)) return failure("namespace " + inQuotes(account.ns) + ": expected a DNS label");
  if (!isDnsSubdomain(account.name)) {
    return failure("service account " + inQuotes(account.name) + ": expected a DNS subdomain");
  }
  return {};
}

std::string SpiffeId::toString() const {
  return std::string(kScheme) + trustDomain + "/ns/" + account.ns + "/sa/" + account.name;
}

Result<SpiffeId> SpiffeId::make(std::string_view trustDomain, const ServiceAccount& account) {
  if (auto checked = checkTrustDomain(trustDomain); !checked) return tl::unexpected(checked.error());
  if (auto checked = checkServiceAccount(account); !checked) return tl::unexpected(checked.error());
  return SpiffeId{std::string(trustDomain), account};
}

Result<SpiffeId> SpiffeId::parse(std::string_view text) {
  if (text.size() > kMaxIdLength) return failure("SPIFFE ID: longer than 2048 bytes");
  const auto expected = [&] {
    return failure("SPIFFE ID " + inQuotes(text) +
                   ": expected spiffe://<trust domain>/ns/<namespace>/sa/<service account>");
  };
  if (!text.starts_with(kScheme)) return expected();
  const auto parts = split(text.substr(kScheme.size()), '/');
  if (parts.size() != 5 || parts[1] != "ns" || parts[3] != "sa") return expected();
  auto id = make(parts[0], ServiceAccount{parts[2], parts[4]});
  if (!id) return tl::unexpected(id.error().within("SPIFFE ID " + inQuotes(text)));
  return id;
}

Result<ServiceAccount> parseServiceAccountUsername(std::string_view username) {
  if (username.size() <= kMaxIdLength && username.starts_with(kUsernamePrefix)) {
    const auto parts = split(username.substr(kUsernamePrefix.size()), ':');
    if (parts.size() == 2) {
      ServiceAccount account{parts[0], parts[1]};
      if (auto checked = checkServiceAccount(account); !checked) {
        return tl::unexpected(checked.error().within("user name " + inQuotes(username)));
      }
      return account;
    }
  }
  return failure("user name " + inQuotes(username) + ": expected system:serviceaccount:<namespace>:<name>");
}

std::string serviceAccountUsername(const ServiceAccount& account) {
  return std::string(kUsernamePrefix) + account.ns + ":" + account.name;
}

}  // namespace fairway::identity
