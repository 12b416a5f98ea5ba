#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// Canonical values: what every dialect is turned into, and all that translation knows.
// Plain structs with ==; no Kubernetes, no Envoy.
namespace fairway::model {

using Labels = std::map<std::string, std::string>;
using Duration = std::chrono::nanoseconds;

// The user's object, and the rule in it, that a value came from. Travels into Envoy's metadata.
struct Provenance {
  std::string kind;  // "VirtualService"
  std::string ns;
  std::string name;
  std::string rule;  // path of the rule in the object, e.g. "http[0]"; empty = the whole object

  // "VirtualService/onap/portal http[0]"; cluster-scoped objects have no namespace part.
  [[nodiscard]] std::string toString() const;
  auto operator<=>(const Provenance&) const = default;
};

// What a normalisation or translation step has to tell the author of an object.
struct Note {
  enum class Severity { info, warning, error };
  // Several want one port, and not all can have it: the first word is who has it.
  enum class Conflict { none, inbound, tcp_over_tcp, http_over_tcp };
  Severity severity = Severity::warning;
  Provenance object;
  std::string field;
  std::string message;
  Conflict conflict = Conflict::none;
  auto operator<=>(const Note&) const = default;
};
using Notes = std::vector<Note>;

// Application protocol of a service port (from its appProtocol, else its name's prefix).
enum class Protocol { tcp, http, http2, grpc, grpc_web, https, tls, udp, mongo, redis, mysql };

// "TCP", "HTTP2", "GRPC-Web" ... as Istio's listings print them.
std::string_view toString(Protocol protocol);
// HTTP, HTTP2, GRPC, GRPC-Web: routed as HTTP, authorised by HTTP rules.
bool isHttp(Protocol protocol);
// HTTP2, GRPC: the upstream connection speaks HTTP/2.
bool isHttp2(Protocol protocol);
// HTTPS, TLS: routed by SNI.
bool isTls(Protocol protocol);

}  // namespace fairway::model
