#include "evaluate/evaluator.h"

#include "listener.h"

namespace fairway::evaluate {

using test::chain;
using test::evaluator;
using test::json;
using test::tcpProxy;

namespace {

const json kTlsInspector = {
    {"name", "envoy.filters.listener.tls_inspector"},
    {"typed_config",
     {{"@type", "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"}}}};

json plain(const std::string& name, json match) { return chain(name, json::array({tcpProxy(name)}), std::move(match)); }

// A listener with a TLS inspector and these chains: name -> match.
Evaluator with(const std::vector<std::pair<std::string, json>>& chains, json more = json::object()) {
  auto list = json::array();
  for (const auto& [name, match] : chains) list.push_back(plain(name, match));
  if (!more.contains("listener_filters")) more["listener_filters"] = json::array({kTlsInspector});
  return evaluator(list, more);
}

std::string chosen(const Evaluator& evaluator, const Connection& connection) {
  const auto verdict = evaluator.evaluate({connection, std::nullopt, 0});
  return verdict.outcome == Outcome::allow ? verdict.chain : std::string(toString(verdict.outcome));
}

Connection to(std::uint32_t port) {
  Connection connection;
  connection.source = "10.0.0.1";
  connection.destination = "10.0.0.2";
  connection.port = port;
  return connection;
}

Connection tls(const std::string& sni, const std::vector<std::string>& alpn = {}) {
  auto connection = to(1);
  connection.tls = true;
  connection.sni = sni;
  connection.alpn = alpn;
  return connection;
}

}  // namespace

TEST_CASE("A chain for the port comes before one for any, and there is no way back", "[evaluate]") {
  const auto listener = with(
      {{"80", {{"destination_port", 80}, {"transport_protocol", "tls"}}}, {"any", {{"destination_port", nullptr}}}});
  CHECK(chosen(listener, to(81)) == "any");
  CHECK(chosen(listener, to(80)) == "closed");
}

TEST_CASE("The longest range of destinations and of sources is chosen", "[evaluate]") {
  const auto range = [](const char* address, int length) {
    return json::array({{{"address_prefix", address}, {"prefix_len", length}}});
  };
  const auto destinations =
      with({{"wide", {{"prefix_ranges", range("10.0.0.0", 8)}}}, {"one", {{"prefix_ranges", range("10.0.0.2", 32)}}}});
  CHECK(chosen(destinations, to(1)) == "one");
  auto other = to(1);
  other.destination = "10.0.0.3";
  CHECK(chosen(destinations, other) == "wide");
  other.destination = "11.0.0.3";
  CHECK(chosen(destinations, other) == "closed");
  const auto sources = with({{"near", {{"source_prefix_ranges", range("10.0.0.0", 24)}}}, {"far", json::object()}});
  CHECK(chosen(sources, to(1)) == "near");
  other = to(1);
  other.source = "10.0.1.1";
  CHECK(chosen(sources, other) == "far");
}

TEST_CASE("Server names: whole ones, then the longest suffix, then none", "[evaluate]") {
  const auto listener = with({{"whole", {{"server_names", {"a.x.example"}}}},
                              {"long", {{"server_names", {"*.x.example"}}}},
                              {"short", {{"server_names", {"*.example"}}}},
                              {"none", json::object()}});
  CHECK(chosen(listener, tls("A.x.example")) == "whole");
  CHECK(chosen(listener, tls("b.x.example")) == "long");
  CHECK(chosen(listener, tls("b.example")) == "short");
  CHECK(chosen(listener, tls("example")) == "none");
  CHECK(chosen(listener, tls("")) == "none");
  CHECK(chosen(listener, to(1)) == "none");
}

TEST_CASE("Transport and application protocols, in the client's order", "[evaluate]") {
  const auto listener = with({{"mesh", {{"transport_protocol", "tls"}, {"application_protocols", {"istio"}}}},
                              {"h2", {{"transport_protocol", "tls"}, {"application_protocols", {"h2"}}}},
                              {"tls", {{"transport_protocol", "tls"}}},
                              {"plain", {{"transport_protocol", "raw_buffer"}}}});
  CHECK(chosen(listener, tls("", {"istio", "h2"})) == "mesh");
  CHECK(chosen(listener, tls("", {"h2", "istio"})) == "h2");
  CHECK(chosen(listener, tls("", {"x"})) == "tls");
  CHECK(chosen(listener, to(1)) == "plain");
}

TEST_CASE("Without a TLS inspector, or where it is disabled, TLS is bytes", "[evaluate]") {
  const std::vector<std::pair<std::string, json>> chains = {{"tls", {{"transport_protocol", "tls"}}},
                                                            {"plain", {{"transport_protocol", "raw_buffer"}}}};
  CHECK(chosen(with(chains, {{"listener_filters", json::array()}}), tls("")) == "plain");
  auto inspector = kTlsInspector;
  inspector["filter_disabled"] = {{"or_match",
                                   {{"rules",
                                     {{{"destination_port_range", {{"start", 1}, {"end", 2}}}},
                                      {{"destination_port_range", {{"start", 5}, {"end", 6}}}}}}}}};
  const auto listener = with(chains, {{"listener_filters", json::array({inspector})}});
  CHECK(chosen(listener, tls("")) == "plain");
  auto other = tls("");
  other.port = 2;
  CHECK(chosen(listener, other) == "tls");
}

TEST_CASE("Source type and source ports", "[evaluate]") {
  const auto listener = with({{"local", {{"source_type", "SAME_IP_OR_LOOPBACK"}}},
                              {"port", {{"source_type", "EXTERNAL"}, {"source_ports", {7}}}},
                              {"external", {{"source_type", "EXTERNAL"}}}});
  auto connection = to(1);
  CHECK(chosen(listener, connection) == "external");
  connection.sourcePort = 7;
  CHECK(chosen(listener, connection) == "port");
  connection.source = "127.0.0.1";
  CHECK(chosen(listener, connection) == "local");
  connection.source = connection.destination;
  CHECK(chosen(listener, connection) == "local");
}

TEST_CASE("The default chain takes what no other does; what is not known is said", "[evaluate]") {
  const auto fallback = plain("rest", nullptr);
  const auto listener = with({{"80", {{"destination_port", 80}}}}, {{"default_filter_chain", fallback}});
  CHECK(chosen(listener, to(80)) == "80");
  CHECK(chosen(listener, to(81)) == "rest");
  CHECK(chosen(with({{"a", json::object()}, {"b", json::object()}}), to(1)) == "unknown");
  auto odd = kTlsInspector;
  const auto chosenWith = [&](const std::string& filter) {
    odd["typed_config"]["@type"] = "type.googleapis.com/envoy.extensions.filters.listener." + filter;
    return chosen(with({{"a", json::object()}}, {{"listener_filters", json::array({odd})}}), to(1));
  };
  CHECK(chosenWith("original_src.v3.OriginalSrc") == "unknown");
  CHECK(chosenWith("proxy_protocol.v3.ProxyProtocol") == "a");
}

}  // namespace fairway::evaluate
