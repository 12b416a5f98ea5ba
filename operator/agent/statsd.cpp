#include "agent/statsd.h"

#include <netdb.h>

#include <array>
#include <future>
#include <memory>
#include <thread>

#include "agent/connect.h"

namespace fairway::agent {
namespace {

// The first address, as text.
Result<std::string> lookUp(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); code != 0) {
    return failure(::gai_strerror(code));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  std::array<char, NI_MAXHOST> text{};
  const int code =
      ::getnameinfo(found->ai_addr, found->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
  if (code != 0) return failure(::gai_strerror(code));
  return std::string(text.data());
}

}  // namespace

Result<void> checkStatsdAddress(const std::string& address) {
  const auto parsed = parseAddress(address);
  if (!parsed) return tl::unexpected(parsed.error());
  if (parsed->isUnix() || parsed->host.empty() || parsed->port == 0) {
    return failure("\"" + address + "\": expected host:port of a statsd server, such as statsd.monitoring:9125");
  }
  return {};
}

Result<Address> resolveStatsd(const std::string& address, std::chrono::milliseconds timeout) {
  auto result = parseAddress(address);
  if (!result || isIp(result->host)) return result;
  // A resolver cannot be interrupted: where it takes too long, nobody waits for what it finds.
  auto promise = std::make_shared<std::promise<Result<std::string>>>();
  auto answer = promise->get_future();
  std::thread([promise, host = result->host] { promise->set_value(lookUp(host)); }).detach();
  if (answer.wait_for(timeout) != std::future_status::ready) {
    return failure(result->host + ": no answer from DNS within " + std::to_string(timeout.count()) + " ms");
  }
  auto ip = answer.get();
  if (!ip) return tl::unexpected(ip.error().within(result->host));
  result->host = std::move(*ip);
  return result;
}

}  // namespace fairway::agent
