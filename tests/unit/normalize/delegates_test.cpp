#include <catch2/catch.hpp>

#include "fixtures.h"

using namespace fairway;
using namespace fairway::test;
using normalize::RoutesOf;

namespace {

using Match = api::HttpMatchRequest;
using Lines = std::vector<std::string>;
const std::string kHost = fqdn("x", "a");

api::HttpRoute to(const std::string& host, std::vector<Match> matches = {}) {
  api::HttpRoute route;
  route.match = std::move(matches);
  route.route.push_back({{host, "", 80}, 0, {}});
  return route;
}
api::HttpRoute delegating(const std::string& name, const std::string& ns, std::vector<Match> matches = {}) {
  api::HttpRoute route;
  route.match = std::move(matches);
  route.delegate = api::HttpRoute::Delegate{name, ns};
  return route;
}
Match prefix(const std::string& value) {
  Match match;
  match.uri = api::StringMatch{api::StringMatch::Type::prefix, value};
  return match;
}
Match exact(const std::string& value) {
  Match match;
  match.uri = api::StringMatch{api::StringMatch::Type::exact, value};
  return match;
}
Match header(const std::string& name, const std::string& value) {
  Match match;
  match.headers[name] = {api::StringMatch::Type::exact, value};
  return match;
}

void root(Mesh& mesh, std::vector<api::HttpRoute> http) {
  mesh.add<api::VirtualService>("a", "root", [&](auto& o) {
    o.spec.hosts = {"x"};
    o.spec.http = std::move(http);
  });
}
template <class Change>
void delegate(Mesh& mesh, const std::string& ns, const std::string& name, std::vector<api::HttpRoute> http,
              Change change) {
  mesh.add<api::VirtualService>(ns, name, [&](auto& o) {
    o.spec.http = std::move(http);
    change(o);
  });
}
void delegate(Mesh& mesh, const std::string& ns, const std::string& name, std::vector<api::HttpRoute> http) {
  delegate(mesh, ns, name, std::move(http), [](auto&) {});
}

Mesh withServices() {
  Mesh mesh;
  for (const auto* ns : {"a", "b"}) {
    for (const auto* name : {"x", "y", "z"}) mesh.service(ns, name, {{"http", 80, "8080"}});
  }
  return mesh;
}

std::string describe(const model::HttpMatch& match) {
  std::string text = match.uri ? match.uri->value : "";
  for (const auto& one : match.headers) text += "+" + one.name + "=" + one.matcher.value;
  return text;
}

// "object rule [matches] -> destination" of each route.
Lines outline(Mesh& mesh) {
  Lines lines;
  for (const auto& route : mesh.ask(RoutesOf{"a", kHost, 80}).http) {
    auto line = route.provenance.ns + "/" + route.provenance.name + " " + route.provenance.rule;
    for (const auto& match : route.matches) line += " " + describe(match);
    line += " ->";
    for (const auto& d : route.destinations) line += " " + d.destination.host.substr(0, 3);
    if (route.directResponse) line += " " + std::to_string(route.directResponse->status);
    lines.push_back(line);
  }
  return lines;
}

}  // namespace

TEST_CASE("a delegate's routes stand where it is named, with both matches, and its own names") {
  auto mesh = withServices();
  root(mesh, {delegating("d", "b", {prefix("/api")}), to("z")});
  delegate(mesh, "b", "d", {to("y", {prefix("/api/v1")}), to("z", {header("k", "v")}), to("x")});
  CHECK(outline(mesh) == Lines{"b/d http[0] /api/v1 -> y.b", "b/d http[1] /api+k=v -> z.b", "b/d http[2] /api -> x.b",
                               "a/root http[1] -> z.a"});
  // In its own namespace, when none is said.
  delegate(mesh, "a", "d", {to("y")});
  root(mesh, {delegating("d", "")});
  CHECK(outline(mesh) == Lines{"a/d http[0] -> y.a"});
}

TEST_CASE("what contradicts has no effect, what is several fits each") {
  auto mesh = withServices();
  root(mesh, {delegating("d", "b", {prefix("/one"), prefix("/two")})});
  delegate(mesh, "b", "d", {to("y", {prefix("/three")}), to("y", {exact("/two/x")}), to("z", {prefix("/")}), to("x")});
  CHECK(outline(mesh) == Lines{"b/d http[1] /two/x -> y.b", "b/d http[3] /one /two -> x.b"});
  CHECK(mesh.noted("VirtualService/b/d", "VirtualService/a/root http[0]", Severity::warning));
  root(mesh, {delegating("d", "b", {exact("/one")})});
  delegate(mesh, "b", "d", {to("y", {prefix("/one")}), to("z", {exact("/one")})});
  CHECK(outline(mesh) == Lines{"b/d http[1] /one -> z.b"});
}

