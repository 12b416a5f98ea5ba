#include "normalize/conditions.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace fairway::normalize {

namespace {

using model::Condition;
using Op = Condition::Op;
using model::StringMatcher;
using Type = StringMatcher::Type;

StringMatcher regex(std::string expression) { return {Type::regex, std::move(expression), false}; }

Condition metadata(std::string_view filter, std::vector<std::string> path, StringMatcher text, bool inList) {
  auto condition = Condition::textual(Op::metadata, std::move(text), std::string(filter));
  condition.path = std::move(path);
  condition.inList = inList;
  return condition;
}

Condition claim(std::string_view name, StringMatcher text) {
  return metadata(kJwtFilter, {std::string(kJwtPayload), std::string(name)}, std::move(text), false);
}

// All ways to read `text` as "issuer/subject": both may hold slashes.
template <class Make>
Condition splitAtSlashes(std::string_view text, std::vector<Condition> alternatives, Make make) {
  for (auto slash = text.find('/'); slash != std::string_view::npos; slash = text.find('/', slash + 1)) {
    alternatives.push_back(make(text.substr(0, slash), text.substr(slash + 1)));
  }
  return Condition::anyOf(std::move(alternatives));
}

}  // namespace

StringMatcher patternMatcher(std::string_view pattern) {
  if (pattern == "*") return {};
  if (pattern.starts_with('*')) return {Type::suffix, std::string(pattern.substr(1)), false};
  if (pattern.ends_with('*')) return {Type::prefix, std::string(pattern.substr(0, pattern.size() - 1)), false};
  return {Type::exact, std::string(pattern), false};
}

bool matchesPattern(std::string_view pattern, std::string_view text) {
  const auto matcher = patternMatcher(pattern);
  switch (matcher.type) {
    case Type::present: return true;
    case Type::suffix: return text.ends_with(matcher.value);
    case Type::prefix: return text.starts_with(matcher.value);
    default: return text == matcher.value;
  }
}

std::string quoteRegex(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || byte >= 0x80;
    if (byte < 0x20 || byte == 0x7F) {
      result += "\\x";
      result += kHex[byte >> 4U];
      result += kHex[byte & 15U];
      continue;
    }
    if (!plain) result += '\\';
    result += c;
  }
  return result;
}

std::optional<std::string> parseCidr(std::string_view text) {
  const auto slash = text.find('/');
  const std::string address(text.substr(0, slash));
  std::array<unsigned char, sizeof(in6_addr)> buffer{};
  std::uint64_t most = 0;
  if (inet_pton(AF_INET, address.c_str(), buffer.data()) == 1) {
    most = 32;
  } else if (inet_pton(AF_INET6, address.c_str(), buffer.data()) == 1) {
    most = 128;
  } else {
    return std::nullopt;
  }
  auto length = most;
  if (slash != std::string_view::npos) {
    const auto given = toNumber(text.substr(slash + 1));
    if (!given || *given > most) return std::nullopt;
    length = *given;
  }
  return address + "/" + std::to_string(length);
}

