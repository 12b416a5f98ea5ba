#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

// Names that users, tools and the agent see; Istio's where it has one.
namespace fairway::inject {

inline constexpr std::string_view kProxyContainer = "istio-proxy";
inline constexpr std::string_view kInitContainer = "istio-init";
inline constexpr std::string_view kSidecarTemplate = "sidecar";
inline constexpr std::string_view kGatewayTemplate = "gateway";

inline constexpr std::string_view kInject = "sidecar.istio.io/inject";  // label, formerly an annotation
inline constexpr std::string_view kRevision = "istio.io/rev";
inline constexpr std::string_view kNamespaceInjection = "istio-injection";
inline constexpr std::string_view kTlsMode = "security.istio.io/tlsMode";
inline constexpr std::string_view kCanonicalName = "service.istio.io/canonical-name";
inline constexpr std::string_view kCanonicalRevision = "service.istio.io/canonical-revision";
inline constexpr std::string_view kStatus = "sidecar.istio.io/status";
inline constexpr std::string_view kTemplates = "inject.istio.io/templates";
inline constexpr std::string_view kProxyConfig = "proxy.istio.io/config";
inline constexpr std::string_view kScrape = "prometheus.io/scrape";
inline constexpr std::string_view kScrapePort = "prometheus.io/port";
inline constexpr std::string_view kScrapePath = "prometheus.io/path";
inline constexpr std::string_view kMergeMetrics = "prometheus.istio.io/merge-metrics";

inline constexpr std::uint32_t kProxyUser = 1337;
inline constexpr std::uint32_t kOutboundPort = 15001, kInboundPort = 15006;
inline constexpr std::uint32_t kAgentPort = 15020;   // merged metrics, the app's probes
inline constexpr std::uint32_t kHealthPort = 15021;  // /healthz/ready
inline constexpr std::uint32_t kEnvoyMetricsPort = 15090;

// What `fairway agent` takes.
inline constexpr std::array<std::string_view, 7> kProxyLogLevels = {"trace", "debug",    "info", "warning",
                                                                    "error", "critical", "off"};
inline constexpr std::array<std::string_view, 6> kAgentLogLevels = {"trace", "debug", "info", "warn", "error", "off"};
inline constexpr std::uint32_t kMaxConcurrency = 256;
inline constexpr std::chrono::seconds kMaxDrain{3600};

}  // namespace fairway::inject
