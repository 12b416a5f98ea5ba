#include "evaluate/transport_internal.h"

#include "listener.h"

namespace fairway::evaluate {

using envoy::config::listener::v3::FilterChain;

namespace {

const std::string kSan = R"({"san_type": "URI", "matcher": {"prefix": "spiffe://td/"}})";

FilterChain chain(const std::string& context) {
  return test::proto<FilterChain>(
      R"({"transport_socket": {"name": "t", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext")" +
      (context.empty() ? "" : ", " + context) + "}}}");
}

std::string mutualTls(const std::string& more = "", const std::string& sans = kSan) {
  return R"("require_client_certificate": true, "common_tls_context": {"combined_validation_context": {"default_validation_context": {"match_typed_subject_alt_names": [)" +
         sans + "]" + more + R"(}, "validation_context_sds_secret_config": {"name": "ROOTCA"}}})";
}

Connection client(std::optional<Certificate> certificate) {
  Connection connection;
  connection.tls = true;
  connection.certificate = std::move(certificate);
  return connection;
}

const Certificate kGood{{"spiffe://td/ns/a/sa/b"}, {}, "", true};

}  // namespace

TEST_CASE("Mutual TLS lets in certificates of its authority and names", "[evaluate]") {
  const auto server = chain(mutualTls());
  CHECK(accept(server, client(kGood)).open == Truth::yes);
  CHECK(accept(server, client(kGood)).peer->uris == kGood.uris);
  CHECK(accept(server, client(std::nullopt)).open == Truth::no);
  auto foreign = kGood;
  foreign.trusted = false;
  CHECK(accept(server, client(foreign)).open == Truth::no);
  CHECK(accept(chain(mutualTls(R"(, "trust_chain_verification": "ACCEPT_UNTRUSTED")")), client(foreign)).open ==
        Truth::yes);
  auto other = kGood;
  other.uris = {"spiffe://td2/ns/a/sa/b"};
  CHECK(accept(server, client(other)).open == Truth::no);
  other.dns = {"spiffe://td/"};
  CHECK(accept(server, client(other)).open == Truth::no);
  CHECK(trustDomainOf(server) == "td");
}

TEST_CASE("Plaintext does not open a chain with TLS", "[evaluate]") {
  Connection plain;
  CHECK(accept(chain(mutualTls()), plain).open == Truth::no);
  CHECK(accept(FilterChain(), plain).open == Truth::yes);
  CHECK_FALSE(accept(FilterChain(), client(kGood)).tls);
}

TEST_CASE("A server that does not ask gets no certificate", "[evaluate]") {
  const auto result = accept(chain(""), client(kGood));
  CHECK(result.open == Truth::yes);
  CHECK(result.tls);
  CHECK(result.peer == nullptr);
  CHECK(trustDomainOf(chain("")).empty());
}

TEST_CASE("Names to match make a certificate needed", "[evaluate]") {
  const std::string optional =
      R"("common_tls_context": {"validation_context": {"match_typed_subject_alt_names": [)" + kSan + "]}}";
  CHECK(accept(chain(optional), client(std::nullopt)).open == Truth::no);
  CHECK(accept(chain(R"("common_tls_context": {"validation_context": {}})"), client(std::nullopt)).open == Truth::yes);
}

TEST_CASE("Checks that are not known are said", "[evaluate]") {
  CHECK(accept(chain(mutualTls(R"(, "verify_certificate_hash": ["x"])")), client(kGood)).open == Truth::unknown);
  CHECK(accept(chain(mutualTls("", R"({"san_type": "OTHER_NAME", "matcher": {"exact": "x"}})")), client(kGood)).open ==
        Truth::unknown);
}

}  // namespace fairway::evaluate
