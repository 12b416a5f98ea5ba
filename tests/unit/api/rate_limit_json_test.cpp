#include "api/rate_limit.h"

#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
using Spec = RateLimitSpec;
using Type = Spec::Descriptor::Type;
using Match = StringMatch::Type;
const std::string kHeader =
    "apiVersion: networking.fairway.io/v1alpha1\nkind: RateLimit\nmetadata: {name: limit, namespace: onap}";

TEST_CASE("a rate limit with all fields") {
  const auto object = good<RateLimit>(kHeader + R"(
spec:
  selector: {matchLabels: {app: web}}
  context: INBOUND
  local: {maxCounters: 50}
  shadow: true
  response: {status: 503, headers: {x-why: busy}, quotaHeaders: true}
  rules:
  - name: writers
    match:
    - path: {prefix: /api}
      method: {exact: POST}
      headers: {x-tier: {regex: "gold|silver"}, x-kind: {suffix: -batch}}
    - path: {suffix: .pdf}
    descriptors:
    - {type: PATH}
    - {type: METHOD, value: POST}
    - {type: HEADER, name: x-user}
    - {type: SOURCE_PRINCIPAL}
    - {type: SOURCE_NAMESPACE}
    - {type: CLAIM, name: realm.id}
    - {type: REMOTE_ADDRESS}
    - {type: CONSTANT, value: all}
    limit: {requests: 100, unit: MINUTE, burst: 20}
  - limit: {requests: 5, unit: DAY}
)");
  const auto& spec = object->spec;
  CHECK(spec.selector == Labels{{"app", "web"}});
  CHECK(spec.context == Spec::Context::inbound);
  REQUIRE(spec.local);
  CHECK(spec.local->maxCounters == 50u);
  CHECK_FALSE(spec.global);
  CHECK(spec.shadow);
  CHECK(spec.response == Spec::Response{503, {{"x-why", "busy"}}, true});
  REQUIRE(spec.rules.size() == 2);
  const auto& rule = spec.rules[0];
  CHECK(rule.name == "writers");
  REQUIRE(rule.match.size() == 2);
  CHECK(rule.match[0] ==
        Spec::Match{StringMatch{Match::prefix, "/api"},
                    StringMatch{Match::exact, "POST"},
                    {{"x-tier", {Match::regex, "gold|silver"}}, {"x-kind", {Match::suffix, "-batch"}}}});
  CHECK(rule.match[1] == Spec::Match{StringMatch{Match::suffix, ".pdf"}, {}, {}});
  CHECK(rule.descriptors == std::vector<Spec::Descriptor>{{Type::path, "", ""},
                                                          {Type::method, "", "POST"},
                                                          {Type::header, "x-user", ""},
                                                          {Type::source_principal, "", ""},
                                                          {Type::source_namespace, "", ""},
                                                          {Type::claim, "realm.id", ""},
                                                          {Type::remote_address, "", ""},
                                                          {Type::constant, "", "all"}});
  CHECK(rule.limit == Spec::Limit{100, Spec::Limit::Unit::minute, 20});
  CHECK(spec.rules[1] == Spec::Rule{"", {}, {}, {5, Spec::Limit::Unit::day, {}}});
}

TEST_CASE("a global rate limit at a gateway") {
  const auto object = good<RateLimit>(kHeader + R"(
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: edge}]
  global: {timeout: 250ms, failureMode: CLOSED}
  rules: [{limit: {requests: 1, unit: HOUR}}]
)");
  CHECK(object->spec.context == Spec::Context::gateway);
  CHECK(object->spec.global == Spec::Global{std::chrono::milliseconds(250), true});
  CHECK(good<RateLimit>(kHeader + "\nspec: {context: GATEWAY, global: {}, rules: [{limit: {requests: 1, unit: HOUR}}]}")
            ->spec.global == Spec::Global{});
}

