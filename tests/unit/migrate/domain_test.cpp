#include "migrate/domain.h"

#include <catch2/catch.hpp>

#include "migrate/addresses.h"

using namespace fairway;
using namespace fairway::migrate;
using Type = model::StringMatcher::Type;

namespace {

Predicate question(Type type, std::string text, bool ignoreCase = false) {
  Predicate predicate;
  predicate.op = Predicate::Op::matches;
  predicate.text = {type, std::move(text), ignoreCase};
  return predicate;
}

std::size_t classesOf(Domain domain, const std::vector<Predicate>& atoms) {
  Attributes attributes;
  Variable variable;
  variable.domain = domain;
  variable.name = "it";
  const auto id = attributes.variable(variable);
  for (const auto& atom : atoms) attributes.ask(id, atom);
  attributes.close();
  return attributes.at(id).classes.size();
}

}  // namespace

TEST_CASE("each kind of text that matchers tell apart has an example") {
  // none; /a...; /ab...; /ab; ...x; /a...x; /ab...x
  CHECK(classesOf(Domain::path, {question(Type::prefix, "/a"), question(Type::prefix, "/ab"),
                                 question(Type::exact, "/ab"), question(Type::suffix, "x")}) == 7);
  CHECK(classesOf(Domain::text, {question(Type::exact, "GET"), question(Type::exact, "POST")}) == 3);
}

TEST_CASE("hosts are divided without regard to case, with and without a port") {
  // other; h; h:port
  CHECK(classesOf(Domain::host,
                  {question(Type::exact, "a.example.com", true), question(Type::prefix, "a.example.com:", true)}) == 3);
}

TEST_CASE("identities are divided by their parts") {
  Predicate ns;
  ns.op = Predicate::Op::in_namespace;
  ns.text = {Type::exact, "onap", false};
  // other; onap; onap/vid; the account in another namespace
  CHECK(classesOf(Domain::principal,
                  {ns, question(Type::exact, "cluster.local/ns/onap/sa/vid"), question(Type::suffix, "/sa/vid")}) == 5);
}

TEST_CASE("addresses are divided at the edges of ranges, in both families") {
  CHECK(inRange("10.1.2.3", "10.0.0.0/8"));
  CHECK_FALSE(inRange("11.0.0.0", "10.0.0.0/8"));
  CHECK(inRange("10.1.2.3", "0.0.0.0/0"));
  CHECK_FALSE(inRange("::1", "0.0.0.0/0"));
  CHECK(inRange("2001:db8:ffff::1", "2001:db8::/32"));
  CHECK_FALSE(inRange("nonsense", "10.0.0.0/8"));
  const auto edges = edgeAddresses({"10.0.0.0/30"});
  for (const auto* wanted : {"9.255.255.255", "10.0.0.0", "10.0.0.3", "10.0.0.4"}) {
    CHECK(std::find(edges.begin(), edges.end(), wanted) != edges.end());
  }
  // Nothing lies beyond all addresses.
  CHECK(edgeAddresses({"0.0.0.0/0"}).size() == 4);
}

TEST_CASE("claims are texts, lists, or absent") {
  auto inList = question(Type::exact, "a");
  inList.op = Predicate::Op::has_match;
  // absent or other; the text; a list with it
  CHECK(classesOf(Domain::claim, {question(Type::exact, "a"), inList}) == 3);
}

TEST_CASE("a regular expression has a sample where one is found, and is assumed to be anything") {
  CHECK(sampleOf("/api/v[0-9]+/(users|groups)\\.json") == "/api/v0/users.json");
  CHECK(matches({Type::regex, "/api/.*", false}, sampleOf("/api/.*")));
  Attributes attributes;
  Variable variable;
  variable.domain = Domain::path;
  variable.name = "path";
  const auto id = attributes.variable(variable);
  attributes.ask(id, question(Type::regex, "/api/.*"));
  attributes.ask(id, question(Type::prefix, "/api/"));
  attributes.close();
  std::size_t real = 0;
  for (const auto& each : attributes.at(id).classes) real += each.real ? 1 : 0;
  CHECK(real == 2);                              // inside and outside
  CHECK(attributes.at(id).classes.size() == 4);  // nobody knows that the two are the same
}
