#include "discovery/listening.h"

#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace fairway::discovery {

std::string whyNotListening(const std::string& unixPath) {
  const auto longest = sizeof(sockaddr_un::sun_path) - 1;
  if (unixPath.size() > longest) return "the path has over " + std::to_string(longest) + " characters";
  const auto slash = unixPath.rfind('/');
  const auto folder = slash == std::string::npos ? std::string(".") : unixPath.substr(0, slash + 1);
  return access(folder.c_str(), W_OK) == 0 ? "" : folder + ": " + std::generic_category().message(errno);
}

}  // namespace fairway::discovery
