#include <catch2/catch.hpp>

#include "base/strings.h"
#include "fixtures.h"
#include "support/test_certificates.h"

using namespace fairway;
using namespace fairway::test;
using normalize::GatewayOf;
using normalize::GatewayRoutes;
using Server = api::GatewaySpec::Server;
using SpecMode = api::GatewaySpec::Tls::Mode;
using Mode = model::GatewayTls::Mode;
using Lines = std::vector<std::string>;

namespace {

const model::Labels kLabels{{"istio", "ingressgateway"}};

Server server(std::uint32_t port, const std::string& protocol, std::vector<std::string> hosts,
              std::optional<SpecMode> mode = {}, const std::string& credential = "cert") {
  Server result;
  result.port = port;
  result.portName = toLower(protocol);
  result.protocol = protocol;
  result.hosts = std::move(hosts);
  if (mode) {
    result.tls.emplace().mode = mode;
    if (*mode != SpecMode::passthrough) result.tls->credentialName = credential;
  }
  return result;
}

void gateway(Mesh& mesh, const std::string& ns, const std::string& name, std::vector<Server> servers,
             const std::string& created = {}, api::Problems problems = {}) {
  mesh.add<api::Gateway>(ns, name, [&](auto& o) {
    o.meta.creationTimestamp = created;
    o.problems = problems;
    o.spec.selector = kLabels;
    o.spec.servers = std::move(servers);
  });
}

std::vector<model::GatewayServer> servers(Mesh& mesh) { return mesh.ask(GatewayOf{"gw-ns", kLabels}).servers; }

Lines outline(Mesh& mesh) {
  Lines result;
  for (const auto& s : servers(mesh)) {
    auto line = std::to_string(s.port) + " " + s.provenance.name + " " + s.provenance.rule;
    for (const auto& host : s.hosts) line += " " + host.ns + "/" + host.dns;
    result.push_back(line);
  }
  return result;
}

api::HttpRoute to(const std::string& host, const std::string& uri = {}) {
  api::HttpRoute route;
  route.route.push_back({{host, "", 0}, 0, {}});
  if (!uri.empty()) route.match.emplace_back().uri = api::StringMatch{api::StringMatch::Type::prefix, uri};
  return route;
}

void virtualService(Mesh& mesh, const std::string& ns, const std::string& name, std::vector<std::string> hosts,
                    std::vector<std::string> gateways, std::vector<api::HttpRoute> http,
                    const std::string& created = {}) {
  mesh.add<api::VirtualService>(ns, name, [&](auto& o) {
    o.meta.creationTimestamp = created;
    o.spec.hosts = std::move(hosts);
    o.spec.gateways = std::move(gateways);
    o.spec.http = std::move(http);
  });
}

GatewayRoutes::Value routes(Mesh& mesh, std::uint32_t port, const std::string& name = {}) {
  return mesh.ask(GatewayRoutes{"gw-ns", kLabels, port, name});
}

// "domain: vs rule, vs rule"
Lines outline(const GatewayRoutes::Value& value) {
  Lines result;
  for (const auto& host : value.hosts) {
    auto line = host.domain + ":";
    for (const auto& route : host.routes.http) line += " " + route.provenance.name + " " + route.provenance.rule;
    if (host.httpsRedirect) line += " redirect";
    result.push_back(line);
  }
  return result;
}

}  // namespace

TEST_CASE("Gateways select workloads of all namespaces by label") {
  Mesh mesh;
  gateway(mesh, "a", "one", {server(80, "HTTP", {"*"})});
  mesh.add<api::Gateway>("b", "other", [](auto& o) {
    o.spec.selector = {{"istio", "egress"}};
    o.spec.servers = {server(81, "HTTP", {"*"})};
  });
  mesh.add<api::Gateway>("b", "every", [](auto& o) { o.spec.servers = {server(82, "HTTP", {"*"})}; });
  CHECK(outline(mesh) == Lines{"80 one servers[0] */*", "82 every servers[0] */*"});
}

