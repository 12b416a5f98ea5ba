#include "api/networking.h"
#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
const std::string kHeader =
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: vs, namespace: onap}";
const std::string kRoute = "http: [{route: [{destination: {host: a}}]}]";

TEST_CASE("hosts, gateways and L4 routes") {
  const auto vs = good<VirtualService>(R"(
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: vs, namespace: onap}
spec:
  hosts: [db.example.com, "*.example.com"]
  gateways: [mesh, gw, istio-system/gw, ./gw, gw.onap.svc.cluster.local]
  exportTo: [".", onap]
  tls:
  - match:
    - sniHosts: [db.example.com, x.example.com]
      port: 443
      destinationSubnets: [10.0.0.0/8, 1.2.3.4]
      sourceLabels: {app: web}
      sourceNamespace: shop
      gateways: [mesh]
    route: [{destination: {host: db, port: {number: 443}, subset: v1}, weight: 100}]
  tcp:
  - match: [{port: 27017}]
    route:
    - {destination: {host: db, subset: v1}, weight: 1}
    - {destination: {host: db, subset: v2}, weight: 0}
)");
  CHECK(vs->spec.hosts == std::vector<std::string>{"db.example.com", "*.example.com"});
  CHECK(vs->spec.gateways.size() == 5);
  CHECK(vs->spec.exportTo == std::vector<std::string>{".", "onap"});
  REQUIRE(vs->spec.tls.size() == 1);
  const L4Match match{
      {"db.example.com", "x.example.com"}, {"10.0.0.0/8", "1.2.3.4"}, 443, {{"app", "web"}}, "shop", {"mesh"}};
  CHECK(vs->spec.tls[0].match == std::vector<L4Match>{match});
  CHECK(vs->spec.tls[0].route == std::vector<L4Route::Weighted>{{{"db", "v1", 443}, 100}});
  REQUIRE(vs->spec.tcp.size() == 1);
  CHECK(vs->spec.tcp[0].match[0].port == 27017);
  CHECK(vs->spec.tcp[0].route == std::vector<L4Route::Weighted>{{{"db", "v1", 0}, 1}, {{"db", "v2", 0}, 0}});
}

TEST_CASE("delegates, and who names them") {
  const std::string header =
      "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: vs, namespace: onap}\n";
  const auto root = good<VirtualService>(header + R"(
spec:
  hosts: [a.b]
  http:
  - match: [{uri: {prefix: /x}, statPrefix: x}]
    delegate: {name: other, namespace: elsewhere}
  - delegate: {name: own}
  - redirect: {prefixRewrite: /new}
  - route: [{destination: {host: a}}]
    retries: {attempts: 2, retryIgnorePreviousHosts: false, retryRemoteLocalities: true}
    corsPolicy: {allowOrigins: [{exact: "https://a.b"}], unmatchedPreflights: IGNORE}
)");
  const auto& http = root->spec.http;
  CHECK(http[0].match[0].statPrefix == "x");
  CHECK(http[0].delegate == HttpRoute::Delegate{"other", "elsewhere"});
  CHECK(http[1].delegate == HttpRoute::Delegate{"own", ""});
  CHECK(http[2].redirect->prefixRewrite == "/new");
  CHECK(http[3].retries->retryIgnorePreviousHosts == false);
  CHECK(http[3].cors->unmatchedPreflights == HttpRoute::Cors::Unmatched::ignore);
  const auto delegate = good<VirtualService>(header + "spec: {" + kRoute + ", exportTo: [x]}");
  CHECK(delegate->spec.hosts.empty());
}

