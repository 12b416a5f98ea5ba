#include "cli/inject_command.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "base/result.h"
#include "cli/app.h"
#include "inject/manifest.h"
#include "inject/settings.h"
#include "kube/read_file.h"

namespace fairway::cli {

namespace {

constexpr std::size_t kMaxBytes = 64 * 1024 * 1024;

struct InjectCommand {
  std::vector<std::string> files;
  std::string output, settingsFile;
  std::optional<std::string> revision, hub, tag, image, rootNamespace;
  std::string nativeSidecars;

  [[nodiscard]] Result<inject::Settings> settings() const {
    inject::LoadedSettings loaded;
    if (!settingsFile.empty()) {
      const auto text = kube::readFile(settingsFile, kMaxBytes);
      if (!text) return failure("--injection-config " + settingsFile + ": " + text.error().message);
      auto read = inject::loadSettings(*text);
      if (!read) return tl::unexpected(read.error().within("--injection-config " + settingsFile));
      loaded = std::move(*read);
    }
    for (const auto& warning : loaded.warnings) std::cerr << settingsFile << ": " << warning << "\n";
    auto& settings = loaded.settings;
    if (revision) settings.revision = revision->empty() ? "default" : *revision;
    if (hub) settings.hub = *hub;
    if (tag) settings.tag = *tag;
    if (image) settings.image = *image;
    if (rootNamespace) settings.rootNamespace = *rootNamespace;
    if (!nativeSidecars.empty()) {
      settings.nativeSidecars = nativeSidecars == "auto"   ? inject::NativeSidecars::automatic
                                : nativeSidecars == "true" ? inject::NativeSidecars::always
                                                           : inject::NativeSidecars::never;
    }
    return std::move(settings);
  }

  [[nodiscard]] int run() const {
    const auto injected = injectAll();
    if (!injected) {
      std::cerr << "fairway inject: " << injected.error().message << "\n";
      return exitFailure;
    }
    if (output.empty() || output == "-") {
      std::cout << *injected << std::flush;
      return std::cout ? exitOk : exitFailure;
    }
    if (const auto written = write(*injected); !written) {
      std::cerr << "fairway inject: " << written.error().message << "\n";
      return exitFailure;
    }
    return exitOk;
  }

 private:
  static Result<std::string> read(const std::string& file) {
    if (file == "-") {
      std::string text(std::istreambuf_iterator<char>(std::cin), {});
      if (std::cin.bad()) return failure("standard input cannot be read");
      return text;
    }
    auto text = kube::readFile(file, kMaxBytes);
    if (!text) return failure(file + ": " + text.error().message);
    return std::move(*text);
  }

  [[nodiscard]] Result<std::string> injectAll() const {
    const auto options = settings();
    if (!options) return tl::unexpected(options.error());
    std::string result;
    std::vector<std::pair<std::string, std::string>> manifests;  // name, text
    inject::ProxyConfigs proxyConfigs;                           // of all files, for the pods of all files
    for (const auto& file : files) {
      auto text = read(file);
      if (!text) return tl::unexpected(text.error());
      manifests.emplace_back(file == "-" ? "stdin" : file, std::move(*text));
      // What cannot be read is told where pods are looked for.
      auto found = inject::proxyConfigsIn(manifests.back().second).value_or(inject::ProxyConfigs());
      std::move(found.begin(), found.end(), std::back_inserter(proxyConfigs));
    }
    for (const auto& [name, text] : manifests) {
      // Without a cluster to ask, today's Kubernetes is meant.
      const auto injected = inject::injectManifest(name, text, *options, true, proxyConfigs);
      if (!injected) return tl::unexpected(injected.error());
      for (const auto& note : injected->notes) std::cerr << note << "\n";
      if (!result.empty()) {
        if (!result.ends_with('\n')) result += '\n';
        if (!injected->text.starts_with("---")) result += "---\n";
      }
      result += injected->text;
    }
    return result;
  }

  // Whole or not at all: nobody applies half a file.
  [[nodiscard]] Result<void> write(const std::string& text) const {
    const auto temporary = output + ".tmp";
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    std::error_code error;
    if (out) std::filesystem::rename(temporary, output, error);
    if (!out || error) {
      std::filesystem::remove(temporary, error);
      return failure(output + ": it cannot be written");
    }
    return {};
  }
};

}  // namespace

void addInject(CLI::App& app, int& exitCode) {
  auto* sub = app.add_subcommand("inject", "Put the sidecar into manifests, without a cluster");
  sub->group("Data plane");
  auto command = std::make_shared<InjectCommand>();
  auto& c = *command;
  sub->add_option("-f,--filename", c.files, "Manifest in YAML or JSON, - for standard input; may be repeated")
      ->type_name("FILE")
      ->required()
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  sub->add_option("-o,--output", c.output, "Where the result goes (default: standard output)")->type_name("FILE");
  sub->add_option("--injection-config", c.settingsFile,
                  "Injection settings: key config.yaml of ConfigMap istio-sidecar-injector (default: built in)")
      ->type_name("FILE");
  sub->add_option("--revision", c.revision, "Revision of the control plane")->type_name("NAME");
  sub->add_option("--hub", c.hub, "Registry of the proxy's image")->type_name("HUB");
  sub->add_option("--tag", c.tag, "Tag of the proxy's image")->type_name("TAG");
  sub->add_option("--image", c.image, "The proxy's image: a whole reference, or a name at hub and tag")
      ->type_name("IMAGE");
  sub->add_option("--root-namespace", c.rootNamespace, "Namespace of the control plane")->type_name("NAMESPACE");
  sub->add_option("--native-sidecars", c.nativeSidecars,
                  "Init container with restartPolicy Always, for Kubernetes 1.29 and later: auto (true), true, false")
      ->check(CLI::IsMember({"auto", "true", "false"}));
  sub->footer(
      "\nTakes Pod, Deployment, ReplicaSet, ReplicationController, StatefulSet, DaemonSet, Job, CronJob, PodTemplate,\n"
      "OpenShift's DeploymentConfig and Lists of them, several documents in a file; keeps what it does not know as it\n"
      "is. A pod with sidecar.istio.io/inject: \"false\", with hostNetwork or injected already stays as it is; notes "
      "go\n"
      "to standard error. ProxyConfigs among the files count for the pods in them.\n\n"
      "Examples:\n"
      "  fairway inject -f app.yaml | kubectl apply -f -\n"
      "  kubectl get deployment web -o yaml | fairway inject -f - -o web-injected.yaml\n"
      "  kubectl -n istio-system get configmap istio-sidecar-injector -o 'jsonpath={.data.config\\.yaml}' > "
      "settings.yaml\n"
      "  fairway inject -f app.yaml --injection-config settings.yaml --native-sidecars=false\n\n"
      "Exit codes: 0 success, 1 a file cannot be read or injected (nothing is written), 64 wrong usage.");
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}

}  // namespace fairway::cli
