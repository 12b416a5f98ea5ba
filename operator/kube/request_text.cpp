#include "kube/request_text.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/strings.h"

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

Purpose purposeOf(const std::string& verb, const Resource& resource) {
  const std::string role = resource.ns.empty() ? "a ClusterRole" : "a Role in namespace " + resource.ns;
  return {verb + " " + resourceText(resource),
          role + ", bound to this user, needs the rule {apiGroups: [\"" + resource.group + "\"], resources: [\"" +
              resource.plural + "\"], verbs: [\"get\", \"list\", \"watch\"]}; \"" + verb + "\" is missing"};
}

Purpose purposeOf(const Call& call) {
  static constexpr std::array kVerbs{"get", "create", "update", "patch", "delete"};
  const std::string verb = kVerbs.at(static_cast<std::size_t>(call.verb));
  // "", "api", "v1", ... or "", "apis", group, version, ...
  const auto parts = split(call.path.substr(0, call.path.find('?')), '/');
  const bool core = parts.size() > 1 && parts[1] == "api";
  const std::string group = core || parts.size() < 3 ? "" : parts[2];
  std::vector<std::string> rest(parts.begin() + std::min<std::ptrdiff_t>(core ? 3 : 4, std::ssize(parts)), parts.end());
  std::string ns;
  if (rest.size() > 2 && rest[0] == "namespaces") {
    ns = rest[1];
    rest.erase(rest.begin(), rest.begin() + 2);
  }
  rest.resize(std::max<std::size_t>(rest.size(), 3));
  const std::string resource = rest[0] + (rest[2].empty() ? "" : "/" + rest[2]);
  std::string text = verb + " " + resource;
  if (!rest[1].empty()) text += " " + rest[1];
  if (!ns.empty()) text += " in namespace " + ns;
  const std::string limit = rest[1].empty() ? "" : ", resourceNames: [\"" + rest[1] + "\"]";
  return {text, "a Role or ClusterRole, bound to this user, needs the rule {apiGroups: [\"" + group +
                    "\"], resources: [\"" + resource + "\"]" + limit + ", verbs: [\"" + verb + "\"]}"};
}

ApiError errorOf(int status, const std::string& body, const Purpose& purpose, const std::string& server) {
  const auto parsed = nlohmann::json::parse(body, nullptr, false);
  const auto textOf = [&](const char* key) {
    const bool there = parsed.is_object() && parsed.contains(key) && parsed[key].is_string();
    return there ? parsed[key].get<std::string>() : std::string();
  };
  const std::string said = textOf("message");
  const std::string start = "cannot " + purpose.text + " at " + server + ": ";
  const std::string end = said.empty() ? "" : "; the server says: " + said;
  using enum ApiError::Kind;
  switch (status) {
    case 401:
      return {unauthorized, status,
              start + "401, the credentials are not accepted; renew the token or certificate" + end};
    case 403: return {forbidden, status, start + "403, RBAC forbids it: " + purpose.rule + end};
    case 404: return {not_found, status, start + "404, it is not there" + end};
    case 409:
      if (textOf("reason") == "AlreadyExists") return {exists, status, start + "409, it exists already" + end};
      return {conflict, status, start + "409, it has changed meanwhile" + end};
    case 410: return {gone, status, start + "410, the resource version is too old" + end};
    case 422: return {invalid, status, start + "422, it is not valid" + end};
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