TEST_CASE("hosts of a server name a namespace and a DNS name") {
  Mesh mesh;
  gateway(mesh, "a", "g", {server(80, "http", {"X.example.com", "./y", "b/*.z", "*/w", "~/none"})});
  CHECK(outline(mesh) == Lines{"80 g servers[0] */w */x.example.com a/y b/*.z"});
}

TEST_CASE("a port has one use: the oldest server decides, whatever the names") {
  for (const bool swapped : {false, true}) {
    Mesh mesh;
    const std::string old = swapped ? "z" : "a";
    const std::string young = swapped ? "a" : "z";
    gateway(mesh, "n", old, {server(80, "HTTP", {"*"})}, "2020-01-01T00:00:00Z");
    gateway(mesh, "n", young, {server(80, "TCP", {"*"}), server(81, "TCP", {"*"}), server(80, "HTTP2", {"b"})},
            "2021-01-01T00:00:00Z");
    CHECK(outline(mesh) ==
          Lines{"80 " + old + " servers[0] */*", "80 " + young + " servers[2] */b", "81 " + young + " servers[1] */*"});
    CHECK(mesh.noted("Gateway/n/" + young + " servers[0]", "is served as plain HTTP by the older"));
  }
}

TEST_CASE("a TLS host on a port belongs to the oldest server") {
  Mesh mesh;
  gateway(mesh, "n", "old", {server(443, "HTTPS", {"a", "b"}, SpecMode::simple)}, "2020-01-01T00:00:00Z");
  gateway(mesh, "n", "new",
          {server(443, "HTTPS", {"n/b", "c"}, SpecMode::simple), server(443, "TLS", {"a"}, SpecMode::passthrough)},
          "2021-01-01T00:00:00Z");
  CHECK(outline(mesh) == Lines{"443 old servers[0] */a */b", "443 new servers[0] */c"});
  CHECK(mesh.noted("Gateway/n/new servers[0]", "TLS host b on port 443"));
  CHECK(mesh.noted("Gateway/n/new servers[1]", "TLS host a on port 443"));
}

TEST_CASE("different addresses of one port do not meet") {
  Mesh mesh;
  auto bound = server(80, "TCP", {"*"});
  bound.bind = "127.0.0.2";
  gateway(mesh, "n", "g", {server(80, "HTTP", {"*"}), bound});
  CHECK(outline(mesh).size() == 2);
}

TEST_CASE("TLS modes") {
  const std::pair<SpecMode, Mode> modes[] = {{SpecMode::passthrough, Mode::passthrough},
                                             {SpecMode::simple, Mode::simple},
                                             {SpecMode::mutual, Mode::mutual},
                                             {SpecMode::istio_mutual, Mode::mesh},
                                             {SpecMode::optional_mutual, Mode::optional_mutual}};
  for (const auto& [spec, expected] : modes) {
    Mesh mesh;
    gateway(mesh, "n", "g", {server(443, "HTTPS", {"a"}, spec)});
    REQUIRE(servers(mesh).size() == 1);
    CHECK(servers(mesh)[0].tls->mode == expected);
  }
  Mesh mesh;
  auto unset = server(443, "HTTPS", {"a"}, SpecMode::simple);
  unset.tls->mode.reset();
  unset.tls->minProtocolVersion = "TLSV1_2";
  unset.tls->maxProtocolVersion = "TLS_AUTO";
  gateway(mesh, "n", "g", {unset});
  CHECK(servers(mesh).at(0).tls->mode == Mode::simple);
  CHECK(servers(mesh).at(0).tls->credentialName == "cert");
  CHECK(servers(mesh).at(0).tls->minVersion == "TLSv1_2");
  CHECK(servers(mesh).at(0).tls->maxVersion.empty());
  unset.tls->credentialName.clear();
  gateway(mesh, "n", "g", {unset});
  CHECK(servers(mesh).at(0).tls->mode == Mode::passthrough);
}

