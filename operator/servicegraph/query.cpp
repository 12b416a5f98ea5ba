#include "servicegraph/query.h"

#include <array>
#include <cstdint>
#include <utility>

namespace fairway::servicegraph {

namespace {

// By which our own page groups. The security policy is not among them for latencies: it would split them.
constexpr std::string_view kEnds =
    "reporter, source_canonical_service, source_workload, source_workload_namespace, destination_canonical_service, "
    "destination_workload, destination_workload_namespace, destination_service_name, destination_service_namespace";

std::string sumBy(std::string_view labels, const std::string& what) {
  return "sum by (" + std::string(labels) + ") (" + what + ")";
}

std::string rate(std::string_view selector, std::string_view window) {
  return "rate(" + std::string(selector) + "[" + std::string(window) + "])";
}

std::string classicQuery(std::string_view metric, const ClassicOptions& options) {
  std::string selector = std::string(metric) + "{reporter=\"destination\"";
  for (const auto& [label, value] : options.matchers) selector += ", " + label + "=" + promQuoted(value);
  selector += "}";
  return "sum(" + rate(selector, options.horizon) +
         ") by (source_workload, destination_workload, source_app, destination_app)" +
         (options.filterEmpty ? " > 0" : "");
}

}  // namespace

Result<std::chrono::milliseconds> parsePrometheusDuration(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, std::int64_t>, 7> kUnits{{{"y", 365LL * 86'400'000},
                                                                                    {"w", 7LL * 86'400'000},
                                                                                    {"d", 86'400'000},
                                                                                    {"h", 3'600'000},
                                                                                    {"m", 60'000},
                                                                                    {"s", 1'000},
                                                                                    {"ms", 1}}};
  constexpr std::int64_t kMost = 100LL * 365 * 86'400'000;
  const auto bad = [&] {
    return failure("not a valid duration string: \"" + std::string(text.substr(0, 100)) +
                   "\"; expected one of Prometheus, as 30s, 5m, 1h30m or 1d");
  };
  std::int64_t total = 0;
  std::size_t unit = 0, at = 0;
  if (text.empty()) return bad();
  while (at < text.size()) {
    std::int64_t number = 0;
    const auto digits = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
      number = number * 10 + (text[at++] - '0');
      if (number > kMost) return bad();
    }
    const auto letters = at;
    while (at < text.size() && text[at] >= 'a' && text[at] <= 'z') ++at;
    const auto name = text.substr(letters, at - letters);
    while (unit < kUnits.size() && kUnits[unit].first != name) ++unit;
    if (digits == letters || unit == kUnits.size() || number > kMost / kUnits[unit].second) return bad();
    total += number * kUnits[unit++].second;
  }
  if (total == 0 || total > kMost) return bad();
  return std::chrono::milliseconds(total);
}

Result<ClassicOptions> classicOptions(const std::map<std::string, std::string>& parameters) {
  ClassicOptions options;
  const auto get = [&](std::string_view name) {
    const auto found = parameters.find(std::string(name));
    return found == parameters.end() ? std::string() : found->second;
  };
  if (const auto horizon = get("time_horizon"); !horizon.empty()) {
    if (const auto parsed = parsePrometheusDuration(horizon); !parsed) return tl::unexpected(parsed.error());
    options.horizon = horizon;
  }
  options.filterEmpty = get("filter_empty") == "true";
  for (const auto label : kClassicLabels) {
    if (auto value = get(label); !value.empty()) options.matchers.emplace(label, std::move(value));
  }
  return options;
}

std::string classicRequests(const ClassicOptions& options) { return classicQuery("istio_requests_total", options); }
std::string classicBytes(const ClassicOptions& options) {
  return classicQuery("istio_tcp_received_bytes_total", options);
}

std::string requestsQuery(std::string_view window) {
  return sumBy(std::string(kEnds) + ", request_protocol, connection_security_policy",
               rate("istio_requests_total", window));
}

std::string errorsQuery(std::string_view window) {
  // Of HTTP the server's failures, and 0: no answer came. Of gRPC what is no client's mistake, by status code.
  const auto labels = std::string(kEnds) + ", request_protocol";
  return sumBy(labels, rate(R"(istio_requests_total{response_code=~"0|5.."})", window) + " or " +
                           rate(R"(istio_requests_total{request_protocol="grpc",response_code!~"0|5..",)"
                                R"(grpc_response_status=~"2|4|8|12|13|14|15"})",
                                window));
}

std::string latencyQuery(std::string_view window, std::string_view quantile) {
  return "histogram_quantile(" + std::string(quantile) + ", " +
         sumBy("le, request_protocol, " + std::string(kEnds),
               rate("istio_request_duration_milliseconds_bucket", window)) +
         ")";
}

std::string tcpQuery(std::string_view window, std::string_view metric) {
  return sumBy(std::string(kEnds) + ", connection_security_policy", rate(metric, window));
}

std::string promQuoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result + "\"";
}

std::string percentEncoded(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  for (const char each : text) {
    const auto c = static_cast<unsigned char>(each);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      result += each;
    } else {
      result += '%';
      result += kDigits[c >> 4];
      result += kDigits[c & 15];
    }
  }
  return result;
}

}  // namespace fairway::servicegraph
