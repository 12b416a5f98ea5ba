#include "agent/pod_info.h"

#include <catch2/catch.hpp>

using namespace fairway::agent;
using Map = std::map<std::string, std::string>;

TEST_CASE("labels from the downward API") {
  const auto labels =
      parseDownward("app=\"portal\"\nversion=\"v1\"\n\nnote=\"a \\\"b\\\" \\\\ c\"\nexample.com/x=\"\"\n");
  REQUIRE(labels);
  CHECK(*labels == Map{{"app", "portal"}, {"version", "v1"}, {"note", "a \"b\" \\ c"}, {"example.com/x", ""}});
  for (const auto* text : {"app", "app=portal", "app=\"portal", "=\"x\"", "a=\"x\"y\"", "a=\"x\\\"", "a=\"\\q\"",
                           "a=\"", "a=\"\\x4\"", "a=\"\\u00g0\"", "a=\"\\UFFFFFFFF\""}) {
    CAPTURE(text);
    CHECK_FALSE(parseDownward(text));
  }
}

TEST_CASE("annotations hold any text, as Go quotes it") {
  CHECK(parseDownward("a=\"{\\\"k\\\": 1}\\n\\tx\\x00\\u00a0\\U0001f600é\"").value().at("a") ==
        std::string("{\"k\": 1}\n\tx") + '\0' + "\xc2\xa0\xf0\x9f\x98\x80é");
}

TEST_CASE("annotations of the mesh") {
  CHECK(meshAnnotations({{"sidecar.istio.io/inject", "true"},
                         {"istio.io/rev", "canary"},
                         {"sidecar.istio.io/status", "{}"},
                         {"notistio.io/x", "y"},
                         {"kubectl.kubernetes.io/last-applied-configuration", "{}"},
                         {"proxy.istio.io/config", std::string(5000, 'x')}}) ==
        Map{{"sidecar.istio.io/inject", "true"}, {"istio.io/rev", "canary"}});
  Map many;
  for (int i = 0; i < 100; ++i) many["istio.io/" + std::to_string(i)] = "x";
  CHECK(meshAnnotations(many).size() == 64);
}

TEST_CASE("metadata from the environment") {
  CHECK(metadataFrom({"ISTIO_META_CLUSTER_ID=Kubernetes", "ISTIO_META_X=a=b", "ISTIO_META_EMPTY=", "ISTIO_META_=x",
                      "PATH=/bin", "ISTIO_META_NAME=other", "ISTIO_META_NAMESPACE=kube-system",
                      "ISTIO_META_SERVICE_ACCOUNT=admin", "ISTIO_META_INTERCEPTION_MODE=NONE", "ISTIO_META_BROKEN"})
            .value() == Map{{"CLUSTER_ID", "Kubernetes"}, {"X", "a=b"}});
  CHECK(metadataFrom({"ISTIO_META_BIG=" + std::string(5000, 'x')}).error().message.find("ISTIO_META_BIG: 5000") !=
        std::string::npos);
  std::vector<std::string> many;
  for (int i = 0; i < 65; ++i) many.push_back("ISTIO_META_K" + std::to_string(i) + "=x");
  CHECK_FALSE(metadataFrom(many));
}