TEST_CASE("a server that cannot be served as asked is left out, not opened") {
  auto noTls = server(443, "HTTPS", {"a"});
  auto filesWithoutKey = server(443, "HTTPS", {"a"}, SpecMode::simple, "");
  filesWithoutKey.tls->serverCertificate = "/c";
  auto mutualWithoutRoots = server(443, "HTTPS", {"a"}, SpecMode::mutual, "");
  mutualWithoutRoots.tls->serverCertificate = "/c";
  mutualWithoutRoots.tls->privateKey = "/k";
  const std::pair<Server, const char*> cases[] = {
      {noTls, "expected tls.mode"},
      {server(443, "HTTPS", {"a"}, SpecMode::simple, ""), "no certificate"},
      {filesWithoutKey, "no certificate"},
      {mutualWithoutRoots, "nothing to check client certificates against"},
      {server(443, "TLS", {"a"}, SpecMode::auto_passthrough), "AUTO_PASSTHROUGH is not supported"},
      {server(443, "HTTP", {"a"}, SpecMode::simple), "is plain text"},
      {server(443, "QUIC", {"a"}), "no known protocol"},
      {server(443, "HTTP", {}), "no hosts"},
      {server(443, "HTTP", {"~/x"}), "no hosts"},
      {server(0, "HTTP", {"a"}), "no port"},
  };
  for (const auto& [bad, note] : cases) {
    Mesh mesh;
    gateway(mesh, "n", "g", {bad, server(80, "HTTP", {"*"})});
    CHECK(outline(mesh) == Lines{"80 g servers[1] */*"});
    CHECK(mesh.noted("Gateway/n/g servers[0]", note));
  }
}

TEST_CASE("errors in one server leave the others; an unreadable selector takes no workload") {
  Mesh mesh;
  gateway(mesh, "n", "g", {server(80, "HTTP", {"*"}), server(81, "HTTP", {"*"})}, "", {errorAt("spec.servers[0].tls")});
  CHECK(outline(mesh) == Lines{"81 g servers[1] */*"});
  CHECK(mesh.noted("Gateway/n/g servers[0]", "left out"));
  mesh.add<api::Gateway>("n", "g", [](auto& o) {
    o.spec.servers = {server(80, "HTTP", {"*"})};
    o.problems = {errorAt("spec.selector.app")};
  });
  CHECK(outline(mesh).empty());
}

TEST_CASE("VirtualServices are bound by every form of a gateway's name") {
  for (const auto* name : {"g", "./g", "n/g", "g.n", "g.n.svc.cluster.local"}) {
    Mesh mesh;
    mesh.service("n", "x", {{"http", 80, ""}});
    gateway(mesh, "n", "g", {server(80, "HTTP", {"*"})});
    virtualService(mesh, "n", "vs", {"a.example.com"}, {name}, {to("x")});
    CHECK(outline(routes(mesh, 80)) == Lines{"a.example.com: vs http[0]"});
  }
  Mesh mesh;
  gateway(mesh, "n", "g", {server(80, "HTTP", {"*"})});
  virtualService(mesh, "n", "mesh", {"a.example.com"}, {}, {to("x")});
  virtualService(mesh, "m", "elsewhere", {"a.example.com"}, {"g"}, {to("x")});
  CHECK(routes(mesh, 80).hosts.empty());
}

TEST_CASE("virtual hosts are what VirtualService and server have in common") {
  Mesh mesh;
  gateway(mesh, "n", "g", {server(80, "HTTP", {"*.example.com", "m/only.org"})});
  virtualService(mesh, "n", "exact", {"a.example.com", "only.org", "no.net"}, {"g"}, {to("x")});
  virtualService(mesh, "m", "wide", {"*"}, {"n/g"}, {to("x")});
  CHECK(outline(routes(mesh, 80)) ==
        Lines{"*.example.com: wide http[0]", "a.example.com: exact http[0]", "only.org: wide http[0]"});
}

TEST_CASE("a server's host may be for VirtualServices of one namespace only") {
  Mesh mesh;
  gateway(mesh, "n", "g", {server(80, "HTTP", {"m/a.b", "./c.d"})});
  virtualService(mesh, "n", "n-vs", {"*"}, {"g"}, {to("x")});
  virtualService(mesh, "m", "m-vs", {"*"}, {"n/g"}, {to("x")});
  CHECK(outline(routes(mesh, 80)) == Lines{"a.b: m-vs http[0]", "c.d: n-vs http[0]"});
}

