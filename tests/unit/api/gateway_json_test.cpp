#include "api/networking.h"
#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
const std::string kHeader =
    "apiVersion: networking.istio.io/v1alpha3\nkind: Gateway\nmetadata: {name: gw, namespace: onap}";

TEST_CASE("a gateway with all fields") {
  const auto gateway = good<Gateway>(R"(
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: onap}
spec:
  selector: {istio: ingressgateway}
  servers:
  - name: plain
    bind: 10.0.0.1
    port: {number: 80, name: http, protocol: http}
    hosts: ["*", "onap/*.example.com", "./a.example.com", "*/b"]
    tls: {httpsRedirect: true}
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: [a.example.com]
    tls:
      mode: MUTUAL
      credentialName: cert
      subjectAltNames: [spiffe://a]
      minProtocolVersion: TLSV1_2
      maxProtocolVersion: TLSV1_3
      cipherSuites: [ECDHE-RSA-AES128-GCM-SHA256]
  - port: {number: 8443, name: files, protocol: HTTPS}
    hosts: [b.example.com]
    tls: {mode: SIMPLE, serverCertificate: /a.pem, privateKey: /a.key, caCertificates: /ca.pem}
  - port: {number: 9443, name: sni, protocol: TLS}
    hosts: [c.example.com]
    tls: {mode: PASSTHROUGH}
)");
  CHECK(gateway->spec.selector == Labels{{"istio", "ingressgateway"}});
  REQUIRE(gateway->spec.servers.size() == 4);
  const auto& plain = gateway->spec.servers[0];
  CHECK(plain.name == "plain");
  CHECK(plain.bind == "10.0.0.1");
  CHECK(plain.port == 80);
  CHECK(plain.portName == "http");
  CHECK(plain.protocol == "HTTP");
  CHECK(plain.hosts == std::vector<std::string>{"*", "onap/*.example.com", "./a.example.com", "*/b"});
  CHECK(plain.tls->httpsRedirect);
  CHECK_FALSE(plain.tls->mode);
  const auto& mutual = *gateway->spec.servers[1].tls;
  CHECK(mutual.mode == GatewaySpec::Tls::Mode::mutual);
  CHECK(mutual.credentialName == "cert");
  CHECK(mutual.subjectAltNames == std::vector<std::string>{"spiffe://a"});
  CHECK(mutual.minProtocolVersion == "TLSV1_2");
  CHECK(mutual.maxProtocolVersion == "TLSV1_3");
  CHECK(mutual.cipherSuites == std::vector<std::string>{"ECDHE-RSA-AES128-GCM-SHA256"});
  const auto& files = *gateway->spec.servers[2].tls;
  CHECK(files.serverCertificate + files.privateKey + files.caCertificates == "/a.pem/a.key/ca.pem");
  CHECK(gateway->spec.servers[3].tls->mode == GatewaySpec::Tls::Mode::passthrough);
}

TEST_CASE("bad gateways") {
  const auto server = [](const std::string& fields) {
    return "{servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a], " + fields + "}]}";
  };
  const auto tls = [](const std::string& fields) {
    return "{servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: [a], tls: {" + fields + "}}]}";
  };
  using Severity = Problem::Severity;
  checkSpecs(
      kHeader,
      {
          {"{}", "spec.servers", "it is missing, expected at least one server"},
          {"{servers: []}", "spec.servers", "it is empty"},
          {"{servers: [{hosts: [a]}]}", "spec.servers[0].port", "it is missing"},
          {"{servers: [{port: {number: 80, name: http, protocol: HTTP}}]}", "spec.servers[0].hosts", "it is missing"},
          {"{servers: [{port: {number: 70000, name: http, protocol: HTTP}, hosts: [a]}]}",
           "spec.servers[0].port.number", "found the number 70000"},
          {"{servers: [{port: {name: http, protocol: HTTP}, hosts: [a]}]}", "spec.servers[0].port.number",
           "it is missing"},
          {"{servers: [{port: {number: 80, name: http}, hosts: [a]}]}", "spec.servers[0].port.protocol",
           "expected one of HTTP, "},
          {"{servers: [{port: {number: 80, name: http, protocol: UDP}, hosts: [a]}]}", "spec.servers[0].port.protocol",
           "\"UDP\""},
          {"{servers: [{port: {number: 80, protocol: HTTP}, hosts: [a]}]}", "spec.servers[0].port", "has no name",
           Severity::warning},
          {"{servers: [{port: {number: 443, name: h, protocol: HTTPS}, hosts: [a]}]}", "spec.servers[0].tls",
           "because port.protocol is HTTPS"},
          {server("bind: nowhere"), "spec.servers[0].bind", "expected an IP address"},
          {server("tls: {mode: SIMPLE, credentialName: c}"), "spec.servers[0].tls",
           "HTTP is plain text, expected HTTPS or TLS"},
          {server("defaultEndpoint: x"), "spec.servers[0].defaultEndpoint", "no effect", Severity::warning},
          {server("tls: {httpsRedirect: maybe}"), "spec.servers[0].tls.httpsRedirect", "expected true or false"},
          {"{servers: [{port: {number: 80, name: h, protocol: HTTP}, hosts: ['a b']}]}", "spec.servers[0].hosts",
           "\"a b\""},
          {"{servers: [{port: {number: 80, name: h, protocol: HTTP}, hosts: ['Ns/a']}]}", "spec.servers[0].hosts",
           "before the slash"},
          {"{servers: [{port: {number: 80, name: h, protocol: HTTP}, hosts: []}]}", "spec.servers[0].hosts",
           "it is empty"},
          {"{servers: [{port: {number: 80, name: h, protocol: HTTP}, hosts: [a]}, {port: {number: 81, name: h, "
           "protocol: HTTP}, hosts: [a]}]}",
           "spec.servers[1]", "is used by another server"},
          {tls("mode: NONE"), "spec.servers[0].tls.mode", "expected one of PASSTHROUGH, SIMPLE"},
          {tls("mode: SIMPLE"), "spec.servers[0].tls", "expected credentialName"},
          {tls("mode: SIMPLE, serverCertificate: a"), "spec.servers[0].tls", "serverCertificate and privateKey"},
          {tls("mode: MUTUAL, serverCertificate: a, privateKey: b"), "spec.servers[0].tls", "expected caCertificates"},
          {tls("mode: ISTIO_MUTUAL, credentialName: a"), "spec.servers[0].tls", "uses the mesh certificate"},
          {tls("mode: SIMPLE, credentialName: other/a"), "spec.servers[0].tls.credentialName", "without a namespace"},
          {tls("credentialName: a"), "spec.servers[0].tls", "means PASSTHROUGH", Severity::warning},
          {tls("mode: SIMPLE, credentialName: a, minProtocolVersion: TLSV1_3, maxProtocolVersion: TLSV1_2"),
           "spec.servers[0].tls", "is above"},
          {tls("mode: SIMPLE, credentialName: a, cipherSuites: [RC4]"), "spec.servers[0].tls.cipherSuites", "\"RC4\"",
           Severity::warning},
          {"{selector: {'a b': c}, servers: [{port: {number: 80, name: h, protocol: HTTP}, hosts: [a]}]}",
           "spec.selector", "label name"},
          {server("host: x"), "spec.servers[0].host", "did you mean hosts?", Severity::warning},
      });
}

}  // namespace
}  // namespace fairway::api
