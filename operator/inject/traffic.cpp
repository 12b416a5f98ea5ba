#include "inject/traffic.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <functional>

#include "api/decoder.h"
#include "api/validate.h"
#include "base/strings.h"

namespace fairway::inject {
namespace {

Result<std::string> list(std::string_view text, bool starAllowed, const std::string& expected,
                         const std::function<bool(const std::string&)>& good) {
  std::vector<std::string> parts;
  for (const auto& part : split(text, ',')) {
    if (!trim(part).empty()) parts.emplace_back(trim(part));
  }
  const auto refuse = [&](const std::string& part) {
    return failure("found " + api::quote(part) + (part == text ? "" : " in " + api::quote(text)) + ", expected " +
                   expected + (starAllowed ? ", or * alone for all" : ""));
  };
  if (starAllowed && parts.size() == 1 && parts[0] == "*") return "*";
  for (const auto& part : parts) {
    if (!good(part)) return refuse(part);
  }
  return join(parts, ",");
}

// An address or a network whose host bits are zero, as iptables takes it.
bool isNetwork(const std::string& text) {
  if (!api::isIpOrCidr(text)) return false;
  const auto slash = text.find('/');
  if (slash == std::string::npos) return true;
  const auto address = text.substr(0, slash);
  std::array<unsigned char, 16> bytes{};
  const bool v6 = address.find(':') != std::string::npos;
  if (inet_pton(v6 ? AF_INET6 : AF_INET, address.c_str(), bytes.data()) != 1) return false;
  const auto prefix = toNumber(std::string_view(text).substr(slash + 1)).value_or(0);
  for (std::size_t bit = prefix; bit < (v6 ? 128U : 32U); ++bit) {
    if ((bytes[bit / 8] >> (7 - bit % 8) & 1U) != 0) return false;
  }
  return true;
}

}  // namespace

Result<std::string> portList(std::string_view text, bool starAllowed) {
  return list(text, starAllowed, "port numbers from 1 to 65535 with commas between", [](const std::string& part) {
    const auto number = toNumber(part);
    return number && *number >= 1 && *number <= 65535;
  });
}

Result<std::string> cidrList(std::string_view text, bool starAllowed) {
  return list(text, starAllowed,
              "networks such as 10.0.0.0/8 or fd00::/8 (no bits set after the prefix) with commas between", isNetwork);
}

Result<std::string> interfaceList(std::string_view text) {
  // IFNAMSIZ, and what iptables takes as an interface's name.
  return list(text, false, "names of network interfaces with commas between", [](const std::string& part) {
    return part.size() <= 15 && part != "." && part != ".." && part[0] != '-' && part[0] != '!' &&
           std::none_of(part.begin(), part.end(), [](unsigned char c) { return c <= ' ' || c > '~' || c == '/'; });
  });
}

Result<InterceptionMode> interceptionMode(std::string_view text) {
  if (text == "REDIRECT") return InterceptionMode::redirect;
  if (text == "NONE") return InterceptionMode::none;
  return failure("found " + api::quote(text) + ", expected REDIRECT or NONE" +
                 (text == "TPROXY" ? " (TPROXY is not supported: use REDIRECT)" : ""));
}

}  // namespace fairway::inject
