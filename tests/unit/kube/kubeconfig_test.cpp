#include "kube/kubeconfig.h"

#include <map>

#include "support.h"

using namespace fairway;
using namespace fairway::kube;
using namespace fairway::kube::test;

namespace {

// "-----BEGIN CERTIFICATE-----\n" in base64.
const std::string kPemBase64 = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==";

const std::string kConfig = R"(
apiVersion: v1
kind: Config
current-context: dev
contexts:
- name: dev
  context: {cluster: one, user: alice, namespace: x}
- name: prod
  context: {cluster: two, user: robot}
clusters:
- name: one
  cluster:
    server: https://10.0.0.1:6443/
    certificate-authority: pki/ca.crt
    tls-server-name: kubernetes
- name: two
  cluster:
    server: https://prod.example:443/prefix
    certificate-authority-data: )" +
                            kPemBase64 + R"(
users:
- name: alice
  user: {client-certificate: pki/alice.crt, client-key: /abs/alice.key}
- name: robot
  user: {token: " abc ", tokenFile: ../token}
)";

std::string messageOf(const std::string& text, const std::string& context = {}) {
  const auto access = parseKubeconfig(text, "/home/me/.kube", "the file", context);
  REQUIRE(!access);
  CHECK_THAT(access.error().message, Catch::StartsWith("kubeconfig the file"));
  return access.error().message;
}

// A config with one context whose cluster and user have these lines.
std::string configOf(const std::string& cluster, const std::string& user) {
  return "{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}], clusters: [{name: k, cluster: {" +
         cluster + "}}], users: [{name: u, user: {" + user + "}}]}";
}

}  // namespace

TEST_CASE("the current context, with paths relative to the file") {
  const auto access = parseKubeconfig(kConfig, "/home/me/.kube", "the file");
  REQUIRE(access);
  CHECK(access->server == "https://10.0.0.1:6443");
  CHECK(access->caFile == "/home/me/.kube/pki/ca.crt");
  CHECK(access->tlsServerName == "kubernetes");
  CHECK(access->certificateFile == "/home/me/.kube/pki/alice.crt");
  CHECK(access->keyFile == "/abs/alice.key");
  CHECK(access->token.empty());
  CHECK_FALSE(access->insecureSkipTlsVerify);
  CHECK(access->origin == "context dev of the file");
}

TEST_CASE("a named context; inline data goes before files, a token file before a token") {
  const auto access = parseKubeconfig(kConfig, "/home/me/.kube", "the file", "prod");
  REQUIRE(access);
  CHECK(access->server == "https://prod.example:443/prefix");
  CHECK(access->caPem == "-----BEGIN CERTIFICATE-----\n");
  CHECK(access->caFile.empty());
  CHECK(access->tokenFile == "/home/me/token");
  CHECK(access->token.empty());
}

TEST_CASE("what is wrong with a kubeconfig is said with its place") {
  CHECK_THAT(messageOf("a: [1, 2"), Catch::Contains("line "));
  CHECK_THAT(messageOf("just text"), Catch::Contains("expected a map"));
  CHECK_THAT(messageOf("{}"), Catch::Contains("current-context is not set"));
  CHECK_THAT(messageOf(kConfig, "stage"), Catch::Contains("there is no \"stage\"; found: dev, prod"));
  CHECK_THAT(messageOf(configOf("server: 10.0.0.1", "token: t")), Catch::Contains("clusters[k].cluster.server"));
  CHECK_THAT(messageOf(configOf("server: 'https://a', proxy-url: 'http://p'", "")), Catch::Contains("proxy-url"));
  CHECK_THAT(messageOf(configOf("server: 'https://a', certificate-authority-data: '%%'", "")),
             Catch::Contains("certificate-authority-data: expected base64"));
  CHECK_THAT(messageOf(configOf("server: 'https://a', certificate-authority: x, insecure-skip-tls-verify: true", "")),
             Catch::Contains("exclude each other"));
  CHECK_THAT(messageOf(configOf("server: 'https://a'", "exec: {command: aws}")), Catch::Contains("plug-ins"));
  CHECK_THAT(messageOf(configOf("server: 'https://a'", "username: a, password: b")), Catch::Contains("no passwords"));
  CHECK_THAT(messageOf(configOf("server: 'https://a'", "client-certificate: a")),
             Catch::Contains("client-key is missing"));
}

TEST_CASE("an error does not show the secrets of the file") {
  CHECK_THAT(messageOf("users: [{token: s3cret}\nx: ["), !Catch::Contains("s3cret"));
}

TEST_CASE("a kubeconfig file") {
  TempFolder folder;
  const auto file = folder.write("config", kConfig);
  const auto access = loadKubeconfig(file);
  REQUIRE(access);
  CHECK(access->caFile == (folder / "pki/ca.crt").string());
  const auto missing = loadKubeconfig(folder / "none");
  REQUIRE(!missing);
  CHECK_THAT(missing.error().message, Catch::Contains("none: No such file"));
}

TEST_CASE("the access of a pod") {
  TempFolder folder;
  std::map<std::string, std::string> variables{{"FAIRWAY_SERVICE_ACCOUNT_DIR", folder.path().string()}};
  const Environment environment = [&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  CHECK_THAT(inClusterAccess(environment).error().message, Catch::Contains("not in a pod"));
  variables["KUBERNETES_SERVICE_HOST"] = "10.96.0.1";
  variables["KUBERNETES_SERVICE_PORT"] = "443";
  folder.write("token", "t");
  CHECK_THAT(inClusterAccess(environment).error().message, Catch::Contains("ca.crt is missing"));
  folder.write("ca.crt", "c");
  const auto access = inClusterAccess(environment);
  REQUIRE(access);
  CHECK(access->server == "https://10.96.0.1:443");
  CHECK(access->tokenFile == (folder / "token").string());
  CHECK(access->caFile == (folder / "ca.crt").string());
  variables["KUBERNETES_SERVICE_HOST"] = "fd00::1";
  CHECK(inClusterAccess(environment)->server == "https://kubernetes.default.svc:443");
}
