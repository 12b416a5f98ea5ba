#include "cli/webhook.h"

#include <sys/stat.h>

#include <chrono>

#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

#include "diagnose/kubernetes_version.h"
#include "inject/admission.h"
#include "inject/webhook.h"
#include "kube/read_file.h"

namespace fairway::cli {

using console::Response;
using inject::InjectionAnswer;

namespace {

constexpr std::size_t kMaxSettings = 4U << 20U;  // a ConfigMap has at most 1 MiB

spdlog::level::level_enum levelOf(InjectionAnswer::Result result) {
  switch (result) {
    case InjectionAnswer::Result::skipped: return spdlog::level::debug;
    case InjectionAnswer::Result::injected: break;
    case InjectionAnswer::Result::refused: return spdlog::level::warn;
  }
  return spdlog::level::info;
}

}  // namespace

Webhook::Webhook(WebhookOptions options) : options_(std::move(options)) {
  const std::lock_guard lock(mutex_);
  if (const auto read = refresh(); !read) spdlog::error("{}", read.error().message);
}

// The file is a link to a link where it comes from a ConfigMap: what it leads to has another inode with each change.
Result<void> Webhook::refresh() {
  if (options_.injectionConfig.empty()) {
    if (settings_) return {};
    inject::Settings defaults;
    defaults.revision = options_.revision.empty() ? "default" : options_.revision;
    if (!options_.rootNamespace.empty()) defaults.rootNamespace = options_.rootNamespace;
    settings_ = std::make_shared<const inject::Settings>(std::move(defaults));
    return {};
  }
  struct stat now {};
  Stamp stamp{};  // of a file that is not there
  if (::stat(options_.injectionConfig.c_str(), &now) == 0) {
    stamp = Stamp{now.st_dev, now.st_ino, now.st_size, now.st_mtim.tv_sec, now.st_mtim.tv_nsec};
  }
  if (stamp == stamp_) return {};
  stamp_ = stamp;
  const auto text = kube::readFile(options_.injectionConfig, kMaxSettings);
  auto loaded = text ? inject::loadSettings(*text) : failure(text.error().message);
  if (!loaded) {
    const auto error = loaded.error().within("--injection-config " + options_.injectionConfig);
    if (!settings_) problem_ = error.message;
    return tl::unexpected(settings_ ? Error{error.message + "; the settings before it stay in effect"} : error);
  }
  for (const auto& warning : loaded->warnings) spdlog::warn("{}: {}", options_.injectionConfig, warning);
  spdlog::info("injection settings read from {}", options_.injectionConfig);
  settings_ = std::make_shared<const inject::Settings>(std::move(loaded->settings));
  return {};
}

std::string Webhook::problem() {
  const std::lock_guard lock(mutex_);
  if (const auto read = refresh(); !read) spdlog::error("{}", read.error().message);
  return settings_ ? std::string() : problem_;
}

WebhookStats Webhook::stats() const {
  WebhookStats stats{injected_, skipped_, refused_, injectionTimes_.values(), {}, 0};
  const std::lock_guard lock(validatedMutex_);
  stats.validated = validated_;
  stats.unreadableReviews = unreadableReviews_;
  return stats;
}

Response Webhook::inject(const console::Request& request) {
  std::shared_ptr<const inject::Settings> settings;
  bool native = false;
  {
    const std::lock_guard lock(mutex_);
    if (const auto read = refresh(); !read) spdlog::error("{}", read.error().message);
    if (!settings_) return Response::text(500, "no pod can be injected: " + problem_ + "\n");
    if (!nativeSidecars_) {
      const auto known = options_.nativeSidecars();
      if (!known) return Response::text(500, "the API server's version is not known: " + known.error().message + "\n");
      nativeSidecars_ = *known;
    }
    settings = settings_;
    native = *nativeSidecars_;
  }
  if (options_.proxyDefaults && settings->statsdAddress.empty()) {
    if (auto defaults = options_.proxyDefaults(); !defaults.statsdUdpAddress.empty()) {
      auto copy = std::make_shared<inject::Settings>(*settings);
      copy->statsdAddress = std::move(defaults.statsdUdpAddress);
      settings = std::move(copy);
    }
  }
  const auto answer = inject::injectAdmission(request.body, *settings, native, {},
                                              options_.proxyConfigs ? options_.proxyConfigs() : inject::ProxyConfigs());
  if (!answer) return Response::text(400, answer.error().message + "\n");
  switch (answer->result) {
    case InjectionAnswer::Result::injected: ++injected_; break;
    case InjectionAnswer::Result::skipped: ++skipped_; break;
    case InjectionAnswer::Result::refused: ++refused_; break;
  }
  spdlog::log(levelOf(answer->result), "{}", answer->summary);
  return Response::json(answer->body);
}

Response Webhook::validate(const console::Request& request) {
  auto answer = inject::validateAdmission(request.body);
  const std::lock_guard lock(validatedMutex_);
  if (!answer) {
    ++unreadableReviews_;
    return Response::text(400, answer.error().message + "\n");
  }
  if (answer->kind != nullptr && !answer->dryRun) {
    auto& counts = validated_[{answer->kind->kind, answer->version}];
    ++(answer->allowed ? counts.passed : counts.failed);
  }
  return Response::json(std::move(answer->body));
}

// One `if` a path: the review's body goes to a pure function of `inject`, whose error is a 400.
Response Webhook::answer(const console::Request& request) {
  if (request.method == "POST" && request.path == "/inject") {
    const auto start = std::chrono::steady_clock::now();
    auto response = inject(request);
    if (response.status != 200) ++refused_;
    injectionTimes_.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    return response;
  }
  if (request.method == "POST" && request.path == "/validate") return validate(request);
  return Response::text(404, "POST an AdmissionReview to /inject or /validate\n");
}

Result<bool> runsNativeSidecars(std::string_view version) {
  const auto value = nlohmann::json::parse(version, nullptr, false);
  if (!value.is_object() || !value.contains("minor") || !value["minor"].is_string()) {
    return failure("its /version has no minor version");
  }
  const auto text = value["minor"].get<std::string>();
  const auto minor = diagnose::minorVersion(text);
  if (!minor) return failure("its minor version is \"" + text + "\", not a number");
  return value.value("major", "1") != "1" || *minor >= diagnose::kNativeSidecarsMinor;
}

}  // namespace fairway::cli
