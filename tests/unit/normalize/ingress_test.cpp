#include <catch2/catch.hpp>

#include "api/ingress.h"
#include "api/mesh_config.h"
#include "fixtures.h"

using namespace fairway;
using namespace fairway::test;
using normalize::GatewayOf;
using normalize::GatewayRoutes;
using Lines = std::vector<std::string>;
using Spec = api::IngressSpec;
using Type = Spec::Path::Type;

namespace {

const model::Labels kLabels{{"istio", "ingressgateway"}};

// An Ingress of the mesh's class, by annotation.
template <class Fill>
void ingress(Mesh& mesh, const std::string& ns, const std::string& name, Fill fill) {
  mesh.add<api::Ingress>(ns, name, [&](auto& o) {
    o.meta.annotations["kubernetes.io/ingress.class"] = "istio";
    fill(o);
  });
}

Spec::Path path(const std::string& text, Type type, const std::string& service = "x", std::uint32_t port = 80) {
  return {text, type, {service, port, ""}};
}

void ingressMode(Mesh& mesh, api::MeshConfigSpec::IngressMode mode) {
  mesh.add<api::ConfigMap>("istio-system", "istio", [&](auto& o) { o.spec.mesh.emplace().ingressMode = mode; });
}

Lines servers(Mesh& mesh, const model::Labels& labels = kLabels) {
  Lines result;
  for (const auto& server : mesh.ask(GatewayOf{"gw-ns", labels}).servers) {
    auto line = std::to_string(server.port) + " " + server.provenance.toString();
    for (const auto& host : server.hosts) line += " " + host.dns;
    if (server.tls) line += " " + server.tls->credentialName;
    result.push_back(line);
  }
  return result;
}

std::string toText(const model::HttpRoute& route) {
  std::string text;
  for (const auto& match : route.matches) {
    text += match.uri->type == model::StringMatcher::Type::exact ? "=" : match.wholeElements ? "/" : "~";
    text += match.uri->value;
  }
  if (text.empty()) text = "*";
  const auto& destination = route.destinations.at(0).destination;
  return text + ">" + destination.host.substr(0, destination.host.find('.')) + ":" +
         (destination.missing ? "missing" : std::to_string(destination.port));
}

// "domain: match>service:port ..."
Lines routes(Mesh& mesh, std::uint32_t port = 80, const std::string& server = {}) {
  Lines result;
  for (const auto& host : mesh.ask(GatewayRoutes{"gw-ns", kLabels, port, server}).hosts) {
    auto line = host.domain + ":";
    for (const auto& route : host.routes.http) line += " " + toText(route);
    result.push_back(line);
  }
  return result;
}

}  // namespace

TEST_CASE("the class of an Ingress decides whether it is served") {
  using Mode = api::MeshConfigSpec::IngressMode;
  struct Row {
    const char *annotation, *className;  // empty: none
    bool strict, byDefault;
  };
  const Row rows[] = {{"istio", "", true, true},      {"nginx", "", false, false},  {"", "ours", true, true},
                      {"", "theirs", false, false},   {"", "unknown", false, true}, {"", "", false, true},
                      {"nginx", "ours", false, false}};
  for (const auto& row : rows) {
    Mesh mesh;
    mesh.add<api::IngressClass>("", "ours", [](auto& o) { o.spec.controller = "istio.io/ingress-controller"; });
    mesh.add<api::IngressClass>("", "theirs", [](auto& o) { o.spec.controller = "nginx.org/ingress-controller"; });
    mesh.add<api::Ingress>("n", "i", [&](auto& o) {
      if (*row.annotation != 0) o.meta.annotations["kubernetes.io/ingress.class"] = row.annotation;
      o.spec.className = row.className;
    });
    INFO(row.annotation << "," << row.className);
    CHECK(servers(mesh).size() == (row.strict ? 1U : 0U));  // STRICT is the default
    CHECK(mesh.noted("Ingress/n/i", "no IngressClass", Severity::warning) == (std::string("unknown") == row.className));
    ingressMode(mesh, Mode::by_default);
    CHECK(servers(mesh).size() == (row.byDefault ? 1U : 0U));
    ingressMode(mesh, Mode::off);
    CHECK(servers(mesh).empty());
  }
}

TEST_CASE("the ingress gateway's pods serve Ingress objects, and no others") {
  Mesh mesh;
  ingress(mesh, "n", "i", [](auto& o) { o.spec.tls = {{{"b.c", "a.b"}, "cert"}, {{}, "any"}}; });
  CHECK(servers(mesh) ==
        Lines{"80 Ingress/n/i *", "443 Ingress/n/i tls[0] a.b b.c cert", "443 Ingress/n/i tls[1] * any"});
  CHECK(servers(mesh, {{"istio", "egressgateway"}}).empty());
  CHECK(servers(mesh, {}).empty());
  mesh.add<api::ConfigMap>("istio-system", "istio",
                           [](auto& o) { o.spec.mesh.emplace().ingressSelector = "egressgateway"; });
  CHECK(servers(mesh).empty());
  CHECK(servers(mesh, {{"istio", "egressgateway"}}).size() == 3);
}

