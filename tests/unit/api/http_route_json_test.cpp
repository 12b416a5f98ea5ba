#include "api/networking.h"
#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using Type = StringMatch::Type;
const std::string kHeader =
    "apiVersion: networking.istio.io/v1alpha3\nkind: VirtualService\nmetadata: {name: vs, namespace: onap}";

// The first route of a VirtualService that is all right but for warnings.
HttpRoute route(const std::string& fields, Problems* problems = nullptr) {
  const auto decoded = decodeYaml(kHeader + "\nspec:\n  hosts: [a]\n  http:\n  - " + fields + "\n");
  INFO(fields << "\n" << toText(decoded.problems));
  const auto vs = as<VirtualService>(decoded);
  CHECK(vs->valid());
  if (problems != nullptr) {
    *problems = decoded.problems;
  } else {
    CHECK(decoded.problems.empty());
  }
  REQUIRE(vs->spec.http.size() == 1);
  return vs->spec.http[0];
}

TEST_CASE("matches") {
  const auto r = route(R"(name: r
    match:
    - name: m
      uri: {prefix: /a}
      scheme: {exact: https}
      method: {regex: GET|POST}
      authority: {exact: a.example.com}
      headers: {x-user: {exact: jason}, x-any: {}, ":path": {prefix: /}}
      withoutHeaders: {x-no: {regex: .*}}
      queryParams: {q: {exact: "1"}, r: }
      port: 80
      sourceLabels: {app: web}
      sourceNamespace: shop
      gateways: [mesh]
      ignoreUriCase: true
    - uri: {exact: /b}
    route: [{destination: {host: a}}])");
  CHECK(r.name == "r");
  REQUIRE(r.match.size() == 2);
  const auto& m = r.match[0];
  CHECK(m.name == "m");
  CHECK(m.uri == StringMatch{Type::prefix, "/a"});
  CHECK(m.scheme == StringMatch{Type::exact, "https"});
  CHECK(m.method == StringMatch{Type::regex, "GET|POST"});
  CHECK(m.authority == StringMatch{Type::exact, "a.example.com"});
  CHECK(m.headers == std::map<std::string, StringMatch>{{"x-user", {Type::exact, "jason"}},
                                                        {"x-any", {Type::present, ""}},
                                                        {":path", {Type::prefix, "/"}}});
  CHECK(m.withoutHeaders == std::map<std::string, StringMatch>{{"x-no", {Type::regex, ".*"}}});
  CHECK(m.queryParams == std::map<std::string, StringMatch>{{"q", {Type::exact, "1"}}, {"r", {Type::present, ""}}});
  CHECK(m.port == 80);
  CHECK(m.sourceLabels == Labels{{"app", "web"}});
  CHECK(m.sourceNamespace == "shop");
  CHECK(m.gateways == std::vector<std::string>{"mesh"});
  CHECK(m.ignoreUriCase);
  CHECK(r.match[1].uri == StringMatch{Type::exact, "/b"});
}

TEST_CASE("destinations, timeouts, retries, rewrite, headers") {
  const auto r = route(R"(route:
    - destination: {host: a, subset: v1, port: {number: 80}}
      weight: 75
      headers: {request: {set: {x: "1"}}}
    - destination: {host: b}
      weight: 25
    timeout: 1.5s
    retries: {attempts: 3, perTryTimeout: 100ms, retryOn: "5xx, connect-failure,503", backoff: 25ms, retryRemoteLocalities: true}
    rewrite: {uri: /new, authority: new.example.com}
    headers:
      request: {set: {host: x, ":authority": y, a: "%REQ(b)%"}, add: {b: c}, remove: [d]}
      response: {set: {e: f}, add: {g: h}, remove: [i]})");
  REQUIRE(r.route.size() == 2);
  CHECK(r.route[0].destination == Destination{"a", "v1", 80});
  CHECK(r.route[0].weight == 75);
  CHECK(r.route[0].headers.request.set == Labels{{"x", "1"}});
  CHECK(r.route[1].weight == 25);
  CHECK(r.timeout == 1500ms);
  CHECK(*r.retries == HttpRoute::Retries{3, 100ms, "5xx, connect-failure,503", 25ms, true});
  CHECK(*r.rewrite == HttpRoute::Rewrite{"/new", "new.example.com", "", ""});
  CHECK(r.headers.request.set == Labels{{"host", "x"}, {":authority", "y"}, {"a", "%REQ(b)%"}});
  CHECK(r.headers.request.add == Labels{{"b", "c"}});
  CHECK(r.headers.request.remove == std::vector<std::string>{"d"});
  CHECK(r.headers.response.set == Labels{{"e", "f"}});
  CHECK(r.headers.response.add == Labels{{"g", "h"}});
  CHECK(r.headers.response.remove == std::vector<std::string>{"i"});
  CHECK(route("{route: [{destination: {host: a}}], timeout: 0s}").timeout == 0s);
  const auto regex =
      route(R"({route: [{destination: {host: a}}], rewrite: {uriRegexRewrite: {match: "^/a/(.*)$", rewrite: '/\1'}}})");
  CHECK(regex.rewrite->regexMatch == "^/a/(.*)$");
  CHECK(regex.rewrite->regexRewrite == "/\\1");
}

