#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/mesh.h"
#include "model/traffic.h"
#include "store/view.h"

namespace envoy::config::core::v3 {
class TransportSocket;
}

// TLS contexts, for both ends of the mesh's mTLS and for what users configure themselves.
namespace fairway::translate {

class MessageWriter;

// The application protocol that mesh clients offer beside the real one; servers tell by it the mesh's mTLS
// from TLS that is meant for the app.
inline constexpr const char* kMeshAlpn = "istio";

// What the mesh's own TLS needs to know.
struct MeshTls {
  std::vector<std::string> trustDomains;  // ours first, then its aliases
  model::MeshSettings::Tls settings;
  model::MeshSettings::Tls others;  // of all TLS but the mesh's own
  bool operator==(const MeshTls&) const = default;
};
MeshTls meshTlsOf(store::View& view);

enum class UpstreamAlpn { none, http1, http2 };

// Client side of mTLS with the workload's certificate, a serialized TransportSocket. The server must be one of
// `identities` (URI SANs); with none, no server is trusted.
class MeshClientTls {
 public:
  // What is given must outlive this.
  MeshClientTls(std::string_view sni, const std::vector<std::string>& identities, UpstreamAlpn alpn,
                const model::MeshSettings::Tls& settings);
  [[nodiscard]] std::size_t size() const;
  void appendTo(MessageWriter& out) const;

 private:
  struct Sizes {
    std::size_t names, combined, context, upstream, any;
  };
  std::string_view sni_;
  const std::vector<std::string>& identities_;
  const std::string& common_;  // the same for every server: the versions, the workload's certificate and the roots
  Sizes sizes_{};
};

// Modes simple and mutual of a TrafficPolicy. `host` is the server's name where the policy gives no SNI;
// empty: each connection has its own.
void setClientTls(envoy::config::core::v3::TransportSocket& out, const model::TrafficPolicy::Tls& tls,
                  const std::string& host, UpstreamAlpn alpn, const model::MeshSettings::Tls& defaults = {});

// No TLS, as a serialized TransportSocket.
const std::string& plaintext();

// Server side of mTLS: any identity of the trust domain and its aliases may connect.
void setMeshServerTls(envoy::config::core::v3::TransportSocket& out, const MeshTls& mesh);

// A gateway server that terminates TLS (not mode passthrough). `http` offers h2 and http/1.1.
void setGatewayTls(envoy::config::core::v3::TransportSocket& out, const model::GatewayTls& tls, bool http,
                   const MeshTls& mesh);

}  // namespace fairway::translate
