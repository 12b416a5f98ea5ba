#include <algorithm>
#include <functional>

#include "base/strings.h"
#include "evaluate/address.h"
#include "evaluate/chains_internal.h"
#include "evaluate/proto_json_internal.h"

namespace fairway::evaluate {

using envoy::config::core::v3::CidrRange;
using envoy::config::listener::v3::FilterChain;
using envoy::config::listener::v3::FilterChainMatch;
using envoy::config::listener::v3::Listener;
using envoy::config::listener::v3::ListenerFilterChainMatchPredicate;

namespace {

using Chains = std::vector<const FilterChain*>;

Truth holds(const ListenerFilterChainMatchPredicate& predicate, const Connection& connection) {
  switch (predicate.rule_case()) {
    case ListenerFilterChainMatchPredicate::kAnyMatch: return truth(predicate.any_match());
    case ListenerFilterChainMatchPredicate::kNotMatch: return negate(holds(predicate.not_match(), connection));
    case ListenerFilterChainMatchPredicate::kDestinationPortRange: {
      const auto& range = predicate.destination_port_range();
      const auto port = static_cast<std::int32_t>(connection.port);
      return truth(port >= range.start() && port < range.end());
    }
    case ListenerFilterChainMatchPredicate::kOrMatch:
    case ListenerFilterChainMatchPredicate::kAndMatch: {
      const bool all = predicate.has_and_match();
      Truth result = truth(all);
      for (const auto& each : all ? predicate.and_match().rules() : predicate.or_match().rules()) {
        const auto one = holds(each, connection);
        if (one == truth(!all)) return one;
        if (one == Truth::unknown) result = one;
      }
      return result;
    }
    default: return Truth::unknown;
  }
}

// One step of Envoy's choice: the chains that say the best of what fits, else those that say nothing. `fit`: 0 for a chain
// that says something else, 1 for one that says nothing, more for a better fit.
void narrow(Chains& chains, const std::function<std::size_t(const FilterChainMatch&)>& fit) {
  std::size_t best = 1;
  std::vector<std::size_t> fits;
  for (const auto* chain : chains) {
    fits.push_back(fit(chain->filter_chain_match()));
    best = std::max(best, fits.back());
  }
  Chains kept;
  for (std::size_t i = 0; i < chains.size(); ++i) {
    if (fits[i] == best) kept.push_back(chains[i]);
  }
  chains = std::move(kept);
}

// An empty list stands for all addresses, as a range of length 0 does.
template <class List>
std::size_t fitAddress(const List& ranges, const std::optional<Ip>& ip) {
  if (ranges.empty()) return 1;
  std::size_t best = 0;
  for (const CidrRange& range : ranges) {
    const auto prefix = parseIp(range.address_prefix());
    if (prefix && ip && inRange(*ip, *prefix, range.prefix_len().value())) {
      best = std::max<std::size_t>(best, range.prefix_len().value() + 1);
    }
  }
  return best;
}

std::size_t fitServerName(const FilterChainMatch& match, const std::string& sni) {
  if (match.server_names().empty()) return 1;
  std::size_t best = 0;
  for (const auto& name : match.server_names()) {
    const auto wanted = toLower(name);
    if (!sni.empty() && wanted == sni) best = std::max<std::size_t>(best, 1000000);
    const bool suffix = wanted.starts_with("*.") && sni.size() >= wanted.size() && sni.ends_with(wanted.substr(1));
    if (suffix) best = std::max(best, 1 + wanted.size());
  }
  return best;
}

// The protocols of the client in its order.
std::size_t fitProtocols(const FilterChainMatch& match, const std::vector<std::string>& offered) {
  const auto& wanted = match.application_protocols();
  if (wanted.empty()) return 1;
  for (std::size_t i = 0; i < offered.size(); ++i) {
    if (std::find(wanted.begin(), wanted.end(), offered[i]) != wanted.end()) return 1000000 - i;
  }
  return 0;
}

}  // namespace

Result<Inspected> inspect(const Listener& listener, const Connection& connection, bool http) {
  Inspected result;
  for (const auto& filter : listener.listener_filters()) {
    if (filter.has_filter_disabled()) {
      const auto disabled = holds(filter.filter_disabled(), connection);
      if (disabled == Truth::unknown) return failure("whether listener filter " + filter.name() + " is disabled");
      if (disabled == Truth::yes) continue;
    }
    const auto type = typeOf(filter.typed_config());
    if (type == "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector") {
      if (!connection.tls) continue;
      result.transport = "tls";
      result.sni = toLower(connection.sni);
      result.applicationProtocols = connection.alpn;
    } else if (type == "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector") {
      if (!connection.tls && http) result.applicationProtocols = {"http/1.1"};
    } else if (type != "envoy.extensions.filters.listener.original_dst.v3.OriginalDst" &&
               // Whose connection its header says: a question's source is that.
               type != "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol") {
      return failure("listener filter " + filter.name());
    }
  }
  return result;
}

Result<const FilterChain*> chooseChain(const Listener& listener, const Connection& connection,
                                       const Inspected& inspected) {
  if (listener.has_filter_chain_matcher()) return failure("the listener's filter_chain_matcher");
  Chains chains;
  for (const auto& chain : listener.filter_chains()) chains.push_back(&chain);
  const auto source = parseIp(connection.source), destination = parseIp(connection.destination);
  if (!source) return failure("the source address \"" + connection.source + "\" is no IP address");
  if (!destination) return failure("the destination address \"" + connection.destination + "\" is no IP address");
  // https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener_components.proto: in this order, and
  // without a way back.
  narrow(chains, [&](const auto& match) -> std::size_t {
    if (!match.has_destination_port()) return 1;
    return match.destination_port().value() == connection.port ? 2 : 0;
  });
  narrow(chains, [&](const auto& match) { return fitAddress(match.prefix_ranges(), destination); });
  narrow(chains, [&](const auto& match) { return fitServerName(match, inspected.sni); });
  narrow(chains, [&](const auto& match) -> std::size_t {
    if (match.transport_protocol().empty()) return 1;
    return match.transport_protocol() == inspected.transport ? 2 : 0;
  });
  narrow(chains, [&](const auto& match) { return fitProtocols(match, inspected.applicationProtocols); });
  narrow(chains, [&](const auto& match) { return fitAddress(match.direct_source_prefix_ranges(), source); });
  const bool local = *source == *destination || isLoopback(*source);
  narrow(chains, [&](const auto& match) -> std::size_t {
    if (match.source_type() == FilterChainMatch::ANY) return 1;
    return (match.source_type() == FilterChainMatch::SAME_IP_OR_LOOPBACK) == local ? 2 : 0;
  });
  narrow(chains, [&](const auto& match) { return fitAddress(match.source_prefix_ranges(), source); });
  narrow(chains, [&](const auto& match) -> std::size_t {
    if (match.source_ports().empty()) return 1;
    const auto& ports = match.source_ports();
    return std::find(ports.begin(), ports.end(), connection.sourcePort) != ports.end() ? 2 : 0;
  });
  if (chains.size() > 1) return failure("filter chains with the same match");
  if (!chains.empty()) return chains.front();
  return listener.has_default_filter_chain() ? &listener.default_filter_chain() : nullptr;
}

}  // namespace fairway::evaluate
