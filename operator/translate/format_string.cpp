#include <algorithm>
#include <array>
#include <cctype>

#include "translate/route.h"

namespace fairway::translate {

namespace {

// Command operators that Envoy knows in header values, without their arguments.
constexpr std::array<std::string_view, 43> kCommands = {"BYTES_RECEIVED",
                                                        "BYTES_SENT",
                                                        "CONNECTION_ID",
                                                        "CONNECTION_TERMINATION_DETAILS",
                                                        "CUSTOM_FLAGS",
                                                        "DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
                                                        "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
                                                        "DOWNSTREAM_DIRECT_REMOTE_PORT",
                                                        "DOWNSTREAM_LOCAL_ADDRESS",
                                                        "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
                                                        "DOWNSTREAM_LOCAL_PORT",
                                                        "DOWNSTREAM_LOCAL_SUBJECT",
                                                        "DOWNSTREAM_LOCAL_URI_SAN",
                                                        "DOWNSTREAM_PEER_CERT",
                                                        "DOWNSTREAM_PEER_CERT_V_END",
                                                        "DOWNSTREAM_PEER_CERT_V_START",
                                                        "DOWNSTREAM_PEER_FINGERPRINT_1",
                                                        "DOWNSTREAM_PEER_FINGERPRINT_256",
                                                        "DOWNSTREAM_PEER_ISSUER",
                                                        "DOWNSTREAM_PEER_SERIAL",
                                                        "DOWNSTREAM_PEER_SUBJECT",
                                                        "DOWNSTREAM_PEER_URI_SAN",
                                                        "DOWNSTREAM_REMOTE_ADDRESS",
                                                        "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
                                                        "DOWNSTREAM_REMOTE_PORT",
                                                        "DOWNSTREAM_TLS_CIPHER",
                                                        "DOWNSTREAM_TLS_SESSION_ID",
                                                        "DOWNSTREAM_TLS_VERSION",
                                                        "DURATION",
                                                        "HOSTNAME",
                                                        "PROTOCOL",
                                                        "REQUESTED_SERVER_NAME",
                                                        "REQUEST_DURATION",
                                                        "RESPONSE_CODE",
                                                        "RESPONSE_CODE_DETAILS",
                                                        "RESPONSE_DURATION",
                                                        "RESPONSE_FLAGS",
                                                        "ROUTE_NAME",
                                                        "UPSTREAM_CLUSTER",
                                                        "UPSTREAM_HOST",
                                                        "UPSTREAM_LOCAL_ADDRESS",
                                                        "UPSTREAM_REMOTE_ADDRESS",
                                                        "UPSTREAM_TRANSPORT_FAILURE_REASON"};
// Operators that need an argument in parentheses.
constexpr std::array<std::string_view, 3> kCommandsWithArgument = {"REQ", "RESP", "START_TIME"};

// Length of the command that starts at `text[0] == '%'`, both percent signs included; 0 if there is none.
std::size_t commandLength(std::string_view text) {
  std::size_t end = 1;
  while (end < text.size() && (std::isupper(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_' ||
                               std::isdigit(static_cast<unsigned char>(text[end])) != 0)) {
    ++end;
  }
  const auto name = text.substr(1, end - 1);
  const auto is = [&](const auto& list) { return std::find(list.begin(), list.end(), name) != list.end(); };
  if (end < text.size() && text[end] == '(' && is(kCommandsWithArgument)) {
    const auto close = text.find(')', end);
    if (close == std::string_view::npos || close == end + 1) return 0;
    // A time's format has percent signs of its own.
    const bool percent = text.substr(end, close - end).find('%') != std::string_view::npos;
    if (percent && name != "START_TIME") return 0;
    end = close + 1;
    return end < text.size() && text[end] == '%' ? end + 1 : 0;
  }
  return is(kCommands) && end < text.size() && text[end] == '%' ? end + 1 : 0;
}

}  // namespace

std::string formatString(const std::string& value) {
  std::string result;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '%') {
      result += value[i];
    } else if (i + 1 < value.size() && value[i + 1] == '%') {
      result += "%%";
      ++i;
    } else if (const auto length = commandLength(std::string_view(value).substr(i)); length > 0) {
      result += value.substr(i, length);
      i += length - 1;
    } else {
      result += "%%";
    }
  }
  return result;
}

}  // namespace fairway::translate
