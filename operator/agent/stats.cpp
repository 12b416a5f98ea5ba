#include "agent/stats.h"

#include <array>

#include <re2/re2.h>
#include <nlohmann/json.hpp>

#include "agent/config.h"
#include "base/metric_tags.h"
#include "base/strings.h"

namespace fairway::agent {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxNames = 64, kMaxName = 256;

constexpr std::array kPrefixes{
    "cluster_manager.", "listener_manager.", "server.",  "cluster.xds-grpc.", "cluster.BlackHoleCluster.",
    "access_logs.",     "main_thread.",      "tracing.", "control_plane."};
constexpr std::array kSuffixes{"rbac.allowed",
                               "rbac.denied",
                               "shadow_allowed",
                               "shadow_denied",
                               "downstream_cx_active",
                               "downstream_rq_active",
                               "upstream_rq_pending_overflow",
                               "upstream_cx_overflow",
                               "upstream_rq_retry_overflow",
                               "upstream_cx_connect_fail"};

struct List {
  const char* flag;
  const char* kind;  // of envoy.type.matcher.v3.StringMatcher
  std::vector<std::string> AgentOptions::*member;
};
constexpr std::array kLists{List{"--stats-prefixes", "prefix", &AgentOptions::statsPrefixes},
                            List{"--stats-suffixes", "suffix", &AgentOptions::statsSuffixes},
                            List{"--stats-regexes", "safe_regex", &AgentOptions::statsRegexes}};

json pattern(const char* kind, const std::string& text) {
  if (std::string_view(kind) == "safe_regex") return {{kind, {{"regex", text}}}};
  return {{kind, text}};
}

}  // namespace

json statsConfig(const AgentOptions& options) {
  std::string domain;
  for (const char c : options.domain) domain += c == '.' ? "\\." : std::string(1, c);
  const auto tag = [](const std::string& name, const std::string& regex) {
    return json{{"tag_name", name}, {"regex", regex}};
  };
  json patterns = json::array({{{"prefix", std::string(metric_tags::kScope) + "."}}});
  for (const auto* name : kPrefixes) patterns.push_back(pattern("prefix", name));
  for (const auto* name : kSuffixes) patterns.push_back(pattern("suffix", name));
  for (const auto& list : kLists) {
    for (const auto& name : options.*list.member) patterns.push_back(pattern(list.kind, name));
  }
  // Names of clusters hold dots and bars, at which Envoy's own tag rules would cut them.
  return {{"use_all_default_tags", false},
          {"stats_tags",
           json::array({
               tag("cluster_name", "^cluster\\.((.+?(\\..+?\\.svc\\." + domain + ")?)\\.)"),
               tag("tcp_prefix", "^tcp\\.((.*?)\\.)\\w+?$"),
               tag("http_conn_manager_prefix", "^http\\.(((?:[_.[:digit:]]*|[_\\[\\]aAbBcCdDeEfF[:digit:]]*))\\.)"),
               tag("response_code", "_rq(_(\\d{3}))$"),
               tag("response_code_class", "_rq(_(\\dxx))$"),
               tag("listener_address", "^listener\\.(((?:[_.[:digit:]]*|[_\\[\\]aAbBcCdDeEfF[:digit:]]*))\\.)"),
           })},
          {"stats_matcher", {{"inclusion_list", {{"patterns", std::move(patterns)}}}}}};
}

Result<void> checkStats(const AgentOptions& options) {
  for (const auto& list : kLists) {
    const auto& names = options.*list.member;
    if (names.size() > kMaxNames) {
      return failure(std::string(list.flag) + ": " + std::to_string(names.size()) + " names; expected at most " +
                     std::to_string(kMaxNames));
    }
    for (const auto& name : names) {
      if (name.empty() || name.size() > kMaxName) {
        return failure(std::string(list.flag) + ": \"" + name.substr(0, kMaxName) + "\": expected 1 to " +
                       std::to_string(kMaxName) + " characters");
      }
      const re2::RE2 regex(name, re2::RE2::Quiet);
      if (std::string_view(list.kind) == "safe_regex" && !regex.ok()) {
        return failure(std::string(list.flag) + ": \"" + name + "\": " + regex.error());
      }
    }
  }
  return {};
}

}  // namespace fairway::agent