TEST_CASE("an entry of tls without a secret, or with errors, opens nothing") {
  Mesh mesh;
  ingress(mesh, "n", "i", [](auto& o) {
    o.spec.tls = {{{"a.b"}, ""}, {{"c.d"}, "cert"}};
    o.problems = {errorAt("spec.tls[1].hosts[1]")};
  });
  CHECK(servers(mesh) == Lines{"80 Ingress/n/i *"});
  CHECK(mesh.noted("Ingress/n/i tls[0]", "names no secret"));
}

TEST_CASE("a TLS host is the older object's; Ingress objects of a namespace with one secret share it") {
  Mesh mesh;
  const auto tls = [](const std::string& created, const std::string& secret, const std::string& rulePath) {
    return [=](auto& o) {
      o.meta.creationTimestamp = created;
      o.spec.tls = {{{"a.b"}, secret}};
      o.spec.rules = {{"a.b", {path(rulePath, Type::prefix)}}};
    };
  };
  mesh.service("n", "x", {{"http", 80, ""}});
  mesh.service("m", "x", {{"http", 80, ""}});
  ingress(mesh, "n", "one", tls("2020-01-01T00:00:00Z", "cert", "/one"));
  ingress(mesh, "n", "two", tls("2021-01-01T00:00:00Z", "cert", "/two"));
  ingress(mesh, "n", "other-secret", tls("2022-01-01T00:00:00Z", "other", "/three"));
  ingress(mesh, "m", "other-namespace", tls("2022-01-01T00:00:00Z", "cert", "/four"));
  (void)servers(mesh);
  CHECK_FALSE(mesh.noted("Ingress/n/two", "belongs to the older"));
  CHECK(mesh.noted("Ingress/n/other-secret tls[0]", "belongs to the older Ingress/n/one"));
  CHECK(mesh.noted("Ingress/m/other-namespace tls[0]", "belongs to the older Ingress/n/one"));
  // Nobody adds to the hosts of another namespace's certificate.
  CHECK(routes(mesh, 443, "Ingress/n/one tls[0]") == Lines{"a.b: //three>x:80 //one>x:80 //two>x:80"});
  CHECK(routes(mesh) == Lines{"a.b: //three>x:80 //four>x:80 //one>x:80 //two>x:80"});
}

TEST_CASE("path types") {
  struct Row {
    Type type;
    const char *text, *expected;
  };
  const Row rows[] = {
      {Type::exact, "/a", "=/a"},
      {Type::exact, "/", "=/"},
      {Type::exact, "/a/", "=/a/"},
      {Type::prefix, "/a", "//a"},
      {Type::prefix, "/a/b/", "//a/b"},
      {Type::prefix, "/", "*"},
      {Type::prefix, "//", "*"},
      {Type::implementation_specific, "/a", "=/a"},
      {Type::implementation_specific, "/a.*", "~/a"},
      {Type::implementation_specific, "/a/*", "~/a"},
      {Type::implementation_specific, "/*", "*"},
      {Type::implementation_specific, "/.*", "*"},
      {Type::implementation_specific, "", "*"},
  };
  for (const auto& row : rows) {
    Mesh mesh;
    mesh.service("n", "x", {{"http", 80, ""}});
    ingress(mesh, "n", "i", [&](auto& o) { o.spec.rules = {{"", {path(row.text, row.type)}}}; });
    INFO(row.text);
    CHECK(routes(mesh) == Lines{std::string("*: ") + row.expected + ">x:80"});
  }
}

TEST_CASE("the longest path wins, an exact one before a prefix, the older object before the younger") {
  Mesh mesh;
  mesh.service("n", "x", {{"http", 80, ""}});
  mesh.service("n", "y", {{"http", 80, ""}});
  ingress(mesh, "n", "old", [](auto& o) {
    o.meta.creationTimestamp = "2020-01-01T00:00:00Z";
    o.spec.rules = {{"a.b", {path("/", Type::prefix), path("/same", Type::prefix), path("/long/er", Type::prefix)}}};
  });
  ingress(mesh, "n", "young", [](auto& o) {
    o.meta.creationTimestamp = "2021-01-01T00:00:00Z";
    o.spec.rules = {
        {"a.b", {path("/same", Type::exact, "y"), path("/same", Type::prefix, "y"), path("/", Type::prefix, "y")}}};
  });
  CHECK(routes(mesh) == Lines{"a.b: //long/er>x:80 =/same>y:80 //same>x:80 *>x:80"});
  CHECK(mesh.noted("Ingress/n/young rules[0].http.paths[1]", "Ingress/n/old rules[0].http.paths[1] takes",
                   Severity::warning));
  CHECK(mesh.noted("Ingress/n/young rules[0].http.paths[2]", "no request gets here", Severity::warning));
}

