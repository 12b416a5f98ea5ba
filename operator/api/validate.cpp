#include "api/validate.h"

#include <arpa/inet.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/address.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

bool lower(char c) { return c >= 'a' && c <= 'z'; }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool alphanumeric(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

// "a-b_c.d" with letters and digits at both ends.
bool qualifiedName(std::string_view text) {
  return !text.empty() && text.size() <= 63 && alphanumeric(text.front()) && alphanumeric(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

int addressBits(std::string_view text) {
  if (text.size() > 45) return 0;
  std::array<unsigned char, 16> buffer{};
  const std::string address(text);
  if (inet_pton(AF_INET, address.c_str(), buffer.data()) == 1) return 32;
  if (inet_pton(AF_INET6, address.c_str(), buffer.data()) == 1) return 128;
  return 0;
}

}  // namespace

bool isDnsLabel(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) { return lower(c) || digit(c) || c == '-'; });
}

bool isDnsSubdomain(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    const auto dot = text.find('.');
    const auto label = text.substr(0, dot);
    // A subdomain's labels are bounded only by its own length (Kubernetes' IsDNS1123Subdomain).
    if (label.empty() || label.front() == '-' || label.back() == '-' ||
        !std::all_of(label.begin(), label.end(), [](char c) { return lower(c) || digit(c) || c == '-'; })) {
      return false;
    }
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool isIp(std::string_view text) { return addressBits(text) != 0; }

bool isIpOrCidr(std::string_view text) {
  const auto slash = text.find('/');
  const int bits = addressBits(text.substr(0, slash));
  if (bits == 0) return false;
  if (slash == std::string_view::npos) return true;
  const auto length = toNumber(text.substr(slash + 1));
  return length && *length <= static_cast<std::uint64_t>(bits);
}

bool isLabelKey(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return qualifiedName(text);
  return isDnsSubdomain(text.substr(0, slash)) && qualifiedName(text.substr(slash + 1));
}

bool isLabelValue(std::string_view text) { return text.empty() || qualifiedName(text); }

bool isHeaderName(std::string_view text) {
  static constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && text.size() <= 256 && std::all_of(text.begin(), text.end(), [](char c) {
    return alphanumeric(c) || kOthers.find(c) != std::string_view::npos;
  });
}

bool isHost(std::string_view text) {
  if (isIp(text)) return true;
  if (text.size() > 255) return false;
  const auto name = text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
  const auto labels = split(toLower(name), '.');
  // Underscores are no DNS host name, but clients of real meshes use them in Host headers.
  return std::all_of(labels.begin(), labels.end(), [](const std::string& label) {
    auto plain = label;
    std::replace(plain.begin(), plain.end(), '_', 'a');
    return isDnsLabel(plain);
  });
}

bool isHostPattern(std::string_view text) {
  if (text == "*") return true;
  if (text.starts_with("*.")) return !isIp(text.substr(2)) && isHost(text.substr(2));
  return isHost(text);
}

std::optional<std::string> regexProblem(const std::string& pattern, int* groups) {
  if (pattern.empty()) return "expected a pattern that is not empty";
  RE2::Options options;
  options.set_log_errors(false);
  const RE2 regex(pattern, options);
  if (!regex.ok()) {
    return "the pattern " + quote(pattern) + " is refused by RE2: " + regex.error() +
           "; RE2 has no look-around and no back references";
  }
  if (groups != nullptr) *groups = regex.NumberOfCapturingGroups();
  return std::nullopt;
}

std::optional<std::string> headerValueProblem(std::string_view value) {
  if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    return "found a line end or NUL in a header value";
  }
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '%') continue;
    if (value.substr(i).starts_with("%%")) {
      ++i;
      continue;
    }
    std::size_t end = i + 1;
    while (end < value.size() &&
           (std::isupper(static_cast<unsigned char>(value[end])) != 0 || digit(value[end]) || value[end] == '_'))
      ++end;
    const bool named = end > i + 1;
    if (named && end < value.size() && value[end] == '(') {
      const auto close = value.find(')', end);
      end = close == std::string_view::npos ? value.size() : close + 1;
    }
    if (named && end < value.size() && value[end] == ':') {
      for (++end; end < value.size() && digit(value[end]);) ++end;
    }
    if (!named || end >= value.size() || value[end] != '%') {
      return "found " + quote(value) + " with a lone %, expected %% for a percent sign or a command such as %PROTOCOL%";
    }
    i = end;
  }
  return std::nullopt;
}

void checkLabels(const Value& at, const Labels& labels) {
  for (const auto& [key, value] : labels) {
    if (!isLabelKey(key)) at.error("found the label name " + quote(key) + ", expected [prefix/]name as in Kubernetes");
    if (!isLabelValue(value)) {
      at.error("found the value " + quote(value) + " of label " + quote(key) +
               ", expected at most 63 letters, digits, '-', '_' and '.'");
    }
  }
}

void readMatchLabels(const Value& selector, Labels& out) {
  Fields fields(selector);
  const auto labels = fields.get("matchLabels");
  if (!labels) {
    if (fields.readable() && fields.empty()) return;
    if (fields.readable()) selector.expected("matchLabels with the labels of the pods");
    return;
  }
  out = labels->textMap();
  checkLabels(*labels, out);
}

Result<std::string> statsdAddress(const std::string& text) {
  if (text.empty()) return text;
  const auto address = parseAddress(text);
  if (address && !address->isUnix() && isHost(address->host) && address->port != 0) return text;
  return failure("found " + quote(text) + ", expected host:port of a statsd server, such as statsd.monitoring:9125");
}

void checkExportTo(const Value& at) {
  at.eachItem([](const Value& item, std::size_t) {
    if (!item.json().is_string()) return;
    const auto& text = item.json().get_ref<const std::string&>();
    if (text != "*" && text != "." && text != "~" && !isDnsLabel(text)) {
      item.expected("\".\" (this namespace), \"*\" (all), \"~\" (none) or the name of a namespace");
    }
  });
}

void checkIps(const Value& at, Problem::Severity severity) {
  if (!at.json().is_array()) return;
  at.eachItem([&](const Value& item, std::size_t) {
    if (!item.json().is_string() || isIpOrCidr(item.json().get_ref<const std::string&>())) return;
    item.report().add(severity, item.path(),
                      "found " + describe(item.json()) + ", expected an IP address or a range such as \"10.0.0.0/8\"" +
                          (severity == Problem::Severity::warning ? "; it never matches" : ""));
  });
}

}  // namespace fairway::api
