#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace fairway::agent {

// An open socket that is closed with its owner.
class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(other.release()) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  Socket& operator=(Socket&&) = delete;
  ~Socket();
  [[nodiscard]] int get() const { return descriptor_; }
  int release() {
    const int descriptor = descriptor_;
    descriptor_ = -1;
    return descriptor;
  }

 private:
  int descriptor_;
};

// True for the text of an IPv4 or IPv6 address.
bool isIp(const std::string& text);
bool isIpv6(const std::string& text);

// The first address of a network interface that is up and no loopback, IPv4 before IPv6; empty: there is none.
std::string ownAddress();

// A TCP connection to an IP address; the socket does not block. `source`, if not empty, is the IP address to come from;
// if the machine does not have it, any will do. Fails after `timeout`; the message has the reason only.
Result<Socket> connectTcp(const std::string& ip, std::uint16_t port, const std::string& source,
                          std::chrono::milliseconds timeout);

}  // namespace fairway::agent