TEST_CASE("bad hosts, gateways and L4 routes") {
  using Severity = Problem::Severity;
  const auto tls = [](const std::string& match) {
    return "{hosts: [a.b], tls: [{match: [" + match + "], route: [{destination: {host: a}}]}]}";
  };
  checkSpecs(
      kHeader,
      {
          {"{tcp: [{route: [{destination: {host: a}}]}]}", "spec.hosts", "it is missing"},
          {"{hosts: [], tcp: [{route: [{destination: {host: a}}]}], " + kRoute + "}", "spec.hosts", "it is missing"},
          {"{gateways: [gw], " + kRoute + "}", "spec.gateways", "remove gateways"},
          {"{http: [{delegate: {name: x}}]}", "spec.http[0]", "cannot delegate again"},
          {"{hosts: ['*'], " + kRoute + "}", "spec.hosts", "would take all traffic in the mesh"},
          {"{hosts: ['*'], gateways: [gw, mesh], " + kRoute + "}", "spec.hosts", "would take all traffic in the mesh"},
          {"{hosts: ['a b'], " + kRoute + "}", "spec.hosts", "\"a b\""},
          {"{hosts: ['a', A], " + kRoute + "}", "spec.hosts", "given twice", Severity::warning},
          {"{hosts: a, " + kRoute + "}", "spec.hosts", "put it in a list, [\"a\"]"},
          {"{hosts: [a, ''], " + kRoute + "}", "spec.hosts[1]", "not empty"},
          {"{hosts: [a, 5], " + kRoute + "}", "spec.hosts[1]", "found the number 5"},
          {"{hosts: [a]}", "spec", "expected at least one of http, tls, tcp"},
          {"{hosts: [a], gateways: [A_b], " + kRoute + "}", "spec.gateways[0]", "expected \"mesh\""},
          {"{hosts: [a], exportTo: ['a b'], " + kRoute + "}", "spec.exportTo[0]", "name of a namespace"},
          {tls("{port: 443}"), "spec.tls[0].match[0].sniHosts", "it is missing"},
          {tls("{sniHosts: []}"), "spec.tls[0].match[0].sniHosts", "it is empty"},
          {tls("{sniHosts: [other.c]}"), "spec.tls[0].match[0].sniHosts", "which none of spec.hosts covers"},
          {tls("{sniHosts: [a.b], destinationSubnets: [x]}"), "spec.tls[0].match[0].destinationSubnets[0]",
           "expected an IP address"},
          {tls("{sniHosts: [a.b], sourceSubnet: 10.0.0.0/8}"), "spec.tls[0].match[0].sourceSubnet",
           "cannot be matched"},
          {"{hosts: [a], tls: [{route: [{destination: {host: a}}]}]}", "spec.tls[0].match", "it is missing"},
          {"{hosts: [a], tcp: [{}]}", "spec.tcp[0].route", "it is missing"},
          {"{hosts: [a], tcp: [{route: []}]}", "spec.tcp[0].route", "it is empty"},
          {"{hosts: [a], tcp: [{route: [{}]}]}", "spec.tcp[0].route[0].destination", "it is missing"},
          {"{hosts: [a], tcp: [{route: [{destination: {}}]}]}", "spec.tcp[0].route[0].destination.host",
           "it is missing"},
          {"{hosts: [a], tcp: [{route: [{destination: {host: 'a.*'}}]}]}", "spec.tcp[0].route[0].destination.host",
           "the name of a service"},
          {"{hosts: [a], tcp: [{match: [{destinationSubnet: 10.0.0.0/8}], route: [{destination: {host: a}}]}]}",
           "spec.tcp[0].match[0].destinationSubnet", "old field", Severity::warning},
          {"{hosts: [a], tcp: x}", "spec.tcp", "expected a list"},
          {"{hosts: [a], tcp: [x]}", "spec.tcp[0]", "expected a mapping"},
      });
}

TEST_CASE("several problems of one object are all reported") {
  const auto decoded = decodeYaml(kHeader + R"(
spec:
  hosts: ["a b"]
  http:
  - match: [{uri: {regex: "("}}, {port: 99999}]
    route: [{destination: {host: a}}]
  - route: [{destination: {host: b}}]
  - route: [{destination: {host: "b c"}, weight: -1}]
)");
  INFO(toText(decoded.problems));
  const auto vs = as<VirtualService>(decoded);
  CHECK(find(decoded.problems, "spec.hosts", "\"a b\""));
  CHECK(find(decoded.problems, "spec.http[0].match[0].uri.regex", "refused by RE2: missing )"));
  CHECK(find(decoded.problems, "spec.http[0].match[1].port", "found the number 99999"));
  CHECK(find(decoded.problems, "spec.http[2].route[0].destination.host", "\"b c\""));
  CHECK(find(decoded.problems, "spec.http[2].route[0].weight", "found the number -1"));
  CHECK(decoded.problems.size() == 5);
  CHECK_FALSE(vs->valid());
  CHECK(hasErrorsAt(vs->problems, "spec.http[0]"));
  CHECK_FALSE(hasErrorsAt(vs->problems, "spec.http[1]"));
  CHECK(vs->spec.http.size() == 3);
}

}  // namespace
}  // namespace fairway::api
