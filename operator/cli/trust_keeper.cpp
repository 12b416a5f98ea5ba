#include "cli/trust_keeper.h"

#include <sys/stat.h>

#include <utility>

#include <spdlog/spdlog.h>

#include "api/mesh_config.h"
#include "identity/files.h"

namespace fairway::cli {

namespace {

constexpr std::size_t kMaxBytes = 8U << 20U;

}  // namespace

TrustKeeper::TrustKeeper(Options options, identity::CertificateAuthority& authority, engine::Engine& engine,
                         identity::CertificateService& certificates)
    : options_(std::move(options)), authority_(authority), engine_(engine), certificates_(certificates) {
  texts_.roots = authority_.rootsBundle();
  // What the last process told holds until this one knows more.
  const auto text = identity::readFile(trustFile(), kMaxBytes);
  const auto bundle = text ? identity::TrustBundle::fromJson(*text) : tl::unexpected(text.error());
  if (!bundle || bundle->roots != texts_.roots || bundle->isPlain()) return;
  certificates_.setTrust(*text);
  texts_.bundle = *text;
}

std::string TrustKeeper::trustFile() const { return options_.stateDir + "/trust.json"; }

control::TrustTexts TrustKeeper::texts() const {
  const std::lock_guard guard(mutex_);
  return texts_;
}

void TrustKeeper::tick(identity::Time now) {
  if (options_.watchesFolder) lookAtFolder(now);
  if (const auto done = authority_.tick(now); !done) spdlog::error("certificate authority: {}", done.error().message);
  readSettings();
  tell();
}

// A folder is read when it has been the same for two looks: several files are not replaced in one step.
void TrustKeeper::lookAtFolder(identity::Time now) {
  const auto folder = authority_.caDirectory();
  Stamps stamps;
  for (const auto& name : identity::caFileNames()) {
    struct stat info {};
    if (::stat((folder + "/" + name).c_str(), &info) != 0) continue;
    stamps[name] = {static_cast<std::int64_t>(info.st_dev), static_cast<std::int64_t>(info.st_ino),
                    static_cast<std::int64_t>(info.st_size), info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
  }
  const bool settled = stamps == std::exchange(seen_, stamps);
  if (!settled || stamps == taken_) return;
  taken_ = std::move(stamps);
  const auto files = identity::readCaFolder(folder, authority_.ownsCa());
  const auto offered = files ? authority_.offer(*files, now) : tl::unexpected(files.error());
  if (!offered) {
    spdlog::error("{}: {}; the CA in use stays: put it right", folder, offered.error().message);
  }
}

void TrustKeeper::readSettings() {
  if (!engine_.ready() || std::exchange(batches_, engine_.batches()) == engine_.batches()) return;
  MeshTrust settings;
  engine_.inspect([&](const engine::Core& core) {
    const auto* object = core.store().get(api::Kind::config_map, options_.meshConfig.ns, options_.meshConfig.name);
    if (object == nullptr) return;
    const auto& mesh = static_cast<const api::ConfigMap*>(object)->spec.mesh;
    if (!mesh) return;
    settings.aliases = mesh->trustDomainAliases;
    for (const auto& one : mesh->caCertificates) settings.extra.push_back({one.pem, one.trustDomains});
  });
  settings_ = std::move(settings);
}

void TrustKeeper::tell() {
  if (!engine_.ready()) return;  // the settings are not known yet: what was told before stays
  auto trust = authority_.trust();
  if (trust == told_ && settings_ == toldSettings_) return;
  std::string problem;
  const auto bundle =
      identity::makeTrustBundle(*trust, authority_.trustDomain(), settings_.aliases, settings_.extra, problem);
  if (problem != std::exchange(problem_, problem) && !problem.empty()) spdlog::error("trust: {}", problem);
  const auto text = bundle.toJson();
  const auto present = identity::readFile(trustFile(), kMaxBytes);
  if (!present || *present != text) {
    if (const auto written = identity::writeFileAtomically(trustFile(), text, 0644); !written) {
      spdlog::error("trust: {}", written.error().message);
      return;  // again at the next look
    }
  }
  certificates_.setTrust(bundle.isPlain() ? std::string() : text);
  told_ = std::move(trust);
  toldSettings_ = settings_;
  const std::lock_guard guard(mutex_);
  texts_ = {bundle.roots, bundle.isPlain() ? std::string() : text};
}

}  // namespace fairway::cli
