#include "agent/connect.h"

#include <cerrno>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace fairway::agent {
namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// Size 0: no IP address.
SocketAddress socketAddress(const std::string& ip, std::uint16_t port) {
  SocketAddress result;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET, ip.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&result.storage, &v4, sizeof v4);
    result.size = sizeof v4;
  } else if (::inet_pton(AF_INET6, ip.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&result.storage, &v6, sizeof v6);
    result.size = sizeof v6;
  }
  return result;
}

}  // namespace

Socket::~Socket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool isIp(const std::string& text) { return socketAddress(text, 0).size != 0; }
bool isIpv6(const std::string& text) { return socketAddress(text, 0).storage.ss_family == AF_INET6; }

std::string ownAddress() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(all, ::freeifaddrs);
  for (const int family : {AF_INET, AF_INET6}) {
    for (const auto* each = all; each != nullptr; each = each->ifa_next) {
      if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != family) continue;
      if ((each->ifa_flags & IFF_UP) == 0 || (each->ifa_flags & IFF_LOOPBACK) != 0) continue;
      const auto* six = reinterpret_cast<const sockaddr_in6*>(each->ifa_addr);
      if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr)) continue;
      const void* bytes = family == AF_INET6 ? static_cast<const void*>(&six->sin6_addr)
                                             : &reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr;
      char text[INET6_ADDRSTRLEN] = {};
      if (::inet_ntop(family, bytes, text, sizeof text) != nullptr) return text;
    }
  }
  return {};
}

Result<Socket> connectTcp(const std::string& ip, std::uint16_t port, const std::string& source,
                          std::chrono::milliseconds timeout) {
  const auto failed = [](int error) { return failure(std::strerror(error)); };
  const auto target = socketAddress(ip, port);
  if (target.size == 0) return failure("\"" + ip + "\" is no IP address");
  Socket socket(::socket(target.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return failed(errno);
  const int yes = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  const auto from = socketAddress(source, 0);
  if (from.size != 0 && from.storage.ss_family == target.storage.ss_family) {
    // The port is chosen at connect(), so that one port can serve connections to several targets.
    ::setsockopt(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    if (::bind(socket.get(), from.get(), from.size) != 0 && errno != EADDRNOTAVAIL) return failed(errno);
  }
  if (::connect(socket.get(), target.get(), target.size) == 0) return socket;
  if (errno != EINPROGRESS) return failed(errno);
  pollfd waited{socket.get(), POLLOUT, 0};
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return failed(ETIMEDOUT);
    const int ready = ::poll(&waited, 1, static_cast<int>(left.count()));
    if (ready > 0) break;
    if (ready < 0 && errno != EINTR) return failed(errno);
  }
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return failed(error);
  return socket;
}

}  // namespace fairway::agent
