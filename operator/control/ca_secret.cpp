#include "control/ca_secret.h"

#include <filesystem>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/base64.h"
#include "base/strings.h"
#include "control/log.h"
#include "identity/files.h"

namespace fairway::control {

using identity::CaFiles;
using identity::CertificateAuthority;
using kube::ApiError;
using Json = nlohmann::json;

namespace {

constexpr std::chrono::milliseconds kRetry{2'000};
const kube::Resource kSecrets{"", "v1", "secrets", "", ""};

std::string nameOf(const std::string& ns, const std::string& name) { return "Secret " + ns + "/" + name; }

bool unanswered(const ApiError& error) { return error.kind == ApiError::Kind::unreachable || error.status >= 500; }

// Retries while the API server cannot be reached; anything else is for the caller.
kube::ApiResult<std::string> insist(const CaSecretAccess& access, const kube::Call& call) {
  std::string told;
  for (;;) {
    auto answer = access.server.call(call, {});
    if (answer || !unanswered(answer.error())) return answer;
    if (told != answer.error().message) log().warn("{}; trying again", answer.error().message);
    told = answer.error().message;
    if (!access.wait(kRetry)) return kube::apiFailure(ApiError::Kind::stopped, 0, "stopped while waiting");
  }
}

struct Found {
  std::string name;  // of the Secret
  CaFiles files;
};

// What is wrong with a CA must be found before it takes the place of another one. Nothing if there is no Secret.
Result<std::optional<Found>> read(const CaSecretAccess& access, const std::string& trustDomain, identity::Time now) {
  for (const auto* name : {kPluginCaSecret, kCaSecret}) {
    const auto body = insist(access, kube::getCall(kube::objectPath(kSecrets, access.ns, name)));
    if (!body && body.error().kind == ApiError::Kind::not_found) continue;
    if (!body) return failure(body.error().message);
    auto files = caFilesOf(Json::parse(*body, nullptr, false));
    if (const auto material = identity::parseCaFiles(files, trustDomain, now); !material) {
      return failure(nameOf(access.ns, name) + ": " + material.error().message +
                     "; it is not replaced, for proxies may still trust it: restore it, or delete it and restart every "
                     "replica to start with a new root");
    }
    return Found{name, std::move(files)};
  }
  return std::nullopt;
}

Result<std::unique_ptr<CertificateAuthority>> openWith(const CaSecretAccess& access, const Found& found,
                                                       const identity::AuthorityOptions& options, identity::Time now) {
  if (auto done = keepCaFiles(options.stateDir, found.files); !done) return tl::unexpected(done.error());
  auto authority = CertificateAuthority::open(options, now);
  if (!authority) return tl::unexpected(authority.error().within(nameOf(access.ns, found.name)));
  return authority;
}

}  // namespace

CaFiles caFilesOf(const Json& secret) {
  CaFiles files;
  const Json::json_pointer at("/data");
  if (!secret.is_object() || !secret.contains(at) || !secret.at(at).is_object()) return files;
  for (const auto& name : identity::caFileNames()) {
    const auto value = secret.at(at).find(name);
    if (value == secret.at(at).end() || !value->is_string()) continue;
    auto text = api::decodeBase64(value->get<std::string>()).value_or("");
    if (!text.empty()) files[name] = std::move(text);
  }
  return files;
}

std::string caSecretJson(const std::string& ns, const std::string& name, const CaFiles& files) {
  Json data = Json::object();
  for (const auto& [file, text] : files) data[file] = api::encodeBase64(text);
  return Json{{"apiVersion", "v1"},
              {"kind", "Secret"},
              {"type", "istio.io/ca-root"},
              {"metadata", {{"name", name}, {"namespace", ns}}},
              {"data", data}}
      .dump();
}

Result<void> keepCaFiles(const std::string& stateDir, const CaFiles& files) {
  const auto folder = identity::authorityDirectory(stateDir);
  if (auto made = identity::makePrivateDirectory(folder); !made) return made;
  for (const auto& name : identity::caFileNames()) {
    const auto path = folder + "/" + name;
    const auto file = files.find(name);
    if (file == files.end()) {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
      continue;
    }
    const auto present = identity::readFile(path);
    if (present && *present == file->second) continue;
    if (auto written = identity::writeFileAtomically(path, file->second, 0600); !written) return written;
  }
  return {};
}

Result<std::unique_ptr<CertificateAuthority>> openSharedAuthority(const CaSecretAccess& access,
                                                                  const identity::AuthorityOptions& options,
                                                                  identity::Time now) {
  if (access.ownRootSuffices && identity::readCaFolder(identity::authorityDirectory(options.stateDir), true)) {
    const auto answer = access.server.get(kube::objectPath(kSecrets, access.ns, kCaSecret), {});
    if (!answer && unanswered(answer.error())) {
      log().warn("{}; the root of the last start is used, from {}", answer.error().message,
                 identity::authorityDirectory(options.stateDir));
      return CertificateAuthority::open(options, now);
    }
  }
  auto found = read(access, options.trustDomain, now);
  if (!found) return tl::unexpected(found.error());
  if (*found) {
    log().info("the CA is that of {}", nameOf(access.ns, (*found)->name));
    return openWith(access, **found, options, now);
  }
  auto own = CertificateAuthority::open(options, now);
  if (!own) return own;
  const auto files = identity::readCaFolder(identity::authorityDirectory(options.stateDir), true);
  if (!files) return tl::unexpected(files.error());
  const auto created = insist(
      access, kube::createCall(kube::objectPath(kSecrets, access.ns), caSecretJson(access.ns, kCaSecret, *files)));
  if (created) {
    log().info("made {}: all replicas share its root", nameOf(access.ns, kCaSecret));
    return own;
  }
  if (created.error().kind == ApiError::Kind::not_found) {
    return failure(created.error().message + ": create the namespace " + access.ns + ", or set --root-namespace");
  }
  if (created.error().kind != ApiError::Kind::exists) return failure(created.error().message);
  found = read(access, options.trustDomain, now);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return failure(nameOf(access.ns, kCaSecret) + " came and went while this replica started: start again");
  log().info("the root is that of {}, which another replica has just made", nameOf(access.ns, (*found)->name));
  // Nothing was signed with the one that this replica made.
  std::error_code ignored;
  std::filesystem::remove(identity::authorityDirectory(options.stateDir) + "/authority.json", ignored);
  std::filesystem::remove(identity::authorityRootsFile(options.stateDir), ignored);
  return openWith(access, **found, options, now);
}

CaSecretWatch::CaSecretWatch(kube::ApiServer& server, const std::string& ns, Offer offer)
    : ns_(ns), offer_(std::move(offer)), plugin_(server, mirror(kPluginCaSecret)), own_(server, mirror(kCaSecret)) {}

kube::Mirror::Options CaSecretWatch::mirror(const char* name) {
  kube::Mirror::Options options;
  options.resource = {"", "v1", "secrets", std::string("metadata.name=") + name, "", ns_};
  options.keep = [](const Json& secret) { return Json(caFilesOf(secret)); };
  options.changed = [this] { look(); };
  return options;
}

void CaSecretWatch::start() {
  plugin_.start();
  own_.start();
}

void CaSecretWatch::look() {
  if (!plugin_.synced() || !own_.synced()) return;
  const std::lock_guard guard(mutex_);
  const auto plugin = plugin_.objects(), own = own_.objects();
  const std::string name = plugin.empty() ? kCaSecret : kPluginCaSecret;
  // Who deletes a plug-in CA does not mean that the next best one is to sign.
  if ((plugin.empty() && own.empty()) || (source_ == kPluginCaSecret && plugin.empty())) {
    if (current_.exchange(false)) {
      log().error(
          "{} is gone: the CA in use stays, but a replica that starts now would have another one, which the proxies of "
          "this "
          "one do not trust; restore it, or restart all replicas to start with a new root",
          nameOf(ns_, source_.empty() ? name : source_));
    }
    return;
  }
  auto files = (plugin.empty() ? own : plugin).begin()->second.get<CaFiles>();
  if (current_ && name == source_ && files == files_) return;
  source_ = name;
  files_ = std::move(files);
  const auto taken = offer_(files_);
  const bool before = current_.exchange(taken.has_value());
  if (!taken) {
    log().error("{}: {}; the CA in use stays: put it right", nameOf(ns_, name), taken.error().message);
  } else if (!before) {
    log().info("{} is in order again", nameOf(ns_, name));
  }
}

}  // namespace fairway::control