TEST_CASE("redirects, direct responses, faults, mirrors, CORS") {
  CHECK(*route("redirect: {uri: /x, authority: a:80, scheme: https, redirectCode: 308, port: 8443}").redirect ==
        HttpRoute::Redirect{"/x", "a:80", "https", 8443, "", 308});
  CHECK(route("redirect: {derivePort: FROM_REQUEST_PORT, uri: /}").redirect->derivePort == "FROM_REQUEST_PORT");
  CHECK(route("redirect: {uri: /}").redirect->code == 301);
  CHECK(*route("directResponse: {status: 503, body: {string: sorry}}").directResponse ==
        HttpRoute::DirectResponse{503, "sorry"});
  CHECK(route("directResponse: {status: 503, body: {bytes: c29ycnk=}}").directResponse->body == "sorry");

  const auto fault =
      *route(
           R"(fault: {delay: {fixedDelay: 5s, percentage: {value: 0.1}}, abort: {httpStatus: 500, percentage: {value: 50}}}
    route: [{destination: {host: a}}])")
           .fault;
  CHECK(fault.delay == 5s);
  CHECK(fault.delayPercent.value == 0.1);
  CHECK(fault.abortStatus == 500U);
  CHECK(fault.abortPercent.value == 50);
  CHECK(route("{fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 1}}}, route: [{destination: {host: a}}]}")
            .fault->abortGrpcStatus == "UNAVAILABLE");

  const auto mirrored = route(
      "{route: [{destination: {host: a}}], mirrors: [{destination: {host: b}, percentage: {value: 10}}, {destination: "
      "{host: c}}]}");
  CHECK(mirrored.mirrors == std::vector<HttpRoute::Mirror>{{{"b", "", 0}, {10}}, {{"c", "", 0}, {100}}});
  CHECK(route("{route: [{destination: {host: a}}], mirror: {host: b}}").mirrors[0].percent.value == 100);
  CHECK(route("{route: [{destination: {host: a}}], mirror: {host: b}, mirrorPercentage: {value: 5.5}}")
            .mirrors[0]
            .percent.value == 5.5);

  const auto cors = *route(R"(route: [{destination: {host: a}}]
    corsPolicy:
      allowOrigins: [{exact: "https://a"}, {regex: "https://.*"}]
      allowMethods: [GET]
      allowHeaders: [x]
      exposeHeaders: [y]
      maxAge: 24h
      allowCredentials: true)")
                         .cors;
  CHECK(cors.allowOrigins == std::vector<StringMatch>{{Type::exact, "https://a"}, {Type::regex, "https://.*"}});
  CHECK(cors.allowMethods == std::vector<std::string>{"GET"});
  CHECK(cors.allowHeaders == std::vector<std::string>{"x"});
  CHECK(cors.exposeHeaders == std::vector<std::string>{"y"});
  CHECK(cors.maxAge == 24h);
  CHECK(cors.allowCredentials == true);
}

