#include <catch2/catch.hpp>

#include "fixtures.h"

using namespace fairway;
using namespace fairway::test;
using normalize::RoutesOf;
using Type = model::StringMatcher::Type;

namespace {

const std::string kHost = fqdn("x", "a");

api::HttpRoute to(const std::string& host, std::uint32_t port = 0, const std::string& subset = {}) {
  api::HttpRoute route;
  route.route.push_back({{host, subset, port}, 0, {}});
  return route;
}

api::HttpMatchRequest uri(api::StringMatch::Type type, const std::string& value) {
  api::HttpMatchRequest match;
  match.uri = api::StringMatch{type, value};
  return match;
}
api::HttpMatchRequest prefix(const std::string& value) { return uri(api::StringMatch::Type::prefix, value); }

api::HttpRoute with(api::HttpRoute route, std::vector<api::HttpMatchRequest> matches) {
  route.match = std::move(matches);
  return route;
}

struct Options {
  std::string created = {};
  std::vector<std::string> hosts = {kHost};
  std::vector<std::string> gateways = {}, exportTo = {};
  api::Problems problems = {};
};

void virtualService(Mesh& mesh, const std::string& ns, const std::string& name, std::vector<api::HttpRoute> http,
                    Options options = {}) {
  mesh.add<api::VirtualService>(ns, name, [&](auto& o) {
    o.meta.creationTimestamp = options.created;
    o.problems = options.problems;
    o.spec.hosts = options.hosts;
    o.spec.gateways = options.gateways;
    o.spec.exportTo = options.exportTo;
    o.spec.http = std::move(http);
  });
}

Mesh withServices() {
  Mesh mesh;
  mesh.service("a", "x", {{"http", 80, "8080"}});
  mesh.service("a", "y", {{"http", 80, "8080"}, {"http-admin", 81, "8081"}});
  mesh.service("b", "z", {{"http", 9000, ""}});
  return mesh;
}

model::Routes ask(Mesh& mesh, const std::string& clientNs = "a", std::uint32_t port = 80) {
  return mesh.ask(RoutesOf{clientNs, kHost, port});
}

// "rule -> host:port" of each route.
std::vector<std::string> outline(const model::Routes& routes) {
  std::vector<std::string> result;
  for (const auto& route : routes.http) {
    auto line = route.provenance.name + " " + route.provenance.rule + " -> ";
    for (const auto& d : route.destinations)
      line += d.destination.host.substr(0, 1) + ":" + std::to_string(d.destination.port);
    if (route.directResponse) line += std::to_string(route.directResponse->status);
    result.push_back(line);
  }
  return result;
}
using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a host of which no VirtualService speaks is not defined") {
  auto mesh = withServices();
  CHECK(ask(mesh) == model::Routes{});
  virtualService(mesh, "a", "vs", {to("y", 80)}, {.hosts = {"y"}});
  CHECK_FALSE(ask(mesh).defined);
}

TEST_CASE("a route carries its provenance and Istio's defaults") {
  auto mesh = withServices();
  virtualService(mesh, "a", "vs", {to("y", 81)});
  const auto routes = ask(mesh);
  REQUIRE(routes.http.size() == 1);
  const auto& route = routes.http[0];
  CHECK(routes.defined);
  CHECK(route.provenance == model::Provenance{"VirtualService", "a", "vs", "http[0]"});
  CHECK(route.matches.empty());
  CHECK(route.timeout == model::Duration(0));
  CHECK(route.retries.attempts == 2);
  CHECK(route.retries.on == "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes");
  CHECK(route.retries.statusCodes == std::vector<std::uint32_t>{503});
  REQUIRE(route.destinations.size() == 1);
  CHECK(route.destinations[0].weight == 100);
  CHECK(route.destinations[0].destination == model::Destination{fqdn("y", "a"), 81, "", false});
}

