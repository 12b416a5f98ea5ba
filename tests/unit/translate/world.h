#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <google/protobuf/any.pb.h>

#include "normalize/queries.h"
#include "translate/units.h"

namespace fairway::translate::test {

// A mesh as normalisation would present it, for tests of translation alone.
struct World {
  std::map<std::string, model::Service> services;  // by host
  std::map<std::pair<std::string, std::string>, model::Workload> workloads;
  std::map<std::pair<std::string, std::uint32_t>, std::vector<model::Endpoint>> endpoints;  // by host and port
  std::map<std::string, std::vector<std::string>> identities;
  std::map<std::pair<std::string, std::uint32_t>, model::PortTrafficPolicy> policies;
  std::map<std::pair<std::string, std::uint32_t>, model::Routes> routes;
  model::GatewayConfig gateway;
  std::map<std::pair<std::uint32_t, std::string>, normalize::GatewayRoutes::Value> gatewayRoutes;  // by port and server
  model::PeerAuthentication peers;
  std::map<std::uint32_t, model::Authorization> authorization;  // by workload port
  std::map<std::pair<std::string, std::string>, normalize::CredentialOf::Credential> credentials;

  // A service of namespace `ns` with a cluster IP; returns it for changes.
  model::Service& addService(const std::string& ns, const std::string& name, std::vector<model::ServicePort> ports);
  // A meshed endpoint of it, ready.
  model::Endpoint& addEndpoint(const std::string& host, std::uint32_t port, const std::string& address,
                               std::uint32_t workloadPort);
};

std::string hostOf(const std::string& ns, const std::string& name);
model::ServicePort port(const std::string& name, std::uint32_t number, model::Protocol protocol,
                        const std::string& target = {});

// Everything a proxy is to have.
struct Resources {
  std::map<Type, std::map<std::string, ResourcePtr>> byType;
  model::Notes notes;
  std::set<std::string> duplicates;  // names that two units gave different content
  std::map<std::string, int> units;  // how many units of each type

  [[nodiscard]] bool has(Type type, const std::string& name) const;
  [[nodiscard]] std::vector<std::string> names(Type type) const;
  // The resource as the message it holds. Fails the test if there is none.
  template <class Message>
  [[nodiscard]] Message get(Type type, const std::string& name) const {
    Message message;
    unpack(type, name, message);
    return message;
  }
  [[nodiscard]] bool noted(const std::string& object, const std::string& text) const;

 private:
  void unpack(Type type, const std::string& name, google::protobuf::Message& message) const;
};

Resources translate(const World& world, const Proxy& proxy);

// A sidecar, a gateway, with and without interception.
Proxy sidecar(const std::string& ns = "default");
Proxy bareSidecar(const std::string& ns = "default");
Proxy gatewayProxy();

// The message in an Any of type Message; fails the test if it is another.
template <class Message>
Message unpack(const google::protobuf::Any& any) {
  Message message;
  if (!any.UnpackTo(&message)) throw std::runtime_error("not a " + Message::descriptor()->full_name() + ": " + any.type_url());
  return message;
}

// As JSON, for messages of failed checks and comparisons by text.
std::string toJson(const google::protobuf::Message& message);

}  // namespace fairway::translate::test
