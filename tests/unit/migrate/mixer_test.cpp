#include "migrate/mixer.h"

#include "migrate/mixer_match.h"
#include "unit/migrate/fixtures.h"

using namespace fairway;
using namespace fairway::test;

namespace {

std::string object(const std::string& kind, const std::string& name, const std::string& spec) {
  return "---\napiVersion: config.istio.io/v1alpha2\nkind: " + kind + "\nmetadata: {name: " + name +
         ", namespace: ns}\nspec: " + spec + "\n";
}

migrate::Migration migratedMixer(const std::string& mixer) {
  migrate::Request request;
  request.objects = objectsOf(workload("a"));
  const auto documents = api::parseYaml(mixer);
  REQUIRE(documents);
  for (const auto& document : *documents) request.mixer.push_back(document.value);
  return migrate::migrate(request);
}

}  // namespace

TEST_CASE("match expressions are read where they are comparisons") {
  const auto terms = migrate::parseMixerMatch(
      R"(destination.labels["app"] == "a" && (source.namespace != "x") && match(request.path, "/a*") && request.host.endsWith("com"))");
  REQUIRE(terms);
  REQUIRE(terms->size() == 4);
  CHECK((*terms)[0] == migrate::MixerTerm{"destination.labels[app]", migrate::MixerTerm::Op::equal, "a"});
  CHECK((*terms)[1].op == migrate::MixerTerm::Op::not_equal);
  CHECK((*terms)[2] == migrate::MixerTerm{"request.path", migrate::MixerTerm::Op::starts_with, "/a"});
  CHECK((*terms)[3].op == migrate::MixerTerm::Op::ends_with);
  CHECK(migrate::parseMixerMatch("")->empty());
  for (const auto* other : {"a == b", "x || y", "request.size > 5", "request.headers[\"a\"].matches(\"x.*\")"}) {
    CHECK_FALSE(migrate::parseMixerMatch(other));
  }
  CHECK(migrate::parseMixerAttribute("source.ip | ip(\"0.0.0.0\")") == "source.ip");
}

TEST_CASE("a denier becomes a DENY policy") {
  const auto result =
      migratedMixer(object("denier", "never", "{status: {code: 7}}") + object("checknothing", "n", "{}") +
                    object("rule", "deny",
                           "{match: 'destination.labels[\"app\"] == \"a\" && "
                           "request.headers[\"x-v\"] == \"3\"', actions: [{handler: "
                           "never.denier, instances: [n.checknothing]}]}"));
  const auto* policy = manifest(result, "AuthorizationPolicy", "deny");
  REQUIRE(policy != nullptr);
  CHECK((*policy)["spec"]["selector"]["matchLabels"]["app"] == "a");
  CHECK((*policy)["spec"]["rules"][0]["when"][0]["key"] == "request.headers[x-v]");
  CHECK(result.exact());
}

TEST_CASE("lists of addresses and texts become values") {
  const auto addresses =
      migratedMixer(object("listchecker", "l", "{overrides: [10.0.0.0/8], blacklist: false, entryType: IP_ADDRESSES}") +
                    object("listentry", "e", "{value: 'source.ip | ip(\"0.0.0.0\")'}") +
                    object("rule", "r", "{actions: [{handler: l.listchecker, instances: [e.listentry]}]}"));
  const auto* policy = manifest(addresses, "AuthorizationPolicy", "r");
  REQUIRE(policy != nullptr);
  CHECK((*policy)["spec"]["rules"][0]["from"][0]["source"]["notIpBlocks"][0] == "10.0.0.0/8");

  const auto url = migratedMixer(
      object("listchecker", "l", "{providerUrl: \"http://x/list\"}") + object("listentry", "e", "{value: source.ip}") +
      object("rule", "r", "{actions: [{handler: l.listchecker, instances: [e.listentry]}]}"));
  CHECK(url.manifests.empty());
  CHECK(told(url, "rule/ns/r", "providerUrl"));
  CHECK_FALSE(url.exact());
}

TEST_CASE("every other adapter's equivalent is named") {
  const auto result = migratedMixer(object("memquota", "m", "{}") + object("prometheus", "p", "{}") +
                                    object("handler", "o", "{compiledAdapter: opa}"));
  CHECK(told(result, "memquota/ns/m", "RateLimit (networking.fairway.io/v1alpha1)"));
  CHECK(told(result, "handler/ns/o", "CUSTOM"));
  CHECK(told(result, "prometheus/ns/p", "Telemetry"));
  CHECK_FALSE(result.exact());
}

