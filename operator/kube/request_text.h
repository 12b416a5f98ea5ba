#pragma once

#include <string>

#include "base/result.h"
#include "kube/api_server.h"

// The texts of requests to an API server and of what is said about them. Pure.
namespace fairway::kube {

// Adds "?name=value" or "&name=value", percent-encoded (RFC 3986 section 2.3); nothing for an empty value.
void addParameter(std::string& query, const char* name, const std::string& value);

// "/api/v1" or "/apis/networking.istio.io/v1"
std::string groupPath(const std::string& group, const std::string& version);
// "/api/v1/pods", "/apis/apps/v1/namespaces/<ns>/deployments"
std::string resourcePath(const Resource& resource);

// What a request is for, in messages.
struct Purpose {
  std::string text;  // "list pods (v1)"
  std::string rule;  // the RBAC rule it needs
};
Purpose purposeOf(const std::string& verb, const Resource& resource);

// The error of a status other than 200. The body may be a metav1.Status, whose message is quoted.
ApiError errorOf(int status, const std::string& body, const Purpose& purpose, const std::string& server);

struct Address {
  bool tls = false;
  std::string host;  // name or IPv4 address
};
// Of a server URL: "https://host:port/prefix".
Result<Address> addressOf(const std::string& server);

bool isLoopback(const std::string& host);

}  // namespace fairway::kube