TEST_CASE("hosts: none, exact and wildcard; a default backend takes what is left of them") {
  Mesh mesh;
  for (const auto* name : {"x", "y", "home"}) mesh.service("n", name, {{"http", 80, ""}});
  ingress(mesh, "n", "i", [](auto& o) {
    o.spec.rules = {{"", {path("/all", Type::prefix)}},
                    {"a.b", {path("/a", Type::prefix, "y")}},
                    {"*.b", {path("/wild", Type::prefix)}},
                    {"empty.b", {}}};
    o.spec.defaultBackend = Spec::Backend{"home", 80, ""};
  });
  CHECK(routes(mesh) == Lines{"*: //all>x:80 *>home:80", "*.b: //wild>x:80 *>home:80", "a.b: //a>y:80 *>home:80",
                              "empty.b: *>home:80"});
}

TEST_CASE("backends by number and by name; what is missing answers 503 and is told") {
  Mesh mesh;
  mesh.service("n", "x", {{"http-web", 8080, ""}, {"grpc", 9090, ""}});
  ingress(mesh, "n", "i", [](auto& o) {
    o.spec.rules = {{"",
                     {{"/name", Type::exact, {"x", 0, "grpc"}},
                      {"/number", Type::exact, {"x", 8080, ""}},
                      {"/noname", Type::exact, {"x", 0, "web"}},
                      {"/noport", Type::exact, {"x", 1, ""}},
                      {"/nobody", Type::exact, {"z", 80, ""}},
                      {"/resource", Type::exact, {"", 0, ""}}}}};
  });
  CHECK(routes(mesh) == Lines{"*: =/resource>:missing =/number>x:8080 =/noname>x:missing =/noport>x:missing "
                              "=/nobody>z:missing =/name>x:9090"});
  CHECK(mesh.noted("Ingress/n/i", "no port named \"web\""));
  CHECK(mesh.noted("Ingress/n/i", "has no port 1"));
  CHECK(mesh.noted("Ingress/n/i", "there is no service n/z"));
}

TEST_CASE("rules with errors are left out; they do not take other hosts") {
  Mesh mesh;
  mesh.service("n", "x", {{"http", 80, ""}});
  ingress(mesh, "n", "i", [](auto& o) {
    o.spec.rules = {{"", {path("/bad-host", Type::prefix)}},
                    {"a.b", {path("/bad-path", Type::prefix), path("/good", Type::prefix)}}};
    o.problems = {errorAt("spec.rules[0].host"), errorAt("spec.rules[1].http.paths[0].pathType")};
  });
  CHECK(routes(mesh) == Lines{"a.b: //good>x:80"});
  CHECK(mesh.noted("Ingress/n/i", "cannot be read"));
}

TEST_CASE("VirtualServices and Ingress objects may share a host: the VirtualService's rules come first") {
  Mesh mesh;
  mesh.service("n", "x", {{"http", 80, ""}});
  mesh.service("n", "v", {{"http", 80, ""}});
  mesh.add<api::Gateway>("n", "g", [](auto& o) {
    o.spec.selector = kLabels;
    auto& server = o.spec.servers.emplace_back();
    server.port = 80;
    server.protocol = "HTTP";
    server.hosts = {"*"};
  });
  const auto virtualService = [&](bool catchAll) {
    mesh.add<api::VirtualService>("n", "vs", [&](auto& o) {
      o.spec.hosts = {"a.b"};
      o.spec.gateways = {"g"};
      auto& route = o.spec.http.emplace_back();
      route.match.emplace_back().uri = api::StringMatch{api::StringMatch::Type::exact, "/v"};
      route.route.push_back({{"v", "", 0}, 0, {}});
      if (catchAll) o.spec.http.emplace_back().route.push_back({{"v", "", 0}, 0, {}});
    });
  };
  ingress(mesh, "n", "i", [](auto& o) {
    o.spec.rules = {{"a.b", {path("/i", Type::prefix), path("/", Type::prefix)}}};
  });
  virtualService(false);
  CHECK(routes(mesh) == Lines{"a.b: =/v>v:80 //i>x:80 *>x:80"});
  virtualService(true);
  CHECK(routes(mesh) == Lines{"a.b: =/v>v:80 //i>x:80 *>v:80"});
  CHECK(mesh.noted("Ingress/n/i rules[0].http.paths[1]", "takes all requests", Severity::warning));
}
