#include "control/ca_secret.h"

#include <optional>
#include <utility>

#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

#include "api/base64.h"
#include "base/strings.h"
#include "identity/files.h"

namespace fairway::control {

using identity::Certificate;
using identity::CertificateAuthority;
using identity::PrivateKey;
using kube::ApiError;
using Json = nlohmann::json;

namespace {

constexpr const char* kCertificate = "ca-cert.pem";
constexpr const char* kKey = "ca-key.pem";
constexpr std::chrono::milliseconds kRetry{2'000};
const kube::Resource kSecrets{"", "v1", "secrets", "", ""};

struct Root {
  std::string certificate, key;  // PEM
};

std::string nameOf(const std::string& ns) { return "Secret " + ns + "/" + kCaSecret; }

std::string dataOf(const Json& secret, const char* key) {
  const Json::json_pointer at("/data");
  if (!secret.is_object() || !secret.contains(at) || !secret.at(at).is_object()) return {};
  const Json& value = secret.at(at).value(key, Json());
  return value.is_string() ? api::decodeBase64(value.get<std::string>()).value_or("") : std::string{};
}

// What is wrong with a root must be found before it takes the place of another one.
Result<Root> checked(Root root, identity::Time now) {
  if (root.certificate.empty() || root.key.empty()) {
    return failure(std::string("expected PEM texts in the keys ") + kCertificate + " and " + kKey);
  }
  const auto certificate = Certificate::fromPem(root.certificate);
  if (!certificate) return tl::unexpected(certificate.error().within(kCertificate));
  const auto key = PrivateKey::fromPem(root.key);
  if (!key) return tl::unexpected(key.error().within(kKey));
  if (!certificate->matches(*key)) return failure(std::string(kKey) + " is not the key of " + kCertificate);
  if (now >= certificate->notAfter()) return failure(std::string(kCertificate) + " has expired");
  return root;
}

bool unanswered(const ApiError& error) { return error.kind == ApiError::Kind::unreachable || error.status >= 500; }

// Retries while the API server cannot be reached; anything else is for the caller.
kube::ApiResult<std::string> insist(const CaSecretAccess& access, const kube::Call& call) {
  std::string told;
  for (;;) {
    auto answer = access.server.call(call, {});
    if (answer || !unanswered(answer.error())) return answer;
    if (told != answer.error().message) spdlog::warn("{}; trying again", answer.error().message);
    told = answer.error().message;
    if (!access.wait(kRetry)) return kube::apiFailure(ApiError::Kind::stopped, 0, "stopped while waiting");
  }
}

// Nothing if there is no Secret.
Result<std::optional<Root>> read(const CaSecretAccess& access, identity::Time now) {
  const auto body = insist(access, kube::getCall(kube::objectPath(kSecrets, access.ns, kCaSecret)));
  if (!body && body.error().kind == ApiError::Kind::not_found) return std::nullopt;
  if (!body) return failure(body.error().message);
  const Json secret = Json::parse(*body, nullptr, false);
  auto root = checked({dataOf(secret, kCertificate), dataOf(secret, kKey)}, now);
  if (!root) {
    return failure(nameOf(access.ns) + ": " + root.error().message +
                   "; it is not replaced, for proxies may still trust it: restore it, or delete it and restart every "
                   "replica to start with a new root");
  }
  return std::move(*root);
}

std::string secretJson(const std::string& ns, const Root& root) {
  return Json{{"apiVersion", "v1"},
              {"kind", "Secret"},
              {"type", "istio.io/ca-root"},
              {"metadata", {{"name", kCaSecret}, {"namespace", ns}}},
              {"data", {{kCertificate, api::encodeBase64(root.certificate)}, {kKey, api::encodeBase64(root.key)}}}}
      .dump();
}

Result<void> install(const identity::AuthorityOptions& options, const Root& root) {
  if (auto made = identity::makePrivateDirectory(identity::authorityDirectory(options.stateDir)); !made) return made;
  const auto write = [](const std::string& path, const std::string& text) -> Result<void> {
    const auto present = identity::readFile(path);
    if (present && *present == text) return {};
    return identity::writeFileAtomically(path, text, 0600);
  };
  if (auto done = write(identity::authorityKeyFile(options.stateDir), root.key); !done) return done;
  return write(identity::authorityCertificateFile(options.stateDir), root.certificate);
}

Result<std::unique_ptr<CertificateAuthority>> openWith(const CaSecretAccess& access, const Root& root,
                                                       const identity::AuthorityOptions& options, identity::Time now) {
  if (auto done = install(options, root); !done) return tl::unexpected(done.error());
  auto authority = CertificateAuthority::open(options, now);
  if (!authority) return tl::unexpected(authority.error().within(nameOf(access.ns)));
  return authority;
}

}  // namespace

Result<std::unique_ptr<CertificateAuthority>> openSharedAuthority(const CaSecretAccess& access,
                                                                  const identity::AuthorityOptions& options,
                                                                  identity::Time now) {
  if (access.ownRootSuffices && identity::fileExists(identity::authorityKeyFile(options.stateDir))) {
    const auto answer = access.server.get(kube::objectPath(kSecrets, access.ns, kCaSecret), {});
    if (!answer && unanswered(answer.error())) {
      spdlog::warn("{}; the root of the last start is used, from {}", answer.error().message,
                   identity::authorityDirectory(options.stateDir));
      return CertificateAuthority::open(options, now);
    }
  }
  auto found = read(access, now);
  if (!found) return tl::unexpected(found.error());
  if (*found) {
    spdlog::info("the root is that of {}", nameOf(access.ns));
    return openWith(access, **found, options, now);
  }
  auto own = CertificateAuthority::open(options, now);
  if (!own) return own;
  Root root;
  for (const auto& [path, text] : {std::pair{identity::authorityCertificateFile(options.stateDir), &root.certificate},
                                   {identity::authorityKeyFile(options.stateDir), &root.key}}) {
    auto content = identity::readPrivateFile(path);
    if (!content) return tl::unexpected(content.error());
    *text = std::move(*content);
  }
  const auto created =
      insist(access, kube::createCall(kube::objectPath(kSecrets, access.ns), secretJson(access.ns, root)));
  if (created) {
    spdlog::info("made {}: all replicas share its root", nameOf(access.ns));
    return own;
  }
  if (created.error().kind == ApiError::Kind::not_found) {
    return failure(created.error().message + ": create the namespace " + access.ns + ", or set --root-namespace");
  }
  if (created.error().kind != ApiError::Kind::exists) return failure(created.error().message);
  found = read(access, now);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return failure(nameOf(access.ns) + " came and went while this replica started: start again");
  spdlog::info("the root is that of {}, which another replica has just made", nameOf(access.ns));
  return openWith(access, **found, options, now);
}

CaSecretWatch::CaSecretWatch(kube::ApiServer& server, const std::string& ns, const std::string& rootsPem)
    : ns_(ns), rootsPem_(trim(rootsPem)), mirror_(server, [&] {
        kube::Mirror::Options options;
        options.resource = {"", "v1", "secrets", std::string("metadata.name=") + kCaSecret, "", ns};
        options.keep = [](const Json& secret) { return Json(trim(dataOf(secret, kCertificate))); };
        options.changed = [this] { look(); };
        return options;
      }()) {}

void CaSecretWatch::look() {
  const auto objects = mirror_.objects();
  const bool same = !objects.empty() && objects.begin()->second == Json(rootsPem_);
  if (same == current_.exchange(same)) return;
  if (same) {
    spdlog::info("{} holds the root in use again", nameOf(ns_));
  } else if (objects.empty()) {
    spdlog::error(
        "{} is gone: a replica that starts now would make another root, which the proxies of this one do not trust; "
        "restore it, or restart all replicas to start with a new root",
        nameOf(ns_));
  } else {
    spdlog::error("{} holds another root than the one in use: restart all replicas (kubectl -n {} rollout restart)",
                  nameOf(ns_), ns_);
  }
}

}  // namespace fairway::control