std::optional<std::uint32_t> parsePort(std::string_view text) {
  const auto number = toNumber(text);
  if (!number || *number > 65535) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

Condition hostCondition(std::string_view pattern) {
  const auto lower = toLower(pattern);
  auto matcher = patternMatcher(lower);
  matcher.ignoreCase = matcher.type != Type::present;
  switch (matcher.type) {
    case Type::exact: {
      const StringMatcher withPort{Type::prefix, lower + ":", true};
      return Condition::anyOf(
          {Condition::textual(Op::host, std::move(matcher)), Condition::textual(Op::host, withPort)});
    }
    case Type::suffix: {
      // Envoy's matchers have a flag for case, but not for regular expressions.
      auto withPort = regex("(?i).*" + quoteRegex(matcher.value) + ":.*");
      return Condition::anyOf(
          {Condition::textual(Op::host, std::move(matcher)), Condition::textual(Op::host, std::move(withPort))});
    }
    default: return Condition::textual(Op::host, std::move(matcher));
  }
}

Condition pathCondition(std::string_view pattern, bool templates) {
  static constexpr std::string_view kOne = "{*}";
  static constexpr std::string_view kRest = "{**}";
  if (!templates || (pattern.find(kOne) == std::string_view::npos && pattern.find(kRest) == std::string_view::npos)) {
    return Condition::textual(Op::path, patternMatcher(pattern));
  }
  std::string expression;
  while (!pattern.empty()) {
    const auto next = std::min({pattern.find(kOne), pattern.find(kRest), pattern.size()});
    expression += quoteRegex(pattern.substr(0, next));
    pattern.remove_prefix(next);
    if (pattern.starts_with(kRest)) {
      expression += ".*";
      pattern.remove_prefix(kRest.size());
    } else if (pattern.starts_with(kOne)) {
      expression += "[^/]+";
      pattern.remove_prefix(kOne.size());
    }
  }
  return Condition::textual(Op::path, regex(std::move(expression)));
}

namespace {

// Our trust domain, its aliases and "cluster.local", which stands for ours, are one in a policy. A domain that begins with
// a star is written for those it fits already.
Condition aliasCondition(std::string_view domain, const std::string& rest, Condition written,
                         const store::MeshConfig& mesh, std::vector<std::string> domains) {
  domains.insert(domains.begin(), mesh.trustDomain);
  const bool star = domain.starts_with('*');
  const auto fits = [&](const std::string& one) { return star ? one.ends_with(domain.substr(1)) : one == domain; };
  if (domain != "cluster.local" && std::none_of(domains.begin(), domains.end(), fits)) return written;
  std::vector<Condition> all{std::move(written)};
  for (const auto& one : domains) {
    if (!fits(one)) all.push_back(Condition::textual(Op::principal, patternMatcher(one + rest)));
  }
  return Condition::anyOf(std::move(all));
}

}  // namespace

Condition principalCondition(std::string_view pattern, const store::MeshConfig& mesh, bool expandTrustDomain,
                             const std::vector<std::string>& aliases) {
  static constexpr std::string_view kLocal = "cluster.local";
  if (pattern == "*") {
    Condition any;
    any.op = Op::authenticated;
    return any;
  }
  auto written = Condition::textual(Op::principal, patternMatcher(pattern));
  const auto parts = split(pattern, '/');
  if (!expandTrustDomain || parts.size() != 5) return written;
  const std::string rest(pattern.substr(parts[0].size()));
  if (!aliases.empty()) return aliasCondition(parts[0], rest, std::move(written), mesh, aliases);
  if (mesh.trustDomain == kLocal) return written;
  if (parts[0] == kLocal) {
    return Condition::anyOf(
        {std::move(written), Condition::textual(Op::principal, patternMatcher(mesh.trustDomain + rest))});
  }
  if (parts[0] == mesh.trustDomain) {
    return Condition::anyOf(
        {std::move(written), Condition::textual(Op::principal, patternMatcher(std::string(kLocal) + rest))});
  }
  return written;
}

Condition namespaceCondition(std::string_view pattern) {
  // A star inside is a part of one segment of the identity: it must not reach over the next slash.
  const auto inner = pattern.size() > 2 ? pattern.substr(1, pattern.size() - 2) : std::string_view();
  const bool twoStars = pattern.size() > 1 && pattern.starts_with('*') && pattern.ends_with('*');
  if (inner.find('*') == std::string_view::npos && !twoStars) {
    return Condition::textual(Op::source_namespace, patternMatcher(pattern));
  }
  std::vector<std::string> literals;
  for (const auto& part : split(pattern, '*')) literals.push_back(quoteRegex(part));
  auto expression = join(literals, "[^/]*");
  return Condition::textual(Op::source_namespace, regex(std::move(expression)));
}

Condition serviceAccountCondition(std::string_view text, std::string_view ns) {
  const auto slash = text.find('/');
  const auto account = slash == std::string_view::npos ? text : text.substr(slash + 1);
  if (slash != std::string_view::npos) ns = text.substr(0, slash);
  const auto ending = "/ns/" + std::string(ns) + "/sa/" + std::string(account);
  return Condition::textual(Op::principal, {Type::suffix, ending, false});
}

Condition claimCondition(std::vector<std::string> path, std::string_view pattern) {
  path.insert(path.begin(), std::string(kJwtPayload));
  return Condition::anyOf({metadata(kJwtFilter, path, patternMatcher(pattern), false),
                           metadata(kJwtFilter, path, patternMatcher(pattern), true)});
}

Condition hasRequestPrincipal() { return Condition::allOf({claim("iss", {}), claim("sub", {})}); }

Condition requestPrincipalCondition(std::string_view pattern) {
  const auto matcher = patternMatcher(pattern);
  const auto pair = [](StringMatcher issuer, StringMatcher subject) {
    return Condition::allOf({claim("iss", std::move(issuer)), claim("sub", std::move(subject))});
  };
  switch (matcher.type) {
    case Type::prefix:
      return splitAtSlashes(
          matcher.value, {pair({Type::prefix, matcher.value, false}, {})},
          [&](std::string_view issuer, std::string_view subject) {
            return pair({Type::exact, std::string(issuer), false}, {Type::prefix, std::string(subject), false});
          });
    case Type::suffix:
      return splitAtSlashes(
          matcher.value, {pair({}, {Type::suffix, matcher.value, false})},
          [&](std::string_view issuer, std::string_view subject) {
            return pair({Type::suffix, std::string(issuer), false}, {Type::exact, std::string(subject), false});
          });
    case Type::exact:
      return splitAtSlashes(matcher.value, {}, [&](std::string_view issuer, std::string_view subject) {
        return pair({Type::exact, std::string(issuer), false}, {Type::exact, std::string(subject), false});
      });
    default: return hasRequestPrincipal();
  }
}

Condition sniCondition(std::string_view pattern) {
  auto matcher = patternMatcher(pattern);
  // A connection without a server name has the empty one.
  if (matcher.type == Type::present) matcher = regex(".+");
  return Condition::textual(Op::sni, std::move(matcher));
}

Condition headerCondition(std::string_view name, std::string_view pattern) {
  return Condition::textual(Op::header, patternMatcher(pattern), toLower(name));
}

Condition portCondition(std::uint32_t port) {
  Condition condition;
  condition.op = Op::destination_port;
  condition.port = port;
  return condition;
}

Condition addressCondition(Op op, std::string cidr) {
  Condition condition;
  condition.op = op;
  condition.cidr = std::move(cidr);
  return condition;
}

Condition metadataCondition(std::string_view filter, std::string_view key, std::string_view pattern) {
  const bool inList = pattern.size() >= 2 && pattern.starts_with('[') && pattern.ends_with(']');
  if (inList) pattern = pattern.substr(1, pattern.size() - 2);
  return metadata(filter, {std::string(key)}, patternMatcher(pattern), inList);
}

std::optional<std::vector<std::string>> bracketed(std::string_view key, std::string_view prefix) {
  if (!key.starts_with(prefix)) return std::nullopt;
  key.remove_prefix(prefix.size());
  std::vector<std::string> names;
  while (!key.empty()) {
    const auto end = key.find(']');
    if (!key.starts_with('[') || end == std::string_view::npos || end == 1) return std::nullopt;
    names.emplace_back(key.substr(1, end - 1));
    key.remove_prefix(end + 1);
  }
  if (names.empty()) return std::nullopt;
  return names;
}

}  // namespace fairway::normalize
