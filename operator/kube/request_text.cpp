#include "kube/request_text.h"

#include <string_view>

#include <nlohmann/json.hpp>

namespace fairway::kube {
namespace {

std::string percentEncode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4U]);
      out.push_back(kHex[byte & 0xFU]);
    }
  }
  return out;
}

std::string resourceText(const Resource& resource) {
  return resource.plural + (resource.group.empty() ? "" : "." + resource.group) + " (" + resource.version + ")";
}

}  // namespace

void addParameter(std::string& query, const char* name, const std::string& value) {
  if (value.empty()) return;
  query += query.empty() ? "?" : "&";
  query += std::string(name) + "=" + percentEncode(value);
}

std::string groupPath(const std::string& group, const std::string& version) {
  return group.empty() ? "/api/" + version : "/apis/" + group + "/" + version;
}

std::string resourcePath(const Resource& resource) {
  const std::string ns = resource.ns.empty() ? "" : "/namespaces/" + percentEncode(resource.ns);
  return groupPath(resource.group, resource.version) + ns + "/" + resource.plural;
}

Purpose purposeOf(const std::string& verb, const Resource& resource) {
  const std::string role = resource.ns.empty() ? "a ClusterRole" : "a Role in namespace " + resource.ns;
  return {verb + " " + resourceText(resource),
          role + ", bound to this user, needs the rule {apiGroups: [\"" + resource.group + "\"], resources: [\"" +
              resource.plural + "\"], verbs: [\"get\", \"list\", \"watch\"]}; \"" + verb + "\" is missing"};
}

ApiError errorOf(int status, const std::string& body, const Purpose& purpose, const std::string& server) {
  std::string said;
  const auto parsed = nlohmann::json::parse(body, nullptr, false);
  if (parsed.is_object() && parsed.contains("message") && parsed["message"].is_string()) {
    said = parsed["message"].get<std::string>();
  }
  const std::string start = "cannot " + purpose.text + " at " + server + ": ";
  const std::string end = said.empty() ? "" : "; the server says: " + said;
  using enum ApiError::Kind;
  switch (status) {
    case 401:
      return {unauthorized, status,
              start + "401, the credentials are not accepted; renew the token or certificate" + end};
    case 403: return {forbidden, status, start + "403, RBAC forbids it: " + purpose.rule + end};
    case 404: return {not_found, status, start + "404, it is not served" + end};
    case 410: return {gone, status, start + "410, the resource version is too old" + end};
    default: return {bad_response, status, start + "HTTP status " + std::to_string(status) + end};
  }
}

Result<Address> addressOf(const std::string& server) {
  Address address;
  address.tls = server.starts_with("https://");
  const std::size_t start = address.tls ? 8 : 7;
  if (!address.tls && !server.starts_with("http://")) return failure(server + ": expected https://host:port");
  std::string authority = server.substr(start, server.find_first_of("/?#", start) - start);
  if (authority.find('@') != std::string::npos) return failure("a server URL must not hold a user name or password");
  if (authority.starts_with('[')) {
    return failure(server +
                   ": an IPv6 address cannot be dialled; use a host name (tls-server-name may differ from it)");
  }
  address.host = authority.substr(0, authority.rfind(':'));
  if (address.host.empty()) return failure(server + ": expected https://host:port");
  return address;
}

bool isLoopback(const std::string& host) { return host == "localhost" || host.starts_with("127."); }

}  // namespace fairway::kube