TEST_CASE("several VirtualServices of a domain are merged, several servers of a port, too") {
  Mesh mesh;
  gateway(mesh, "n", "g1", {server(80, "HTTP", {"a"})});
  gateway(mesh, "n", "g2", {server(80, "HTTP", {"*"})});
  virtualService(mesh, "n", "young", {"a.b"}, {"g2"}, {to("x", "/young"), to("x")}, "2021-01-01T00:00:00Z");
  virtualService(mesh, "n", "old", {"a.b"}, {"g2", "g1"}, {to("x", "/old"), to("x")}, "2020-01-01T00:00:00Z");
  CHECK(outline(routes(mesh, 80)) == Lines{"a.b: old http[0] young http[0] old http[1]"});
  CHECK(routes(mesh, 81).hosts.empty());
}

TEST_CASE("a match may name a gateway, a port, and labels of the gateway itself") {
  Mesh mesh;
  gateway(mesh, "n", "g1", {server(80, "HTTP", {"*"})});
  gateway(mesh, "n", "g2", {server(81, "HTTP", {"*"})});
  auto forG1 = to("x", "/g1");
  forG1.match[0].gateways = {"g1"};
  auto forPort = to("x", "/port");
  forPort.match[0].port = 81;
  auto labelled = to("x", "/labels");
  labelled.match[0].sourceLabels = kLabels;
  auto otherLabels = to("x", "/other");
  otherLabels.match[0].sourceLabels = {{"a", "b"}};
  virtualService(mesh, "n", "vs", {"a.b"}, {"g1", "g2"}, {forG1, forPort, labelled, otherLabels});
  CHECK(outline(routes(mesh, 80)) == Lines{"a.b: vs http[0] vs http[2]"});
  CHECK(outline(routes(mesh, 81)) == Lines{"a.b: vs http[1] vs http[2]"});
}

TEST_CASE("exportTo keeps a VirtualService from gateways of other namespaces") {
  Mesh mesh;
  gateway(mesh, "n", "g", {server(80, "HTTP", {"*"})});
  virtualService(mesh, "n", "vs", {"a.b"}, {"g"}, {to("x")});
  auto copy = std::make_shared<api::VirtualService>(static_cast<const api::VirtualService&>(*mesh.objects().back()));
  copy->spec.exportTo = {"."};
  mesh.put(copy);
  CHECK(routes(mesh, 80).hosts.empty());
  copy = std::make_shared<api::VirtualService>(*copy);
  copy->spec.exportTo = {"gw-ns"};
  mesh.put(copy);
  CHECK(routes(mesh, 80).hosts.size() == 1);
}

TEST_CASE("httpsRedirect holds for routed hosts and for those without routes") {
  Mesh mesh;
  auto redirecting = server(80, "HTTP", {"a.b", "c.d"});
  redirecting.tls.emplace().httpsRedirect = true;
  gateway(mesh, "n", "g", {redirecting});
  virtualService(mesh, "n", "vs", {"a.b"}, {"g"}, {to("x")});
  CHECK(outline(routes(mesh, 80)) == Lines{"a.b: vs http[0] redirect", "c.d: redirect"});
}

TEST_CASE("each HTTPS server has its own routes") {
  Mesh mesh;
  gateway(mesh, "n", "g",
          {server(443, "HTTPS", {"a.b"}, SpecMode::simple), server(443, "HTTPS", {"c.d"}, SpecMode::simple)});
  virtualService(mesh, "n", "vs", {"*"}, {"g"}, {to("x")});
  CHECK(outline(routes(mesh, 443, "Gateway/n/g servers[0]")) == Lines{"a.b: vs http[0]"});
  CHECK(outline(routes(mesh, 443, "Gateway/n/g servers[1]")) == Lines{"c.d: vs http[0]"});
  CHECK(outline(routes(mesh, 443)).empty());
  CHECK(outline(routes(mesh, 443, "Gateway/n/other servers[0]")).empty());
}

