// Short texts with a grammar of their own: addresses, ranges, patterns, identities, options.
#include "agent/config.h"
#include "agent/merged_metrics.h"
#include "agent/mesh_metrics.h"
#include "agent/probes.h"
#include "api/base64.h"
#include "api/duration.h"
#include "base/address.h"
#include "base/strings.h"
#include "discovery/peer.h"
#include "fuzz/target.h"
#include "identity/spiffe.h"
#include "intercept/options.h"

namespace {

using namespace fairway;

void addresses(std::string_view text) {
  if (const auto address = parseAddress(text)) {
    const auto again = parseAddress(address->toString());
    fuzz::require(again && *again == *address, "an address is read as it is written");
  }
  if (const auto cidr = intercept::parseCidr(text)) {
    const auto again = intercept::parseCidr(cidr->text);
    fuzz::require(again && *again == *cidr, "a network is read as it is written");
  }
  (void)discovery::peerHost(text);
  (void)toNumber(text);
  (void)api::parseDuration(text);
  (void)intercept::nameservers(text);
  if (const auto bytes = api::decodeBase64(text)) {
    fuzz::require(api::decodeBase64(api::encodeBase64(*bytes)) == bytes, "Base64 is read as it is written");
  }
}

void identities(std::string_view text) {
  if (const auto id = identity::SpiffeId::parse(text)) {
    fuzz::require(id->toString() == text, "an identity has one form");
    const auto peer = discovery::identityFromSpiffe(text);
    fuzz::require(peer && peer->toString() == text, "both readers take the same");
  }
  if (const auto account = identity::parseServiceAccountUsername(text)) {
    fuzz::require(identity::serviceAccountUsername(*account) == text, "an account has one form");
  }
}

// "--flag=value"
void intercepts(std::string_view text) {
  const auto equals = text.find('=');
  const std::string value(equals == std::string_view::npos ? text : text.substr(equals + 1));
  for (const auto& flag : intercept::interceptFlags()) {
    if (equals != std::string_view::npos && text.substr(0, equals) != flag.name) continue;
    intercept::InterceptOptions options;
    (void)flag.set(options, value);
  }
}

void agents(std::string_view text) {
  const std::string value(text);
  for (const auto& flag : agent::agentFlags()) {
    agent::AgentOptions options;
    (void)flag.set(options, value);
  }
  (void)agent::parseAppProbes(value);
  (void)agent::scrapeTimeout(value);
}

void metrics(std::string_view text) {
  std::string page;
  agent::MeshMetrics metrics(agent::OwnLabels{}, 10);
  metrics.append(page, text, metrics.turn());
  // Once more, now that it has counters to compare with.
  metrics.append(page, std::string_view(text).substr(text.size() / 2), metrics.turn());
  agent::appendAppMetrics(page, text);
}

const fuzz::Registration kAddress{{"address", {}, addresses, nullptr}};
const fuzz::Registration kIdentity{{"identity", {}, identities, nullptr}};
const fuzz::Registration kIntercept{{"intercept", {}, intercepts, nullptr}};
const fuzz::Registration kAgent{{"agent_options", {}, agents, nullptr}};
const fuzz::Registration kMetrics{{"metrics", {}, metrics, nullptr}};

}  // namespace