TEST_CASE("who owns a host may say which namespaces route it (ISTIO-SECURITY-2026-002)") {
  auto mesh = withServices();
  virtualService(mesh, "b", "foreign", {to(fqdn("z", "b"))});
  const auto grant = [&](const std::string& service, const std::string& ns) {
    mesh.add<api::Namespace>("", "a", [&](auto& o) {
      o.meta.annotations = {{"networking.fairway.io/routesFrom", ns}};
    });
    mesh.add<api::Service>("a", "x", [&](auto& o) {
      o.spec.clusterIPs = {"10.96.0.1"};
      o.spec.ports.push_back({"http", "TCP", "", 80, "8080"});
      if (!service.empty()) o.meta.annotations = {{"networking.fairway.io/routesFrom", service}};
    });
  };
  const Lines routed{"foreign http[0] -> z:9000"};
  CHECK(outline(ask(mesh)) == routed);
  for (const auto& [service, ns, counts] : std::vector<std::tuple<std::string, std::string, bool>>{{"", "", true},
                                                                                                   {".", "", false},
                                                                                                   {"", ".", false},
                                                                                                   {"c, b", "", true},
                                                                                                   {"c", "*", false},
                                                                                                   {"*", ".", true}}) {
    INFO("service: " << service << ", namespace: " << ns);
    grant(service, ns);
    CHECK(outline(ask(mesh)) == (counts ? routed : Lines{}));
    CHECK(outline(ask(mesh, "c")) == (counts ? routed : Lines{}));
    CHECK(outline(ask(mesh, "b")) == routed);  // what its own namespace sends is its own
  }
  grant(".", "");
  virtualService(mesh, "istio-system", "mesh-wide", {to("y.a.svc.cluster.local", 80)});
  CHECK(outline(ask(mesh)) == Lines{"mesh-wide http[0] -> y:80"});
}

TEST_CASE("a host owner's refusal is told to the author of the routes") {
  auto mesh = withServices();
  virtualService(mesh, "b", "foreign", {to(fqdn("z", "b"))});
  mesh.add<api::Namespace>("", "a", [](auto& o) { o.meta.annotations = {{"networking.fairway.io/routesFrom", "."}}; });
  ask(mesh);
  REQUIRE(mesh.notes().size() == 1);
  CHECK(mesh.notes().begin()->object.name == "foreign");
  CHECK_THAT(mesh.notes().begin()->message, Catch::Contains("belongs to namespace a"));
}

TEST_CASE("the most specific host decides alone") {
  auto mesh = withServices();
  virtualService(mesh, "a", "all", {to("z.b.svc.cluster.local")}, {.hosts = {"*"}});
  CHECK(outline(ask(mesh)) == Lines{"all http[0] -> z:9000"});
  virtualService(mesh, "a", "wide", {to("y", 80)}, {.hosts = {"*.a.svc.cluster.local"}});
  CHECK(outline(ask(mesh)) == Lines{"wide http[0] -> y:80"});
  virtualService(mesh, "a", "exact", {with(to("y", 81), {prefix("/a")})}, {.hosts = {"X"}});
  CHECK(outline(ask(mesh)) == Lines{"exact http[0] -> y:81"});
}

TEST_CASE("a more specific VirtualService that does not apply to the client leaves the wider one in place") {
  auto mesh = withServices();
  virtualService(mesh, "a", "wide", {to("y", 80)}, {.hosts = {"*.a.svc.cluster.local"}});
  virtualService(mesh, "b", "private", {to("z")}, {.exportTo = {"."}});
  virtualService(mesh, "b", "gateway", {to("z")}, {.gateways = {"gw"}});
  CHECK(outline(ask(mesh)) == Lines{"wide http[0] -> y:80"});
  CHECK(outline(ask(mesh, "b")) == Lines{"private http[0] -> z:9000"});
}