TEST_CASE("passthrough servers route by SNI, opaque ones by tcp rules") {
  Mesh mesh;
  mesh.service("n", "x", {{"tls", 443, ""}});
  gateway(mesh, "n", "g",
          {server(443, "TLS", {"*.b"}, SpecMode::passthrough), server(444, "TLS", {"a.b"}, SpecMode::simple),
           server(5432, "TCP", {"*"})});
  mesh.add<api::VirtualService>("n", "vs", [](auto& o) {
    o.spec.hosts = {"a.b", "z.z"};
    o.spec.gateways = {"g"};
    auto& tls = o.spec.tls.emplace_back();
    tls.match.emplace_back().sniHosts = {"*.b", "z.z"};
    tls.route.push_back({{"x", "", 443}, 0});
    auto& tcp = o.spec.tcp.emplace_back();
    tcp.match.emplace_back().port = 5432;
    tcp.route.push_back({{"x", "", 443}, 0});
  });
  const auto passthrough = routes(mesh, 443, "Gateway/n/g servers[0]");
  REQUIRE(passthrough.tls.size() == 1);
  CHECK(passthrough.tls[0].sniHosts == Lines{"a.b"});
  CHECK(passthrough.tls[0].destinations.at(0).destination == model::Destination{fqdn("x", "n"), 443, "", false});
  CHECK(passthrough.tcp.empty());
  CHECK(passthrough.hosts.empty());
  CHECK(routes(mesh, 444, "Gateway/n/g servers[1]").tcp.empty());  // the rule is for port 5432
  CHECK(routes(mesh, 5432).tcp.size() == 1);
  CHECK(routes(mesh, 5432, "Gateway/n/g servers[2]").tcp.size() == 1);
}

TEST_CASE("a gateway's credential is a whole key pair of its own namespace") {
  using normalize::CredentialOf;
  Mesh mesh;
  const auto secret = [&](const std::string& ns, const std::string& name, const std::string& chain,
                          const std::string& key, const std::string& roots) {
    mesh.add<api::Secret>(ns, name, [&](auto& o) {
      o.spec.certificateChain = chain;
      o.spec.privateKey = key;
      o.spec.caCertificates = roots;
    });
  };
  secret("n", "whole", kCertificate, kKey, kOtherCertificate);
  secret("n", "split", kCertificate + kOtherCertificate, kKey, "");
  secret("n", "split-cacert", "", "", kOtherCertificate);
  secret("n", "half", kCertificate, "", "");
  CHECK(mesh.ask(CredentialOf{"n", "whole"}) == CredentialOf::Credential{kCertificate, kKey, kOtherCertificate});
  CHECK(mesh.ask(CredentialOf{"n", "split"}) ==
        CredentialOf::Credential{kCertificate + kOtherCertificate, kKey, kOtherCertificate});
  CHECK_FALSE(mesh.ask(CredentialOf{"n", "half"}));
  CHECK(mesh.noted("Secret/n/half", "lacks a private key"));
  CHECK_FALSE(mesh.ask(CredentialOf{"m", "whole"}));
  CHECK(mesh.ask(normalize::SecretExists{"n", "half"}));
  CHECK_FALSE(mesh.ask(normalize::SecretExists{"m", "half"}));

  // A listener would wait for ever for what Envoy refuses.
  struct Row {
    std::string chain, key, why;
  };
  const Row rows[] = {
      {"no PEM", kKey, "certificate cannot be read"},
      {kCertificate + "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", kKey, "after the first"},
      {kCertificate, "no PEM", "private key cannot be read"},
      {kCertificate, kKeyWithPassphrase, "without a passphrase"},
      {kCertificate, kOtherKey, "do not belong together"},
      {kWeakCertificate, kWeakKey, "1024 bits"},
      {kEdCertificate, kEdKey, "neither RSA nor ECDSA"},
  };
  for (const auto& row : rows) {
    secret("n", "broken", row.chain, row.key, "");
    CHECK_FALSE(mesh.ask(CredentialOf{"n", "broken"}));
    INFO(row.why);
    CHECK(mesh.noted("Secret/n/broken", row.why));
  }
  secret("n", "roots", kCertificate, kKey, "no PEM");
  REQUIRE(mesh.ask(CredentialOf{"n", "roots"}));
  CHECK(mesh.ask(CredentialOf{"n", "roots"})->caCertificates.empty());
  CHECK(mesh.noted("Secret/n/roots", "CA certificates cannot be read"));
}