TEST_CASE("what the delegate leaves out is the root's") {
  using namespace std::chrono_literals;
  auto mesh = withServices();
  auto outer = delegating("d", "b");
  outer.name = "outer";
  outer.timeout = 3s;
  outer.rewrite.emplace().uri = "/outer";
  outer.headers.request.set["k"] = "outer";
  outer.mirrors.push_back({{"z", "", 80}, {}});
  root(mesh, {outer});
  auto inner = to("y", {prefix("/i")});
  inner.name = "inner";
  inner.timeout = 1s;
  delegate(mesh, "b", "d", {inner, to("y")});
  const auto routes = mesh.ask(RoutesOf{"a", kHost, 80}).http;
  REQUIRE(routes.size() == 2);
  CHECK(routes[0].name == "outer-inner");
  CHECK(routes[0].timeout == 1s);
  CHECK(routes[1].timeout == 3s);
  CHECK(routes[1].name == "outer");
  CHECK(routes[1].rewritePath == "/outer");
  CHECK(routes[1].headers.requestSet.size() == 1);
  REQUIRE(routes[1].mirrors.size() == 1);
  CHECK(routes[1].mirrors[0].destination.host == fqdn("z", "a"));  // written in the root
}

TEST_CASE("a delegate that is missing, hidden or none answers 503 and leaves the rest alone") {
  auto mesh = withServices();
  root(mesh, {delegating("d", "b", {prefix("/api")}), to("z")});
  const Lines refused{"a/root http[0] /api -> 503", "a/root http[1] -> z.a"};
  CHECK(outline(mesh) == refused);
  CHECK(mesh.noted("VirtualService/a/root", "there is no VirtualService b/d"));
  delegate(mesh, "b", "d", {to("y")}, [](auto& o) { o.spec.exportTo = {"."}; });
  CHECK(outline(mesh) == refused);
  CHECK(mesh.noted("VirtualService/a/root", "not exported"));
  delegate(mesh, "b", "d", {to("y")}, [](auto& o) { o.spec.hosts = {"y"}; });
  CHECK(outline(mesh) == refused);
  CHECK(mesh.noted("VirtualService/a/root", "has hosts"));
  delegate(mesh, "b", "d", {to("y")}, [](auto& o) { o.spec.exportTo = {"a"}; });
  CHECK(outline(mesh) == Lines{"b/d http[0] /api -> y.b", "a/root http[1] -> z.a"});
}

TEST_CASE("a second level, and so each cycle, is a refusal") {
  auto mesh = withServices();
  root(mesh, {delegating("d", "b", {prefix("/api")}), to("z")});
  delegate(mesh, "b", "d", {delegating("d", "b", {prefix("/api/loop")}), to("y")},
           [](auto& o) { o.problems = {errorAt("spec.http[0]")}; });
  CHECK(outline(mesh) == Lines{"b/d http[0] /api/loop -> 500", "b/d http[1] /api -> y.b", "a/root http[1] -> z.a"});
}

TEST_CASE("rules of a delegate with errors are refusals within the root's match") {
  auto mesh = withServices();
  root(mesh, {delegating("d", "b", {prefix("/api")}), to("z")});
  delegate(mesh, "b", "d", {to("y", {prefix("/api/1")}), to("y")},
           [](auto& o) { o.problems = {errorAt("spec.http[0].match[0].uri")}; });
  CHECK(outline(mesh).front() == "b/d http[0] /api -> 500");
  delegate(mesh, "b", "d", {to("y", {prefix("/api/1")}), to("y")},
           [](auto& o) { o.problems = {errorAt("spec.http[0].route")}; });
  CHECK(outline(mesh).front() == "b/d http[0] /api/1 -> 500");
  delegate(mesh, "b", "d", {}, [](auto& o) { o.problems = {errorAt("spec.http")}; });
  CHECK(outline(mesh) == Lines{"b/d http /api -> 500", "a/root http[1] -> z.a"});
}

TEST_CASE("labels of the client count in a delegate, and statistics keep their names") {
  auto mesh = withServices();
  auto labelled = prefix("/api");
  labelled.sourceLabels = {{"app", "y"}};
  auto counted = prefix("/api");
  counted.statPrefix = "api";
  root(mesh, {delegating("d", "b", {counted})});
  delegate(mesh, "b", "d", {to("y", {labelled}), to("x")});
  CHECK(outline(mesh) == Lines{"b/d http[1] /api -> x.b"});
  model::Client y("a");
  y.labels = {{"app", "y"}};
  const auto routes = mesh.ask(RoutesOf{y, kHost, 80}).http;
  REQUIRE(routes.size() == 2);
  CHECK(routes[0].matches.at(0).statPrefix == "api");
}
