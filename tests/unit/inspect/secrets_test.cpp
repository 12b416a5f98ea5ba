#include "inspect/secrets.h"

#include <catch2/catch.hpp>

#include "api/base64.h"
#include "support.h"
#include "support/test_certificates.h"

using namespace fairway;
using nlohmann::json;

namespace {

json secretsPart(const json& secrets) {
  return {{"configs", json::array({{{"@type", "type.googleapis.com/envoy.admin.v3.SecretsConfigDump"},
                                    {"dynamic_active_secrets", secrets}}})}};
}

json entry(const std::string& name, const json& secret) { return {{"name", name}, {"secret", secret}}; }

const json kServing = {
    {"name", "default"},
    {"tls_certificate",
     {{"certificate_chain", {{"inline_bytes", api::encodeBase64(test::kCertificate + test::kOtherCertificate)}}},
      {"private_key", {{"inline_string", test::kKey}}},
      {"password", {{"inline_string", "open sesame"}}}}}};
const json kRoots = {
    {"name", "ROOTCA"},
    {"validation_context", {{"trusted_ca", {{"inline_string", test::kCertificate + test::kOtherCertificate}}}}}};

inspect::Dump dumpOf(const json& page) { return inspect::parseDump(page.dump()).value(); }

// 2030-01-01 and 2020-01-01
const auto kNow = std::chrono::system_clock::from_time_t(1893456000);
const auto kEarlier = std::chrono::system_clock::from_time_t(1577836800);

}  // namespace

TEST_CASE("a chain shows its leaf, roots show each") {
  const auto dump = dumpOf(secretsPart({entry("default", kServing), entry("ROOTCA", kRoots)}));
  const auto table = inspect::secretsTable(dump, {}, kNow);
  REQUIRE(table.rows.size() == 3);
  const std::string serial = "278204221ED8963A6FDD94A52791948D6BA2FFAA";
  const std::string end = "2126-10-29T07:08:14Z", begin = "2026-11-22T07:08:14Z";
  CHECK(table.rows[0] == std::vector<std::string>{"ROOTCA", "CA", "ACTIVE", "true", serial, end, begin});
  CHECK(table.rows[1][1] == "CA");
  CHECK(table.rows[1][4] != serial);
  CHECK(table.rows[2] == std::vector<std::string>{"default", "Cert Chain", "ACTIVE", "true", serial, end, begin});
  CHECK(inspect::secretsTable(dump, {}, kEarlier).rows[0][3] == "false");
}

TEST_CASE("private keys are nowhere, whatever the dump holds") {
  const auto dump = dumpOf(secretsPart(json::array({entry("default", kServing)})));
  const auto text = inspect::secretsJson(dump, {}).dump();
  CHECK(text.find("PRIVATE") == std::string::npos);
  CHECK(text.find("sesame") == std::string::npos);
  CHECK(text.find("\"private_key\":\"[redacted]\"") != std::string::npos);
  const json page{{"resources", {{"SDS", {{{"name", "kubernetes://x"}, {"resource", kServing}}}}}}};
  CHECK(inspect::secretsJson(dumpOf(page), {}).dump().find("PRIVATE") == std::string::npos);
  const json bootstrap{{"configs",
                        {{{"@type", "x.BootstrapConfigDump"},
                          {"bootstrap", {{"static_resources", {{"secrets", json::array({kServing})}}}}}}}}};
  CHECK(dumpOf(bootstrap).bootstrap.dump().find("PRIVATE") == std::string::npos);
}

TEST_CASE("a secret that Envoy lists for each of its users is shown once, two of a name are two") {
  auto other = kServing;
  other["tls_certificate"]["certificate_chain"] = {{"inline_string", test::kOtherCertificate}};
  const auto dump =
      dumpOf(secretsPart({entry("default", kServing), entry("default", kServing), entry("default", other)}));
  CHECK(inspect::secretsTable(dump, {}, kNow).rows.size() == 2);
}

TEST_CASE("what is no certificate is not valid") {
  const json broken = {{"tls_certificate", {{"certificate_chain", {{"inline_string", "nonsense"}}}}}};
  const auto dump = dumpOf(secretsPart({entry("a", broken), entry("b", json::object())}));
  const auto table = inspect::secretsTable(dump, {}, kNow);
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0][3] == "false");
  CHECK(table.rows[1][1] == "Other");
  CHECK(inspect::secretsTable(dump, {.name = "b"}, kNow).rows.size() == 1);
}
