#include "cli/ca_command.h"

#include <chrono>
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "api/base64.h"
#include "api/duration.h"
#include "cli/app.h"
#include "cli/cluster.h"
#include "cli/version.h"
#include "control/ca_secret.h"
#include "identity/authority.h"
#include "identity/files.h"
#include "kube/client.h"

namespace fairway::cli {

using identity::CaFiles;
using nlohmann::json;

namespace {

const kube::Resource kSecrets{"", "v1", "secrets", "", ""};
constexpr const char* kRoots = "root-cert.pem";

// Where the files of the CA are.
class Place {
 public:
  virtual ~Place() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  virtual Result<CaFiles> read() = 0;
  // Only if nobody else has written since.
  virtual Result<void> write(const CaFiles& files) = 0;
};

class Folder final : public Place {
 public:
  explicit Folder(const std::string& stateDir) : folder_(identity::authorityDirectory(stateDir)) {}
  [[nodiscard]] std::string name() const override { return folder_; }
  Result<CaFiles> read() override { return identity::readCaFolder(folder_, true); }
  // The roots first: a reader in between sees the old CA with more to trust, or a pair that does not fit, which it leaves
  // alone.
  Result<void> write(const CaFiles& files) override {
    const auto lock = identity::FileLock::acquire(folder_ + "/lock");
    if (!lock) return tl::unexpected(lock.error());
    for (const auto* part : {kRoots, "ca-key.pem", "ca-cert.pem"}) {
      const auto file = files.find(part);
      if (file == files.end()) continue;
      if (auto done = identity::writeFileAtomically(folder_ + "/" + part, file->second, 0600); !done) return done;
    }
    return {};
  }

 private:
  const std::string folder_;
};

class Secret final : public Place {
 public:
  Secret(std::unique_ptr<kube::ApiServer> server, std::string ns) : server_(std::move(server)), ns_(std::move(ns)) {}
  [[nodiscard]] std::string name() const override { return "Secret " + ns_ + "/" + control::kCaSecret; }

  Result<CaFiles> read() override {
    if (const auto plugin = server_->get(path(control::kPluginCaSecret), {}); plugin) {
      return failure(
          "Secret " + ns_ + "/" + control::kPluginCaSecret +
          ": the CA is one that was made elsewhere: rotate it there, and put its new files into that Secret");
    }
    const auto body = server_->get(path(control::kCaSecret), {});
    if (!body) return failure(body.error().message);
    const auto secret = json::parse(*body, nullptr, false);
    if (!secret.is_object()) return failure(name() + ": the answer is no JSON object");
    version_ = secret.value(json::json_pointer("/metadata/resourceVersion"), std::string());
    return control::caFilesOf(secret);
  }

  Result<void> write(const CaFiles& files) override {
    json data = json::object();
    for (const auto& [file, text] : files) data[file] = api::encodeBase64(text);
    const json patch{{"metadata", {{"resourceVersion", version_}}}, {"data", data}};
    const auto done =
        server_->call(kube::patchCall(path(control::kCaSecret), kube::PatchType::merge, patch.dump()), {});
    return done ? Result<void>{} : failure(done.error().message);
  }

 private:
  [[nodiscard]] std::string path(const char* secret) const { return kube::objectPath(kSecrets, ns_, secret); }
  std::unique_ptr<kube::ApiServer> server_;
  const std::string ns_;
  std::string version_;
};

struct CaCommand {
  std::string stateDir, kubeconfig, rootNamespace = "istio-system", trustDomain = "cluster.local", validity = "87600h";

  static int fail(const std::string& message, int code) {
    std::cerr << message << "\n";
    return code;
  }

  [[nodiscard]] Result<std::unique_ptr<Place>> place() const {
    if (!stateDir.empty()) return std::make_unique<Folder>(stateDir);
    auto access = openAccess(kubeconfig);
    if (!access) return tl::unexpected(access.error());
    kube::ClientOptions client;
    client.userAgent = "fairway/" + versionText();
    auto server = kube::makeClient(*access, client);
    if (!server) return tl::unexpected(server.error());
    return std::make_unique<Secret>(std::move(*server), rootNamespace);
  }