TEST_CASE("mistakes of a rate limit name the field") {
  const auto rule = [](const std::string& parts) {
    return "{local: {}, rules: [{limit: {requests: 1, unit: HOUR}, " + parts + "}]}";
  };
  const auto limit = [](const std::string& limit) { return "{local: {}, rules: [{limit: " + limit + "}]}"; };
  const std::string some = "rules: [{limit: {requests: 1, unit: HOUR}}]";
  checkSpecs(
      kHeader,
      {
          {"{local: {}}", "spec.rules", "at least one rule"},
          {"{local: {}, rules: []}", "spec.rules", "at least one rule"},
          {"{" + some + "}", "spec.local", "global"},
          {"{local: {}, global: {}, " + some + "}", "spec.global", "one of them"},
          {"{local: {maxCounters: 0}, " + some + "}", "spec.local.maxCounters", "from 1"},
          {"{global: {failureMode: HALF}, " + some + "}", "spec.global.failureMode", "OPEN"},
          {"{local: {}, context: OUTBOUND, " + some + "}", "spec.context", "INBOUND"},
          {"{local: {}, context: INBOUND, targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}], " +
               some + "}",
           "spec.context", "GATEWAY"},
          {"{local: {}, response: {status: 200}, " + some + "}", "spec.response.status", "400"},
          {"{local: {}, response: {headers: {'a b': x}}, " + some + "}", "spec.response.headers[a b]", "header"},
          {limit("{unit: HOUR}"), "spec.rules[0].limit.requests", "missing"},
          {limit("{requests: 0, unit: HOUR}"), "spec.rules[0].limit.requests", "1"},
          {limit("{requests: 1}"), "spec.rules[0].limit.unit", "missing"},
          {limit("{requests: 1, unit: WEEK}"), "spec.rules[0].limit.unit", "DAY"},
          {"{global: {}, rules: [{limit: {requests: 1, unit: HOUR, burst: 2}}]}", "spec.rules[0].limit.burst",
           "only local"},
          {"{local: {}, rules: [{}]}", "spec.rules[0].limit", "missing"},
          {rule("name: Big"), "spec.rules[0].name", "lower case"},
          {"{local: {}, rules: [{name: a, limit: {requests: 1, unit: HOUR}}, {name: a, limit: {requests: 1, unit: "
           "HOUR}}]}",
           "spec.rules[1].name", "used above"},
          {rule("match: [{}]"), "spec.rules[0].match[0]", "no condition"},
          {rule("match: [{path: {regex: '('}}]"), "spec.rules[0].match[0].path.regex", "missing"},
          {rule("match: [{headers: {'a:': {exact: b}}}]"), "spec.rules[0].match[0].headers[a:]", "header"},
          {rule("descriptors: [{name: a}]"), "spec.rules[0].descriptors[0].type", "missing"},
          {rule("descriptors: [{type: COOKIE}]"), "spec.rules[0].descriptors[0].type", "HEADER"},
          {rule("descriptors: [{type: HEADER}]"), "spec.rules[0].descriptors[0].name", "missing"},
          {rule("descriptors: [{type: HEADER, name: ':path'}]"), "spec.rules[0].descriptors[0].name", "header"},
          {rule("descriptors: [{type: CLAIM, name: a..b}]"), "spec.rules[0].descriptors[0].name", "claim"},
          {rule("descriptors: [{type: PATH, name: a}]"), "spec.rules[0].descriptors[0].name", "only the types"},
          {rule("descriptors: [{type: CONSTANT}]"), "spec.rules[0].descriptors[0].value", "missing"},
          {rule("descriptors: [" +
                std::string("{type: PATH}, {type: PATH}, {type: PATH}, {type: PATH}, {type: PATH}, ") +
                "{type: PATH}, {type: PATH}, {type: PATH}, {type: PATH}]"),
           "spec.rules[0].descriptors", "at most 8"},
      });
}

}  // namespace
}  // namespace fairway::api
