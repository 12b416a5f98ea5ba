#include "agent/pod_info.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/strings.h"

namespace fairway::agent {
namespace {

constexpr std::size_t kMaxValue = 4096;
constexpr std::size_t kMaxEntries = 64;
constexpr std::string_view kMetaPrefix = "ISTIO_META_";
// What says who the proxy is comes from the pod, not from what somebody put into its environment.
constexpr std::array<std::string_view, 11> kOwnKeys = {"NAME",
                                                       "NAMESPACE",
                                                       "SERVICE_ACCOUNT",
                                                       "LABELS",
                                                       "ANNOTATIONS",
                                                       "INSTANCE_IPS",
                                                       "FAIRWAY_APP_ADDRESS",
                                                       "INTERCEPTION_MODE",
                                                       "UNPRIVILEGED_POD",
                                                       "FAIRWAY_OUTBOUND_ADDRESS",
                                                       "FAIRWAY_GATEWAY_TOPOLOGY"};

void appendUtf8(std::string& text, std::uint32_t code) {
  const auto byte = [&text](std::uint32_t value) { text += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0 | code >> 6);
    byte(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    byte(0xE0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3F));
    byte(0x80 | (code & 0x3F));
  } else {
    byte(0xF0 | code >> 18);
    byte(0x80 | (code >> 12 & 0x3F));
    byte(0x80 | (code >> 6 & 0x3F));
    byte(0x80 | (code & 0x3F));
  }
}

std::optional<std::uint32_t> hex(std::string_view digits) {
  std::uint32_t value = 0;
  for (const char c : digits) {
    const auto digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return std::nullopt;
    value = value * 16 + static_cast<std::uint32_t>(digit);
  }
  return value;
}

// Appends what the escape at the front of `rest` (after its backslash) stands for and removes it; false if it is none.
bool unescape(std::string_view& rest, std::string& text) {
  if (rest.empty()) return false;
  const char kind = rest.front();
  rest.remove_prefix(1);
  constexpr std::string_view kNames = "abfnrtv\"\\", kValues = "\a\b\f\n\r\t\v\"\\";
  if (const auto at = kNames.find(kind); at != std::string_view::npos) {
    text += kValues[at];
    return true;
  }
  const std::size_t length = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
  if (length == 0 || rest.size() < length) return false;
  const auto code = hex(rest.substr(0, length));
  if (!code || *code > 0x10FFFF) return false;
  rest.remove_prefix(length);
  if (kind == 'x') {
    text += static_cast<char>(*code);
  } else {
    appendUtf8(text, *code);
  }
  return true;
}

// A Go quoted string (strconv.Quote) without its quotes; nothing if it is malformed.
std::optional<std::string> unquote(std::string_view quoted) {
  if (quoted.size() < 2 || quoted.front() != '"' || quoted.back() != '"') return std::nullopt;
  auto rest = quoted.substr(1, quoted.size() - 2);
  std::string result;
  while (!rest.empty()) {
    const char c = rest.front();
    if (c == '"') return std::nullopt;
    rest.remove_prefix(1);
    if (c != '\\') {
      result += c;
    } else if (!unescape(rest, result)) {
      return std::nullopt;
    }
  }
  return result;
}

}  // namespace

Result<std::map<std::string, std::string>> parseDownward(std::string_view contents) {
  std::map<std::string, std::string> labels;
  std::size_t number = 0;
  for (const auto& line : split(contents, '\n')) {
    ++number;
    if (trim(line).empty()) continue;
    const auto equals = line.find('=');
    const auto value =
        equals == std::string::npos ? std::nullopt : unquote(trim(std::string_view(line).substr(equals + 1)));
    const auto key = trim(std::string_view(line).substr(0, equals));
    if (!value || key.empty()) return failure("line " + std::to_string(number) + ": expected key=\"value\"");
    labels[std::string(key)] = *value;
  }
  return labels;
}

std::map<std::string, std::string> meshAnnotations(const std::map<std::string, std::string>& annotations) {
  std::map<std::string, std::string> result;
  for (const auto& [key, value] : annotations) {
    const auto domain = key.substr(0, key.find('/'));
    const bool ours = domain == "istio.io" || domain.ends_with(".istio.io");
    if (!ours || key == "sidecar.istio.io/status" || value.size() > kMaxValue) continue;
    if (result.size() < kMaxEntries) result[key] = value;
  }
  return result;
}

Result<std::map<std::string, std::string>> metadataFrom(const std::vector<std::string>& environment) {
  std::map<std::string, std::string> result;
  for (const auto& entry : environment) {
    const auto equals = entry.find('=');
    if (!entry.starts_with(kMetaPrefix) || equals == std::string::npos) continue;
    const auto name = entry.substr(0, equals), key = name.substr(kMetaPrefix.size()), value = entry.substr(equals + 1);
    if (key.empty() || value.empty() || std::find(kOwnKeys.begin(), kOwnKeys.end(), key) != kOwnKeys.end()) continue;
    if (value.size() > kMaxValue) {
      return failure("environment " + name + ": " + std::to_string(value.size()) + " bytes; at most " +
                     std::to_string(kMaxValue) + " are taken");
    }
    if (result.size() == kMaxEntries) {
      return failure("environment: more than " + std::to_string(kMaxEntries) + " variables ISTIO_META_...");
    }
    result[key] = value;
  }
  return result;
}

}  // namespace fairway::agent