TEST_CASE("several VirtualServices of one host: oldest first, catch-alls last, whatever their names") {
  for (const bool swapped : {false, true}) {
    auto mesh = withServices();
    const std::string old = swapped ? "z" : "m";
    const std::string young = swapped ? "m" : "z";
    virtualService(mesh, "a", old, {with(to("y", 80), {prefix("/old")}), to("y", 80)},
                   {.created = "2020-01-01T00:00:00Z"});
    virtualService(mesh, "a", young, {with(to("y", 81), {prefix("/young")}), to("y", 81)},
                   {.created = "2021-01-01T00:00:00Z"});
    CHECK(outline(ask(mesh)) == Lines{old + " http[0] -> y:80", young + " http[0] -> y:81", old + " http[1] -> y:80"});
    CHECK(mesh.noted("VirtualService/a/" + young + " http[1]", "no request gets here", Severity::warning));
  }
}

TEST_CASE("rules behind a catch-all are left out and say so") {
  auto mesh = withServices();
  virtualService(mesh, "a", "vs", {with(to("y", 80), {prefix("/a"), prefix("/")}), with(to("y", 81), {prefix("/b")})});
  CHECK(outline(ask(mesh)) == Lines{"vs http[0] -> y:80"});
  CHECK(ask(mesh).http[0].matches.empty());
  CHECK(mesh.noted("VirtualService/a/vs http[1]", "no request gets here", Severity::warning));
}

TEST_CASE("matches for another port, gateway or client are settled here") {
  auto mesh = withServices();
  auto otherPort = prefix("/port");
  otherPort.port = 99;
  auto thisPort = prefix("/this");
  thisPort.port = 80;
  auto gateway = prefix("/gateway");
  gateway.gateways = {"gw"};
  auto meshMatch = prefix("/mesh");
  meshMatch.gateways = {"gw", "mesh"};
  auto client = prefix("/client");
  client.sourceNamespace = "b";
  auto labels = prefix("/labels");
  labels.sourceLabels = {{"app", "y"}};
  virtualService(
      mesh, "a", "vs",
      {with(to("y", 80), {otherPort, thisPort}), with(to("y", 80), {gateway}), with(to("y", 80), {meshMatch}),
       with(to("y", 80), {client}), with(to("y", 80), {labels}), to("y", 81)});
  CHECK(outline(ask(mesh)) == Lines{"vs http[0] -> y:80", "vs http[2] -> y:80", "vs http[5] -> y:81"});
  REQUIRE(ask(mesh).http[0].matches.size() == 1);
  CHECK(ask(mesh).http[0].matches[0].uri->value == "/this");
  CHECK(outline(ask(mesh, "b")).size() == 4);
  model::Client labelled("a");
  labelled.labels = {{"app", "y"}};
  CHECK(outline(mesh.ask(RoutesOf{labelled, kHost, 80})) ==
        Lines{"vs http[0] -> y:80", "vs http[2] -> y:80", "vs http[4] -> y:80", "vs http[5] -> y:81"});
}

TEST_CASE("destinations: short names, ports and subsets") {
  auto mesh = withServices();
  mesh.add<api::DestinationRule>("a", "y", [](auto& o) {
    o.spec.host = "y";
    o.spec.subsets = {{"v1", {{"v", "1"}}, {}}};
  });
  struct Case {
    api::HttpRoute route;
    std::uint32_t listenerPort;
    std::uint32_t port;
    bool missing;
    const char* note;
  };
  const Case cases[] = {
      {to("y", 81), 80, 81, false, nullptr},
      {to("y"), 80, 80, false, nullptr},
      {to("y"), 82, 0, true, "none is chosen"},
      {to("y", 82), 80, 82, true, "has no port 82"},
      {to("z"), 80, 0, true, "there is no service z.a.svc.cluster.local"},
      {to("z.b.svc.cluster.local"), 80, 9000, false, nullptr},
      {to("y", 80, "v1"), 80, 80, false, nullptr},
      {to("y", 80, "v2"), 80, 80, true, "defines subset \"v2\""},
  };
  for (const auto& c : cases) {
    virtualService(mesh, "a", "vs", {with(c.route, {prefix("/a")}), to("y", 80)});
    const auto routes = ask(mesh, "a", c.listenerPort);
    REQUIRE(routes.http.size() == 2);  // a missing destination takes no other route with it
    const auto& destination = routes.http[0].destinations.at(0).destination;
    CHECK(destination.port == c.port);
    CHECK(destination.missing == c.missing);
    if (c.note != nullptr) CHECK(mesh.noted("VirtualService/a/vs", c.note));
  }
}

