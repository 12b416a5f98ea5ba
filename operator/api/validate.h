#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/decoder.h"
#include "base/result.h"

// Checks of single values, as the API server, Istio's documentation and Envoy's configuration demand
// them. The predicates are pure; the check...() functions report an error at the value.
namespace fairway::api {

bool isDnsLabel(std::string_view text);      // RFC 1123 label: lower case, at most 63 characters
bool isDnsSubdomain(std::string_view text);  // RFC 1123 subdomain: labels with dots, at most 253
bool isIp(std::string_view text);            // IPv4 or IPv6 address
bool isIpOrCidr(std::string_view text);
bool isLabelKey(std::string_view text);  // Kubernetes label key: [prefix/]name
bool isLabelValue(std::string_view text);
bool isHeaderName(std::string_view text);  // RFC 9110 token, without pseudo headers

// A host that a client asks for: short name or FQDN in any case, or an IP address.
bool isHost(std::string_view text);
// As isHost(), or "*", or "*." in front of a name.
bool isHostPattern(std::string_view text);

// Why RE2 refuses a pattern; nothing if it takes it. With `groups`, the number of its groups.
std::optional<std::string> regexProblem(const std::string& pattern, int* groups = nullptr);
// Whether Envoy takes a header value: no line ends, and each % starts "%%" or a command "%REQ(x):10%".
std::optional<std::string> headerValueProblem(std::string_view value);

// "" for none, or host:port; the text itself, or what is wrong with it.
Result<std::string> statsdAddress(const std::string& text);

void checkLabels(const Value& at, const Labels& labels);
// `spec.selector.matchLabels` and the like: labels, no wildcards.
void readMatchLabels(const Value& selector, Labels& out);
// "*", ".", "~" or the name of a namespace.
void checkExportTo(const Value& at);
// A list of IP addresses and CIDR ranges. `severity` is what a wrong element is.
void checkIps(const Value& at, Problem::Severity severity = Problem::Severity::error);

}  // namespace fairway::api