TEST_CASE("the spellings of Istio 1.0 to 1.5") {
  Problems problems;
  const auto old = route(R"(route: [{destination: {host: a}, weight: 0, removeResponseHeaders: [r]}]
    websocketUpgrade: true
    appendHeaders: {a: "1"}
    appendRequestHeaders: {b: "2"}
    appendResponseHeaders: {c: "3"}
    removeRequestHeaders: [d]
    removeResponseHeaders: [e]
    fault: {delay: {percent: 10, fixedDelay: 1s}, abort: {percent: "20", httpStatus: 400}}
    mirror: {host: b}
    mirrorPercent: 30
    corsPolicy: {allowOrigin: ["*", "https://a"], allowOrigins: [{exact: other}]})",
                         &problems);
  CHECK(old.headers.request.add == Labels{{"a", "1"}, {"b", "2"}});
  CHECK(old.headers.response.add == Labels{{"c", "3"}});
  CHECK(old.headers.request.remove == std::vector<std::string>{"d"});
  CHECK(old.headers.response.remove == std::vector<std::string>{"e"});
  CHECK(old.route[0].headers.response.remove == std::vector<std::string>{"r"});
  CHECK(old.fault->delayPercent.value == 10);
  CHECK(old.fault->abortPercent.value == 20);
  CHECK(old.mirrors[0].percent.value == 30);
  CHECK(old.cors->allowOrigins == std::vector<StringMatch>{{Type::exact, "*"}, {Type::exact, "https://a"}});
  CHECK(find(problems, "spec.http[0].websocketUpgrade", "always on"));
  CHECK(find(problems, "spec.http[0].appendHeaders", "read as headers.request.add"));
  CHECK(find(problems, "spec.http[0].fault.delay.percent", "old field"));
  CHECK(find(problems, "spec.http[0].corsPolicy.allowOrigin", "allowOrigins is given as well"));

  const auto snake = route(
      "{match: [{source_labels: {a: b}, query_params: {q: {exact: x}}}], redirect: {uri: /, redirect_code: 302}}");
  CHECK(snake.match[0].sourceLabels == Labels{{"a", "b"}});
  CHECK(snake.match[0].queryParams.size() == 1);
  CHECK(snake.redirect->code == 302);

  const auto none = route("{route: [{destination: {host: a}}], fault: {abort: {httpStatus: 500}}}", &problems);
  CHECK(none.fault->abortPercent.value == 0);
  CHECK(find(problems, "spec.http[0].fault.abort", "means 0"));
  const auto both =
      route("{route: [{destination: {host: a}}], mirror: {host: b}, mirrorPercent: 1, mirrorPercentage: {value: 2}}");
  CHECK(both.mirrors[0].percent.value == 2);
}

