#include "intercept/netlink.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace fairway::intercept {
namespace {

constexpr unsigned char kWholeAddress = 128;

struct Request {
  nlmsghdr header;
  ifaddrmsg address;
  rtattr attribute;
  in6_addr value;
};

class Socket {
 public:
  Socket() : descriptor_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
    const timeval patience{5, 0};
    if (descriptor_ >= 0) ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// 0, or the errno of what failed.
int exchange(const Request& request) {
  const Socket socket;
  if (socket.get() < 0 || ::send(socket.get(), &request, request.header.nlmsg_len, 0) < 0) return errno;
  alignas(nlmsghdr) std::array<char, 4096> buffer{};
  const auto size = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
  if (size < 0) return errno;
  nlmsghdr header{};
  nlmsgerr answer{};
  if (static_cast<std::size_t>(size) < NLMSG_HDRLEN + sizeof answer) return EPROTO;
  std::memcpy(&header, buffer.data(), sizeof header);
  if (header.nlmsg_type != NLMSG_ERROR) return EPROTO;
  std::memcpy(&answer, buffer.data() + NLMSG_HDRLEN, sizeof answer);
  return -answer.error;
}

Result<void> change(const std::string& ipv6, unsigned short type, unsigned short flags, int harmless) {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = static_cast<unsigned short>(NLM_F_REQUEST | NLM_F_ACK | flags);
  request.address.ifa_family = AF_INET6;
  request.address.ifa_prefixlen = kWholeAddress;
  request.address.ifa_index = ::if_nametoindex("lo");
  request.attribute.rta_type = IFA_LOCAL;
  request.attribute.rta_len = RTA_LENGTH(sizeof request.value);
  if (::inet_pton(AF_INET6, ipv6.c_str(), &request.value) != 1) return failure(ipv6 + ": expected an IPv6 address");
  const int error = exchange(request);
  if (error == 0 || error == harmless) return {};
  return failure("address " + ipv6 + " of the loopback device: " + std::strerror(error));
}

}  // namespace

Result<void> addLoopbackAddress(const std::string& ipv6) {
  return change(ipv6, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, EEXIST);
}

Result<void> removeLoopbackAddress(const std::string& ipv6) { return change(ipv6, RTM_DELADDR, 0, EADDRNOTAVAIL); }

}  // namespace fairway::intercept
