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
  CHECK(told(result, "memquota/ns/m", "ratelimit"));
  CHECK(told(result, "handler/ns/o", "CUSTOM"));
  CHECK(told(result, "prometheus/ns/p", "Telemetry"));
  CHECK_FALSE(result.exact());
}
