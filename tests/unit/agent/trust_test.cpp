// What peers are checked with: roots, revocation lists, domains; from files and into Envoy's secrets.
#include <catch2/catch.hpp>

#include <filesystem>

#include <google/protobuf/unknown_field_set.h>

#include "agent/sds_session.h"
#include "agent/trust_file.h"
#include "envoy/config/core/v3/base.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/secret.pb.h"
#include "unit/identity/plugin_ca.h"

using namespace fairway;
using namespace fairway::agent;
using namespace fairway::identity::test;
using envoy::extensions::transport_sockets::tls::v3::CertificateValidationContext;
using envoy::extensions::transport_sockets::tls::v3::Secret;

namespace {

CertificateValidationContext contextOf(const Secrets& secrets, const std::string& name) {
  google::protobuf::Any any;
  REQUIRE(any.ParseFromString(makeSnapshot(secrets)->entries.at(name).any));
  Secret secret;
  REQUIRE(any.UnpackTo(&secret));
  CHECK(secret.name() == name);
  return secret.validation_context();
}

Secrets secretsWith(identity::TrustBundle trust) {
  Secrets secrets{"chain", "key", "roots", {}};
  secrets.trust = std::move(trust);
  return secrets;
}

}  // namespace

TEST_CASE("without more, peers are checked with the CA's roots") {
  for (const auto* name : {"ROOTCA", "discovery-roots"}) {
    const auto context = contextOf(secretsWith({}), name);
    CHECK(context.trusted_ca().inline_bytes() == "roots");
    CHECK_FALSE(context.has_crl());
    CHECK_FALSE(context.has_custom_validator_config());
  }
}

TEST_CASE("revocation lists are for peers; the control plane is checked with the roots alone") {
  identity::TrustBundle trust{"roots", "list", true, {{"a", "more roots"}, {"b", "more roots"}}};
  const auto context = contextOf(secretsWith(trust), "ROOTCA");
  CHECK(context.trusted_ca().inline_bytes() == "more roots");
  CHECK(context.crl().inline_bytes() == "list");
  CHECK(context.only_verify_leaf_cert_crl());
  trust.crlLeafOnly = false;
  CHECK_FALSE(contextOf(secretsWith(trust), "ROOTCA").only_verify_leaf_cert_crl());
  const auto discovery = contextOf(secretsWith(trust), "discovery-roots");
  CHECK(discovery.trusted_ca().inline_bytes() == "roots");
  CHECK_FALSE(discovery.has_crl());
}

TEST_CASE("domains with roots of their own are kept apart") {
  const auto context =
      contextOf(secretsWith({"roots", "", false, {{"a", "roots of a"}, {"b", "roots of b"}}}), "ROOTCA");
  CHECK_FALSE(context.has_trusted_ca());
  const auto& validator = context.custom_validator_config();
  CHECK(validator.name() == "envoy.tls.cert_validator.spiffe");
  CHECK(validator.typed_config().type_url() ==
        "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig");
  google::protobuf::UnknownFieldSet config;
  REQUIRE(config.ParseFromString(validator.typed_config().value()));
  std::map<std::string, std::string> domains;
  for (int i = 0; i < config.field_count(); ++i) {
    CHECK(config.field(i).number() == 1);
    google::protobuf::UnknownFieldSet domain;
    REQUIRE(domain.ParseFromString(config.field(i).length_delimited()));
    REQUIRE(domain.field_count() == 2);
    envoy::config::core::v3::DataSource bundle;
    REQUIRE(bundle.ParseFromString(domain.field(1).length_delimited()));
    domains[domain.field(0).length_delimited()] = bundle.inline_bytes();
  }
  CHECK(domains == std::map<std::string, std::string>{{"a", "roots of a"}, {"b", "roots of b"}});
}

TEST_CASE("the trust file: changes count once, what cannot be read changes nothing") {
  TemporaryDirectory directory;
  const auto at = now();
  const auto a = makePluginCa(at, "a").root.toPem(), b = makePluginCa(at, "b").root.toPem();
  const auto roots = directory.path("root.pem"), bundle = directory.path("trust.json");
  // By rename, as who writes them does: the inode changes.
  const auto put = [&](const std::string& path, const std::string& text) {
    write(path + ".new", text);
    std::filesystem::rename(path + ".new", path);
  };
  put(roots, a);
  TrustFile file(roots);
  CHECK_FALSE(file.changed());
  put(roots, a + b);
  CHECK(file.changed() == identity::TrustBundle::ofRoots(a + b));
  CHECK_FALSE(file.changed());
  put(roots, "garbage");
  CHECK_FALSE(file.changed());
  const identity::TrustBundle more{a, "", false, {{"cluster.local", a}, {"b.example", b}}};
  put(bundle, more.toJson());
  CHECK(file.changed() == more);
  put(bundle, "{}");
  CHECK_FALSE(file.changed());
  std::filesystem::remove(bundle);
  put(roots, b);
  CHECK(file.changed() == identity::TrustBundle::ofRoots(b));
  std::filesystem::remove(roots);
  CHECK_FALSE(file.changed());
}
