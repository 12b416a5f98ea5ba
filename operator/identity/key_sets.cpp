#include "identity/key_sets.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace fairway::identity {

namespace {

constexpr std::size_t kMaxKeySet = 256U * 1024;
constexpr std::string_view kDiscovery = "/.well-known/openid-configuration";

}  // namespace

Result<std::string> readKeySet(const std::string& document) {
  if (document.size() > kMaxKeySet) return failure("the answer is longer than 256 KiB");
  const auto json = nlohmann::json::parse(document, nullptr, false);
  if (!json.is_object() || !json.contains("keys") || !json["keys"].is_array()) {
    return failure("the answer is no JSON web key set, expected {\"keys\": [...]}");
  }
  nlohmann::json keys = nlohmann::json::array();
  for (const auto& key : json["keys"]) {
    if (key.is_object() && key.contains("kty") && key["kty"].is_string()) keys.push_back(key);
  }
  if (keys.empty()) return failure("the key set holds no key");
  // Names sorted: an equal set is an equal text, which changes no proxy.
  return nlohmann::json{{"keys", std::move(keys)}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<std::string> readDiscovery(const std::string& document) {
  const auto json = nlohmann::json::parse(document, nullptr, false);
  if (!json.is_object() || !json.contains("jwks_uri") || !json["jwks_uri"].is_string()) {
    return failure("the OpenID discovery document has no jwks_uri");
  }
  return json["jwks_uri"].get<std::string>();
}

KeySets::KeySets(Options options) : options_(std::move(options)) {
  for (std::size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { run(); });
}

KeySets::~KeySets() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

void KeySets::want(const std::map<std::string, std::chrono::milliseconds>& urls) {
  std::vector<std::string> gone;
  {
    const std::lock_guard lock(mutex_);
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      const auto wanted = urls.find(entry->first);
      if (wanted != urls.end()) {
        entry->second.timeout = wanted->second;
        entry->second.gone = false;
        ++entry;
      } else if (entry->second.running) {
        entry->second.gone = true;
        ++entry;
      } else {
        gone.push_back(entry->first);
        entry = entries_.erase(entry);
      }
    }
    for (const auto& [url, timeout] : urls) {
      entries_.try_emplace(url, Entry{timeout, Clock::now(), std::chrono::milliseconds(0), false, false, false});
    }
    // Told under the lock: a result of the same URL, wanted anew, must not be overtaken.
    for (const auto& url : gone) options_.onGone(url);
  }
  wake_.notify_all();
}

bool KeySets::tried() const {
  const std::lock_guard lock(mutex_);
  return std::all_of(entries_.begin(), entries_.end(), [](const auto& entry) { return entry.second.tried; });
}

Result<std::string> KeySets::get(const std::string& url, std::chrono::milliseconds timeout) const {
  auto document = options_.fetch(url, timeout);
  if (document && url.ends_with(kDiscovery)) {
    const auto keys = readDiscovery(*document);
    if (!keys) return tl::unexpected(keys.error());
    document = options_.fetch(*keys, timeout);
    if (!document) return tl::unexpected(document.error().within(*keys));
  }
  if (!document) return document;
  return readKeySet(*document);
}

void KeySets::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    auto next = entries_.end();
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (!entry->second.running && (next == entries_.end() || entry->second.due < next->second.due)) next = entry;
    }
    if (next == entries_.end()) {
      wake_.wait(lock);
      continue;
    }
    // A copy: the entry may be gone while this waits, and wait_until() looks at the time again afterwards.
    if (const auto due = next->second.due; due > Clock::now()) {
      wake_.wait_until(lock, due);
      continue;
    }
    const auto url = next->first;
    const auto timeout = next->second.timeout;
    next->second.running = true;
    lock.unlock();
    const auto result = get(url, timeout);
    lock.lock();
    auto& entry = entries_.at(url);  // what runs is not erased
    entry.running = false;
    if (entry.gone) {
      entries_.erase(url);
      options_.onGone(url);
      continue;
    }
    entry.retry =
        result ? std::chrono::milliseconds(0) : std::clamp(entry.retry * 2, options_.firstRetry, options_.lastRetry);
    entry.due = Clock::now() + (result ? options_.refresh : entry.retry);
    options_.onResult(url, result);
    entry.tried = true;
    wake_.notify_all();
  }
}

}  // namespace fairway::identity
