#pragma once

#include <array>
#include <cstdint>

// Ports and identities of a proxy in a pod. They are Istio's: users, dashboards and network policies know them.
namespace fairway::ports {

inline constexpr std::uint16_t kEnvoyAdmin = 15000;  // loopback only
inline constexpr std::uint16_t kOutbound = 15001;    // intercepted connections of the app
inline constexpr std::uint16_t kInbound = 15006;     // intercepted connections to the app
inline constexpr std::uint16_t kAgent = 15020;       // merged metrics, the app's probes and hooks
inline constexpr std::uint16_t kHealth = 15021;      // /healthz/ready of the proxy
inline constexpr std::uint16_t kPrometheus = 15090;  // Envoy's own /stats/prometheus

// What is reached in the pod from outside without being intercepted.
inline constexpr std::array<std::uint16_t, 3> kNeverIntercepted = {kAgent, kHealth, kPrometheus};

inline constexpr std::uint32_t kProxyUser = 1337;   // of agent and Envoy
inline constexpr std::uint32_t kProxyGroup = 1337;  // likewise

// Source addresses of connections from the proxy and the agent to their own app: the interception rules let them
// through. The IPv6 one has to be added to the loopback device.
inline constexpr const char* kAppSideV4 = "127.0.0.6";
inline constexpr const char* kAppSideV6 = "::6";

}  // namespace fairway::ports
