#include "kube/kubeconfig.h"

#include <cstdlib>

#include <yaml-cpp/yaml.h>

#include "api/base64.h"
#include "base/strings.h"
#include "kube/read_file.h"

namespace fairway::kube {
namespace {

// A kubeconfig holds a few certificates; anything bigger is the wrong file.
constexpr std::size_t kMaxKubeconfigBytes = 4 << 20;

std::string scalar(const YAML::Node& map, const char* key) {
  if (!map || !map.IsMap()) return {};
  const YAML::Node value = map[key];
  return value && value.IsScalar() ? value.Scalar() : std::string{};
}

bool isTrue(const YAML::Node& map, const char* key) { return toLower(scalar(map, key)) == "true"; }

std::string absolutePath(const std::string& path, const std::filesystem::path& directory) {
  if (path.empty()) return {};
  const std::filesystem::path given(path);
  return (given.is_absolute() ? given : directory / given).lexically_normal().string();
}

std::string names(const YAML::Node& entries) {
  std::vector<std::string> found;
  for (const YAML::Node& entry : entries) {
    if (std::string name = scalar(entry, "name"); !name.empty()) found.push_back(std::move(name));
  }
  return found.empty() ? "none" : join(found, ", ");
}

// The entry called `name` of a list such as `contexts`, or what there is instead.
Result<YAML::Node> named(const YAML::Node& root, const char* list, const char* body, const std::string& name) {
  const YAML::Node entries = root[list];
  if (!entries || !entries.IsSequence()) return failure(std::string(list) + ": expected a list, found none");
  for (const YAML::Node& entry : entries) {
    if (scalar(entry, "name") != name) continue;
    const YAML::Node found = entry[body];
    if (found && found.IsMap()) return found;
    if (found && found.IsNull()) return YAML::Node(YAML::NodeType::Map);
    return failure(std::string(list) + "[" + name + "]." + body + ": expected a map, found none");
  }
  return failure(std::string(list) + ": there is no \"" + name + "\"; found: " + names(entries));
}

// One of `<key>` (a path) and `<key>-data` (base64 of PEM); kubectl prefers the data when both are set.
Result<void> readPemOrFile(const YAML::Node& map, const std::string& where, const std::string& key,
                           const std::filesystem::path& directory, std::string& pem, std::string& file) {
  const std::string data = scalar(map, (key + "-data").c_str());
  if (!data.empty()) {
    std::optional<std::string> decoded = api::decodeBase64(data);
    if (!decoded || decoded->find("-----BEGIN") == std::string::npos) {
      return failure(where + "." + key + "-data: expected base64 of a PEM file");
    }
    pem = std::move(*decoded);
    return {};
  }
  file = absolutePath(scalar(map, key.c_str()), directory);
  return {};
}

Result<void> readCluster(const YAML::Node& cluster, const std::string& where, const std::filesystem::path& directory,
                         ClusterAccess& access) {
  access.server = scalar(cluster, "server");
  while (access.server.ends_with('/')) access.server.pop_back();
  if (!access.server.starts_with("https://") && !access.server.starts_with("http://")) {
    return failure(where + ".server: found \"" + access.server + "\", expected a URL such as https://10.0.0.1:6443");
  }
  if (const std::string proxy = scalar(cluster, "proxy-url"); !proxy.empty()) {
    return failure(where + ".proxy-url: proxies are not supported; use an address that is reached directly");
  }
  access.tlsServerName = scalar(cluster, "tls-server-name");
  access.insecureSkipTlsVerify = isTrue(cluster, "insecure-skip-tls-verify");
  if (auto read = readPemOrFile(cluster, where, "certificate-authority", directory, access.caPem, access.caFile);
      !read) {
    return read;
  }
  if (access.insecureSkipTlsVerify && !(access.caPem.empty() && access.caFile.empty())) {
    return failure(where + ": insecure-skip-tls-verify and a certificate-authority exclude each other; remove one");
  }
  return {};
}

Result<void> readUser(const YAML::Node& user, const std::string& where, const std::filesystem::path& directory,
                      ClusterAccess& access) {
  for (const char* plugin : {"exec", "auth-provider"}) {
    if (user[plugin]) {
      return failure(where + "." + plugin + ": credential plug-ins are not supported; use a client certificate, a " +
                     "token or a tokenFile (for example from `kubectl create token`)");
    }
  }
  if (user["username"] || user["password"]) {
    return failure(where + ".username: Kubernetes has no passwords any more; use a client certificate or a token");
  }
  if (auto read =
          readPemOrFile(user, where, "client-certificate", directory, access.certificatePem, access.certificateFile);
      !read) {
    return read;
  }
  if (auto read = readPemOrFile(user, where, "client-key", directory, access.keyPem, access.keyFile); !read) {
    return read;
  }
  const bool certificate = !(access.certificatePem.empty() && access.certificateFile.empty());
  const bool key = !(access.keyPem.empty() && access.keyFile.empty());
  if (certificate != key) {
    return failure(where + ": client-certificate and client-key belong together; " +
                   (certificate ? "client-key" : "client-certificate") + " is missing");
  }
  // client-go takes tokenFile when both are set.
  access.tokenFile = absolutePath(scalar(user, "tokenFile"), directory);
  if (access.tokenFile.empty()) access.token = std::string(trim(scalar(user, "token")));
  return {};
}

Result<ClusterAccess> readAccess(const YAML::Node& root, const std::filesystem::path& directory,
                                 const std::string& origin, const std::string& wanted) {
  if (!root.IsMap()) return failure("expected a map with clusters, users and contexts");
  const std::string contextName = wanted.empty() ? scalar(root, "current-context") : wanted;
  if (contextName.empty()) {
    return failure("current-context is not set; contexts found: " + names(root["contexts"]));
  }
  const auto context = named(root, "contexts", "context", contextName);
  if (!context) return tl::unexpected(context.error());
  const std::string clusterName = scalar(*context, "cluster");
  const std::string userName = scalar(*context, "user");
  if (clusterName.empty()) return failure("contexts[" + contextName + "].context.cluster is not set");

  ClusterAccess access;
  access.origin = "context " + contextName + " of " + origin;
  const auto cluster = named(root, "clusters", "cluster", clusterName);
  if (!cluster) return tl::unexpected(cluster.error());
  if (auto read = readCluster(*cluster, "clusters[" + clusterName + "].cluster", directory, access); !read) {
    return tl::unexpected(read.error());
  }
  if (!userName.empty()) {
    const auto user = named(root, "users", "user", userName);
    if (!user) return tl::unexpected(user.error());
    if (auto read = readUser(*user, "users[" + userName + "].user", directory, access); !read) {
      return tl::unexpected(read.error());
    }
  }
  return access;
}

}  // namespace

Result<ClusterAccess> parseKubeconfig(std::string_view text, const std::filesystem::path& directory,
                                      const std::string& origin, const std::string& context) {
  try {
    auto access = readAccess(YAML::Load(std::string(text)), directory, origin, context);
    if (!access) return tl::unexpected(access.error().within("kubeconfig " + origin));
    return access;
  } catch (const YAML::Exception& error) {
    // Only the place and the parser's words: the text holds secrets.
    return failure("kubeconfig " + origin + ", line " + std::to_string(error.mark.line + 1) + ": " + error.msg);
  }
}

Result<ClusterAccess> loadKubeconfig(const std::filesystem::path& file, const std::string& context) {
  std::error_code ec;
  const std::filesystem::path path = std::filesystem::absolute(file, ec);
  if (ec) return failure("kubeconfig " + file.string() + ": " + ec.message());
  const auto text = readFile(path, kMaxKubeconfigBytes);
  if (!text) return failure("kubeconfig " + file.string() + ": " + text.error().message);
  return parseKubeconfig(*text, path.parent_path(), file.string(), context);
}

Environment processEnvironment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here calls setenv
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

Result<ClusterAccess> inClusterAccess(const Environment& environment) {
  const std::string host = environment("KUBERNETES_SERVICE_HOST").value_or("");
  const std::string port = environment("KUBERNETES_SERVICE_PORT").value_or("");
  if (host.empty() || port.empty()) {
    return failure(
        "not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; give --kubeconfig or --config");
  }
  const std::filesystem::path folder =
      environment("FAIRWAY_SERVICE_ACCOUNT_DIR").value_or("/var/run/secrets/kubernetes.io/serviceaccount");
  ClusterAccess access;
  // The HTTP library cannot dial an IPv6 literal; the API server's certificate carries its service name too.
  access.server = "https://" + (host.find(':') == std::string::npos ? host : "kubernetes.default.svc") + ":" + port;
  access.caFile = (folder / "ca.crt").string();
  access.tokenFile = (folder / "token").string();
  access.origin = "the pod's service account in " + folder.string();
  for (const std::string& file : {access.caFile, access.tokenFile}) {
    std::error_code ec;
    if (!std::filesystem::is_regular_file(file, ec)) {
      return failure(file + " is missing; is automountServiceAccountToken off for this pod?");
    }
  }
  return access;
}

}  // namespace fairway::kube
