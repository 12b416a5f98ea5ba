// Requests for secrets to the agent's unix socket.
#include "agent/sds_session.h"
#include "agent/secrets.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "fuzz/target.h"

namespace {

using namespace fairway;
using agent::SdsSession;

// The first byte says which variant.
void run(std::string_view bytes) {
  if (bytes.empty()) return;
  static const auto snapshot = std::make_shared<const agent::SecretSnapshot>(
      agent::SecretSnapshot{{{"default", {"1", "key and chain"}}, {"ROOTCA", {"2", "roots"}}}});
  const auto session = (bytes.front() & 1) == 0 ? SdsSession::delta() : SdsSession::stateOfTheWorld();
  for (int times = 0; times < 2; ++times) {
    std::optional<SdsSession::Report> report;
    if (!session->receive(std::string(bytes.substr(1)), report)) return;
    (void)session->next(snapshot);
  }
}

std::vector<std::string> seeds() {
  envoy::service::discovery::v3::DeltaDiscoveryRequest delta;
  delta.set_type_url("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret");
  delta.add_resource_names_subscribe("default");
  envoy::service::discovery::v3::DiscoveryRequest sotw;
  sotw.set_type_url(delta.type_url());
  sotw.add_resource_names("ROOTCA");
  return {std::string(1, '\0') + delta.SerializeAsString(), std::string(1, '\1') + sotw.SerializeAsString()};
}

const fuzz::Registration kTarget{{"sds_request", {}, run, seeds}};

}  // namespace