TEST_CASE("weights: one destination gets all, those with 0 among several nothing") {
  auto mesh = withServices();
  auto route = to("y", 80);
  route.route.push_back({{"x", "", 80}, 0, {}});
  route.route[0].weight = 30;
  route.route.push_back({{"z.b.svc.cluster.local", "", 9000}, 70, {}});
  virtualService(mesh, "a", "vs", {route});
  const auto routes = ask(mesh);
  REQUIRE(routes.http[0].destinations.size() == 2);
  CHECK(routes.http[0].destinations[0].weight == 30);
  CHECK(routes.http[0].destinations[1].weight == 70);

  route.route[0].weight = route.route[2].weight = 0;
  virtualService(mesh, "a", "vs", {route});
  CHECK(ask(mesh).http[0].directResponse->status == 500);
  CHECK(mesh.noted("VirtualService/a/vs", "no destination gets any request"));
}

TEST_CASE("retries: off, own conditions, status codes") {
  struct Case {
    std::int32_t attempts;
    std::string on;
    model::HttpRoute::Retries expected;
  };
  const Case cases[] = {
      {0, "5xx", {}},
      {3, "", {3, {}, {}, "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes", {503}}},
      {1, "5xx, reset", {1, {}, {}, "5xx,reset", {}}},
      {1, "reset,504,503,504", {1, {}, {}, "reset,retriable-status-codes", {503, 504}}},
      {1, "retriable-status-codes,429", {1, {}, {}, "retriable-status-codes", {429}}},
      {1, "retriable-status-codes", {1, {}, {}, "retriable-status-codes", {503}}},
  };
  for (const auto& c : cases) {
    auto mesh = withServices();
    auto route = to("y", 80);
    route.retries.emplace().attempts = c.attempts;
    route.retries->retryOn = c.on;
    virtualService(mesh, "a", "vs", {route});
    CHECK(ask(mesh).http[0].retries == c.expected);
  }
}

TEST_CASE("matches are converted field by field") {
  auto mesh = withServices();
  using S = api::StringMatch;
  auto match = uri(S::Type::exact, "/A");
  match.ignoreUriCase = true;
  match.method = S{S::Type::exact, "GET"};
  match.authority = S{S::Type::regex, ".*x"};
  match.scheme = S{S::Type::exact, "http"};
  match.headers = {{"X-B", S{S::Type::exact, "1"}},
                   {"x-a", S{}},
                   {"X-Empty", S{S::Type::exact, ""}},
                   {":method", S{S::Type::exact, "PUT"}}};
  match.withoutHeaders = {{"X-No", S{}}};
  match.queryParams = {{"Q", S{S::Type::exact, "v"}}};
  virtualService(mesh, "a", "vs", {with(to("y", 80), {match})});
  const auto routes = ask(mesh);
  const auto& result = routes.http.at(0).matches.at(0);
  CHECK(*result.uri == model::StringMatcher{Type::exact, "/A", true});
  CHECK(result.method->value == "GET");
  CHECK(result.authority->type == Type::regex);
  CHECK(result.scheme->value == "http");
  REQUIRE(result.headers.size() == 5);
  CHECK(result.headers[0] == model::HttpMatch::Named{":method", {Type::exact, "PUT", false}, false});
  CHECK(result.headers[1] == model::HttpMatch::Named{"x-a", {}, false});
  CHECK(result.headers[2] == model::HttpMatch::Named{"x-b", {Type::exact, "1", false}, false});
  CHECK(result.headers[3] == model::HttpMatch::Named{"x-empty", {}, false});
  CHECK(result.headers[4] == model::HttpMatch::Named{"x-no", {}, true});
  CHECK(result.queryParams.at(0) == model::HttpMatch::Named{"Q", {Type::exact, "v", false}, false});
}

