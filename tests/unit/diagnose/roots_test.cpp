#include <catch2/catch.hpp>

#include "identity/issue.h"
#include "unit/diagnose/support.h"

namespace fairway::diagnose {

namespace {

using nlohmann::json;

std::string path(const std::string& ns) { return "/api/v1/namespaces/" + ns + "/configmaps/istio-ca-root-cert"; }

json roots(const std::string& pem) {
  json object = named("", "istio-ca-root-cert");
  object["data"]["root-cert.pem"] = pem;
  return object;
}

std::string rootCertificate(const Options& options) {
  const auto key = identity::PrivateKey::generate().value();
  return identity::issueRoot(key, "cluster.local", std::chrono::hours(24 * 365), options.now).value().toPem();
}

Findings run(FakeCluster& cluster, const Options& options) {
  Findings out;
  checkRoots(cluster, options, out);
  return out;
}

}  // namespace

TEST_CASE("roots must be published in every namespace, and equal") {
  const auto options = optionsAt();
  FakeCluster cluster;
  CHECK(codes(run(cluster, options)) == std::vector<std::string>{"FW0107"});

  const auto pem = rootCertificate(options);
  cluster.objects[path("istio-system")] = roots(pem);
  cluster.lists["/api/v1/namespaces"] = {named("", "istio-system"), named("", "onap"), named("", "gone"),
                                         named("", "kube-system")};
  cluster.lists["/api/v1/namespaces"][2]["status"]["phase"] = "Terminating";
  auto found = run(cluster, options);
  REQUIRE(codes(found) == std::vector<std::string>{"FW0107"});
  CHECK(found[0].object == "ConfigMap onap/istio-ca-root-cert");

  cluster.objects[path("onap")] = roots(pem);
  CHECK(run(cluster, options).empty());

  cluster.objects[path("onap")] = roots(rootCertificate(options));
  found = run(cluster, options);
  REQUIRE(codes(found) == std::vector<std::string>{"FW0107"});
  CHECK(found[0].message.find("differs") != std::string::npos);
}

TEST_CASE("a root near its end is a warning, past it an error, rubbish an error") {
  auto options = optionsAt();
  FakeCluster cluster;
  const auto pem = rootCertificate(options);
  const auto end = identity::Certificate::fromPem(pem).value().notAfter();
  cluster.objects[path("istio-system")] = roots(pem);
  options.now = end - std::chrono::hours(24 * 10 + 1);
  auto found = run(cluster, options);
  REQUIRE(codes(found) == std::vector<std::string>{"FW0106"});
  CHECK(found[0].severity == Severity::warning);
  CHECK(found[0].message == "a root certificate expires in 10 days");
  options.now = end + std::chrono::hours(1);
  CHECK(run(cluster, options).front().severity == Severity::error);
  cluster.objects[path("istio-system")] = roots("not a certificate");
  CHECK(codes(run(cluster, options)) == std::vector<std::string>{"FW0106"});
}

}  // namespace fairway::diagnose
