#include "agent/envoy_admin.h"

#include "base/strings.h"
#include "identity/files.h"

namespace fairway::agent {
namespace {

constexpr std::size_t kMaxMetrics = 64 << 20;

}  // namespace

Result<HttpReply> EnvoyAdmin::ask(const std::string& method, const std::string& path, std::chrono::milliseconds timeout,
                                  std::size_t maxBody) const {
  const auto text = identity::readFile(addressFile_, 256);
  if (!text) return failure("Envoy does not listen yet");
  const auto address = parseAddress(trim(*text));
  if (!address) return tl::unexpected(address.error());
  HttpRequest request;
  request.address = *address;
  request.method = method;
  request.target = path;
  request.timeout = timeout;
  request.maxBody = maxBody;
  return httpRequest(request);
}

Result<std::string> EnvoyAdmin::metrics(std::chrono::milliseconds timeout) const {
  auto reply = ask("GET", "/stats/prometheus", timeout, kMaxMetrics);
  if (!reply) return tl::unexpected(reply.error());
  if (reply->status != 200) return failure("status " + std::to_string(reply->status));
  return std::move(reply->body);
}

}  // namespace fairway::agent