  [[nodiscard]] int rotate() const {
    const auto duration = api::parseDuration(validity);
    if (!duration || *duration < std::chrono::hours(24)) {
      return fail("--validity: found " + validity + ", expected at least 24h, as in 87600h", exitUsage);
    }
    return change(
        [&](const CaFiles& before, identity::Time now) {
          return identity::makeRoot(trustDomain, std::chrono::duration_cast<std::chrono::seconds>(*duration), before,
                                    now);
        },
        "a new root, trusted at once; it signs when all proxies had the time to hear of it (--ca-rotation-delay). The "
        "former "
        "root stays trusted until `fairway ca prune`");
  }

  [[nodiscard]] int prune() const {
    return change(
        [&](const CaFiles& before, identity::Time now) -> Result<CaFiles> {
          auto material = identity::parseCaFiles(before, trustDomain, now);
          if (!material) return tl::unexpected(material.error());
          return CaFiles{{kRoots, material->issuer.certificate.toPem()}};
        },
        "former roots are named no more: proxies trust only the one that signs. (Just after a rotation the control "
        "plane keeps "
        "them for --ca-overlap.)");
  }

  template <class Make>
  [[nodiscard]] int change(const Make& make, const std::string& outcome) const {
    auto where = place();
    if (!where) return fail(where.error().message, exitFailure);
    const auto before = (*where)->read();
    if (!before) return fail(before.error().message, exitFailure);
    const auto files = make(*before, std::chrono::system_clock::now());
    if (!files) return fail((*where)->name() + ": " + files.error().message, exitFailure);
    // What is not usable must never be written.
    CaFiles after = *before;
    for (const auto& [name, text] : *files) after[name] = text;
    if (const auto usable = identity::parseCaFiles(after, trustDomain, std::chrono::system_clock::now()); !usable) {
      return fail((*where)->name() + ": " + usable.error().message, exitFailure);
    }
    if (const auto written = (*where)->write(*files); !written) {
      return fail((*where)->name() + ": " + written.error().message, exitFailure);
    }
    std::cout << (*where)->name() << ": " << outcome << "\n";
    return exitOk;
  }
};

CLI::App* addAction(CLI::App& parent, const std::string& name, const std::string& help,
                    const std::shared_ptr<CaCommand>& command) {
  auto* sub = parent.add_subcommand(name, help);
  auto& c = *command;
  auto* folder = sub->add_option("--state-dir", c.stateDir, "State folder of a control plane without cluster");
  sub->add_option("--kubeconfig", c.kubeconfig, "Default: KUBECONFIG, ~/.kube/config, or the pod's service account")
      ->excludes(folder);
  sub->add_option("--root-namespace", c.rootNamespace, "Namespace of the Secret")->capture_default_str();
  sub->add_option("--trust-domain", c.trustDomain, "Trust domain of the mesh")->capture_default_str();
  return sub;
}

}  // namespace

void addCa(CLI::App& app, int& exitCode) {
  auto* sub = app.add_subcommand("ca", "Rotate the mesh's own root certificate");
  sub->group("Cluster");
  sub->require_subcommand(1);
  auto command = std::make_shared<CaCommand>();
  auto* rotate = addAction(*sub, "rotate", "Make a new root, beside which the present one stays trusted", command);
  rotate->add_option("--validity", command->validity, "Of the new root")->capture_default_str();
  rotate->callback([command, &exitCode] { exitCode = command->rotate(); });
  auto* prune =
      addAction(*sub, "prune", "Stop naming former roots, when all their certificates have been renewed", command);
  prune->callback([command, &exitCode] { exitCode = command->prune(); });
  sub->footer(
      "\nA running control plane takes the change up by itself. A CA that was made elsewhere (the Secret cacerts, "
      "--ca-dir) is\n"
      "rotated where it comes from.\n\n"
      "Examples:\n"
      "  fairway ca rotate                          in a cluster: the Secret istio-system/istio-ca-secret\n"
      "  fairway ca rotate --state-dir ./state      without one\n"
      "  fairway ca prune                           a day later, when all certificates are new");
}

}  // namespace fairway::cli
