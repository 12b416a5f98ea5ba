#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/kubeconfig.h"

namespace fairway::kube {

// A port on the loopback of a pod.
struct PodPort {
  std::string ns, pod;
  std::uint16_t port = 0;
};

struct PodAnswer {
  unsigned status = 0;
  std::string body;
};

// A request without a body for a path over HTTP/1.1 to a port of a pod, by the API server's port-forward: so what listens on the pod's loopback
// only is reached from wherever the API server is. Each call is a connection of its own, over WebSocket with subprotocol
// v4.channel.k8s.io, which API servers hand on to the kubelet. The user needs the verbs get and create on pods/portforward.
// `timeout` is for the connection and for each silence after it.
Result<PodAnswer> askPod(const ClusterAccess& access, const PodPort& target, const std::string& path,
                         std::chrono::milliseconds timeout, const std::string& method = "GET");

// The messages of v4.channel.k8s.io for one port: the first byte is the channel, 0 for data and 1 for errors; the first
// message of each channel holds nothing but the port, as two bytes.
class ForwardedStream {
 public:
  // Takes one message; returns the data in it, which lives as long as the message.
  std::string_view take(std::string_view message);
  // What the error channel said; empty: nothing.
  [[nodiscard]] const std::string& error() const { return error_; }
  // A message with data.
  static std::string wrap(std::string_view data);

 private:
  bool begun_[2] = {false, false};
  std::string error_;
};

}  // namespace fairway::kube
