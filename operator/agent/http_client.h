#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace fairway::agent {

struct HttpReply {
  unsigned status = 0;
  std::string body;
  std::string contentType = "text/plain";  // empty: the answer names none
  std::string location{};                  // of a redirect
};

// Whose certificates are believed: roots in PEM, from files that need not be there.
struct TlsTrust {
  std::string name;  // the server's, a host name or IP address, which its certificate must have
  std::string rootsFile, rootsDirectory, extraRootsFile;
};

struct HttpRequest {
  Address address;     // an IP address and port, or a unix socket
  std::string source;  // IP address to come from; see connectTcp()
  bool tls = false;
  std::optional<TlsTrust> trust{};  // unset: whoever answers, the certificate is not verified
  std::string method = "GET", target = "/";
  // A "Host" among them replaces that of the address. Values with line breaks are left out.
  std::vector<std::pair<std::string, std::string>> headers;
  std::chrono::milliseconds timeout{2000};  // for all of it
  std::size_t maxBody = 1 << 20;
  bool cut = false;  // longer bodies are cut off there; otherwise they fail
};

// One request over a new HTTP/1.1 connection. Fails if there is no complete answer in time.
Result<HttpReply> httpRequest(const HttpRequest& request);
Result<HttpReply> httpRequest(const Address& address, const std::string& method, const std::string& target,
                              std::chrono::milliseconds timeout);

}  // namespace fairway::agent
