#pragma once

#include <chrono>
#include <string>

#include "agent/http_client.h"
#include "base/result.h"

namespace fairway::agent {

// Envoy's admin interface, at the address that Envoy wrote to a file.
class EnvoyAdmin {
 public:
  explicit EnvoyAdmin(std::string addressFile) : addressFile_(std::move(addressFile)) {}

  Result<HttpReply> ask(const std::string& method, const std::string& path,
                        std::chrono::milliseconds timeout = std::chrono::milliseconds(2000),
                        std::size_t maxBody = 1 << 20) const;
  // Its page of metrics in Prometheus' text format, at most 64 MB.
  Result<std::string> metrics(std::chrono::milliseconds timeout) const;

 private:
  const std::string addressFile_;
};

}  // namespace fairway::agent