TEST_CASE("actions are converted") {
  using namespace std::chrono_literals;
  auto mesh = withServices();
  auto route = to("y", 80);
  route.name = "n";
  route.timeout = 3s;
  route.rewrite.emplace();
  route.rewrite->uri = "/new";
  route.rewrite->authority = "other";
  route.fault.emplace();
  route.fault->delay = 1s;
  route.fault->delayPercent = {10};
  route.fault->abortGrpcStatus = "UNAVAILABLE";
  route.fault->abortPercent = {20};
  route.mirrors = {{{"z.b.svc.cluster.local", "", 0}, {5}}, {{"nowhere", "", 0}, {5}}};
  route.cors.emplace().allowOrigins = {{api::StringMatch::Type::exact, "https://e"}};
  route.cors->maxAge = 9s;
  route.headers.request.set = {{"X-Set", "1"}, {"Host", "h"}, {":path", "/evil"}};
  route.headers.request.add = {{"x-b", "2"}, {"X-A", "1"}};
  route.headers.response.remove = {"Server", "server"};
  virtualService(mesh, "a", "vs", {route});
  const auto routes = ask(mesh);
  const auto& result = routes.http.at(0);
  CHECK(result.name == "n");
  CHECK(result.timeout == model::Duration(3s));
  CHECK(result.rewritePath == "/new");
  CHECK(result.rewriteHost == "other");
  CHECK(result.fault->delay == model::Duration(1s));
  CHECK(result.fault->delayPercent == 10);
  CHECK(result.fault->abortGrpcStatus == 14U);
  CHECK(result.fault->abortPercent == 20);
  REQUIRE(result.mirrors.size() == 1);
  CHECK(result.mirrors[0].destination.port == 9000);
  CHECK(result.mirrors[0].percent == 5);
  CHECK(mesh.noted("VirtualService/a/vs", "there is no service nowhere"));
  CHECK(result.cors->allowOrigins[0].value == "https://e");
  CHECK(result.cors->maxAge == model::Duration(9s));
  CHECK(result.headers.requestSet == std::vector<std::pair<std::string, std::string>>{{"x-set", "1"}});
  CHECK(result.headers.requestAdd == std::vector<std::pair<std::string, std::string>>{{"x-a", "1"}, {"x-b", "2"}});
  CHECK(result.headers.responseRemove == std::vector<std::string>{"server"});
  CHECK(mesh.noted("VirtualService/a/vs", "\":path\" cannot be changed", Severity::warning));

  route.rewrite.reset();
  virtualService(mesh, "a", "vs", {route});
  CHECK(ask(mesh).http.at(0).rewriteHost == "h");
}

TEST_CASE("redirects and direct responses have no destinations") {
  auto mesh = withServices();
  api::HttpRoute redirect;
  redirect.redirect.emplace();
  redirect.redirect->uri = "/x";
  redirect.redirect->authority = "h";
  redirect.redirect->code = 302;
  redirect.redirect->derivePort = "FROM_PROTOCOL_DEFAULT";
  api::HttpRoute direct;
  direct.directResponse = api::HttpRoute::DirectResponse{503, "busy"};
  virtualService(mesh, "a", "vs", {with(redirect, {prefix("/r")}), direct});
  const auto routes = ask(mesh);
  REQUIRE(routes.http.size() == 2);
  CHECK(routes.http[0].redirect->path == "/x");
  CHECK(routes.http[0].redirect->code == 302);
  CHECK(routes.http[0].redirect->portFromScheme);
  CHECK(routes.http[0].retries.attempts == 0);
  CHECK(routes.http[1].directResponse->status == 503);
  CHECK(routes.http[1].directResponse->body == "busy");
}