TEST_CASE("bad HTTP routes") {
  using Severity = Problem::Severity;
  const auto match = [](const std::string& m) {
    return "{hosts: [a], http: [{match: [" + m + "], route: [{destination: {host: a}}]}]}";
  };
  const auto with = [](const std::string& f) {
    return "{hosts: [a], http: [{route: [{destination: {host: a}}], " + f + "}]}";
  };
  const auto alone = [](const std::string& f) { return "{hosts: [a], http: [{" + f + "}]}"; };
  checkSpecs(
      kHeader,
      {
          {alone(""), "spec.http[0]", "expected route, redirect, directResponse or delegate"},
          {alone("delegate: {}"), "spec.http[0].delegate.name", "it is missing"},
          {alone("delegate: {name: A_b}"), "spec.http[0].delegate.name", "name of a VirtualService"},
          {alone("delegate: {name: x, namespace: a.b}"), "spec.http[0].delegate.namespace", "name of a namespace"},
          {alone("delegate: {name: x}, redirect: {uri: /}"), "spec.http[0]", "only one of"},
          {alone("redirect: {uri: /, prefixRewrite: /}"), "spec.http[0].redirect", "uri and prefixRewrite"},
          {alone("route: []"), "spec.http[0].route", "it is empty"},
          {alone("route: [{destination: {host: a}}, {destination: {host: b}}]"), "spec.http[0].route", "are all 0"},
          {alone("route: [{destination: {host: a, port: {number: 0}}}]"),
           "spec.http[0].route[0].destination.port.number", "from 1 to 65535"},
          {alone("route: [{destination: {host: a, subset: A_}}]"), "spec.http[0].route[0].destination.subset",
           "subset"},
          {with("redirect: {uri: /}"), "spec.http[0]", "expected only one of"},
          {with("timeout: 5"), "spec.http[0].timeout", "expected a duration in quotes"},
          {with("timeout: 5d"), "spec.http[0].timeout", "expected a duration such as"},
          {with("timeout: 1us"), "spec.http[0].timeout", "at least 1ms"},
          {with("timeout: -1s"), "spec.http[0].timeout", "not negative"},
          {with("retries: {attempts: -1}"), "spec.http[0].retries.attempts", "found the number -1"},
          {with("retries: {attempts: 1, retryOn: 'whenever'}"), "spec.http[0].retries.retryOn", "found \"whenever\""},
          {with("retries: {retryOn: 5xx}"), "spec.http[0].retries", "there are no retries", Severity::warning},
          {with("rewrite: {}"), "spec.http[0].rewrite", "expected at least one of uri"},
          {with("rewrite: {uri: /, uriRegexRewrite: {match: a, rewrite: b}}"), "spec.http[0].rewrite", "both given"},
          {with("rewrite: {uriRegexRewrite: {match: '(', rewrite: b}}"), "spec.http[0].rewrite.uriRegexRewrite.match",
           "refused by RE2"},
          {with("rewrite: {uriRegexRewrite: {match: '(a)', rewrite: '\\2'}}"),
           "spec.http[0].rewrite.uriRegexRewrite.rewrite", "\\0 to \\1"},
          {with("fault: {}"), "spec.http[0].fault", "expected delay or abort"},
          {with("fault: {delay: {percentage: {value: 1}}}"), "spec.http[0].fault.delay.fixedDelay", "it is missing"},
          {with("fault: {delay: {percentage: {value: 101}, fixedDelay: 1s}}"),
           "spec.http[0].fault.delay.percentage.value", "from 0 to 100"},
          {with("fault: {abort: {percentage: {value: 1}}}"), "spec.http[0].fault.abort",
           "expected httpStatus or grpcStatus"},
          {with("fault: {abort: {percentage: {value: 1}, httpStatus: 99}}"), "spec.http[0].fault.abort.httpStatus",
           "from 200 to 599"},
          {with("fault: {abort: {percentage: {value: 1}, grpcStatus: NOPE}}"), "spec.http[0].fault.abort.grpcStatus",
           "gRPC status"},
          {with("mirror: {host: a}, mirrors: [{destination: {host: b}}]"), "spec.http[0].mirror", "both given"},
          {with("mirrorPercent: 5"), "spec.http[0].mirrorPercent", "without mirror", Severity::warning},
          {with("corsPolicy: {allowOrigins: [{}]}"), "spec.http[0].corsPolicy.allowOrigins[0]", "it is empty"},
          {with("headers: {request: {set: {':path': a}}}"), "spec.http[0].headers.request.set[:path]",
           "cannot be changed"},
          {with("headers: {request: {add: {Host: a}}}"), "spec.http[0].headers.request.add.Host", "use `set`"},
          {with("headers: {request: {set: {'a b': a}}}"), "spec.http[0].headers.request.set[a b]", "header name"},
          {with("headers: {request: {set: {a: '50%'}}}"), "spec.http[0].headers.request.set.a", "lone %"},
          {with("headers: {response: {remove: [':status']}}"), "spec.http[0].headers.response.remove",
           "cannot be removed"},
          {alone("redirect: {}"), "spec.http[0].redirect", "expected at least one of uri"},
          {alone("redirect: {uri: /, redirectCode: 304}"), "spec.http[0].redirect.redirectCode",
           "301, 302, 303, 307 or 308"},
          {alone("redirect: {uri: /, scheme: ftp}"), "spec.http[0].redirect.scheme", "http or https"},
          {alone("redirect: {uri: /}, timeout: 1s"), "spec.http[0]", "a redirect answers by itself"},
          {alone("directResponse: {}"), "spec.http[0].directResponse.status", "it is missing"},
          {alone("directResponse: {status: 200, body: {bytes: '!'}}"), "spec.http[0].directResponse.body.bytes",
           "expected base64"},
          {match("{uri: {exact: a, prefix: b}}"), "spec.http[0].match[0].uri", "several of exact, prefix, regex"},
          {match("{uri: {suffix: a}}"), "spec.http[0].match[0].uri", "expected one of exact, prefix, regex"},
          {match("{uri: /a}"), "spec.http[0].match[0].uri", "a mapping with one of"},
          {match("{uri: {}}"), "spec.http[0].match[0].uri", "matches every request", Severity::warning},
          {match("{uri: {regex: '(?!a)'}}"), "spec.http[0].match[0].uri.regex",
           "the pattern \"(?!a)\" is refused by RE2"},
          {match("{headers: {'a b': {exact: c}}}"), "spec.http[0].match[0].headers[a b]", "header name"},
          {match("{headers: {a: c}}"), "spec.http[0].match[0].headers.a", "a mapping with one of"},
          {match("{port: 0}"), "spec.http[0].match[0].port", "from 1 to 65535"},
          {alone("route: [{destination: {host: '*'}}]"), "spec.http[0].route[0].destination.host",
           "the name of a service"},
          {match("{sourceLabels: {a: '*'}}"), "spec.http[0].match[0].sourceLabels", "the value \"*\""},
          {match("{pathh: a, statPrefix: b}"), "spec.http[0].match[0].pathh", "unknown field", Severity::warning},
      });
}

}  // namespace
}  // namespace fairway::api
