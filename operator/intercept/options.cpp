#include "intercept/options.h"

#include <algorithm>
#include <array>
#include <optional>

#include <arpa/inet.h>
#include <net/if.h>

#include "base/strings.h"

namespace fairway::intercept {
namespace {

// Each entry becomes a rule that a packet may have to pass.
constexpr std::size_t kMaxEntries = 512;
constexpr std::uint64_t kMaxPort = 65535;
constexpr std::uint64_t kMaxId = 4294967294;  // 2^32-1 means "no user" to the kernel

std::string inQuotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

// The entries of "a, b"; none for a blank text.
Result<std::vector<std::string>> entries(const std::string& value, const std::string& expected) {
  std::vector<std::string> result;
  if (trim(value).empty()) return result;
  for (const auto& part : split(value, ',')) {
    const auto entry = trim(part);
    if (entry.empty()) return failure(inQuotes(value) + ": an entry is empty: expected " + expected);
    if (result.size() == kMaxEntries) return failure("more than " + std::to_string(kMaxEntries) + " entries");
    result.emplace_back(entry);
  }
  return result;
}

Result<std::uint16_t> parsePort(std::string_view text) {
  const auto number = toNumber(text);
  if (!number || *number == 0 || *number > kMaxPort) return failure(inQuotes(text) + ": expected a port, 1 to 65535");
  return static_cast<std::uint16_t>(*number);
}

Result<std::uint32_t> parseId(std::string_view text) {
  const auto number = toNumber(text);
  if (!number || *number > kMaxId) return failure(inQuotes(text) + ": expected a numeric user or group id");
  return static_cast<std::uint32_t>(*number);
}

Result<std::string> parseInterface(std::string_view text) {
  const auto good = [](char c) { return c > ' ' && c < 127 && c != '/' && c != '!' && c != '"' && c != '\\'; };
  if (text.size() >= IFNAMSIZ || !std::all_of(text.begin(), text.end(), good) || text.front() == '-') {
    return failure(inQuotes(text) +
                   ": expected the name of a network interface, such as eth1, or a prefix such as net+");
  }
  return std::string(text);
}

// A list without duplicates, in its order.
template <class T>
Result<std::vector<T>> parseList(const std::string& value, const std::string& expected,
                                 Result<T> (*parse)(std::string_view)) {
  const auto texts = entries(value, expected);
  if (!texts) return tl::unexpected(texts.error());
  std::vector<T> result;
  for (const auto& text : *texts) {
    auto parsed = parse(text);
    if (!parsed) return tl::unexpected(parsed.error());
    if (std::find(result.begin(), result.end(), *parsed) == result.end()) result.push_back(std::move(*parsed));
  }
  return result;
}

InterceptFlag portFlag(std::string name, std::string help, std::string standard,
                       std::uint16_t InterceptOptions::*member) {
  return {std::move(name), "PORT", std::move(help), std::move(standard),
          [member](InterceptOptions& options, const std::string& value) -> Result<void> {
            const auto port = parsePort(trim(value));
            if (!port) return tl::unexpected(port.error());
            options.*member = *port;
            return {};
          }};
}

template <class T>
InterceptFlag listFlag(std::string name, std::string placeholder, std::string help, std::string standard,
                       std::vector<T> InterceptOptions::*member, Result<T> (*parse)(std::string_view),
                       bool needed = false) {
  return {std::move(name), placeholder, std::move(help), std::move(standard),
          [member, parse, placeholder, needed](InterceptOptions& options, const std::string& value) -> Result<void> {
            auto list = parseList<T>(value, placeholder, parse);
            if (!list) return tl::unexpected(list.error());
            if (needed && list->empty()) return failure("empty: expected " + placeholder);
            options.*member = std::move(*list);
            return {};
          }};
}

template <class T>
InterceptFlag selectionFlag(std::string name, std::string placeholder, std::string help,
                            Selection<T> InterceptOptions::*member, Result<T> (*parse)(std::string_view)) {
  return {std::move(name), placeholder, std::move(help), "*",
          [member, parse, placeholder](InterceptOptions& options, const std::string& value) -> Result<void> {
            if (trim(value) == "*") {
              options.*member = {true, {}};
              return {};
            }
            auto list = parseList<T>(value, "* or " + placeholder, parse);
            if (!list) return tl::unexpected(list.error());
            options.*member = {false, std::move(*list)};
            return {};
          }};
}

std::vector<InterceptFlag> makeFlags() {
  using Options = InterceptOptions;
  return {
      portFlag("--outbound-port", "Envoy's port for connections of the app", "15001", &Options::outboundPort),
      portFlag("--inbound-port", "Envoy's port for connections to the app", "15006", &Options::inboundPort),
      listFlag<std::uint32_t>("--proxy-uid", "UID,...", "users whose connections are left alone: the proxy's", "1337",
                              &Options::proxyUids, parseId, true),
      listFlag<std::uint32_t>("--proxy-gid", "GID,...", "groups whose connections are left alone: the proxy's", "1337",
                              &Options::proxyGids, parseId, true),
      selectionFlag<Cidr>("--include-outbound-cidrs", "CIDR,...", "destinations that are intercepted; * for all",
                          &Options::includeOutboundCidrs, parseCidr),
      listFlag<Cidr>("--exclude-outbound-cidrs", "CIDR,...", "destinations that are not", "",
                     &Options::excludeOutboundCidrs, parseCidr),
      listFlag<std::uint16_t>("--include-outbound-ports", "PORT,...", "ports that are intercepted at every destination",
                              "", &Options::includeOutboundPorts, parsePort),
      listFlag<std::uint16_t>("--exclude-outbound-ports", "PORT,...", "destination ports that are not intercepted", "",
                              &Options::excludeOutboundPorts, parsePort),
      selectionFlag<std::uint16_t>("--include-inbound-ports", "PORT,...",
                                   "ports of the pod that are intercepted; * for all", &Options::includeInboundPorts,
                                   parsePort),
      listFlag<std::uint16_t>("--exclude-inbound-ports", "PORT,...",
                              "ports of the pod that are not; the agent's own never are", "15090,15021,15020",
                              &Options::excludeInboundPorts, parsePort),
      listFlag<std::string>("--exclude-interfaces", "NAME,...", "interfaces whose traffic is left alone", "",
                            &Options::excludeInterfaces, parseInterface),
      listFlag<Cidr>("--dns-servers", "IP,...", "resolvers that are asked directly over TCP, too",
                     "of /etc/resolv.conf", &Options::dnsServers, parseCidr),
  };
}

}  // namespace

const std::vector<InterceptFlag>& interceptFlags() {
  static const std::vector<InterceptFlag> flags = makeFlags();
  return flags;
}

Result<Cidr> parseCidr(std::string_view text) {
  const auto wrong = [&] {
    return failure(inQuotes(text) + ": expected an IP address or a network such as 10.0.0.0/8 or fd00::/8");
  };
  const auto slash = text.find('/');
  const std::string host(text.substr(0, slash));
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  Cidr result;
  std::size_t bits = 32;
  if (::inet_pton(AF_INET, host.c_str(), bytes.data()) != 1) {
    if (::inet_pton(AF_INET6, host.c_str(), bytes.data()) != 1) return wrong();
    result.family = Family::v6;
    bits = 128;
  }
  std::uint64_t length = bits;
  if (slash != std::string_view::npos) {
    const auto number = toNumber(text.substr(slash + 1));
    if (!number || *number > bits) return wrong();
    length = *number;
  }
  auto network = bytes;
  for (std::size_t bit = length; bit < bits; ++bit) network[bit / 8] &= static_cast<unsigned char>(~(0x80U >> bit % 8));
  std::array<char, INET6_ADDRSTRLEN> printed{};
  ::inet_ntop(result.family == Family::v4 ? AF_INET : AF_INET6, network.data(), printed.data(), printed.size());
  result.text = std::string(printed.data()) + "/" + std::to_string(length);
  if (network != bytes) return failure(inQuotes(text) + ": bits after the prefix are set: expected " + result.text);
  return result;
}

std::vector<Cidr> nameservers(std::string_view resolvConf) {
  constexpr std::string_view kKeyword = "nameserver";
  std::vector<Cidr> result;
  for (const auto& line : split(resolvConf, '\n')) {
    auto rest = trim(line);
    if (!rest.starts_with(kKeyword)) continue;
    rest = trim(rest.substr(kKeyword.size()));
    const auto server = parseCidr(rest.substr(0, rest.find_first_of(" \t%")));
    if (!server || server->text.starts_with("127.") || server->text == "::1/128") continue;
    if (std::find(result.begin(), result.end(), *server) == result.end()) result.push_back(*server);
  }
  return result;
}

}  // namespace fairway::intercept