TEST_CASE("a rule with errors answers 500 for its own requests only") {
  auto mesh = withServices();
  virtualService(mesh, "a", "vs",
                 {with(to("y", 80), {prefix("/good")}), with(to("y", 80), {prefix("/bad")}), to("y", 81)},
                 {.problems = {errorAt("spec.http[1].route[0].weight")}});
  const auto routes = ask(mesh);
  CHECK(outline(routes) == Lines{"vs http[0] -> y:80", "vs http[1] -> 500", "vs http[2] -> y:81"});
  CHECK(routes.http[1].matches.at(0).uri->value == "/bad");
  CHECK(mesh.noted("VirtualService/a/vs", "requests that it matches are answered with 500"));
}

TEST_CASE("where a broken rule's matches cannot be read, 500 answers what no earlier rule took") {
  const api::Problems unreadable[] = {{errorAt("spec.http[1].match[0].uri")}, {errorAt("spec.http[1].match")}};
  for (const auto& problems : unreadable) {
    auto mesh = withServices();
    virtualService(mesh, "a", "vs",
                   {with(to("y", 80), {prefix("/good")}), with(to("y", 80), {prefix("/bad")}), to("y", 81)},
                   {.problems = problems});
    CHECK(outline(ask(mesh)) == Lines{"vs http[0] -> y:80", "vs http[1] -> 500"});
    CHECK(mesh.noted("VirtualService/a/vs", "its matches cannot be read"));
  }
  // Nothing of the rule could be read.
  auto mesh = withServices();
  virtualService(mesh, "a", "vs", {api::HttpRoute{}, to("y", 81)}, {.problems = {errorAt("spec.http[0]")}});
  CHECK(outline(ask(mesh)) == Lines{"vs http[0] -> 500"});
}

TEST_CASE("rules that could not be read at all answer 500 at the end, and take no others with them") {
  for (const auto* field : {"spec.http", "spec.http[7]"}) {
    auto mesh = withServices();
    virtualService(mesh, "a", "vs", {}, {.problems = {errorAt(field)}});
    virtualService(mesh, "a", "good", {with(to("y", 80), {prefix("/good")})});
    CHECK(outline(ask(mesh)) == Lines{"good http[0] -> y:80", "vs http -> 500"});
  }
  // So many problems that the list was cut: any rule may be wrong.
  auto mesh = withServices();
  virtualService(mesh, "a", "vs", {with(to("y", 80), {prefix("/a")})},
                 {.problems = {errorAt("spec.http[9]"), {api::Problem::Severity::warning, "", "more"}}});
  const auto routes = ask(mesh);
  CHECK(
      std::all_of(routes.http.begin(), routes.http.end(), [](const auto& r) { return r.directResponse.has_value(); }));
}

TEST_CASE("a VirtualService without any rule leaves the host to itself") {
  auto mesh = withServices();
  virtualService(mesh, "a", "vs", {}, {.problems = {errorAt("spec")}});
  CHECK(outline(ask(mesh)) == Lines{"vs  -> x:80"});
}

TEST_CASE("an error elsewhere in the object does not break its rules") {
  auto mesh = withServices();
  virtualService(mesh, "a", "vs", {to("y", 81)}, {.problems = {errorAt("spec.tls[0].match")}});
  CHECK(outline(ask(mesh)) == Lines{"vs http[0] -> y:81"});
}

