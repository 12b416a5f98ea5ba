#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <re2/re2.h>

#include "base/strings.h"
#include "model/security.h"

// What canonical authorization means for one request: the reference that tests compare tables with.
namespace fairway::test {

struct Request {
  std::string method = "GET";
  std::string path = "/";  // without query
  std::string host = "a.example.com";
  std::map<std::string, std::string> headers;
  std::string principal;  // without spiffe://, empty = plaintext
  std::string sni;
  std::string peer = "10.1.1.1";  // address of the other end
  std::string local = "10.2.2.2";
  std::uint32_t port = 8080;
  std::map<std::string, std::vector<std::string>> claims;  // of a verified token
  std::map<std::string, std::string> metadata;             // "filter/key" -> value
};

inline bool matches(const model::StringMatcher& matcher, std::string text) {
  using Type = model::StringMatcher::Type;
  if (matcher.type == Type::present) return true;
  if (matcher.type == Type::regex) return RE2::FullMatch(text, matcher.value);
  auto value = matcher.value;
  if (matcher.ignoreCase) {
    text = toLower(text);
    value = toLower(value);
  }
  if (matcher.type == Type::prefix) return text.starts_with(value);
  if (matcher.type == Type::suffix) return text.ends_with(value);
  return text == value;
}

inline bool inRange(const std::string& address, const std::string& cidr) {
  const auto slash = cidr.find('/');
  in_addr a{}, b{};
  if (inet_pton(AF_INET, address.c_str(), &a) != 1 || inet_pton(AF_INET, cidr.substr(0, slash).c_str(), &b) != 1) {
    return false;
  }
  const auto bits = std::stoul(cidr.substr(slash + 1));
  const std::uint32_t mask = bits == 0 ? 0 : ~std::uint32_t{0} << (32 - bits);
  return (ntohl(a.s_addr) & mask) == (ntohl(b.s_addr) & mask);
}

inline bool holds(const model::Condition& condition, const Request& request) {
  using Op = model::Condition::Op;
  const auto child = [&](const model::Condition& c) { return holds(c, request); };
  const auto& children = condition.children;
  switch (condition.op) {
    case Op::any: return true;
    case Op::never: return false;
    case Op::all_of: return std::all_of(children.begin(), children.end(), child);
    case Op::any_of: return std::any_of(children.begin(), children.end(), child);
    case Op::not_: return !child(children.at(0));
    case Op::path: return matches(condition.text, request.path);
    case Op::method: return matches(condition.text, request.method);
    case Op::host: return matches(condition.text, request.host);
    case Op::header: {
      const auto found = request.headers.find(condition.name);
      return found != request.headers.end() && matches(condition.text, found->second);
    }
    case Op::principal: return !request.principal.empty() && matches(condition.text, request.principal);
    case Op::source_namespace: {
      const auto parts = split(request.principal, '/');
      return parts.size() == 5 && matches(condition.text, parts[2]);
    }
    case Op::sni: return matches(condition.text, request.sni);
    case Op::destination_ip: return inRange(request.local, condition.cidr);
    case Op::direct_remote_ip:
    case Op::remote_ip: return inRange(request.peer, condition.cidr);
    case Op::destination_port: return request.port == condition.port;
    case Op::authenticated: return !request.principal.empty();
    case Op::metadata: {
      if (condition.name != "envoy.filters.http.jwt_authn") {
        const auto found = request.metadata.find(condition.name + "/" + condition.path.at(0));
        return found != request.metadata.end() && matches(condition.text, found->second);
      }
      const auto found = request.claims.find(condition.path.at(1));
      if (found == request.claims.end()) return false;
      if (!condition.inList) return found->second.size() == 1 && matches(condition.text, found->second.front());
      return std::any_of(found->second.begin(), found->second.end(),
                         [&](const std::string& value) { return matches(condition.text, value); });
    }
  }
  throw std::logic_error("unknown condition");
}

inline bool anyRule(const std::vector<model::AuthorizationRule>& rules, const Request& request) {
  return std::any_of(rules.begin(), rules.end(), [&](const model::AuthorizationRule& rule) {
    return holds(rule.permission, request) && holds(rule.principal, request);
  });
}

inline bool allowed(const model::Authorization& authorization, const Request& request) {
  using Action = model::AuthorizationFilter::Action;
  return std::all_of(authorization.filters.begin(), authorization.filters.end(), [&](const auto& filter) {
    if (!filter.enforced || filter.action == Action::audit) return true;
    return anyRule(filter.rules, request) == (filter.action == Action::allow);
  });
}

}  // namespace fairway::test
