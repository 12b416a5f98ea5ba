#include "base/workload_labels.h"

#include <random>

#include <catch2/catch.hpp>

using namespace fairway;

TEST_CASE("what a pod's labels say about its workload") {
  const auto plain = workloadLabels("reviews-v1", {}, "east");
  CHECK(plain == WorkloadLabels{"reviews-v1", "", "", "reviews-v1", "latest", "east"});
  CHECK(workloadLabels("w", {{"app", "a"}, {"version", "v1"}}, "") == WorkloadLabels{"w", "a", "v1", "a", "v1", ""});
  CHECK(workloadLabels(
            "w",
            {{"app", "a"}, {"app.kubernetes.io/name", "b"}, {"version", "v1"}, {"app.kubernetes.io/version", "v2"}},
            "") == WorkloadLabels{"w", "a", "v1", "b", "v2", ""});
  CHECK(workloadLabels("w",
                       {{"app.kubernetes.io/name", "b"},
                        {"service.istio.io/canonical-name", "c"},
                        {"app.kubernetes.io/version", "v2"},
                        {"service.istio.io/canonical-revision", "v3"}},
                       "") == WorkloadLabels{"w", "", "", "c", "v3", ""});
  CHECK(workloadLabels("w", {{"app", ""}, {"version", ""}}, "").canonicalService == "w");
}

TEST_CASE("the text is short and reads back") {
  CHECK(workloadText({"reviews-v1", "reviews", "v1", "reviews", "v1", ""}) == "reviews-v1/reviews/v1");
  CHECK(workloadText({"w", "", "", "w", "latest", ""}) == "w");
  CHECK(workloadText({"w", "", "", "c", "latest", "east"}) == "w///c//east");
  CHECK(workloadText({}).empty());
  for (const auto& labels :
       {WorkloadLabels{"reviews-v1", "reviews", "v1", "reviews", "v1", "Kubernetes"},
        WorkloadLabels{"w", "", "", "w", "latest", ""}, WorkloadLabels{"w", "a", "", "c", "latest", ""},
        WorkloadLabels{"w", "", "v1", "w", "r", "east.a_b"}, WorkloadLabels{"w", "a", "v1", "w", "latest", ""}}) {
    CAPTURE(workloadText(labels));
    CHECK(parseWorkloadText(workloadText(labels)) == labels);
    CHECK(workloadOfSubject("description=" + workloadDescription(labels)) == labels);
  }
}

TEST_CASE("names as long as Kubernetes has them, and what is none") {
  const std::string longest(253, 'a'), label(63, 'b');
  const WorkloadLabels labels{longest, label, label, longest, longest, longest};
  CHECK(workloadText(labels).size() <= 1524);
  CHECK(parseWorkloadText(workloadText(labels)) == labels);
  CHECK(workloadText({longest + "a", "app", "", "", "", ""}) == "/app");
  // What could end a part, or an attribute of a certificate's subject, never stands in the text.
  for (const auto* odd : {"a/b", "a,b", "a+CN=b", "a\\b", "a\nb", "a b", "a\"b", "ä", "#a", "a;b", "a=b"}) {
    CAPTURE(odd);
    CHECK(workloadText({odd, "app", "", "app", "latest", ""}) == "/app");
    CHECK_FALSE(parseWorkloadText(std::string(odd) + "/,"));
  }
}

TEST_CASE("subjects that say nothing about a workload") {
  for (const auto* subject :
       {"", "CN=workload/a", "O=cluster.local,CN=a", "description=other", "description=workload",
        "CN=x,description=workload/a", "description=workload/a,CN=b", "description=workload/a+CN=b",
        "description=workload/a/b/c/d/e/f/g", "description=workload/a\\,b", "DESCRIPTION=workload/a"}) {
    CAPTURE(subject);
    CHECK_FALSE(workloadOfSubject(subject));
  }
  CHECK(workloadOfSubject("description=workload/")->workload.empty());
  CHECK_FALSE(parseWorkloadText(std::string(10'000, 'a')));
}

TEST_CASE("random texts are read or refused, and never grow") {
  std::mt19937 random(7);
  const std::string letters = "a/b.-_\\,=\"\n\xC3\xA4 ";
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto left = random() % 40; left > 0; --left) text += letters[random() % letters.size()];
    const auto labels = parseWorkloadText(text);
    if (!labels) continue;
    CHECK(parseWorkloadText(workloadText(*labels)) == labels);
  }
}