TEST_CASE("unreadable gateways and exportTo do not widen a VirtualService") {
  auto mesh = withServices();
  virtualService(mesh, "a", "vs", {to("y", 81)}, {.problems = {errorAt("spec.gateways")}});
  CHECK_FALSE(ask(mesh).defined);
  virtualService(mesh, "a", "vs", {to("y", 81)}, {.problems = {errorAt("spec.exportTo")}});
  CHECK(ask(mesh).defined);
  CHECK_FALSE(ask(mesh, "b").defined);
}

TEST_CASE("a VirtualService without http rules leaves HTTP to the host itself") {
  auto mesh = withServices();
  mesh.add<api::VirtualService>("a", "vs", [](auto& o) {
    o.spec.hosts = {"x"};
    o.spec.tcp.emplace_back().route.push_back({{"y", "", 81}, 0});
  });
  const auto routes = ask(mesh);
  CHECK(routes.defined);
  CHECK(outline(routes) == Lines{"vs  -> x:80"});
  CHECK(routes.http[0].retries.attempts == 2);
  REQUIRE(routes.tcp.size() == 1);
  CHECK(routes.tcp[0].destinations.at(0).destination == model::Destination{fqdn("y", "a"), 81, "", false});
  CHECK(routes.tcp[0].provenance.rule == "tcp[0]");
}

TEST_CASE("tcp rules: first one that takes all, others by port, broken ones close") {
  auto mesh = withServices();
  const auto fill = [](auto& o) {
    o.spec.hosts = {"x"};
    api::L4Route other;
    other.match.emplace_back().port = 99;
    other.route.push_back({{"y", "", 80}, 0});
    api::L4Route subnet;
    subnet.match.emplace_back().destinationSubnets = {"10.0.0.0/8"};
    subnet.route = other.route;
    api::L4Route weighted;
    weighted.route = {{{"y", "", 80}, 25}, {{"x", "", 80}, 75}, {{"x", "", 80}, 0}};
    o.spec.tcp = {other, subnet, weighted, weighted};
  };
  mesh.add<api::VirtualService>("a", "vs", fill);
  auto routes = ask(mesh);
  REQUIRE(routes.tcp.size() == 2);
  CHECK(routes.tcp[0].provenance.rule == "tcp[1]");
  CHECK(routes.tcp[0].destinationSubnets == std::vector<std::string>{"10.0.0.0/8"});
  CHECK(routes.tcp[1].destinationSubnets.empty());
  CHECK(routes.tcp[1].provenance.rule == "tcp[2]");
  REQUIRE(routes.tcp[1].destinations.size() == 2);
  CHECK(routes.tcp[1].destinations[1].weight == 75);
  CHECK(mesh.noted("VirtualService/a/vs tcp[3]", "no connection gets here", Severity::warning));

  mesh.add<api::VirtualService>("a", "vs", [&](auto& o) {
    fill(o);
    o.problems = {errorAt("spec.tcp[2].route[0].destination")};
  });
  routes = ask(mesh);
  REQUIRE(routes.tcp.size() == 2);
  CHECK(routes.tcp[1].destinations.at(0).destination.missing);
}

TEST_CASE("tls rules are narrowed to the host that is asked for") {
  auto mesh = withServices();
  mesh.add<api::VirtualService>("a", "vs", [](auto& o) {
    o.spec.hosts = {"x", "y"};
    const auto rule = [](std::vector<std::string> sni, std::uint32_t port) {
      api::L4Route route;
      route.match.emplace_back().sniHosts = std::move(sni);
      route.route.push_back({{"y", "", port}, 0});
      return route;
    };
    o.spec.tls = {rule({"y"}, 80), rule({"*.a.svc.cluster.local"}, 81), rule({"x"}, 80)};
  });
  const auto routes = ask(mesh);
  REQUIRE(routes.tls.size() == 2);
  CHECK(routes.tls[0].sniHosts == std::vector<std::string>{kHost});
  CHECK(routes.tls[0].provenance.rule == "tls[1]");
  CHECK(routes.tls[1].provenance.rule == "tls[2]");
}
