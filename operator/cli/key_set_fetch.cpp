#include "cli/key_set_fetch.h"

#include <memory>
#include <vector>

#include <arpa/inet.h>
#include <netdb.h>

#include "agent/http_client.h"
#include "base/address.h"

namespace fairway::cli {

namespace {

constexpr int kMaxRedirects = 3;
constexpr std::size_t kMaxBody = 1U << 20U;

Result<agent::HttpReply> ask(const identity::FetchUrl& url, std::chrono::milliseconds timeout,
                             const identity::FetchRules& rules, const KeySetTrust& trust) {
  const auto addresses = addressesOf(url.host);
  if (!addresses) return tl::unexpected(addresses.error());
  std::string problem = "it has no address";
  for (const auto& address : *addresses) {
    if (const auto why = identity::whyForbidden(address, rules)) {
      problem = address + " is not asked: " + *why;
      continue;
    }
    agent::HttpRequest request;
    request.address.host = address;  // this one, and not what the name means a moment later
    request.address.port = url.port;
    request.tls = url.tls;
    if (url.tls) request.trust = agent::TlsTrust{url.host, trust.file, trust.directory, trust.extraFile};
    request.target = url.target;
    const bool usual = url.port == (url.tls ? 443 : 80);
    const auto host = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
    request.headers = {{"Host", usual ? host : host + ":" + std::to_string(url.port)},
                       {"Accept", "application/json"},
                       {"User-Agent", "fairway"}};
    request.timeout = timeout;
    request.maxBody = kMaxBody;
    auto reply = agent::httpRequest(request);
    if (reply) return reply;
    problem = reply.error().message;
  }
  return failure(url.host + ": " + problem);
}

}  // namespace

Result<std::vector<std::string>> addressesOf(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0) {
    return failure(host + ": " + gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  std::vector<std::string> addresses;
  for (const auto* entry = found; entry != nullptr; entry = entry->ai_next) {
    std::string text(INET6_ADDRSTRLEN, '\0');
    const void* bytes = entry->ai_family == AF_INET
                            ? static_cast<const void*>(&reinterpret_cast<sockaddr_in*>(entry->ai_addr)->sin_addr)
                            : &reinterpret_cast<sockaddr_in6*>(entry->ai_addr)->sin6_addr;
    if (inet_ntop(entry->ai_family, bytes, text.data(), INET6_ADDRSTRLEN) == nullptr) continue;
    text.resize(text.find('\0'));
    addresses.push_back(std::move(text));
  }
  return addresses;
}

Result<std::string> fetchKeySet(const std::string& url, std::chrono::milliseconds timeout,
                                const identity::FetchRules& rules, const KeySetTrust& trust) {
  std::string next = url;
  for (int i = 0; i <= kMaxRedirects; ++i) {
    const auto parsed = identity::parseFetchUrl(next);
    if (!parsed) return tl::unexpected(parsed.error());
    if (i > 0 && url.starts_with("https://") && !parsed->tls) return failure("it leads from https to " + next);
    auto reply = ask(*parsed, timeout, rules, trust);
    if (!reply) return tl::unexpected(reply.error());
    if (reply->status == 200) return std::move(reply->body);
    const bool redirect = reply->status / 100 == 3 && !reply->location.empty();
    if (!redirect) return failure("it answered with status " + std::to_string(reply->status));
    next = identity::resolveLocation(*parsed, reply->location);
  }
  return failure("it leads on more than 3 times");
}

}  // namespace fairway::cli