namespace {

// A quota as Istio's task has it; `quota`, `spec` and `dimensions` are what differs.
std::string quota(const std::string& quota, const std::string& dimensions,
                  const std::string& spec = "{rules: [{quotas: [{charge: 1, quota: requestcount}]}]}",
                  const std::string& match = {}) {
  return object("handler", "h", "{compiledAdapter: memquota, params: {quotas: [" + quota + "]}}") +
         object("instance", "requestcount", "{compiledTemplate: quota, params: {dimensions: " + dimensions + "}}") +
         object("QuotaSpec", "spec", spec) +
         object("QuotaSpecBinding", "binding", "{quotaSpecs: [{name: spec}], services: [{name: a}]}") +
         object("rule", "r", "{" + match + "actions: [{handler: h, instances: [requestcount]}]}");
}

const std::string kQuota = "{name: requestcount.instance.ns, maxAmount: 500, validDuration: 60s}";

}  // namespace

TEST_CASE("a quota becomes a RateLimit of the Services that it is bound to") {
  const auto result = migratedMixer(quota(
      kQuota, R"({source: 'request.headers["x-user"] | "unknown"', ns: source.namespace, to: destination.service})"));
  const auto* limit = manifest(result, "RateLimit", "a");
  REQUIRE(limit != nullptr);
  CHECK((*limit)["apiVersion"] == "networking.fairway.io/v1alpha1");
  CHECK((*limit)["metadata"]["namespace"] == "ns");
  CHECK((*limit)["spec"]["selector"]["matchLabels"]["app"] == "a");
  CHECK((*limit)["spec"].contains("global"));
  const auto& rule = (*limit)["spec"]["rules"][0];
  CHECK(rule["name"] == "requestcount");
  CHECK(rule["limit"].dump() == R"({"requests":500,"unit":"MINUTE"})");
  CHECK(rule["descriptors"].dump() == R"([{"type":"SOURCE_NAMESPACE"},{"type":"HEADER","name":"x-user"}])");
  CHECK(told(result, "rule/ns/r", "counts the same requests"));
  CHECK_FALSE(result.exact());
  // The control plane takes it.
  const auto decoded = api::decode(nlohmann::json::parse(limit->dump()));
  REQUIRE(decoded.object);
  CHECK(decoded.problems.empty());
}

TEST_CASE("a quota that a RateLimit cannot say gets the reason") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {quota("{name: requestcount, maxAmount: 5, validDuration: 5s}", "{}"), "of 5s"},
      {quota("{name: requestcount, maxAmount: 0, validDuration: 1s}", "{}"), "maxAmount"},
      {quota("{name: other, maxAmount: 5, validDuration: 1s}", "{}"), "has no quota requestcount"},
      {quota("{name: requestcount, maxAmount: 5, validDuration: 1s, overrides: [{dimensions: {a: b}, maxAmount: 1}]}",
             "{}"),
       "overrides"},
      {quota(kQuota, "{a: request.size}"), "no descriptor for the dimension a"},
      {quota(kQuota, "{a: 'conditional(x, y, z)'}"), "no single attribute"},
      {quota(kQuota, "{}", "{rules: [{quotas: [{charge: 2, quota: requestcount}]}]}"), "more than once"},
      {quota(kQuota, "{}", "{rules: [{match: [{clause: {}}], quotas: [{charge: 1, quota: requestcount}]}]}"),
       "`match`"},
      {quota(kQuota, "{}", "{rules: [{quotas: [{charge: 1, quota: else}]}]}"), "no QuotaSpecBinding"},
      {quota(kQuota, "{}", "{rules: [{quotas: [{quota: requestcount}]}]}", "match: 'source.namespace == \"x\"', "),
       "are counted"}};
  for (const auto& [objects, reason] : cases) {
    CAPTURE(reason);
    const auto result = migratedMixer(objects);
    CAPTURE(listing(result));
    CHECK(manifest(result, "RateLimit", "a") == nullptr);
    CHECK(told(result, "rule/ns/r", reason));
    CHECK(told(result, "rule/ns/r", "write a RateLimit"));
  }
}
