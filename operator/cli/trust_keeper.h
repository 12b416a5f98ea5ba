#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "control/root_config_maps.h"
#include "engine/engine.h"
#include "identity/authority.h"
#include "identity/certificate_service.h"
#include "identity/trust_bundle.h"

namespace fairway::cli {

// Keeps what proxies are told to trust up to date: of the CA and of the mesh's settings, into `<state>/trust.json`, the
// certificate service's answers and, by texts(), the ConfigMaps. Where the CA comes from a folder, it looks there for
// changes.
class TrustKeeper {
 public:
  struct Options {
    std::string stateDir;
    bool watchesFolder = false;  // of the authority; else a Secret is watched elsewhere
    api::NamespacedName meshConfig;
  };
  // References outlive it.
  TrustKeeper(Options options, identity::CertificateAuthority& authority, engine::Engine& engine,
              identity::CertificateService& certificates);

  // On the main thread, every moment.
  void tick(identity::Time now);
  // From any thread.
  [[nodiscard]] control::TrustTexts texts() const;

 private:
  // Of the files of a folder: path to what changes when one is replaced.
  using Stamps = std::map<std::string, std::vector<std::int64_t>>;
  struct MeshTrust {
    std::vector<std::string> aliases;
    std::vector<identity::ExtraRoots> extra;
    bool operator==(const MeshTrust&) const = default;
  };
  [[nodiscard]] std::string trustFile() const;
  void lookAtFolder(identity::Time now);
  void readSettings();
  void tell();

  const Options options_;
  identity::CertificateAuthority& authority_;
  engine::Engine& engine_;
  identity::CertificateService& certificates_;
  Stamps seen_, taken_;
  MeshTrust settings_;
  std::uint64_t batches_ = 0;
  identity::TrustPtr told_;  // and the settings that were told with it
  MeshTrust toldSettings_;
  std::string problem_;
  mutable std::mutex mutex_;
  control::TrustTexts texts_;  // guarded by mutex_
};

}  // namespace fairway::cli
