#include "discovery/listening.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace fairway::discovery {

std::string grpcAddress(const Address& address) {
  if (!address.isUnix() && address.host.empty()) return "[::]:" + std::to_string(address.port);
  return address.toString();
}

std::string whyNotListening(const Address& address) {
  if (address.isUnix()) {
    const auto longest = sizeof(sockaddr_un::sun_path) - 1;
    if (address.unixPath.size() > longest) return "the path has over " + std::to_string(longest) + " characters";
    const auto slash = address.unixPath.rfind('/');
    const auto folder = slash == std::string::npos ? std::string(".") : address.unixPath.substr(0, slash + 1);
    return access(folder.c_str(), W_OK) == 0 ? "" : folder + ": " + std::generic_category().message(errno);
  }
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const char* host = address.host.empty() ? nullptr : address.host.c_str();
  if (const int code = getaddrinfo(host, std::to_string(address.port).c_str(), &hints, &found); code != 0) {
    return gai_strerror(code);
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  std::string reason;
  for (const auto* each = found; each; each = each->ai_next) {
    const int fd = socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    const int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, each->ai_addr, each->ai_addrlen) != 0 || listen(fd, 1) != 0) {
      reason = std::generic_category().message(errno);
    }
    close(fd);
  }
  return reason;
}

}  // namespace fairway::discovery
