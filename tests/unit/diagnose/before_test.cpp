#include <catch2/catch.hpp>

#include "unit/diagnose/support.h"

namespace fairway::diagnose {

namespace {

using nlohmann::json;

json versionOf(const std::string& minor) {
  return {{"major", "1"}, {"minor", minor}, {"gitVersion", "v1." + minor + ".0"}};
}

FakeCluster today() {
  FakeCluster cluster;
  cluster.objects["/version"] = versionOf("34");
  return cluster;
}

}  // namespace

TEST_CASE("a fresh cluster has no findings") {
  auto cluster = today();
  CHECK(checkBefore(cluster, optionsAt()).empty());
  CHECK(cluster.created.size() > 10);  // it did ask for the rights
}

TEST_CASE("an API server that does not answer is the only finding") {
  FakeCluster cluster;
  cluster.forbidden = {"/version"};
  CHECK(codes(checkBefore(cluster, optionsAt())) == std::vector<std::string>{"FW0001"});
  CHECK(codes(checkAfter(cluster, optionsAt())) == std::vector<std::string>{"FW0001"});
}

TEST_CASE("versions: too old is an error, without native sidecars a note, vendors' plus signs are read") {
  const auto found = [](const std::string& minor) {
    FakeCluster cluster;
    cluster.objects["/version"] = versionOf(minor);
    Findings out;
    checkVersion(cluster, optionsAt(), out);
    return out;
  };
  CHECK(found("34").empty());
  CHECK(found("29+").empty());
  REQUIRE(found("28").size() == 1);
  CHECK(found("28").front().severity == Severity::info);
  REQUIRE(found("23").size() == 1);
  CHECK(found("23").front().severity == Severity::error);
}

TEST_CASE("each right that an installer lacks is named") {
  auto cluster = today();
  cluster.denied = {"create clusterroles", "create secrets"};
  Findings out;
  checkInstaller(cluster, optionsAt(), out);
  REQUIRE(codes(out) == std::vector<std::string>{"FW0003", "FW0003"});
  CHECK(out[0].message.find("clusterroles.rbac.authorization.k8s.io") != std::string::npos);
  CHECK(out[1].message.find("secrets in namespace istio-system") != std::string::npos);
}

TEST_CASE("another mesh clashes in the same revision and is a note in another") {
  auto cluster = today();
  auto other = named("", "istio-sidecar-injector");
  other["metadata"]["labels"] = {{"app", "sidecar-injector"}, {"istio.io/rev", "default"}};
  auto& webhooks = cluster.lists["/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"];
  webhooks = {other};
  auto found = checkBefore(cluster, optionsAt());
  REQUIRE(codes(found) == std::vector<std::string>{"FW0004"});
  CHECK(found[0].severity == Severity::error);

  webhooks[0]["metadata"]["labels"]["istio.io/rev"] = "1-27";
  found = checkBefore(cluster, optionsAt());
  REQUIRE(codes(found) == std::vector<std::string>{"FW0004"});
  CHECK(found[0].severity == Severity::info);

  webhooks[0]["metadata"]["labels"]["app.kubernetes.io/name"] = "fairway";  // it is ours: an upgrade
  CHECK(checkBefore(cluster, optionsAt()).empty());
}

TEST_CASE("Pod Security that forbids istio-init is found in member namespaces only") {
  auto cluster = today();
  auto member = named("", "onap"), guest = named("", "other");
  member["metadata"]["labels"] = {{"istio-injection", "enabled"}, {"pod-security.kubernetes.io/enforce", "baseline"}};
  guest["metadata"]["labels"] = {{"pod-security.kubernetes.io/enforce", "restricted"}};
  cluster.lists["/api/v1/namespaces"] = {member, guest};
  const auto found = checkBefore(cluster, optionsAt());
  REQUIRE(codes(found) == std::vector<std::string>{"FW0006"});
  CHECK(found[0].object == "Namespace onap");
}

}  // namespace fairway::diagnose
