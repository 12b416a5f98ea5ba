#include "status/conditions.h"

#include <catch2/catch.hpp>

#include "api/proxy_config.h"
#include "unit/status/support.h"

namespace fairway::status::test {

namespace {

using Json = nlohmann::json;

Total total(std::size_t proxies, std::size_t live, std::size_t refusing = 0) {
  Total result;
  result.report.proxies = proxies;
  result.report.live = live;
  result.report.refusing = refusing;
  if (refusing != 0) result.report.refusal = "web refuses LDS x: no";
  return result;
}

// "Accepted=True Accepted: in use | Programmed=..."
std::string text(const Json& status) {
  std::string result;
  for (const auto& each : status.at("conditions")) {
    if (!result.empty()) result += " | ";
    result += each.at("type").get<std::string>() + "=" + each.at("status").get<std::string>() + " " +
              each.at("reason").get<std::string>() + ": " + each.at("message").get<std::string>();
  }
  return result;
}

}  // namespace

TEST_CASE("a ProxyConfig concerns pods to come, not proxies") {
  const auto object = named<api::ProxyConfig>("debug");
  CHECK(text(statusOf(*object, {}, total(0, 0), {}, "now")) ==
        "Accepted=True Accepted: in use | Programmed=True Programmed: it counts for pods that are made from now on");
}

TEST_CASE("conditions of an object") {
  auto object = named<api::VirtualService>("portal");
  const auto status = [&](const Total& of, const model::Notes& notes = {}) {
    return text(statusOf(*object, notes, of, {}, "now"));
  };
  CHECK(status(total(2, 2)) == "Accepted=True Accepted: in use | Programmed=True Programmed: live on 2 of 2 proxies");
  CHECK(status(total(1, 0)) == "Accepted=True Accepted: in use | Programmed=False Pending: live on 0 of 1 proxy");
  CHECK(status(total(0, 0)) ==
        "Accepted=True Accepted: in use | Programmed=True Programmed: no connected proxy needs it");
  CHECK(status(total(3, 2, 1)) ==
        "Accepted=True Accepted: in use | Programmed=False Refused: live on 2 of 3 proxies, refused by 1: web refuses "
        "LDS x: no");
  auto incomplete = total(2, 2);
  incomplete.complete = false;
  CHECK(status(incomplete).find("Programmed=False Pending") != std::string::npos);
  CHECK(status(total(1, 1), {{model::Note::Severity::warning, {}, "spec.hosts", "no such host"},
                             {model::Note::Severity::info, {}, "", "not told"}}) ==
        "Accepted=True Accepted: spec.hosts: no such host | Programmed=True Programmed: live on 1 of 1 proxy");
  object->problems = {{api::Problem::Severity::error, "spec.http[0]", "what is that"}};
  CHECK(status(total(1, 1)) ==
        "Accepted=False Invalid: spec.http[0]: what is that | Programmed=False NotAccepted: what it says is not in "
        "force; what stands in its place is live on 1 of 1 proxy");
  object->problems.assign(5, {api::Problem::Severity::error, "f", "m"});
  CHECK(status(total(1, 1)).find("f: m; f: m; f: m; and 2 more") != std::string::npos);
  object->problems.clear();
  auto quarantined = total(1, 1);
  quarantined.report.quarantine = "Envoy says no";
  CHECK(status(quarantined).starts_with("Accepted=False Refused: Envoy says no | Programmed=False NotAccepted"));
}

TEST_CASE("a condition keeps its time while its status does not change") {
  const auto object = named<api::VirtualService>("portal");
  object->meta.generation = 4;
  const auto first = statusOf(*object, {}, total(2, 1), {}, "t1");
  CHECK(first.at("observedGeneration") == 4);
  CHECK(first.at("conditions")[1].at("observedGeneration") == 4);
  const auto second = statusOf(*object, {}, total(2, 2), first, "t2");
  CHECK(second.at("conditions")[0].at("lastTransitionTime") == "t1");
  CHECK(second.at("conditions")[1].at("lastTransitionTime") == "t2");
  CHECK_FALSE(saysTheSame(second, first));
  SECTION("and what is done is not told anew for each proxy") {
    CHECK(saysTheSame(statusOf(*object, {}, total(3, 3), second, "t3"), second));
    CHECK_FALSE(saysTheSame(statusOf(*object, {}, total(3, 2), second, "t3"), second));
    object->meta.generation = 5;
    CHECK_FALSE(saysTheSame(statusOf(*object, {}, total(3, 3), second, "t3"), second));
  }
  SECTION("what is not done is") {
    CHECK(saysTheSame(statusOf(*object, {}, total(2, 1), first, "t3"), first));
    CHECK_FALSE(saysTheSame(statusOf(*object, {}, total(3, 1), first, "t3"), first));
  }
  CHECK_FALSE(saysTheSame(first, Json()));
  CHECK_FALSE(saysTheSame(first, Json{{"conditions", "none"}}));
}

}  // namespace fairway::status::test
