#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairway::kube {

// How to reach one API server and who to be there. Of each pair "pem" and "file" at most one is set; files are
// absolute, and are read again when they are used, so that rotated ones take effect.
struct ClusterAccess {
  std::string server;         // "https://10.0.0.1:6443" or with a path prefix, without a slash at the end
  std::string tlsServerName;  // the name to verify instead of the server's host; empty: the host
  bool insecureSkipTlsVerify = false;
  std::string caPem, caFile;  // none: the system's roots
  std::string certificatePem, certificateFile;
  std::string keyPem, keyFile;
  std::string token, tokenFile;
  std::string origin;  // for messages: "context kind-dev of /home/me/.kube/config"
};

// The access that a kubeconfig's context describes; its current-context when `context` is empty. Relative file
// paths are taken from `directory`. `origin` names the file in messages. Not supported, and said so: exec and
// auth-provider plug-ins, proxy-url, user name and password (gone from Kubernetes since 1.19).
Result<ClusterAccess> parseKubeconfig(std::string_view text, const std::filesystem::path& directory,
                                      const std::string& origin, const std::string& context = {});
Result<ClusterAccess> loadKubeconfig(const std::filesystem::path& file, const std::string& context = {});

// Reads an environment variable; nothing when it is not set.
using Environment = std::function<std::optional<std::string>(const char* name)>;
Environment processEnvironment();

// The access of a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT with the service account's token and CA.
// FAIRWAY_SERVICE_ACCOUNT_DIR moves the folder /var/run/secrets/kubernetes.io/serviceaccount elsewhere.
Result<ClusterAccess> inClusterAccess(const Environment& environment);

}  // namespace fairway::kube
