#include "normalize/queries.h"

#include "base/strings.h"
#include "normalize/internal_queries.h"
#include "store/view.h"

namespace fairway::normalize {

namespace {

using store::joinKey;
using store::KeyFields;
using store::splitKey;

// Labels stand at the end of a key, as pairs of fields: they may hold any text (a proxy's metadata is not checked).
std::string withLabels(std::string key, const model::Labels& labels) {
  for (const auto& [name, value] : labels) key += "|" + joinKey({name, value});
  return key;
}

model::Labels labelsFrom(const std::vector<std::string>& fields, std::size_t first) {
  model::Labels labels;
  for (std::size_t i = first; i + 1 < fields.size(); i += 2) labels.emplace(fields[i], fields[i + 1]);
  return labels;
}

std::uint32_t portFrom(const std::string& field) { return static_cast<std::uint32_t>(toNumber(field).value_or(0)); }

}  // namespace

ServiceOf ServiceOf::parse(std::string_view key) { return {std::string(key)}; }

std::string WorkloadOf::key() const { return joinKey({ns, name}); }
WorkloadOf WorkloadOf::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fields.at(0), fields.at(1)};
}

std::string WorkloadServices::key() const { return withLabels(joinKey({ns}), labels); }
WorkloadServices WorkloadServices::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fields.at(0), labelsFrom(fields, 1)};
}

std::string InboundPortsOf::key() const { return withLabels(joinKey({ns}), labels); }
InboundPortsOf InboundPortsOf::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fields.at(0), labelsFrom(fields, 1)};
}

std::string NamedPortsOf::key() const { return withLabels(joinKey({ns}), labels); }
NamedPortsOf NamedPortsOf::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fields.at(0), labelsFrom(fields, 1)};
}

std::string EndpointsOf::key() const { return joinKey({host, std::to_string(port)}); }
EndpointsOf EndpointsOf::parse(std::string_view key) {
  KeyFields fields(key);
  return {fields.next(), portFrom(fields.next())};
}

IdentitiesOf IdentitiesOf::parse(std::string_view key) { return {std::string(key)}; }

std::string clientKey(const model::Client& client) {
  // Nearly all clients are nothing but a namespace.
  const auto& place = client.locality;
  const bool special = !client.labels.empty() || !client.sidecar.empty() || !client.telemetry.empty() ||
                       !place.region.empty() || !place.zone.empty() || !place.subzone.empty();
  if (!special) return joinKey({client.ns});
  return withLabels(joinKey({client.ns, client.sidecar, place.region, place.zone, place.subzone, client.telemetry}),
                    client.labels);
}

model::Client parseClientKey(std::string_view key) {
  KeyFields first(key);
  model::Client client(first.next());
  if (first.done()) return client;
  const auto fields = splitKey(key);
  if (fields.size() < 6) return client;
  client.sidecar = fields[1];
  client.locality = {fields[2], fields[3], fields[4]};
  client.telemetry = fields[5];
  client.labels = labelsFrom(fields, 6);
  return client;
}

std::string TrafficPolicyOf::key() const { return joinKey({clientKey(client), host, std::to_string(port)}); }
TrafficPolicyOf TrafficPolicyOf::parse(std::string_view key) {
  KeyFields fields(key);
  return {parseClientKey(fields.next()), fields.next(), portFrom(fields.next())};
}

std::string RoutesOf::key() const { return joinKey({clientKey(client), host, std::to_string(port)}); }
RoutesOf RoutesOf::parse(std::string_view key) {
  KeyFields fields(key);
  return {parseClientKey(fields.next()), fields.next(), portFrom(fields.next())};
}

std::string GatewayOf::key() const { return withLabels(joinKey({ns}), labels); }
GatewayOf GatewayOf::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fields.at(0), labelsFrom(fields, 1)};
}

std::string GatewayRoutes::key() const { return withLabels(joinKey({ns, std::to_string(port), server}), labels); }
GatewayRoutes GatewayRoutes::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fields.at(0), labelsFrom(fields, 3), portFrom(fields.at(1)), fields.at(2)};
}

std::string PeerAuthenticationOf::key() const { return withLabels(joinKey({ns}), labels); }
PeerAuthenticationOf PeerAuthenticationOf::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fields.at(0), labelsFrom(fields, 1)};
}

std::string RequestAuthenticationOf::key() const { return withLabels(joinKey({ns, std::to_string(port)}), labels); }
RequestAuthenticationOf RequestAuthenticationOf::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fields.at(0), labelsFrom(fields, 2), portFrom(fields.at(1))};
}

std::string AuthorizationOf::key() const {
  return withLabels(joinKey({ns, serviceAccount, std::to_string(port)}), labels);
}
AuthorizationOf AuthorizationOf::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fields.at(0), labelsFrom(fields, 3), fields.at(1), portFrom(fields.at(2))};
}

std::string RateLimitsOf::key() const { return withLabels(joinKey({ns, gateway ? "gateway" : "inbound"}), labels); }
RateLimitsOf RateLimitsOf::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fields.at(0), labelsFrom(fields, 2), fields.at(1) == "gateway"};
}

std::string TelemetryFor::key() const { return withLabels(joinKey({ns}), labels); }
TelemetryFor TelemetryFor::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fields.at(0), labelsFrom(fields, 1)};
}

std::string TelemetryOf::key() const { return joinKey({ns, object}); }
TelemetryOf TelemetryOf::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fields.at(0), fields.at(1)};
}

std::string SecretExists::key() const { return joinKey({ns, name}); }
SecretExists SecretExists::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fields.at(0), fields.at(1)};
}

std::string CredentialOf::key() const { return joinKey({ns, name}); }
CredentialOf CredentialOf::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fields.at(0), fields.at(1)};
}

}  // namespace fairway::normalize
